# The live gateway: a login and messages over sockets, devices that come and go.
# shellcheck disable=SC2034,SC2154 # variables of bats and of gateway.bash
load lib
load store
load gateway

# Lines of $output (--json) that jq says true of.
said() { # EXPRESSION
	jq -c "select($1)" <<<"$output"
}

# Both log in and stay, and each hears the other.
talk_both_ways() {
	listens 2100000a
	listens 2100000b
	device send 2100000a bob 'hi bob' >sent
	assert_eq "$(cat sent)" "2100000a: message 1 to bob: sent"
	wait_until 10 has_heard 2100000b 'hi bob'
	device send 2100000b alice 'hi alice' >sent
	wait_until 10 has_heard 2100000a 'hi alice'
	assert_json heard.2100000b '.kind != "event" or .from == "alice"'
	device logout 2100000a
	device logout 2100000b
	wait_until 10 has_sessions 0
}

# --- the gateway --------------------------------------------------------------

@test "the whole gateway in one line: a login, and messages both ways" {
	gateway_chain
	talk_both_ways
	drained r
	assert_servers_quiet
}

@test "the same as three servers on Unix sockets" {
	gateway_stages
	talk_both_ways
	drained r
	drained d
	drained c
	assert_servers_quiet
}

@test "the same on ports of the loopback interface, IPv4 and IPv6" {
	server c bbcollab --listen 127.0.0.1:0
	server d bbdispatch --listen '[::1]:0' --to "local=127.0.0.1:$(port_of c)"
	server r bbrouter --listen '*:0' --to "[::1]:$(port_of d)"
	VIA=(--via "$(port_of r)")
	talk_both_ways
}

@test "a device that reaches the dispatcher without a router" {
	server c bbcollab --listen "unix:$T/c"
	server d bbdispatch --listen 0 --to "unix:$T/c"
	VIA=(--via "$(port_of d)")
	talk_both_ways
}

@test "login --trace: steps 1 to 8 in order, and the session lives" {
	gateway_stages
	run --separate-stderr device login 2100000a --trace --json
	assert_status 0
	assert_eq "$stderr" ""
	assert_eq "$(jq -sc 'map(select(.kind == "step").step)' <<<"$output")" \
		'[1,2,3,4,5,6,7,8]'
	assert_eq "$(jq -sc 'map(select(.kind == "step").hop) | unique' \
		<<<"$output")" '["bbcollab","bbdevice","bbdispatch"]'
	[ -n "$(said '.kind == "answer" and .result == "ok" and .resume')" ]
	# Not a step is invented.
	[ -n "$(said '.kind == "round-trip" and .us >= .steps_us')" ]
	has_sessions 1
	# Exit without logout is out of coverage.
	wait_until 5 field_is 2100000a coverage false
}

@test "many texts at once arrive in order, each once" {
	gateway_stages
	listens 2100000b
	"$SIM/numbered.py" say 0 300 | device send 2100000a bob --json >sent
	assert_json sent '.kind == "result" and .result == "sent"'
	"$SIM/numbered.py" heard 300 heard.2100000b
}

# --- verdicts -----------------------------------------------------------------

@test "Server Busy: 46, and it says when to come again" {
	gateway_stages
	limit max-sessions 1
	listens 2100000b
	run device login 2100000a
	assert_status 46
	assert_has "$output" "Server Busy"
	limit max-sessions 2
	device login 2100000a
}

@test "Failed (300): 47, when the API carries no more" {
	gateway_stages
	limit api-max 1
	listens 2100000b
	run device login 2100000a
	assert_status 47
	assert_has "$output" "Failed (300)"
}

@test "not permitted: 48; a bad login: 58" {
	gateway_stages
	bbsession user block alice
	run device login 2100000a
	assert_status 48
	assert_has "$output" "not permitted"
	bbsession user unblock alice
	echo wrong >wrong.pw
	PASSWORD=wrong.pw run device login 2100000a
	assert_status 58
	assert_has "$output" "bad login"
	# Neither did harm.
	device login 2100000a
}

