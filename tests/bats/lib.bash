# lib.bash - what every bats file begins with: `load lib`.
#
# The tools are those in $BB_BIN (default: build).  Each test starts in a
# private folder, $T, of mode 0700, and ends without a process of ours.
# shellcheck shell=bash
# shellcheck disable=SC2154 # run sets output

bats_require_minimum_version 1.5.0

BB_SRC=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BB_BIN=${BB_BIN:-$BB_SRC/build}
export BB_SRC BB_BIN PATH=$BB_BIN:$PATH LC_ALL=C.UTF-8

setup() {
	bb_setup
}

teardown() {
	bb_teardown
}

# A file with a setup of its own calls these two in it.
bb_setup() {
	umask 077
	# Not below bats' own folder: a Unix socket's path has 107 bytes.
	T=$(mktemp -d /tmp/bb.XXXXXX)
	export T TMPDIR=$T HOME=$T XDG_RUNTIME_DIR=$T
	unset LISTEN_FDS LISTEN_PID LISTEN_FDNAMES NOTIFY_SOCKET
	BB_PIDS=()
	cd "$T" || return 1
}

bb_teardown() {
	local pid failed=0

	for pid in "${BB_PIDS[@]}"; do
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	if [ -n "${BATS_TEST_COMPLETED:-}" ]; then
		assert_no_process_left || failed=1
	fi
	bb_kill_left
	cd / && rm -rf "$T"
	return "$failed"
}

# --- waiting ----------------------------------------------------------------

