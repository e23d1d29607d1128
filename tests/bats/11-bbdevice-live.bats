# bbdevice over a link: holder and askers, reconnecting, coverage, exit codes.
# shellcheck disable=SC2154 # variables of bats
load lib
load live

# --- logging in -----------------------------------------------------------------

@test "login --trace prints the eight steps, each with its time" {
	gateway_start
	run --separate-stderr alice login --trace --json
	assert_status 0
	assert_eq "$stderr" ""
	assert_eq "$(jq -c 'select(.kind == "step").step' <<<"$output" | xargs)" \
		"1 2 3 4 5 6 7 8"
	jq -es 'all(.[] | select(.kind == "step"); .us >= 0)' <<<"$output"
	jq -es 'any(.[]; .kind == "answer" and .result == "ok")' <<<"$output"
	jq -es 'any(.[]; .kind == "round-trip" and .us >= .steps_us)' \
		<<<"$output"
}

@test "login ends and leaves the session, out of coverage" {
	gateway_start
	run alice login
	assert_status 0
	assert_has "$output" "logged in at local as alice"
	wait_until 10 session_field_is "$A" coverage false
	session_field_is "$A" state live
	[ ! -e "$BB_PROFILES/$A/link.sock" ]
	assert_eq "$(profile_field "$A" holder)" null
	# The key was confirmed: the gateway has erased the former one.
	assert_eq "$(profile_field "$A" previous_kid)" null
}

@test "login with --stay listens" {
	gateway_start
	start_device heard "$B" bob login --stay --json
	wait_until 10 heard_answers heard 1
	alice send bob hello
	wait_until 10 heard_events heard 1
	assert_eq "$(texts heard)" hello
}

@test "resume takes the session up without a password" {
	gateway_start
	alice login
	local session

	session=$(session_field "$A" id)
	run bbdevice resume --pin "$A" "${via[@]}" --json
	assert_status 0
	assert_eq "$(jq -r 'select(.kind == "answer").attach' <<<"$output")" \
		resume
	assert_eq "$(session_field "$A" id)" "$session"
}

@test "a profile without a session and without a password is not held long" {
	gateway_start
	# No terminal: there is nobody to ask.
	run setsid bbdevice send --pin "$A" "${via[@]}" bob hi
	assert_status 100
	assert_has "$output" "--password-file"
	run bbdevice resume --pin "$A" "${via[@]}"
	assert_status 12
	assert_has "$output" "there is no session"
}

# --- messages ---------------------------------------------------------------------

@test "what one device sends, another hears: lines are messages, in order" {
	gateway_start
	listen_start heard "$B" bob
	run alice send bob < <(printf 'one\ntwo\n\nthree')
	assert_status 0
	assert_eq "$(wc -l <<<"$output")" 3
	assert_has "$output" "message 3 to bob: sent"
	wait_until 10 heard_events heard 3
	assert_eq "$(texts heard | xargs)" "one two three"
	assert_eq "$(cat heard.err)" ""
}

@test "a message of several lines is an operand" {
	gateway_start
	alice send bob $'one\ntwo'
	run bob fetch --json
	assert_eq "$(texts <(echo "$output"))" $'one\ntwo'
}

@test "two shells on one profile: the second speaks through the first" {
	gateway_start
	listen_start heard "$A" alice
	bob login
	run --separate-stderr bbdevice send --pin "$A" bob <<<'from the second'
	assert_status 0
	assert_eq "$stderr" ""
	assert_eq "$output" "$A: message 1 to bob: sent"
	run bbdevice status --pin "$A"
	assert_has "$output" "open; at local as alice"
	# One attach: the holder's.
	assert_eq "$(profile_field "$A" att)" 1
	run bob fetch
	assert_has "$output" "alice: from the second"
	alice send alice 'to myself'
	wait_until 10 heard_events heard 1
}

@test "many at once on one profile: each message is sent once" {
	gateway_start
	listen_start heard "$B" bob
	alice login
	local i pids=()

	for i in 1 2 3 4 5 6 7 8; do
		bb_spawn bbdevice send --pin "$A" "${via[@]}" bob "m$i" \
			>"sent$i" 2>&1
		pids+=("$bb_pid")
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	wait_until 10 heard_events heard 8
	assert_eq "$(texts heard | sort | xargs)" "m1 m2 m3 m4 m5 m6 m7 m8"
	assert_eq "$(cat sent? | grep -c ': sent$')" 8
}

