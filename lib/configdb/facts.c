/* Gathers what admission decides from: permission, limits, counters, and, only
 * where a maximum is reached, how many sessions are evictable. */
#include <stdio.h>
#include <string.h>

#include "configdb/lease.h"
#include "configdb/rows.h"

#include "base/cc.h"

/* Owners that are no more; ?4 is now, ?5 the grace. */
#define DEAD \
	"(SELECT id FROM owner WHERE bb_dead(" BB_LEASE_COLUMNS ", ?4, ?5))"
/* ?1 service, ?2 the device's own PIN, ?3 the last time of a status message
 * that is too long ago.  Each part has an index. */
#define EVICTABLE \
	"SELECT pin, owner FROM session" \
	" WHERE service = ?1 AND pin <> ?2 AND coverage = 0 " \
	"UNION SELECT pin, owner FROM session" \
	" WHERE service = ?1 AND pin <> ?2 AND coverage = 1" \
	" AND last_status < ?3 " \
	"UNION SELECT pin, owner FROM session" \
	" WHERE service = ?1 AND pin <> ?2 AND owner IN " DEAD

enum { Q_PERSON, Q_OWN, Q_LOST, Q_EVICTABLE, Q_COUNT, Q_NEXT, Q_OWNER, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_PERSON] = "SELECT u.blocked, p.account FROM user AS u"
		     " LEFT JOIN permission AS p"
		     "  ON p.user = u.name AND p.service = ?2"
		     " WHERE u.name = ?1",
	[Q_OWN] =
	    "SELECT s.service, s.owner, bb_lost(" BB_LEASE_COLUMNS ", ?2, ?3)"
	    " FROM session AS s JOIN owner AS o ON o.id = s.owner"
	    " WHERE s.pin = ?1",
	[Q_LOST] = "SELECT count(*) FROM session"
		   " WHERE service = ?1 AND owner IN (SELECT id FROM owner"
		   "  WHERE bb_lost(" BB_LEASE_COLUMNS ", ?2, ?3))",
	[Q_EVICTABLE] = EVICTABLE,
	[Q_COUNT] = "SELECT count(*), count(CASE owner WHEN ?6 THEN 1 END)"
		    " FROM (" EVICTABLE ")",
	[Q_NEXT] = "SELECT last_status FROM session"
		   " WHERE service = ?1 AND pin <> ?2 AND coverage = 1"
		   " AND last_status >= ?3 AND owner NOT IN " DEAD
		   " ORDER BY last_status LIMIT 1",
	[Q_OWNER] = "SELECT s.api_max, coalesce(s.open_sessions, 0)"
		    " FROM owner AS o LEFT JOIN owner_service AS s"
		    "  ON s.owner = o.id AND s.service = ?2"
		    " WHERE o.id = ?1",
};
static const struct bb_sql_table table = { BB_SQL_FACTS, Q_LEN, sql };

/* User and permission.  An account that is not named is the right one. */
static enum bb_db_result
person(struct bb_db *db, struct bb_case *c, struct bb_admission_facts *f)
{
	const struct bb_admit *q = c->request;
	sqlite3_stmt *row;
	enum bb_db_result r;

	(void)snprintf(c->account, sizeof(c->account), "%s", q->user);
	r = bb_sql_row(db, &table, Q_PERSON, &row,
	    BB_ARGS(BB_T(q->user), BB_T(q->service)));
	if (r == BB_DB_OK) {
		c->user_known = true;
		c->user_blocked = bb_col_bool(row, 0);
		f->permitted = sqlite3_column_type(row, 1) != SQLITE_NULL;
		if (f->permitted)
			bb_col_text(row, 1, c->account, sizeof(c->account));
		bb_sql_done(row);
	}
	f->wrong_account = q->account != NULL && *q->account != '\0' &&
			   strcmp(q->account, c->account) != 0;
	return r == BB_DB_NONE ? BB_DB_OK : r;
}

/* The device's session, here or at another service, unless its lease is over:
 * then it does not count as one. */
static enum bb_db_result
own_session(struct bb_db *db, struct bb_case *c, int64_t grace)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_OWN, &row,
	    BB_ARGS(BB_I(c->request->pin), BB_I(c->request->now_ms),
		BB_I(grace)));
	if (r != BB_DB_OK)
		return r == BB_DB_NONE ? BB_DB_OK : r;
	bb_col_text(row, 0, c->session_service, sizeof(c->session_service));
	c->session_owner = bb_col_int(row, 1);
	c->has_session = !bb_col_bool(row, 2);
	bb_sql_done(row);
	return BB_DB_OK;
}

/* The smaller of two where BB_UNLIMITED is the largest. */
static int64_t
min_limit(int64_t a, int64_t b)
{
	if (a == BB_UNLIMITED || b == BB_UNLIMITED)
		return a == BB_UNLIMITED ? b : a;
	return a < b ? a : b;
}

/* What the API of this process carries, and has.  The store's limit holds even
 * where the process does not know of it yet. */
static enum bb_db_result
api(struct bb_db *db, const struct bb_case *c, const struct bb_service *service,
    struct bb_admission_facts *f)
{
	const struct bb_admit *q = c->request;
	sqlite3_stmt *row;
	enum bb_db_result r;

