# Each sentence of the process flow that a pipeline can show, and each row of
# the admission table, at a collaboration service that is held open.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

# What `limit explain` says for a user, beside what happened.
explains() { # USER ROW STATUS [OPTIONS]
	local user=$1 row=$2 wanted=$3

	shift 3
	run bbsession limit explain "$user" --service local --json "$@"
	assert_status "$wanted"
	assert_eq "$(jq -r .explanation.row <<<"$output")" "$row"
}

is_evictable() { # PIN
	[ "$(session_field "$1" evictable)" = true ]
}

is_live() { # PIN
	[ "$(session_field "$1" state)" = live ]
}

# Silence counts after 200 ms.
short_silence() {
	limit status-interval 100ms
	limit idle-timeout 200ms
}

# Silence never counts while a test runs.
long_silence() {
	limit status-interval 1h
	limit idle-timeout 2h
}

# --- the flow, sentence by sentence -------------------------------------------

# in_bytes FILE TEXT: these bytes stand in it.
in_bytes() {
	LC_ALL=C grep -qaF -- "$2" "$1"
}

@test "the device compresses and encrypts user ID and password before it sends them" {
	local text='a text that has a text in a text that is a text in a text'
	local word

	frame send 2100000a bob "$text" >sent
	for word in alice 'correct horse' "$text" password login local; do
		run ! in_bytes sent "$word"
	done
	# The same after the router.
	router_up <sent >passed
	cmp sent passed
	# Compressed: shorter than what it says, headers and padding included.
	frame send 2100000a bob "$(head -c 9000 /dev/zero | tr '\0' x)" >long
	[ "$(stat -c %s long)" -lt 1000 ]
	# And no two are alike.
	frame login 2100000a >one
	frame login 2100000a >two
	run ! cmp -s one two
}

@test "nobody on the way learns how long the password is" {
	local n sizes

	for n in 1 2 7 16 31 64 100; do
		head -c "$n" /dev/urandom | base64 -w 0 | head -c "$n" >any.pw
		PASSWORD=any.pw frame login 2100000a | wc -c
	done >sizes
	assert_eq "$(sort -u sizes | wc -l)" 1
}

@test "the router passes the login on without a key, a store or a profile" {
	frame login 2100000a >sent
	env -i PATH="$PATH" HOME=/nonexistent bbrouter <sent >passed
	cmp sent passed
}

@test "the dispatcher sends the request, opened, to the collaboration service" {
	frame send 2100000a bob 'for bob' --user alice | up >lines
	assert_json lines '.re == "attach" and .pin == "2100000a" and
		.user == "alice" and .service == "local" and
		.d.user == "alice" and .d.password == "correct horse" and
		.m.msgs[0].text == "for bob"'
	assert_stages_quiet
}

@test "whose device it is says the dispatcher, not the device" {
	# The IM account may be named otherwise; the owner is who he is.
	frame login 2100000a --user bob | up >lines
	assert_json lines '.user == "alice" and .d.user == "bob"'
	collab <lines >answers
	assert_json answers '.d.result == "denied"'
}

