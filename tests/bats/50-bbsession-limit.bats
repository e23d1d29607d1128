#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # variables of bats
# bbsession limit: the numbers of admission, and explain: each row of the table
# with the verdict that it gives.

load lib
load store

setup() {
	bb_setup
	export BB_DATA=$T/data
	bbsession db init >/dev/null
	local user
	for user in alice bob carol; do
		bbsession user add "$user" --no-password >/dev/null
		bbsession permission add "$user" local >/dev/null
	done
	bbsession user add dave --no-password >/dev/null
}

set_limit() {
	bbsession limit set --service local "$@" >/dev/null
}

# explained VERDICT ROW ARGUMENT...: for people and for scripts, and the exit
# status is the verdict.
explained() {
	local verdict=$1 row=$2 wanted=1

	shift 2
	case $verdict in admitted | replaced) wanted=0 ;; esac
	run --separate-stderr bbsession --json limit explain "$@" \
	    --service local
	assert_status "$wanted"
	assert_eq "$stderr" ""
	echo "$output" >out
	assert_json out ".v == 1 and .explanation.verdict == \"$verdict\" and
	    .explanation.row == \"$row\" and (.explanation.why | length) > 5"
	run --separate-stderr bbsession limit explain "$@" --service local
	assert_status "$wanted"
	assert_eq "$stderr" ""
	assert_has "$output" "$(jq -r .explanation.text out)"
}

@test "limit get lists all limits, with defaults filled in" {
	bbsession --json limit get --service local >out
	assert_json out '[.limits[] | {(.limit): .value}] | add == {
	    "max-sessions": null, "idle-timeout": null,
	    "inactivity-timeout": null, "status-interval": 60000,
	    "api-max": null, "lease-grace": 30000, "scrypt-cost": 15}'
	run -0 bbsession limit get --service local
	assert_has "$output" "max-sessions        unset"
}

@test "limit get NAME prints the value alone" {
	set_limit max-sessions 20
	set_limit idle-timeout 10m
	run -0 bbsession limit get --service local max-sessions
	assert_eq "$output" 20
	run -0 bbsession limit get --service local idle-timeout
	assert_eq "$output" 10m
	run -0 bbsession limit get --service local api-max
	assert_eq "$output" unset
	bbsession --json limit get --service local idle-timeout >out
	assert_json out '.limit.value == 600000 and .limit.unit == "ms"'
}

@test "limit set takes durations with units, and seconds without" {
	set_limit status-interval 20
	run -0 bbsession limit get --service local status-interval
	assert_eq "$output" 20s
	set_limit inactivity-timeout 4h
	run -0 bbsession limit get --service local inactivity-timeout
	assert_eq "$output" 4h
	set_limit lease-grace 250ms
	run -0 bbsession limit get --service local lease-grace
	assert_eq "$output" 250ms
}

@test "max-sessions 0 is a limit, and not the absence of one" {
	set_limit max-sessions 0
	run -0 bbsession limit get --service local max-sessions
	assert_eq "$output" 0
}

@test "limit unset goes back to the default, or to no limit" {
	set_limit max-sessions 5
	set_limit status-interval 5s
	run -0 bbsession limit unset --service local max-sessions
	assert_eq "$output" 'unset max-sessions of service "local"'
	run -0 bbsession limit unset --service local status-interval
	run -0 bbsession limit get --service local status-interval
	assert_eq "$output" 1m
	run -0 bbsession limit get --service local max-sessions
	assert_eq "$output" unset
}

@test "a value that is none, or out of bounds, is refused (100)" {
	run -100 bbsession limit set --service local max-sessions many
	assert_has "$output" "max-sessions must be a number, not 'many'"
	run -100 bbsession limit set --service local max-sessions 10s
	run -100 bbsession limit set --service local max-sessions -- -1
	run -100 bbsession limit set --service local max-sessions 9999999999999999999
	assert_has "$output" "max-sessions must be from 0 to 1000000"
	run -100 bbsession limit set --service local idle-timeout soon
	assert_has "$output" "idle-timeout must be a time such as"
	run -100 bbsession limit set --service local scrypt-cost 9
	assert_has "$output" "scrypt-cost must be from 10 to 20"
	run -100 bbsession limit set --service local status-interval 0
}

@test "an unknown limit suggests the nearest (100); limits need a service" {
	run -100 bbsession limit set --service local max-session 4
	assert_has "$output" "did you mean 'max-sessions'?"
	run -100 bbsession limit get
	assert_has "$output" "limits need --service SERVICE"
	run -1 bbsession limit get --service nowhere
	assert_has "$output" 'there is no service "nowhere"'
	run -1 bbsession limit set --service nowhere max-sessions 4
	assert_has "$output" "no such service"
}