@test "300 lines are more than may be under way, and come in order" {
	gateway_start
	listen_start heard "$B" bob
	seq 300 | alice send bob >sent
	assert_eq "$(grep -c ': sent$' sent)" 300
	wait_until 20 heard_events heard 300
	assert_eq "$(texts heard | xargs)" "$(seq 300 | xargs)"
}

@test "fetch prints all that waits, more than one window, and ends" {
	gateway_start
	bob login
	seq 80 | alice send bob >/dev/null
	bob fetch --json >fetched
	assert_eq "$(texts fetched | xargs)" "$(seq 80 | xargs)"
	# Each once: they were acknowledged.
	bob fetch --json >again
	assert_eq "$(texts again)" ""
}

@test "fetch through a holder which does not print events" {
	gateway_start
	bob login
	# A process that holds the profile because its input does not end.
	mkfifo lines
	exec 9<>lines
	IN=lines start_device held "$B" bob send alice 9>&-
	echo first >&9
	wait_until 10 has_line held 'sent$'
	alice send bob 'for the second shell'
	run bbdevice fetch --pin "$B" --json
	assert_status 0
	assert_eq "$(texts <(echo "$output"))" 'for the second shell'
	run bbdevice fetch --pin "$B" --json
	assert_status 0
	assert_eq "$output" ""
	exec 9>&-
	wait "$bb_pid"
	assert_eq "$(profile_field "$B" have)" 1
}

@test "events that no one listens for come again, in order, once" {
	gateway_start
	bob login
	alice send bob before
	# It holds the link while they come, and prints none.
	run bob send alice hi
	assert_status 0
	refute_has "$output" before
	alice send bob after
	bob fetch --json >fetched
	assert_eq "$(texts fetched | xargs)" "before after"
}

@test "a refusal of the IM server is the exit status, the other lines are sent" {
	gateway_start
	run alice send nobody hi
	assert_status 52
	assert_has "$output" "message 1 to nobody: refused"
	run alice send bob hi
	assert_status 0
}

@test "a line that is no text ends the input, what stood before it is sent" {
	gateway_start
	run alice send bob < <(printf 'good\nb\xffd\nnever\n')
	assert_status 100
	assert_has "$output" "not UTF-8"
	assert_has "$output" "message 1 to bob: sent"
	run bob fetch --json
	assert_eq "$(texts <(echo "$output"))" good
}

# --- holders come and go ---------------------------------------------------------

@test "a holder that was killed: the next process takes over, its socket too" {
	gateway_start
	listen_start heard "$A" alice
	kill_and_wait "$bb_pid"
	[ -S "$BB_PROFILES/$A/link.sock" ]
	run bbdevice send --pin "$A" "${via[@]}" bob hi
	assert_status 0
	assert_has "$output" ": sent"
	[ ! -e "$BB_PROFILES/$A/link.sock" ]
}

@test "a holder is killed under those that speak through it: they go on" {
	gateway_start
	listen_start first "$B" bob
	local holder=$bb_pid

	start_device second "$B" bob listen --json
	wait_until 10 state_is "$B" open
	alice send bob one
	wait_until 10 heard_events second 1
	kill_and_wait "$holder"
	wait_until 10 heard_answers second 1
	alice send bob two
	wait_until 10 heard_events second 2
	assert_eq "$(texts first)" one
	assert_eq "$(texts second | xargs)" "one two"
}

@test "a message whose holder was killed is sent once by the next" {
	gateway_start
	bob login
	listen_start held "$A" alice
	local holder=$bb_pid

	# The message waits for a gateway.
	kill_and_wait "$router_pid"
	start_device sent "$A" alice send bob 'only once'
	local sender=$bb_pid

	wait_until 10 has_message_waiting
	kill_and_wait "$holder"
	router_start
	wait "$sender"
	assert_eq "$(cat sent)" "$A: message 1 to bob: sent"
	run bob fetch --json
	assert_eq "$(texts <(echo "$output"))" 'only once'
}

