#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # variables of bats
# bbsession session: what is open, and the cache of the connectivity
# information.

load lib
load store

setup() {
	bb_setup
	export BB_DATA=$T/data
	bbsession db init >/dev/null
	local user
	for user in alice bob; do
		bbsession user add "$user" --no-password >/dev/null
		bbsession permission add "$user" local >/dev/null
	done
}

@test "session list shows who is logged in where, in order of PINs" {
	store_session 2100000b bob coverage=0 status=180000
	store_session 2100000a alice status=12000
	bbsession --json session list >out
	assert_json out '.v == 1 and [.sessions[] | [.pin, .user, .coverage]] ==
	    [["2100000a", "alice", true], ["2100000b", "bob", false]]'
	run -0 bbsession session list
	assert_has "${lines[0]}" "LAST STATUS"
	[[ ${lines[1]} == 2100000a* ]]
	assert_has "${lines[2]}" "3m ago"
}

@test "session list narrows by service and by user" {
	bbsession service add second --type local
	store_session 2100000a alice
	store_session 2100000b bob service=second
	bbsession --json session list --service second >out
	assert_json out '[.sessions[].pin] == ["2100000b"]'
	bbsession --json session list --user alice >out
	assert_json out '[.sessions[].pin] == ["2100000a"]'
	bbsession --json session list --user alice --service second >out
	assert_json out '.sessions == []'
}

@test "session show prints the cache of the connectivity information" {
	store_session 2100000a alice status=12000 active=90000 att=7 \
	    backend=inbox-17 contacts_version=42 show=away \
	    status=12000 state=detached id=255 link=16
	store_sql data/config.db "UPDATE session SET status = 'at lunch'"
	store_sql data/config.db \
	    "UPDATE numbering SET up_next = 5, down_next = 9, down_acked = 6"
	bbsession --json session show 2100000a >out
	assert_json out '.v == 1 and (.session |
	    .pin == "2100000a" and .account == "alice" and
	    .service == "local" and .state == "detached" and .att == 7 and
	    .session == "00000000000000ff" and .link == "0000000000000010" and
	    .backend == "inbox-17" and .contacts_version == "42" and
	    .show == "away" and .status == "at lunch" and
	    .up_next == 5 and .down_next == 9 and .down_acked == 6 and
	    .waiting == 0 and .coverage and .owner_alive and
	    .last_status_ms >= 12000 and .last_status_ms < 72000 and
	    .last_active_ms >= 90000 and .last_seen_ms == .last_status_ms and
	    (.opened | fromdate) > 0)'
	run -0 bbsession session show 2100000a
	assert_has "$output" "back end:      inbox-17"
	assert_has "$output" "owner alive:   yes"
	[[ $output =~ "last status:   "1[2-9]"s ago" ]]
}

@test "session show says when the owner is dead" {
	store_session 2100000a alice owner=dead
	bbsession --json session show 2100000a >out
	assert_json out '.session.owner_alive == false'
}

@test "an age from before the system's start is not made up" {
	store_session 2100000a alice status=-99999999
	bbsession --json session show 2100000a >out
	assert_json out '.session.last_status_ms == null'
	run -0 bbsession session show 2100000a
	assert_has "$output" "last status:   before the last start"
}

@test "session show of a device without one is a no (1)" {
	run -1 --separate-stderr bbsession session show 2100000a
	assert_eq "$output" ""
	assert_eq "$stderr" "bbsession: device 2100000a has no session"
	bbsession --json session show 2100000a >out || [ $? -eq 1 ]
	assert_json out '.answer == "no" and .session == null'
}

@test "session count prints a number, of all services or one" {
	bbsession service add second --type local
	run -0 bbsession session count
	assert_eq "$output" 0
	store_session 2100000a alice
	store_session 2100000b bob service=second
	run -0 bbsession session count
	assert_eq "$output" 2
	run -0 bbsession session count --service second
	assert_eq "$output" 1
	bbsession --json session count --service local >out
	assert_json out '. == {"v": 1, "count": 1}'
	run -1 bbsession session count --service nowhere
	assert_has "$output" 'there is no service "nowhere"'
}

@test "session kill ends a session whoever owns it, and frees its slot" {
	store_session 2100000a alice
	run -0 bbsession session kill 2100000a
	assert_eq "$output" "killed session of device 2100000a"
	run -1 bbsession session show 2100000a
	run -0 bbsession session count
	assert_eq "$output" 0
	assert_eq "$(store_sql data/config.db \
	    'SELECT ended FROM numbering')" killed
	run -0 bbsession db check
	run -1 bbsession session kill 2100000a
	assert_has "$output" "there is no session of device 2100000a"
}

@test "session kill --dry-run says what would be done and changes nothing" {
	store_session 2100000a alice
	store_dump data/config.db >before
	run -0 bbsession --dry-run session kill 2100000a
	assert_eq "$output" "would kill session of device 2100000a"
	run -1 bbsession --dry-run session kill 2100000b
	store_dump data/config.db | diff before -
}
