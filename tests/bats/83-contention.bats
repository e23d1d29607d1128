# Many services and one store: the maximum holds at every commit.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

CONTEND=$BB_SRC/tests/sim/contend.py

contend() { # VERB WORDS...
	local verb=$1

	shift
	run --separate-stderr "$CONTEND" "$verb" "$BB_BIN/bbcollab" \
		"$BB_DATA" "$T/alice.pw" "$@"
	echo "# $output" >&3
}

seen() { # EXPRESSION, of the driver's line
	if ! jq -e "$1" <<<"$output" >/dev/null; then
		echo "not true: $1 of: $output" >&2
		return 1
	fi
}

@test "eight services ask for the last slot at once: one has it, seven are busy" {
	limit max-sessions 1
	contend race 20
	assert_status 0
	seen '.rounds == 20 and .opened == 20 and .most == 1'
	seen '.winners > 1 and .states > 20'
	has_sessions 0
	run bbsession db check
	assert_status 0
}

@test "eight services, some killed: never above the maximum, no slot is lost" {
	limit max-sessions 3
	limit lease-grace 500ms
	contend storm 500 "$RANDOM"
	assert_status 0
	seen '.most == 3 and .ok >= 20 and .busy >= 20'
	seen '.kills >= 5 and .ends >= 5 and .states > 100'
	has_sessions 0
	run bbsession db check
	assert_status 0
}

@test "the same while idle sessions give way: the maximum holds at every commit" {
	limit max-sessions 3
	limit status-interval 1s
	limit idle-timeout 2s
	limit lease-grace 1h
	contend storm 500 "$RANDOM"
	assert_status 0
	seen '.most == 3 and .ok >= 20 and .kills >= 5'
	has_sessions 0
}
