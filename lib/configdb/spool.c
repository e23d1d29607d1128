/* The spool of a device and the inbox before it: numbered, bounded, in
 * order. */
#include "configdb/spool.h"

#include <string.h>

#include "configdb/rows.h"

#include "base/cc.h"

/* ?1 PIN, ?2 service, ?3 account: what may go to that device's spool. */
#define FOR_DEVICE \
	" FROM inbox WHERE service = ?2 AND account = ?3" \
	" AND (pin = ?1 OR pin IS NULL) "

enum {
	Q_FENCE,
	Q_MAY,
	Q_DEVICES,
	Q_EXPIRE_SPOOL,
	Q_EXPIRE_INBOX,
	Q_USED_SPOOL,
	Q_USED_INBOX,
	Q_NEXT,
	Q_PUT,
	Q_PUT_INBOX,
	Q_DROP_OLDEST,
	Q_MOVE,
	Q_MOVED_OUT,
	Q_LEFT,
	Q_ACK,
	Q_DELETE_ACKED,
	Q_EACH,
	Q_SESSION,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_FENCE] = "SELECT service, account FROM session"
		    " WHERE pin = ?1 AND owner = ?2 AND term = ?3",
	[Q_MAY] = "SELECT 1 FROM permission"
		  " WHERE service = ?1 AND account = ?2",
	[Q_DEVICES] = "SELECT n.pin, coalesce(s.owner, 0) FROM numbering AS n"
		      " LEFT JOIN session AS s ON s.pin = n.pin"
		      " WHERE n.service = ?1 AND n.account = ?2 ORDER BY n.pin",
	[Q_EXPIRE_SPOOL] = "DELETE FROM spool WHERE pin = ?1 AND created < ?2",
	[Q_EXPIRE_INBOX] = "DELETE FROM inbox WHERE service = ?1"
			   " AND account = ?2 AND created < ?3",
	/* length() of a blob looks at its head only. */
	[Q_USED_SPOOL] = "SELECT count(*), coalesce(sum(length(body)), 0)"
			 " FROM spool WHERE pin = ?1",
	[Q_USED_INBOX] = "SELECT count(*), coalesce(sum(length(body)), 0)"
			 " FROM inbox WHERE service = ?1 AND account = ?2"
			 " AND pin IS ?3",
	[Q_NEXT] = "UPDATE numbering SET down_next = down_next + ?2"
		   " WHERE pin = ?1 RETURNING down_next - ?2",
	[Q_PUT] = "INSERT INTO spool (pin, n, body, created)"
		  " VALUES (?1, ?2, ?3, ?4)",
	[Q_PUT_INBOX] =
	    "INSERT INTO inbox (pin, service, account, body, created)"
	    " VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_DROP_OLDEST] = "DELETE FROM spool WHERE pin = ?1 AND n ="
			  " (SELECT min(n) FROM spool WHERE pin = ?1)",
	/* As many as there is room for: ?5 events, ?6 bytes. */
	[Q_MOVE] = "INSERT INTO spool (pin, n, body, created)"
		   " SELECT ?1, ?4 + k - 1, body, created FROM"
		   " (SELECT body, created, row_number() OVER w AS k,"
		   "   sum(length(body)) OVER w AS bytes" FOR_DEVICE
		   "   WINDOW w AS (ORDER BY id))"
		   " WHERE k <= ?5 AND bytes <= ?6",
	[Q_MOVED_OUT] = "DELETE FROM inbox WHERE id IN"
			" (SELECT id" FOR_DEVICE "ORDER BY id LIMIT ?4)",
	[Q_LEFT] = "SELECT 1" FOR_DEVICE "LIMIT 1",
	[Q_ACK] = "UPDATE numbering SET down_acked ="
		  " max(down_acked, min(?2, down_next - 1)) WHERE pin = ?1",
	[Q_DELETE_ACKED] = "DELETE FROM spool WHERE pin = ?1 AND n <= ?2",
	[Q_EACH] = "SELECT n, body FROM spool WHERE pin = ?1 AND n > ?2"
		   " ORDER BY n",
	[Q_SESSION] = "SELECT 1 FROM session WHERE pin = ?1",
};
static const struct bb_sql_table table = { BB_SQL_SPOOL, Q_LEN, sql };