@test "a device that is blocked, or unknown: hint 2 (34), and it changes nothing" {
	local kid

	gateway_stages
	device login 2100000a
	kid=$(bbdevice profile show 2100000a --json | jq -r .current_kid)
	bbsession device block 2100000a
	run device login 2100000a
	assert_status 34
	bbsession device unblock 2100000a
	assert_eq "$(bbdevice profile show 2100000a --json |
		jq -r .current_kid)" "$kid"
	device login 2100000a
	bbsession device remove 2100000b
	run device login 2100000b
	assert_status 34
}

@test "no router: 21 or 22; no dispatcher: 31; no Collaboration Service: 41" {
	local port

	port=$(free_port)
	VIA=(--via "unix:$T/nowhere")
	run device login 2100000a
	assert_status 21
	VIA=(--via "$port")
	run device login 2100000a
	assert_status 22
	server r bbrouter --listen "$port" --to "unix:$T/d"
	run device login 2100000a
	assert_status 31
	server d bbdispatch --listen "unix:$T/d" --to "local=unix:$T/c"
	wait_until 10 ask_is r stats '.trunks[0].ready'
	run device login 2100000a
	assert_status 41
	server c bbcollab --listen "unix:$T/c"
	# The first that asks is the reason to dial again.
	wait_until 10 device login 2100000a
}

@test "a service that nobody serves: 41, prompt, and others go on" {
	server c bbcollab --listen "unix:$T/c"
	server d bbdispatch --listen "unix:$T/d" --to "local=unix:$T/c"
	server r bbrouter --listen 0 --to "unix:$T/d"
	VIA=(--via "$(port_of r)")
	listens 2100000b
	run device login 2100000a --service elsewhere
	assert_status 41
	device send 2100000b bob 'to myself'
	wait_until 5 has_heard 2100000b 'to myself'
}

@test "--retry: a device that is there before its gateway waits for it" {
	local port

	port=$(free_port)
	VIA=(--via "$port")
	bb_spawn device login 2100000a --retry 20s >out 2>&1
	server c bbcollab --listen "unix:$T/c"
	server d bbdispatch --listen "unix:$T/d" --to "unix:$T/c"
	server r bbrouter --listen "$port" --to "unix:$T/d"
	wait "$bb_pid"
	has_line out 'logged in at local as alice'
}

# --- a device that comes and goes ---------------------------------------------

@test "two shells on one profile: one listens, the others speak through it" {
	local i

	gateway_chain
	listens 2100000b
	device login 2100000a
	bbdevice listen --pin 2100000a "${VIA[@]}" >out 2>err 3>&- 4>&- &
	BB_PIDS+=("$!")
	wait_until 10 has_line out 'logged in'
	# No password, no address: the first process has both.
	for i in 1 2 3; do
		echo "hi $i" | bbdevice send --pin 2100000a bob
	done
	run bbdevice status --pin 2100000a --json
	[ -n "$(said '.state == "open" and .linked')" ]
	bbdevice send --pin 2100000b alice answer
	wait_until 10 has_line out 'bob: answer'
	wait_until 10 has_heard 2100000b 'hi 3'
	assert_eq "$(heard 2100000b)" "hi 1 hi 2 hi 3"
	has_sessions 2
	bbdevice logout --pin 2100000a
	wait_until 10 has_sessions 1
}

@test "a device that vanishes and returns has every event once, in order" {
	gateway_stages
	listens 2100000b
	"$SIM/numbered.py" say 0 20 | device send 2100000a bob >/dev/null
	wait_until 10 has_heard 2100000b 20
	wait_until 10 field_is 2100000b waiting 0
	ends 2100000b KILL
	"$SIM/numbered.py" say 0 40 | sed 1,20d |
		device send 2100000a bob >/dev/null
	assert_eq "$(session_field 2100000b waiting)" 20
	listens 2100000b
	wait_until 10 has_heard 2100000b 40
	"$SIM/numbered.py" heard 40 heard.2100000b
	# What was acknowledged is kept no longer.
	wait_until 10 field_is 2100000b waiting 0
}

@test "a device that is killed under traffic misses nothing" {
	local i

	gateway_stages
	listens 2100000b
	bb_spawn bash -c "'$SIM/numbered.py' say 4 500 | exec bbdevice send \
		--pin 2100000a --password-file alice.pw ${VIA[*]} bob" >sent
	for i in 100 200 300; do
		wait_until 20 has_heard 2100000b $i
		ends 2100000b KILL
		listens 2100000b
	done
	wait_until 20 has_heard 2100000b 500
	# One that was printed, and not marked yet, comes again (bbdevice(1)).
	"$SIM/numbered.py" heard 500 heard.2100000b again
}

