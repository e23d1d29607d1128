/* What the owner of a session does with the events that wait for its device. */
#include "configdb/spool.h"

#include "configdb/waiting.h"

#include "base/cc.h"

enum { Q_ACK, Q_DELETE_ACKED, Q_EACH, Q_SESSION, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_ACK] = "UPDATE numbering SET down_acked ="
		  " max(down_acked, min(?2, down_next - 1)) WHERE pin = ?1",
	[Q_DELETE_ACKED] = "DELETE FROM spool WHERE pin = ?1 AND n <= ?2",
	[Q_EACH] = "SELECT n, body FROM spool WHERE pin = ?1 AND n > ?2"
		   " ORDER BY n",
	[Q_SESSION] = "SELECT 1 FROM session WHERE pin = ?1",
};
static const struct bb_sql_table table = { BB_SQL_SPOOL, Q_LEN, sql };

enum bb_db_result
bb_inbox_take(struct bb_db *db, const struct bb_fence *f, int64_t now_s,
    size_t *moved)
{
	char service[BB_SERVICE_MAX], account[BB_NAME_MAX];
	const struct bb_event e = { .service = service,
		.account = account,
		.now_s = now_s };
	struct bb_scope scope;
	bool left;
	enum bb_db_result r;

	*moved = 0;
	r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = bb_event_account(db, f, service, account);
	if (r == BB_DB_OK)
		r = bb_spool_expire(db, f->pin, now_s);
	if (r == BB_DB_OK)
		r = bb_inbox_expire(db, &e);
	if (r == BB_DB_OK)
		r = bb_inbox_move(db, f->pin, &e, moved, &left);
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_spool_ack(struct bb_db *db, const struct bb_fence *f, uint64_t have)
{
	char service[BB_SERVICE_MAX], account[BB_NAME_MAX];
	struct bb_args args = BB_ARGS(BB_I(f->pin), BB_I(bb_n(have)));
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_event_account(db, f, service, account);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_ACK, args);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_DELETE_ACKED, args);
	return bb_sql_leave(db, &scope, r);
}

struct each_event {
	bool (*each)(void *ctx, uint64_t n, const char *body, size_t len);
	void *ctx;
};

static bool
event_row(void *ctx, sqlite3_stmt *row)
{
	struct each_event *e = ctx;
	const void *body = sqlite3_column_blob(row, 1);

	return e->each(e->ctx, bb_col_u64(row, 0), body == NULL ? "" : body,
	    (size_t)sqlite3_column_bytes(row, 1));
}

enum bb_db_result
bb_spool_each(struct bb_db *db, uint32_t pin, uint64_t after,
    bool (*each)(void *ctx, uint64_t n, const char *body, size_t len),
    void *ctx)
{
	struct each_event e = { each, ctx };

	return bb_sql_each(db, &table, Q_EACH, event_row, &e,
	    BB_ARGS(BB_I(pin), BB_I(bb_n(after))));
}

enum bb_db_result
bb_spool_forget(struct bb_db *db, uint32_t pin)
{
	struct bb_scope scope;
	int64_t open;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_int(db, &table, Q_SESSION, &open, BB_ARGS(BB_I(pin)));
	if (r == BB_DB_OK)
		r = bb_why(db, BB_DB_REFUSED,
		    "the device has an open session; end it first");
	else if (r == BB_DB_NONE)
		r = bb_numbering_forget(db, pin);
	return bb_sql_leave(db, &scope, r);
}
