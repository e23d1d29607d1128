/* Resumes: a device comes back to its session, here or where the process that
 * held it is no more. */
#include <stdio.h>
#include <string.h>

#include "configdb/lease.h"
#include "configdb/rows.h"

#include "base/cc.h"

enum { Q_GET, Q_TAKE, Q_OWNER, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_GET] = "SELECT s.id, s.service, s.user, s.account, s.owner, s.term,"
		  " s.att, u.blocked OR v.blocked, s.backend = '',"
		  " bb_dead(o.host, o.boot, o.pid, o.start, o.seen, ?2, ?3)"
		  " FROM session AS s"
		  " JOIN owner AS o ON o.id = s.owner"
		  " JOIN user AS u ON u.name = s.user"
		  " JOIN service AS v ON v.name = s.service"
		  " WHERE s.pin = ?1",
	[Q_TAKE] = "UPDATE session SET state = 'provisional', owner = ?2,"
		   " term = ?3, att = ?4, link = ?5, coverage = ?6,"
		   " last_status = ?7, last_active = ?7 WHERE pin = ?1",
	[Q_OWNER] = "SELECT 1 FROM owner WHERE id = ?1",
};
static const struct bb_sql_table table = { BB_SQL_RESUME, Q_LEN, sql };

struct found {
	uint64_t session;
	int64_t owner;
	int64_t att;
	bool blocked;
	bool logging_in; /* the IM server has not accepted yet */
	bool ownerless;
};

static enum bb_db_result
find(struct bb_db *db, const struct bb_admit *q, struct found *found,
    struct bb_resumed *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_GET, &row,
	    BB_ARGS(BB_I(q->pin), BB_I(q->now_ms), BB_I(BB_OWNER_GRACE_MS)));
	if (r != BB_DB_OK)
		return r;
	found->session = bb_col_u64(row, 0);
	bb_col_text(row, 1, out->service, sizeof(out->service));
	bb_col_text(row, 2, out->user, sizeof(out->user));
	bb_col_text(row, 3, out->account, sizeof(out->account));
	found->owner = bb_col_int(row, 4);
	out->term = bb_col_int(row, 5);
	found->att = bb_col_int(row, 6);
	found->blocked = bb_col_bool(row, 7);
	found->logging_in = bb_col_bool(row, 8);
	found->ownerless = bb_col_bool(row, 9);
	bb_sql_done(row);
	return BB_DB_OK;
}

/* What can be said against it, in the order of sessions.h. */
static enum bb_db_result
check(struct bb_db *db, const struct bb_admit *q, uint64_t session,
    const struct found *found, const struct bb_resumed *out)
{
	int64_t one;
	enum bb_db_result r;

	if (found->session != session || strcmp(out->user, q->user) != 0 ||
	    strcmp(out->service, q->service) != 0)
		return bb_why(db, BB_DB_NONE, "no such session");
	if (found->blocked)
		return bb_why(db, BB_DB_NONE,
		    "the user or the service is blocked");
	if (found->owner != q->owner && found->logging_in)
		return bb_why(db, BB_DB_NONE,
		    "the session was still logging in elsewhere");
	if (found->owner != q->owner && !found->ownerless && !q->take_over)
		return bb_why(db, BB_DB_FENCED,
		    "the session lives in another process");
	if (q->att <= found->att)
		return bb_why(db, BB_DB_STALE, "attach number was used");
	r = bb_sql_int(db, &table, Q_OWNER, &one, BB_ARGS(BB_I(q->owner)));
	if (r == BB_DB_NONE)
		return bb_why(db, BB_DB_FENCED,
		    "this process was taken for dead and forgotten");
	return r;
}

static enum bb_db_result
resume(struct bb_db *db, const struct bb_admit *q, uint64_t session,
    struct bb_resumed *out)
{
	struct found found;
	enum bb_db_result r = find(db, q, &found, out);

	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such session");
	if (r == BB_DB_OK)
		r = check(db, q, session, &found, out);
	if (r == BB_DB_OK && found.owner != q->owner) {
		out->from = found.owner;
		r = bb_term_next(db, &out->term);
	}
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_TAKE,
		    BB_ARGS(BB_I(q->pin), BB_I(q->owner), BB_I(out->term),
			BB_I(q->att), BB_U(q->link), BB_I(q->coverage),
			BB_I(q->now_ms)));
	if (r != BB_DB_OK)
		return r;
	return bb_numbering_take(db, q, out->service, out->account,
	    &out->up_next, out->ended);
}

enum bb_db_result
bb_resume(struct bb_db *db, const struct bb_admit *request, uint64_t session,
    struct bb_resumed *out)
{
	struct bb_scope scope;
	enum bb_db_result r, ended;

	memset(out, 0, sizeof(*out));
	r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = resume(db, request, session, out);
	if (r == BB_DB_NONE) {
		memset(out, 0, sizeof(*out));
		ended = bb_numbering_ended(db, request->pin, out->ended);
		if (ended != BB_DB_OK)
			r = ended;
	}
	return bb_sql_leave(db, &scope, r);
}
