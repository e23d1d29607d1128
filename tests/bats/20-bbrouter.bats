#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2034,SC2154 # words of inner shells; of bats
# bbrouter as a filter: which frames pass, what becomes of others, how it was
# started.  The frames are made by hand.

load lib

LAUNCH=$BB_SRC/tests/sim/launch.py

# frame TYPE DIR [MEMBER=HEX...]: one frame on standard output; docs/wire.md,
# "Frame".  Members: len link version code pin kid att seq nonce e cipher.
frame() {
	local type=$1 dir=$2 version=01 code=00 pin=2100000a
	local kid=c0c1c2c3c4c5c6c7 att=00000001 seq=00000000 e='' len=''
	local link=0000000000000000 rest
	local nonce=d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8
	local cipher=00112233445566778899aabbccddeeff0011

	case $type in
	01 | 02 | 03) e=$(printf 'ee%.0s' {1..32}) ;;
	04) seq=00000001 ;;
	esac
	for member in "${@:3}"; do
		local "$member"
	done
	rest=$version$type$dir$code$pin$kid$att$seq$nonce$e$cipher
	[ -n "$len" ] || len=$(printf %04x $((${#rest} / 2)))
	printf '%s' "bb01$len$link$rest" | xxd -r -p
}

# hint [MEMBER=HEX...]
hint() {
	local link=0000000000000000 code=02 pin=2100000a
	local nonce=d1d2d3d4d5d6d7d8

	for member in "$@"; do
		local "$member"
	done
	printf '%s' "bb010010${link}014001$code$pin$nonce" | xxd -r -p
}

hex() {
	xxd -p | tr -d '\n'
}

# passes FRAME-ARGS...: the frame comes out as it went in, nothing is said.
passes() {
	frame "$@" >in
	run -0 --separate-stderr bash -c 'bbrouter <in >out'
	assert_eq "$stderr" ""
	cmp in out
}

# dropped CLAUSE FRAME-ARGS...: the frame is dropped with one line; one before
# it and one behind it pass.
dropped() {
	local clause=$1

	shift
	frame 04 00 >good
	{ cat good && frame "$@" && cat good; } >in
	cat good good >wanted
	run -2 --separate-stderr bash -c 'bbrouter <in >out'
	assert_eq "${#stderr_lines[@]}" 1
	assert_has "$stderr" "dropped a frame at byte $(stat -c %s good) "
	assert_has "$stderr" "$clause"
	cmp wanted out
}

# --- frames that pass ---------------------------------------------------------

@test "each type passes unchanged in its direction" {
	passes 01 00
	passes 02 01
	passes 03 00
	passes 04 00
	passes 04 01
	passes 05 01
}

@test "a hint passes unchanged" {
	hint link=0102030405060708 >in
	run -0 bash -c 'bbrouter <in >out'
	cmp in out
}

@test "a link that is set passes as it is" {
	passes 04 00 link=fffefdfcfbfaf9f8
}

@test "the longest frame passes" {
	passes 04 00 cipher="$(head -c $((65535 - 60)) /dev/zero | hex)"
	assert_eq "$(stat -c %s in)" 65535
}

@test "numbers at their ends pass" {
	passes 04 00 att=fffffffe seq=fffffffe
	passes 05 01 att=00000000
}

@test "no input is no output and no error" {
	: >in
	run -0 --separate-stderr bash -c 'bbrouter <in'
	assert_eq "$output$stderr" ""
}

@test "frames that come byte by byte pass" {
	{ frame 01 00 && hint && frame 04 01; } >in
	dd if=in bs=1 status=none | bbrouter >out
	cmp in out
}

@test "many frames pass in their order to a reader that is late" {
	local i

	{
		for i in {1..40}; do
			frame 04 00 seq="$(printf %08x "$i")" \
				cipher="$(head -c 60000 /dev/zero | hex)"
		done
	} >in
	mkfifo late
	bb_spawn bash -c 'bbrouter <in >late'
	local pid=$bb_pid
	exec 9<late
	# It cannot have ended: the pipe does not hold this much.
	run ! gone "$pid"
	cat <&9 >out
	exec 9<&-
	wait "$pid"
	cmp in out
}

# --- frames that do not -------------------------------------------------------

@test "a frame of an unknown type is dropped" {
	dropped "has a type that is unknown here" 06 00
	dropped "type-0x17" 17 00
}

@test "a frame of a trunk is dropped" {
	dropped "has a type that is unknown here" 80 00
	dropped "has a type that is unknown here" 81 00
}

@test "a frame in the wrong direction is dropped" {
	dropped "has the wrong direction" 01 01
	dropped "has the wrong direction" 02 00
	dropped "has the wrong direction" 05 00
	dropped "has the wrong direction" 04 02
}

@test "a frame whose reserved byte is not 0 is dropped" {
	dropped "reserved byte" 04 00 code=01
}

@test "a frame too short for its type is dropped" {
	dropped "has a length that its type has not" 04 00 \
		cipher=00112233445566778899aabbccddee
	dropped "has a length that its type has not" 01 00 e=
}

@test "a frame whose numbers are out of range is dropped" {
	dropped "out of range" 04 00 seq=00000000
	dropped "out of range" 04 00 seq=ffffffff
	dropped "out of range" 04 00 att=00000000
	dropped "out of range" 01 00 att=ffffffff
	dropped "out of range" 01 00 seq=00000001
}

@test "a hint without a code is dropped" {
	frame 04 00 >good
	{ hint code=00 && cat good; } >in
	run -2 bash -c 'bbrouter <in >out'
	assert_has "$output" "reserved byte"
	cmp good out
}

@test "a frame of another version is answered with hint 1 in its place" {
	frame 04 00 >good
	{
		cat good
		frame 01 00 version=02 link=0102030405060708 pin=deadbeef
		cat good
	} >in
	run -2 --separate-stderr bash -c 'bbrouter <in >out'
	assert_eq "${#stderr_lines[@]}" 1
	assert_has "$stderr" "has an unknown version"
	{
		cat good
		hint code=01 link=0102030405060708 pin=deadbeef
		cat good
	} >wanted
	cmp wanted out
}

@test "another version is not answered downwards, nor when it is short" {
	{
		frame 04 01 version=02
		frame 04 02 version=02
		# One byte of the nonce is missing.
		frame 04 00 version=02 cipher= \
			nonce=d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7
		hint | xxd -p | sed 's/014001/024001/' | xxd -r -p
	} >in
	run -2 --separate-stderr bash -c 'bbrouter <in >out'
	assert_eq "${#stderr_lines[@]}" 4
	[ ! -s out ]
}

@test "after a hundred lines dropped frames are only counted" {
	local i

	for i in {1..130}; do frame 06 00; done >in
	frame 04 00 >>in
	run -2 --separate-stderr bash -c 'bbrouter <in >out'
	assert_eq "${#stderr_lines[@]}" 101
	assert_has "${stderr_lines[100]}" "dropped 30 more frames"
	assert_eq "$(stat -c %s out)" 78
}

@test "a log shows the open part of a header and nothing sealed" {
	{ frame 06 00 pin=deadbeef att=00000309 seq=0000030a && frame 04 00; } >in
	run -2 --separate-stderr bash -c 'bbrouter -vv <in >out'
	assert_has "$stderr" "PIN deadbeef, type-0x06, attach 777, number 778"
	assert_has "$stderr" "passed PIN 2100000a, DATA, attach 1, number 1, 78 bytes"
	refute_has "$stderr" 0011223344
	refute_has "$stderr" c0c1c2c3
}

# --- streams that end ---------------------------------------------------------

@test "a stream that ends within a frame: one error, 2, what was whole passes" {
	local len

	frame 04 00 >good
	for len in 1 2 3 4 11 12 13 59 60 77; do
		{ cat good && head -c "$len" good; } >in
		run -2 --separate-stderr bash -c 'bbrouter <in >out'
		assert_eq "${#stderr_lines[@]}" 1
		assert_has "$stderr" \
			"ends within the frame at byte 78, after $len bytes"
		cmp good out
	done
}

@test "a length that no frame has ends the stream, what was whole passes" {
	local len

	frame 04 00 >good
	for len in 0000 000f fff4 ffff; do
		{ cat good && frame 04 00 len=$len && cat good; } >in
		run -2 --separate-stderr bash -c 'bbrouter <in >out'
		assert_eq "${#stderr_lines[@]}" 1
		assert_has "$stderr" "the frame at byte 78 has a length"
		assert_has "$stderr" "($((16#$len)))"
		cmp good out
	done
}

@test "a stream that is no stream of frames ends with 2" {
	local text

	for text in 'GET / HTTP/1.1' '{"pin":"2100000a"}' $'\x16\x03\x01' \
		$'\xbb\x02\x00\x10' ' '; do
		printf '%s' "$text" >in
		run -2 --separate-stderr bash -c 'bbrouter <in'
		assert_eq "$output" ""
		assert_eq "${#stderr_lines[@]}" 1
		assert_has "$stderr" "no frame begins at byte 0"
	done
}

@test "bytes at random end with 2" {
	head -c 100000 /dev/urandom >in
	run -2 bash -c 'bbrouter <in >out'
}

# --- how it was started -------------------------------------------------------

# launch IN OUT ERR WORDS...: bbrouter, fed with the file `in`; the answer is in
# the file `answer`.
launch() {
	"$LAUNCH" "${@:1:3}" bbrouter "${@:4}" <in >answer
	cat answer
}

answered() { # MEMBER
	jq -r ".$1" answer
}

# refused IN OUT CLAUSE
refused() {
	frame 04 00 >in
	launch "$1" "$2" pipe
	assert_eq "$(answered status)" 100
	assert_eq "$(answered received)" ""
	assert_has "$(answered stderr)" "bbrouter: fatal: unable to start: "
	assert_has "$(answered stderr)" "$3"
	assert_eq "$(answered stderr | grep -c .)" 1
}

@test "/dev/null as input is refused (100), and taken with --filter" {
	: >in
	run -100 --separate-stderr bash -c 'bbrouter </dev/null'
	assert_has "$stderr" "standard input is /dev/null"
	assert_eq "${#stderr_lines[@]}" 1
	run -0 --separate-stderr bash -c 'bbrouter --filter </dev/null'
	assert_eq "$output$stderr" ""
}

@test "a closed input or output is refused (100)" {
	refused closed pipe "standard input is closed"
	refused pipe closed "standard output is closed"
}

@test "a folder as input is refused (100)" {
	run -100 --separate-stderr bash -c 'bbrouter <.'
	assert_has "$stderr" "no byte stream"
}

@test "a connection without a next stage is refused (100)" {
	refused pair same "no next stage"
	refused tcp same "no next stage"
	refused tcp pipe "no next stage"
	refused pipe tcp "no next stage"
}

@test "datagrams are refused (100)" {
	refused udp pipe "no byte stream"
	refused dgram pipe "no byte stream"
}

@test "--filter reads and writes one connection" {
	frame 04 00 >in
	launch pair same pipe --filter
	assert_eq "$(answered status)" 0
	assert_eq "$(answered received)" "$(hex <in)"
	launch tcp same pipe --filter
	assert_eq "$(answered status)" 0
	assert_eq "$(answered received)" "$(hex <in)"
}

@test "pipes made of sockets, as ksh93 makes them, are pipes" {
	frame 04 00 >in
	launch pair pair pipe
	assert_eq "$(answered status)" 0
	assert_eq "$(answered received)" "$(hex <in)"
	launch pair pipe pipe
	assert_eq "$(answered received)" "$(hex <in)"
	launch pipe pair pipe
	assert_eq "$(answered received)" "$(hex <in)"
}

@test "a connection that was reset before we looked is nothing to do (0)" {
	: >in
	launch reset same pipe
	assert_eq "$(answered status)" 0
	assert_eq "$(answered stderr)" ""
}

@test "a listening socket is refused (100), not at once, and its queue turned away" {
	local kind

	: >in
	for kind in listen listen-unix; do
		rm -f listen.sock
		launch "$kind" same pipe
		assert_eq "$(answered status)" 100
		assert_has "$(answered stderr)" "listen"
		assert_eq "$(answered turned_away)" true
		assert_eq "$(jq '.seconds >= 1' answer)" true
	done
}

@test "a socket handed over by LISTEN_FDS without a next stage is refused (100)" {
	: >in
	run -100 --separate-stderr bash -c \
		'LISTEN_FDS=1 LISTEN_PID=$$ exec bbrouter <in 3<>in'
	assert_has "$stderr" "LISTEN_FDS"
	# Meant for another process it is no word to us.
	run -0 bash -c 'LISTEN_FDS=1 LISTEN_PID=1 exec bbrouter <in 3<>in'
}

@test "nothing is logged into the peer's connection" {
	frame 06 00 >in
	launch pair same same --filter
	assert_eq "$(answered status)" 2
	assert_eq "$(answered received)" ""
	launch tcp same same
	assert_eq "$(answered status)" 100
	assert_eq "$(answered received)" ""
}

# --- readers, writers, signals ------------------------------------------------

@test "a reader that has left is 111, without a word" {
	local i

	for i in {1..2000}; do frame 04 00; done >in
	run -111 --separate-stderr bash -c \
		'{ bbrouter; echo $? >&3; } 3>status <in | true; exit $(<status)'
	assert_eq "$stderr" ""
}

@test "a reader that has left is 111 where SIGPIPE is ignored too" {
	frame 04 00 >in
	mkfifo closed
	bb_spawn bash -c 'exec 8<closed; exec 8<&-; echo left >left'
	exec 9>closed
	wait_until 5 test -s left
	run -111 bash -c 'trap "" PIPE; bbrouter <in >&9'
	exec 9>&-
}

@test "an output that is full is 111 and one line" {
	frame 04 00 >in
	run -111 --separate-stderr bash -c 'bbrouter <in >/dev/full'
	assert_eq "${#stderr_lines[@]}" 1
	assert_has "$stderr" "unable to write standard output: No space left"
}

@test "TERM, INT and HUP end the input, and what was read passes" {
	local signal

	frame 04 00 >good
	for signal in TERM INT HUP; do
		rm -f in out
		mkfifo in
		# A background job of a shell ignores INT.
		bb_spawn python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp("sh", ["sh", "-c", "exec bbrouter <in >out"])'
		exec 9>in
		cat good >&9
		wait_until 5 cmp -s good out
		bb_end "$signal" "$bb_pid"
		assert_status 0
		cmp good out
		exec 9>&-
	done
}

@test "killed, it leaves the pipes that it was given as they were" {
	frame 04 00 >in
	run -0 python3 - <<-'EOF2'
		import fcntl, os, subprocess
		def flags(fd):
		    return fcntl.fcntl(fd, fcntl.F_GETFL)
		r0, w0 = os.pipe()
		r1, w1 = os.pipe()
		master, tty = os.openpty()
		before = [flags(fd) for fd in (r0, w1, tty)]
		tool = subprocess.Popen(["bbrouter"], stdin=r0, stdout=w1, stderr=tty)
		os.write(w0, open("in", "rb").read())
		os.read(r1, 100)
		tool.kill()
		tool.wait()
		assert [flags(fd) for fd in (r0, w1, tty)] == before
	EOF2
}

# --- options ------------------------------------------------------------------

@test "--help names the options and is an answer" {
	run -0 --separate-stderr bbrouter --help
	assert_has "$output" "--filter"
	assert_has "$output" "--json"
	assert_eq "$stderr" ""
}

@test "--version says the version" {
	run -0 bbrouter --version
	assert_eq "$output" "bbrouter $(cat "$BB_SRC/VERSION")"
}

@test "an option or operand that is not there is refused (100)" {
	run -100 --separate-stderr bbrouter --fliter
	assert_has "$stderr" "--filter"
	run -100 --separate-stderr bbrouter somewhere
	assert_has "$stderr" "somewhere"
}

@test "--json makes log lines JSON" {
	{ frame 06 00 && frame 04 00; } >in
	run -2 bash -c 'bbrouter --json -v <in 2>log >out'
	assert_json log '.v == 1 and .tool == "bbrouter" and (.text | length > 0)'
	run -100 bash -c 'bbrouter --json </dev/null 2>log'
	assert_json log '.level == "error"'
}

@test "the man page and the table of options name the same options" {
	bbrouter --dump-options | cut -f 1 | sort >options
	sed -n '/^\.It /p' "$BB_SRC/docs/man/bbrouter.8" | grep -o 'Fl Fl [a-z-]*' |
		cut -d ' ' -f 3 | grep -vx dump-options | sort >documented
	diff options documented
}
