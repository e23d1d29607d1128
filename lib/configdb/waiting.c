/* What waits for devices: how much it is, how old, and its way from the inbox
 * to the spool. */
#include "configdb/waiting.h"

#include "base/cc.h"

/* ?1 PIN, ?2 service, ?3 account: what may go to that device's spool. */
#define FOR_DEVICE \
	" FROM inbox WHERE service = ?2 AND account = ?3" \
	" AND (pin = ?1 OR pin IS NULL) "

enum {
	Q_FENCE,
	Q_EXPIRE_SPOOL,
	Q_EXPIRE_INBOX,
	Q_USED_SPOOL,
	Q_USED_INBOX,
	Q_NEXT,
	Q_PUT,
	Q_MOVE,
	Q_MOVED_OUT,
	Q_LEFT,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_FENCE] = "SELECT service, account FROM session"
		    " WHERE pin = ?1 AND owner = ?2 AND term = ?3",
	[Q_EXPIRE_SPOOL] = "DELETE FROM spool WHERE pin = ?1 AND created < ?2",
	[Q_EXPIRE_INBOX] = "DELETE FROM inbox WHERE service = ?1"
			   " AND account = ?2 AND created < ?3",
	/* length() of a blob looks at its head only. */
	[Q_USED_SPOOL] = "SELECT count(*), coalesce(sum(length(body)), 0)"
			 " FROM spool WHERE pin = ?1",
	[Q_USED_INBOX] = "SELECT count(*), coalesce(sum(length(body)), 0)"
			 " FROM inbox WHERE service = ?1 AND account = ?2"
			 " AND pin IS ?3",
	[Q_NEXT] = "UPDATE numbering SET down_next = down_next + ?2"
		   " WHERE pin = ?1 RETURNING down_next - ?2",
	[Q_PUT] = "INSERT INTO spool (pin, n, body, created)"
		  " VALUES (?1, ?2, ?3, ?4)",
	/* As many as there is room for: ?5 events, ?6 bytes. */
	[Q_MOVE] = "INSERT INTO spool (pin, n, body, created)"
		   " SELECT ?1, ?4 + k - 1, body, created FROM"
		   " (SELECT body, created, row_number() OVER w AS k,"
		   "   sum(length(body)) OVER w AS bytes" FOR_DEVICE
		   "   WINDOW w AS (ORDER BY id))"
		   " WHERE k <= ?5 AND bytes <= ?6",
	[Q_MOVED_OUT] = "DELETE FROM inbox WHERE id IN"
			" (SELECT id" FOR_DEVICE "ORDER BY id LIMIT ?4)",
	[Q_LEFT] = "SELECT 1" FOR_DEVICE "LIMIT 1",
};
static const struct bb_sql_table table = { BB_SQL_WAITING, Q_LEN, sql };

bool
bb_spool_has_room(const struct bb_used *used, size_t len)
{
	return used->count < BB_SPOOL_COUNT_MAX &&
	       used->bytes + (int64_t)len <= BB_SPOOL_BYTES_MAX;
}

/* Adds up; the caller starts from zero. */
static enum bb_db_result
add_used(struct bb_db *db, int id, struct bb_args args, struct bb_used *used)
{
	sqlite3_stmt *row;
	enum bb_db_result r = bb_sql_row(db, &table, id, &row, args);

	if (r == BB_DB_OK) {
		used->count += bb_col_int(row, 0);
		used->bytes += bb_col_int(row, 1);
		bb_sql_done(row);
	}
	return r;
}

enum bb_db_result
bb_spool_used(struct bb_db *db, uint32_t pin, struct bb_used *used)
{
	return add_used(db, Q_USED_SPOOL, BB_ARGS(BB_I(pin)), used);
}

enum bb_db_result
bb_inbox_used(struct bb_db *db, const struct bb_event *e, struct bb_arg who,
    struct bb_used *used)
{
	return add_used(db, Q_USED_INBOX,
	    BB_ARGS(BB_T(e->service), BB_T(e->account), who), used);
}

