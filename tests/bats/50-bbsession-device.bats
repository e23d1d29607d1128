#!/usr/bin/env bats
# shellcheck disable=SC2034,SC2154 # variables of bats
# bbsession device: devices and their first keys.

load lib
load store

setup() {
	bb_setup
	export BB_DATA=$T/data
	bbsession db init >/dev/null
	bbsession user add alice --no-password >/dev/null
	openssl rand 32 >raw.key
	od -An -v -tx1 raw.key | tr -d ' \n' >hex.key
}

@test "device add takes 32 raw bytes or 64 hexadecimal digits for one key" {
	run -0 bbsession device add 2100000a --user alice --key-file raw.key
	assert_eq "$output" "added device 2100000a"
	bbsession --json device show 2100000a >raw
	bbsession device remove 2100000a
	{ tr a-f A-F <hex.key && printf '\r\n'; } >upper.key
	bbsession device add 2100000A --user alice --key-file upper.key
	bbsession --json device show 2100000a >hex
	assert_eq "$(jq .device.kid raw)" "$(jq .device.kid hex)"
	assert_json hex '.v == 1 and (.device.kid | test("^[0-9a-f]{16}$")) and
	    .device.user == "alice" and .device.att == 0'
	assert_eq "$(store_sql data/devices.db \
	    'SELECT hex(base), role FROM devkey')" \
	    "$(tr a-f A-F <hex.key)	current"
}

@test "the same key names another kid on another PIN" {
	bbsession --json device add 2100000a --user alice --key-file raw.key >a
	bbsession --json device add 2100000b --user alice --key-file raw.key >b
	assert_json a '.answer == "yes" and .pin == "2100000a"'
	[ "$(jq .kid a)" != "$(jq .kid b)" ]
}

@test "a key file that others can use is refused (100)" {
	local mode
	for mode in 640 604 660 601; do
		chmod "$mode" raw.key
		run -100 bbsession device add 2100000a --user alice \
		    --key-file raw.key
		assert_has "$output" "it can be used by others; chmod 600 it"
	done
	run -1 bbsession device show 2100000a
}

@test "a key file that holds no key is refused with its reason (100)" {
	local name
	head -c 31 raw.key >short
	cat raw.key raw.key raw.key >long
	{ cat hex.key && printf ' \n'; } >blank
	sed 's/^./g/' hex.key >nohex
	head -c 32 /dev/zero >zero
	mkdir folder
	for name in short long blank nohex zero folder; do
		run -100 bbsession device add 2100000a --user alice \
		    --key-file "$name"
		assert_has "$output" "unable to read the key file $name: it "
	done
	run -100 bbsession device add 2100000a --user alice --key-file nowhere
	assert_has "$output" "key file nowhere: No such file"
}

@test "a key may come from a pipe" {
	run -0 bash -c 'bbsession device add 2100000a --user alice \
	    --key-file <(cat hex.key)'
}

@test "no word that is printed has key material in it" {
	local word
	word=$(cat hex.key)
	mkdir said
	bbsession --json device add 2100000a --user alice \
	    --key-file hex.key >said/1
	bbsession device show 2100000a >said/2
	bbsession --json device list >said/3
	bbsession --dry-run device add 2100000b --user alice \
	    --key-file hex.key >said/4
	sed 's/$/x/' hex.key >bad.key
	run -100 bbsession device add 2100000c --user alice --key-file bad.key
	echo "$output" >said/5
	run -1 grep -qri "$word" said
	run -1 grep -qri "$(base64 -w0 raw.key)" said
}

@test "the user must be in the configuration store, where there is one (1)" {
	run -1 bbsession device add 2100000a --user carol --key-file raw.key
	assert_has "$output" 'there is no user "carol" in the configuration store'
	run -0 bbsession device add 2100000a --user carol --key-file raw.key \
	    --no-user-check
	rm data/config.db*
	run -0 bbsession device add 2100000b --user dave --key-file raw.key
}

@test "a configuration store that cannot be read does not pass for none" {
	seq 1000 >data/config.db
	run -100 bbsession device add 2100000a --user alice --key-file raw.key
	assert_has "$output" "unable to open the configuration store"
	run -0 bbsession device add 2100000a --user alice --key-file raw.key \
	    --no-user-check
}

@test "device add needs to know whose device, and its key (100)" {
	run -100 bbsession device add 2100000a --user alice
	assert_has "$output" "needs --user USER and --key-file FILE"
	run -100 bbsession device add 2100000a --key-file raw.key
}

