#!/usr/bin/env bats
# shellcheck disable=SC2154 # of bats
# bbcollab: how it is started, its options, its page; the filter alone.  The
# pipeline is tested in 80-pipeline.bats and behind, the server in
# 41-bbcollab-server.bats.

load lib
load pipeline

@test "--help lists every option, the man page documents every one" {
	local option

	run bbcollab --help
	assert_status 0
	while IFS=$'\t' read -r option _; do
		assert_has "$output" "--$option"
		grep -q -e "Fl Fl $option\\b" "$BB_SRC/docs/man/bbcollab.8" || {
			echo "not documented: $option" >&2
			return 1
		}
	done < <(bbcollab --dump-options)
	bbcollab --dump-options | cut -f 1 |
		grep -vx -e help -e version | sort >options
	grep -o '^\.It .*Fl Fl [a-z-]*' "$BB_SRC/docs/man/bbcollab.8" |
		grep -o 'Fl Fl [a-z-]*' | cut -d ' ' -f 3 |
		grep -vx -e help -e version -e dump-options | sort >documented
	diff options documented
}

@test "an unknown option and an operand are refused with 100" {
	run --separate-stderr bbcollab --lisen 3200
	assert_status 100
	assert_has "$stderr" "--listen"
	run --separate-stderr bbcollab 3200
	assert_status 100
}

@test "a store that is not there: a sentence that says what to do, 100" {
	run --separate-stderr bbcollab --config-store "$T/none.db" <<<''
	assert_status 100
	assert_has "$stderr" "none.db: no such file; run bbsession db init"
	run --separate-stderr bbcollab --data "$T/nowhere" <<<''
	assert_status 100
}

@test "--filter and --listen exclude each other" {
	run --separate-stderr bbcollab --filter --listen 0
	assert_status 100
	assert_has "$stderr" "exclude each other"
}

@test "an empty input is no error: nothing is said, 0" {
	run --separate-stderr bbcollab --filter </dev/null
	assert_status 0
	assert_eq "$output$stderr" ""
}

@test "a filter registers nobody while nothing needs the store" {
	data_line 2100000a alice 1 1 '{"op":"alive"}' | collab >answers
	assert_json answers '.re == "notice" and .d.code == "reattach"'
	run python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM owner")
    .fetchone()[0])' "$BB_DATA/config.db"
	assert_eq "$output" 0
}

@test "a filter answers a login, says that it cannot be resumed, and frees the slot" {
	attach_line 2100000a alice 1 | collab >answers
	assert_json answers '.d.result == "ok" and .d.resume == false'
	has_sessions 0
}

@test "a filter takes more lines than one turn may have" {
	local n

	hold 7 a
	login 7 a 2100000a alice 1
	for n in {1..600}; do
		data_line 2100000a alice 1 "$n" \
			"{\"op\":\"send\",\"n\":$n,\"to\":\"bob\",\"text\":\"$n\"}"
	done >many
	cat many >&7
	wait_until 20 has_answer a '.d.ack == 600'
	exec 7>&-
	wait "$bb_pid"
	attach_line 2100000b bob 1 '' '"fetch":true' | collab >answers
	assert_eq "$(jq -c '[.m.events[].text][0:3]' answers)" '["1","2","3"]'
}

@test "a filter that ends with lines it has read answers them all" {
	{
		attach_line 2100000a alice 1
		for n in {1..600}; do
			data_line 2100000a alice 1 "$n" \
				"{\"op\":\"send\",\"n\":$n,\"to\":\"bob\",\"text\":\"$n\"}"
		done
	} >many
	collab <many >answers
	# The password was still being checked: what came early has no effect,
	# and the login is answered.
	assert_eq "$(jq -c 'select(.re == "attach").d.result' answers)" '"ok"'
}

@test "lines that concern trunks are taken by a filter, and mean nothing" {
	{
		echo '{"re":"trunk","router":"0a0b0c0d","up":true}'
		attach_line 2100000a alice 1
		echo '{"re":"down","pin":"2100000a","link":"0000000000000000"}'
		echo '{"re":"trunk","router":"0a0b0c0d","up":false}'
	} | collab >answers
	assert_json answers '.d.result == "ok"'
	assert_stages_quiet
}

@test "a filter whose store is locked for long answers Server Busy" {
	load store
	store_hold "$BB_DATA/config.db"
	attach_line 2100000a alice 1 | collab >answers
	assert_json answers '.d.result == "busy" and
		.d.reason == "the database is busy"'
}

@test "a filter whose store is locked for a moment waits" {
	bb_spawn python3 -c '
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(0.6)' "$BB_DATA/config.db" >held
	wait_until 10 has_line held held
	attach_line 2100000a alice 1 | collab >answers
	assert_json answers '.d.result == "ok"'
	assert_stages_quiet
}
