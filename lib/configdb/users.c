/* Users of the gateway: who may log in at all, and the verifiers of local
 * passwords. */
#include <string.h>

#include "base/clock.h"
#include "configdb/config.h"
#include "configdb/sql.h"

#include "base/cc.h"

/* The columns of read_user. */
#define USER "SELECT name, blocked, verifier IS NOT NULL, created FROM user "

enum {
	Q_ADD,
	Q_GET,
	Q_ALL,
	Q_BLOCK,
	Q_SET_VERIFIER,
	Q_VERIFIER,
	Q_SESSIONS,
	Q_REMOVE,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_ADD] = "INSERT INTO user (name, verifier, created)"
		  " VALUES (?1, ?2, ?3)",
	[Q_GET] = USER "WHERE name = ?1",
	[Q_ALL] = USER "ORDER BY name",
	[Q_BLOCK] = "UPDATE user SET blocked = ?2 WHERE name = ?1",
	[Q_SET_VERIFIER] = "UPDATE user SET verifier = ?2 WHERE name = ?1",
	[Q_VERIFIER] = "SELECT verifier FROM user"
		       " WHERE name = ?1 AND verifier IS NOT NULL",
	[Q_SESSIONS] = "SELECT count(*) FROM session WHERE user = ?1",
	[Q_REMOVE] = "DELETE FROM user WHERE name = ?1",
};
static const struct bb_sql_table table = { BB_SQL_USERS, Q_LEN, sql };

static const char no_user[] = "no such user";

static void
read_user(sqlite3_stmt *row, struct bb_user *out)
{
	memset(out, 0, sizeof(*out));
	bb_col_text(row, 0, out->name, sizeof(out->name));
	out->blocked = bb_col_bool(row, 1);
	out->has_password = bb_col_bool(row, 2);
	out->created_s = bb_col_int(row, 3);
}

enum bb_db_result
bb_user_add(struct bb_db *db, const char *name, const char *verifier)
{
	return bb_sql_write(db, true, &table, Q_ADD,
	    BB_ARGS(BB_T(name), BB_T(verifier), BB_I(bb_clock_wall_s())),
	    BB_DB_ERROR, "nothing was added");
}

enum bb_db_result
bb_user_get(struct bb_db *db, const char *name, struct bb_user *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_GET, &row, BB_ARGS(BB_T(name)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, no_user);
	if (r == BB_DB_OK) {
		read_user(row, out);
		bb_sql_done(row);
	}
	return r;
}

struct each_user {
	bool (*each)(void *ctx, const struct bb_user *user);
	void *ctx;
};

static bool
user_row(void *ctx, sqlite3_stmt *row)
{
	struct each_user *e = ctx;
	struct bb_user user;

	read_user(row, &user);
	return e->each(e->ctx, &user);
}

enum bb_db_result
bb_user_each(struct bb_db *db,
    bool (*each)(void *ctx, const struct bb_user *user), void *ctx)
{
	struct each_user e = { each, ctx };

	return bb_sql_each(db, &table, Q_ALL, user_row, &e, BB_NO_ARGS);
}

enum bb_db_result
bb_user_block(struct bb_db *db, const char *name, bool blocked)
{
	return bb_sql_write(db, true, &table, Q_BLOCK,
	    BB_ARGS(BB_T(name), BB_I(blocked)), BB_DB_NONE, no_user);
}

enum bb_db_result
bb_user_set_verifier(struct bb_db *db, const char *name, const char *verifier)
{
	return bb_sql_write(db, true, &table, Q_SET_VERIFIER,
	    BB_ARGS(BB_T(name), BB_T(verifier)), BB_DB_NONE, no_user);
}

enum bb_db_result
bb_user_verifier(struct bb_db *db, const char *name, char out[BB_VERIFIER_MAX])
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_VERIFIER, &row, BB_ARGS(BB_T(name)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such user, or no password");
	if (r == BB_DB_OK) {
		bb_col_text(row, 0, out, BB_VERIFIER_MAX);
		bb_sql_done(row);
	}
	return r;
}

enum bb_db_result
bb_user_remove(struct bb_db *db, const char *name)
{
	struct bb_scope scope;
	int64_t open = 0;
	enum bb_db_result r = bb_sql_enter(db, true, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_int(db, &table, Q_SESSIONS, &open, BB_ARGS(BB_T(name)));
	if (r == BB_DB_OK && open > 0)
		r = bb_why(db, BB_DB_REFUSED,
		    "has open sessions (%lld); end them first",
		    (long long)open);
	if (r == BB_DB_OK)
		r = bb_sql_run_or(db, &table, Q_REMOVE, BB_ARGS(BB_T(name)),
		    BB_DB_NONE, no_user);
	return bb_sql_leave(db, &scope, r);
}
