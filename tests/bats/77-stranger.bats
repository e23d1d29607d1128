# A stranger who knows PINs and hears every frame: devices keep their places, what
# is stored stays as it is, and a pair that talks does not notice.
# shellcheck disable=SC2034,SC2154 # variables of bats and of gateway.bash
load lib
load store
load gateway

# c, d1 and d2, r, all but c on ports; devices reach the router through somebody
# who keeps every frame in the file `record`.
gateway_watched() { # WORDS of the service...
	server c bbcollab --listen "unix:$T/c" "$@"
	server d1 bbdispatch --listen 0 --to "unix:$T/c"
	server d2 bbdispatch --listen 0 --to "unix:$T/c"
	server r bbrouter --listen 0 --to "$(port_of d1)" --to "$(port_of d2)"
	bb_spawn "$SIM/recorder.py" 0 "127.0.0.1:$(port_of r)" record \
		"${MISCHIEF[@]}" >port
	recorder_pid=$bb_pid
	wait_until 10 test -s port
	VIA=(--via "$(cat port)")
	router=$(port_of r) d1=$(port_of d1) d2=$(port_of d2)
}

# Words of recorder.py.
MISCHIEF=()

stranger() { # SCENE PORT...
	local scene=$1

	shift
	"$SIM/stranger.py" "$scene" record "$@"
}

# Both are there, some messages have gone each way, and all is at rest.
pair_at_rest() {
	listens 2100000a
	listens 2100000b
	say_some 5
	# A copy of the first of these would undo the second.
	bbdevice presence --pin 2100000a away 'at lunch'
	bbdevice presence --pin 2100000a available
	wait_until 10 field_is 2100000a show available
	wait_until 10 at_rest
}

# say_some LAST: numbers up to that one, both ways; said is how far they are.
said=0
say_some() {
	"$SIM/numbered.py" say 0 "$1" | tail -n +$((said + 1)) |
		bbdevice send --pin 2100000a bob >/dev/null
	"$SIM/numbered.py" say 0 "$1" | tail -n +$((said + 1)) |
		bbdevice send --pin 2100000b alice >/dev/null
	said=$1
	wait_until 10 has_heard 2100000b "$1"
	wait_until 10 has_heard 2100000a "$1"
}

at_rest() {
	field_is 2100000a waiting 0 && field_is 2100000b waiting 0 &&
		field_is 2100000a down_acked "$said" &&
		field_is 2100000b down_acked "$said"
}

# What is stored, without the sign of life of the process itself.
stored() {
	store_dump "$BB_DATA/devices.db"
	store_dump "$BB_DATA/config.db" |
		sed '/^INSERT INTO "owner" /s/,[0-9]*);$/);/'
}

# All of it came once and in order, over the links that were there before.
pair_is_unharmed() {
	say_some $((said + 5))
	"$SIM/numbered.py" heard "$said" heard.2100000a
	"$SIM/numbered.py" heard "$said" heard.2100000b
	assert_eq "$(cat log/2100000a.err log/2100000b.err)" ""
	assert_eq "$(grep -c '"kind":"answer"' heard.2100000a)" 1
	assert_eq "$(grep -c '"kind":"answer"' heard.2100000b)" 1
}

# The pair talks while something is done: it takes no notice of it.
while_they_talk() { # COMMAND...
	local pin talks

	bb_spawn talks 2100000a bob
	talks=$bb_pid
	bb_spawn talks 2100000b alice
	talks+=" $bb_pid"
	wait_until 20 reached 2100000a 10
	wait_until 20 reached 2100000b 10
	"$@"
	# What was sent from now on comes too: 32 may have been under way.
	wait_until 20 reached 2100000a $(($(wc -l <sent.2100000b) + 35))
	wait_until 20 reached 2100000b $(($(wc -l <sent.2100000a) + 35))
	touch hushed
	for pin in $talks; do
		wait "$pin"
	done
	wait_until 20 reached 2100000b "$(wc -l <sent.2100000a)"
	wait_until 20 reached 2100000a "$(wc -l <sent.2100000b)"
	for pin in 2100000a 2100000b; do
		assert_json sent.$pin '.result == "sent"'
		assert_eq "$(grep -c '"kind":"answer"' heard.$pin)" 1
		assert_eq "$(cat log/$pin.err)" ""
	done
	"$SIM/numbered.py" heard "$(wc -l <sent.2100000a)" heard.2100000b
	"$SIM/numbered.py" heard "$(wc -l <sent.2100000b)" heard.2100000a
}

talks() { # PIN TO
	"$SIM/numbered.py" say 5 hushed |
		bbdevice send --pin "$1" --json "$2" >"sent.$1"
}

reached() { # PIN COUNT
	[ "$(grep -c '"kind":"event"' "heard.$1")" -ge "$2" ]
}

# --- replays ------------------------------------------------------------------

@test "every frame heard, sent again, to router and dispatchers: nothing changes" {
	gateway_watched
	pair_at_rest
	stored >before
	stranger replay_quietly "$router" "$d1" "$d2"
	stored >after
	diff before after
	pair_is_unharmed
}

