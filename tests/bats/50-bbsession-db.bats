#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2034,SC2154 # variables of bats; inner shells
# bbsession db: making, migrating and checking stores; what any verb says of a
# store that it cannot use.

load lib
load store

setup() {
	bb_setup
	export BB_DATA=$T/data
}

modes() {
	find "$BB_DATA" -printf '%m %f\n' | sort
}

@test "db init makes a folder of mode 0700, two stores of 0600, and local" {
	umask 0
	run -0 bbsession db init
	assert_has "$output" "made the device store $T/data/devices.db"
	assert_eq "$(modes)" "$(printf '600 config.db\n600 devices.db\n700 data')"
	run -0 bbsession service list
	assert_has "$output" "local"
}

@test "an open store's log and shared memory are closed to others too" {
	umask 0
	bbsession db init
	store_hold "$BB_DATA/config.db"
	# The holder made them, SQLite with the store's mode; ours must not
	# loosen that.
	bbsession user list >/dev/null
	assert_eq "$(find data -type f ! -perm 600)" ""
}

@test "db init leaves a folder's mode alone and refuses one without a parent" {
	mkdir -m 750 data
	bbsession db init
	assert_eq "$(stat -c %a data)" 750
	run -100 bbsession --data "$T/a/b" db init
	assert_has "$output" "unable to make the folder $T/a/b"
}

@test "db init refuses to touch a store that exists (1), and makes neither" {
	mkdir data
	echo precious >data/config.db
	run -1 bbsession db init
	assert_has "$output" "$T/data/config.db exists already"
	assert_eq "$(cat data/config.db)" precious
	[ ! -e data/devices.db ]
}

@test "db init --only makes one store: the stores can stand on two hosts" {
	bbsession --data one db init --only devices
	assert_eq "$(ls one)" devices.db
	bbsession --data two db init --only config
	assert_eq "$(ls two)" config.db
	run -100 bbsession db init --only both
	assert_has "$output" "--only must be devices or config, not 'both'"
}

@test "--device-store and --config-store name the files, without a folder" {
	run -0 bbsession --device-store d.db --config-store c.db db init
	[ -f d.db ] && [ -f c.db ] && [ ! -e data ]
	bbsession --config-store c.db user add alice --no-password
	run -0 bbsession --config-store c.db user list
	assert_has "$output" alice
}

@test "db init --dry-run says what it would make and makes nothing" {
	run -0 bbsession --dry-run db init
	assert_has "$output" "would make the device store"
	[ ! -e data ]
	run -100 bbsession --dry-run --data "$T/a/b" db init
	assert_has "$output" "unable to make $T/a/b"
}

@test "db init that fails half way takes back what it made" {
	run -100 bbsession --config-store "$T/nowhere/c.db" db init
	assert_has "$output" "unable to make the configuration store"
	[ ! -e data ]
}

@test "db init --json says which stores, where, with which schema" {
	bbsession --json db init >out
	assert_json out '.v == 1 and .answer == "yes" and
	    ([.stores[].store] == ["devices", "config"]) and
	    all(.stores[]; .schema >= 1 and (.file | startswith("/")))'
}

@test "a missing store is a sentence that names the file and the remedy (100)" {
	run -100 bbsession user list
	assert_has "$output" "$T/data/config.db: no such file"
	assert_has "$output" "bbsession db init"
	run -100 bbsession device list
	assert_has "$output" "$T/data/devices.db: no such file"
	run -100 bbsession db check
	assert_has "$output" "$T/data/devices.db"
}

@test "one kind of store is not taken for the other (100)" {
	bbsession db init
	run -100 bbsession --config-store data/devices.db user list
	assert_has "$output" "is a device store, not a configuration store"
	run -100 bbsession --device-store data/config.db device list
	assert_has "$output" "is a configuration store, not a device store"
}

@test "a file that is no store is refused and left as it is (100)" {
	bbsession db init
	rm data/config.db
	seq 10000 >data/config.db
	cp data/config.db before
	run -100 bbsession user list
	assert_has "$output" "$T/data/config.db"
	cmp before data/config.db
}

@test "a newer schema is refused by its number (100)" {
	bbsession db init
	store_sql data/config.db "PRAGMA user_version = 99"
	run -100 bbsession user list
	assert_has "$output" "has schema version 99, newer than"
	run -100 bbsession db migrate
	assert_has "$output" "has schema version 99, newer than"
}

@test "an older schema is refused by its number, with the remedy (100)" {
	bbsession db init
	store_sql data/config.db "PRAGMA user_version = 0"
	run -100 bbsession user list
	assert_has "$output" "has schema version 0, older than"
	assert_has "$output" "bbsession db migrate"
}