/* An event on its way. */
struct event {
	const char *service;
	const char *account;
	const char *body;
	size_t len;
	int64_t now_s;
};
#define BODY(e) BB_B((e)->body, (e)->len)

struct used {
	int64_t count;
	int64_t bytes;
};

static bool
has_room(const struct used *used, size_t len)
{
	return used->count < BB_SPOOL_COUNT_MAX &&
	       used->bytes + (int64_t)len <= BB_SPOOL_BYTES_MAX;
}

/* Adds up; the caller starts from zero. */
static enum bb_db_result
add_used(struct bb_db *db, int id, struct bb_args args, struct used *used)
{
	sqlite3_stmt *row;
	enum bb_db_result r = bb_sql_row(db, &table, id, &row, args);

	if (r == BB_DB_OK) {
		used->count += bb_col_int(row, 0);
		used->bytes += bb_col_int(row, 1);
		bb_sql_done(row);
	}
	return r;
}

/* Which account the session under a fence has; FENCED: there is none. */
static enum bb_db_result
whose(struct bb_db *db, const struct bb_fence *f, char service[BB_SERVICE_MAX],
    char account[BB_NAME_MAX])
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_FENCE, &row,
	    BB_ARGS(BB_I(f->pin), BB_I(f->owner), BB_I(f->term)));
	if (r == BB_DB_NONE)
		return bb_why(db, BB_DB_FENCED,
		    "the session was ended or taken over");
	if (r == BB_DB_OK) {
		bb_col_text(row, 0, service, BB_SERVICE_MAX);
		bb_col_text(row, 1, account, BB_NAME_MAX);
		bb_sql_done(row);
	}
	return r;
}

static enum bb_db_result
expire_spool(struct bb_db *db, uint32_t pin, int64_t now_s)
{
	return bb_sql_run(db, &table, Q_EXPIRE_SPOOL,
	    BB_ARGS(BB_I(pin), BB_I(now_s - BB_SPOOL_AGE_S)));
}

static enum bb_db_result
expire_inbox(struct bb_db *db, const struct event *e)
{
	return bb_sql_run(db, &table, Q_EXPIRE_INBOX,
	    BB_ARGS(BB_T(e->service), BB_T(e->account),
		BB_I(e->now_s - BB_SPOOL_AGE_S)));
}

/* Takes `count` numbers; *first is the first of them. */
static enum bb_db_result
take_numbers(struct bb_db *db, uint32_t pin, int64_t count, int64_t *first)
{
	enum bb_db_result r = bb_sql_int(db, &table, Q_NEXT, first,
	    BB_ARGS(BB_I(pin), BB_I(count)));

	if (r == BB_DB_NONE)
		return bb_why(db, BB_DB_ERROR, "the device has no numbering");
	return r;
}

static enum bb_db_result
append(struct bb_db *db, uint32_t pin, const struct event *e)
{
	int64_t n;
	enum bb_db_result r = take_numbers(db, pin, 1, &n);

	if (r != BB_DB_OK)
		return r;
	return bb_sql_run(db, &table, Q_PUT,
	    BB_ARGS(BB_I(pin), BB_I(n), BODY(e), BB_I(e->now_s)));
}

/* --- From the inbox to the spool ------------------------------------------ */

static enum bb_db_result
move_in(struct bb_db *db, uint32_t pin, const struct event *e, size_t *moved)
{
	const struct bb_arg who = BB_I(pin), service = BB_T(e->service),
			    account = BB_T(e->account);
	struct used used = { 0, 0 };
	int64_t first, count;
	enum bb_db_result r;

	*moved = 0;
	r = bb_sql_int(db, &table, Q_LEFT, &count,
	    BB_ARGS(who, service, account));
	if (r != BB_DB_OK)
		return r == BB_DB_NONE ? BB_DB_OK : r;
	r = add_used(db, Q_USED_SPOOL, BB_ARGS(who), &used);
	if (r == BB_DB_OK)
		r = take_numbers(db, pin, 0, &first);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_MOVE,
		    BB_ARGS(who, service, account, BB_I(first),
			BB_I(BB_SPOOL_COUNT_MAX - used.count),
			BB_I(BB_SPOOL_BYTES_MAX - used.bytes)));
	if (r != BB_DB_OK)
		return r;
	count = bb_sql_changes(db);
	*moved = (size_t)count;
	r = take_numbers(db, pin, count, &first);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_MOVED_OUT,
		    BB_ARGS(who, service, account, BB_I(count)));
	return r;
}

