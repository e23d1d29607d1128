#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # variables of bats
# bbsession service and permission: where users may log in, and as whom.

load lib
load store

setup() {
	bb_setup
	export BB_DATA=$T/data
	bbsession db init >/dev/null
	bbsession user add alice --no-password >/dev/null
	bbsession user add bob --no-password >/dev/null
}

@test "service add, show and list; two of a type may stand side by side" {
	run -0 bbsession service add second --type local
	assert_eq "$output" 'added service "second"'
	bbsession --json service show second >out
	assert_json out '.v == 1 and .service.service == "second" and
	    .service.type == "local" and .service.host == null and
	    .service.port == null and .service.sessions == 0'
	bbsession --json service list >out
	assert_json out '[.services[].service] == ["local", "second"]'
	run -1 bbsession service add second --type local
	assert_has "$output" 'service "second" is there already'
}

@test "an unknown type is refused with the list of the known ones (100)" {
	run -100 bbsession service add x --type icq
	assert_has "$output" "there is no type 'icq'; there are: local"
	run -100 bbsession service add x
	assert_has "$output" "needs --type TYPE; there are: local"
}

@test "a type without a server takes no host and no port (100)" {
	run -100 bbsession service add x --type local --host im.example
	assert_has "$output" "leave out --host and --port"
	run -100 bbsession service add x --type local --port 1533
	run -100 bbsession service add x --type local --port 70000
	assert_has "$output" "more than 65535"
}

@test "names of services are at most 64 bytes (100)" {
	run -100 bbsession service add --type local "$(printf 's%.0s' {1..65})"
	assert_has "$output" "is no name for a service"
	run -0 bbsession service add --type local "$(printf 's%.0s' {1..64})"
}

@test "service block, unblock and remove; of what is not there a no (1)" {
	bbsession service add second --type local
	run -0 bbsession service block second
	bbsession --json service show second >out
	assert_json out '.service.blocked'
	run -0 bbsession service unblock second
	bbsession --json service show second >out
	assert_json out '.service.blocked | not'
	run -0 bbsession service remove second
	run -1 bbsession service show second
	assert_has "$output" 'there is no service "second"'
	run -1 bbsession service block second
	run -1 bbsession service unblock second
	run -1 bbsession service remove second
}

@test "a service with open sessions is not removed (1)" {
	store_session 2100000a alice
	run -1 bbsession service remove local
	assert_has "$output" "has open sessions (1); end them first"
}

@test "permission add, show, list and remove" {
	run -0 bbsession permission add alice local
	bbsession --json permission show alice local >out
	assert_json out '.v == 1 and .permission ==
	    {"user": "alice", "service": "local", "account": "alice"}'
	run -1 bbsession permission show bob local
	assert_has "$output" 'user "bob" has no permission for service "local"'
	run -0 bbsession permission remove alice local
	run -1 bbsession permission show alice local
	run -1 bbsession permission remove alice local
}

@test "an account is the user's own name, or what --account says" {
	bbsession permission add alice local --account a.smith
	bbsession --json permission show alice local >out
	assert_json out '.permission.account == "a.smith"'
	run -100 bbsession permission add bob local --account ' x'
	assert_has "$output" "is no name for an account"
}

@test "two users cannot have one account of a service (1)" {
	bbsession permission add alice local --account shared
	run -1 bbsession permission add bob local --account shared
	assert_has "$output" "another user has that account there"
}

@test "a permission needs a user and a service that are there (1)" {
	run -1 bbsession permission add carol local
	assert_has "$output" "no such user"
	run -1 bbsession permission add alice nowhere
	assert_has "$output" "no such service"
	bbsession permission add alice local
	run -1 bbsession permission add alice local
	assert_has "$output" "is there already"
}

@test "permission list narrows by user and by service" {
	bbsession service add second --type local
	bbsession permission add alice local
	bbsession permission add alice second
	bbsession permission add bob second
	bbsession --json permission list >out
	assert_json out '.permissions | length == 3'
	bbsession --json permission list --user alice >out
	assert_json out '[.permissions[].service] == ["local", "second"]'
	bbsession --json permission list --service second --user bob >out
	assert_json out '[.permissions[].user] == ["bob"]'
	bbsession --json permission list --user carol >out
	assert_json out '.permissions == []'
}

@test "--dry-run of each change says what would be done and changes nothing" {
	bbsession permission add alice local
	store_dump data/config.db >before
	run -0 bbsession --dry-run service add second --type local
	assert_eq "$output" 'would add service "second"'
	run -0 bbsession --dry-run service block local
	run -0 bbsession --dry-run service unblock local
	run -0 bbsession --dry-run service remove local
	run -0 bbsession --dry-run permission add bob local
	run -0 bbsession --dry-run permission remove alice local
	run -1 bbsession --dry-run permission add carol local
	run -1 bbsession --dry-run service add local --type local
	store_dump data/config.db | diff before -
}
