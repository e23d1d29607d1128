# Full duplex: the service lives on behind FIFOs, frames go up and come down.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

state_is() { # PIN STATE
	[ "$(session_field "$1" state 2>/dev/null)" = "$2" ]
}

field_is() { # PIN MEMBER VALUE
	[ "$(session_field "$1" "$2")" = "$3" ]
}

no_session() { # PIN
	run bbsession session show "$1"
	assert_status 1
}

# Both log in, and each has sent its first frame under the new key.
both_live() {
	hold_gateway
	READ=(--json)
	talk login 2100000a
	talk login 2100000b
	live 2100000a
	live 2100000b
}

live() { # PIN
	frame alive "$1" >&9
	wait_until 5 state_is "$1" live
}

# Alice says a last word; by then bob has heard all before it.
last_word() {
	frame send 2100000a bob end --in-session >&9
	hear 1 '.kind == "event" and .text == "end"'
}

@test "the first frame under the new key starts the session and makes the key current" {
	local old new

	old=$(device_field 2100000a kid)
	hold_gateway
	talk login 2100000a
	assert_status 0
	new=$(profile_field 2100000a current_kid)
	[ "$new" != "$old" ]
	# Answered, not confirmed: the store keeps both.
	assert_eq "$(device_field 2100000a kid)" "$old"
	state_is 2100000a provisional
	has_sessions 1
	live 2100000a
	assert_eq "$(device_field 2100000a kid)" "$new"
	# The device keeps the old one until a frame comes down under the new.
	assert_eq "$(profile_field 2100000a previous_kid)" "$old"
	frame send 2100000a bob hello --in-session >&9
	hear 1 '.kind == "result" and .result == "sent"'
	assert_eq "$status" 0
	assert_eq "$(profile_field 2100000a previous_kid)" null
	end_gateway
	assert_eq "$(device_field 2100000a kid)" "$new"
}

@test "a message goes to a live session at once, and its result comes back" {
	both_live
	frame send 2100000a bob 'are you there?' --in-session >&9
	hear 2 '(.pin == "2100000b" and .kind == "event" and
		.from == "alice" and .text == "are you there?") or
		(.pin == "2100000a" and .kind == "result" and .n == 1 and
		.result == "sent")'
	assert_eq "$status" 0
	field_is 2100000b waiting 1
	# The next frame of the device carries the acknowledgement.
	frame send 2100000b alice yes --in-session >&9
	hear 1 '.pin == "2100000a" and .text == "yes"'
	field_is 2100000b waiting 0
	end_gateway
	assert_stages_quiet
}

@test "events that nobody acknowledges: at most 32 are under way, the rest waits" {
	local n

	both_live
	for n in {1..40}; do
		frame send 2100000a bob "message $n" --in-session >/dev/null 2>&1
	done
	frame send 2100000a bob 'message 41' --in-session >&9
	hear 41 '.kind == "result" and .result == "sent"'
	field_is 2100000b waiting 41
	assert_eq "$(jq -s 'map(select(.kind == "event")) | length' heard)" 32
	frame alive 2100000b >&9
	hear 9 '.kind == "event"'
	assert_eq "$(texts 2100000b)" "$(printf 'message %d ' {1..41} | xargs)"
	field_is 2100000b waiting 9
	end_gateway
}

@test "a device that was away is told on its first frame what waits" {
	hold_gateway
	READ=(--json)
	talk send 2100000a bob 'while you were away'
	talk login 2100000b
	refute_said '.kind == "event"'
	live 2100000b
	hear 1 '.text == "while you were away"'
	end_gateway
}

@test "presence, coverage and the cache of connectivity information are shown" {
	hold_gateway
	talk login 2100000a --show away --status 'at lunch'
	assert_status 0
	field_is 2100000a show away
	field_is 2100000a status 'at lunch'
	field_is 2100000a coverage true
	[ "$(session_field 2100000a backend)" != null ]
	[ "$(session_field 2100000a last_status_ms)" -lt 60000 ]
	frame presence 2100000a busy 'in a talk' >&9
	wait_until 5 field_is 2100000a show busy
	field_is 2100000a status 'in a talk'
	frame alive 2100000a --coverage off >&9
	wait_until 5 field_is 2100000a coverage false
	has_sessions 1
	frame alive 2100000a --coverage on >&9
	wait_until 5 field_is 2100000a coverage true
	end_gateway
}

@test "a login that says it leaves coverage is out of coverage from the start" {
	hold_gateway
	talk login 2100000a --coverage off
	field_is 2100000a coverage false
	end_gateway
}

@test "logout: the session ends, the device hears it, and is not told again" {
	both_live
	frame logout 2100000a >&9
	hear 1 '.kind == "bye" and .ended == "logout"'
	assert_eq "$status" 0
	no_session 2100000a
	has_sessions 1
	talk login 2100000a
	assert_status 0
	refute_said '.ended != null'
	end_gateway
}

