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

blocks() {
	local name

	for name; do
		readme_block "$name" >"$T/$name.sh"
		[ -s "$T/$name.sh" ] || {
			echo "README.md has no block $name"
			return 1
		}
		cat "$T/$name.sh"
	done >"$T/all.sh"
	mkdir "$T/here"
	cd "$T/here" || return 1
}

@test "the pipelines of the README do what it says" {
	blocks setup pipeline message limits
	run bash -e "$T/all.sh"
	assert_status 0
	assert_has 'logged in at local as alice'
	assert_has 'step 4'
	assert_has 'message 1 to bob: sent'
	assert_has 'alice: see you at nine'
	assert_has 'Server Busy'
}

@test "the gateway of the README does what it says, on its ports" {
	unshare -n true 2>/dev/null || skip "a network of its own needs root"
	blocks setup gateway
	{
		echo "trap 'kill \$(jobs -p); wait' EXIT"
		echo 'ip link set lo up'
		cat "$T/all.sh"
	} >"$T/netns.sh"
	run timeout 60 unshare -n bash -e "$T/netns.sh" 3>&-
	assert_has 'step 8'
	assert_has 'alice: are you there?'
	assert_has '2100000a  alice  local'
	assert_has 'links.accepted'
	assert_status 0
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