@test "a result that went with the holder: 59, and the message went once" {
	gateway_start
	bob login
	listen_start held "$A" alice
	local holder=$bb_pid

	# The message is on its way when the holder is killed.
	kill -STOP "$collab_pid"
	start_device sent "$A" alice send bob 'only once'
	wait_until 10 has_message_waiting
	kill_and_wait "$holder"
	kill -CONT "$collab_pid"
	status=0
	wait "$bb_pid" || status=$?
	assert_eq "$status" 59
	assert_has "$(cat sent)" "nobody knows whether it was sent"
	run bob fetch --json
	assert_eq "$(texts <(echo "$output"))" 'only once'
}

has_message_waiting() {
	[ "$(profile_field "$A" unacknowledged)" = 1 ]
}

@test "a holder that ends in order serves those who wait before" {
	gateway_start
	start_device first "$A" alice listen --json --count 1
	wait_until 10 heard_answers first 1
	start_device second "$A" alice listen --json
	wait_until 10 state_is "$A" open
	bob send alice one
	wait_until 10 heard_events first 1
	wait_until 10 heard_answers second 1
	bob send alice two
	wait_until 10 heard_events second 2
	assert_eq "$(texts second | xargs)" "one two"
}

@test "a profile that is held is refused to --emit, shown to show" {
	gateway_start
	listen_start heard "$A" alice
	run bbdevice login --pin "$A" --password-file alice.pw --emit
	assert_status 111
	assert_has "$output" "process $bb_pid holds it"
	assert_eq "$(profile_field "$A" holder)" "$bb_pid"
	assert_eq "$(profile_field "$A" state)" held
	run bbdevice profile remove "$A"
	assert_status 111
	run bbdevice sessions --json
	assert_eq "$(jq -r .holder <<<"$output")" "$bb_pid"
}

# --- coverage ---------------------------------------------------------------------

@test "coverage off: the link is dropped and the holder stays; on: events come" {
	gateway_start
	listen_start heard "$B" bob
	run bbdevice coverage --pin "$B" off
	assert_status 0
	state_is "$B" "out of coverage"
	wait_until 10 session_field_is "$B" coverage false
	alice send bob 'while away'
	run bbdevice send --pin "$B" alice hi
	assert_status 11
	assert_has "$output" "kept: the device is out of coverage"
	run bbdevice presence --pin "$B" away
	assert_status 11
	assert_eq "$(texts heard)" ""
	run bbdevice coverage --pin "$B" on
	assert_status 0
	wait_until 10 heard_events heard 1
	assert_eq "$(texts heard)" 'while away'
	wait_until 10 session_field_is "$B" coverage true
	# What was kept has left.
	run alice fetch --json
	assert_eq "$(texts <(echo "$output"))" hi
}

@test "status messages leave at the service's interval" {
	bbsession limit set --service local status-interval 1s
	gateway_start
	listen_start heard "$B" bob
	local before

	before=$(session_field "$B" last_status_ms)
	wait_until 10 status_has_changed "$before"
}

status_has_changed() { # VALUE
	[ "$(session_field "$B" last_status_ms)" != "$1" ]
}

# --- reconnecting -----------------------------------------------------------------

@test "the router is killed: the device comes back and resumes by itself" {
	gateway_start
	listen_start heard "$B" bob
	local session

	session=$(session_field "$B" id)
	kill_and_wait "$router_pid"
	wait_until 10 has_line heard.err 'the gateway dropped the link'
	router_start
	wait_until 20 heard_answers heard 2
	assert_eq "$(session_field "$B" id)" "$session"
	assert_eq "$(jq -r 'select(.kind == "answer").attach' heard | xargs)" \
		"login resume"
	alice send bob back
	wait_until 10 heard_events heard 1
}

@test "the service is killed: its sessions go on after a new attach" {
	gateway_start
	listen_start heard "$B" bob
	alice send bob one
	wait_until 10 heard_events heard 1
	kill_and_wait "$collab_pid"
	collab_start
	alice send bob two
	run bbdevice send --pin "$B" alice three --timeout 40s
	assert_status 0
	wait_until 10 heard_events heard 2
	assert_eq "$(texts heard | xargs)" "one two"
}

@test "a session that is gone: logged in again with the password in memory" {
	gateway_start
	listen_start heard "$B" bob
	bbdevice coverage --pin "$B" off
	bbsession session kill "$B"
	bbdevice coverage --pin "$B" on
	wait_until 10 heard_answers heard 2
	assert_eq "$(jq -r 'select(.kind == "answer").attach' heard | xargs)" \
		"login login"
}

