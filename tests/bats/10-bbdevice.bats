# bbdevice alone: profiles, the frames that it emits, and what it makes of a
# stream that is not from a gateway.  Against a gateway made by hand:
# tests/unit/device_*_test.c; through the pipeline: 80-pipeline.bats.
# shellcheck disable=SC2154 # variables of bats
load lib

setup() {
	bb_setup
	export BB_PROFILES=$T/phones
	head -c 32 /dev/urandom >key
	printf 'correct horse\n' >pw
}

profile() { # [PIN]
	bbdevice profile add --pin "${1:-2100000a}" --key-file key --user alice
}

login() { # [OPTION...]
	bbdevice login --pin 2100000a --password-file pw --emit "$@"
}

# Bytes FROM..FROM+COUNT of a file as hexadecimal digits.
bytes() { # FILE FROM COUNT
	xxd -p -s "$2" -l "$3" "$1" | tr -d '\n'
}

field() { # MEMBER: of profile.json
	jq -r ".$1" "$BB_PROFILES/2100000a/profile.json"
}

modes() { # PATH...
	stat -c '%a %n' "$@"
}

# Runs a command on a terminal of its own.
on_terminal() { # COMMAND
	script -qec "$1" typescript </dev/null
}

# --- profiles -----------------------------------------------------------------

@test "profile add: folders and files are its owner's alone, whatever the umask" {
	umask 0
	run profile
	assert_status 0
	assert_eq "$output" "2100000a: added"
	assert_eq "$(modes phones phones/2100000a phones/2100000a/profile.json)" \
		$'700 phones\n700 phones/2100000a\n600 phones/2100000a/profile.json'
	assert_eq "$(field v)" 1
	assert_eq "$(field att)" 0
	assert_eq "$(field current)" "$(xxd -p -c 64 key)"
	[ "$(field numbering.id | wc -c)" -eq 17 ]
}

@test "profile add: below HOME where neither option nor variable says otherwise" {
	unset BB_PROFILES
	profile
	[ -f "$HOME/.config/bbdevice/2100000a/profile.json" ]
	BB_PROFILES=$T/env profile 2100000b
	[ -f env/2100000b/profile.json ]
	export BB_PROFILES=$T/env
	bbdevice profile add --pin 2100000d --key-file key --profiles option
	[ -f option/2100000d/profile.json ]
}

@test "profile add: the key may be hexadecimal" {
	xxd -p -c 64 key >hex
	bbdevice profile add --pin 2100000a --key-file hex
	assert_eq "$(field current)" "$(cat hex)"
}

@test "profile add: a key file that others can use is refused" {
	local mode

	for mode in 640 604 620 602; do
		chmod "$mode" key
		run profile
		assert_status 100
		assert_has "$output" "chmod 600"
	done
	[ ! -e phones/2100000a ]
}

@test "profile add: what is no key is refused, and not shown" {
	head -c 31 /dev/urandom >short
	head -c 33 /dev/urandom >long
	head -c 32 /dev/zero >zero
	printf '%064d' 0 | tr 0 x >letters
	local file

	for file in short long zero letters nothing; do
		run bbdevice profile add --pin 2100000a --key-file "$file"
		assert_status 100
		assert_has "$output" "unable to read the key file $file"
		refute_has "$output" xxxx
	done
}

@test "profile add: a PIN has one profile" {
	profile
	cp phones/2100000a/profile.json before
	run profile
	assert_status 100
	assert_has "$output" "there is one already"
	cmp before phones/2100000a/profile.json
}

@test "profile add: a PIN is 8 hexadecimal digits, in either case, not all 0" {
	local pin

	for pin in 2100000 2100000aa 2100000g 00000000 ''; do
		run bbdevice profile add --pin "$pin" --key-file key
		assert_status 100
	done
	bbdevice profile add --pin 2100000A --key-file key
	[ -d phones/2100000a ]
}

@test "profile add and remove: --dry-run changes nothing" {
	run bbdevice profile add --pin 2100000a --key-file key --dry-run
	assert_status 0
	assert_eq "$output" "2100000a: would be added"
	[ ! -e phones/2100000a ]
	profile
	run bbdevice profile remove 2100000a --dry-run
	assert_status 0
	[ -e phones/2100000a/profile.json ]
}

@test "profile list: in order, for people and as JSON" {
	run bbdevice profile list
	assert_status 0
	assert_eq "$output" ""
	mkdir -p phones/2100000c phones/other phones/2100000D
	profile 2100000b
	profile 2100000a
	run bbdevice profile list
	assert_status 0
	assert_eq "${lines[0]}" "2100000a  alice at local  idle"
	assert_eq "${lines[1]}" "2100000b  alice at local  idle"
	bbdevice profile list --json >listed
	assert_json listed '.v == 1 and .user == "alice" and .att == 0'
}

