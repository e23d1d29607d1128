/* Numberings: under which id a device counts messages and events, where both
 * counts stand, and why its last session ended.  They outlive sessions. */
#include <string.h>

#include "configdb/rows.h"

#include "base/cc.h"

enum {
	Q_GET,
	Q_PUT,
	Q_AFTER,
	Q_MOVE,
	Q_GIVE_BACK,
	Q_GIVE_BACK_INBOX,
	Q_EMPTY_INBOX,
	Q_EMPTY,
	Q_ACK,
	Q_DELETE_ACKED,
	Q_CLEAR_ENDED,
	Q_FORGET,
	Q_ENDED,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_GET] = "SELECT id, service, account, up_next, ended FROM numbering"
		  " WHERE pin = ?1",
	[Q_PUT] =
	    "INSERT INTO numbering (pin, id, service, account, down_next)"
	    " VALUES (?1, ?2, ?3, ?4, ?5)"
	    " ON CONFLICT DO UPDATE SET id = excluded.id,"
	    " service = excluded.service, account = excluded.account,"
	    " down_next = excluded.down_next, up_next = 1, down_acked = 0",
	[Q_AFTER] = "SELECT n FROM spool WHERE pin = ?1 AND n > ?2"
		    " ORDER BY n LIMIT 1",
	[Q_MOVE] = "UPDATE spool SET n = ?3 WHERE pin = ?1 AND n = ?2",
	/* Only an account that somebody may use has an inbox. */
	[Q_GIVE_BACK] =
	    "INSERT INTO inbox (pin, service, account, body, created)"
	    " SELECT NULL, p.service, p.account, s.body, s.created"
	    " FROM spool AS s, permission AS p"
	    " WHERE s.pin = ?1 AND p.service = ?2 AND p.account = ?3"
	    " ORDER BY s.n",
	/* Anew, so that they come after those of the spool. */
	[Q_GIVE_BACK_INBOX] =
	    "INSERT INTO inbox (pin, service, account, body, created)"
	    " SELECT NULL, service, account, body, created FROM inbox"
	    " WHERE pin = ?1 AND service = ?2 AND account = ?3 ORDER BY id",
	[Q_EMPTY_INBOX] = "DELETE FROM inbox"
			  " WHERE pin = ?1 AND service = ?2 AND account = ?3",
	[Q_EMPTY] = "DELETE FROM spool WHERE pin = ?1",
	[Q_ACK] = "UPDATE numbering SET down_acked = max(down_acked, ?2),"
		  " down_next = max(down_next, ?2 + 1) WHERE pin = ?1",
	[Q_DELETE_ACKED] = "DELETE FROM spool WHERE pin = ?1 AND n <= ?2",
	[Q_CLEAR_ENDED] = "UPDATE numbering SET ended = '' WHERE pin = ?1",
	[Q_FORGET] = "DELETE FROM numbering WHERE pin = ?1",
	[Q_ENDED] = "SELECT ended FROM numbering WHERE pin = ?1",
};
static const struct bb_sql_table table = { BB_SQL_NUMBERING, Q_LEN, sql };

struct numbering {
	uint64_t id;
	char service[BB_SERVICE_MAX];
	char account[BB_NAME_MAX];
	int64_t up_next;
	char ended[BB_ENDED_MAX];
};

int64_t
bb_n(uint64_t n)
{
	return n > (uint64_t)BB_N_MAX ? BB_N_MAX : (int64_t)n;
}

static enum bb_db_result
get(struct bb_db *db, uint32_t pin, struct numbering *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	memset(out, 0, sizeof(*out));
	r = bb_sql_row(db, &table, Q_GET, &row, BB_ARGS(BB_I(pin)));
	if (r != BB_DB_OK)
		return r;
	out->id = bb_col_u64(row, 0);
	bb_col_text(row, 1, out->service, sizeof(out->service));
	bb_col_text(row, 2, out->account, sizeof(out->account));
	out->up_next = bb_col_int(row, 3);
	bb_col_text(row, 4, out->ended, sizeof(out->ended));
	bb_sql_done(row);
	return BB_DB_OK;
}

/* Waiting events get 1, 2, 3 .. in their order.  A new number is never above
 * the old one, so no two rows meet. */
static enum bb_db_result
renumber(struct bb_db *db, uint32_t pin, int64_t *next)
{
	int64_t n = 0;
	enum bb_db_result r;

	for (*next = 1;; (*next)++) {
		r = bb_sql_int(db, &table, Q_AFTER, &n,
		    BB_ARGS(BB_I(pin), BB_I(n)));
		if (r == BB_DB_OK && n != *next)
			r = bb_sql_run(db, &table, Q_MOVE,
			    BB_ARGS(BB_I(pin), BB_I(n), BB_I(*next)));
		if (r != BB_DB_OK)
			return r == BB_DB_NONE ? BB_DB_OK : r;
	}
}

