#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2153,SC2154 # of bats, of launchers.bash
# What a launcher can do wrong, and what becomes of a chain or a terminal.

load lib
load launchers

SIM=$BB_SRC/tests/sim

# --- refused ------------------------------------------------------------------

# refused SENTENCE KIND STAGE WORDS...: KIND is what standard input and output
# are, as tests/sim/launch.py has them.
refused() {
	local sentence=$1 kind=$2

	shift 2
	launched=$("$SIM/launch.py" "$kind" same pipe "$@" </dev/null)
	if ! jq -e --arg s "$sentence" '.status == 100 and .received == "" and
	    (.stderr | contains($s))' <<<"$launched" >/dev/null; then
		echo "$kind, $*: $launched" >&2
		return 1
	fi
}

# Each stage, with what makes it a server or one peer's server; all at a time.
each_stage() { # SENTENCE KIND WORDS...
	local sentence=$1 kind=$2 failed=0 pid pids=()

	shift 2
	refused "$sentence" "$kind" bbrouter --to "unix:$T/d" "$@" &
	pids+=("$!")
	refused "$sentence" "$kind" bbrouter "$@" -- cat &
	pids+=("$!")
	refused "$sentence" "$kind" bbdispatch --data data \
		--to "unix:$T/c" "$@" &
	pids+=("$!")
	refused "$sentence" "$kind" bbcollab --data data "$@" &
	pids+=("$!")
	for pid in "${pids[@]}"; do
		wait "$pid" || failed=1
	done
	return "$failed"
}

@test "a closed standard input is refused" {
	each_stage 'standard input is closed' closed
	refused 'standard input is closed' closed bbrouter
	refused 'standard input is closed' closed bbdispatch
}

@test "/dev/null as standard input is refused: a service without its socket" {
	each_stage 'standard input is /dev/null' null
	refused 'standard input is /dev/null' null bbrouter
	refused 'standard input is /dev/null' null bbdispatch
}

@test "a datagram socket is refused" {
	each_stage 'standard input is no byte stream' udp
	each_stage 'standard input is no byte stream' dgram
}

@test "a connection without a next stage is refused: nobody asks an oracle" {
	local stage kind

	for stage in bbrouter bbdispatch; do
		for kind in tcp pair; do
			refused 'there is no next stage' "$kind" "$stage"
		done
	done
}

@test "two places to listen are refused, and who waits is turned away" {
	each_stage 'there are two places to listen on' listen --listen 0
	refused 'there are two places to listen on' listen bbcollab \
		--data data --listen 0
	jq -e '.turned_away' <<<"$launched"
}

@test "a socket that is handed over, and --listen, are two places" {
	local stage

	need systemd-socket-activate
	for stage in "bbrouter --to unix:$T/d" \
		"bbdispatch --data $T/data --to unix:$T/c" \
		"bbcollab --data $T/data"; do
		# shellcheck disable=SC2086 # words
		launch activate systemd-socket-activate -l "127.0.0.1:$P" \
			$stage --listen 0
		exec 5<>"/dev/tcp/127.0.0.1/$P"
		status=0
		wait "$LAUNCHER" || status=$?
		exec 5>&-
		assert_eq "$status" 100
		assert_has "$(cat log/activate.err)" \
			'there are two places to listen on'
		P=$(any_port)
	done
}

# --- the peer's stream ----------------------------------------------------------

# What comes down when something is sent up that is no frame: bytes, and the
# other end has hung up.
answer_to_text() {
	exec 5<>"/dev/tcp/127.0.0.1/$P"
	printf 'GET / HTTP/1.0\r\n\r\n' >&5
	timeout 20 cat <&5 >came
	exec 5>&-
	stat -c %s came
}

