#!/usr/bin/env bats
# shellcheck disable=SC2154 # of bats
# bbrouter as a server: device links, trunks, how it starts and ends.  Devices
# and dispatchers are Python's; each scene stands in tests/sim/router_play.py.

load lib

play() { # SCENE WORDS...
	"$BB_SRC/tests/sim/router_play.py" "$@"
}

# --- frames and links ---------------------------------------------------------

@test "many devices share one trunk, each has a link of its own and its order" {
	play many_devices
}

@test "frames pass unchanged but for the link; down it is the link that counts" {
	play unchanged
}

@test "a device that leaves is told to the dispatcher, by link and PIN" {
	play link_down
}

@test "LINK_CLOSE closes a link after what waits was written" {
	play link_close
}

@test "a frame down for a link that is not here is answered by LINK_DOWN" {
	play unknown_link
}

@test "a frame that is unsound is dropped, the next passes" {
	play unsound_is_dropped
}

@test "another version is answered by hint 1, once a second" {
	play other_version
}

@test "what no device sends, another PIN, and no frame at all end a link" {
	play misbehaviour
}

# --- strangers ----------------------------------------------------------------

@test "a stranger may send four frames, sound or not" {
	play stranger_frames
}

@test "a stranger may send 8 KiB, or one frame" {
	play stranger_bytes
}

@test "strangers' frames that are not whole take half of the room at most" {
	play stranger_parts
}

@test "LINK_OK lifts the limits" {
	play link_ok_lifts
}

@test "a stranger has 20 s, however slowly it sends" {
	[ -n "${BB_SLOW:-}" ] || skip "takes 20 s: set BB_SLOW"
	play stranger_time
}

@test "of hints one a second passes, the ninth closes the link" {
	play hints_are_few
}

@test "an address may have so many links and no more" {
	play per_address
}

# --- dispatchers --------------------------------------------------------------

@test "without a dispatcher: hint 3, once a second, and the link stays" {
	play no_dispatcher
}

@test "a frame that is there before the dispatcher is waits for it" {
	play first_frame_waits
}

@test "a dispatcher that dies moves its own devices, and gets them back" {
	play fail_over
}

@test "the end of a link is told to another dispatcher when its own has gone" {
	play end_is_told_elsewhere
}

@test "a dispatcher that breaks the protocol is closed with one line, and dialed again" {
	play bad_trunks
}

@test "a dispatcher that does not say HELLO in 5 s is none" {
	play no_hello
}

@test "a dispatcher on another host is refused: it needs TLS (100)" {
	local to

	for to in 192.0.2.1:3101 '[2001:db8::1]:3101' '[::ffff:192.0.2.1]:3101'; do
		run -100 --separate-stderr bbrouter --listen 0 --to "$to"
		assert_eq "$output" ""
		assert_has "$stderr" "a trunk to another host needs TLS, which this version has not"
	done
}

@test "an address that is none, or is named twice, is refused (100)" {
	run -100 --separate-stderr bbrouter --listen 0 --to 99999
	assert_has "$stderr" "99999"
	run -100 --separate-stderr bbrouter --listen 0 --to '*:3101'
	assert_has "$stderr" "names no host"
	run -100 --separate-stderr bbrouter --listen 0 --to 0
	assert_has "$stderr" "names no host and port"
	run -100 --separate-stderr bbrouter --listen 0 --to 3102 --to 3102
	assert_has "$stderr" "named twice"
}

# --- queues -------------------------------------------------------------------

@test "a device that is too slow is closed, others are unharmed" {
	play slow_device
}

@test "a dispatcher that is slow makes devices wait, and nothing is lost" {
	play slow_dispatcher
}

@test "a device that floods does not stop another" {
	play flood
}

@test "all queues together are bounded: slow devices go, others stay" {
	play queue_total
}

@test "1000 idle links cost at most 0.4 KiB each, and all are there" {
	play idle_memory 409
}

# --- how it starts and ends ---------------------------------------------------

@test "a server without a next stage is refused (100)" {
	run -100 --separate-stderr bbrouter --listen 0
	assert_has "$stderr" "no next stage"
	assert_eq "$output" ""
}

@test "--to and a chain, a filter with a next stage, words without -- are refused (100)" {
	run -100 bbrouter --listen 0 --to 3102 -- bbdispatch
	assert_has "$output" "exclude each other"
	run -100 bbrouter --filter --to 3102
	assert_has "$output" "a filter has no next stage"
	run -100 bbrouter --listen 0 bbdispatch
	assert_has "$output" "unexpected operand 'bbdispatch'"
	run -100 bbrouter --listen 0 --
	assert_has "$output" "no words follow --"
}

@test "an address that is taken is 111, one that cannot be is 100, both are named" {
	local port

	port=$(free_port)
	bb_spawn bbrouter --listen "127.0.0.1:$port" --to 1 >out 2>&1
	wait_until 5 bash -c "exec 9<>/dev/tcp/127.0.0.1/$port"
	run -111 bbrouter --listen "127.0.0.1:$port" --to 1
	assert_has "$output" "127.0.0.1:$port: Address already in use"
	run -100 bbrouter --listen 192.0.2.1:3101 --to 1
	assert_has "$output" "192.0.2.1:3101: Cannot assign requested address"
	run -100 bbrouter --listen nowhere: --to 1
	assert_has "$output" "nowhere:"
}

@test "readiness is told by a newline, and connections are taken then" {
	play ready
}

@test "TERM: no new devices, an attach under way is answered, the others end, 0" {
	play drains
}

@test "a drain has an end: --drain, or a second signal" {
	play drain_has_an_end
}

@test "HUP reloads nothing; drain by the control socket ends it" {
	play signals
}

@test "the control socket tells counts and links" {
	play control
}

# --- one connection -----------------------------------------------------------

@test "one connection on 0 and 1 is served, and its end is the end (0)" {
	play one_connection
}

@test "a device that half-closes gets what is owed to it" {
	play half_close
}

@test "one connection that sends no frames ends it with 2 and one line" {
	play one_bad_connection
}

@test "a file of frames through a chain: the answers come, then it ends" {
	play one_pipe
}

# --- chains -------------------------------------------------------------------

@test "a chained dispatcher is started, used, and ended by TERM" {
	play chain
}

@test "kill -9 of the chained stage ends all with 111 and a message" {
	play chain_killed
}

@test "a chained stage that ends at once: nothing is served; 100 stays 100" {
	play chain_statuses
}

@test "TERM to the whole group drains" {
	play chain_group_term
}

@test "a program that cannot be started is 100 before anything is served" {
	play exec_failure
}

# --- blindness ----------------------------------------------------------------

@test "nothing in its memory, log or answers names user, password or text" {
	local user password text

	[ "$EUID" -eq 0 ] || skip "only root can read the memory of a process"
	[ -z "${BB_SAN:-}" ] || skip "a sanitizer's memory is too much to read"
	user=$(bb_canary) password=$(bb_canary) text=$(bb_canary)
	bb_world
	bb_user "$user" "$password"
	bb_device 2100000c "$user"
	bbdevice send --pin 2100000c --password-file "$T/$user.pw" --emit \
		bob "$text" >frame
	play blindness frame "$user" "$password" "$text" 2>said
	# It was a login that went through.
	run -0 bbdevice read --json <answer
	assert_has "$output" '"result":"ok"'
	refute_canary "$user" stats links ./*.err
	refute_canary "$password" stats links ./*.err
	refute_canary "$text" stats links ./*.err
}