/* The same from have + 1 on, for a device that has events up to `have` under an
 * id that this store does not know: a number it has seen would be taken for an
 * event that it has. */
static enum bb_db_result
renumber_above(struct bb_db *db, uint32_t pin, int64_t have, int64_t *next)
{
	int64_t n;
	enum bb_db_result r = renumber(db, pin, next);

	if (have == 0 || r != BB_DB_OK)
		return r;
	for (n = *next - 1; n > 0 && r == BB_DB_OK; n--)
		r = bb_sql_run(db, &table, Q_MOVE,
		    BB_ARGS(BB_I(pin), BB_I(n), BB_I(have + n)));
	*next += have;
	return r;
}

/* The device goes to another account: what waited is the former account's. */
static enum bb_db_result
give_back(struct bb_db *db, uint32_t pin, const struct numbering *was)
{
	struct bb_args whose =
	    BB_ARGS(BB_I(pin), BB_T(was->service), BB_T(was->account));
	enum bb_db_result r;

	r = bb_sql_run(db, &table, Q_GIVE_BACK, whose);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_GIVE_BACK_INBOX, whose);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_EMPTY_INBOX, whose);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_EMPTY, BB_ARGS(BB_I(pin)));
	return r;
}

static enum bb_db_result
start_anew(struct bb_db *db, const struct bb_admit *q, const char *service,
    const char *account, const struct numbering *was)
{
	int64_t next = 1;
	enum bb_db_result r = BB_DB_OK;

	if (strcmp(was->service, service) == 0 &&
	    strcmp(was->account, account) == 0)
		r = renumber_above(db, q->pin, bb_n(q->have), &next);
	else if (was->service[0] != '\0')
		r = give_back(db, q->pin, was);
	if (r != BB_DB_OK)
		return r;
	return bb_sql_run(db, &table, Q_PUT,
	    BB_ARGS(BB_I(q->pin), BB_U(q->numbering), BB_T(service),
		BB_T(account), BB_I(next)));
}

/* A device may have more than the store remembers to have sent: then the store
 * lost a commit to a power failure, and goes on above. */
static enum bb_db_result
take_have(struct bb_db *db, uint32_t pin, int64_t have)
{
	enum bb_db_result r;

	r = bb_sql_run(db, &table, Q_ACK, BB_ARGS(BB_I(pin), BB_I(have)));
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_DELETE_ACKED,
		    BB_ARGS(BB_I(pin), BB_I(have)));
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_CLEAR_ENDED, BB_ARGS(BB_I(pin)));
	return r;
}

enum bb_db_result
bb_numbering_take(struct bb_db *db, const struct bb_admit *request,
    const char *service, const char *account, uint64_t *up_next,
    char ended[BB_ENDED_MAX])
{
	struct numbering was;
	enum bb_db_result r;

	r = get(db, request->pin, &was);
	if (r != BB_DB_OK && r != BB_DB_NONE)
		return r;
	memcpy(ended, was.ended, BB_ENDED_MAX);
	*up_next = (uint64_t)was.up_next;
	r = BB_DB_OK;
	/* Id 0 says that the device has no numbers. */
	if (request->numbering == 0 || request->numbering != was.id ||
	    strcmp(was.service, service) != 0 ||
	    strcmp(was.account, account) != 0) {
		*up_next = 1;
		r = start_anew(db, request, service, account, &was);
	}
	if (r == BB_DB_OK)
		r = take_have(db, request->pin, bb_n(request->have));
	return r;
}

enum bb_db_result
bb_numbering_ended(struct bb_db *db, uint32_t pin, char ended[BB_ENDED_MAX])
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	ended[0] = '\0';
	r = bb_sql_row(db, &table, Q_ENDED, &row, BB_ARGS(BB_I(pin)));
	if (r == BB_DB_OK) {
		bb_col_text(row, 0, ended, BB_ENDED_MAX);
		bb_sql_done(row);
	}
	return r == BB_DB_NONE ? BB_DB_OK : r;
}

enum bb_db_result
bb_numbering_forget(struct bb_db *db, uint32_t pin)
{
	struct numbering was;
	enum bb_db_result r = get(db, pin, &was);

	if (r == BB_DB_OK)
		r = give_back(db, pin, &was);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_FORGET, BB_ARGS(BB_I(pin)));
	return r == BB_DB_NONE ? BB_DB_OK : r;
}
