# live.bash - a gateway of servers, and devices that stay connected: `load lib`,
# then `load live`; each test begins with the world of bb_world.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of bats and of lib

A=2100000a
B=2100000b

setup() {
	bb_setup
	bb_world
}

# --- the gateway ----------------------------------------------------------------

is_socket() {
	[ -S "$1" ]
}

collab_start() {
	bb_spawn bbcollab --listen "unix:$T/c" >>collab.out 2>>collab.err 9>&-
	collab_pid=$bb_pid
	wait_until 10 is_socket c
}

dispatch_start() {
	bb_spawn bbdispatch --listen "unix:$T/d" --to "unix:$T/c" \
		>>dispatch.out 2>>dispatch.err 9>&-
	dispatch_pid=$bb_pid
	wait_until 10 is_socket d
}

# On the port that it had before, or on any.
router_start() {
	rm -f router.out
	bb_spawn bbrouter --listen "${port:-0}" --to "unix:$T/d" \
		>router.out 2>>router.err 9>&-
	router_pid=$bb_pid
	if [ -z "${port:-}" ]; then
		wait_until 10 has_line router.out '^listening 127'
		port=$(sed -n 's/^listening 127.0.0.1:\([0-9]*\)$/\1/p' \
			router.out)
	fi
	via=(--via "$port" --retry 10s)
}

# Routers and devices find it, however long each stage takes to begin.
gateway_start() {
	collab_start
	dispatch_start
	router_start
}

# kill_and_wait PID: kill -9, and it is gone.
kill_and_wait() {
	bb_end KILL "$1"
}

# --- devices --------------------------------------------------------------------

# alice VERB WORDS..., bob VERB WORDS...: with password and address.
alice() {
	local verb=$1

	shift
	bbdevice "$verb" --pin "$A" --password-file "$T/alice.pw" "${via[@]}" "$@"
}

bob() {
	local verb=$1

	shift
	bbdevice "$verb" --pin "$B" --password-file "$T/bob.pw" "${via[@]}" "$@"
}

# The same in the background, into the files NAME and NAME.err; its process is
# $bb_pid.  IN=FILE: its input.  Signals are as a terminal would give them: a
# shell starts what is in the background with SIGINT ignored, and no input.
start_device() { # NAME PIN USER VERB WORDS...
	local name=$1 pin=$2 user=$3 verb=$4

	shift 4
	# shellcheck disable=SC2016 # the inner shell's
	bb_spawn env --default-signal=INT,QUIT sh -c 'exec "$@" <"$0"' \
		"${IN:-/dev/null}" bbdevice "$verb" --pin "$pin" \
		--password-file "$T/$user.pw" "${via[@]}" "$@" \
		>"$name" 2>"$name.err"
}

# listen_start NAME PIN USER WORDS...: listens, and is logged in.
listen_start() {
	local name=$1 pin=$2 user=$3

	shift 3
	start_device "$name" "$pin" "$user" listen --json "$@"
	wait_until 10 heard_answers "$name" 1
}

objects() { # FILE EXPRESSION
	jq -c "select($2)" "$1" 2>/dev/null
}

count() { # FILE EXPRESSION
	objects "$@" | wc -l
}

heard_answers() { # FILE COUNT
	[ "$(count "$1" '.kind == "answer"')" -ge "$2" ]
}

heard_events() { # FILE COUNT
	[ "$(count "$1" '.kind == "event"')" -ge "$2" ]
}

texts() { # FILE
	jq -r 'select(.kind == "event").text' "$1"
}

status_word() { # PIN
	bbdevice status --pin "$1" --json | jq -r .state
}

state_is() { # PIN WORD
	[ "$(status_word "$1")" = "$2" ]
}

profile_field() { # PIN MEMBER
	bbdevice profile show "$1" --json | jq -r ".$2"
}

session_field() { # PIN MEMBER
	bbsession session show "$1" --json | jq -r ".session.$2"
}

session_field_is() { # PIN MEMBER VALUE
	[ "$(session_field "$1" "$2")" = "$3" ]
}