@test "no log line comes down a peer's stream, however much is logged" {
	local wait

	need openbsd-inetd
	need inetutils-inetd
	need xinetd
	STAGE=("$S/bbrouter" -vv --idle-exit 1s --json -- "$S/bbdispatch" -vv
		--data "$T/data" -- "$S/bbcollab" -vv --data "$T/data")
	for wait in nowait wait; do
		P=$(any_port)
		openbsd "$wait" "${STAGE[0]}" "${STAGE[@]}"
		assert_eq "$(answer_to_text)" 0
		assert_eq "$(answer_to_text)" 0
		P=$(any_port)
		inetutils "$wait" "${STAGE[0]}" "${STAGE[@]}"
		assert_eq "$(answer_to_text)" 0
	done
	for wait in no yes; do
		P=$(any_port)
		xinetd_ "$wait" "${STAGE[@]}"
		assert_eq "$(answer_to_text)" 0
		assert_eq "$(answer_to_text)" 0
	done
}

@test "a stage whose standard error is the listening socket outlives its log" {
	need openbsd-inetd
	STAGE=("$S/bbrouter" -vv -- "$S/bbdispatch" -vv --data "$T/data" --
		"$S/bbcollab" -vv --data "$T/data")
	openbsd wait "${STAGE[0]}" "${STAGE[@]}"
	assert_eq "$(answer_to_text)" 0
	stages >before
	assert_eq "$(wc -l <before)" 3
	flow false
	stages | diff before -
}

# --- wait -----------------------------------------------------------------------

# A server that cannot start, in wait form: NAME.starts gets a line for each
# time that it was tried.
hopeless() { # NAME WORDS...
	local name=$1

	shift
	printf '#!/bin/sh\necho $$ >>%s\nexec %s\n' "$T/$name.starts" "$*" \
		>"$name.sh"
	chmod 755 "$name.sh"
	echo "127.0.0.1:$P stream tcp4 wait.60000 $BBUSER $T/$name.sh $name" \
		>>inetd.conf
	: >"$name.starts"
	echo "$P" >"$name.port"
	own
}

@test "in wait form a stage that cannot start does not make inetd spin" {
	local name pid began spent

	need openbsd-inetd
	: >inetd.conf
	hopeless option "$S/bbcollab" --no-such-option
	P=$(any_port) hopeless value "$S/bbrouter" --drain soon
	P=$(any_port) hopeless store "$S/bbcollab" --data "$T/nowhere"
	P=$(any_port) hopeless next "$S/bbrouter"
	P=$(any_port) hopeless twice "$S/bbcollab" --data "$T/data" \
		--listen "unix:$T/c"
	P=$(any_port) hopeless exec "$S/bbrouter" -- "$T/no-such-stage"
	P=$(any_port) hopeless chain "$S/bbrouter" -- "$S/bbdispatch" \
		--data "$T/nowhere" -- "$S/bbcollab"
	P=$(any_port) hopeless address "$S/bbdispatch" --data "$T/data" \
		--to 70000
	P=$(cat option.port)
	launch openbsd openbsd-inetd -i "$T/inetd.conf"
	began=$SECONDS
	for name in *.starts; do
		name=${name%.starts}
		exec 5<>"/dev/tcp/127.0.0.1/$(cat "$name.port")"
		# It is turned away at once, not left in the queue.
		timeout 10 cat <&5 >"$name.came" || [ $? -ne 124 ]
		exec 5>&-
		[ ! -s "$name.came" ]
	done
	# Those that are no clients any more are no reason to start again.
	wait_until 10 no_hopeless
	spent=$((SECONDS - began))
	for name in *.starts; do
		if [ "$(wc -l <"$name")" -gt $((spent + 2)) ]; then
			echo "$name: $(wc -l <"$name") in $spent s" >&2
			return 1
		fi
	done
	# In hundredths of a second: user and system time of inetd.
	pid=$LAUNCHER
	[ "$(awk '{ print $14 + $15 }' "/proc/$pid/stat")" -lt 50 ]
}

no_hopeless() {
	no_stages && ! pgrep -f "^/bin/sh $T/" >/dev/null
}

@test "in wait form a stage that has nobody hands the socket back" {
	local launcher

	need openbsd-inetd
	need xinetd
	for launcher in 'openbsd wait' 'xinetd_ yes'; do
		P=$(any_port)
		VIA=(--via "127.0.0.1:$P")
		chain --idle-exit 1s
		case $launcher in
		openbsd*) openbsd wait "${STAGE[0]}" "${STAGE[@]}" ;;
		*) xinetd_ yes "${STAGE[@]}" ;;
		esac
		device login alice.pw login 2100000a
		assert_eq "$(cat login.status)" 0
		assert_eq "$(stages | wc -l)" 3
		wait_until 10 no_stages
		device login alice.pw login 2100000a
		assert_eq "$(cat login.status)" 0
		stages_end
	done
}

