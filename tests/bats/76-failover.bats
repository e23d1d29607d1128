# Two routers, two dispatchers, two collaboration services of one service: each
# is killed, or told to end, while two devices talk; nothing is lost or doubled.
# shellcheck disable=SC2034,SC2154 # variables of bats and of gateway.bash
load lib
load gateway

# alice and bob stay, and each sends the other numbers until `hush`.
# Devices find that a process is gone by their next sign of life.
talk() {
	limit status-interval 1s
	listens 2100000a
	listens 2100000b
	talks 2100000a bob
	talks 2100000b alice
	both_go_on
}

talks() { # PIN TO
	# shellcheck disable=SC2016 # the inner shell's
	bash -c '"$0" say 10 "$1" | exec bbdevice send --pin "$2" --json "$3"' \
		"$SIM/numbered.py" hushed "$1" "$2" >"sent.$1" 2>>"log/$1.err" \
		3>&- 4>&- &
	PID[talks.$1]=$!
	BB_PIDS+=("$!")
}

heard_count() { # PIN
	grep -c '"kind":"event"' "heard.$1" || :
}

sent_count() { # PIN
	wc -l <"sent.$1"
}

# What is sent from now on is heard, in both directions: 32 may have been under
# way before.
both_go_on() {
	local a b

	a=$(($(sent_count 2100000b) + 35))
	b=$(($(sent_count 2100000a) + 35))
	wait_until 45 reached 2100000a $a
	wait_until 45 reached 2100000b $b
}

reached() { # PIN COUNT
	[ "$(heard_count "$1")" -ge "$2" ]
}

# The talk ends: all that was sent was heard, once, in order; a result for each.
# A result may be lost with the link that carried it: then the acknowledgement is
# all that the sender gets (59).
hush() {
	local pin other last

	touch hushed
	for pin in 2100000a 2100000b; do
		status=0
		wait "${PID[talks.$pin]}" || status=$?
		[ "$status" -eq 59 ] || assert_status 0
		assert_json "sent.$pin" '.kind == "result" and (.result == "sent"
			or (.result == "unknown" and
			.reason == "it was acknowledged, its result was lost"))'
		assert_eq "$(jq .n "sent.$pin" | sort -n | uniq -d)" ""
	done
	for pin in 2100000a 2100000b; do
		other=2100000a
		[ $pin = 2100000b ] || other=2100000b
		last=$(wc -l <"sent.$other")
		wait_until 20 reached $pin "$last"
		"$SIM/numbered.py" heard "$last" heard.$pin
	done
	# Nobody gave up, and nobody logged in a second time.
	kill -0 "${PID[2100000a]}" "${PID[2100000b]}"
	has_sessions 2
}

sessions_lasted() {
	local pin

	for pin in 2100000a 2100000b; do
		assert_eq "$(jq -r 'select(.kind == "answer").session' \
			heard.$pin | sort -u | wc -l)" 1
	done
}

# No message was understood by nobody: lines, frames, stores were sound.
no_faults() {
	! grep -Ehv 'has gone|is ready|is connected|cannot be reached' \
		log/[cdr]*.err || return 1
}

# The answer to `stats` of NAME grows: it is used.
is_used() { # NAME EXPRESSION
	local before

	before=$(ask "$1" stats | jq "$2")
	wait_until 20 ask_is "$1" stats "$2 > $before"
}

@test "dispatchers are killed in turn under traffic: nothing is lost or doubled" {
	gateway_twins
	talk
	ends d1 KILL
	both_go_on
	again d1
	wait_until 20 ask_is d1 stats '.trunks | length == 2'
	ends d2 KILL
	both_go_on
	is_used d1 .opened
	again d2
	both_go_on
	hush
	sessions_lasted
	no_faults
}

@test "services are killed in turn under traffic: devices return by themselves" {
	gateway_twins
	talk
	ends c1 KILL
	both_go_on
	is_used c2 .commits
	again c1
	wait_until 20 ask_is c1 stats '.dispatchers == 2'
	ends c2 KILL
	both_go_on
	is_used c1 .commits
	again c2
	both_go_on
	hush
	sessions_lasted
	no_faults
}

@test "routers are killed in turn under traffic: devices go to the other" {
	gateway_twins
	talk
	ends r1 KILL
	both_go_on
	assert_eq "$(ask r2 stats | jq .links.authentic)" 2
	again r1
	ends r2 KILL
	both_go_on
	assert_eq "$(ask r1 stats | jq .links.authentic)" 2
	again r2
	hush
	sessions_lasted
	no_faults
}

@test "one of each is killed at the same moment: the other three go on" {
	gateway_twins
	talk
	kill -KILL "${PID[c1]}" "${PID[d2]}" "${PID[r1]}"
	both_go_on
	again c1
	again d2
	again r1
	both_go_on
	hush
	sessions_lasted
}

@test "all are killed and started again: the talk goes on" {
	local name

	gateway_twins
	talk
	kill -KILL "${PID[c1]}" "${PID[c2]}" "${PID[d1]}" "${PID[d2]}" \
		"${PID[r1]}" "${PID[r2]}"
	for name in r1 d2 c1 d1 c2 r2; do
		again $name
	done
	both_go_on
	hush
	sessions_lasted
}

told_unreachable() {
	ask_is d1 stats '.unreachable > 0' || ask_is d2 stats '.unreachable > 0'
}

@test "both services are gone for a while: senders wait, and are served later" {
	gateway_twins
	talk
	kill -KILL "${PID[c1]}" "${PID[c2]}"
	wait_until 45 told_unreachable
	again c1
	both_go_on
	hush
	sessions_lasted
}

@test "a rolling restart by SIGTERM: each stage drains, nothing is lost" {
	local name

	gateway_twins
	talk
	for name in c1 c2 d1 d2 r1 r2; do
		drained $name
		both_go_on
		again $name
		case $name in
		c?) wait_until 20 ask_is $name stats '.dispatchers == 2' ;;
		d?) wait_until 20 ask_is $name stats '.trunks | length == 2' ;;
		esac
	done
	hush
	sessions_lasted
	no_faults
}

@test "a stage that is stopped for a while (SIGSTOP) harms nobody when it wakes" {
	gateway_twins
	talk
	kill -STOP "${PID[c1]}"
	kill -STOP "${PID[d2]}"
	sleep 2
	kill -CONT "${PID[c1]}"
	kill -CONT "${PID[d2]}"
	both_go_on
	hush
	sessions_lasted
}
