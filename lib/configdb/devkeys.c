/* Device keys: one current and what was rolled from it.  Transactions T1 to T3
 * of docs/wire.md, "Attach". */
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "configdb/devices.h"
#include "configdb/sql.h"

#include "base/cc.h"

/* The columns of read_key; a blocked device has no keys for anybody. */
#define KEY \
	"SELECT k.pin, d.user, k.kid, k.role, k.parent, k.att, k.e_s, k.base," \
	" k.service " \
	"FROM devkey AS k JOIN device AS d ON d.pin = k.pin " \
	"WHERE k.pin = ?1 AND d.blocked = 0 AND "

enum {
	Q_FIND,
	Q_PENDING,
	Q_CURRENT,
	Q_ROLE,
	Q_ATT,
	Q_SET_ATT,
	Q_SIBLINGS,
	Q_OTHERS,
	Q_DELETE,
	Q_DELETE_CHILDREN,
	Q_PROMOTE,
	Q_INSERT,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_FIND] = KEY "k.kid = ?2",
	[Q_PENDING] = KEY "k.role = 'pending' AND k.att = ?2",
	[Q_CURRENT] = KEY "k.role = 'current'",
	[Q_ROLE] = "SELECT k.role, k.parent FROM devkey AS k"
		   " JOIN device AS d ON d.pin = k.pin"
		   " WHERE k.pin = ?1 AND k.kid = ?2 AND d.blocked = 0",
	[Q_ATT] = "SELECT att FROM device WHERE pin = ?1 AND blocked = 0",
	[Q_SET_ATT] = "UPDATE device SET att = ?2 WHERE pin = ?1",
	[Q_SIBLINGS] = "DELETE FROM devkey "
		       "WHERE pin = ?1 AND parent = ?2 AND kid <> ?3",
	[Q_OTHERS] = "DELETE FROM devkey WHERE pin = ?1 AND kid <> ?2",
	[Q_DELETE] = "DELETE FROM devkey WHERE pin = ?1 AND kid = ?2",
	[Q_DELETE_CHILDREN] =
	    "DELETE FROM devkey WHERE pin = ?1 AND parent = ?2",
	[Q_PROMOTE] = "UPDATE devkey SET role = 'current', parent = NULL,"
		      " e_s = NULL, since = ?3 WHERE pin = ?1 AND kid = ?2",
	[Q_INSERT] = "INSERT INTO devkey (pin, kid, role, parent, att, e_s,"
		     " base, service, since) "
		     "VALUES (?1, ?2, 'pending', ?3, ?4, ?5, ?6, ?7, ?8)",
};
static const struct bb_sql_table table = { BB_SQL_DEVKEYS, Q_LEN, sql };

#define BB_KID(kid) BB_B(kid, BB_KID_LEN)

static const char *const roles[] = {
	[BB_KEY_CODE] = "code",
	[BB_KEY_CURRENT] = "current",
	[BB_KEY_PENDING] = "pending",
};

/* The schema allows no fourth word. */
static enum bb_key_role
read_role(sqlite3_stmt *row, int col)
{
	char word[16];

	bb_col_text(row, col, word, sizeof(word));
	if (strcmp(word, roles[BB_KEY_CURRENT]) == 0)
		return BB_KEY_CURRENT;
	return strcmp(word, roles[BB_KEY_CODE]) == 0 ? BB_KEY_CODE
						     : BB_KEY_PENDING;
}

static enum bb_db_result
get_key(struct bb_db *db, int id, struct bb_devkey *out, struct bb_args args)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	memset(out, 0, sizeof(*out));
	r = bb_sql_row(db, &table, id, &row, args);
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such key");
	if (r != BB_DB_OK)
		return r;
	out->pin = (uint32_t)bb_col_int(row, 0);
	bb_col_text(row, 1, out->user, sizeof(out->user));
	bb_col_blob(row, 2, out->kid, sizeof(out->kid));
	out->role = read_role(row, 3);
	bb_col_blob(row, 4, out->parent, sizeof(out->parent));
	out->att = (uint32_t)bb_col_int(row, 5);
	bb_col_blob(row, 6, out->e_s, sizeof(out->e_s));
	bb_col_blob(row, 7, out->base, sizeof(out->base));
	bb_col_text(row, 8, out->service, sizeof(out->service));
	bb_sql_done(row);
	return BB_DB_OK;
}

