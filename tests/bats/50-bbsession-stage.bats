#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # variables of bats
# bbsession stage: asking a running stage at its control socket.

load lib

setup() {
	bb_setup
	bb_spawn bbrouter --listen unix:"$T/door" --to unix:"$T/nobody" \
	    --control unix:"$T/ctl"
	ROUTER=$bb_pid
	wait_until 10 test -S "$T/ctl"
}

@test "stage stats shows a running router's counters" {
	run -0 bbsession stage stats "unix:$T/ctl"
	assert_has 'tool: bbrouter'
	assert_has 'links.open: 0'
	bbsession --json stage stats "unix:$T/ctl" >answer
	assert_json answer '.v == 1 and .tool == "bbrouter" and .links.open == 0'
}

@test "stage links lists the links" {
	bbsession --json stage links "unix:$T/ctl" >answer
	assert_json answer '.v == 1 and .links == []'
}

@test "a stage that has no sessions says so (100)" {
	run -100 bbsession stage sessions "unix:$T/ctl"
	assert_has 'no such command'
}

@test "stage drain ends the stage, --dry-run does not" {
	run -0 bbsession stage drain --dry-run "unix:$T/ctl"
	kill -0 "$ROUTER"
	run -0 bbsession stage drain "unix:$T/ctl"
	wait "$ROUTER"
	[ ! -e "$T/ctl" ]
}

@test "nobody at the socket is 111, an address of another kind 100" {
	run -111 bbsession stage stats "unix:$T/nobody"
	assert_has "$T/nobody: No such file or directory"
	run -100 bbsession stage stats 127.0.0.1:3101
	assert_has 'a control socket is unix:PATH'
}

@test "a stage that closes without an answer is said so (111)" {
	python3 - "$T/mute" <<-'P' &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1] + ".new")
		s.listen()
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		c, _ = s.accept()
		c.recv(100)
		c.close()
	P
	BB_PIDS+=("$!")
	wait_until 10 test -S "$T/mute"
	run -111 bbsession stage stats "unix:$T/mute"
	assert_has 'Connection reset'
}
