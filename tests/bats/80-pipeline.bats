# The login of the flow as a plain shell pipeline, and what it comes to.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

# Fetches until no more wait; the texts, one per line.
fetch_all() { # PIN
	local pin=$1 one

	READ=(--json)
	while :; do
		one=$(pass fetch "$pin")
		jq -r 'select(.kind == "event").text' <<<"$one"
		[ -n "$(jq -c 'select(.kind == "more")' <<<"$one")" ] || break
	done
}

# --- the login ----------------------------------------------------------------

@test "a login through six stages prints the acceptance, and no stage complains" {
	run --separate-stderr pass login 2100000a
	assert_status 0
	assert_eq "$stderr" ""
	assert_has "$output" "2100000a: logged in at local as alice"
	assert_has "$output" "ends with this connection"
	assert_stages_quiet
	has_sessions 0
}

@test "the same written out, as an administrator would type it" {
	bbdevice login --pin 2100000a --user alice --password-file alice.pw \
		--emit |
		bbrouter | bbdispatch | bbcollab | bbdispatch | bbrouter |
		bbdevice read >printed
	has_line printed '^2100000a: logged in at local as alice; session'
}

@test "--json: the acceptance as an object, and that it ends with the connection" {
	READ=(--json)
	run --separate-stderr pass login 2100000a
	assert_status 0
	assert_eq "${#lines[@]}" 1
	[ -n "$(said '.v == 1 and .kind == "answer" and .pin == "2100000a" and
		.result == "ok" and .resume == false and .exit == 0 and
		.status_interval == 60 and (.session | length) == 16')" ]
}

@test "--trace: the steps of the flow, each with a time, and the round trip" {
	local step

	READ=(--trace)
	run --separate-stderr pass login 2100000a --trace
	assert_status 0
	for step in 1 2 3 4 5 6 7; do
		grep -Eq "^2100000a: step $step +[0-9]+ us  bb[a-z]+: ." \
			<<<"$output" || {
			echo "step $step is missing in: $output" >&2
			return 1
		}
	done
	grep -Eq 'step 1 .*bbdevice: compressed [0-9]+ bytes to [0-9]+' \
		<<<"$output"
	grep -Eq '^2100000a: in all +[0-9]+ us' <<<"$output"
	READ=(--trace --json)
	run --separate-stderr pass login 2100000a --trace
	assert_eq "$(said '.kind == "step"' | jq -s 'map(.step) | . == sort')" \
		true
	assert_eq "$(said '.kind == "step"' | jq -sc 'map(.hop) | unique')" \
		'["bbcollab","bbdevice","bbdispatch"]'
	jq -es 'map(select(.kind == "step" and .us < 0)) | length == 0' \
		<<<"$output"
	# No step is invented: all of them took no longer than the whole.
	[ -n "$(said '.kind == "round-trip" and .us > 0 and
		.steps_us <= .us')" ]
}

@test "no steps when none were asked for" {
	READ=(--trace --json)
	run --separate-stderr pass login 2100000a
	assert_status 0
	refute_said '.kind == "step" and .step > 1'
}

@test "a wrong password: the IM server says no, 58" {
	echo wrong >wrong.pw
	PASSWORD=wrong.pw run --separate-stderr pass login 2100000a
	assert_status 58
	assert_has "$output" "bad login"
	assert_stages_quiet
	has_sessions 0
	# The key was rolled all the same, and the right one works.
	run pass login 2100000a
	assert_status 0
}

@test "an account that does not exist at the IM server: not permitted, 48" {
	run --separate-stderr pass login 2100000a --user nobody
	assert_status 48
	assert_has "$output" "not permitted"
}

@test "no permission for the client: not permitted, 48" {
	bbsession permission remove alice local
	run --separate-stderr pass login 2100000a
	assert_status 48
	assert_has "$output" "not permitted"
	assert_stages_quiet
}

@test "a blocked user: not permitted, 48, and permitted when unblocked" {
	bbsession user block alice
	run --separate-stderr pass login 2100000a
	assert_status 48
	bbsession user unblock alice
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "a blocked service: not permitted, 48" {
	bbsession service block local
	run --separate-stderr pass login 2100000a
	assert_status 48
}

@test "a service that does not exist: bad request, 45" {
	run --separate-stderr pass login 2100000a --service nowhere
	assert_status 45
}

@test "a blocked device: the hint, 34, and it works again when unblocked" {
	bbsession device block 2100000a
	run --separate-stderr pass login 2100000a
	assert_status 34
	assert_has "$output" "PIN unknown here"
	bbsession device unblock 2100000a
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "an unknown PIN: the hint, 34" {
	bbsession device remove 2100000a
	run --separate-stderr pass login 2100000a
	assert_status 34
}

@test "a key that the store does not know: the hint, 34, and nothing is changed" {
	local before

	head -c 32 /dev/urandom >other.key
	bbdevice profile remove 2100000a
	bbdevice profile add --pin 2100000a --user alice --key-file other.key
	before=$(profile_field 2100000a current_kid)
	run --separate-stderr pass login 2100000a
	assert_status 34
	assert_eq "$(profile_field 2100000a current_kid)" "$before"
	assert_eq "$(device_field 2100000a att)" 0
}

# --- busy and failed ----------------------------------------------------------

@test "a maximum of 0: Server Busy, 46" {
	limit max-sessions 0
	run --separate-stderr pass login 2100000a
	assert_status 46
	assert_has "$output" "Server Busy"
	assert_stages_quiet
	run bbsession limit explain alice --service local
	assert_status 1
}

@test "a maximum of 1 and two devices in one stream: the second is told Server Busy" {
	limit max-sessions 1
	{ frame login 2100000a && frame login 2100000b; } >both
	gateway <both >answers
	run --separate-stderr bbdevice read --json <answers
	assert_status 46
	assert_eq "$(jq -r '[.pin, .result] | join(" ")' <<<"$output" | sort | xargs)" \
		"2100000a ok 2100000b busy"
	has_sessions 0
}

@test "no maximum and an API that carries one: the second is told Failed (300), 47" {
	limit api-max 1
	{ frame login 2100000a && frame login 2100000b; } >both
	gateway <both >answers
	run --separate-stderr bbdevice read <answers
	assert_status 47
	assert_has "$output" "2100000a: logged in"
	assert_has "$output" "2100000b: Failed (300)"
	limit api-max 0
	run --separate-stderr pass login 2100000a
	assert_status 47
}

# --- messages -----------------------------------------------------------------

@test "what alice sends in one pass, bob fetches in a second, once" {
	run --separate-stderr pass send 2100000a bob 'see you at nine'
	assert_status 0
	assert_has "$output" "message 1 to bob: sent"
	run --separate-stderr pass fetch 2100000b
	assert_status 0
	assert_has "$output" "alice: see you at nine"
	run --separate-stderr pass fetch 2100000b
	assert_status 0
	refute_has "$output" "see you"
	assert_stages_quiet
}

@test "a message from standard input keeps its lines and its characters" {
	local text=$'Grüße — 你好 \U1F600\n\tand "quotes" \\ and a line\n\nend'

	printf '%s\n' "$text" | frame send 2100000a bob |
		gateway | bbdevice read >printed
	READ=(--json)
	run --separate-stderr pass fetch 2100000b
	assert_eq "$(said '.kind == "event"' | jq -r .text)" "$text"
}

@test "the longest message goes through, a longer one is refused on the device" {
	head -c 12288 /dev/urandom | base64 -w 0 >long
	[ "$(stat -c %s long)" = 16384 ]
	frame send 2100000a bob <long | gateway | bbdevice read >printed
	has_line printed 'message 1 to bob: sent'
	READ=(--json)
	run --separate-stderr pass fetch 2100000b
	assert_eq "$(said '.kind == "event"' | jq -r .text)" "$(cat long)"
	echo x >>long
	run -100 --separate-stderr frame send 2100000a bob <long
	assert_has "$stderr" 16384
}

@test "a message to an account that nobody has: refused with a reason, 52" {
	run --separate-stderr pass send 2100000a nobody hello
	assert_status 52
	grep -Eq 'message 1 to nobody: refused: .' <<<"$output"
	assert_stages_quiet
	# It is not repeated, and the next one goes.
	run --separate-stderr pass send 2100000a bob hello
	assert_status 0
	assert_has "$output" "message 2 to bob: sent"
}

@test "a message to a user with two devices reaches both" {
	bb_device 2100000c bob
	OWNER[2100000c]=bob
	pass login 2100000c
	pass send 2100000a bob hello
	# The device that never logged in is not known to use the account yet.
	run pass fetch 2100000c
	assert_has "$output" "alice: hello"
	pass fetch 2100000b
	pass send 2100000a bob again
	run pass fetch 2100000b
	assert_has "$output" "alice: again"
	run pass fetch 2100000c
	assert_has "$output" "alice: again"
	refute_has "$output" "hello"
}

@test "a message to a user without a session waits for the first login" {
	third carol 2100000c
	pass send 2100000a carol 'welcome'
	run pass fetch 2100000c
	assert_has "$output" "alice: welcome"
}

@test "a repeated pass does no harm: a notice, no second message" {
	frame send 2100000a bob once >saved
	gateway <saved >answer
	run bbdevice read <answer
	assert_status 0
	gateway <saved >second
	assert_eq "$("$WIRE" list <second | jq -r .type)" NOTICE
	run --separate-stderr bbdevice read <second
	assert_status 15
	assert_eq "$output" ""
	gateway <saved >third
	assert_eq "$("$WIRE" list <third | jq -r .type)" NOTICE
	READ=(--json)
	run --separate-stderr pass fetch 2100000b
	assert_eq "$(said '.kind == "event"' | wc -l)" 1
	# And the device goes on as if nothing had been.
	run --separate-stderr pass send 2100000a bob twice
	assert_status 0
}

@test "a copy that came first: the device waits for the answer, then takes it" {
	frame send 2100000a bob once >saved
	gateway <saved >answer
	gateway <saved >stale
	run --separate-stderr bbdevice read <stale
	assert_has "$output" "still to come"
	run --separate-stderr bbdevice read <answer
	assert_status 0
	assert_has "$output" "message 1 to bob: sent"
}

@test "an attach number that ran behind: the notice tells it, the next pass works" {
	cp -a phones old
	# Two answers were lost, and then the profile.
	frame login 2100000a | gateway >/dev/null
	frame login 2100000a | gateway >/dev/null
	rm -r phones && mv old phones
	run --separate-stderr pass login 2100000a
	assert_status 32
	assert_has "$output" "the profile has the right number now"
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "an answer that is lost: the next pass works and what was sent counts once" {
	frame send 2100000a bob first | gateway >/dev/null
	frame send 2100000a bob second | gateway >/dev/null
	run --separate-stderr pass login 2100000a
	assert_status 0
	run --separate-stderr pass send 2100000a bob third
	assert_status 0
	assert_eq "$(fetch_all 2100000b | xargs)" "first second third"
}

@test "frames that are lost on the way up: the next pass carries what they had" {
	frame send 2100000a bob first >/dev/null
	frame send 2100000a bob second >/dev/null
	run --separate-stderr pass send 2100000a bob third
	assert_status 0
	assert_has "$output" "message 1 to bob: sent"
	assert_has "$output" "message 3 to bob: sent"
	assert_eq "$(fetch_all 2100000b | xargs)" "first second third"
	assert_eq "$(profile_field 2100000a 'messages | length')" 0
}

@test "an old answer that comes again is refused and changes nothing" {
	local before

	frame login 2100000a | gateway >old
	bbdevice read <old
	cp phones/2100000a/profile.json before
	run --separate-stderr bbdevice read <old
	[ "$status" -ne 0 ]
	assert_eq "$output" ""
	assert_has "$stderr" "dropped"
	cmp before phones/2100000a/profile.json
	run --separate-stderr pass login 2100000a
	assert_status 0
	cp phones/2100000a/profile.json before
	run --separate-stderr bbdevice read <old
	[ "$status" -ne 0 ]
	cmp before phones/2100000a/profile.json
}

@test "the answer of an attach before the last is not taken" {
	local before

	frame login 2100000a | gateway >first
	frame login 2100000a | gateway >second
	before=$(profile_field 2100000a current_kid)
	run --separate-stderr bbdevice read <first
	[ "$status" -ne 0 ]
	assert_eq "$(profile_field 2100000a current_kid)" "$before"
	run --separate-stderr bbdevice read <second
	assert_status 0
	[ "$(profile_field 2100000a current_kid)" != "$before" ]
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "five logins in a row: each rolls the key at both ends" {
	local n kids='' kid

	for n in 1 2 3 4 5; do
		run --separate-stderr pass login 2100000a
		assert_status 0
		kid=$(profile_field 2100000a current_kid)
		refute_has "$kids" "$kid"
		kids+=" $kid"
		# The store follows with the next frame under the new key.
		if [ "$n" -gt 1 ]; then
			assert_has "$kids" "$(device_field 2100000a kid)"
			assert_eq "$(device_field 2100000a kid)" "$last"
		fi
		local last=$kid
	done
	assert_eq "$(device_field 2100000a att)" 5
}

@test "several devices in one stream are all answered, each in its order" {
	local pin

	for pin in 1 2 3 4 5 6; do
		bb_device 2100001$pin alice
		OWNER[2100001$pin]=alice
	done
	{
		frame send 21000011 bob one
		frame login 21000012
		frame login 2100000b
		frame send 21000013 bob two
		frame login 21000014
		frame send 21000015 bob three
		frame login 21000016
	} >stream
	gateway <stream >answers
	run --separate-stderr bbdevice read --json <answers
	assert_status 0
	assert_eq "$(said '.kind == "answer" and .result == "ok"' | wc -l)" 7
	assert_stages_quiet
	assert_eq "$(fetch_all 2100000b | sort | xargs)" "one three two"
}

@test "one device twice in one stream: the later attach is the one that counts" {
	frame login 2100000a >first
	frame send 2100000a bob hello >second
	cat first second | gateway >answers
	bbdevice read --json <answers >said 2>dropped || :
	assert_eq "$(jq -r .kind said | xargs)" "answer result"
	assert_eq "$(fetch_all 2100000b)" hello
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "a stream of 150 messages: three passes up, in order, none twice" {
	local n wanted

	for n in {1..149}; do
		frame send 2100000a bob "message $n" >/dev/null 2>&1
	done
	run pass send 2100000a bob "message 150"
	assert_status 0
	assert_eq "$(profile_field 2100000a 'messages | length')" 86
	pass fetch 2100000a
	assert_eq "$(profile_field 2100000a 'messages | length')" 22
	pass fetch 2100000a
	assert_eq "$(profile_field 2100000a 'messages | length')" 0
	wanted=$(printf 'message %d\n' {1..150})
	assert_eq "$(fetch_all 2100000b)" "$wanted"
	run pass fetch 2100000b
	refute_has "$output" message
}

# --- what becomes of it when much goes wrong -------------------------------------

@test "stages killed at random: every message arrives, once and in order" {
	local n=0

	limit lease-grace 1h
	: >fates
	# mortal COMMAND...: with 10 ms to live, and some more each time.
	mortal() {
		timeout -s KILL "0.$(printf %03d $((RANDOM % (40 + 2 * n) + 10)))" \
			"$@" 2>/dev/null
		case $? in
		137) echo killed >>fates ;;
		0) echo whole >>fates ;;
		esac
	}
	fates() { # WORD COUNT: as often at least
		[ "$(grep -c "$1" fates)" -ge "$2" ]
	}
	until [ "$n" -ge 30 ] && fates killed 10 && fates whole 10; do
		n=$((n + 1))
		[ "$n" -le 200 ]
		frame send 2100000a bob "message $n" 2>/dev/null | bbrouter |
			mortal bbdispatch | mortal bbcollab |
			mortal bbdispatch | bbdevice read >/dev/null 2>&1 || :
	done
	until [ "$(profile_field 2100000a 'messages | length')" = 0 ]; do
		pass fetch 2100000a >/dev/null
	done
	assert_eq "$(fetch_all 2100000b)" \
		"$(for ((i = 1; i <= n; i++)); do echo "message $i"; done)"
	run bbsession db check
	assert_status 0
}

@test "two copies of one profile: who confirms first goes on, the other is not opened" {
	cp -a phones copy
	run --separate-stderr pass login 2100000a
	assert_status 0
	BB_PROFILES=$T/copy frame login 2100000a >of-the-copy
	# The number was used; its key is still known.
	assert_eq "$(kinds_of of-the-copy)" "notice stale"
	run --separate-stderr pass login 2100000a
	assert_status 0
	BB_PROFILES=$T/copy frame login 2100000a >of-the-copy
	assert_eq "$(kinds_of of-the-copy)" "hint 2"
	run --separate-stderr pass login 2100000a
	assert_status 0
}

@test "a configuration store of last week: the numbers begin anew, nothing is lost" {
	pass send 2100000a bob before
	pass fetch 2100000b
	mkdir week
	cp -a data/config.db* week
	pass send 2100000a bob one
	pass send 2100000a bob two
	assert_eq "$(fetch_all 2100000b | xargs)" "one two"
	rm data/config.db*
	cp -a week/. data
	# What the store does not know, it takes from the devices.
	run --separate-stderr pass send 2100000a bob three
	run --separate-stderr pass send 2100000a bob four
	assert_status 0
	assert_eq "$(profile_field 2100000a 'messages | length')" 0
	assert_eq "$(fetch_all 2100000b | xargs)" "three four"
}
