#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2153,SC2154 # of bats, of launchers.bash
# The same login, message, fetch and refusals under every launcher, not as root.
# What ends with its connection or its input cannot be resumed, and says so.

load lib
load launchers

# --- on their own -------------------------------------------------------------

@test "standalone: a chain" {
	chain --listen "127.0.0.1:$P"
	launch standalone "${STAGE[@]}"
	flow false
}

@test "standalone: three servers" {
	router --listen "127.0.0.1:$P"
	launch standalone "${STAGE[@]}"
	flow true
}

# --- openbsd-inetd --------------------------------------------------------------

@test "openbsd-inetd nowait: a chain for each connection" {
	need openbsd-inetd
	chain
	openbsd nowait "${STAGE[0]}" "${STAGE[@]}"
	flow false
	nothing_stays
}

@test "openbsd-inetd nowait: a router for each connection, the service stays" {
	need openbsd-inetd
	router
	openbsd nowait "${STAGE[0]}" "${STAGE[@]}"
	flow true
}

@test "openbsd-inetd wait: a chain" {
	need openbsd-inetd
	chain --idle-exit 1s
	openbsd wait "${STAGE[0]}" "${STAGE[@]}"
	flow false
	nothing_stays
}

@test "openbsd-inetd wait: the service" {
	need openbsd-inetd
	collab
	openbsd wait "${STAGE[0]}" "${STAGE[@]}"
	in_front
	flow true
}

# --- inetutils-inetd --------------------------------------------------------------

@test "inetutils-inetd nowait: a chain for each connection" {
	need inetutils-inetd
	chain
	inetutils nowait "${STAGE[0]}" "${STAGE[@]}"
	flow false
}

@test "inetutils-inetd nowait: a router for each connection, the service stays" {
	need inetutils-inetd
	router
	inetutils nowait "${STAGE[0]}" "${STAGE[@]}"
	flow true
}

@test "inetutils-inetd wait: a chain" {
	need inetutils-inetd
	chain --idle-exit 1s
	inetutils wait "${STAGE[0]}" "${STAGE[@]}"
	flow false
}

@test "inetutils-inetd wait: the service" {
	need inetutils-inetd
	collab
	inetutils wait "${STAGE[0]}" "${STAGE[@]}"
	in_front
	flow true
}

# --- xinetd ---------------------------------------------------------------------

@test "xinetd wait=no: a chain for each connection" {
	need xinetd
	chain
	xinetd_ no "${STAGE[@]}"
	flow false
	nothing_stays
}

@test "xinetd wait=no: a router for each connection, the service stays" {
	need xinetd
	router
	xinetd_ no "${STAGE[@]}"
	flow true
}

@test "xinetd wait=yes: a chain" {
	need xinetd
	chain --idle-exit 1s
	xinetd_ yes "${STAGE[@]}"
	flow false
}

@test "xinetd wait=yes: the service" {
	need xinetd
	collab
	xinetd_ yes "${STAGE[@]}"
	in_front
	flow true
}

# --- tcpserver --------------------------------------------------------------------

@test "tcpserver: a chain for each connection" {
	need tcpserver
	chain
	launch tcpserver tcpserver -H -R -l0 127.0.0.1 "$P" "${STAGE[@]}"
	flow false
	nothing_stays
}

@test "tcpserver: a router for each connection, the service stays" {
	need tcpserver
	router
	launch tcpserver tcpserver -H -R -l0 127.0.0.1 "$P" "${STAGE[@]}"
	flow true
}

# --- socket activation --------------------------------------------------------------

activate() { # WORDS of systemd-socket-activate
	launch activate systemd-socket-activate -l "127.0.0.1:$P" "$@" \
		"${STAGE[@]}"
}

@test "socket activation, LISTEN_FDS: a chain" {
	need systemd-socket-activate
	chain
	activate
	flow false
}

@test "socket activation, LISTEN_FDS: the service" {
	need systemd-socket-activate
	collab
	activate
	in_front
	flow true
}

@test "socket activation, --inetd: a chain" {
	need systemd-socket-activate
	chain
	activate --inetd
	flow false
}

@test "socket activation, --inetd: the service" {
	need systemd-socket-activate
	collab
	activate --inetd
	in_front
	flow true
}

@test "socket activation, --accept: a chain for each connection" {
	need systemd-socket-activate
	chain
	activate --accept
	flow false
	nothing_stays
}

@test "socket activation, --accept --inetd: a router for each connection" {
	need systemd-socket-activate
	router
	activate --accept --inetd
	flow true
}

# --- socat --------------------------------------------------------------------------

socat_() { # OPTIONS of EXEC
	local words=${STAGE[*]}

	launch socat socat -t 1 \
		"TCP-LISTEN:$P,bind=127.0.0.1,reuseaddr,fork" \
		"EXEC:${words//:/\\:}$1"
}

@test "socat, a socketpair: a chain for each connection" {
	need socat
	chain
	socat_ ''
	flow false
}

@test "socat, a socketpair: a router for each connection, the service stays" {
	need socat
	router
	socat_ ''
	flow true
}

@test "socat, two pipes: a chain for each connection" {
	need socat
	chain
	socat_ ,pipes
	flow false
	nothing_stays
}

@test "socat, two pipes: a router for each connection, the service stays" {
	need socat
	router
	socat_ ,pipes
	flow true
}

# --- pipes --------------------------------------------------------------------------

@test "a plain pipe" {
	DEVICE=bash
	flow false
}

@test "a pipe of ksh93, which is made of socketpairs" {
	need ksh93
	# shellcheck disable=SC2016 # of the inner shell
	[ "$(ksh93 -c 'true | test -S /dev/fd/0; echo $?')" = 0 ] ||
		skip 'this ksh93 makes its pipes of something else'
	DEVICE=ksh93
	flow false
}

@test "a chain that the device starts" {
	chain
	VIA=(-- "${STAGE[@]}")
	flow false
}