enum bb_db_result
bb_inbox_take(struct bb_db *db, const struct bb_fence *f, int64_t now_s,
    size_t *moved)
{
	char service[BB_SERVICE_MAX], account[BB_NAME_MAX];
	const struct event e = { .service = service,
		.account = account,
		.now_s = now_s };
	struct bb_scope scope;
	enum bb_db_result r;

	*moved = 0;
	r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = whose(db, f, service, account);
	if (r == BB_DB_OK)
		r = expire_spool(db, f->pin, now_s);
	if (r == BB_DB_OK)
		r = expire_inbox(db, &e);
	if (r == BB_DB_OK)
		r = move_in(db, f->pin, &e, moved);
	return bb_sql_leave(db, &scope, r);
}

/* --- Delivering ----------------------------------------------------------- */

/* To the spool of a device whose session is ours.  What another process left
 * for it comes first. */
static enum bb_db_result
deliver_spool(struct bb_db *db, uint32_t pin, const struct event *e)
{
	struct used used = { 0, 0 };
	size_t moved;
	int64_t left;
	enum bb_db_result r;

	r = expire_spool(db, pin, e->now_s);
	if (r == BB_DB_OK)
		r = move_in(db, pin, e, &moved);
	if (r == BB_DB_OK)
		r = add_used(db, Q_USED_SPOOL, BB_ARGS(BB_I(pin)), &used);
	if (r != BB_DB_OK)
		return r;
	r = bb_sql_int(db, &table, Q_LEFT, &left,
	    BB_ARGS(BB_I(pin), BB_T(e->service), BB_T(e->account)));
	if (r == BB_DB_OK || (r == BB_DB_NONE && !has_room(&used, e->len)))
		return BB_DB_FULL;
	return r == BB_DB_NONE ? append(db, pin, e) : r;
}

/* To the inbox of one device (spool and inbox share the bound) or, with who
 * NULL, of the account. */
static enum bb_db_result
deliver_inbox(struct bb_db *db, struct bb_arg who, const struct event *e)
{
	struct used used = { 0, 0 };
	enum bb_db_result r;

	r = add_used(db, Q_USED_INBOX,
	    BB_ARGS(BB_T(e->service), BB_T(e->account), who), &used);
	if (r == BB_DB_OK && who.type == BB_ARG_INT)
		r = add_used(db, Q_USED_SPOOL, BB_ARGS(who), &used);
	if (r != BB_DB_OK)
		return r;
	if (!has_room(&used, e->len))
		return BB_DB_FULL;
	return bb_sql_run(db, &table, Q_PUT_INBOX,
	    BB_ARGS(who, BB_T(e->service), BB_T(e->account), BODY(e),
		BB_I(e->now_s)));
}

/* Where the pins of our own devices go that have something new. */
struct told {
	uint32_t *pins;
	size_t max, len;
};

static enum bb_db_result
deliver_each(struct bb_db *db, const struct bb_pins *devices, int64_t owner,
    const struct event *e, struct told *told)
{
	enum bb_db_result r;
	uint32_t pin;
	size_t i, stored = 0;

	for (i = 0; i < devices->len; i++) {
		pin = devices->at[i].pin;
		if (devices->at[i].owner == owner)
			r = deliver_spool(db, pin, e);
		else
			r = deliver_inbox(db, BB_I(pin), e);
		if (r == BB_DB_FULL)
			continue;
		if (r != BB_DB_OK)
			return r;
		stored++;
		if (devices->at[i].owner == owner && told->len < told->max)
			told->pins[told->len++] = pin;
	}
	return stored == 0 ? BB_DB_FULL : BB_DB_OK;
}

