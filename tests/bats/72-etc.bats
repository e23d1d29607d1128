#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2153,SC2154 # of bats, of launchers.bash
# The files of etc/, as they stand there but for paths, ports and the user; and
# the default ports, in a network of the test's own.

load lib
load launchers

ETC=$BB_SRC/etc

# ours FILE: with our tools, stores, user and ports in place of those that an
# installation has.
ours() {
	[ -n "${Q:-}" ] || {
		Q=$(any_port)
		R=$(any_port)
	}
	sed -e '/^#/d' -e "s|/usr/local/bin/|$S/|" -e "s|\<3101\>|$P|" \
	    -e "s|\<3102\>|$Q|" -e "s|\<3200\>|$R|" \
	    -e "s|\(user *= \)bb$|\1$BBUSER|" -e "s|  bb  |  $BBUSER  |" "$1"
}

# For wait_until: a stage that sits there by itself has a control socket.
answers() { # SOCKET
	bbsession stage stats "unix:$1" >/dev/null 2>&1
}

# --- inetd ------------------------------------------------------------------------

# What it starts has our environment: BB_DATA is where the stores are.
inetd_example() { # NAME COMMAND...
	export BB_DATA=$T/data
	chmod 644 inetd.conf
	grep -c stream inetd.conf
	launch "$@"
	wait_until 10 listens "$R"
	VIA=(--via "127.0.0.1:$P")
}

@test "etc/inetd.conf.example: openbsd-inetd" {
	need openbsd-inetd
	ours "$ETC/inetd.conf.example" >inetd.conf
	inetd_example openbsd openbsd-inetd -i "$T/inetd.conf"
	flow true
}

@test "etc/inetd.conf.example: inetutils-inetd" {
	need inetutils-inetd
	ours "$ETC/inetd.conf.example" | sed 's/\.60000/ /' >inetd.conf
	inetd_example inetutils inetutils-inetd -d -p "$T/inetd.pid" \
		"$T/inetd.conf"
	flow true
}

# --- xinetd -----------------------------------------------------------------------

@test "etc/xinetd.d/bb" {
	need xinetd
	{
		printf 'defaults\n{\n\tlog_type = FILE %s\n}\n' "$T/log/xinetd"
		ours "$ETC/xinetd.d/bb"
	} >xinetd.conf
	chmod 644 xinetd.conf
	export BB_DATA=$T/data
	launch xinetd xinetd -dontfork -f "$T/xinetd.conf" \
		-pidfile "$T/xinetd.pid"
	wait_until 10 listens "$R"
	flow true
}

@test "a session outlives the service that hands its socket back" {
	local session

	need xinetd
	{
		printf 'defaults\n{\n\tlog_type = FILE %s\n}\n' "$T/log/xinetd"
		ours "$ETC/xinetd.d/bb" |
		    sed "s|\(server *= .*bbcollab\)$|\1\n\tserver_args = --idle-exit 1s|"
	} >xinetd.conf
	chmod 644 xinetd.conf
	export BB_DATA=$T/data
	launch xinetd xinetd -dontfork -f "$T/xinetd.conf" \
		-pidfile "$T/xinetd.pid"
	wait_until 10 listens "$R"
	VIA=(--via "127.0.0.1:$P")
	device login bob.pw login 2100000b
	session=$(jq -r .session login.out)
	wait_until 10 no_stages
	device send alice.pw send 2100000a bob 'see you at nine'
	# Without a password, so it can be nothing but that session.
	"${AS[@]}" "$S/bbdevice" resume --pin 2100000b --json "${VIA[@]}" \
		>resumed
	cat resumed
	assert_json resumed ".session == \"$session\""
}

# --- systemd ------------------------------------------------------------------------

# The units with our paths, in units/.
units() {
	local file

	mkdir units
	for file in "$ETC"/systemd/*; do
		sed -e "s|/usr/local/bin/|$S/|" -e "s|/run/bb/|$T/run/|" \
		    -e "s|/run/bb-\([a-z]*\)/|$T/run/\1.|" "$file" \
		    >"units/${file##*/}"
	done
}

@test "etc/systemd: the units are well-formed" {
	need systemd-analyze
	units
	run systemd-analyze verify --man=no units/*
	assert_status 0
	assert_eq "$output" ''
}

@test "etc/systemd: the services are confined" {
	local unit

	need systemd-analyze
	units
	for unit in router dispatch collab; do
		run systemd-analyze security --offline=yes --threshold=20 \
			"units/bb-$unit.service"
		assert_status 0
	done
}

# unit NAME: its service behind its socket, as systemd would start it.  The
# environment is the units': $BB_DATA stands for StateDirectory.
unit() {
	local address words

	address=$(sed -n 's/^ListenStream=//p' "units/bb-$1.socket")
	[ "$1" != router ] || address=127.0.0.1:$P
	read -ra words < <(sed -n 's/^ExecStart=//p' "units/bb-$1.service")
	as systemd-socket-activate -E "BB_DATA=$T/data" -l "$address" \
		"${words[@]}" 2>"log/$1.err"
	wait_until 10 grep -q Listening "log/$1.err"
}

@test "etc/systemd: the services behind their sockets" {
	need systemd-socket-activate
	units
	mkdir run
	own
	unit collab
	unit dispatch
	unit router
	VIA=(--via "127.0.0.1:$P")
	flow true
	for name in router dispatch collab; do
		answers "$T/run/$name.control"
	done
}

@test "etc/systemd: a service says to systemd when it is ready, and when it ends" {
	local name words

	units
	mkdir run
	own
	# The part that a manager would do: a socket to be told at.
	for name in collab dispatch router; do
		read -ra words < <(sed -n 's/^ExecStart=//p' \
			"units/bb-$name.service")
		run --separate-stderr "${AS[@]}" env BB_DATA="$T/data" \
			"$BB_SRC/tests/sim/notify.py" "$T/run/notify" \
			"${words[@]}" --listen "unix:$T/run/$name"
		assert_status 0
		assert_eq "$output" $'READY=1\nSTOPPING=1\nended with 0'
	done
}

@test "etc/sysusers.d: the user of the services" {
	local name

	need systemd-sysusers
	for name in dispatch collab; do
		grep -qx 'User=bb' "$ETC/systemd/bb-$name.service"
	done
	mkdir -p root/etc
	systemd-sysusers --root="$T/root" "$ETC/sysusers.d/bb.conf"
	grep '^bb:' root/etc/passwd | grep ':/var/lib/bb:'
}

# --- default ports ------------------------------------------------------------------

@test "without a port it is 3101 and 3200, in a network of its own" {
	unshare -n true 2>/dev/null || skip 'a network of its own needs root'
	own
	# shellcheck disable=SC2016 # of the inner shell
	run unshare -n bash -c '
	set -e
	trap "kill \$(jobs -p)" EXIT
	ip link set lo up
	S=$1
	shift
	"$@" "$S/bbcollab" --data data --listen localhost &
	"$@" "$S/bbdispatch" --data data --listen "unix:$PWD/d" \
		--to localhost &
	"$@" "$S/bbrouter" --listen "*" --to "unix:$PWD/d" &
	"$@" "$S/bbdevice" login --pin 2100000a --password-file alice.pw \
		--retry 20s
	ss -Hltn | awk "{ print \$4 }" | sort
	' bash "$S" "${AS[@]}" 3>&-
	assert_status 0
	assert_has "$output" 'logged in at local as alice'
	assert_has "$output" '*:3101'
	assert_has "$output" '127.0.0.1:3200'
}
