# A password stays where it belongs: in memory, for as long as it is needed.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

# A user whose password is a canary; it stands in no file below $T, only in
# $secret and in the file $word, outside.
canary_user() {
	secret=$(bb_canary)
	word=$BATS_TEST_TMPDIR/word
	bb_user carol "$secret"
	mv carol.pw "$word"
	bb_device 2100000c carol
	ALL=(-v -v)
}

@test "a password given by file or descriptor is in no file, log, list or environment" {
	canary_user
	hold_gateway
	bbdevice login --pin 2100000c --password-file "$word" --trace --emit >&9
	come_down 1
	run bbdevice read --trace <news
	assert_status 0
	refute_canary_in_processes "$secret"
	refute_canary "$secret" "$T"
	bbdevice login --pin 2100000c --password-fd 5 --emit 5<"$word" >&9
	come_down 1
	run bbdevice read --json <news
	assert_status 0
	bbdevice alive --pin 2100000c --emit >&9
	is_live() {
		[ "$(session_field 2100000c state)" = live ]
	}
	wait_until 5 is_live
	refute_canary "$secret" "$T"
	# While bbdevice has all of it but the end of the line.
	mkfifo password
	# shellcheck disable=SC2016 # the inner shell's
	spawn sh -c 'exec bbdevice login --pin 2100000c --password-fd 0 \
		--emit <password >frame'
	exec 8>password
	printf '%s' "$secret" >&8
	refute_canary_in_processes "$secret"
	refute_canary "$secret" "$T"
	kill -0 "$bb_pid"
	echo >&8
	exec 8>&-
	wait "$bb_pid"
	[ -s frame ]
	refute_canary "$secret" "$T"
	end_gateway
	refute_canary "$secret" "$T"
	# The search would find it.
	cp "$word" "$T/found"
	run refute_canary "$secret" "$T"
	assert_status 1
}

@test "a wrong password is in no error text of any stage" {
	canary_user
	other=$(bb_canary)
	echo "$other" >"$word"
	READ=(--json)
	PASSWORD=$word run -58 pass login 2100000c --trace
	# It was asked for all that the stages say.
	[ -s log/router-up.err ]
	[ -s log/dispatch-up.err ]
	refute_has "$output" "$other"
	refute_canary "$other" "$T"
	refute_canary "$secret" "$T"
}

@test "a line that is refused, or cut off, does not show its password" {
	canary_user
	cp "$word" carol.pw
	attach_line 2100000c carol 1 >"$BATS_TEST_TMPDIR/line"
	rm carol.pw
	sed 's/"have":0/"have":-1/' "$BATS_TEST_TMPDIR/line" | collab >a || :
	assert_eq "$(status_of collab)" 2
	head -c 350 "$BATS_TEST_TMPDIR/line" | collab >>a || :
	sed 's/"op":"login"/"op":"x"/' "$BATS_TEST_TMPDIR/line" |
		dispatch_down >>a || :
	head -c 350 "$BATS_TEST_TMPDIR/line" | dispatch_down >>a || :
	refute_canary "$secret" "$T"
}

@test "a stage that crashes with a password in memory leaves no core file" {
	canary_user
	ulimit -c unlimited || skip "core files are not allowed here"
	cp "$word" carol.pw
	attach_line 2100000c carol 1 >"$BATS_TEST_TMPDIR/line"
	rm carol.pw
	hold 7 a -v -v
	wait_until 5 has_line "/proc/$bb_pid/limits" \
		'^Max core file size +0 +0 '
	tr -d '\n' <"$BATS_TEST_TMPDIR/line" >&7
	bb_end ABRT "$bb_pid"
	assert_eq "$status" $((128 + 6))
	exec 7>&-
	refute_canary "$secret" "$T"
	# A tool of nobody's would have left one.
	run sh -c 'kill -ABRT $$'
	assert_eq "$status" $((128 + 6))
}

@test "bbdevice is given a password in the argument list: refused, and says why" {
	run -100 --separate-stderr bbdevice login --pin 2100000a \
		--password "$(bb_canary)" --emit
	assert_has "$stderr" "--password-file"
	refute_has "$stderr" canary
}

@test "bbdevice and bbsession refuse a password file that others can read" {
	chmod 640 alice.pw
	run -100 --separate-stderr frame login 2100000a
	assert_has "$stderr" "chmod 600"
	run -100 --separate-stderr bbsession user passwd alice \
		--password-file alice.pw
	assert_has "$stderr" "chmod 600"
}

# owner_of COMMAND...: started as nobody with an input that stays open; whose is
# its /proc/PID/environ?  A process that is not dumpable belongs to root there.
owner_of() {
	local owner

	# shellcheck disable=SC2016 # the inner shell's
	spawn setpriv --reuid=65534 --regid=65534 --clear-groups env \
		HOME="$T" BB_DATA="$BB_DATA" BB_PROFILES="$BB_PROFILES" \
		sh -c 'exec "$@" <in >/dev/null 2>>err' sh "$@"
	exec 7>in
	is_running() {
		[ "$(readlink "/proc/$bb_pid/exe")" = "$(command -v "$1")" ] &&
			owner=$(stat -c %u "/proc/$bb_pid/environ") &&
			[ "$owner" = "$2" ]
	}
	wait_until 5 is_running "$(command -v "$1")" "$wanted" || {
		cat err >&2
		return 1
	}
	exec 7>&-
	wait "$bb_pid" || :
}

@test "no tool is dumpable: another process of the same user reads nothing of it" {
	[ "$(id -u)" = 0 ] || skip "needs root to be two users"
	[ -z "${BB_SAN:-}" ] || skip "a sanitizer must be able to trace"
	command -v setpriv >/dev/null || skip "needs setpriv"
	setpriv --reuid=65534 --regid=65534 --clear-groups test -x \
		"$BB_BIN/bbcollab" || skip "nobody may not use $BB_BIN"
	mkfifo -m 666 in
	: >err
	chown -R 65534 "$T"
	local wanted=65534
	owner_of "$(command -v cat)"
	wanted=0
	owner_of bbrouter
	owner_of bbdispatch
	owner_of bbcollab
	owner_of bbdevice login --pin 2100000a --password-fd 0 --emit
	owner_of bbdevice read
	owner_of bbsession user passwd alice --password-fd 0
}
