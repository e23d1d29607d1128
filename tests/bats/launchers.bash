# launchers.bash - stages under super-servers, and one flow that has to come out
# the same under each: `load lib`, then `load launchers`.
#
# Nothing runs as root: where the tests do, launchers, stages and devices run
# as nobody.  The launchers are those of tools/launchers; a test whose launcher
# is not there skips.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of bats, of lib, for the suites

LAUNCHERS=$(cd "$BB_SRC" && tools/launchers -n)
AS=() # what a command is run with
BBUSER=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
	AS=(setpriv --reuid=65534 --regid=65534 --clear-groups --)
	BBUSER=nobody
fi

# Where the user that we run as can get at the tools, and only they: by the
# path their processes are known, whatever session they are in.
setup_file() {
	S=$(mktemp -d /tmp/bb-stages.XXXXXX)
	export S
	chmod 711 "$S"
	cp "$BB_BIN"/bb[a-z]* "$S"
	chmod 755 "$S"/*
}

teardown_file() {
	rm -rf "$S"
}

setup() {
	bb_setup
	PATH=$S:$LAUNCHERS/bin:$PATH:/usr/sbin:/sbin
	world
	mkdir log
	chmod 711 "$T"
	own
	VIA=() DEVICE=live
	STAGE=()
	P=$(any_port)
}

teardown() {
	stages_end
	bb_teardown
}

# The world of lib.bash and more; made once for a file, like that.
world() {
	local made=$BATS_FILE_TMPDIR/more

	if [ -d "$made" ]; then
		export BB_TMP=$T BB_DATA=$T/data BB_PROFILES=$T/phones
		cp -a "$made/." "$T"
		return
	fi
	bb_world
	more_world
	cp -a "$T" "$made.new" && mv "$made.new" "$made"
}

# A third user, a device of which the gateway knows nothing, a wrong password.
more_world() {
	bb_user dave
	bb_device 2100000d dave
	(umask 077 && echo wrong >wrong.pw)
	bbdevice profile add --pin 2100000c --user alice \
		--key-file 2100000a.key >/dev/null
}

# What is there belongs to the user that we run as.
own() {
	[ "$(id -u)" -ne 0 ] || chown -R 65534:65534 "$T"
}

need() { # LAUNCHER
	command -v "$1" >/dev/null ||
		skip "no $1 here: 'make deps' gets it where it can"
}

# --- processes ----------------------------------------------------------------

# Stages of ours, in whatever session: they name $S or $T in their words.
stages() {
	ps -eo pid=,stat=,comm=,args= | awk -v s="$S/" -v t="$T/" '
	$2 !~ /^Z/ && $3 ~ /^bb(router|dispatch|collab|device)$/ &&
	    (index($0, s) || index($0, t)) { print $1 }'
}

no_stages() {
	[ -z "$(stages)" ]
}

# Stages of a connection end with it.
nothing_stays() {
	if ! wait_until 10 no_stages; then
		ps -o pid,args -p "$(stages | paste -sd ,)" >&2
		return 1
	fi
}

# Stages under a super-server are nobody's child of ours.
stages_end() {
	local pid

	for pid in "${BB_PIDS[@]}" $(stages); do
		kill -KILL "$pid" 2>/dev/null || :
	done
	wait_until 5 no_stages
}

# as COMMAND...: in the background, not as root; $bb_pid.
as() {
	bb_spawn "${AS[@]}" "$@"
}

# A port that nobody has just now.  In bash and ss: a Python takes ten times as
# long to start.
any_port() {
	local port

	while :; do
		port=$((20000 + RANDOM % 12000))
		listens "$port" || break
	done
	echo "$port"
}

# --- launchers ------------------------------------------------------------------

listens() { # PORT
	ss -Hltn "sport = :$1" | grep -q .
}

# launch NAME COMMAND...: a launcher, until it listens at $P.  A probe would
# start a service: the socket is looked for instead.
launch() {
	local name=$1

	shift
	as "$@" >"log/$name.out" 2>"log/$name.err"
	LAUNCHER=$bb_pid
	wait_until 10 launched "$P" "$LAUNCHER"
	if ! listens "$P"; then
		echo "$name does not listen:" >&2
		cat "log/$name.out" "log/$name.err" >&2
		return 1
	fi
}

launched() { # PORT PID
	listens "$1" || gone "$2"
}

# openbsd-inetd WAIT WORDS...: at $P.
openbsd() {
	local wait=$1

	shift
	echo "127.0.0.1:$P stream tcp4 $wait.60000 $BBUSER $*" >inetd.conf
	chmod 644 inetd.conf
	launch openbsd openbsd-inetd -i "$T/inetd.conf"
}

inetutils() { # WAIT WORDS...
	local wait=$1

	shift
	echo "127.0.0.1:$P stream tcp4 $wait $BBUSER $*" >inetd.conf
	chmod 644 inetd.conf
	launch inetutils inetutils-inetd -d -p "$T/inetd.pid" "$T/inetd.conf"
}

# xinetd yes|no WORDS...
xinetd_() {
	local wait=$1 server=$2

	shift 2
	cat >xinetd.conf <<-EOF
		defaults
		{
			log_type = FILE $T/log/xinetd
			cps = 10000 1
			instances = UNLIMITED
		}
		service bb
		{
			type = UNLISTED
			socket_type = stream
			protocol = tcp
			bind = 127.0.0.1
			port = $P
			wait = $wait
			user = $BBUSER
			server = $server
			server_args = $*
		}
	EOF
	chmod 644 xinetd.conf
	launch xinetd xinetd -dontfork -f "$T/xinetd.conf" \
		-pidfile "$T/xinetd.pid"
}

# --- stages ---------------------------------------------------------------------
#
# With full paths, and no setting from the environment: launchers drop it.

# The whole gateway as a chain; WORDS are the router's.
chain() {
	STAGE=("$S/bbrouter" "$@" -- "$S/bbdispatch" --data "$T/data"
		-- "$S/bbcollab" --data "$T/data")
}

# A router before a dispatcher and a service that stay.
router() {
	as "$S/bbcollab" --data "$T/data" --listen "unix:$T/c" \
		2>log/collab.err
	wait_until 10 test -S c
	dispatcher "unix:$T/c"
	STAGE=("$S/bbrouter" "$@" --to "unix:$T/d")
}

dispatcher() { # ADDR of the service
	as "$S/bbdispatch" --data "$T/data" --listen "unix:$T/d" --to "$1" \
		--control "unix:$T/control" 2>log/dispatch.err
	wait_until 10 service_up
}

service_up() {
	bbsession --json stage stats "unix:$T/control" 2>/dev/null |
	    jq -e '.services[0].up' >/dev/null
}

# A service; behind dispatcher and router, which are started when it listens.
collab() {
	STAGE=("$S/bbcollab" --data "$T/data" "$@")
}

in_front() {
	local q

	q=$(any_port)
	dispatcher "$P"
	as "$S/bbrouter" --listen "127.0.0.1:$q" --to "unix:$T/d" \
		2>log/router.err
	wait_until 10 listens "$q"
	VIA=(--via "127.0.0.1:$q")
}

# --- the flow -------------------------------------------------------------------

# device NAME PASSWORDFILE VERB PIN WORDS...: what it says is in NAME.out, and
# its exit status in NAME.status.
device() {
	local name=$1 password=$2 verb=$3 pin=$4 rc=0 words

	shift 4
	words=("$verb" --pin "$pin" --password-file "$T/$password" "$@")
	case $DEVICE in
	live)
		timeout 30 "${AS[@]}" "$S/bbdevice" "${words[@]}" --json \
			"${VIA[@]}" >"$name.out" 2>"$name.err" || rc=$?
		;;
	*)
		# shellcheck disable=SC2016 # of the inner shell
		timeout 30 "${AS[@]}" "$DEVICE" -c 'PATH=$0
			export BB_DATA=$1
			shift
			bbdevice "$@" --emit | bbrouter | bbdispatch |
			bbcollab | bbdispatch | bbrouter |
			bbdevice read --json' \
			"$S:$PATH" "$T/data" "${words[@]}" \
			>"$name.out" 2>"$name.err" || rc=$?
		;;
	esac
	echo "$rc" >"$name.status"
}

# said NAME...: of each its statuses and words, without what is new each time.
# That `send` and `fetch` logged in first is seen in a pipe only.
said() {
	local name

	for name; do
		echo "$name: $(<"$name.status")"
	done
	jq -r '(input_filename | rtrimstr(".out")) as $name |
	if .kind == "answer" and .result == "ok" then
		if $name == "login" then "ok, resume \(.resume)" else empty end
	elif .kind == "answer" then .result
	elif .kind == "result" then "message \(.n) to \(.to): \(.result)"
	elif .kind == "event" then "event \(.n) from \(.from): \(.text)"
	else .kind end | "\($name): \(.)"' "${@/%/.out}"
}

config() { # WORDS of bbsession
	"${AS[@]}" "$S/bbsession" --data "$T/data" "$@" >/dev/null
}

# For wait_until: it has said something, or has ended.
has_said() { # NAME
	[ -s "$1.out" ] || [ -e "$1.status" ]
}

# flow RESUME: logins that are refused and one that is not, a message, and a
# fetch.  RESUME (true, false) is what the acceptance says of resuming.  A
# device that has got its answer still waits for the other end to hang up:
# meanwhile others can go on.
flow() {
	local others=()

	[ ${#VIA[@]} -gt 0 ] || VIA=(--via "127.0.0.1:$P")
	config limit set --service local max-sessions 0
	device busy alice.pw login 2100000a
	config limit unset --service local max-sessions
	device stranger alice.pw login 2100000c &
	others+=("$!")
	device wrong wrong.pw login 2100000a
	device login dave.pw login 2100000d &
	others+=("$!")
	device send alice.pw send 2100000a bob 'see you at nine' &
	others+=("$!")
	wait_until 30 has_said send
	device fetch bob.pw fetch 2100000b
	wait "${others[@]}"
	assert_eq "$(said busy stranger wrong login send fetch)" "busy: 46
stranger: 34
wrong: 58
login: 0
send: 0
fetch: 0
busy: busy
stranger: hint
wrong: badlogin
login: ok, resume $1
send: message 1 to bob: sent
fetch: event 1 from alice: see you at nine"
}
