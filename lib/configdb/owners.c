/* Owners: the processes that hold sessions, their leases, and what becomes of
 * sessions that a process leaves. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "configdb/lease.h"
#include "configdb/rows.h"

#include "base/cc.h"

enum {
	Q_ADD,
	Q_TIDY,
	Q_SERVES,
	Q_SEEN,
	Q_ENDED,
	Q_END,
	Q_REMOVE,
	Q_OPEN,
	Q_LEAVE,
	Q_LEFT,
	Q_UNBEGUN,
	Q_ADOPT,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_ADD] = "INSERT INTO owner (host, boot, pid, start, seen)"
		  " VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
	[Q_TIDY] = "DELETE FROM owner"
		   " WHERE NOT EXISTS"
		   "  (SELECT 1 FROM session AS s WHERE s.owner = owner.id)"
		   " AND bb_dead(" BB_LEASE_COLUMNS ", ?1, ?2)",
	[Q_SERVES] = "INSERT INTO owner_service (owner, service, api_max)"
		     " VALUES (?1, ?2, ?3)"
		     " ON CONFLICT DO UPDATE SET api_max = excluded.api_max",
	[Q_SEEN] = "UPDATE owner SET seen = ?2 WHERE id = ?1",
	[Q_ENDED] = "UPDATE numbering SET ended = ?2 WHERE pin IN"
		    " (SELECT pin FROM session WHERE owner = ?1)",
	[Q_END] = "DELETE FROM session WHERE owner = ?1",
	[Q_REMOVE] = "DELETE FROM owner WHERE id = ?1",
	[Q_OPEN] = "SELECT coalesce((SELECT sum(open_sessions)"
		   "  FROM owner_service WHERE owner = ?1), 0)"
		   " FROM owner WHERE id = ?1",
	[Q_LEAVE] = "UPDATE session SET state = 'detached' WHERE owner = ?1",
	/* Who has left something, and where. */
	[Q_LEFT] =
	    "SELECT o.id, v.name FROM owner AS o, service AS v"
	    " WHERE v.type = ?1"
	    " AND bb_dead(o.host, o.boot, o.pid, o.start, o.seen, ?2, ?3)"
	    " AND NOT bb_lost(o.host, o.boot, o.pid, o.start, o.seen,"
	    "  ?2, coalesce(v.lease_grace, ?4))",
	[Q_UNBEGUN] = "SELECT pin, owner FROM session"
		      " WHERE owner = ?1 AND service = ?2 AND backend = ''",
	/* Times of an earlier boot may lie ahead. */
	[Q_ADOPT] = "UPDATE session SET owner = ?3, term = ?4,"
		    " state = 'detached', last_status = min(last_status, ?5),"
		    " last_active = min(last_active, ?5)"
		    " WHERE owner = ?1 AND service = ?2",
};
static const struct bb_sql_table table = { BB_SQL_OWNERS, Q_LEN, sql };

enum bb_db_result
bb_owner_tidy(struct bb_db *db, int64_t now_ms)
{
	return bb_sql_run(db, &table, Q_TIDY,
	    BB_ARGS(BB_I(now_ms), BB_I(BB_OWNER_GRACE_MS)));
}

enum bb_db_result
bb_owner_register(struct bb_db *db, int64_t now_ms, int64_t *owner)
{
	struct bb_scope scope;
	uint64_t start;
	enum bb_db_result r;

	if (bb_sys_process_start(getpid(), &start) == -1)
		return bb_why(db, BB_DB_ERROR,
		    "unable to read when this process started");
	r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = bb_owner_tidy(db, now_ms);
	if (r == BB_DB_OK)
		r = bb_sql_int(db, &table, Q_ADD, owner,
		    BB_ARGS(BB_T(db->host), BB_T(db->boot), BB_I(getpid()),
			BB_U(start), BB_I(now_ms)));
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_owner_serves(struct bb_db *db, int64_t owner, const char *service,
    int64_t api_max)
{
	return bb_sql_write(db, false, &table, Q_SERVES,
	    BB_ARGS(BB_I(owner), BB_T(service), BB_I_OR_NULL(api_max)),
	    BB_DB_ERROR, "nothing was noted");
}

enum bb_db_result
bb_owner_seen(struct bb_db *db, int64_t owner, int64_t now_ms)
{
	return bb_sql_write(db, false, &table, Q_SEEN,
	    BB_ARGS(BB_I(owner), BB_I(now_ms)), BB_DB_FENCED,
	    "this process was taken for dead and forgotten");
}

enum bb_db_result
bb_owner_release(struct bb_db *db, int64_t owner, const char *reason)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_run(db, &table, Q_ENDED, BB_ARGS(BB_I(owner), BB_T(reason)));
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_END, BB_ARGS(BB_I(owner)));
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_REMOVE, BB_ARGS(BB_I(owner)));
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_owner_open(struct bb_db *db, int64_t owner, int64_t *count)
{
	return bb_sql_int(db, &table, Q_OPEN, count, BB_ARGS(BB_I(owner)));
}

