/* Opening, creating, migrating and locking stores, on real SQLite files. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fail.h"
#include "configdb/config.h"
#include "configdb/devices.h"
#include "configdb/sql.h"
#include "configdb_rig.h"

#include "base/cc.h"

static const uint8_t kid[BB_KID_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t base[BB_BASE_KEY_LEN] = { 9, 8, 7 };

static void
test_create(void)
{
	struct bb_db *db;
	struct stat st = { 0 };

	db = rig_open(BB_CONFIG_STORE, "config.db", BB_DB_CREATE);
	TAP_EQ_INT(bb_db_version(db), bb_db_schema(BB_CONFIG_STORE),
	    "a new store has our schema");
	TAP_EQ_INT(bb_db_check(db), BB_DB_OK, "a new store is sound");
	(void)stat(rig_path("config.db"), &st);
	TAP_EQ_INT(st.st_mode & 07777, 0600, "a new store has mode 0600");
	(void)stat(rig_path("config.db-wal"), &st);
	TAP_EQ_INT(st.st_mode & 07777, 0600, "its log has mode 0600");
	bb_db_close(db);
	tap_ok(rig_try(BB_CONFIG_STORE, "config.db", BB_DB_CREATE) == NULL &&
		   rig_says(rig_why, "config.db: exists already"),
	    "creating a store that exists is refused");
	TAP_EQ_INT(rig_status, BB_EXIT_REFUSED, "with the status for no");
	db = rig_try(BB_CONFIG_STORE, "config.db", BB_DB_EXISTING);
	tap_ok(db != NULL, "the refusal left the store as it was");
	bb_db_close(db);
	tap_ok(rig_try(BB_CONFIG_STORE, "none/x.db", BB_DB_CREATE) == NULL &&
		   rig_says(rig_why, "none/x.db: No such file or directory"),
	    "a folder that is missing is named and not made");
}

static void
test_refused_files(void)
{
	bb_db_close(rig_open(BB_DEVICE_STORE, "device.db", BB_DB_CREATE));
	tap_ok(rig_try(BB_CONFIG_STORE, "none.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why,
		       "none.db: no such file; run bbsession db init"),
	    "a missing file is refused with what to do");
	TAP_EQ_INT(rig_status, BB_EXIT_USAGE, "a missing file is for a person");
	tap_ok(access(rig_path("none.db"), F_OK) == -1,
	    "opening a missing file does not make it");
	tap_ok(rig_try(BB_CONFIG_STORE, "device.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why,
		       "is a device store, not a configuration store"),
	    "a device store is no configuration store");
	tap_ok(rig_try(BB_DEVICE_STORE, "config.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why,
		       "is a configuration store, not a device store"),
	    "a configuration store is no device store");
	(void)rig_exec("other.db", "CREATE TABLE t (x)");
	(void)chmod(rig_path("other.db"), 0600);
	tap_ok(rig_try(BB_DEVICE_STORE, "other.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why, "other.db: is not a device store"),
	    "a database of somebody else is refused");
	(void)chmod(rig_path("device.db"), 0644);
	tap_ok(rig_try(BB_DEVICE_STORE, "device.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why,
		       "open to others (mode 0644); chmod 600 it"),
	    "a store that others may read is refused");
	(void)chmod(rig_path("device.db"), 0600);
	tap_ok(rig_try(BB_DEVICE_STORE, ".", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why, "is not a file"),
	    "a folder is refused");
}

static void
test_damage(void)
{
	static const char text[] = "this is not SQLite format 3, not at all";
	int fd = open(rig_path("text.db"), O_CREAT | O_WRONLY, 0600);

	tap_ok(fd != -1 && write(fd, text, sizeof(text)) > 0 && close(fd) == 0,
	    "a file of text is there");
	tap_ok(rig_try(BB_DEVICE_STORE, "text.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why, "text.db: is not a database"),
	    "a file of text is refused");
	TAP_EQ_INT(rig_status, BB_EXIT_USAGE, "a file of text is for a person");
}

static void
test_versions(void)
{
	struct bb_db *db;

	bb_db_close(rig_open(BB_DEVICE_STORE, "version.db", BB_DB_CREATE));
	(void)rig_exec("version.db", "PRAGMA user_version = 99");
	tap_ok(rig_try(BB_DEVICE_STORE, "version.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why, "schema version 99, newer than 1"),
	    "a newer schema is refused with both numbers");
	tap_ok(rig_try(BB_DEVICE_STORE, "version.db", BB_DB_MIGRATE) == NULL &&
		   rig_says(rig_why, "newer"),
	    "a newer schema is not migrated either");
	(void)rig_exec("version.db", "PRAGMA user_version = 0");
	tap_ok(rig_try(BB_DEVICE_STORE, "version.db", BB_DB_EXISTING) == NULL &&
		   rig_says(rig_why, "run bbsession db migrate"),
	    "an older schema is refused with what to do");
	tap_ok(rig_try(BB_DEVICE_STORE, "version.db", BB_DB_MIGRATE) == NULL,
	    "a migration that cannot be is refused");
	TAP_EQ_INT(rig_query("version.db", "PRAGMA user_version"), 0,
	    "and leaves the old version");
	(void)rig_exec("version.db", "PRAGMA user_version = 1");
	db = rig_try(BB_DEVICE_STORE, "version.db", BB_DB_MIGRATE);
	tap_ok(db != NULL, "migrating a store that is up to date is fine");
	bb_db_close(db);
}

static void
test_migration(void)
{
	static const struct bb_script good[] = {
		{ { "this is version 1 and never runs again" } },
		{ { "CREATE TABLE two (x);", "INSERT INTO two VALUES (2);" } },
		{ { "ALTER TABLE two ADD COLUMN y;" } },
	};
	static const struct bb_script bad[] = {
		{ { "" } },
		{ { "CREATE TABLE two (x);" } },
		{ { "INSERT INTO two VALUES (2); INSERT INTO none VALUES "
		    "(1)" } },
	};
	struct bb_db *db, *other;

	db = rig_open(BB_DEVICE_STORE, "migrate.db", BB_DB_CREATE);
	other = rig_open(BB_DEVICE_STORE, "migrate.db", BB_DB_EXISTING);
	TAP_EQ_INT(bb_db_migrate_with(db, bad, 3), BB_DB_ERROR,
	    "a script that fails half way is an error");
	tap_ok(rig_says(bb_db_why(db), "no such table"), "the error says why");
	TAP_EQ_INT(rig_query("migrate.db", "PRAGMA user_version"), 1,
	    "the store stays at its version");
	TAP_EQ_INT(rig_query("migrate.db",
		       "SELECT count(*) FROM sqlite_schema WHERE name = 'two'"),
	    0, "and nothing of the half is left");
	tap_ok(!bb_db_in_transaction(db), "no transaction is left open");
	TAP_EQ_INT(bb_db_migrate_with(db, good, 3), BB_DB_OK,
	    "two versions are made up for at once");
	TAP_EQ_INT(bb_db_version(db), 3, "then the store has the last one");
	TAP_EQ_INT(rig_query("migrate.db", "SELECT x FROM two"), 2,
	    "and what its scripts made");
	TAP_EQ_INT(bb_db_begin(other, false), BB_DB_ERROR,
	    "a process that ran with the old schema may not write any more");
	tap_ok(rig_says(bb_db_why(other), "restart it"),
	    "and is told to be restarted");
	bb_db_close(other);
	bb_db_close(db);
}

static void
test_busy(void)
{
	struct bb_db *holder, *db;
	int64_t start_ms;

	holder = rig_open(BB_DEVICE_STORE, "busy.db", BB_DB_CREATE);
	db = rig_open(BB_DEVICE_STORE, "busy.db", BB_DB_EXISTING);
	TAP_EQ_INT(bb_db_begin(holder, true), BB_DB_OK, "one holds the lock");
	TAP_EQ_INT(bb_db_begin(db, true), BB_DB_BUSY,
	    "another that wants it is told busy");
	tap_ok(rig_says(bb_db_why(db), "another process has held the lock"),
	    "with the sentence that says so");
	start_ms = bb_clock_ms();
	TAP_EQ_INT(bb_db_begin_within(db, true, 20), BB_DB_BUSY,
	    "who has less patience is told busy");
	tap_ok(bb_clock_ms() - start_ms < BB_DB_BUSY_MS / 2, "sooner");
	tap_ok(!bb_db_in_transaction(db), "and has no transaction");
	TAP_EQ_INT(bb_device_block(holder, 7, true), BB_DB_NONE,
	    "a refusal within a transaction leaves it open");
	tap_ok(bb_db_in_transaction(holder), "so that it can go on");
	TAP_EQ_INT(bb_db_commit(holder), BB_DB_OK, "the holder commits");
	TAP_EQ_INT(bb_db_begin(db, true), BB_DB_OK,
	    "then the other has its turn");
	TAP_EQ_INT(bb_db_begin(db, true), BB_DB_ERROR,
	    "a transaction within a transaction is an error");
	bb_db_rollback(db);
	bb_db_close(db);
	bb_db_close(holder);
}

static void
test_turns(void)
{
	struct bb_db *holder =
	    rig_open(BB_DEVICE_STORE, "busy.db", BB_DB_EXISTING);
	struct bb_db *db;
	int go[2] = { -1, -1 }, status = -1;
	char c = 0;
	pid_t pid;

	bb_db_close(holder);
	if (pipe(go) == -1 || (pid = fork()) == -1) {
		tap_ok(false, "a second process is there");
		return;
	}
	db = rig_open(BB_DEVICE_STORE, "busy.db", BB_DB_EXISTING);
	if (pid == 0) {
		/* Waits for the parent's lock, which is released only after
		 * this process has begun to want it. */
		if (read(go[0], &c, 1) != 1 ||
		    bb_db_begin(db, true) != BB_DB_OK)
			_exit(1);
		_exit(bb_db_commit(db) == BB_DB_OK ? 0 : 1);
	}
	(void)bb_db_begin(db, true);
	(void)!write(go[1], "g", 1);
	(void)poll(NULL, 0, 50);
	(void)bb_db_commit(db);
	(void)waitpid(pid, &status, 0);
	TAP_EQ_INT(status, 0, "who waits for a lock gets it when it is free");
	bb_db_close(db);
	(void)close(go[0]);
	(void)close(go[1]);
}