@test "profile list: a damaged profile is told, the others are listed" {
	profile 2100000a
	profile 2100000b
	echo '{"v":1,"current":"secret' >phones/2100000a/profile.json
	run --separate-stderr bbdevice profile list
	assert_status 100
	assert_eq "$output" "2100000b  alice at local  idle"
	assert_has "$stderr" "2100000a: its file is damaged in line 1"
	refute_has "$stderr" secret
}

@test "profile show: all but the keys" {
	profile
	login >/dev/null
	bbdevice profile show 2100000a >shown
	bbdevice profile show 2100000A --json >>shown
	grep -q '^attach number *1$' shown
	grep -q '^state *waiting$' shown
	run ! grep -e "$(field current)" -e "$(field outstanding.e_private)" shown
	run bbdevice profile show 2100000b
	assert_status 100
	assert_has "$output" "there is none"
}

@test "profile remove: everything is gone, and a second time there is nothing" {
	profile
	login >/dev/null
	bbdevice profile remove 2100000a
	[ ! -e phones/2100000a ]
	run bbdevice profile remove 2100000a
	assert_status 100
}

@test "a profile that is removed and made anew while one waits for its lock" {
	profile
	bbdevice profile add --pin 2100000a --key-file key --user bob \
		--profiles other
	# Holds the lock until it is told to remove the profile.
	bb_spawn timeout 30 python3 -c 'import fcntl, os, shutil, time
with open("phones/2100000a/lock", "r+") as f:
    fcntl.lockf(f, fcntl.LOCK_EX, 1)
    open("locked", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    shutil.rmtree("phones/2100000a")
    shutil.copytree("other/2100000a", "phones/2100000a")'
	wait_until 5 test -e locked
	bb_spawn bbdevice login --pin 2100000a --password-file pw --emit >frame
	wait_until 5 grep -Eq -- "->.* $bb_pid " /proc/locks
	touch go
	wait "${BB_PIDS[@]}"
	assert_eq "$(field outstanding.user)" bob
}

@test "a profile that others can use is not used" {
	profile
	chmod 750 phones/2100000a
	run login
	assert_status 100
	assert_has "$output" "chmod 700"
}

@test "a profile of a later version is refused, and not written over" {
	profile
	sed -i 's/"v": 1/"v": 2/' phones/2100000a/profile.json
	cp phones/2100000a/profile.json before
	run login
	assert_status 100
	assert_has "$output" "another version"
	cmp before phones/2100000a/profile.json
}

# --- frames -------------------------------------------------------------------

@test "login: the header as docs/wire.md has it" {
	profile
	login >frame
	assert_eq "$(bytes frame 0 2)" bb01
	assert_eq "$((16#$(bytes frame 2 2)))" "$(($(stat -c %s frame) - 12))"
	assert_eq "$(bytes frame 4 8)" 0000000000000000
	assert_eq "$(bytes frame 12 4)" 01010000
	assert_eq "$(bytes frame 16 4)" 2100000a
	assert_eq "$(bytes frame 20 8)" \
		"$(bbdevice profile show 2100000a --json | jq -r .current_kid)"
	assert_eq "$(bytes frame 28 8)" 0000000100000000
	assert_eq "$(bytes frame 36 24)" "$(field outstanding.nonce)"
	assert_eq "$(bytes frame 60 32)" "$(field outstanding.e_public)"
}

@test "login: each takes the next number, answered or not, written or not" {
	profile
	login >one
	login >two
	run login --show nonsense
	assert_status 100
	login >/dev/full || :
	login >three
	assert_eq "$(bytes one 28 4) $(bytes two 28 4) $(bytes three 28 4)" \
		"00000001 00000002 00000004"
	assert_eq "$(field att)" 4
}

@test "login: number and key are on disk before the frame leaves" {
	local first

	profile
	command -v strace >/dev/null || skip "strace is not there"
	[ -z "${BB_SAN:-}" ] || skip "a sanitizer cannot be traced"
	strace -f -e trace=fsync,renameat,rename,renameat2,write \
		-o trace bbdevice login --pin 2100000a --password-file pw \
		--emit >frame
	first=$(grep -n 'write(1,' trace | head -n 1 | cut -d: -f1)
	head -n "$first" trace | grep -Eo '(fsync|rename)[a-z0-9]*\(' |
		tr '\n' ' ' >order
	has_line order '^fsync\( rename(at2?)?\( fsync\( $'
}

@test "login: a frame has 92 bytes, a multiple of 256, and a tag" {
	profile
	login >frame
	assert_eq "$((($(stat -c %s frame) - 92 - 16) % 256))" 0
	login --status "$(head -c 255 /dev/zero | tr '\0' x)" >frame
	assert_eq "$((($(stat -c %s frame) - 92 - 16) % 256))" 0
}

@test "login: the length tells nothing of a password's length" {
	local n sizes=''

	profile
	for n in 1 5 10 20 30; do
		head -c 200 /dev/urandom | base64 -w 0 | head -c "$n" >pw
		sizes+="$(login | wc -c) "
	done
	assert_eq "$sizes" "364 364 364 364 364 "
}

@test "login: two frames have nothing in common but the header" {
	profile
	login >one
	login >two
	[ "$(bytes one 36 24)" != "$(bytes two 36 24)" ]
	[ "$(bytes one 60 32)" != "$(bytes two 60 32)" ]
	[ "$(bytes one 92 200)" != "$(bytes two 92 200)" ]
}

@test "login at the same time: no number is taken twice" {
	local n pids=()

	profile
	for n in {1..12}; do
		login >"frame$n" &
		pids+=($!)
	done
	wait "${pids[@]}"
	for n in {1..12}; do
		bytes "frame$n" 28 4
		echo
	done | sort -u >numbers
	assert_eq "$(wc -l <numbers)" 12
	assert_eq "$(field att)" 12
}

@test "a frame is not written to a terminal" {
	profile
	run on_terminal "bbdevice login --pin 2100000a --password-file pw --emit"
	assert_status 100
	assert_has "$output" "standard output is a terminal"
	assert_eq "$(field att)" 0
}

@test "the verbs of a session need one" {
	local verb

	profile
	for verb in alive logout 'presence away' 'fetch --in-session' \
		'send bob hi --in-session' resume; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr bbdevice $verb --pin 2100000a --emit
		assert_status 12
		assert_has "$stderr" "log in"
		assert_eq "$output" ""
	done
	assert_eq "$(field 'numbering.held | length')" 0
}

@test "without --pin or a user nothing is done, and it is said why" {
	bbdevice profile add --pin 2100000a --key-file key
	run bbdevice login --pin 2100000a --password-file pw
	assert_status 100
	assert_has "$output" "--user"
	run bbdevice login --emit --password-file pw
	assert_status 100
	assert_has "$output" "--pin"
	run login
	assert_status 100
	assert_has "$output" "--user"
	run bbdevice login --pin 2100000b --password-file pw --emit
	assert_status 100
	assert_has "$output" "there is none"
	assert_eq "$(field att)" 0
}

@test "an unknown verb, option or operand is refused with the nearest" {
	run bbdevice logni
	assert_status 100
	assert_has "$output" "did you mean login"
	run bbdevice
	assert_status 100
	run bbdevice login --pni 2100000a
	assert_status 100
	assert_has "$output" "did you mean --pin"
	run bbdevice profile
	assert_status 100
	run bbdevice login --coverage perhaps --pin 2100000a --emit
	assert_status 100
}

@test "every verb has --help, which names all of its options" {
	local verb

	bbdevice --help
	bbdevice --version
	for verb in login send fetch resume alive presence logout read listen \
		coverage status sessions 'profile add' 'profile set' \
		'profile list' 'profile show' 'profile remove'; do
		# shellcheck disable=SC2086 # words
		bbdevice $verb --help >help
		# shellcheck disable=SC2086
		bbdevice $verb --dump-options >options
		while IFS=$'\t' read -r option _; do
			grep -q -e "--$option" help
			grep -q -e "Fl Fl $option\\b" "$BB_SRC/docs/man/bbdevice.1" || {
				echo "bbdevice.1 lacks --$option of $verb" >&2
				return 1
			}
		done < <(grep -v -e '^help' -e '^version' options)
	done
}

# --- passwords ----------------------------------------------------------------

@test "a password on the command line is refused, and not repeated" {
	profile
	run login --password hunter2
	assert_status 100
	assert_has "$output" "--password-file"
	refute_has "$output" hunter2
	run login --pasword=hunter2
	assert_status 100
	refute_has "$output" hunter2
}

@test "a password from a descriptor, with the text behind it" {
	profile
	bbdevice login --pin 2100000a --emit --password-fd 5 5<pw >frame
	printf 'secret\nhello\n' |
		bbdevice send bob --pin 2100000a --emit --password-fd 0 >frame
	assert_eq "$(field 'numbering.held[0].text')" hello
}

@test "a password that is not there: a sentence for each reason" {
	profile
	: >empty
	printf 'a\0b\n' >zero
	head -c 1025 /dev/zero | tr '\0' x >long
	printf '\377\n' >binary
	local file

	for file in empty zero long binary nothing; do
		run bbdevice login --pin 2100000a --password-file "$file" --emit
		assert_status 100
		assert_has "$output" "bbdevice: fatal: "
	done
	chmod 644 pw
	run login
	assert_status 100
	assert_has "$output" "readable by others"
	run setsid -w bbdevice login --pin 2100000a --emit
	assert_status 100
	assert_has "$output" "no terminal"
	assert_eq "$(field att)" 0
}

@test "a password is asked for on the terminal, where it is not shown" {
	local word

	word=$(bb_canary)
	profile
	bbdevice login --pin 2100000a --password-file <(echo "$word") \
		--emit >wanted
	mkfifo keys
	script -qefc "bbdevice login --pin 2100000a --emit >frame" typescript \
		<keys >/dev/null &
	exec 6>keys
	wait_until 5 has_line typescript 'Password of alice at local: '
	echo "$word" >&6
	wait_until 5 test -s frame
	exec 6>&-
	wait "$!"
	assert_eq "$(stat -c %s frame)" "$(stat -c %s wanted)"
	refute_canary "$word" typescript frame phones
}

@test "canary: a password stands in no file, argument, environment or output" {
	local word

	word=$(bb_canary)
	profile
	mkfifo -m 600 fifo
	bbdevice send bob hello --pin 2100000a --password-file fifo --emit \
		--trace >frame 2>err &
	wait_until 5 grep -qz -- --password-file "/proc/$!/cmdline"
	exec 6>fifo
	echo "$word" >&6
	refute_canary_in_processes "$word"
	exec 6>&-
	wait "$!"
	[ -s frame ]
	refute_canary "$word" phones frame err
	for n in 1 2 3; do
		echo "$word" | bbdevice login --pin 2100000a --password-fd 0 \
			--emit --show "$n" 2>>err && return 1
	done
	refute_canary "$word" phones frame err
	bbdevice profile show 2100000a --json >shown
	refute_canary "$word" shown
}

# --- reading ------------------------------------------------------------------

@test "read: no answer is told as such, 19" {
	profile
	run bbdevice read </dev/null
	assert_status 19
	assert_has "$output" "no answer came"
}

@test "read: what is no frame ends the stream, 15" {
	run bbdevice read <<<'{"re":"attach"}'
	assert_status 15
	assert_has "$output" "the stream is broken"
	run bbdevice read <<<'GET / HTTP/1.0'
	assert_status 15
	printf '\273\001\000\001' >short
	run bbdevice read <short
	assert_status 15
}

@test "read: a frame that is cut off is told, wherever it is cut, 15" {
	local n

	profile
	login >frame
	for n in 1 2 11 12 35 60 91 200 363; do
		head -c "$n" frame >part
		run bbdevice read <part
		assert_status 15
		assert_has "$output" "ends within a frame"
	done
}

@test "read: each frame that is not for us is one line, and the next is read" {
	profile
	login >frame
	cp frame reflected
	# The same as an ANSWER down, for us and for nobody here.
	{
		cat frame
		printf '\001\002\001' |
			dd of=frame bs=1 seek=12 conv=notrunc status=none
		cat frame
		printf '\013' | dd of=frame bs=1 seek=19 conv=notrunc status=none
		cat frame
		printf '\007' | dd of=frame bs=1 seek=12 conv=notrunc status=none
		cat frame
	} >stream
	run --separate-stderr bbdevice read <stream
	assert_status 15
	assert_eq "$output" ""
	assert_eq "$(wc -l <<<"$stderr")" 4
	assert_has "$stderr" "wrong direction"
	assert_has "$stderr" "ANSWER frame for 2100000a dropped: it does not open"
	assert_has "$stderr" "ANSWER frame for 2100000b dropped: there is no such profile"
	assert_has "$stderr" "unknown version"
	run bbdevice read --count 3 <stream
	assert_status 15
	assert_eq "${#lines[@]}" 3
	run bbdevice read --pin 2100000b <stream
	assert_eq "${#lines[@]}" 2
}

@test "read: noise does not end it otherwise than by 15" {
	local n

	profile
	for n in {1..40}; do
		{
			printf '\273\001\001\000'
			head -c $((RANDOM % 600)) /dev/urandom
		} >noise
		run bbdevice read <noise
		assert_status 15
	done
}

@test "read: errors as JSON where that was asked for" {
	profile
	login >frame
	run --separate-stderr bbdevice read --json <frame
	assert_status 15
	echo "$stderr" >errors
	assert_json errors '.v == 1 and .level == "error" and .tool == "bbdevice"'
}

@test "read: a terminal is no stream of frames" {
	profile
	run script -qec "bbdevice read" typescript
	assert_status 100
	assert_has "$output" "standard input is a terminal"
}

@test "read: the profile is looked for when a frame comes, and not locked before" {
	mkfifo stream
	bbdevice read <stream >out 2>err &
	exec 6>stream
	profile
	login >frame
	printf '\001\002\001' | dd of=frame bs=1 seek=12 conv=notrunc status=none
	cat frame >&6
	wait_until 5 has_line err 'does not open'
	login >/dev/null
	exec 6>&-
	wait "$!" || [ "$?" -eq 14 ]
}