@test "a device that returns from another address gets what waits there" {
	gateway_stages
	bb_spawn "$SIM/recorder.py" 0 "127.0.0.1:$(port_of r)" rec \
		from=127.0.0.2 >port
	wait_until 10 test -s port
	listens 2100000b
	device send 2100000a bob 1
	wait_until 10 has_heard 2100000b 1
	ends 2100000b KILL
	device send 2100000a bob 2
	VIA=(--via "$(cat port)")
	listens 2100000b
	assert_eq "$(ask r links | jq -r '.links[] | select(.pin == "2100000b").from' |
		cut -d: -f1)" 127.0.0.2
	device send 2100000a bob 3
	wait_until 10 has_heard 2100000b 3
	"$SIM/numbered.py" heard 3 heard.2100000b
	# It is the same session.
	assert_eq "$(jq -r 'select(.kind == "answer").session' heard.2100000b |
		uniq | wc -l)" 1
}

@test "a device that moves while its old link still stands is served at the new one" {
	gateway_stages
	bb_spawn "$SIM/recorder.py" 0 "127.0.0.1:$(port_of r)" rec >port
	wait_until 10 test -s port
	VIA=(--via "$(cat port)" --via "$(port_of r)")
	listens 2100000b
	device send 2100000a bob 1
	wait_until 10 has_heard 2100000b 1
	# The proxy holds the router's side open and takes no more devices.
	kill -USR1 "$bb_pid"
	device send 2100000a bob 2
	wait_until 20 has_heard 2100000b 2
	ask_is r links '[.links[] | select(.pin == "2100000b")] | length == 2'
	"$SIM/numbered.py" heard 2 heard.2100000b
}

@test "out of coverage: events wait, and come once when it is back" {
	gateway_stages
	listens 2100000b
	bbdevice coverage off --pin 2100000b
	wait_until 5 field_is 2100000b coverage false
	"$SIM/numbered.py" say 0 5 | device send 2100000a bob >/dev/null
	assert_eq "$(session_field 2100000b waiting)" 5
	assert_eq "$(heard 2100000b)" ""
	run bbdevice status --pin 2100000b --json
	[ -n "$(said '.linked | not')" ]
	bbdevice coverage on --pin 2100000b
	wait_until 10 has_heard 2100000b 5
	wait_until 10 field_is 2100000b coverage true
	"$SIM/numbered.py" heard 5 heard.2100000b
	has_sessions 2
}

@test "a device that was evicted is told so when it returns" {
	gateway_stages
	limit max-sessions 1
	limit idle-timeout 2m
	device login 2100000a >/dev/null
	wait_until 5 field_is 2100000a coverage false
	device login 2100000b >/dev/null
	has_sessions 1
	PASSWORD='' run device resume 2100000a
	assert_status 49
	assert_has "$output" "logged out while idle, to make room"
	# Told once; then it is a login like another.
	limit max-sessions 2
	device send 2100000b alice 'while you were out' >/dev/null
	run device fetch 2100000a
	assert_status 0
	assert_has "$output" "while you were out"
	refute_has "$output" "to make room"
}

@test "one that is connected while it is evicted hears it at once" {
	gateway_stages
	listens 2100000b
	bbsession session kill 2100000b
	wait_until 10 has_line heard.2100000b '"kind":"bye".*"ended":"killed"'
	status=0
	wait "${PID[2100000b]}" || status=$?
	assert_status 49
}

@test "all stages are started again: the session goes on, events each once" {
	gateway_stages
	listens 2100000b
	device send 2100000a bob 1
	wait_until 10 has_heard 2100000b 1
	COMMAND[r]=${COMMAND[r]/--listen 0/--listen $(port_of r)}
	ends r KILL
	ends d KILL
	ends c KILL
	again c
	again d
	again r
	wait_until 10 device send 2100000a bob 2
	wait_until 20 has_heard 2100000b 2
	device send 2100000a bob 3
	wait_until 10 has_heard 2100000b 3
	"$SIM/numbered.py" heard 3 heard.2100000b
	assert_eq "$(jq -r 'select(.kind == "answer").session' heard.2100000b |
		uniq | wc -l)" 1
}