@test "idle-timeout below two status intervals is refused, in either order (1)" {
	run -1 bbsession limit set --service local idle-timeout 119s
	assert_has "$output" "would be less than two status intervals"
	run -0 bbsession limit set --service local idle-timeout 120s
	run -1 bbsession limit set --service local status-interval 61s
	assert_has "$output" "would be less than two status intervals"
	run -0 bbsession limit set --service local status-interval 10s
	run -0 bbsession limit set --service local idle-timeout 20s
	run -1 bbsession limit unset --service local status-interval
	run -0 bbsession limit get --service local idle-timeout
	assert_eq "$output" 20s
}

@test "--dry-run of set and unset checks the rules and changes nothing" {
	set_limit max-sessions 4
	store_dump data/config.db >before
	run -0 bbsession --dry-run limit set --service local max-sessions 5
	assert_eq "$output" 'would set max-sessions of service "local" to 5'
	run -0 bbsession --dry-run limit unset --service local max-sessions
	run -1 bbsession --dry-run limit set --service local idle-timeout 1s
	store_dump data/config.db | diff before -
}

@test "explain: a blocked user is not permitted" {
	bbsession user block alice
	explained denied blocked alice
	assert_has "$output" "the user is blocked"
}

@test "explain: a blocked service is not permitted" {
	bbsession service block local
	explained denied blocked alice
	assert_has "$output" "the service is blocked"
}

@test "explain: another account than the permission's is not permitted" {
	explained denied blocked alice --account bob
	explained admitted unset alice --account alice
}

@test "explain: who has no permission is not permitted, nor who is unknown" {
	explained denied unset dave
	explained denied unset nobody
	assert_has "$output" "there is no such user"
}

@test "explain: a device that has a session here replaces it, at any limit" {
	store_session 2100000a alice
	set_limit max-sessions 1
	explained replaced replace alice --pin 2100000a
	explained busy busy alice --pin 2100000b
}

@test "explain: below the maximum a login is admitted" {
	store_session 2100000a alice
	set_limit max-sessions 2
	explained admitted below-max bob
	assert_json out '.explanation.count == 1 and
	    .explanation.max_sessions == 2'
	explained denied below-max dave
}

@test "explain: at the maximum, idle sessions make room" {
	store_session 2100000a alice status=600000
	set_limit max-sessions 1
	set_limit idle-timeout 5m
	explained admitted evict bob
	assert_json out '.explanation.evictable == 1 and .explanation.evict'
	explained denied evict dave
	assert_json out '.explanation.evict | not'
}

@test "explain: a session out of coverage makes room" {
	store_session 2100000a alice coverage=0
	set_limit max-sessions 1
	set_limit idle-timeout 5m
	explained admitted evict bob
}

@test "explain: a session of a dead process makes room" {
	store_session 2100000a alice owner=dead
	set_limit max-sessions 1
	set_limit idle-timeout 5m
	explained admitted evict bob
}

@test "explain: at the maximum without idle sessions: Server Busy" {
	store_session 2100000a alice status=60000
	set_limit max-sessions 1
	set_limit idle-timeout 5m
	explained busy busy bob
	assert_has "$output" "Server Busy"
	# It could become evictable when its five minutes are over.
	assert_json out '.explanation.retry_after_ms > 200000 and
	    .explanation.retry_after_ms <= 240001'
}

@test "explain: at the maximum without an idle-timeout: Server Busy" {
	store_session 2100000a alice coverage=0 status=99999999
	set_limit max-sessions 1
	explained busy busy bob
	assert_json out '.explanation.retry_after_ms == null and
	    .explanation.idle_timeout_ms == null'
}

@test "explain: a maximum of 0 is Server Busy for everybody" {
	set_limit max-sessions 0
	explained busy busy alice
}

@test "explain: no maximum, below api-max: admitted" {
	set_limit api-max 1
	explained admitted unset alice
	assert_json out '.explanation.max_sessions == null'
}

@test "explain: at api-max with no maximum set: Failed (300)" {
	set_limit api-max 0
	explained failed api alice
	assert_has "$output" "Failed (300)"
}

@test "explain: at api-max below the maximum: Failed (300)" {
	set_limit api-max 0
	set_limit max-sessions 5
	explained failed api alice
}

@test "explain changes nothing, and needs a service that is there" {
	store_session 2100000a alice status=600000
	set_limit max-sessions 1
	set_limit idle-timeout 5m
	store_dump data/config.db >before
	explained admitted evict bob
	store_dump data/config.db | diff before -
	run -1 bbsession limit explain alice --service nowhere
	assert_has "$output" 'there is no service "nowhere"'
	run -100 bbsession limit explain alice
	assert_has "$output" "needs --service SERVICE"
}

@test "explain works without a device store" {
	rm data/devices.db*
	explained admitted unset alice
}
