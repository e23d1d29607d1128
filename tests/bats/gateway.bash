# gateway.bash - the gateway as servers, for the live suites: `load lib`, then
# `load gateway`; each test begins with the world of bb_world.
#
# A server has a name.  By it: log/NAME.err, log/NAME.out (ports of --listen 0),
# NAME.ctl (its control socket), ${PID[NAME]}.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of bats, of lib, for the suites

SIM=$BB_SRC/tests/sim

declare -gA PID=() COMMAND=() OWNER=()

# Where devices find the router: --via ADDR ...
VIA=()

setup() {
	bb_setup
	bb_world
	mkdir -p "$T/log"
}

# --- servers ------------------------------------------------------------------

# server NAME TOOL WORDS...: started, and ready when this returns.
server() {
	local name=$1 tool=$2

	shift 2
	COMMAND[$name]=$(printf '%q ' "$tool" --ready-fd 5 \
		--control "unix:$T/$name.ctl" "$@")
	again "$name"
}

# again NAME: the same words once more, after it has ended.
again() { # NAME
	local name=$1 words

	eval "words=(${COMMAND[$name]})"
	[ -p "$T/ready.$name" ] || mkfifo -m 600 "$T/ready.$name"
	(exec "${words[@]}" 3>&- 4>&- 5>"$T/ready.$name" \
		>"log/$name.out" 2>>"log/$name.err") &
	PID[$name]=$!
	BB_PIDS+=("$!")
	# The pipe has its end when the process has.
	if ! read -r -t 20 <"$T/ready.$name"; then
		echo "$name is not ready:" >&2
		tail "log/$name.err" >&2
		return 1
	fi
}

# ends NAME SIGNAL: the exit status is in $status.
ends() {
	bb_end "$2" "${PID[$1]}"
	unset "PID[$1]"
}

# drained NAME: SIGTERM, and its end is a good one.
drained() {
	ends "$1" TERM
	[ "$status" -eq 0 ] || {
		echo "$1 ended with $status:" >&2
		tail "log/$1.err" >&2
		return 1
	}
}

port_of() { # NAME: of --listen 0
	sed -n '1s/.*://p' "log/$1.out"
}

# ask NAME COMMAND: what its control socket answers, one JSON object.
ask() {
	bbsession stage "$2" "unix:$T/$1.ctl" --json
}

# ask_is NAME COMMAND EXPRESSION: jq says true; for wait_until.
ask_is() {
	ask "$1" "$2" | jq -e "$3" >/dev/null
}

# The whole gateway, a chain.
gateway_chain() { # WORDS of the router...
	server r bbrouter --listen 0 "$@" -- bbdispatch -- bbcollab
	VIA=(--via "$(port_of r)")
}

# The same with --to, each stage a server: c, d, r.
gateway_stages() { # WORDS of the service...
	server c bbcollab --listen "unix:$T/c" "$@"
	server d bbdispatch --listen "unix:$T/d" --to "unix:$T/c"
	server r bbrouter --listen 0 --to "unix:$T/d"
	VIA=(--via "$(port_of r)")
}

# Two of each: c1 c2, d1 d2, r1 r2.  Their ports stay when they are started
# again.
gateway_twins() { # WORDS of the services...
	local i

	VIA=()
	for i in 1 2; do
		server "c$i" bbcollab --listen "unix:$T/c$i" "$@"
	done
	for i in 1 2; do
		server "d$i" bbdispatch --listen "unix:$T/d$i" \
			--to "local=unix:$T/c1" --to "local=unix:$T/c2"
	done
	for i in 1 2; do
		server "r$i" bbrouter --listen "unix:$T/r$i" \
			--to "unix:$T/d1" --to "unix:$T/d2"
		VIA+=(--via "unix:$T/r$i")
	done
}

# No stage has said anything.
assert_servers_quiet() {
	local file

	for file in log/*.err; do
		if [ -s "$file" ]; then
			echo "$file:" >&2
			cat "$file" >&2
			return 1
		fi
	done
}

# --- devices ------------------------------------------------------------------

password_of() { # PIN
	case $1 in
	2100000a) echo "$T/alice.pw" ;;
	2100000b) echo "$T/bob.pw" ;;
	*) echo "$T/${OWNER[$1]}.pw" ;;
	esac
}

# device VERB PIN WORDS...: bbdevice as the user has it, with a password.
# PASSWORD=FILE: another one than the user's; PASSWORD= : none.
device() {
	local verb=$1 pin=$2 words=()

	shift 2
	[ -z "${PASSWORD-x}" ] ||
		words=(--password-file "${PASSWORD:-$(password_of "$pin")}")
	timeout -k 1 60 bbdevice "$verb" --pin "$pin" "${words[@]}" \
		"${VIA[@]}" "$@"
}

# listens PIN WORDS...: a device that stays, in the background.  What it says
# goes into heard.PIN (appended), ${PID[PIN]} is its process.
listens() {
	local pin=$1 before

	shift
	[ -e "heard.$pin" ] || : >"heard.$pin"
	before=$(grep -c '"kind":"answer"' "heard.$pin") || :
	bbdevice listen --pin "$pin" --json \
		--password-file "$(password_of "$pin")" "${VIA[@]}" "$@" \
		>>"heard.$pin" 2>>"log/$pin.err" 3>&- 4>&- &
	PID[$pin]=$!
	BB_PIDS+=("$!")
	wait_until 20 answered "$pin" $((before + 1))
}

answered() { # PIN COUNT
	[ "$(grep -c '"kind":"answer"' "heard.$1")" -ge "$2" ]
}

# heard PIN: the texts of its events, in one line.
heard() {
	jq -r 'select(.kind == "event").text' "heard.$1" | xargs
}

has_heard() { # PIN TEXT: such an event has come
	grep -q "\"kind\":\"event\".*\"text\":\"$2\"" "heard.$1"
}

# third USER PIN: one more user with a device.
third() {
	bb_user "$1"
	bb_device "$2" "$1"
	OWNER[$2]=$1
}

limit() { # NAME VALUE, or NAME unset
	if [ "$2" = unset ]; then
		bbsession limit unset --service local "$1" >/dev/null
	else
		bbsession limit set --service local "$1" "$2" >/dev/null
	fi
}

session_field() { # PIN MEMBER
	bbsession session show "$1" --json | jq -r ".session.$2"
}

field_is() { # PIN MEMBER VALUE
	[ "$(session_field "$1" "$2" 2>/dev/null)" = "$3" ]
}

has_sessions() { # COUNT
	[ "$(bbsession session count --service local)" = "$1" ]
}