static void
test_killed_writers(void)
{
	struct bb_db *db;
	int i, status, sound = 0, whole = 0;
	pid_t pid;

	bb_db_close(rig_open(BB_DEVICE_STORE, "kill.db", BB_DB_CREATE));
	for (i = 1; i <= 20; i++) {
		pid = fork();
		if (pid == 0) {
			db = rig_open(BB_DEVICE_STORE, "kill.db",
			    BB_DB_EXISTING);
			(void)bb_db_begin(db, i % 2 == 0);
			(void)bb_device_add(db, (uint32_t)i, "alice", kid,
			    base);
			/* Half of them die before they commit. */
			if (i % 4 < 2)
				(void)bb_db_commit(db);
			(void)raise(SIGKILL);
		}
		(void)waitpid(pid, &status, 0);
		db = rig_open(BB_DEVICE_STORE, "kill.db", BB_DB_EXISTING);
		sound += bb_db_check(db) == BB_DB_OK;
		whole +=
		    bb_device_get(db, (uint32_t)i, &(struct bb_device){ 0 }) ==
		    (i % 4 < 2 ? BB_DB_OK : BB_DB_NONE);
		bb_db_close(db);
	}
	TAP_EQ_INT(sound, 20, "a store is sound after each kill -9");
	TAP_EQ_INT(whole, 20, "and has all of a commit, or nothing");
}

int
main(void)
{
	rig_begin();
	test_create();
	test_refused_files();
	test_damage();
	test_versions();
	test_migration();
	test_busy();
	test_turns();
	test_killed_writers();
	rig_end();
	return tap_done();
}
