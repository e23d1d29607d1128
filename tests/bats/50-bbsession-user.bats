#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2034,SC2154 # variables of bats; verifiers begin with $
# bbsession user: users and their local passwords.

load lib
load store

setup() {
	bb_setup
	export BB_DATA=$T/data
	bbsession db init >/dev/null
	bbsession limit set --service local scrypt-cost 10 >/dev/null
}

verifier_of() {
	store_sql data/config.db "SELECT verifier FROM user WHERE name = ?" "$1"
}

# Types lines at the prompts of a command that has a terminal of its own;
# prints what the terminal showed and then the exit status.
type_at() { # LINE... -- COMMAND...
	python3 - "$@" <<'PY'
import os, pty, select, signal, sys
cut = sys.argv.index("--")
lines, command = sys.argv[1:cut], sys.argv[cut + 1:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown = b""
while True:
    if not select.select([fd], [], [], 10)[0]:
        os.kill(pid, signal.SIGKILL)  # it waits for what nobody types
        break
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    shown += got
    if lines and shown.endswith(b": "):
        os.write(fd, lines.pop(0).encode() + b"\n")
print(shown.decode().replace("\r", ""), end="")
print("status", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

@test "user add takes the password from a file and stores a verifier of it" {
	echo 'correct horse' >pw
	run -0 bbsession user add alice --password-file pw
	assert_eq "$output" 'added user "alice"'
	[[ $(verifier_of alice) == '$scrypt$ln=10,r=8,p=1$'* ]]
	bbsession --json user show alice >out
	assert_json out '.v == 1 and .user.user == "alice" and .user.password and
	    (.user.blocked | not) and (.user.created | fromdate) > 0'
}

@test "user add takes the password from a descriptor, one line of it" {
	run -0 bash -c 'printf "first\nsecond\n" |
	    { bbsession user add alice --password-fd 0 && cat; }'
	assert_eq "${lines[1]}" second
	run -0 bash -c 'bbsession user add bob --password-fd 7 7<<<"battery"'
	run -100 bbsession user add carol --password-fd 9
	assert_has "$output" "unable to read the password from descriptor 9"
}

@test "user add asks twice on the terminal and shows nothing of it" {
	run -0 type_at sesame sesame -- bbsession user add alice
	assert_has "$output" "New password of alice: "
	assert_has "$output" "The same again: "
	assert_has "$output" 'added user "alice"'
	assert_has "$output" "status 0"
	refute_has "$output" sesame
	[ -n "$(verifier_of alice)" ]
}

@test "two passwords that differ are refused (100), and nobody is added" {
	run -0 type_at sesame sesami -- bbsession user add alice
	assert_has "$output" "the two are not the same"
	assert_has "$output" "status 100"
	run -1 bbsession user show alice
}

@test "nobody is asked for the password of a name that is taken (1)" {
	bbsession user add alice --no-password
	run -0 type_at -- bbsession user add alice
	refute_has "$output" "New password"
	assert_has "$output" 'user "alice" is there already'
	assert_has "$output" "status 1"
}

@test "without a terminal and without a source there is no password (100)" {
	run -100 setsid -w bbsession user add alice
	assert_has "$output" "use --password-file or --password-fd"
}

@test "two sources of a password are one too many (100)" {
	echo x >pw
	run -100 bbsession user add alice --password-file pw --no-password
	assert_has "$output" "give one of"
}

@test "a password file that others can read is refused (100)" {
	echo 'correct horse' >pw
	chmod 640 pw
	run -100 bbsession user add alice --password-file pw
	assert_has "$output" "pw: it is readable by others; chmod 600 it"
	run -100 bbsession user add alice --password-file nowhere
	assert_has "$output" "nowhere: No such file"
	run -1 bbsession user show alice
}

@test "an empty or endless password is refused with a sentence (100)" {
	: >empty
	run -100 bbsession user add alice --password-file empty
	assert_has "$output" "it is empty"
	head -c 2000 /dev/zero | tr '\0' x >long
	run -100 bbsession user add alice --password-file long
	assert_has "$output" "it has more than 1024 bytes"
	printf 'a\0b\n' >zero
	run -100 bbsession user add alice --password-file zero
	assert_has "$output" "it contains a zero byte"
}

@test "user add --no-password adds a user of other IM servers only" {
	run -0 bbsession user add alice --no-password
	assert_eq "$(verifier_of alice)" None
	bbsession --json user show alice >out
	assert_json out '.user.password == false'
}

@test "hashing costs what scrypt-cost of local says, else the default" {
	echo x >pw
	bbsession limit set --service local scrypt-cost 11
	bbsession user add alice --password-file pw
	[[ $(verifier_of alice) == '$scrypt$ln=11,'* ]]
	bbsession service remove local
	bbsession user add bob --password-file pw
	[[ $(verifier_of bob) == '$scrypt$ln=15,'* ]]
}

@test "a user who is there already is a no (1), and keeps the password" {
	echo x >pw
	bbsession user add alice --password-file pw
	verifier_of alice >before
	run -1 bbsession user add alice --password-file pw
	assert_eq "$output" 'bbsession: user "alice" is there already'
	verifier_of alice | diff before -
	bbsession --json user add alice --no-password >out || [ $? -eq 1 ]
	assert_json out '.v == 1 and .answer == "no" and
	    (.why | contains("alice"))'
}

@test "names that could be misread are refused with a sentence (100)" {
	local name
	for name in '' ' alice' 'alice ' $'al\nice' $'al\x1bice' $'al\xffice' \
	    "$(printf 'x%.0s' {1..257})"; do
		run -100 bbsession user add --no-password -- "$name"
		assert_has "$output" "is no name for a user"
		assert_eq "${#lines[@]}" 1
	done
	run -0 bbsession user add --no-password "$(printf 'x%.0s' {1..256})"
	run -0 bbsession user add --no-password 'Zoë van der Berg'
}

@test "user passwd changes the password, takes it away, and needs a user" {
	echo one >pw
	bbsession user add alice --password-file pw
	verifier_of alice >before
	echo two >pw
	run -0 bbsession user passwd alice --password-file pw
	run -1 diff before <(verifier_of alice)
	run -0 bbsession user passwd alice --no-password
	assert_eq "$(verifier_of alice)" None
	run -1 bbsession user passwd carol --password-file pw
	assert_has "$output" 'there is no user "carol"'
}

@test "user list is in order of names and says who is blocked" {
	bbsession user add bob --no-password
	bbsession user add alice --no-password
	bbsession user block bob
	bbsession --json user list >out
	assert_json out '[.users[] | [.user, .blocked]] ==
	    [["alice", false], ["bob", true]]'
	run -0 bbsession user list
	assert_has "${lines[0]}" "USER"
	[[ ${lines[1]} == alice* && ${lines[2]} == bob* ]]
}

@test "user show names services and sessions; of nobody it is a no (1)" {
	bbsession user add alice --no-password
	bbsession permission add alice local
	store_session 2100000a alice
	run -0 bbsession user show alice
	assert_has "$output" "services:  local"
	assert_has "$output" "sessions:  2100000a"
	run -1 --separate-stderr bbsession user show carol
	assert_eq "$output" ""
	assert_eq "$stderr" 'bbsession: there is no user "carol"'
	run -1 --separate-stderr bbsession --json user show carol
	assert_eq "$stderr" ""
	echo "$output" >out
	assert_json out '.v == 1 and .answer == "no" and .user == null'
}

@test "user block and unblock do what they say; of nobody it is a no (1)" {
	bbsession user add alice --no-password
	run -0 bbsession user block alice
	assert_eq "$output" 'blocked user "alice"'
	bbsession --json user show alice >out
	assert_json out '.user.blocked'
	run -0 bbsession user unblock alice
	bbsession --json user show alice >out
	assert_json out '.user.blocked | not'
	run -1 bbsession user block carol
	run -1 bbsession user unblock carol
}

@test "user remove takes the permissions too and names the devices left" {
	openssl rand -hex 32 >key
	bbsession user add alice --no-password
	bbsession permission add alice local
	bbsession device add 2100000a --user alice --key-file key
	bbsession --json --dry-run user remove alice >out
	assert_json out '.devices_left == ["2100000a"] and .dry_run'
	run -0 bbsession user remove alice
	assert_has "$output" 'removed user "alice"'
	assert_has "$output" "bbsession device remove 2100000a"
	bbsession --json permission list >out
	assert_json out '.permissions == []'
	run -1 bbsession user remove alice
}

@test "a user with open sessions is not removed (1)" {
	bbsession user add alice --no-password
	store_session 2100000a alice
	run -1 bbsession user remove alice
	assert_has "$output" "has open sessions (1); end them first"
	bbsession session kill 2100000a
	run -0 bbsession user remove alice
}

@test "user remove does not need a device store" {
	bbsession user add alice --no-password
	rm data/devices.db*
	run -0 bbsession user remove alice
	assert_eq "$output" 'removed user "alice"'
}

@test "--dry-run of each change says what would be done and changes nothing" {
	echo x >pw
	bbsession user add alice --password-file pw
	store_dump data/config.db >before
	run -0 bbsession --dry-run user add bob --password-file pw
	assert_eq "$output" 'would add user "bob"'
	run -0 setsid -w bbsession --dry-run user add bob
	run -0 bbsession --dry-run user passwd alice --no-password
	run -0 bbsession --dry-run user block alice
	run -0 bbsession --dry-run user unblock alice
	run -0 bbsession --dry-run user remove alice
	assert_eq "$output" 'would remove user "alice"'
	# What could not be done is refused as it would be.
	run -1 bbsession --dry-run user add alice --no-password
	run -1 bbsession --dry-run user remove carol
	chmod 644 pw
	run -100 bbsession --dry-run user add bob --password-file pw
	store_dump data/config.db | diff before -
}

@test "a password stands in no file, output, argument list or environment" {
	local word
	word=$(bb_canary)
	mkfifo -m 600 fifo
	mkdir said
	bb_spawn bbsession user add alice --password-fd 7 \
	    7<>fifo >said/out 2>said/err
	printf '%s' "$word" >fifo
	# It has read the word and waits for the end of the line.
	wait_until 10 fifo_empty fifo
	refute_canary_in_processes "$word"
	assert_has "$(cat "/proc/$bb_pid/limits")" \
	    "Max core file size        0"
	echo >fifo
	wait "$bb_pid"
	echo "$word" >pw
	bbsession user passwd alice --password-file pw >said/out2 2>said/err2
	bbsession --json user add bob --password-file pw >said/out3 2>&1
	bbsession --json user show alice >said/out4
	rm pw fifo
	refute_canary "$word" "$T"
	# And the check can find one.
	echo "$word" >planted
	run -1 refute_canary "$word" "$T"
}

fifo_empty() {
	python3 -c 'import fcntl, os, sys, termios, struct
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
n = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]
sys.exit(n != 0)' "$1"
}

@test "a password that somebody tries to pass as an option is not repeated" {
	run -100 bbsession user add alice --password=hunter2
	assert_has "$output" "unknown option --password"
	refute_has "$output" hunter2
}
