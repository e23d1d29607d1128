# pipeline.bash - the stages tied together, for the end-to-end suites: `load
# lib`, then `load pipeline`; each test begins with the world of bb_world.
#
# Every stage says its errors in log/NAME.err and its exit status in
# log/NAME.status: a pipe shows only those of the last one.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of bats, of lib, for the suites

export FORGE=$BB_BIN/tests/tool/forge WIRE=$BB_SRC/tests/sim/wire.py

setup() {
	bb_setup
	bb_world
	mkdir -p "$T/log"
}

stage() { # NAME COMMAND...
	local name=$1 rc=0

	shift
	"$@" 2>>"$T/log/$name.err" || rc=$?
	echo "$rc" >"$T/log/$name.status"
	return "$rc"
}

# --- the stages; a test may give options to all of them, and to the service ----

ALL=() COLLAB=()

router_up() {
	stage router-up bbrouter "${ALL[@]}"
}

dispatch_up() {
	stage dispatch-up bbdispatch "${ALL[@]}"
}

collab() {
	stage collab bbcollab "${ALL[@]}" "${COLLAB[@]}"
}

dispatch_down() {
	stage dispatch-down bbdispatch "${ALL[@]}"
}

router_down() {
	stage router-down bbrouter "${ALL[@]}"
}

up() { # frames to lines
	router_up | dispatch_up
}

down() { # lines to frames
	dispatch_down | router_down
}

gateway() { # frames of devices to frames for devices
	up | collab | down
}

# --- a device -----------------------------------------------------------------

# Which password belongs to a device.
password_of() { # PIN
	case $1 in
	2100000a) echo "$T/alice.pw" ;;
	2100000b) echo "$T/bob.pw" ;;
	*) echo "$T/${OWNER[$1]}.pw" ;;
	esac
}
declare -gA OWNER=()

# frame VERB PIN WORDS...: the frame that the device sends, on standard output.
# PASSWORD=FILE: another one than the user's.
frame() {
	local verb=$1 pin=$2 words=()

	shift 2
	case $verb in
	login | send | fetch)
		words=(--password-file "${PASSWORD:-$(password_of "$pin")}")
		;;
	esac
	bbdevice "$verb" --pin "$pin" "${words[@]}" --emit "$@"
}

# pass VERB PIN WORDS...: one way through the whole pipeline and back.
# Options of `bbdevice read` stand in READ=(...).
pass() {
	frame "$@" | gateway | bbdevice read "${READ[@]}"
}
READ=()

status_of() { # NAME of a stage
	cat "$T/log/$1.status"
}

