#!/usr/bin/env bats
# The commands of README.md, as they stand there.

load lib

# Prints the block of README.md that follows <!-- run: NAME -->.
readme_block() {
	awk -v name="$1" '
		$0 == "<!-- run: " name " -->" { found = 1; next }
		found && /^```sh$/ { inside = 1; next }
		inside && /^```$/ { exit }
		inside { print }
	' "$BATS_TEST_DIRNAME/../../README.md"
}

@test "every command of the README does what it says" {
	local name

	for name in pipeline message limits; do
		readme_block "$name" >"$T/$name.sh"
		[ -s "$T/$name.sh" ]
	done
	cat "$T"/pipeline.sh "$T"/message.sh "$T"/limits.sh >"$T/all.sh"
	mkdir "$T/here"
	cd "$T/here"
	run bash -e "$T/all.sh"
	assert_status 0
	assert_has 'logged in at local as alice'
	assert_has 'step 4'
	assert_has 'message 1 to bob: sent'
	assert_has 'alice: see you at nine'
	assert_has 'Server Busy'
}

@test "every file that the README names is there" {
	local path root="$BATS_TEST_DIRNAME/../.."

	for path in $(grep -o '](\([^)#]*\))' "$root/README.md" | tr -d ']()'); do
		[ -e "$root/$path" ] || {
			echo "README.md names $path"
			return 1
		}
	done
}