@test "a store that others can read is refused (100) and found by db check" {
	bbsession db init
	chmod 644 data/config.db
	run -100 bbsession user list
	assert_has "$output" "is open to others (mode 0644); chmod 600 it"
	run -1 bbsession db check
	assert_has "$output" "$T/data/config.db is open to others (mode 0644)"
}

@test "db migrate of stores with our schema says so and changes nothing" {
	bbsession db init
	store_dump data/config.db >before
	run -0 bbsession db migrate
	assert_has "$output" "both stores have the schemas of this program"
	run -0 bbsession --dry-run db migrate --only devices
	bbsession --json db migrate >out
	assert_json out '[.stores[].schema] == [1, 1]'
	store_dump data/config.db | diff before -
}

@test "db check of sound stores is yes, and says which schema they have" {
	bbsession db init
	run -0 bbsession db check
	assert_has "$output" "none"
	bbsession --json db check >out
	assert_json out 'all(.stores[]; .problems == [] and .schema == 1)'
}

@test "db check finds a counter that is not the count of sessions (1)" {
	bbsession db init
	store_sql data/config.db "UPDATE service SET open_sessions = 7"
	run -1 bbsession db check
	assert_has "$output" "a counter of open sessions is wrong"
}

@test "db check finds a damaged page (1)" {
	bbsession db init
	store_sql data/devices.db "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
	# In the second page: the first leads to it.
	printf '\377\377\377\377' |
		dd of=data/devices.db bs=1 seek=$((4096 + 3)) conv=notrunc \
		    status=none
	run -1 bbsession db check --only devices
	assert_has "$output" "damaged"
	bbsession --json db check --only devices >out || [ $? -eq 1 ]
	assert_json out '.stores[0].problems | length > 0'
}

@test "db check finds a row that needs one that is missing (1)" {
	bbsession db init
	store_sql data/config.db "INSERT INTO permission VALUES ('x', 'y', 'z')"
	run -1 bbsession db check --only config
	assert_has "$output" "needs one of"
}

@test "db check finds a folder in which others can write (1)" {
	bbsession db init
	chmod 777 data
	run -1 bbsession db check
	assert_has "$output" "the folder $T/data can be written by others"
}

@test "a store that is locked for too long is busy (111), for every change" {
	bbsession db init
	store_hold "$BB_DATA/config.db"
	run -111 bbsession user add alice --no-password
	assert_has "$output" 'unable to add user "alice": '
	assert_has "$output" "another process has held the lock for too long"
	# Reading goes on.
	run -0 bbsession user list
}

@test "a full disk is a failure that may pass (111), and changes nothing" {
	command -v unshare >/dev/null || skip "no unshare"
	unshare -m true 2>/dev/null || skip "no mount namespaces"
	mkdir -m 700 small
	# Somebody has the store open, as in a gateway that runs.
	cat >reader.py <<-'END'
		import sqlite3, subprocess, sys
		db = sqlite3.connect("small/d/config.db")
		db.execute("SELECT count(*) FROM user").fetchone()
		sys.exit(subprocess.run(sys.argv[1:]).returncode)
	END
	run unshare -m bash -c '
		mount -t tmpfs -o size=400k tmpfs small || exit 77
		export BB_DATA=small/d
		bbsession db init >/dev/null || exit 1
		python3 reader.py bash -c "
			cat /dev/zero >small/fill 2>/dev/null
			bbsession user add alice --no-password
			echo status \$?
			rm small/fill
			bbsession user list"'
	[ "$status" -ne 77 ] || skip "no tmpfs"
	assert_status 0
	assert_has "$output" 'unable to add user "alice"'
	assert_has "$output" "status 111"
	refute_has "$output" "alice  "
}

@test "a disk that is full before the store is opened is the same (111)" {
	command -v unshare >/dev/null || skip "no unshare"
	unshare -m true 2>/dev/null || skip "no mount namespaces"
	mkdir -m 700 small
	run unshare -m bash -c '
		mount -t tmpfs -o size=400k tmpfs small || exit 77
		export BB_DATA=small/d
		bbsession db init >/dev/null || exit 1
		cat /dev/zero >small/fill 2>/dev/null
		bbsession user add alice --no-password
		echo status $?'
	[ "$status" -ne 77 ] || skip "no tmpfs"
	assert_status 0
	assert_has "$output" "unable to open the configuration store"
	assert_has "$output" "status 111"
}