# The stages have ended well and said nothing.
assert_stages_quiet() {
	local file

	for file in "$T"/log/*.status; do
		if [ -e "$file" ] && [ "$(cat "$file")" != 0 ]; then
			echo "$(basename "$file"): $(cat "$file")" >&2
			cat "$T"/log/*.err >&2
			return 1
		fi
	done
	for file in "$T"/log/*.err; do
		if [ -s "$file" ]; then
			echo "$(basename "$file"):" >&2
			cat "$file" >&2
			return 1
		fi
	done
}

# Lines of errors that a stage has said.
assert_errors() { # NAME COUNT [TEXT]
	local said

	said=$(wc -l <"$T/log/$1.err")
	if [ "$said" -ne "$2" ]; then
		echo "$1 has said $said lines, not $2:" >&2
		cat "$T/log/$1.err" >&2
		return 1
	fi
	[ $# -lt 3 ] || assert_has "$(cat "$T/log/$1.err")" "$3"
}

limit() { # NAME VALUE, or NAME unset
	if [ "$2" = unset ]; then
		bbsession limit unset --service local "$1" >/dev/null
	else
		bbsession limit set --service local "$1" "$2" >/dev/null
	fi
}

# third USER PIN: one more user with a device.
third() {
	bb_user "$1"
	bb_device "$2" "$1"
	OWNER[$2]=$1
}

sessions() {
	bbsession session count --service local
}

has_sessions() { # COUNT
	[ "$(sessions)" = "$1" ]
}

session_field() { # PIN MEMBER
	bbsession session show "$1" --json | jq -r ".session.$2"
}

device_field() { # PIN MEMBER
	bbsession device show "$1" --json | jq -r ".device.$2"
}

# --- lines, as a dispatcher writes them ---------------------------------------

ZERO16=0000000000000000
ZERO48=000000000000000000000000000000000000000000000000

# attach_line PIN USER ATT [MEMBERS-OF-D [MEMBERS-OF-M]]: a login.  The
# password is the one in USER.pw.
attach_line() {
	local more=${4:+,$4} m=

	[ -z "${5:-}" ] || m=",\"m\":{\"op\":\"batch\",$5}"
	printf '{"re":"attach","pin":"%s","user":"%s","service":"local",' \
		"$1" "$2"
	printf '"att":%d,"kid":"%s","nonce":"%s","link":"%s",' "$3" \
		"$ZERO16" "$ZERO48" "$ZERO16"
	printf '"d":{"op":"login","service":"local","user":"%s",' "$2"
	printf '"password":"%s","numbering":"%s%s","have":0%s}%s}\n' \
		"$(cat "$T/$2.pw")" 00000000 "$1" "$more" "$m"
}

# data_line PIN USER ATT SEQ OBJECT
data_line() {
	printf '{"pin":"%s","user":"%s","service":"local","att":%d,"seq":%d,' \
		"$1" "$2" "$3" "$4"
	printf '"kid":"%s","nonce":"%s","link":"%s","d":%s}\n' "$ZERO16" \
		"$ZERO48" "$ZERO16" "$5"
}

# --- services that stay -------------------------------------------------------
#
# A pipe ends when its last writer has closed it.  Descriptors 7, 8 and 9 hold
# the inputs of such services open; nothing that is started gets them.

spawn() { # COMMAND...
	"$@" 3>&- 4>&- 7>&- 8>&- 9>&- &
	bb_pid=$!
	BB_PIDS+=("$bb_pid")
}

# hold FD NAME [OPTIONS]: a bbcollab that reads lines from descriptor FD and
# answers into the file NAME; its process is $bb_pid.
hold() {
	local fd=$1 name=$2

	shift 2
	mkfifo "$name.in"
	# shellcheck disable=SC2016 # the inner shell's
	spawn sh -c 'exec bbcollab "$@" <"$0.in" >"$0" 2>"$0.err"' "$name" "$@"
	eval "exec $fd>\"$name.in\""
}

# Lines in a held service's answers that jq says true of.
answers() { # NAME EXPRESSION
	jq -c "select($2)" "$1" 2>/dev/null
}

has_answer() { # NAME EXPRESSION
	[ -n "$(answers "$1" "$2")" ]
}

# login FD NAME PIN USER ATT [MEMBERS]: its answer in $answer, the verdict in
# $verdict.
login() {
	local is

	is=".re == \"attach\" and .pin == \"$3\" and .att == $5"
	attach_line "$3" "$4" "$5" "${6:-}" >&"$1"
	wait_until 10 has_answer "$2" "$is" || return 1
	answer=$(answers "$2" "$is" | jq -c .d)
	verdict=$(jq -r .result <<<"$answer")
}

# hold_gateway: all five stages, the first of which reads frames from
# descriptor 9; what comes down is in the file `down`.  Their processes are in
# $router_up_pid ... $router_down_pid.
hold_gateway() {
	mkfifo up.in p1 p2 p3 p4
	: >down
	taken=0
	hold_stage router_up bbrouter up.in p1 && router_up_pid=$bb_pid
	hold_stage dispatch_up bbdispatch p1 p2 && dispatch_up_pid=$bb_pid
	hold_stage collab bbcollab p2 p3 && collab_pid=$bb_pid
	hold_stage dispatch_down bbdispatch p3 p4 && dispatch_down_pid=$bb_pid
	hold_stage router_down bbrouter p4 down && router_down_pid=$bb_pid
	exec 9>up.in
}

hold_stage() { # NAME TOOL IN OUT
	# shellcheck disable=SC2016 # the inner shell's
	spawn sh -c 'exec "$1" <"$2" >"$3" 2>"$4"' sh "$2" "$3" "$4" \
		"$T/log/${1//_/-}.err"
}

# Closes the input of the held gateway; each stage ends with 0.
end_gateway() {
	local pid

	exec 9>&-
	for pid in "$router_up_pid" "$dispatch_up_pid" "$collab_pid" \
		"$dispatch_down_pid" "$router_down_pid"; do
		wait "$pid"
	done
}

has_come() { # COUNT of frames
	has_grown && [ "$("$WIRE" list <down 2>/dev/null | wc -l)" -ge "$1" ]
}

# To look into the file only when there is something new in it.
has_grown() {
	local size

	size=$(stat -c %s down)
	[ "$size" != "$down_size" ] && down_size=$size
}

# come_down COUNT: waits for so many more frames; they are in the file `news`.
come_down() {
	down_size=''
	wait_until 10 has_come $((taken + $1)) || return 1
	"$WIRE" part "$taken" "$1" <down >news
	taken=$((taken + $1))
}

# talk VERB PIN WORDS...: the frame goes up into the held gateway; $output and
# $status are of the bbdevice read of the one that comes down.
talk() {
	frame "$@" >&9 && come_down 1 || return 1
	run --separate-stderr bbdevice read "${READ[@]}" <news
}

# hear COUNT EXPRESSION: reads what comes down until so many objects are such;
# all that was said is in $output, the status of the last frames in $status.
# Since the gateway began: in the file `heard`.
hear() {
	output='' down_size=''
	wait_until 10 hears "$@"
}

hears() { # COUNT EXPRESSION
	local all new

	has_grown || return 1
	all=$("$WIRE" list <down 2>/dev/null | wc -l)
	if [ "$all" -gt "$taken" ]; then
		"$WIRE" part "$taken" $((all - taken)) <down >news
		taken=$all status=0
		new=$(bbdevice read --json <news 2>>log/read.err) || status=$?
		output+=$new$'\n'
		printf '%s\n' "$new" >>heard
	fi
	[ "$(said "$2" | grep -c .)" -ge "$1" ]
}

# texts PIN: of all events that hear has heard for a device, in order.
texts() {
	jq -r "select(.kind == \"event\" and .pin == \"$1\").text" heard |
		xargs
}

# Lines of --json output of `bbdevice read` that jq says true of.
said() { # EXPRESSION
	jq -c "select($1)" <<<"$output"
}

refute_said() { # EXPRESSION
	assert_eq "$(said "$1")" ""
}

profile_field() { # PIN MEMBER
	bbdevice profile show "$1" --json | jq -r ".$2"
}

# --- what no peer of ours would send ------------------------------------------

declare -gA TYPE=([attach]=1 [answer]=2 [data]=4 [notice]=5)

# A login of alice's device that is sound, in the file `good`, and one of bob's
# in `other`.
two_frames() {
	frame login 2100000a >good
	frame login 2100000b >other
}

# What router and dispatcher make of a file's bytes: "attach 2100000b",
# "notice badbody", "hint 2", one per line.
kinds_of() { # FILE
	rm -f log/*
	up <"$1" >lines || :
	jq -r 'if .re == "attach" then "attach " + .pin
		elif .re == "notice" then "notice " + .d.code
		elif .re == "hint" then "hint " + (.hint | tostring)
		else "data " + .pin end' lines
}

# forge TYPE ATT SEQ PART...: such a body under the seal of alice's device.
forge() {
	forge_dir 0 "$@"
}

# The same under the gateway's.
forge_down() {
	forge_dir 1 "$@"
}

forge_dir() { # DIRECTION TYPE ATT SEQ PART...
	local direction=$1 type=${TYPE[$2]} att=$3 seq=$4

	shift 4
	"$WIRE" body "$@" | "$FORGE" seal 2100000a.key 2100000a "$type" \
		"$direction" "$att" "$seq"
}

LOGIN='{"op":"login","service":"local","user":"alice","password":"x",'
LOGIN+='"numbering":"a1a2a3a4a5a6a7a8","have":0}'

# not_killed: no stage was ended by a signal.
not_killed() {
	local file

	for file in log/*.status; do
		[ "$(cat "$file")" -lt 128 ] || {
			echo "$file: $(cat "$file")" >&2
			return 1
		}
	done
}
