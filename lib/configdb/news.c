/* What an owner asks to learn what others did to its sessions: were they ended
 * or taken over, has something come for them, are they silent? */
#include <string.h>

#include "configdb/rows.h"
#include "configdb/spool.h"

#include "base/cc.h"

enum { Q_FENCE, Q_INACTIVE, Q_MARK, Q_NEWS, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_FENCE] = "SELECT owner = ?2 AND term = ?3 FROM session"
		    " WHERE pin = ?1",
	[Q_INACTIVE] = "SELECT s.pin, s.term FROM session AS s"
		       " JOIN service AS v ON v.name = s.service"
		       " WHERE s.owner = ?1"
		       " AND s.last_active < ?2 - v.inactivity_timeout"
		       " LIMIT 256",
	[Q_MARK] = "SELECT coalesce(max(id), 0) FROM inbox",
	/* What came for an account concerns all devices that use it. */
	[Q_NEWS] = "SELECT s.pin FROM inbox AS i"
		   " JOIN session AS s ON s.pin = i.pin"
		   " WHERE i.id > ?2 AND s.owner = ?1 "
		   "UNION SELECT s.pin FROM inbox AS i"
		   " JOIN numbering AS n"
		   "  ON n.service = i.service AND n.account = i.account"
		   " JOIN session AS s ON s.pin = n.pin"
		   " WHERE i.id > ?2 AND i.pin IS NULL AND s.owner = ?1",
};
static const struct bb_sql_table table = { BB_SQL_NEWS, Q_LEN, sql };

enum bb_db_result
bb_session_check(struct bb_db *db, const struct bb_fence *f,
    char ended[BB_ENDED_MAX])
{
	int64_t ours;
	enum bb_db_result r;

	ended[0] = '\0';
	r = bb_sql_int(db, &table, Q_FENCE, &ours,
	    BB_ARGS(BB_I(f->pin), BB_I(f->owner), BB_I(f->term)));
	if (r == BB_DB_OK && ours != 0)
		return r;
	if (r == BB_DB_NONE)
		r = bb_numbering_ended(db, f->pin, ended);
	if (r != BB_DB_OK)
		return r;
	return bb_why(db, BB_DB_FENCED, "the session was ended or taken over");
}

struct each_fence {
	int64_t owner;
	bool (*each)(void *ctx, const struct bb_fence *fence);
	void *ctx;
};

static bool
fence_row(void *ctx, sqlite3_stmt *row)
{
	struct each_fence *e = ctx;
	const struct bb_fence fence = { (uint32_t)bb_col_int(row, 0), e->owner,
		bb_col_int(row, 1) };

	return e->each(e->ctx, &fence);
}

enum bb_db_result
bb_session_inactive(struct bb_db *db, int64_t owner, int64_t now_ms,
    bool (*each)(void *ctx, const struct bb_fence *fence), void *ctx)
{
	struct each_fence e = { owner, each, ctx };

	return bb_sql_each(db, &table, Q_INACTIVE, fence_row, &e,
	    BB_ARGS(BB_I(owner), BB_I(now_ms)));
}

enum bb_db_result
bb_inbox_mark(struct bb_db *db, int64_t *mark)
{
	return bb_sql_int(db, &table, Q_MARK, mark, BB_NO_ARGS);
}

struct each_pin {
	bool (*each)(void *ctx, uint32_t pin);
	void *ctx;
};

static bool
pin_row(void *ctx, sqlite3_stmt *row)
{
	struct each_pin *e = ctx;

	return e->each(e->ctx, (uint32_t)bb_col_int(row, 0));
}

static enum bb_db_result
news(struct bb_db *db, int64_t owner, int64_t *mark, struct each_pin *e)
{
	int64_t now = 0;
	enum bb_db_result r = bb_inbox_mark(db, &now);

	/* Ids grow, and the inbox may be empty again. */
	if (r != BB_DB_OK || now <= *mark)
		return r;
	r = bb_sql_each(db, &table, Q_NEWS, pin_row, e,
	    BB_ARGS(BB_I(owner), BB_I(*mark)));
	if (r == BB_DB_OK)
		*mark = now;
	return r;
}

enum bb_db_result
bb_inbox_news(struct bb_db *db, int64_t owner, int64_t *mark,
    bool (*each)(void *ctx, uint32_t pin), void *ctx)
{
	struct each_pin e = { each, ctx };
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter_read(db, &scope);

	if (r != BB_DB_OK)
		return r;
	r = news(db, owner, mark, &e);
	bb_sql_leave_read(db, &scope);
	return r;
}