@test "events that wait outlive all processes" {
	gateway_stages
	device login 2100000b >/dev/null
	"$SIM/numbered.py" say 0 5 | device send 2100000a bob >/dev/null
	drained r
	drained d
	drained c
	gateway_stages
	listens 2100000b
	wait_until 10 has_heard 2100000b 5
	"$SIM/numbered.py" heard 5 heard.2100000b
}

@test "kill -9 of a chain's child ends the chain; its successor goes on" {
	local child

	gateway_chain
	COMMAND[r]=${COMMAND[r]/--listen 0/--listen $(port_of r)}
	listens 2100000b
	device send 2100000a bob 1
	wait_until 10 has_heard 2100000b 1
	child=$(pgrep -P "${PID[r]}")
	kill -KILL "$(pgrep -P "$child")"
	status=0
	wait "${PID[r]}" || status=$?
	assert_status 111
	has_line log/r.err 'ended'
	again r
	wait_until 10 device send 2100000a bob 2
	wait_until 20 has_heard 2100000b 2
	"$SIM/numbered.py" heard 2 heard.2100000b
}

# --- secrets ------------------------------------------------------------------

# carol, whose name, password and texts stand nowhere else; her password's file
# is outside of $T.
canaries() {
	user=$(bb_canary) secret=$(bb_canary) text=$(bb_canary)
	third "$user" 2100000c
	mv "$user.pw" "$BATS_TEST_TMPDIR/word"
	mkdir "$BATS_TEST_TMPDIR/outside"
	echo "$secret" >"$BATS_TEST_TMPDIR/word"
	bbsession user passwd "$user" \
		--password-file "$BATS_TEST_TMPDIR/word" >/dev/null
	password_of() {
		echo "$BATS_TEST_TMPDIR/word"
	}
}

# A session with all that it may have, and some wrong turns.
canary_session() {
	listens 2100000c
	device send 2100000c "$user" "$text" >sent
	wait_until 10 has_heard 2100000c "$text"
	device presence 2100000c away "$text"
	bbdevice status --pin 2100000c >/dev/null
	bbdevice coverage off --pin 2100000c
	device send 2100000c "$user" "$text too" >sent 2>&1 || :
	bbdevice coverage on --pin 2100000c
	run device login 2100000c --service elsewhere --trace
	run device login 2100000c --trace
	assert_status 0
}

@test "a password is in no list, environment, file or log of all five tools" {
	local user secret text

	gateway_stages -v -v
	drained d
	drained r
	server d bbdispatch -v -v --listen "unix:$T/d" --to "unix:$T/c"
	server r bbrouter -v -v --listen 0 --to "unix:$T/d"
	VIA=(--via "$(port_of r)")
	canaries
	canary_session
	{
		bbsession session show 2100000c
		bbsession --json session list
		ask c sessions
		for name in c d r; do
			ask "$name" stats
		done
		ask r links
		ask d links
	} >shown
	refute_canary_in_processes "$secret"
	refute_canary "$secret" "$T"
	# Stages say in no log what was written.
	refute_canary "$text" log shown
	ends 2100000c TERM
	drained r
	drained d
	drained c
	refute_canary "$secret" "$T"
	refute_canary "$text" log
	# It was said a lot, and the search would find it.
	[ "$(cat log/*.err | wc -l)" -gt 20 ]
	cp "$BATS_TEST_TMPDIR/word" "$T/found"
	run refute_canary "$secret" "$T"
	assert_status 1
}

@test "the router's memory, log and answers name no user, password or text" {
	local user secret text

	[ "$EUID" -eq 0 ] || skip "only root can read the memory of a process"
	[ -z "${BB_SAN:-}" ] || skip "a sanitizer's memory is too much to read"
	gateway_stages
	drained r
	server r bbrouter -v -v --listen 0 --to "unix:$T/d"
	VIA=(--via "$(port_of r)")
	canaries
	canary_session
	ask r stats >shown
	ask r links >>shown
	refute_canary "$user" log/r.err shown
	refute_canary "$text" log/r.err shown
	run "$SIM/memory.py" "${PID[r]}" "$user" "$secret" "$text"
	assert_status 1
	# The scan sees what is there: a device it does know, a user it does not.
	"$SIM/memory.py" "${PID[r]}" "$T/d"
	"$SIM/memory.py" "${PID[c]}" "$user"
}
