# What goes wrong around a stage: disks, stores, readers, signals.
# shellcheck disable=SC2034,SC2154 # variables of bats and of pipeline.bash
load lib
load pipeline

# Holds the write lock of a store until descriptor 8 is closed.
lock_store() { # FILE
	mkfifo lock.in
	# shellcheck disable=SC2016 # the inner shell's
	spawn sh -c 'exec python3 -c "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute(\"BEGIN IMMEDIATE\")
print(\"locked\", flush=True)
sys.stdin.read()" "$0" <lock.in >lock.out' "$1"
	exec 8>lock.in
	wait_until 10 has_line lock.out locked
}

@test "a busy configuration store: Server Busy after two seconds, with that reason" {
	lock_store "$BB_DATA/config.db"
	READ=(--json)
	run --separate-stderr pass login 2100000a
	assert_status 46
	assert_has "$output" "database is busy"
	exec 8>&-
	READ=()
	run pass login 2100000a
	assert_status 0
}

@test "a busy device store: a sealed notice, and the same bytes are taken later" {
	frame login 2100000a >in.frame
	lock_store "$BB_DATA/devices.db"
	gateway <in.frame >notice
	run --separate-stderr bbdevice read <notice
	assert_status 36
	assert_has "$output$stderr" busy
	exec 8>&-
	gateway <in.frame >answer
	run bbdevice read <answer
	assert_status 0
}

@test "no store: each stage says which file is missing, and 100" {
	frame login 2100000a >in.frame
	rm -r "$BB_DATA"
	run -100 --separate-stderr bbdispatch <in.frame
	assert_has "$stderr" "devices.db: no such file"
	assert_eq "${#stderr_lines[@]}" 1
	run -100 --separate-stderr bbcollab <in.frame
	assert_has "$stderr" "config.db: no such file"
	assert_eq "${#stderr_lines[@]}" 1
	run -0 bbrouter <in.frame
}

@test "a dispatcher without a configuration store and a service without keys" {
	frame login 2100000a >in.frame
	mkdir keys limits
	mv "$BB_DATA"/devices.db* keys
	mv "$BB_DATA"/config.db* limits
	up_there() {
		bbdispatch --data keys
	}
	bbdispatch --data keys <in.frame | bbcollab --data limits |
		bbdispatch --data keys >answer
	run bbdevice read <answer
	assert_status 0
}

@test "a store that others can read is not used: 100" {
	chmod 644 "$BB_DATA/config.db"
	run -100 --separate-stderr bbcollab </dev/null --filter
	assert_has "$stderr" "chmod 600"
}

@test "a store of a later version is not used: 100" {
	python3 - "$BB_DATA/config.db" <<-'EOF2'
		import sqlite3, sys
		sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version = 99")
	EOF2
	run -100 --separate-stderr bbcollab --filter </dev/null
	assert_has "$stderr" "schema version 99, newer than"
}

@test "a damaged store: no stage is ended by a signal, and the device hears of it" {
	frame login 2100000a >in.frame
	python3 - "$BB_DATA/config.db" <<-'EOF2'
		import sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(4096)
		    f.write(b"\xa5" * 65536)
	EOF2
	gateway <in.frame >answer || :
	[ "$(status_of collab)" -lt 128 ]
	[ -s log/collab.err ]
	run bbdevice read <answer
	[ "$status" -ne 0 ]
}

# --- disks --------------------------------------------------------------------

# A file system of its own at $T/disk, one megabyte.
small_disk() {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	mkdir -p disk
	mount -t tmpfs -o size=1m,mode=700 tmpfs disk 2>/dev/null ||
		skip "may not mount here"
}

fill_disk() {
	head -c 2000000 /dev/zero >disk/fill 2>/dev/null || :
}

teardown() {
	umount disk 2>/dev/null || :
	bb_teardown
}

@test "a full disk under the configuration store: refused, and later it works" {
	small_disk
	frame login 2100000a >in.frame
	cp -a "$BB_DATA/." disk
	fill_disk
	BB_DATA=$T/disk collab < <(dispatch_up <in.frame) >lines || :
	[ "$(status_of collab)" -lt 128 ]
	[ -s log/collab.err ]
	if [ -s lines ]; then
		assert_json lines '.d.result == "busy"'
	fi
	rm disk/fill log/*
	frame login 2100000a >in.frame
	BB_DATA=$T/disk collab < <(dispatch_up <in.frame) >lines
	assert_json lines '.d.result == "ok"'
}

@test "a full disk under the device store: the attach is not taken, and later it is" {
	small_disk
	frame login 2100000a >in.frame
	cp -a "$BB_DATA/." disk
	fill_disk
	BB_DATA=$T/disk dispatch_up <in.frame >lines || :
	[ "$(status_of dispatch-up)" -lt 128 ]
	[ -s log/dispatch-up.err ]
	run ! grep -q '"password"' lines
	rm disk/fill
	BB_DATA=$T/disk dispatch_up <in.frame >lines
	assert_json lines '.re == "attach" and .att == 1'
}

@test "a full disk under the profile: no frame leaves, and the old profile stands" {
	small_disk
	cp -a "$BB_PROFILES/." disk
	cp disk/2100000a/profile.json before
	fill_disk
	BB_PROFILES=$T/disk frame login 2100000a >in.frame 2>err || status=$?
	assert_eq "$status" 111
	[ ! -s in.frame ]
	cmp before disk/2100000a/profile.json
	rm disk/fill
	BB_PROFILES=$T/disk frame login 2100000a >in.frame
	[ -s in.frame ]
}

@test "a full disk under the output of a stage: 111 and one line" {
	frame login 2100000a >in.frame
	run -111 --separate-stderr sh -c 'bbrouter <in.frame >/dev/full'
	assert_eq "${#stderr_lines[@]}" 1
	run -111 --separate-stderr sh -c 'bbdispatch <in.frame >/dev/full'
	assert_eq "${#stderr_lines[@]}" 1
	attach_line 2100000a alice 1 >line
	run -111 --separate-stderr sh -c 'bbcollab <line >/dev/full'
	assert_eq "${#stderr_lines[@]}" 1
	has_sessions 0
}

@test "a store on a read-only disk: no stage hangs or pretends" {
	small_disk
	frame login 2100000a >in.frame
	cp -a "$BB_DATA/." disk
	mount -o remount,ro disk
	BB_DATA=$T/disk dispatch_up <in.frame >lines || :
	[ "$(status_of dispatch-up)" -ne 0 ] || [ -s lines ]
	run ! grep -q '"password"' lines
	[ -s log/dispatch-up.err ]
	dispatch_up <in.frame >lines
	BB_DATA=$T/disk collab <lines >answers || :
	[ -s log/collab.err ]
	run ! grep -q '"ok"' answers
}

# --- readers and signals ------------------------------------------------------

@test "a reader that has left: 111 and not a word, and no slot is lost" {
	local n hint

	hint="{\"re\":\"hint\",\"pin\":\"2100000a\",\"nonce\":\"$ZERO16\",$(:
		)\"link\":\"$ZERO16\",\"hint\":2}"
	frame login 2100000a >one
	# More than a pipe holds.
	for n in {1..700}; do
		echo "$hint" >&3
		cat one >&4
	done 3>hints 4>frames
	{ attach_line 2100000b bob 1 && cat hints; } >lines
	bbcollab <lines 2>err | true
	assert_eq "${PIPESTATUS[0]}" 111
	has_sessions 0
	bbdispatch <frames 2>>err | true
	assert_eq "${PIPESTATUS[0]}" 111
	bbrouter <frames 2>>err | true
	assert_eq "${PIPESTATUS[0]}" 111
	assert_eq "$(cat err)" ""
}

@test "TERM in the middle: the answer that is owed is given, then slots are free" {
	local pid

	# A password that takes its time.
	limit scrypt-cost 16
	bbsession user passwd alice --password-file alice.pw
	hold 7 a
	pid=$bb_pid
	login 7 a 2100000b bob 1
	has_sessions 1
	attach_line 2100000a alice 1 >&7
	wait_until 5 has_sessions 2
	run ! has_answer a '.pin == "2100000a"'
	bb_end TERM "$pid"
	assert_eq "$status" 0
	has_answer a '.pin == "2100000a" and .d.result == "ok"'
	has_sessions 0
	exec 7>&-
	assert_eq "$(cat a.err)" ""
}

@test "TERM to each stage of a held pipeline ends it with 0" {
	hold_gateway
	local pid

	talk login 2100000a
	assert_status 0

	kill -TERM "$router_up_pid"
	for pid in "$router_up_pid" "$dispatch_up_pid" "$collab_pid" \
		"$dispatch_down_pid" "$router_down_pid"; do
		status=0
		wait "$pid" || status=$?
		assert_eq "$status" 0
	done
	exec 9>&-
	has_sessions 0
}

@test "a killed stage ends the pipeline, and the next login works" {
	local name

	for name in router_up dispatch_up collab dispatch_down router_down; do
		rm -f up.in p1 p2 p3 p4
		hold_gateway
		talk login 2100000a
		assert_status 0
		pid=${name}_pid
		kill -KILL "${!pid}"
		exec 9>&-
		bb_gone() {
			bb_none_left
		}
		wait_until 10 bb_gone
	done
	limit lease-grace 0
	run pass login 2100000a
	assert_status 0
}
