/* Sessions as administrators see them. */
#include <string.h>

#include "configdb/lease.h"
#include "configdb/rows.h"

#include "base/cc.h"

/* The columns of read_session.  ?1 now, ?2 grace.  Evictable is what admission
 * would count: only with an idle-timeout. */
#define SESSION \
	"WITH dead (id) AS MATERIALIZED (SELECT id FROM owner" \
	" WHERE bb_dead(" BB_LEASE_COLUMNS ", ?1, ?2)) " \
	"SELECT s.pin, s.id, s.service, s.user, s.account, s.owner, o.pid," \
	" s.owner IN dead, s.term, s.att, s.link, s.state, s.coverage," \
	" v.idle_timeout IS NOT NULL AND (s.coverage = 0" \
	"  OR s.last_status < ?1 - v.idle_timeout OR s.owner IN dead)," \
	" s.last_status, s.last_active, s.opened, s.backend," \
	" s.contacts_version, s.show, s.status," \
	" coalesce(n.up_next, 1), coalesce(n.down_next, 1)," \
	" coalesce(n.down_acked, 0)," \
	" (SELECT count(*) FROM spool AS w WHERE w.pin = s.pin) " \
	"FROM session AS s JOIN owner AS o ON o.id = s.owner" \
	" JOIN service AS v ON v.name = s.service" \
	" LEFT JOIN numbering AS n ON n.pin = s.pin "

enum { Q_GET, Q_EACH, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_GET] = SESSION "WHERE s.pin = ?3",
	[Q_EACH] = SESSION "WHERE (?3 IS NULL OR s.service = ?3)"
			   " AND (?4 IS NULL OR s.user = ?4) ORDER BY s.pin",
};
static const struct bb_sql_table table = { BB_SQL_SESSION_LIST, Q_LEN, sql };

static void
read_session(sqlite3_stmt *row, struct bb_session_row *out)
{
	memset(out, 0, sizeof(*out));
	out->pin = (uint32_t)bb_col_int(row, 0);
	out->session = bb_col_u64(row, 1);
	bb_col_text(row, 2, out->service, sizeof(out->service));
	bb_col_text(row, 3, out->user, sizeof(out->user));
	bb_col_text(row, 4, out->account, sizeof(out->account));
	out->owner = bb_col_int(row, 5);
	out->owner_pid = bb_col_int(row, 6);
	out->owner_alive = !bb_col_bool(row, 7);
	out->term = bb_col_int(row, 8);
	out->att = (uint32_t)bb_col_int(row, 9);
	out->link = bb_col_u64(row, 10);
	bb_col_text(row, 11, out->state, sizeof(out->state));
	out->coverage = bb_col_bool(row, 12);
	out->evictable = bb_col_bool(row, 13);
	out->last_status_ms = bb_col_int(row, 14);
	out->last_active_ms = bb_col_int(row, 15);
	out->opened_s = bb_col_int(row, 16);
	bb_col_text(row, 17, out->backend, sizeof(out->backend));
	bb_col_text(row, 18, out->contacts_version,
	    sizeof(out->contacts_version));
	bb_col_text(row, 19, out->show, sizeof(out->show));
	bb_col_text(row, 20, out->status, sizeof(out->status));
	out->up_next = bb_col_u64(row, 21);
	out->down_next = bb_col_u64(row, 22);
	out->down_acked = bb_col_u64(row, 23);
	out->waiting = bb_col_int(row, 24);
}

enum bb_db_result
bb_session_get(struct bb_db *db, uint32_t pin, int64_t now_ms,
    struct bb_session_row *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_GET, &row,
	    BB_ARGS(BB_I(now_ms), BB_I(BB_OWNER_GRACE_MS), BB_I(pin)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such session");
	if (r == BB_DB_OK) {
		read_session(row, out);
		bb_sql_done(row);
	}
	return r;
}

struct each_session {
	bool (*each)(void *ctx, const struct bb_session_row *row);
	void *ctx;
};

static bool
session_row(void *ctx, sqlite3_stmt *row)
{
	struct each_session *e = ctx;
	struct bb_session_row session;

	read_session(row, &session);
	return e->each(e->ctx, &session);
}

enum bb_db_result
bb_session_each(struct bb_db *db, const char *service, const char *user,
    int64_t now_ms, bool (*each)(void *ctx, const struct bb_session_row *row),
    void *ctx)
{
	struct each_session e = { each, ctx };

	return bb_sql_each(db, &table, Q_EACH, session_row, &e,
	    BB_ARGS(BB_I(now_ms), BB_I(BB_OWNER_GRACE_MS), BB_T(service),
		BB_T(user)));
}
