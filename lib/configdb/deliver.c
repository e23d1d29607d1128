/* Delivering: an event to every device of an account, or from an IM server to
 * one device. */
#include <string.h>

#include "configdb/waiting.h"

#include "base/cc.h"

enum { Q_MAY, Q_DEVICES, Q_PUT_INBOX, Q_DROP_OLDEST, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_MAY] = "SELECT 1 FROM permission"
		  " WHERE service = ?1 AND account = ?2",
	[Q_DEVICES] = "SELECT n.pin, coalesce(s.owner, -1) FROM numbering AS n"
		      " LEFT JOIN session AS s ON s.pin = n.pin"
		      " WHERE n.service = ?1 AND n.account = ?2 ORDER BY n.pin",
	[Q_PUT_INBOX] =
	    "INSERT INTO inbox (pin, service, account, body, created)"
	    " VALUES (?1, ?2, ?3, ?4, ?5)",
	[Q_DROP_OLDEST] = "DELETE FROM spool WHERE pin = ?1 AND n ="
			  " (SELECT min(n) FROM spool WHERE pin = ?1)",
};
static const struct bb_sql_table table = { BB_SQL_DELIVER, Q_LEN, sql };

#define NO_SESSION (-1) /* as Q_DEVICES says it */

/* To the spool of a device whose session is ours.  What another process left
 * for it comes first. */
static enum bb_db_result
deliver_spool(struct bb_db *db, uint32_t pin, const struct bb_event *e)
{
	struct bb_used used = { 0, 0 };
	size_t moved;
	bool left = false;
	enum bb_db_result r;

	r = bb_spool_expire(db, pin, e->now_s);
	if (r == BB_DB_OK)
		r = bb_inbox_move(db, pin, e, &moved, &left);
	if (r == BB_DB_OK)
		r = bb_spool_used(db, pin, &used);
	if (r == BB_DB_OK && (left || !bb_spool_has_room(&used, e->len)))
		r = BB_DB_FULL;
	return r == BB_DB_OK ? bb_spool_append(db, pin, e) : r;
}

/* To the inbox of one device (spool and inbox share the bound) or, with who
 * NULL, of the account. */
static enum bb_db_result
deliver_inbox(struct bb_db *db, struct bb_arg who, const struct bb_event *e)
{
	struct bb_used used = { 0, 0 };
	enum bb_db_result r;

	r = bb_inbox_used(db, e, who, &used);
	if (r == BB_DB_OK && who.type == BB_ARG_INT)
		r = bb_spool_used(db, (uint32_t)who.number, &used);
	if (r != BB_DB_OK)
		return r;
	if (!bb_spool_has_room(&used, e->len))
		return BB_DB_FULL;
	return bb_sql_run(db, &table, Q_PUT_INBOX,
	    BB_ARGS(who, BB_T(e->service), BB_T(e->account),
		BB_B(e->body, e->len), BB_I(e->now_s)));
}

static enum bb_db_result
deliver_each(struct bb_db *db, const struct bb_pins *devices,
    struct bb_delivery *d, const struct bb_event *e)
{
	enum bb_db_result r;
	uint32_t pin;
	size_t i, stored = 0;
	bool ours;

	for (i = 0; i < devices->len; i++) {
		pin = devices->at[i].pin;
		ours = devices->at[i].owner == d->owner;
		if (ours)
			r = deliver_spool(db, pin, e);
		else
			r = deliver_inbox(db, BB_I(pin), e);
		if (r == BB_DB_FULL)
			continue;
		if (r != BB_DB_OK)
			return r;
		stored++;
		if (!ours && devices->at[i].owner != NO_SESSION) {
			r = bb_others_add(db, d->others, pin,
			    devices->at[i].owner);
			if (r != BB_DB_OK)
				return r;
		}
		if (ours && d->pins != NULL && d->pins_len < d->pins_max)
			d->pins[d->pins_len++] = pin;
	}
	return stored == 0 ? BB_DB_FULL : BB_DB_OK;
}

static enum bb_db_result
deliver(struct bb_db *db, struct bb_delivery *d, const struct bb_event *e)
{
	struct bb_pins devices = { 0 };
	int64_t may;
	enum bb_db_result r;

	r = bb_sql_int(db, &table, Q_MAY, &may,
	    BB_ARGS(BB_T(e->service), BB_T(e->account)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "nobody may use that account there");
	if (r == BB_DB_OK)
		r = bb_inbox_expire(db, e);
	if (r == BB_DB_OK)
		r = bb_sql_each(db, &table, Q_DEVICES, bb_pins_row, &devices,
		    BB_ARGS(BB_T(e->service), BB_T(e->account)));
	if (r == BB_DB_OK && devices.no_memory)
		r = bb_why(db, BB_DB_ERROR, "out of memory");
	if (r == BB_DB_OK && devices.len > 0)
		r = deliver_each(db, &devices, d, e);
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
bb_spool_deliver(struct bb_db *db, struct bb_delivery *d)
{
	const struct bb_event e = { d->service, d->account, d->body,
		d->body_len, d->now_s };
	struct bb_scope scope;
	enum bb_db_result r = check_body(db, e.len);

	d->pins_len = 0;
	if (r == BB_DB_OK)
		r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = deliver(db, d, &e);
	r = bb_sql_leave(db, &scope, r);
	if (r != BB_DB_OK)
		d->pins_len = 0;
	return r;
}

static enum bb_db_result
make_room(struct bb_db *db, uint32_t pin, size_t len, size_t *dropped)
{
	struct bb_used used;
	enum bb_db_result r;

	for (;;) {
		memset(&used, 0, sizeof(used));
		r = bb_spool_used(db, pin, &used);
		if (r != BB_DB_OK || bb_spool_has_room(&used, len))
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
	const struct bb_event e = { service, account, body, body_len, now_s };
	struct bb_scope scope;
	enum bb_db_result r = check_body(db, body_len);

	*dropped = 0;
	if (r == BB_DB_OK)
		r = bb_sql_enter(db, false, &scope);
	if (r != BB_DB_OK)
		return r;
	r = bb_event_account(db, f, service, account);
	if (r == BB_DB_OK)
		r = bb_spool_expire(db, f->pin, now_s);
	if (r == BB_DB_OK)
		r = make_room(db, f->pin, body_len, dropped);
	if (r == BB_DB_OK)
		r = bb_spool_append(db, f->pin, &e);
	return bb_sql_leave(db, &scope, r);
}
