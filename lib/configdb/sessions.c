/* What the owner of a session writes, always under its fence, and how sessions
 * end. */
#include "configdb/sessions.h"

#include "configdb/rows.h"

#include "base/cc.h"

/* A session that was evicted, killed or taken over has no row with this owner
 * and term any more. */
#define FENCE " WHERE pin = ?1 AND owner = ?2 AND term = ?3"
#define FENCE_ARGS(f) BB_I((f)->pin), BB_I((f)->owner), BB_I((f)->term)

enum {
	Q_OFFER,
	Q_STATE,
	Q_ALIVE,
	Q_CACHE,
	Q_PRESENCE,
	Q_UP_NEXT,
	Q_END,
	Q_CLOSE,
	Q_ENDED,
	Q_TERM,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_OFFER] = "UPDATE session SET state = 'provisional', att = ?4,"
		    " link = ?5" FENCE,
	[Q_STATE] = "UPDATE session SET state = ?4, att = ?5, link = ?6" FENCE,
	/* A negative time leaves the column alone. */
	[Q_ALIVE] = "UPDATE session SET coverage = ?4,"
		    " last_status = iif(?5 < 0, last_status, ?5),"
		    " last_active = iif(?6 < 0, last_active, ?6)" FENCE,
	[Q_CACHE] = "UPDATE session SET backend = coalesce(?4, backend),"
		    " contacts_version = coalesce(?5, contacts_version)" FENCE,
	[Q_PRESENCE] = "UPDATE session SET show = coalesce(?4, show),"
		       " status = coalesce(?5, status)" FENCE,
	[Q_UP_NEXT] = "UPDATE numbering SET up_next = ?4 WHERE pin ="
		      " (SELECT pin FROM session" FENCE ")",
	[Q_END] = "DELETE FROM session" FENCE,
	[Q_CLOSE] = "DELETE FROM session WHERE pin = ?1",
	[Q_ENDED] = "UPDATE numbering SET ended = ?2 WHERE pin = ?1",
	[Q_TERM] = "UPDATE counter SET value = value + 1 WHERE name = 'term'"
		   " RETURNING value",
};
static const struct bb_sql_table table = { BB_SQL_SESSIONS, Q_LEN, sql };

static const char lost[] = "the session was ended or taken over";

static enum bb_db_result
fenced(struct bb_db *db, int id, struct bb_args args)
{
	return bb_sql_write(db, false, &table, id, args, BB_DB_FENCED, lost);
}

enum bb_db_result
bb_session_offer(struct bb_db *db, const struct bb_fence *f, uint32_t att,
    uint64_t link)
{
	return fenced(db, Q_OFFER,
	    BB_ARGS(FENCE_ARGS(f), BB_I(att), BB_U(link)));
}

enum bb_db_result
bb_session_state(struct bb_db *db, const struct bb_fence *f, const char *state,
    uint32_t att, uint64_t link)
{
	return fenced(db, Q_STATE,
	    BB_ARGS(FENCE_ARGS(f), BB_T(state), BB_I(att), BB_U(link)));
}

enum bb_db_result
bb_session_alive(struct bb_db *db, const struct bb_fence *f, bool coverage,
    int64_t last_status_ms, int64_t last_active_ms)
{
	return fenced(db, Q_ALIVE,
	    BB_ARGS(FENCE_ARGS(f), BB_I(coverage), BB_I(last_status_ms),
		BB_I(last_active_ms)));
}

enum bb_db_result
bb_session_cache(struct bb_db *db, const struct bb_fence *f,
    const char *backend, const char *contacts_version)
{
	return fenced(db, Q_CACHE,
	    BB_ARGS(FENCE_ARGS(f), BB_T(backend), BB_T(contacts_version)));
}

enum bb_db_result
bb_session_presence(struct bb_db *db, const struct bb_fence *f,
    const char *show, const char *status)
{
	return fenced(db, Q_PRESENCE,
	    BB_ARGS(FENCE_ARGS(f), BB_T(show), BB_T(status)));
}

enum bb_db_result
bb_session_up_next(struct bb_db *db, const struct bb_fence *f, uint64_t up_next)
{
	return fenced(db, Q_UP_NEXT,
	    BB_ARGS(FENCE_ARGS(f), BB_I(bb_n(up_next))));
}

enum bb_db_result
bb_session_end(struct bb_db *db, const struct bb_fence *f, const char *reason)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_run_or(db, &table, Q_END, BB_ARGS(FENCE_ARGS(f)),
	    BB_DB_FENCED, lost);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_ENDED,
		    BB_ARGS(BB_I(f->pin), BB_T(reason)));
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_session_close(struct bb_db *db, uint32_t pin, const char *reason)
{
	enum bb_db_result r;

	r = bb_sql_run(db, &table, Q_CLOSE, BB_ARGS(BB_I(pin)));
	if (r != BB_DB_OK || bb_sql_changes(db) == 0)
		return r;
	return bb_sql_run(db, &table, Q_ENDED,
	    BB_ARGS(BB_I(pin), BB_T(reason)));
}

enum bb_db_result
bb_session_kill(struct bb_db *db, uint32_t pin, const char *reason)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_run_or(db, &table, Q_CLOSE, BB_ARGS(BB_I(pin)), BB_DB_NONE,
	    "no such session");
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_ENDED,
		    BB_ARGS(BB_I(pin), BB_T(reason)));
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_term_next(struct bb_db *db, int64_t *term)
{
	return bb_sql_int(db, &table, Q_TERM, term, BB_NO_ARGS);
}