@test "a frame after logout: attach again, and it has no effect" {
	both_live
	frame send 2100000a bob late --in-session >saved
	frame logout 2100000a >&9
	hear 1 '.kind == "bye"'
	cat saved >&9
	come_down 1
	assert_eq "$("$WIRE" list <news | jq -r '.type + " " + .pin')" \
		"NOTICE 2100000a"
	# What was not acknowledged goes with the next attach, once.
	frame send 2100000a bob again >&9
	hear 2 '.kind == "result" and .result == "sent"'
	live 2100000a
	last_word
	assert_eq "$(texts 2100000b)" "late again end"
	end_gateway
}

@test "fetch in the session: what is not acknowledged comes again" {
	both_live
	frame send 2100000a bob lost --in-session >&9
	# Alice hears of it, bob's frame is lost.
	come_down 2
	bbdevice read --json --pin 2100000a <news
	frame fetch 2100000b --in-session >&9
	hear 1 '.kind == "event"'
	frame fetch 2100000b --in-session >&9
	live 2100000a
	last_word
	assert_eq "$(texts 2100000b)" "lost end"
	end_gateway
}

@test "resume in the living service: the same session, a new key" {
	local id kid

	both_live
	id=$(session_field 2100000a session)
	kid=$(profile_field 2100000a current_kid)
	talk resume 2100000a
	assert_status 0
	[ -n "$(said ".kind == \"answer\" and .result == \"ok\" and
		.session == \"$id\"")" ]
	[ "$(profile_field 2100000a current_kid)" != "$kid" ]
	has_sessions 2
	# Until the first frame under the new attach the old one is in force.
	live 2100000a
	assert_eq "$(session_field 2100000a session)" "$id"
	frame send 2100000b alice hello --in-session >&9
	hear 1 '.pin == "2100000a" and .text == "hello"'
	end_gateway
}

@test "resume of a session that is gone: unknown session, 49; then a login works" {
	both_live
	bbsession session kill 2100000a
	talk resume 2100000a
	assert_status 49
	[ -n "$(said '.result == "unknown-session"')" ]
	talk login 2100000a
	assert_status 0
	live 2100000a
	end_gateway
	# A service that has never seen it.
	run --separate-stderr pass resume 2100000a
	assert_status 49
}

@test "a frame that comes twice has its effect once" {
	both_live
	frame send 2100000a bob once --in-session >twice
	cat twice twice >&9
	hear 1 '.text == "once"'
	frame presence 2100000a away >volatile
	cat twice volatile twice >&9
	wait_until 5 field_is 2100000a show away
	# Volatile ones too: the old presence does not come back.
	frame presence 2100000a busy >&9
	wait_until 5 field_is 2100000a show busy
	cat volatile twice >&9
	last_word
	field_is 2100000a show busy
	field_is 2100000a up_next 3
	assert_eq "$(texts 2100000b)" "once end"
	end_gateway
}

@test "a frame that is lost: the next one carries its message, in order" {
	both_live
	frame send 2100000a bob one --in-session >/dev/null
	frame send 2100000a bob two --in-session >/dev/null
	frame send 2100000a bob three --in-session >&9
	hear 3 '.kind == "result" and .result == "sent"'
	last_word
	assert_eq "$(texts 2100000b)" "one two three end"
	assert_eq "$(jq -r 'select(.kind == "result").n' heard | xargs)" \
		"1 2 3 4"
	end_gateway
}

@test "frames out of order: each has its effect, none twice" {
	both_live
	frame presence 2100000a away >one
	frame presence 2100000a busy >two
	frame send 2100000a bob hello --in-session >three
	cat three two one three two >&9
	last_word
	assert_eq "$(texts 2100000b)" "hello end"
	field_is 2100000a show away
	end_gateway
}

@test "a frame of an attach before the present one has no effect" {
	both_live
	frame presence 2100000a away >old
	frame logout 2100000a >>old
	talk resume 2100000a
	live 2100000a
	cat old >&9
	last_word
	assert_eq "$(session_field 2100000a show)" null
	has_sessions 2
	end_gateway
}

@test "an administrator's kill is noticed by the service: the device attaches again" {
	both_live
	bbsession session kill 2100000a
	has_sessions 1
	frame send 2100000a bob early --in-session >&9
	# Noticed by its fence: without a word.  Then it is not known.
	attach_again() {
		frame alive 2100000a >&9
		wait_until 1 hears 1 '.code == "reattach"' 2>/dev/null
	}
	output='' down_size=''
	wait_until 10 attach_again
	no_session 2100000a
	talk login 2100000a
	[ -n "$(said '.ended == "killed"')" ]
	live 2100000a
	last_word
	assert_eq "$(texts 2100000b)" "early end"
	end_gateway
}