static enum bb_db_result
deliver(struct bb_db *db, int64_t owner, const struct event *e,
    struct told *told)
{
	struct bb_pins devices = { 0 };
	int64_t may;
	enum bb_db_result r;

	r = bb_sql_int(db, &table, Q_MAY, &may,
	    BB_ARGS(BB_T(e->service), BB_T(e->account)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "nobody may use that account there");
	if (r == BB_DB_OK)
		r = expire_inbox(db, e);
	if (r == BB_DB_OK)
		r = bb_sql_each(db, &table, Q_DEVICES, bb_pins_row, &devices,
		    BB_ARGS(BB_T(e->service), BB_T(e->account)));
	if (r == BB_DB_OK && devices.no_memory)
		r = bb_why(db, BB_DB_ERROR, "out of memory");
	if (r == BB_DB_OK && devices.len > 0)
		r = deliver_each(db, &devices, owner, e, told);
	else if (r == BB_DB_OK)
		r = deliver_inbox(db, BB_T(NULL), e);
	bb_pins_clear(&devices);
	if (r == BB_DB_FULL)
		return bb_why(db, r,
		    "as many events as may wait for that account do");
	return r;
}

static enum bb_db_result
check_body(struct bb_db *db, size_t len)
{
	if (len > 0 && len <= BB_SPOOL_BODY_MAX)
		return BB_DB_OK;
	return bb_why(db, BB_DB_REFUSED, "an event of %zu bytes", len);
}

enum bb_db_result
bb_spool_deliver(struct bb_db *db, int64_t owner, const char *service,
    const char *account, const char *body, size_t body_len, int64_t now_s,
    uint32_t *pins, size_t pins_max, size_t *pins_len)
{
	const struct event e = { service, account, body, body_len, now_s };
	struct told told = { pins, pins == NULL ? 0 : pins_max, 0 };
	struct bb_scope scope;
	enum bb_db_result r = check_body(db, body_len);

	if (pins_len != NULL)
		*pins_len = 0;
	if (r == BB_DB_OK)
		r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = deliver(db, owner, &e, &told);
	r = bb_sql_leave(db, &scope, r);
	if (r == BB_DB_OK && pins_len != NULL)
		*pins_len = told.len;
	return r;
}

static enum bb_db_result
make_room(struct bb_db *db, uint32_t pin, size_t len, size_t *dropped)
{
	struct used used;
	enum bb_db_result r;

	for (;;) {
		memset(&used, 0, sizeof(used));
		r = add_used(db, Q_USED_SPOOL, BB_ARGS(BB_I(pin)), &used);
		if (r != BB_DB_OK || has_room(&used, len))
			return r;
		r = bb_sql_run_or(db, &table, Q_DROP_OLDEST, BB_ARGS(BB_I(pin)),
		    BB_DB_ERROR, "an empty spool has no room");
		if (r != BB_DB_OK)
			return r;
		(*dropped)++;
	}
}

enum bb_db_result
bb_spool_put(struct bb_db *db, const struct bb_fence *f, const char *body,
    size_t body_len, int64_t now_s, size_t *dropped)
{
	char service[BB_SERVICE_MAX], account[BB_NAME_MAX];
	const struct event e = { service, account, body, body_len, now_s };
	struct bb_scope scope;
	enum bb_db_result r = check_body(db, body_len);

	*dropped = 0;
	if (r == BB_DB_OK)
		r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = whose(db, f, service, account);
	if (r == BB_DB_OK)
		r = expire_spool(db, f->pin, now_s);
	if (r == BB_DB_OK)
		r = make_room(db, f->pin, body_len, dropped);
	if (r == BB_DB_OK)
		r = append(db, f->pin, &e);
	return bb_sql_leave(db, &scope, r);
}

/* --- Taking --------------------------------------------------------------- */

enum bb_db_result
bb_spool_ack(struct bb_db *db, const struct bb_fence *f, uint64_t have)
{
	char service[BB_SERVICE_MAX], account[BB_NAME_MAX];
	struct bb_args args = BB_ARGS(BB_I(f->pin), BB_I(bb_n(have)));
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = whose(db, f, service, account);
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