# wait_until SECONDS COMMAND...: tries until it succeeds.  Instead of sleep.
wait_until() {
	local end=$((SECONDS + $1 + 1))

	shift
	until "$@"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "waited in vain for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# For wait_until: the file has such a line (a regular expression).
has_line() { # FILE REGEX
	[ -e "$1" ] && grep -Eq -- "$2" "$1"
}

gone() { # PID: ended, though perhaps not waited for
	[ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"
}

# --- processes --------------------------------------------------------------

# bb_spawn COMMAND...: in the background; killed at the end of the test at the
# latest.  $bb_pid is its number.  Redirections are the caller's:
#	bb_spawn bbrouter --listen unix:r >out 2>err
bb_spawn() {
	"$@" 3>&- 4>&- &
	bb_pid=$!
	BB_PIDS+=("$bb_pid")
}

# bb_end SIGNAL PID: sends it and takes the exit status into $status.
bb_end() {
	kill "-$1" "$2"
	status=0
	wait "$2" || status=$?
}

# Our processes in this session; tests/run gives each file one of its own.
bb_processes() {
	ps -s "$(ps -o sess= -p $$ | tr -d ' ')" -o pid=,stat=,args= |
	    awk '$2 !~ /^Z/ && $3 ~ /(^|\/)bb(router|dispatch|collab|session|device)$/'
}

bb_none_left() {
	[ -z "$(bb_processes)" ]
}

assert_no_process_left() {
	if ! wait_until 5 bb_none_left; then
		echo "processes left:" >&2
		bb_processes >&2
		return 1
	fi
}

bb_kill_left() {
	local pid _

	while read -r pid _; do
		kill -KILL "$pid" 2>/dev/null || :
	done < <(bb_processes)
}

# A TCP port of the loopback interface that nobody has just now.
free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# --- statements -------------------------------------------------------------
#
# After `run`; `run --separate-stderr` has $stderr too.

assert_status() { # WANTED
	if [ "$status" -ne "$1" ]; then
		echo "expected status $1, got $status; output:" >&2
		echo "$output" >&2
		[ -z "${stderr:-}" ] || printf 'stderr:\n%s\n' "$stderr" >&2
		return 1
	fi
}

# assert_has TEXT PART: the one stands in the other.
assert_has() {
	if [[ $1 != *"$2"* ]]; then
		printf 'expected to find: %s\nin: %s\n' "$2" "$1" >&2
		return 1
	fi
}

refute_has() {
	if [[ $1 == *"$2"* ]]; then
		printf 'expected not to find: %s\nin: %s\n' "$2" "$1" >&2
		return 1
	fi
}

assert_eq() { # GOT WANTED
	if [ "$1" != "$2" ]; then
		printf 'expected: %s\n     got: %s\n' "$2" "$1" >&2
		return 1
	fi
}

# assert_json FILE EXPRESSION: jq says true of each object in the file.
assert_json() {
	if ! jq -es "length > 0 and all(.[]; $2)" "$1" >/dev/null; then
		printf 'not true of each line: %s\n' "$2" >&2
		cat "$1" >&2
		return 1
	fi
}

# --- canary -----------------------------------------------------------------

# A word that stands nowhere else, to be used as a password.
bb_canary() {
	echo "canary-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
}

# canary_in WORD PATH...: prints the files below which have the word, as it
# is or in hex, base64 (at each of the three offsets) or UTF-16.
canary_in() {
	local word=$1

	shift
	python3 - "$word" "$@" <<'PY'
import base64, os, sys
word = sys.argv[1].encode()
seen = {word, word.hex().encode(), word.hex().upper().encode(),
        word.decode().encode("utf-16-le")}
for shift in range(3):
    text = base64.b64encode(b"\0" * shift + word)
    head = 0 if shift == 0 else 4
    cut = text[head:len(text) - 4]
    seen |= {cut, cut.replace(b"+", b"-").replace(b"/", b"_")}
found = False
for top in sys.argv[2:]:
    names = [top] if os.path.isfile(top) else [
        os.path.join(d, f) for d, _, fs in os.walk(top) for f in fs]
    for name in names:
        if os.path.isfile(name):
            data = open(name, "rb").read()
            if any(s in data for s in seen):
                print(name)
                found = True
sys.exit(0 if found else 1)
PY
}

refute_canary() { # WORD PATH...
	local found

	if found=$(canary_in "$@"); then
		printf 'a secret stands in:\n%s\n' "$found" >&2
		return 1
	fi
}

# The word stands in no argument list or environment of any process.
refute_canary_in_processes() { # WORD
	local word=$1 file

	for file in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do
		if tr '\0' '\n' <"$file" 2>/dev/null | grep -qF -- "$word"; then
			echo "a secret stands in $file" >&2
			return 1
		fi
	done
}

# --- a world to test in: databases, users, devices ---------------------------

# bb_world: two fresh stores in $BB_DATA (password hashing as cheap as it may
# be), users alice and bob with permission for `local`, and their devices
# 2100000a and 2100000b, which have profiles in $BB_PROFILES.  What else a
# test wants: passwords in alice.pw, first keys in 2100000a.key, both in $T
# (alias $BB_TMP).  Without a bbdevice there are no profiles.
bb_world() {
	local made=${BATS_FILE_TMPDIR:?}/world

	export BB_TMP=$T BB_DATA=$T/data BB_PROFILES=$T/phones
	# Made once for a file: the stores are files, and nobody has them open.
	if [ ! -d "$made" ]; then
		bb_world_new || return 1
		mkdir "$made.new"
		cp -a "$T/." "$made.new" && mv "$made.new" "$made"
		return
	fi
	cp -a "$made/." "$T"
}

bb_world_new() {
	bbsession db init >/dev/null || return 1
	bbsession limit set --service local scrypt-cost 10 >/dev/null ||
		return 1
	bb_user alice 'correct horse' && bb_device 2100000a alice &&
		bb_user bob 'battery staple' && bb_device 2100000b bob
}

# bb_user NAME [PASSWORD]: with permission for `local`.
bb_user() {
	(umask 077 && printf '%s\n' "${2:-password of $1}" >"$T/$1.pw") &&
		bbsession user add "$1" --password-file "$T/$1.pw" >/dev/null &&
		bbsession permission add "$1" local >/dev/null
}

# bb_device PIN USER: a device in the store, with its profile.
bb_device() {
	(umask 077 && od -An -N32 -v -tx1 /dev/urandom | tr -d ' \n' \
		>"$T/$1.key") &&
		bbsession device add "$1" --user "$2" \
			--key-file "$T/$1.key" >/dev/null || return 1
	! command -v bbdevice >/dev/null ||
		bbdevice profile add --pin "$1" --user "$2" \
			--key-file "$T/$1.key" >/dev/null
}
