#!/usr/bin/env bats
# shellcheck disable=SC2154 # of bats
# bbcollab as a server: sessions over any number of dispatchers, links that come
# and go, restarts, several processes on one store.  Dispatchers and devices are
# Python's; each scene stands in tests/sim/collab_play.py.

load lib

setup() {
	bb_setup
	bb_world
}

play() { # SCENE WORDS...
	"$BB_SRC/tests/sim/collab_play.py" "$@" 3>&- 4>&-
}

# --- sessions -----------------------------------------------------------------

@test "a login is answered, confirmed by the first frame, and ends with bye" {
	play login
}

@test "a message between devices of two dispatchers, with its acknowledgement" {
	play message
}

@test "a resume moves the link once it is confirmed; the old attach is over" {
	play link_moves
}

@test "a frame from another link without an attach changes nothing" {
	play another_link_changes_nothing
}

@test "every line played again, in every order, has no effect" {
	play replay
}

@test "numbers: a gap has no effect, what was done is acknowledged again" {
	play numbers
}

@test "at most 32 events are under way; an acknowledgement brings the next" {
	play window
}

@test "an attach with a batch sends and fetches" {
	play batch
}

@test "nobody resumes the session of another, or by a guess" {
	play strangers_session
}

# --- links that go, and ways that are lost --------------------------------------

@test "a link that is gone: out of coverage after the grace; a resume goes on" {
	play link_down
}

@test "a frame within the grace: nothing was lost" {
	play link_down_then_data
}

@test "a dispatcher is lost: another that has the router is the way at once" {
	play dispatcher_lost
}

@test "a dispatcher is lost: one that gets the router within the grace is the way" {
	play router_appears_late
}

@test "no dispatcher has the router: out of coverage after the grace" {
	play no_way
}

@test "a trunk that ends is a way that is lost" {
	play trunk_down
}

@test "a dispatcher leaves before the answer: another one gets it" {
	play answer_by_another
}

@test "a login that is not confirmed is logged out, a resume leaves a session" {
	play unconfirmed
}

@test "a device that leaves coverage is sent nothing until it speaks again" {
	play coverage
}

# --- ends -----------------------------------------------------------------------

@test "inactivity-timeout: status messages do not count, other lines do" {
	play inactive
}

@test "session kill: the device is told at once, and why when it returns" {
	play kill
}

@test "an evicted device is told, and why when it returns" {
	play evicted
}

# --- restarts -------------------------------------------------------------------

@test "killed and restarted: no slot is lost, no message doubled, no event lost" {
	play restart SIGKILL
}

@test "ended and restarted: the same" {
	play restart SIGTERM
}

@test "sessions that nobody resumes survive one restart after the other" {
	play restart_again
}

@test "killed while a password was checked: the slot is free" {
	play killed_while_logging_in
}

@test "a session that was taken over and stays silent ends by inactivity" {
	[ -n "${BB_SLOW:-}" ] || skip "takes 60 s: set BB_SLOW"
	play inactive_without_memory
}

# --- several processes on one store -----------------------------------------------

@test "two processes: a message from one to the other arrives at once" {
	play across
}

@test "two processes: without the wake-up it arrives by the tick" {
	play across_without_wake
}

@test "two processes: a resume takes the session from one that stands still" {
	play take_over
}

@test "two processes: the former owner is told, and it works back and forth" {
	play take_over_is_told
}

@test "two processes: an eviction by one is told by the other at once" {
	play evicted_across
}

@test "two processes: a login at the one replaces the session at the other" {
	play login_elsewhere
}

@test "the wake-up socket of a killed process is removed by the next" {
	play stale_sockets
}

# --- a store that is busy -----------------------------------------------------------

@test "a store that is busy for a while: all waits, nothing is refused" {
	play busy_for_a_while
}

@test "a store that is busy for long: Server Busy, and no session is lost" {
	play busy_for_long
}

@test "a store that is busy when something is due: nothing spins or is forgotten" {
	play busy_with_what_is_due
}

@test "a store that is busy when a password was checked: the login goes on" {
	play busy_while_a_password_is_checked
}

# --- dispatchers --------------------------------------------------------------------

@test "a dispatcher that has sent its end gets its answers first" {
	play half_close
}

@test "900 messages in one write: each has its effect, in more than one commit" {
	play many_lines
}

@test "a dispatcher that says much does not keep another one waiting" {
	play one_says_much
}

@test "bad lines are named, one error each, and the process goes on" {
	play bad_lines
}

@test "a dispatcher that does not read is closed, the others go on" {
	play slow_dispatcher
}

@test "a dispatcher that reads slowly is not read from meanwhile" {
	play flood_is_held
}

# --- the process --------------------------------------------------------------------

@test "SIGTERM: what was asked is answered, then it ends; sessions are left" {
	play drain
}

@test "SIGTERM with nothing to do: it ends at once" {
	play drain_with_nothing
}

@test "SIGHUP: settings of open sessions are read again" {
	play reload
}

@test "the control socket tells numbers and sessions" {
	play control
}

@test "one connection on 0 and 1: sessions end with it, resume is false" {
	play peer
}

@test "one connection on 0 and 1: SIGTERM only announces the end" {
	play peer_term
}

@test "lines from another host need TLS: refused at start, and when they come" {
	local address

	for address in '*:0' 0.0.0.0:0 '[::]:0' 192.0.2.1:3200 host.invalid:3200; do
		run --separate-stderr bbcollab --listen "$address" </dev/null
		assert_status 100
		assert_has "$stderr" "need TLS"
	done
	address=$(hostname -I | cut -d ' ' -f 1)
	[ -n "$address" ] || skip "this host has no address but loopback"
	play not_this_host "$address"
}

@test "without --listen and with /dev/null it says what is missing" {
	run --separate-stderr bbcollab </dev/null
	assert_status 100
	assert_has "$stderr" "/dev/null"
}

@test "--listen with a port serves loopback, and says which port 0 became" {
	bb_spawn bbcollab --listen 0 >out 2>err </dev/null
	wait_until 5 has_line out '^listening 127\.0\.0\.1:[0-9]+$'
	port=$(sed -n 's/^listening 127.0.0.1://p' out)
	exec 8<>"/dev/tcp/127.0.0.1/$port"
	echo '{"re":"trunk","router":"0a0b0c0d","up":true}' >&8
	exec 8>&-
	bb_end TERM "$bb_pid"
	assert_eq "$status" 0
}