enum bb_db_result
bb_owner_leave(struct bb_db *db, int64_t owner, int64_t now_ms)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_run(db, &table, Q_LEAVE, BB_ARGS(BB_I(owner)));
	if (r == BB_DB_OK)
		r = bb_owner_seen(db, owner, now_ms);
	return bb_sql_leave(db, &scope, r);
}

/* What one dead process left at one service. */
struct left {
	int64_t owner;
	char service[BB_SERVICE_MAX];
	struct left *next;
};

struct all_left {
	struct left *first;
	bool no_memory;
};

static bool
left_row(void *ctx, sqlite3_stmt *row)
{
	struct all_left *all = ctx;
	struct left *left = calloc(1, sizeof(*left));

	all->no_memory = left == NULL;
	if (left == NULL)
		return false;
	left->owner = bb_col_int(row, 0);
	bb_col_text(row, 1, left->service, sizeof(left->service));
	left->next = all->first;
	all->first = left;
	return true;
}

/* Nobody knows whether the password was right. */
static enum bb_db_result
end_unbegun(struct bb_db *db, const struct left *left)
{
	struct bb_pins pins = { 0 };
	enum bb_db_result r;
	size_t i;

	r = bb_sql_each(db, &table, Q_UNBEGUN, bb_pins_row, &pins,
	    BB_ARGS(BB_I(left->owner), BB_T(left->service)));
	if (r == BB_DB_OK && pins.no_memory)
		r = bb_why(db, BB_DB_ERROR, "out of memory");
	for (i = 0; i < pins.len && r == BB_DB_OK; i++)
		r = bb_session_close(db, pins.at[i].pin, "lost");
	bb_pins_clear(&pins);
	return r;
}

static enum bb_db_result
adopt_left(struct bb_db *db, const struct left *left, int64_t owner,
    int64_t now_ms, int64_t *count)
{
	int64_t term = 0;
	enum bb_db_result r;

	r = end_unbegun(db, left);
	if (r == BB_DB_OK)
		r = bb_term_next(db, &term);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_ADOPT,
		    BB_ARGS(BB_I(left->owner), BB_T(left->service), BB_I(owner),
			BB_I(term), BB_I(now_ms)));
	if (r == BB_DB_OK)
		*count += bb_sql_changes(db);
	return r;
}

static enum bb_db_result
adopt(struct bb_db *db, int64_t owner, const char *type, int64_t now_ms,
    int64_t *count)
{
	const struct bb_limit_info *grace = &bb_limits[BB_LIMIT_LEASE_GRACE];
	struct all_left all = { 0 };
	struct left *left;
	enum bb_db_result r;

	r = bb_sql_each(db, &table, Q_LEFT, left_row, &all,
	    BB_ARGS(BB_T(type), BB_I(now_ms), BB_I(BB_OWNER_GRACE_MS),
		BB_I(grace->default_value)));
	if (r == BB_DB_OK && all.no_memory)
		r = bb_why(db, BB_DB_ERROR, "out of memory");
	while ((left = all.first) != NULL) {
		if (r == BB_DB_OK)
			r = adopt_left(db, left, owner, now_ms, count);
		all.first = left->next;
		free(left);
	}
	return r == BB_DB_OK ? bb_owner_tidy(db, now_ms) : r;
}

enum bb_db_result
bb_owner_adopt(struct bb_db *db, int64_t owner, const char *type,
    int64_t now_ms, int64_t *count)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	*count = 0;
	if (r != BB_DB_OK)
		return r;
	r = adopt(db, owner, type, now_ms, count);
	return bb_sql_leave(db, &scope, r);
}
