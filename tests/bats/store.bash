# store.bash - looks into a store and changes it by hand, as no tool of ours
# would: `load store` after `load lib`.
# shellcheck shell=bash

# store_sql FILE SQL [VALUE...]: runs one statement, prints the rows.
store_sql() {
	python3 - "$@" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for row in db.execute(sys.argv[2], sys.argv[3:]):
    print("\t".join(str(v) for v in row))
PY
}

# store_dump FILE: all that is in it, as text.
store_dump() {
	python3 - "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for pragma in ("application_id", "user_version"):
    print(pragma, db.execute("PRAGMA " + pragma).fetchone()[0])
for line in db.iterdump():
    print(line)
PY
}

# store_hold FILE: another process holds the write lock until the test ends.
store_hold() {
	bb_spawn python3 -c '
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(100)' "$1" >held
	wait_until 10 has_line held held
}

# store_session PIN USER [NAME=VALUE...]: puts a row in, as a Collaboration
# Service would.  The owner is this shell (owner=live), or a process that is no
# more (owner=dead); status and active are ages in ms; the other names are
# columns of the table.
store_session() {
	python3 - "$BB_DATA/config.db" $$ "$@" <<'PY'
import socket, sqlite3, sys, time
path, pid, pin, user = sys.argv[1:5]
now = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
column = dict(service="local", account=user, state="live", coverage=1,
    status=0, active=0, owner="live", term=1, att=1, link=0, id=1)
column.update(word.split("=", 1) for word in sys.argv[5:])
owner = column.pop("owner")
start = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19]
boot = open("/proc/sys/kernel/random/boot_id").read().strip().replace("-", "")
db = sqlite3.connect(path)
db.execute("PRAGMA foreign_keys = ON")
made = db.execute(
    "INSERT INTO owner (host, boot, pid, start, seen) VALUES (?, ?, ?, ?, ?)",
    (socket.gethostname(), boot, pid,
     int(start) + (0 if owner == "live" else 1), now))
column.update(pin=int(pin, 16), user=user, owner=made.lastrowid,
    opened=int(time.time()),
    last_status=now - int(column.pop("status")),
    last_active=now - int(column.pop("active")))
db.execute("INSERT OR IGNORE INTO numbering (pin, id, service, account) "
           "VALUES (?, 1, ?, ?)",
           (column["pin"], column["service"], column["account"]))
db.execute("INSERT INTO session (%s) VALUES (%s)" % (
    ", ".join(column), ", ".join("?" * len(column))), list(column.values()))
db.commit()
PY
}