@test "a PIN is 8 hexadecimal digits and not zero (100)" {
	local pin
	for pin in 2100000 2100000aa 2100000g 0x21000a ' 2100000' ''; do
		run -100 bbsession device show -- "$pin"
		assert_has "$output" "is no PIN: it must be 8 hexadecimal digits"
	done
	run -100 bbsession device show 00000000
	assert_has "$output" "names no device"
}

@test "a device that is there already is a no (1), and keeps its key" {
	bbsession device add 2100000a --user alice --key-file raw.key
	store_dump data/devices.db >before
	openssl rand 32 >other.key
	run -1 bbsession device add 2100000a --user alice --key-file other.key
	assert_has "$output" "device 2100000a is there already"
	store_dump data/devices.db | diff before -
}

@test "device list is in order of PINs, and of one user with --user" {
	bbsession user add bob --no-password
	bbsession device add 2100000b --user bob --key-file raw.key
	bbsession device add 2100000a --user alice --key-file raw.key
	bbsession --json device list >out
	assert_json out '[.devices[].pin] == ["2100000a", "2100000b"]'
	bbsession --json device list --user bob >out
	assert_json out '[.devices[].pin] == ["2100000b"]'
	run -0 bbsession device list
	assert_has "${lines[0]}" "KID"
	[[ ${lines[1]} == "2100000a  alice"* ]]
}

@test "device show of what is not there is a no (1)" {
	run -1 --separate-stderr bbsession device show 2100000a
	assert_eq "$output" ""
	assert_eq "$stderr" "bbsession: there is no device 2100000a"
}

@test "device block, unblock and remove; of what is not there a no (1)" {
	bbsession device add 2100000a --user alice --key-file raw.key
	run -0 bbsession device block 2100000a
	bbsession --json device show 2100000a >out
	assert_json out '.device.blocked'
	run -0 bbsession device unblock 2100000a
	bbsession --json device show 2100000a >out
	assert_json out '.device.blocked | not'
	run -0 bbsession device remove 2100000a
	run -1 bbsession device show 2100000a
	assert_eq "$(store_sql data/devices.db 'SELECT count(*) FROM devkey')" 0
	run -1 bbsession device block 2100000a
	run -1 bbsession device unblock 2100000a
	run -1 bbsession device remove 2100000a
}

@test "who blocks or removes a device is told of its session" {
	bbsession device add 2100000a --user alice --key-file raw.key
	store_session 2100000a alice
	run -0 bbsession device block 2100000a
	assert_has "$output" "bbsession session kill 2100000a"
	bbsession --json device remove 2100000a >out
	assert_json out '.session_left == "local"'
}

@test "removing a device leaves nothing of its key in the store's files" {
	bbsession device add 2100000a --user alice --key-file raw.key
	bbsession device remove 2100000a
	run -1 python3 - raw.key data/devices.db <<-'END'
		import sys
		key, store = (open(name, "rb").read() for name in sys.argv[1:])
		sys.exit(key not in store)
	END
}

@test "--dry-run of each change says what would be done and changes nothing" {
	bbsession device add 2100000a --user alice --key-file raw.key
	store_dump data/devices.db >before
	run -0 bbsession --dry-run device add 2100000b --user alice \
	    --key-file raw.key
	assert_eq "$output" "would add device 2100000b"
	run -0 bbsession --dry-run device block 2100000a
	run -0 bbsession --dry-run device unblock 2100000a
	run -0 bbsession --dry-run device remove 2100000a
	run -1 bbsession --dry-run device add 2100000a --user alice \
	    --key-file raw.key
	run -1 bbsession --dry-run device remove 2100000b
	store_dump data/devices.db | diff before -
}

@test "what waits for a removed device goes back to its user's other devices" {
	local event='{"type":"message","from":"bob","text":"hi"}'

	bbsession permission add alice local
	bbsession device add 2100000c --user alice --key-file raw.key
	python3 - "$BB_DATA/config.db" "$event" <<-'P'
		import sqlite3, sys, time
		db = sqlite3.connect(sys.argv[1])
		db.execute("INSERT INTO numbering (pin, id, service, account, up_next,"
		    " down_next) VALUES (0x2100000c, 1, 'local', 'alice', 1, 2)")
		db.execute("INSERT INTO spool VALUES (0x2100000c, 1, ?, ?)",
		    (sys.argv[2].encode(), int(time.time())))
		db.commit()
	P
	run bbsession device remove 2100000c --dry-run
	assert_status 0
	assert_eq "$(sqlite3 "$BB_DATA/config.db" 'SELECT count(*) FROM inbox')" 0
	run bbsession device remove 2100000c
	assert_status 0
	run sqlite3 "$BB_DATA/config.db" 'SELECT account, pin IS NULL, body FROM inbox'
	assert_eq "$output" "alice|1|$event"
}
