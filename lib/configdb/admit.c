/* Admission in one transaction: frees what nobody holds any more, gathers the
 * facts, decides, acts. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "configdb/lease.h"
#include "configdb/rows.h"

#include "base/cc.h"

enum { Q_GRACE, Q_ANY_LOST, Q_LOST, Q_OPEN, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_GRACE] = "SELECT lease_grace FROM service WHERE name = ?1",
	[Q_ANY_LOST] = "SELECT 1 FROM owner"
		       " WHERE bb_lost(" BB_LEASE_COLUMNS ", ?1, ?2) LIMIT 1",
	[Q_LOST] = "SELECT pin, owner FROM session"
		   " WHERE service = ?1 AND owner IN (SELECT id FROM owner"
		   "  WHERE bb_lost(" BB_LEASE_COLUMNS ", ?2, ?3))",
	[Q_OPEN] = "INSERT INTO session (pin, id, service, user, account,"
		   " owner, term, att, link, state, coverage, last_status,"
		   " last_active, opened)"
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'provisional',"
		   " ?10, ?11, ?11, ?12)",
};
static const struct bb_sql_table table = { BB_SQL_ADMIT, Q_LEN, sql };

#define NOBODY (-1) /* who held it is no more: no one is to be told */

/* Whoever holds a session that was ended must log it out upstream: the caller
 * itself, or one that the caller wakes. */
static enum bb_db_result
note_ended(struct bb_db *db, struct bb_admitted *out, uint32_t pin,
    int64_t owner, int64_t me)
{
	uint32_t *mine;

	if (owner != me)
		return bb_others_add(db, &out->others, pin, owner);
	mine = realloc(out->mine, (out->mine_len + 1) * sizeof(*mine));
	if (mine == NULL)
		return bb_why(db, BB_DB_ERROR, "out of memory");
	out->mine = mine;
	out->mine[out->mine_len++] = pin;
	return BB_DB_OK;
}

static enum bb_db_result
close_all(struct bb_db *db, const struct bb_pins *going, const char *reason,
    int64_t me, struct bb_admitted *out)
{
	enum bb_db_result r = BB_DB_OK;
	size_t i;

	if (going->no_memory)
		return bb_why(db, BB_DB_ERROR, "out of memory");
	for (i = 0; i < going->len && r == BB_DB_OK; i++) {
		r = bb_session_close(db, going->at[i].pin, reason);
		if (r == BB_DB_OK && me != NOBODY)
			r = note_ended(db, out, going->at[i].pin,
			    going->at[i].owner, me);
	}
	return r;
}

/* In the usual case, where no lease is over, this costs one look at the few
 * rows of owner. */
static enum bb_db_result
free_lost(struct bb_db *db, const struct bb_admit *q, struct bb_admitted *out)
{
	const struct bb_limit_info *info = &bb_limits[BB_LIMIT_LEASE_GRACE];
	struct bb_pins going = { 0 };
	sqlite3_stmt *row;
	int64_t grace, any;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_GRACE, &row, BB_ARGS(BB_T(q->service)));
	if (r != BB_DB_OK)
		return r == BB_DB_NONE ? BB_DB_OK : r;
	grace = bb_col_int_or(row, 0, info->default_value);
	bb_sql_done(row);
	r = bb_sql_int(db, &table, Q_ANY_LOST, &any,
	    BB_ARGS(BB_I(q->now_ms), BB_I(grace)));
	if (r != BB_DB_OK)
		return r == BB_DB_NONE ? BB_DB_OK : r;
	r = bb_sql_each(db, &table, Q_LOST, bb_pins_row, &going,
	    BB_ARGS(BB_T(q->service), BB_I(q->now_ms), BB_I(grace)));
	if (r == BB_DB_OK)
		r = close_all(db, &going, "lost", NOBODY, out);
	bb_pins_clear(&going);
	return r == BB_DB_OK ? bb_owner_tidy(db, q->now_ms) : r;
}