@test "in wait form no connection is lost when the socket is handed back" {
	local starts

	need openbsd-inetd
	chain --idle-exit 0
	printf '#!/bin/sh\necho >>%s\nexec %s\n' "$T/starts" "${STAGE[*]}" \
		>start.sh
	chmod 755 start.sh
	: >starts
	"${AS[@]}" "$S/bbdevice" login --pin 2100000c --emit \
		--password-file alice.pw >frame
	own
	openbsd wait "$T/start.sh" start.sh
	assert_eq "$("$SIM/knock.py" "$P" frame 30 5)" 30
	starts=$(wc -l <starts)
	echo "$starts starts"
	[ "$starts" -gt 5 ]
}

# --- the end of a chain -----------------------------------------------------------

# A chain in a process group of its own; $bb_pid is its head and its group.
group() {
	as setsid "$S/bbrouter" --listen "127.0.0.1:$P" "$@" -- \
		"$S/bbdispatch" --data "$T/data" -- \
		"$S/bbcollab" --data "$T/data" >chain.out 2>chain.err
	wait_until 10 listens "$P"
	VIA=(--via "127.0.0.1:$P")
}

pid_of() { # STAGE of the chain: its argv begins with that
	pgrep -g "$bb_pid" -f "^$S/$1 "
}

ended() { # STATUS of the head
	status=0
	wait "$bb_pid" || status=$?
	if [ "$status" -ne "$1" ]; then
		echo "ended with $status:" >&2
		cat chain.err >&2
		return 1
	fi
	wait_until 5 no_stages
}

@test "TERM to the whole group: who waits for an answer gets it, all end well" {
	local collab head

	group --control "unix:$T/control"
	head=$bb_pid
	collab=$(pid_of bbcollab)
	kill -STOP "$collab"
	as "$S/bbdevice" login --pin 2100000a --json "${VIA[@]}" \
		--password-file "$T/alice.pw" >login.out 2>login.err
	wait_until 10 has_gone_up
	kill -TERM -- "-$head"
	kill -CONT "$collab"
	wait_until 10 test -s login.out
	assert_json login.out '.result == "ok"'
	# It would come back, and there is nobody any more.
	kill "$bb_pid"
	bb_pid=$head
	ended 0
	[ ! -s chain.err ]
}

has_gone_up() {
	bbsession --json stage stats "unix:$T/control" |
	    jq -e '.up.frames == 1' >/dev/null
}

@test "TERM to the whole group ends a chain that nobody uses" {
	group
	kill -TERM -- "-$bb_pid"
	ended 0
	[ ! -s chain.err ]
}

@test "a chain whose next stage is killed ends with 111 and says so" {
	group
	kill -KILL "$(pid_of bbdispatch)"
	ended 111
	assert_has "$(cat chain.err)" 'bbrouter['
	assert_has "$(cat chain.err)" \
		"the next stage ($S/bbdispatch) was ended by signal 9"
}

@test "a chain whose last stage is killed ends with 111, and each says why" {
	group
	kill -KILL "$(pid_of bbcollab)"
	ended 111
	assert_has "$(cat chain.err)" \
		"the next stage ($S/bbcollab) was ended by signal 9"
	assert_has "$(cat chain.err)" \
		"the next stage ($S/bbdispatch) has ended with 111"
}

@test "a chain whose head is killed leaves nothing behind" {
	group
	kill -KILL "$bb_pid"
	status=0
	wait "$bb_pid" || status=$?
	assert_eq "$status" 137
	wait_until 10 no_stages
}

# --- terminals ----------------------------------------------------------------

@test "a stage that is killed leaves a terminal as it was" {
	export BB_DATA=$T/data
	"$SIM/terminal.py" bbrouter
	"$SIM/terminal.py" bbrouter -- bbdispatch -- bbcollab
	"$SIM/terminal.py" bbdispatch
	"$SIM/terminal.py" bbcollab
}
