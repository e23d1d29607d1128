/* Owners: the processes that hold sessions, and their leases. */
#include <string.h>
#include <unistd.h>

#include "configdb/lease.h"
#include "configdb/rows.h"

#include "base/cc.h"

enum { Q_ADD, Q_TIDY, Q_SERVES, Q_SEEN, Q_ENDED, Q_END, Q_REMOVE, Q_LEN };
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