@test "a session that was killed takes no message: what it sends is not delivered" {
	both_live
	bbsession session kill 2100000a
	frame send 2100000a bob early --in-session >&9
	frame send 2100000b bob barrier --in-session >&9
	hear 1 '.text == "barrier"'
	assert_eq "$(texts 2100000b)" barrier
	end_gateway
}

@test "the end of the input logs out, and the next login is told nothing of it" {
	both_live
	end_gateway
	has_sessions 0
	run --separate-stderr pass login 2100000a
	assert_status 0
	refute_said '.ended != null'
}

@test "a dispatcher of its own for each frame, up and down: it has no memory" {
	local seen=0

	# Through one-shot filters into the held service, and what it says to
	# that through others.
	through() { # COUNT-OF-LINES-DOWN VERB PIN WORDS...
		local count=$1

		shift
		frame "$@" | up >&7
		wait_until 10 has_lines $((seen + count))
		tail -n +$((seen + 1)) a | down >news
		seen=$((seen + count))
		run --separate-stderr bbdevice read --json <news
	}
	has_lines() { [ "$(wc -l <a)" -ge "$1" ]; }

	hold 7 a
	through 1 login 2100000a
	assert_status 0
	through 1 login 2100000b
	assert_status 0
	frame alive 2100000b | up >&7
	through 2 send 2100000a bob hello --in-session
	assert_status 0
	[ -n "$(said '.pin == "2100000b" and .text == "hello"')" ]
	[ -n "$(said '.pin == "2100000a" and .result == "sent"')" ]
	has_sessions 2
	exec 7>&-
	wait "$bb_pid"
}

@test "a device that is blocked meanwhile: its next frame is not opened" {
	both_live
	bbsession device block 2100000a
	frame send 2100000a bob 'after the block' --in-session >&9
	hear 1 '.kind == "hint" and .pin == "2100000a"'
	frame send 2100000b alice 'to the blocked' --in-session >&9
	hear 1 '.kind == "result" and .pin == "2100000b"'
	assert_eq "$(texts 2100000b)" ""
	# Nothing is sealed for it either; it waits until it may again.
	assert_eq "$(texts 2100000a)" ""
	bbsession device unblock 2100000a
	frame fetch 2100000a --in-session >&9
	hear 1 '.text == "to the blocked"'
	end_gateway
}

# --- two attaches that overtake each other --------------------------------------

@test "an attach that is overtaken by the next: notice stale, the next one is answered" {
	hold_gateway
	frame login 2100000a >first
	frame login 2100000a >second
	cat second first >&9
	hear 1 '.kind == "answer" and .result == "ok"'
	down_size=''
	wait_until 5 has_come 2
	assert_eq "$("$WIRE" list <down | jq -r '.type + " \(.att)"' | sort |
		xargs)" "ANSWER 2 NOTICE 1"
	live 2100000a
	end_gateway
}

@test "a second login while the first is confirmed: replaced, and the old key is gone" {
	local kid

	both_live
	kid=$(device_field 2100000a kid)
	talk login 2100000a
	assert_status 0
	live 2100000a
	[ "$(device_field 2100000a kid)" != "$kid" ]
	has_sessions 2
	end_gateway
}

@test "a link that a later frame names changes nothing: an attach alone moves it" {
	local link

	# at LINK COMMAND...: a line that came over it.
	at() {
		local link=$1

		shift
		"$@" | sed "s/\"link\":\"$ZERO16\"/\"link\":\"000000000000000$link\"/"
	}
	links() { # of what went to alice, in order
		jq -r 'select(.pin == "2100000a").link' a | uniq | xargs
	}
	send() { # SEQ N
		data_line 2100000b bob 1 "$1" \
			"{\"op\":\"send\",\"n\":$2,\"to\":\"alice\",\"text\":\"$2\"}"
	}
	hold 7 a
	at 1 attach_line 2100000a alice 1 >&7
	attach_line 2100000b bob 1 >&7
	at 1 data_line 2100000a alice 1 1 '{"op":"alive"}' >&7
	# Authentic, and over another link: a copy, or a thief of it.
	at 2 data_line 2100000a alice 1 2 '{"op":"alive"}' >&7
	at 2 data_line 2100000a alice 1 1 '{"op":"alive"}' >&7
	send 1 1 >&7
	wait_until 5 has_answer a '.d.events[0].text == "1"'
	# A new attach is answered over its link, and confirmed moves it.
	at 3 attach_line 2100000a alice 2 >&7
	wait_until 5 has_answer a '.re == "attach" and .att == 2'
	at 3 data_line 2100000a alice 2 1 '{"op":"alive"}' >&7
	send 2 2 >&7
	wait_until 5 has_answer a '.d.events[0].text == "2" or
		.d.events[1].text == "2"'
	assert_eq "$(links)" "0000000000000001 0000000000000003"
}