@test "a session that is gone, and no password: 49, and it is said" {
	gateway_start
	bob login
	bbsession session kill "$B"
	run bbdevice listen --pin "$B" "${via[@]}"
	assert_status 49
	assert_has "$output" "unknown session"
}

@test "routers are killed under traffic: every event once, in order" {
	gateway_start
	listen_start heard "$B" bob
	mkfifo lines
	exec 9<>lines
	IN=lines start_device sent "$A" alice send bob --timeout 60s 9>&-
	local sender=$bb_pid from

	for from in 1 51 101; do
		seq "$from" $((from + 49)) >&9
		wait_until 20 heard_events heard "$from"
		kill_and_wait "$router_pid"
		router_start
	done
	seq 151 200 >&9
	exec 9>&-
	status=0
	wait "$sender" || status=$?
	wait_until 30 heard_events heard 200
	assert_eq "$(texts heard | xargs)" "$(seq 200 | xargs)"
	# A result can be lost with the link that it was on; never a message.
	[ "$status" -eq 0 ] || [ "$status" -eq 59 ]
	assert_eq "$(grep -c -e ': sent$' -e 'its result was lost' sent)" 200
}

# --- ends -------------------------------------------------------------------------

@test "logout ends the session, and a listener with it" {
	gateway_start
	listen_start heard "$B" bob
	run bbdevice logout --pin "$B"
	assert_status 0
	assert_has "$output" "logged out"
	wait "$bb_pid"
	assert_eq "$(count heard '.kind == "bye" and .ended == "logout"')" 1
	run bbsession session show "$B"
	assert_status 1
}

@test "logout without a holder resumes, logs out, and ends" {
	gateway_start
	bob login
	run bbdevice logout --pin "$B" "${via[@]}"
	assert_status 0
	run bbsession session show "$B"
	assert_status 1
}

@test "a session that others end tells the listener why: 49" {
	gateway_start
	listen_start heard "$B" bob
	# A second login of the user's device elsewhere is not ours to make;
	# an administrator's word is.
	bbsession session kill "$B"
	wait_until 40 gone "$bb_pid"
	status=0
	wait "$bb_pid" || status=$?
	assert_eq "$status" 49
	assert_eq "$(count heard '.kind == "bye" and .ended == "killed"')" 1
}

@test "SIGINT and SIGTERM end a listener in order: 0, out of coverage" {
	gateway_start
	local signal

	for signal in INT TERM; do
		listen_start heard "$B" bob
		bb_end "$signal" "$bb_pid"
		assert_eq "$status" 0
		[ ! -e "$BB_PROFILES/$B/link.sock" ]
		wait_until 10 session_field_is "$B" coverage false
		assert_eq "$(cat heard.err)" ""
	done
}

@test "SIGINT ends a sender with the status of a signal, its message is kept" {
	gateway_start
	alice login
	mkfifo lines
	exec 9<>lines
	IN=lines start_device sent "$A" alice send bob 9>&-
	wait_until 10 is_socket "$BB_PROFILES/$A/link.sock"
	bb_end INT "$bb_pid"
	exec 9>&-
	assert_eq "$status" 130
}

@test "a signal that was ignored from the start stays ignored" {
	gateway_start
	bb_spawn env --ignore-signal=HUP bbdevice listen --pin "$B" \
		--password-file bob.pw "${via[@]}" --json >heard 2>heard.err
	wait_until 10 heard_answers heard 1
	kill -HUP "$bb_pid"
	alice send bob hi
	wait_until 10 heard_events heard 1
}

@test "listen ends after so many events, or so much time" {
	gateway_start
	start_device heard "$B" bob listen --json --count 2
	wait_until 10 heard_answers heard 1
	printf '1\n2\n3\n' | alice send bob
	wait "$bb_pid"
	assert_eq "$(texts heard | xargs)" "1 2"
	run bob listen --json --for 500ms
	assert_status 0
	assert_eq "$(texts <(echo "$output"))" 3
}

@test "kill -9 leaves the flags of terminal and pipes as they were" {
	gateway_start
	run timeout 30 python3 "$BB_SRC/tests/sim/flags.py" bbdevice listen \
		--pin "$B" --password-file bob.pw "${via[@]}"
	assert_status 0
	assert_eq "$output" "same"
}

# --- the way to the gateway -----------------------------------------------------