enum bb_db_result
bb_devkey_find(struct bb_db *db, uint32_t pin, const uint8_t kid[BB_KID_LEN],
    struct bb_devkey *out)
{
	return get_key(db, Q_FIND, out, BB_ARGS(BB_I(pin), BB_KID(kid)));
}

enum bb_db_result
bb_devkey_current(struct bb_db *db, uint32_t pin, struct bb_devkey *out)
{
	return get_key(db, Q_CURRENT, out, BB_ARGS(BB_I(pin)));
}

enum bb_db_result
bb_devkey_answer(struct bb_db *db, uint32_t pin, uint32_t att,
    struct bb_devkey *pending, struct bb_devkey *parent)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter_read(db, &scope);

	if (r != BB_DB_OK)
		return r;
	r = get_key(db, Q_PENDING, pending, BB_ARGS(BB_I(pin), BB_I(att)));
	if (r == BB_DB_OK)
		r = get_key(db, Q_FIND, parent,
		    BB_ARGS(BB_I(pin), BB_KID(pending->parent)));
	bb_sql_leave_read(db, &scope);
	if (r != BB_DB_OK) {
		bb_wipe(pending, sizeof(*pending));
		bb_wipe(parent, sizeof(*parent));
	}
	return r;
}

/* What promotion needs to know of a key row. */
struct descent {
	enum bb_key_role role;
	uint8_t parent[BB_KID_LEN];
};

static enum bb_db_result
get_descent(struct bb_db *db, uint32_t pin, const uint8_t kid[BB_KID_LEN],
    struct descent *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	memset(out, 0, sizeof(*out));
	r = bb_sql_row(db, &table, Q_ROLE, &row,
	    BB_ARGS(BB_I(pin), BB_KID(kid)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such key");
	if (r != BB_DB_OK)
		return r;
	out->role = read_role(row, 0);
	bb_col_blob(row, 1, out->parent, sizeof(out->parent));
	bb_sql_done(row);
	return r;
}

/* A key and what was rolled from it, but `kid`. */
static enum bb_db_result
delete_line(struct bb_db *db, uint32_t pin, const uint8_t parent[BB_KID_LEN],
    const uint8_t kid[BB_KID_LEN])
{
	enum bb_db_result r;

	r = bb_sql_run(db, &table, Q_SIBLINGS,
	    BB_ARGS(BB_I(pin), BB_KID(parent), BB_KID(kid)));
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_DELETE,
		    BB_ARGS(BB_I(pin), BB_KID(parent)));
	return r;
}

/* The line of descent decides what a promoted key ends: a child of the current
 * key ends that key and its other children; a child of a code all other rows of
 * the PIN (the old phone's keys); a child of a key that is stored nowhere
 * (recovery) the current key, its children, and its own siblings.  So a code
 * that waits for the new phone is not burnt by the old phone's rolls. */
static enum bb_db_result
delete_ancestors(struct bb_db *db, uint32_t pin, const uint8_t kid[BB_KID_LEN],
    const uint8_t parent[BB_KID_LEN])
{
	struct descent up;
	struct bb_devkey current;
	enum bb_db_result r = get_descent(db, pin, parent, &up);

	if (r == BB_DB_OK && up.role == BB_KEY_CODE)
		return bb_sql_run(db, &table, Q_OTHERS,
		    BB_ARGS(BB_I(pin), BB_KID(kid)));
	if (r != BB_DB_OK && r != BB_DB_NONE)
		return r;
	r = delete_line(db, pin, parent, kid);
	if (r != BB_DB_OK)
		return r;
	r = bb_devkey_current(db, pin, &current);
	if (r == BB_DB_OK)
		r = delete_line(db, pin, current.kid, kid);
	bb_wipe(&current, sizeof(current));
	return r == BB_DB_NONE ? BB_DB_OK : r;
}

static enum bb_db_result
promote(struct bb_db *db, uint32_t pin, const uint8_t kid[BB_KID_LEN])
{
	struct descent key;
	enum bb_db_result r = get_descent(db, pin, kid, &key);

	if (r != BB_DB_OK || key.role == BB_KEY_CURRENT)
		return r;
	if (key.role == BB_KEY_CODE)
		return bb_why(db, BB_DB_NONE, "a code is never a current key");
	r = delete_ancestors(db, pin, kid, key.parent);
	if (r != BB_DB_OK)
		return r;
	return bb_sql_run(db, &table, Q_PROMOTE,
	    BB_ARGS(BB_I(pin), BB_KID(kid), BB_I(bb_clock_wall_s())));
}

enum bb_db_result
bb_devkey_promote(struct bb_db *db, uint32_t pin, const uint8_t kid[BB_KID_LEN])
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, false, &scope);

	if (r != BB_DB_OK)
		return r;
	r = promote(db, pin, kid);
	return bb_sql_leave(db, &scope, r);
}