@test "the same while the devices are away: no session stirs, nothing is lost" {
	local pin

	gateway_watched --link-grace 100ms
	pair_at_rest
	for pin in 2100000a 2100000b; do
		bbdevice coverage off --pin $pin
		wait_until 10 field_is $pin state detached
		field_is $pin coverage false
	done
	stored >before
	stranger replay_to_absent "$router" "$d1" "$d2"
	stored >after
	diff before after
	for pin in 2100000a 2100000b; do
		bbdevice coverage on --pin $pin
		wait_until 10 field_is $pin coverage true
	done
	say_some 10
	"$SIM/numbered.py" heard 10 heard.2100000a
	"$SIM/numbered.py" heard 10 heard.2100000b
}

@test "the same after logout: no session comes of it" {
	gateway_watched
	pair_at_rest
	bbdevice logout --pin 2100000a
	bbdevice logout --pin 2100000b
	wait_until 10 has_sessions 0
	stored >before
	stranger replay_to_absent "$router" "$d1"
	stored >after
	diff before after
	has_sessions 0
}

@test "copies of live frames on other links, as they come: no link moves" {
	local link

	gateway_watched
	listens 2100000a
	listens 2100000b
	while_they_talk stranger follow "$router" "$d2"
	for pin in 2100000a 2100000b; do
		link=$(ask r links | jq -r ".links[] |
			select(.pin == \"$pin\" and
				(.from | startswith(\"127.0.0.1:\"))).id")
		assert_eq "$((16#$(session_field $pin link) & 0xffffffff))" "$link"
	done
}

@test "an attach that somebody else sends first: the device gets in all the same" {
	gateway_watched
	device login 2100000a >/dev/null
	kill -USR2 "$recorder_pid"
	: >record
	bb_spawn device login 2100000a >out 2>&1
	wait_until 10 has_line record '^up '
	stranger overtake "$router"
	kill -USR2 "$recorder_pid"
	# Its answer has gone to the stranger, who can do nothing with it.
	wait "$bb_pid"
	has_line out 'logged in at local as alice'
	assert_eq "$(device_att)" 3
	device send 2100000a alice 'still here' >/dev/null
	run device fetch 2100000a
	assert_has "$output" 'still here'
}

device_att() {
	bbsession device show 2100000a --json | jq .device.att
}

@test "every frame twice, both ways: each message once" {
	MISCHIEF=(twice)
	gateway_watched
	listens 2100000a
	listens 2100000b
	say_some 40
	"$SIM/numbered.py" heard 40 heard.2100000a
	"$SIM/numbered.py" heard 40 heard.2100000b
	ends 2100000b KILL
	listens 2100000b
	say_some 50
	"$SIM/numbered.py" heard 50 heard.2100000b
}

@test "frames down in the wrong order: events in order, each once" {
	# Up it would be the same: but a message is sent again after 10 s only.
	MISCHIEF=(swapped)
	gateway_watched
	listens 2100000a
	listens 2100000b
	# An acknowledgement may come before its result (59).
	say_some 40 || :
	"$SIM/numbered.py" heard 40 heard.2100000a
	"$SIM/numbered.py" heard 40 heard.2100000b
}

# --- what a stranger makes ----------------------------------------------------

@test "frames made up with PIN, key id and numbers: hints, and nothing changes" {
	gateway_watched
	pair_at_rest
	stored >before
	stranger forge "$router" "$d1"
	stranger hints "$router" "$d2"
	stored >after
	diff before after
	pair_is_unharmed
}

@test "on a trunk of its own: no other's instance, no other's links" {
	gateway_watched
	pair_at_rest
	stored >before
	stranger false_router "$d1" "$d2"
	stranger trunk_to_router "$router"
	stored >after
	diff before after
	ask_is r stats '[.trunks[].connects] == [1, 1]'
	ask_is d1 stats '.foreign > 0'
	pair_is_unharmed
}

@test "JSON to router and dispatcher: the connection ends, no line comes of it" {
	gateway_watched
	pair_at_rest
	stored >before
	stranger json_lines "$router" "$d1" "$d2"
	stored >after
	diff before after
	ask_is c stats '.lines_bad == 0'
	pair_is_unharmed
	# The service's own socket is its user's alone.
	assert_eq "$(stat -c %a c)" 600
}

@test "a flood of garbage: a pair that talks does not notice" {
	gateway_watched
	listens 2100000a
	listens 2100000b
	while_they_talk stranger flood "$router" "$d1"
	not_killed
}

not_killed() {
	kill -0 "${PID[c]}" "${PID[d1]}" "${PID[d2]}" "${PID[r]}"
}

@test "a thousand links, idle, half open, a byte at a time: others come and talk" {
	gateway_watched
	listens 2100000a
	listens 2100000b
	bb_spawn stranger crowd "$router"
	crowd=$bb_pid
	wait_until 20 test -e crowded
	while_they_talk bounded 5 device_comes
	touch leave
	wait "$crowd"
	not_killed
}

# A third device logs in, from another address than the crowd.
device_comes() {
	third carol 2100000c
	device login 2100000c
	ask_is r stats '.links.open > 400'
}

bounded() { # SECONDS COMMAND...
	local before=$SECONDS limit=$1

	shift
	"$@"
	[ $((SECONDS - before)) -le "$limit" ]
}
