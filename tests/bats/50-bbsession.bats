#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # variables of bats
# bbsession as a command: options, nouns, verbs, typos, and the form of answers
# and errors.  What the verbs do is in 50-bbsession-*.bats.

load lib

# Every verb, as `NOUN VERB`.
verbs() {
	bbsession help | awk '/^  [a-z]/ { print $1, $2 }'
}

@test "bbsession help lists every noun and its verbs, and is an answer" {
	run -0 --separate-stderr bbsession help
	local noun
	for noun in db user device service permission limit session; do
		assert_has "$output" "  $noun "
	done
	assert_has "$output" "limit explain USER"
	assert_eq "$stderr" ""
	assert_eq "$(verbs | wc -l)" 39
}

@test "bbsession help NOUN lists the verbs of one noun only" {
	run -0 bbsession help permission
	assert_has "$output" "permission remove USER SERVICE"
	refute_has "$output" "session kill"
}

@test "a noun alone prints its verbs, and is a mistake (100)" {
	run -100 --separate-stderr bbsession session
	assert_eq "$output" ""
	assert_has "$stderr" "session kill PIN"
	refute_has "$stderr" "user add"
}

@test "no noun at all prints all verbs, and is a mistake (100)" {
	run -100 --separate-stderr bbsession
	assert_eq "$output" ""
	assert_has "$stderr" "session kill PIN"
	assert_has "$stderr" "user add USER"
}

@test "--help and --version are answers, before and behind a verb" {
	run -0 bbsession --help
	assert_has "$output" "--data DIR"
	run -0 bbsession --version
	assert_eq "$output" "bbsession $(cat "$BB_SRC/VERSION")"
	run -0 bbsession user add --help
	assert_has "$output" "usage: bbsession user add [options] USER"
	assert_has "$output" "--password-fd N"
	refute_has "$output" "--key-file"
}

@test "a mistyped noun suggests the nearest (100)" {
	run -100 bbsession usr list
	assert_has "$output" "there is no noun 'usr'; did you mean 'user'?"
}

@test "a mistyped verb suggests the nearest verb of its noun (100)" {
	run -100 bbsession session kil 2100000a
	assert_has "$output" "session has no verb 'kil'; did you mean 'kill'?"
}

@test "a mistyped option suggests the nearest of the verb's (100)" {
	run -100 bbsession device add 2100000a --usr alice
	assert_has "$output" "unknown option --usr; did you mean --user?"
}

@test "a word that is near nothing is refused without a suggestion (100)" {
	run -100 bbsession frobnicate list
	assert_has "$output" "there is no noun 'frobnicate'"
	refute_has "$output" "did you mean"
}

@test "an option of a verb in front of the verb is refused, not misread (100)" {
	run -100 bbsession user --password-file f add alice
	assert_has "$output" "unknown option --password-file"
}

@test "a missing operand is named, one too many is refused (100)" {
	run -100 bbsession permission add alice
	assert_has "$output" "missing operand SERVICE"
	run -100 bbsession user list alice
	assert_has "$output" "unexpected operand 'alice'"
}

@test "options of every verb may stand before the noun, between and behind" {
	bbsession --data d db init
	run -0 bbsession --data=d --json session count
	assert_eq "$output" '{"v":1,"count":0}'
	run -0 bbsession session --data d count --json
	assert_eq "$output" '{"v":1,"count":0}'
	run -0 bbsession session count --json --data d
	assert_eq "$output" '{"v":1,"count":0}'
}

@test "a word behind -- is an operand, whatever it looks like" {
	export BB_DATA=$T/data
	bbsession db init
	run -0 bbsession user add --no-password -- --json
	run -0 bbsession user list
	assert_has "$output" "--json"
}

@test "BB_DATA names the folder, and --data wins over it" {
	export BB_DATA=$T/one
	bbsession db init
	bbsession --data "$T/two" db init
	bbsession --data "$T/two" user add alice --no-password
	run -0 bbsession user list
	refute_has "$output" alice
	run -0 bbsession --data "$T/two" user list
	assert_has "$output" alice
}

@test "--json: an error is one JSON object on standard error, with its status" {
	local line
	while read -r line; do
		# shellcheck disable=SC2086
		run -100 --separate-stderr bbsession --json $line
		assert_eq "$output" ""
		echo "$stderr" >err
		assert_json err '.v == 1 and .level == "error" and
		    .tool == "bbsession" and (.text | length) > 10'
		assert_eq "$(wc -l <err)" 1
	done <<-'END'
		usr list
		user lst
		user list --jsonn
		user list alice
		user show
		--data /nowhere user list
		device show 123
		limit set --service local max-sessions many
	END
}

@test "--json: each list is an object with v and the plural of its noun" {
	local noun
	export BB_DATA=$T/data
	bbsession db init
	for noun in user device service permission session; do
		bbsession --json "$noun" list >out
		assert_json out ".v == 1 and (.${noun}s | type) == \"array\""
	done
	bbsession --json limit get --service local >out
	assert_json out '.v == 1 and (.limits | length) == 7'
	bbsession --json db check >out
	assert_json out '.v == 1 and (.stores | length) == 2'
}

@test "an empty list is its header alone, and an answer" {
	local noun
	export BB_DATA=$T/data
	bbsession db init
	for noun in user device permission session; do
		run -0 --separate-stderr bbsession "$noun" list
		assert_eq "${#lines[@]}" 1
		assert_eq "$output" "${output^^}"
		assert_eq "$stderr" ""
	done
}

@test "an answer that cannot be written is a failure that may pass (111)" {
	export BB_DATA=$T/data
	bbsession db init
	[ -e /dev/full ] || skip "no /dev/full"
	run bash -c 'bbsession user list >/dev/full'
	assert_status 111
	assert_has "$output" "unable to write the answer"
	run bash -c 'bbsession --json user list >/dev/full'
	assert_status 111
}

@test "columns stay aligned when names are not ASCII" {
	export BB_DATA=$T/data
	bbsession db init
	bbsession user add Zoë --no-password
	bbsession user add Wilhelmina --no-password
	bbsession user list >out
	# The second column begins at the same character in every row.
	run -0 python3 -c '
rows = open("out", encoding="utf-8").read().splitlines()
at = rows[0].index("BLOCKED")
print(sorted({r[at - 1:at + 2] for r in rows[1:]}))'
	assert_eq "$output" "[' no']"
}

@test "what a store holds cannot write to the terminal" {
	export BB_DATA=$T/data
	load store
	bbsession db init
	store_sql data/config.db "INSERT INTO user (name, created)
	    VALUES ('a' || char(27) || '[31m' || char(10) || 'b', 1)"
	bbsession user list >out
	assert_eq "$(wc -l <out)" 2
	assert_has "$(cat out)" 'a\x1b[31m\x0ab'
	bbsession --json user list >out
	assert_json out '.users[0].user == "a\u001b[31m\nb"'
}

@test "the man page names every verb and every option, and no other" {
	local page=$BB_SRC/docs/man/bbsession.1 noun verb option
	: >options
	while read -r noun verb; do
		grep -Eq "^\.(It|Ic|Cm|Xo|Nm|Op).*\b$noun $verb\b" "$page" || {
			echo "not in the man page: $noun $verb"
			return 1
		}
		bbsession "$noun" "$verb" --dump-options | cut -f1 >>options
	done < <(verbs)
	echo dump-options >>options
	sort -u options >have
	grep -Eo 'Fl Fl [a-z-]+' "$page" | cut -d' ' -f3 | sort -u >said
	diff have said
}