static enum bb_db_result
evict(struct bb_db *db, const struct bb_case *c, struct bb_admitted *out)
{
	struct bb_pins going = { 0 };
	enum bb_db_result r;

	r = bb_facts_evictable(db, c, &out->service, bb_pins_add, &going);
	if (r == BB_DB_OK)
		r = close_all(db, &going, "evicted", c->request->owner, out);
	out->evicted = (int64_t)going.len;
	bb_pins_clear(&going);
	return r;
}

/* A device has one session: the new one ends the old one, wherever it is. */
static enum bb_db_result
end_own(struct bb_db *db, const struct bb_case *c, struct bb_admitted *out)
{
	const char *reason = out->facts.replaces ? "replaced" : "moved";
	enum bb_db_result r;

	r = bb_session_close(db, c->request->pin, reason);
	if (r == BB_DB_OK && c->has_session)
		r = note_ended(db, out, c->request->pin, c->session_owner,
		    c->request->owner);
	return r;
}

static enum bb_db_result
open_session(struct bb_db *db, const struct bb_case *c, struct bb_admitted *out)
{
	const struct bb_admit *q = c->request;
	enum bb_db_result r;

	r = end_own(db, c, out);
	if (r == BB_DB_OK)
		r = bb_numbering_take(db, q, out->service.name, c->account,
		    &out->up_next, out->ended);
	if (r == BB_DB_OK)
		r = bb_term_next(db, &out->term);
	if (r != BB_DB_OK)
		return r;
	bb_random(&out->session, sizeof(out->session));
	return bb_sql_run(db, &table, Q_OPEN,
	    BB_ARGS(BB_I(q->pin), BB_U(out->session), BB_T(out->service.name),
		BB_T(q->user), BB_T(c->account), BB_I(q->owner),
		BB_I(out->term), BB_I(q->att), BB_U(q->link), BB_I(q->coverage),
		BB_I(q->now_ms), BB_I(bb_clock_wall_s())));
}

static enum bb_db_result
admit(struct bb_db *db, struct bb_case *c, struct bb_admitted *out)
{
	enum bb_db_result r;

	r = free_lost(db, c->request, out);
	if (r == BB_DB_OK)
		r = bb_facts_gather(db, c, out);
	if (r != BB_DB_OK)
		return r;
	out->decision = bb_admission_decide(&out->facts);
	bb_admit_reason(c, out);
	if (out->decision.evict)
		r = evict(db, c, out);
	if (r == BB_DB_OK && (out->decision.verdict == BB_ADMITTED ||
				 out->decision.verdict == BB_REPLACED))
		r = open_session(db, c, out);
	return r;
}

enum bb_db_result
bb_admit(struct bb_db *db, const struct bb_admit *request,
    struct bb_admitted *out)
{
	struct bb_case c = { .request = request };
	struct bb_scope scope;
	enum bb_db_result r;

	memset(out, 0, sizeof(*out));
	r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = admit(db, &c, out);
	r = bb_sql_leave(db, &scope, r);
	if (r != BB_DB_OK)
		bb_admitted_clear(out);
	return r;
}

enum bb_db_result
bb_admit_explain(struct bb_db *db, const char *user, const char *service,
    const char *account, uint32_t pin, int64_t owner, int64_t now_ms,
    struct bb_admitted *out)
{
	const struct bb_admit request = { .user = user,
		.service = service,
		.account = account,
		.pin = pin,
		.owner = owner,
		.now_ms = now_ms };
	struct bb_case c = { .request = &request, .explain = true };
	struct bb_scope scope;
	enum bb_db_result r;

	memset(out, 0, sizeof(*out));
	r = bb_sql_enter_read(db, &scope);
	if (r != BB_DB_OK)
		return r;
	r = bb_facts_gather(db, &c, out);
	bb_sql_leave_read(db, &scope);
	if (r != BB_DB_OK)
		return r;
	out->decision = bb_admission_decide(&out->facts);
	bb_admit_reason(&c, out);
	return BB_DB_OK;
}

void
bb_admitted_clear(struct bb_admitted *a)
{
	free(a->mine);
	bb_others_clear(&a->others);
	memset(a, 0, sizeof(*a));
}