/* All that can be said against an attach, before anything is changed. */
static enum bb_db_result
check_attach(struct bb_db *db, const struct bb_attach_row *a, uint32_t *told)
{
	struct descent key;
	int64_t att = 0;
	enum bb_db_result r;

	r = bb_sql_int(db, &table, Q_ATT, &att, BB_ARGS(BB_I(a->pin)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such device");
	if (r != BB_DB_OK)
		return r;
	if (a->att <= att) {
		*told = (uint32_t)att;
		return bb_why(db, BB_DB_STALE,
		    "attach number %u was used, the last one is %u",
		    (unsigned)a->att, (unsigned)att);
	}
	r = get_descent(db, a->pin, a->kid, &key);
	if (r != BB_DB_OK)
		return r;
	r = get_descent(db, a->pin, a->next_kid, &key);
	if (r == BB_DB_OK)
		return bb_why(db, BB_DB_EXISTS, "that key id is taken");
	return r == BB_DB_NONE ? BB_DB_OK : r;
}

static enum bb_db_result
attach(struct bb_db *db, const struct bb_attach_row *a)
{
	struct descent key;
	enum bb_db_result r;

	r = bb_sql_run(db, &table, Q_SET_ATT,
	    BB_ARGS(BB_I(a->pin), BB_I(a->att)));
	if (r == BB_DB_OK)
		r = get_descent(db, a->pin, a->kid, &key);
	if (r == BB_DB_OK && key.role == BB_KEY_PENDING)
		r = promote(db, a->pin, a->kid);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_DELETE_CHILDREN,
		    BB_ARGS(BB_I(a->pin), BB_KID(a->kid)));
	if (r != BB_DB_OK)
		return r;
	return bb_sql_run(db, &table, Q_INSERT,
	    BB_ARGS(BB_I(a->pin), BB_KID(a->next_kid), BB_KID(a->kid),
		BB_I(a->att), BB_B(a->e_s, BB_EPHEMERAL_LEN),
		BB_B(a->next_base, BB_BASE_KEY_LEN), BB_T(a->service),
		BB_I(bb_clock_wall_s())));
}

enum bb_db_result
bb_devkey_attach(struct bb_db *db, const struct bb_attach_row *row,
    uint32_t *told)
{
	struct bb_scope scope;
	enum bb_db_result r;

	*told = 0;
	if (!bb_db_in_transaction(db))
		return bb_why(db, BB_DB_ERROR,
		    "an attach needs a transaction of its caller");
	r = bb_sql_enter(db, true, &scope);
	if (r != BB_DB_OK)
		return r;
	r = check_attach(db, row, told);
	if (r == BB_DB_OK)
		r = attach(db, row);
	return bb_sql_leave(db, &scope, r);
}