/* Which account the session under a fence has; FENCED: there is none. */
enum bb_db_result
bb_event_account(struct bb_db *db, const struct bb_fence *f,
    char service[BB_SERVICE_MAX], char account[BB_NAME_MAX])
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_FENCE, &row,
	    BB_ARGS(BB_I(f->pin), BB_I(f->owner), BB_I(f->term)));
	if (r == BB_DB_NONE)
		return bb_why(db, BB_DB_FENCED,
		    "the session was ended or taken over");
	if (r == BB_DB_OK) {
		bb_col_text(row, 0, service, BB_SERVICE_MAX);
		bb_col_text(row, 1, account, BB_NAME_MAX);
		bb_sql_done(row);
	}
	return r;
}

enum bb_db_result
bb_spool_expire(struct bb_db *db, uint32_t pin, int64_t now_s)
{
	return bb_sql_run(db, &table, Q_EXPIRE_SPOOL,
	    BB_ARGS(BB_I(pin), BB_I(now_s - BB_SPOOL_AGE_S)));
}

enum bb_db_result
bb_inbox_expire(struct bb_db *db, const struct bb_event *e)
{
	return bb_sql_run(db, &table, Q_EXPIRE_INBOX,
	    BB_ARGS(BB_T(e->service), BB_T(e->account),
		BB_I(e->now_s - BB_SPOOL_AGE_S)));
}

/* Takes `count` numbers; *first is the first of them. */
static enum bb_db_result
take_numbers(struct bb_db *db, uint32_t pin, int64_t count, int64_t *first)
{
	enum bb_db_result r = bb_sql_int(db, &table, Q_NEXT, first,
	    BB_ARGS(BB_I(pin), BB_I(count)));

	if (r == BB_DB_NONE)
		return bb_why(db, BB_DB_ERROR, "the device has no numbering");
	return r;
}

enum bb_db_result
bb_spool_append(struct bb_db *db, uint32_t pin, const struct bb_event *e)
{
	int64_t n;
	enum bb_db_result r = take_numbers(db, pin, 1, &n);

	if (r != BB_DB_OK)
		return r;
	return bb_sql_run(db, &table, Q_PUT,
	    BB_ARGS(BB_I(pin), BB_I(n), BB_B(e->body, e->len), BB_I(e->now_s)));
}

/* Whether something is left in the inbox. */
static enum bb_db_result
any_left(struct bb_db *db, uint32_t pin, const struct bb_event *e, bool *left)
{
	int64_t one;
	enum bb_db_result r = bb_sql_int(db, &table, Q_LEFT, &one,
	    BB_ARGS(BB_I(pin), BB_T(e->service), BB_T(e->account)));

	*left = r == BB_DB_OK;
	return r == BB_DB_NONE ? BB_DB_OK : r;
}

enum bb_db_result
bb_inbox_move(struct bb_db *db, uint32_t pin, const struct bb_event *e,
    size_t *moved, bool *left)
{
	const struct bb_arg who = BB_I(pin), service = BB_T(e->service),
			    account = BB_T(e->account);
	struct bb_used used = { 0, 0 };
	int64_t first;
	enum bb_db_result r;

	*moved = 0;
	r = any_left(db, pin, e, left);
	if (r != BB_DB_OK || !*left)
		return r;
	r = bb_spool_used(db, pin, &used);
	if (r == BB_DB_OK)
		r = take_numbers(db, pin, 0, &first);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_MOVE,
		    BB_ARGS(who, service, account, BB_I(first),
			BB_I(BB_SPOOL_COUNT_MAX - used.count),
			BB_I(BB_SPOOL_BYTES_MAX - used.bytes)));
	if (r != BB_DB_OK)
		return r;
	*moved = (size_t)bb_sql_changes(db);
	r = take_numbers(db, pin, (int64_t)*moved, &first);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_MOVED_OUT,
		    BB_ARGS(who, service, account, BB_I(*moved)));
	return r == BB_DB_OK ? any_left(db, pin, e, left) : r;
}