@test "the service verifies that the user has permission to use the client" {
	bbsession permission remove alice local
	run --separate-stderr pass login 2100000a
	assert_status 48
	bbsession permission add alice local
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "the IM server accepts the login and listens for requests of the session" {
	hold 7 a
	login 7 a 2100000a alice 1
	login 7 a 2100000b bob 1
	assert_eq "$verdict" ok
	data_line 2100000a alice 1 1 '{"op":"alive"}' >&7
	data_line 2100000b bob 1 1 '{"op":"alive"}' >&7
	data_line 2100000a alice 1 2 \
		'{"op":"send","n":1,"to":"bob","text":"over"}' >&7
	wait_until 5 has_answer a '.pin == "2100000b" and
		.d.events[0].text == "over"'
	data_line 2100000b bob 1 2 \
		'{"op":"send","n":1,"to":"alice","text":"and back"}' >&7
	wait_until 5 has_answer a '.pin == "2100000a" and
		.d.events[0].text == "and back"'
}

@test "the service sends the acceptance in encrypted and compressed format" {
	local word

	frame login 2100000a | up | collab >lines
	assert_json lines '.d.result == "ok" and .d.text == "logged in"'
	down <lines >answer
	for word in 'logged in' "$(jq -r .d.session lines)" session answer \
		alice; do
		run ! in_bytes answer "$word"
	done
	# What says the same often is shorter than its words.
	for n in {1..30}; do
		frame send 2100000a bob "the same words, number $n" \
			>/dev/null 2>&1
	done
	frame send 2100000a bob end | up | collab >lines
	[ "$(wc -c <lines)" -gt 1000 ]
	down <lines >answer
	[ "$(wc -c <answer)" -lt 800 ]
	run bbdevice read <answer
	assert_status 0
}

@test "the service keeps a cache of the connectivity information of the session" {
	hold 7 a
	login 7 a 2100000a alice 1 '"show":"busy","status":"in a talk"'
	bbsession session show 2100000a --json >shown
	assert_json shown '.session.user == "alice" and
		.session.account == "alice" and .session.service == "local" and
		.session.backend != null and .session.show == "busy" and
		.session.status == "in a talk" and .session.coverage and
		.session.owner_alive and .session.last_status_ms >= 0 and
		(.session | has("contacts_version"))'
	assert_eq "$(session_field 2100000a session)" \
		"$(jq -r .session <<<"$answer")"
	assert_eq "$(session_field 2100000a owner_pid)" "$bb_pid"
	exec 7>&-
	wait "$bb_pid"
	run bbsession session show 2100000a
	assert_status 1
}

@test "the device starts the session: its first message makes it live" {
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$(session_field 2100000a state)" provisional
	data_line 2100000a alice 1 1 '{"op":"alive"}' >&7
	wait_until 5 is_live 2100000a
}

# --- the table, row by row ----------------------------------------------------

@test "admission: a blocked user is not permitted, whatever room there is" {
	bbsession user block alice
	explains alice blocked 1
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$verdict" denied
	bbsession user unblock alice
	login 7 a 2100000a alice 2
	assert_eq "$verdict" ok
}

@test "admission: at a blocked service nobody is permitted" {
	bbsession service block local
	explains alice blocked 1
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$verdict" denied
}

@test "admission: another account than the permission's is not permitted" {
	hold 7 a
	# The device is alice's, the account asked for is bob's, with his password.
	attach_line 2100000a bob 1 | sed 's/"user":"bob"/"user":"alice"/' >&7
	wait_until 10 has_answer a '.re == "attach"'
	assert_eq "$(answers a '.re == "attach"' | jq -r .d.result)" denied
	explains alice blocked 1 --account bob
	has_sessions 0
}

@test "admission: the permission's account is the one that may be used" {
	bbsession permission remove alice local
	bbsession permission add alice local --account bob2
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$verdict" denied
	explains alice blocked 1 --account alice
	explains alice unset 0 --account bob2
}

@test "admission: a device's own session gives way without a look at the limits" {
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$verdict" ok
	limit max-sessions 1
	explains alice replace 0 --pin 2100000a
	login 7 a 2100000a alice 2
	assert_eq "$verdict" ok
	limit max-sessions 0
	login 7 a 2100000a alice 3
	assert_eq "$verdict" ok
	has_sessions 1
}

@test "admission: a device's own session does not help without permission" {
	hold 7 a
	login 7 a 2100000a alice 1
	bbsession permission remove alice local
	login 7 a 2100000a alice 2
	assert_eq "$verdict" denied
	explains alice replace 1 --pin 2100000a
}

@test "admission: below the maximum the permitted are admitted, others not" {
	limit max-sessions 2
	bbsession permission remove bob local
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$verdict" ok
	login 7 a 2100000b bob 1
	assert_eq "$verdict" denied
	explains alice below-max 0
	explains bob below-max 1
	has_sessions 1
}

@test "admission: at the maximum all idle sessions are logged out for a new one" {
	third carol 2100000c
	third dave 2100000d
	limit max-sessions 3
	long_silence
	hold 7 a
	login 7 a 2100000a alice 1 '"coverage":false'
	login 7 a 2100000b bob 1 '"coverage":false'
	login 7 a 2100000c carol 1
	is_evictable 2100000a
	explains dave evict 0
	login 7 a 2100000d dave 1
	assert_eq "$verdict" ok
	has_sessions 2
	run bbsession session show 2100000a
	assert_status 1
	run bbsession session show 2100000b
	assert_status 1
	run bbsession session show 2100000c
	assert_status 0
}

@test "admission: without permission nobody is logged out for a login" {
	limit max-sessions 1
	long_silence
	bbsession permission remove bob local
	hold 7 a
	login 7 a 2100000a alice 1 '"coverage":false'
	login 7 a 2100000b bob 1
	assert_eq "$verdict" denied
	explains bob evict 1
	has_sessions 1
	is_evictable 2100000a
}

@test "admission: idle sessions go, and the API is still full: Failed" {
	third carol 2100000c
	limit max-sessions 2
	limit api-max 1
	long_silence
	limit lease-grace 1h
	hold 7 a
	login 7 a 2100000a alice 1
	hold 8 b
	login 8 b 2100000b bob 1
	bb_end KILL "$(session_field 2100000a owner_pid)"
	login 8 b 2100000c carol 1
	assert_eq "$verdict" failed
	assert_eq "$(jq -r .code <<<"$answer")" 300
	has_sessions 1
}

@test "admission: at the maximum and none is idle: Server Busy" {
	limit max-sessions 1
	hold 7 a
	login 7 a 2100000a alice 1
	login 7 a 2100000b bob 1
	assert_eq "$verdict" busy
	assert_eq "$(jq -r .text <<<"$answer")" "Server Busy"
	assert_eq "$(jq -r .retry_after <<<"$answer")" null
	explains bob busy 1
}

@test "admission: Server Busy says when a session could become idle" {
	limit max-sessions 1
	limit status-interval 10s
	limit idle-timeout 60s
	hold 7 a
	login 7 a 2100000a alice 1
	login 7 a 2100000b bob 1
	assert_eq "$verdict" busy
	jq -e '.retry_after > 40 and .retry_after <= 60' <<<"$answer"
}

@test "admission: a maximum of 0 admits nobody: Server Busy" {
	limit max-sessions 0
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$verdict" busy
	explains alice busy 1
	has_sessions 0
}

@test "admission: a lowered maximum: idle sessions go, and it is busy all the same" {
	third carol 2100000c
	limit max-sessions 2
	long_silence
	hold 7 a
	login 7 a 2100000a alice 1 '"coverage":false'
	login 7 a 2100000b bob 1
	limit max-sessions 1
	login 7 a 2100000c carol 1
	assert_eq "$verdict" busy
	has_sessions 1
	run bbsession session show 2100000b
	assert_status 0
}

@test "admission: no maximum and the API carries more: the permitted are admitted" {
	limit api-max 2
	bbsession permission remove bob local
	hold 7 a
	login 7 a 2100000a alice 1
	assert_eq "$verdict" ok
	login 7 a 2100000b bob 1
	assert_eq "$verdict" denied
	explains alice unset 0
	explains bob unset 1
}

@test "admission: no maximum and the API carries no more: Failed (300)" {
	limit api-max 1
	hold 7 a
	login 7 a 2100000a alice 1
	login 7 a 2100000b bob 1
	assert_eq "$verdict" failed
	assert_eq "$(jq -r .text <<<"$answer")" "Failed (300)"
	assert_eq "$(jq -r .code <<<"$answer")" 300
	# Of this process: another one has an API of its own.
	hold 8 b
	login 8 b 2100000b bob 2
	assert_eq "$verdict" ok
}

@test "admission: the API is full below the maximum: Failed" {
	limit api-max 1
	limit max-sessions 5
	hold 7 a
	login 7 a 2100000a alice 1
	login 7 a 2100000b bob 1
	assert_eq "$verdict" failed
}

@test "admission: a login at another service ends the device's session here" {
	bbsession service add local2 --type local
	bbsession permission add alice local2
	hold 7 a
	login 7 a 2100000a alice 1
	attach_line 2100000a alice 2 |
		sed 's/"service":"local"/"service":"local2"/g' >&7
	wait_until 10 has_answer a '.att == 2'
	assert_eq "$(answers a '.att == 2' | jq -r .d.result)" ok
	has_sessions 0
	assert_eq "$(bbsession session count --service local2)" 1
}

@test "admission: no such service is a bad request" {
	hold 7 a
	attach_line 2100000a alice 1 |
		sed 's/"service":"local"/"service":"nowhere"/g' >&7
	wait_until 10 has_answer a '.att == 1'
	assert_eq "$(answers a '.att == 1' | jq -r .d.result)" badrequest
}

# --- idle, and what becomes of it ---------------------------------------------

@test "maximum and timeout set: a session that is out of coverage is logged out" {
	limit max-sessions 1
	long_silence
	hold 7 a
	login 7 a 2100000a alice 1
	login 7 a 2100000b bob 1
	assert_eq "$verdict" busy
	data_line 2100000a alice 1 1 '{"op":"alive","coverage":false}' >&7
	wait_until 5 is_evictable 2100000a
	login 7 a 2100000b bob 2
	assert_eq "$verdict" ok
	wait_until 5 has_answer a '.d.op == "bye" and .d.ended == "evicted"'
}

@test "maximum and timeout set: a session without status messages is logged out" {
	limit max-sessions 1
	short_silence
	hold 7 a
	login 7 a 2100000a alice 1
	wait_until 5 is_evictable 2100000a
	login 7 a 2100000b bob 1
	assert_eq "$verdict" ok
	has_sessions 1
}

@test "a session that sends status messages is not logged out" {
	limit max-sessions 1
	limit status-interval 500ms
	limit idle-timeout 1s
	hold 7 a
	login 7 a 2100000a alice 1
	local seq end=$((${EPOCHREALTIME/./} + 1500000))
	for ((seq = 1; ${EPOCHREALTIME/./} < end; seq++)); do
		data_line 2100000a alice 1 $seq '{"op":"alive"}' >&7
		sleep 0.1 # the interval of a device
	done
	login 7 a 2100000b bob 1
	assert_eq "$verdict" busy
	wait_until 5 is_evictable 2100000a
}

@test "an evicted device is told why when it logs in again" {
	limit max-sessions 1
	long_silence
	hold 7 a
	login 7 a 2100000a alice 1 '"coverage":false'
	login 7 a 2100000b bob 1 '"coverage":false'
	assert_eq "$verdict" ok
	login 7 a 2100000a alice 2
	assert_eq "$verdict" ok
	assert_eq "$(jq -r .ended <<<"$answer")" evicted
	# Once.
	login 7 a 2100000a alice 3
	assert_eq "$(jq -r .ended <<<"$answer")" null
}

@test "a service that was killed: its sessions give way at once when a timeout is set" {
	limit max-sessions 1
	long_silence
	limit lease-grace 1h
	hold 7 a
	login 7 a 2100000a alice 1
	hold 8 b
	login 8 b 2100000b bob 1
	assert_eq "$verdict" busy
	bb_end KILL "$(session_field 2100000a owner_pid)"
	assert_eq "$(session_field 2100000a owner_alive)" false
	is_evictable 2100000a
	login 8 b 2100000b bob 2
	assert_eq "$verdict" ok
	has_sessions 1
}

@test "a service that was killed: its slots are free after the lease grace" {
	limit max-sessions 1
	limit lease-grace 1s
	hold 7 a
	login 7 a 2100000a alice 1
	hold 8 b
	bb_end KILL "$(session_field 2100000a owner_pid)"
	login 8 b 2100000b bob 1
	assert_eq "$verdict" busy
	local att=2
	bob_is_in() {
		login 8 b 2100000b bob $((att++)) && [ "$verdict" = ok ]
	}
	wait_until 5 bob_is_in
	has_sessions 1
	login 8 b 2100000a alice 2
	assert_eq "$verdict" busy
}

@test "a device whose service was killed takes its own slot back at once" {
	limit max-sessions 1
	limit lease-grace 1h
	hold 7 a
	login 7 a 2100000a alice 1
	bb_end KILL "$(session_field 2100000a owner_pid)"
	hold 8 b
	login 8 b 2100000a alice 2
	assert_eq "$verdict" ok
	has_sessions 1
}

@test "a stalled service whose session was taken does no harm when it goes on" {
	limit max-sessions 1
	short_silence
	hold 7 a
	local stalled=$bb_pid
	login 7 a 2100000a alice 1
	data_line 2100000a alice 1 1 '{"op":"alive"}' >&7
	wait_until 5 is_live 2100000a
	kill -STOP "$stalled"
	wait_until 5 is_evictable 2100000a
	hold 8 b
	login 8 b 2100000b bob 1
	assert_eq "$verdict" ok
	data_line 2100000a alice 1 2 '{"op":"send","n":1,"to":"bob","text":"late"}' \
		>&7
	kill -CONT "$stalled"
	exec 7>&-
	wait "$stalled"
	has_sessions 1
	run ! has_answer a '.d.results != null'
	# Nothing waits for bob, in his session or for his next one.
	exec 8>&-
	wait "$bb_pid"
	hold 7 c
	attach_line 2100000b bob 2 '' '"fetch":true' >&7
	wait_until 5 has_answer c '.re == "attach" and .d.result == "ok"'
	run ! has_answer c '.m != null'
}

@test "inactivity ends a session always, status messages or not" {
	limit inactivity-timeout 200ms
	hold 7 a
	login 7 a 2100000a alice 1
	data_line 2100000a alice 1 1 '{"op":"alive"}' >&7
	wait_until 15 has_sessions 0
	wait_until 5 has_answer a '.d.op == "bye" and .d.ended == "inactive"'
	login 7 a 2100000a alice 2
	assert_eq "$(jq -r .ended <<<"$answer")" inactive
}
