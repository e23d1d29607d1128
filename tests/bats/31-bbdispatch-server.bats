#!/usr/bin/env bats
# shellcheck disable=SC2154 # of bats
# bbdispatch as a server: trunks, device links, services, how it starts and
# ends.  Routers and services are Python's, devices have real keys; each scene
# stands in tests/sim/dispatch_play.py.

load lib

setup() {
	bb_setup
	bb_world
}

play() { # SCENE WORDS...
	"$BB_SRC/tests/sim/dispatch_play.py" "$@"
}

# --- logins -------------------------------------------------------------------

@test "a login through a trunk: the line names the link, LINK_OK comes once, the answer goes back" {
	play trunk_login
}

@test "devices on links of the dispatcher's own get what is theirs, and no other" {
	play device_login
}

@test "two routers: each device's frames go down its own trunk" {
	play two_trunks
}

@test "what one device says keeps its order, attaches included, and what it is told" {
	play order
}

# --- trunks -------------------------------------------------------------------

@test "a second router with the same instance is refused, also with the dispatcher's own" {
	play instance_twice
}

@test "frames for another router's links are dropped and counted" {
	play foreign_links
}

@test "what no device sends is dropped and its link closed (2); the next is unharmed" {
	play no_devices_frames
}

@test "a trunk that cannot be read on is closed, another is unharmed" {
	play unreadable_trunk
}

# --- links that go ------------------------------------------------------------

@test "a link that has gone is told to services; so is a line down for one that is not here" {
	play links_go
}

@test "a line that names another device than the link carries is for nobody" {
	play other_pin_down
}

@test "a device that half-closes gets its answer" {
	play half_closed
}

# --- strangers ----------------------------------------------------------------

@test "hints: one a second on a link, after eight causes LINK_CLOSE 1" {
	play hints_are_few
}

@test "a stranger on an own link has four frames, 8 KiB or one frame; opening lifts it" {
	play stranger_at_home
}

@test "a stranger has 20 s, whatever it sends" {
	play stranger_has_time
}

@test "trunk frames, frames that go down, another PIN end an own link" {
	play misbehaviour_at_home
}

@test "another version is answered by hint 1 on the link that it came on" {
	play other_version
}

@test "lines, HTTP and TLS at its socket are closed, nothing is sealed or passed on" {
	play no_oracle
}

# --- services -----------------------------------------------------------------

@test "an IM service has the --to that names it; the others go where none is named" {
	play by_name
}

@test "of several each user has one; of one that fails they move, and return" {
	play by_user
}

@test "no service: a sealed notice at once, and no attach number is taken" {
	play unreachable
}

@test "bad lines of a service: one error each, the next is unharmed, the log is bounded" {
	play bad_lines
}

@test "a slow service: routers wait, nothing is lost, all comes in order" {
	play slow_service
}

@test "a router that takes nothing is closed, the others do not notice" {
	play slow_router
}

# --- the store ----------------------------------------------------------------

@test "a busy store: attaches wait 2 s while the rest goes on, then notice busy" {
	play busy_store
}

@test "twenty attaches at once share a few syncs of the disk" {
	play group_commit
}

@test "a thousand messages each way write nothing" {
	[ -r /proc/self/io ] || skip "no /proc/PID/io to count writes with"
	play data_writes_nothing
}

@test "blocking a device acts at its next frame, both ways" {
	play block_acts_at_once
}

# --- several of them ----------------------------------------------------------

@test "kill -9 under traffic: another dispatcher goes on with key and link" {
	play takes_over
}

@test "kill -9 at any time of an attach locks no device out" {
	play killed_within_a_commit
}

# --- how it is started, how it ends -------------------------------------------

@test "chain: the words behind -- are the service; SIGTERM ends both with 0" {
	play chain
}

@test "chain: a child that ends unasked, or cannot be started, ends it and is named" {
	play chain_breaks
}

@test "chain: nobody is served before the next stage is ready" {
	play chain_waits
}

@test "one device on 0 and 1: served to its end; what is no frame is status 2" {
	play peer_device
}

@test "a router on 0 and 1: SIGTERM only announces the end, which is the router's" {
	play peer_trunk
}

@test "two pipes: the answer comes after the end of the input" {
	play peer_pipes
}

@test "SIGTERM: nobody new, who waits for an answer gets it, 0" {
	play drains
}

@test "a second SIGTERM does not wait" {
	play second_term
}

@test "SIGHUP changes nothing" {
	play hang_up
}

@test "a start without a place, or with one too many next stages, is refused (100)" {
	play refused_starts
}

@test "the control socket tells counts and links" {
	play control
}