	f->api_max = service->limit[BB_LIMIT_API_MAX];
	if (q->owner == 0)
		return BB_DB_OK;
	r = bb_sql_row(db, &table, Q_OWNER, &row,
	    BB_ARGS(BB_I(q->owner), BB_T(service->name)));
	if (r == BB_DB_NONE)
		return bb_why(db, BB_DB_FENCED,
		    "this process was taken for dead and forgotten");
	if (r != BB_DB_OK)
		return r;
	f->api_max = min_limit(f->api_max, bb_col_int_or(row, 0, BB_UNLIMITED));
	f->api_count = bb_col_int(row, 1);
	if (f->replaces && c->session_owner == q->owner)
		f->api_count--;
	bb_sql_done(row);
	return BB_DB_OK;
}

static struct bb_arg
silent_before(const struct bb_case *c, const struct bb_service *service)
{
	int64_t idle_ms = service->limit[BB_LIMIT_IDLE_TIMEOUT];

	return BB_I(c->request->now_ms - idle_ms);
}

/* How many could be logged out, and when the next one could.  `lost` of them
 * are out already in the caller's count. */
static enum bb_db_result
evictable(struct bb_db *db, const struct bb_case *c,
    const struct bb_service *service, int64_t lost,
    struct bb_admission_facts *f)
{
	const struct bb_admit *q = c->request;
	const struct bb_arg name = BB_T(service->name);
	const struct bb_arg before = silent_before(c, service);
	const struct bb_arg grace = BB_I(service->limit[BB_LIMIT_LEASE_GRACE]);
	sqlite3_stmt *row;
	int64_t last;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_COUNT, &row,
	    BB_ARGS(name, BB_I(q->pin), before, BB_I(q->now_ms), grace,
		BB_I(q->owner)));
	if (r != BB_DB_OK)
		return r;
	f->evictable = bb_col_int(row, 0) - lost;
	f->api_evictable = bb_col_int(row, 1);
	bb_sql_done(row);
	r = bb_sql_int(db, &table, Q_NEXT, &last,
	    BB_ARGS(name, BB_I(q->pin), before, BB_I(q->now_ms), grace));
	if (r == BB_DB_OK)
		f->next_idle_ms = last + f->idle_ms + 1 - q->now_ms;
	return r == BB_DB_NONE ? BB_DB_OK : r;
}

static enum bb_db_result
counts(struct bb_db *db, const struct bb_case *c,
    const struct bb_service *service, struct bb_admission_facts *f)
{
	int64_t lost = 0;
	enum bb_db_result r;

	/* An admission has freed them before it counts. */
	if (c->explain) {
		r = bb_sql_int(db, &table, Q_LOST, &lost,
		    BB_ARGS(BB_T(service->name), BB_I(c->request->now_ms),
			BB_I(service->limit[BB_LIMIT_LEASE_GRACE])));
		if (r != BB_DB_OK)
			return r;
	}
	f->count = service->open_sessions - lost - (f->replaces ? 1 : 0);
	r = api(db, c, service, f);
	if (r != BB_DB_OK || f->idle_ms == BB_UNLIMITED)
		return r;
	if (c->explain || (f->max != BB_UNLIMITED && f->count >= f->max))
		r = evictable(db, c, service, lost, f);
	return r;
}

enum bb_db_result
bb_facts_gather(struct bb_db *db, struct bb_case *c, struct bb_admitted *out)
{
	struct bb_admission_facts *f = &out->facts;
	struct bb_service *service = &out->service;
	enum bb_db_result r;

	r = bb_service_get(db, c->request->service, service);
	if (r != BB_DB_OK)
		return r;
	f->max = service->limit[BB_LIMIT_MAX_SESSIONS];
	f->idle_ms = service->limit[BB_LIMIT_IDLE_TIMEOUT];
	f->next_idle_ms = BB_UNLIMITED;
	r = person(db, c, f);
	if (r != BB_DB_OK)
		return r;
	f->blocked = c->user_blocked || service->blocked;
	r = own_session(db, c, service->limit[BB_LIMIT_LEASE_GRACE]);
	if (r != BB_DB_OK)
		return r;
	f->replaces =
	    c->has_session && strcmp(c->session_service, service->name) == 0;
	return counts(db, c, service, f);
}

struct each_evictable {
	bool (*each)(void *ctx, uint32_t pin, int64_t owner);
	void *ctx;
};

static bool
evictable_row(void *ctx, sqlite3_stmt *row)
{
	struct each_evictable *e = ctx;

	return e->each(e->ctx, (uint32_t)bb_col_int(row, 0),
	    bb_col_int(row, 1));
}

enum bb_db_result
bb_facts_evictable(struct bb_db *db, const struct bb_case *c,
    const struct bb_service *service,
    bool (*each)(void *ctx, uint32_t pin, int64_t owner), void *ctx)
{
	struct each_evictable e = { each, ctx };

	return bb_sql_each(db, &table, Q_EVICTABLE, evictable_row, &e,
	    BB_ARGS(BB_T(service->name), BB_I(c->request->pin),
		silent_before(c, service), BB_I(c->request->now_ms),
		BB_I(service->limit[BB_LIMIT_LEASE_GRACE])));
}
