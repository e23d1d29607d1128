/* Transactions: who may write, how long anybody waits for the lock, and how
 * sure a commit is. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "configdb/sql.h"

#include "base/cc.h"

enum {
	Q_BEGIN,
	Q_BEGIN_READ,
	Q_COMMIT,
	Q_ROLLBACK,
	Q_SAVE,
	Q_UNSAVE,
	Q_RELEASE,
	Q_VERSION,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_BEGIN] = "BEGIN IMMEDIATE",
	[Q_BEGIN_READ] = "BEGIN DEFERRED",
	[Q_COMMIT] = "COMMIT",
	[Q_ROLLBACK] = "ROLLBACK",
	[Q_SAVE] = "SAVEPOINT bb",
	[Q_UNSAVE] = "ROLLBACK TO bb",
	[Q_RELEASE] = "RELEASE bb",
	[Q_VERSION] = "PRAGMA user_version",
};
static const struct bb_sql_table own = { BB_SQL_TX, Q_LEN, sql };

#define NAP_MIN_NS 100000    /* 0.1 ms */
#define NAP_SPREAD_NS 500000 /* up to 0.6 ms */

/* SQLite's own handler sleeps 1, 2, 5 .. 100 ms, the same in every process:
 * those who wait longest lose to newcomers.  Short naps of random length give
 * everybody the same chance; a transaction of ours takes well under 1 ms. */
int
bb_sql_busy(void *ctx, int tries)
{
	struct bb_db *db = ctx;
	struct timespec nap = { 0, NAP_MIN_NS };
	int64_t now_us = bb_clock_us();
	uint32_t jitter;

	if (tries == 0)
		db->busy_until_us = now_us + db->patience_ms * 1000;
	if (now_us >= db->busy_until_us)
		return 0;
	bb_random(&jitter, sizeof(jitter));
	nap.tv_nsec += (long)(jitter % NAP_SPREAD_NS);
	(void)nanosleep(&nap, NULL);
	return 1;
}

bool
bb_db_in_transaction(const struct bb_db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

/* The level cannot be changed within a transaction. */
static enum bb_db_result
set_sync(struct bb_db *db, bool full)
{
	enum bb_db_result r;

	if (db->sync_known && db->full_sync == full)
		return BB_DB_OK;
	r = bb_sql_script(db,
	    full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	db->sync_known = r == BB_DB_OK;
	db->full_sync = full;
	return r;
}

/* Somebody may have migrated the store under a process that runs. */
static enum bb_db_result
check_version(struct bb_db *db)
{
	int64_t version = 0;
	enum bb_db_result r;

	r = bb_sql_int(db, &own, Q_VERSION, &version, BB_NO_ARGS);
	if (r == BB_DB_OK && version != db->version)
		return bb_why(db, BB_DB_ERROR,
		    "%s: its schema became version %lld while this process "
		    "used version %d; restart it",
		    db->path, (long long)version, db->version);
	return r;
}

enum bb_db_result
bb_db_begin(struct bb_db *db, bool durable)
{
	enum bb_db_result r;

	if (bb_db_in_transaction(db))
		return bb_why(db, BB_DB_ERROR,
		    "%s: a transaction is open already", db->path);
	r = set_sync(db, durable);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &own, Q_BEGIN, BB_NO_ARGS);
	if (r != BB_DB_OK)
		return r;
	r = check_version(db);
	if (r != BB_DB_OK)
		bb_db_rollback(db);
	return r;
}

enum bb_db_result
bb_db_begin_within(struct bb_db *db, bool durable, int64_t ms)
{
	enum bb_db_result r;

	db->patience_ms = ms;
	r = bb_db_begin(db, durable);
	db->patience_ms = BB_DB_BUSY_MS;
	return r;
}

enum bb_db_result
bb_db_commit(struct bb_db *db)
{
	enum bb_db_result r = bb_sql_run(db, &own, Q_COMMIT, BB_NO_ARGS);

	if (r != BB_DB_OK)
		bb_db_rollback(db);
	return r;
}

/* SQLite has rolled back by itself after some errors; then there is nothing to
 * do.  The reason for rolling back stays in why. */
void
bb_db_rollback(struct bb_db *db)
{
	char why[BB_DB_WHY_MAX];

	if (!bb_db_in_transaction(db))
		return;
	memcpy(why, db->why, sizeof(why));
	(void)bb_sql_run(db, &own, Q_ROLLBACK, BB_NO_ARGS);
	memcpy(db->why, why, sizeof(why));
}

enum bb_db_result
bb_sql_enter(struct bb_db *db, bool durable, struct bb_scope *scope)
{
	scope->joined = bb_db_in_transaction(db);
	if (scope->joined)
		return bb_sql_run(db, &own, Q_SAVE, BB_NO_ARGS);
	return bb_db_begin(db, durable);
}

enum bb_db_result
bb_sql_leave(struct bb_db *db, const struct bb_scope *scope,
    enum bb_db_result r)
{
	enum bb_db_result left;

	if (!scope->joined) {
		if (r == BB_DB_OK)
			return bb_db_commit(db);
		bb_db_rollback(db);
		return r;
	}
	/* After an error SQLite may have ended the whole transaction. */
	if (!bb_db_in_transaction(db))
		return r == BB_DB_OK
			   ? bb_why(db, BB_DB_ERROR,
				 "%s: the transaction was undone", db->path)
			   : r;
	if (r != BB_DB_OK) {
		left = bb_sql_run(db, &own, Q_UNSAVE, BB_NO_ARGS);
		if (left != BB_DB_OK)
			return left;
	}
	left = bb_sql_run(db, &own, Q_RELEASE, BB_NO_ARGS);
	return left == BB_DB_OK ? r : left;
}

enum bb_db_result
bb_sql_write(struct bb_db *db, bool durable, const struct bb_sql_table *table,
    int id, struct bb_args args, enum bb_db_result unchanged, const char *why)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, durable, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_run_or(db, table, id, args, unchanged, why);
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_sql_enter_read(struct bb_db *db, struct bb_scope *scope)
{
	scope->joined = bb_db_in_transaction(db);
	if (scope->joined)
		return BB_DB_OK;
	return bb_sql_run(db, &own, Q_BEGIN_READ, BB_NO_ARGS);
}

void
bb_sql_leave_read(struct bb_db *db, const struct bb_scope *scope)
{
	if (!scope->joined)
		bb_db_rollback(db);
}