@test "--retry waits for a gateway that is not there yet" {
	port=$(free_port)
	via=(--via "$port" --retry 20s)
	start_device out "$A" alice login
	local device=$bb_pid

	wait_until 10 is_socket "$BB_PROFILES/$A/link.sock"
	gateway_start
	wait "$device"
	assert_has "$(cat out)" "logged in"
}

@test "a router that is not there: 22, at once, and what is to be sent is kept" {
	via=(--via "$(free_port)")
	run alice send bob hi
	assert_status 22
	assert_has "$output" "unable to connect to"
	assert_eq "$(profile_field "$A" unacknowledged)" 1
	gateway_start
	run alice login
	assert_status 0
	wait_until 10 nothing_waits
	run bob fetch --json
	assert_eq "$(texts <(echo "$output"))" hi
}

nothing_waits() {
	[ "$(profile_field "$A" unacknowledged)" = 0 ]
}

@test "the second address is tried where the first does not answer" {
	gateway_start
	via=(--via "$(free_port)" --via "$port")
	run alice login
	assert_status 0
}

@test "the addresses of a profile are used where none is given" {
	gateway_start
	bbdevice profile set "$A" --via "$port"
	assert_eq "$(profile_field "$A" 'via[0]')" "$port"
	via=()
	run alice login
	assert_status 0
}

@test "a command after -- is the way to the gateway" {
	via=(--retry 0)
	run --separate-stderr alice login -- bbrouter -- bbdispatch -- bbcollab
	assert_status 0
	assert_has "$output" "logged in"
	run alice send bob hi -- sh -c 'exec bbrouter -- bbdispatch -- bbcollab'
	assert_status 0
	assert_has "$output" ": sent"
}

@test "a command that ends: 29, and its status is said" {
	via=()
	run alice login -- sh -c 'exit 3'
	assert_status 29
	assert_has "$output" "ended with status 3"
	run alice login -- ./nothing
	assert_status 100
	assert_has "$output" "./nothing"
}

@test "a gateway that says nothing: 99 with --timeout" {
	via=()
	run alice login --timeout 300ms -- sleep 60
	assert_status 99
}

@test "a gateway that is none: 25" {
	via=()
	run alice login -- echo 'SSH-2.0-OpenSSH_9.2'
	assert_status 25
	assert_has "$output" "no frame"
}

# --- verdicts ---------------------------------------------------------------------

@test "verdicts are the exit status: 46, 48, 58, 34" {
	gateway_start
	printf 'wrong\n' >wrong.pw
	run bbdevice login --pin "$A" --password-file wrong.pw "${via[@]}"
	assert_status 58
	bbsession limit set --service local max-sessions 0
	run alice login
	assert_status 46
	assert_has "$output" "Server Busy"
	bbsession permission remove alice local
	bbsession limit unset --service local max-sessions
	run alice send bob hi
	assert_status 48
	bbsession device remove "$A"
	run alice login
	assert_status 34
	assert_has "$output" "a hint"
}

@test "a login through a holder that is refused leaves the holder its session" {
	gateway_start
	listen_start heard "$B" bob
	printf 'wrong\n' >wrong.pw
	run bbdevice login --pin "$B" --password-file wrong.pw "${via[@]}"
	assert_status 58
	wait_until 10 state_is "$B" open
	alice send bob hi
	wait_until 10 heard_events heard 1
	run bbdevice login --pin "$B" --password-file bob.pw "${via[@]}"
	assert_status 0
	alice send bob again
	wait_until 10 heard_events heard 2
}

# --- secrets ----------------------------------------------------------------------

@test "a password stands in no file, argument, environment or output" {
	local canary

	canary=$(bb_canary)
	bb_user carol "$canary"
	bb_device 2100000c carol
	gateway_start
	start_device heard 2100000c carol listen --json
	wait_until 10 heard_answers heard 1
	rm carol.pw
	refute_canary_in_processes "$canary"
	refute_canary "$canary" "$T"
	# Through the socket of the holder.
	run bbdevice login --pin 2100000c "${via[@]}" --password-fd 5 \
		5< <(printf '%s\n' "$canary")
	assert_status 0
	kill_and_wait "$router_pid"
	wait_until 10 has_line heard.err 'dropped'
	refute_canary "$canary" "$T"
}

@test "the socket of a holder is its user's alone" {
	gateway_start
	umask 0
	listen_start heard "$A" alice
	assert_eq "$(stat -c %a "$BB_PROFILES/$A/link.sock")" 600
}
