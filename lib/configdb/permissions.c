/* Permissions: which user may use which service, and under which account of
 * the IM server. */
#include <string.h>

#include "configdb/config.h"
#include "configdb/sql.h"

#include "base/cc.h"

enum {
	Q_ADD,
	Q_GET,
	Q_EACH,
	Q_REMOVE,
	Q_HAS_USER,
	Q_HAS_SERVICE,
	Q_HOLDER,
	Q_LEN
};
static const char *const sql[Q_LEN] = {
	[Q_ADD] = "INSERT INTO permission (user, service, account)"
		  " VALUES (?1, ?2, ?3)",
	[Q_GET] = "SELECT user, service, account FROM permission"
		  " WHERE user = ?1 AND service = ?2",
	[Q_EACH] = "SELECT user, service, account FROM permission"
		   " WHERE (?1 IS NULL OR user = ?1)"
		   " AND (?2 IS NULL OR service = ?2) ORDER BY user, service",
	[Q_REMOVE] = "DELETE FROM permission WHERE user = ?1 AND service = ?2",
	[Q_HAS_USER] = "SELECT 1 FROM user WHERE name = ?1",
	[Q_HAS_SERVICE] = "SELECT 1 FROM service WHERE name = ?1",
	[Q_HOLDER] = "SELECT 1 FROM permission"
		     " WHERE service = ?1 AND account = ?2",
};
static const struct bb_sql_table table = { BB_SQL_PERMISSIONS, Q_LEN, sql };

static void
read_permission(sqlite3_stmt *row, struct bb_permission *out)
{
	memset(out, 0, sizeof(*out));
	bb_col_text(row, 0, out->user, sizeof(out->user));
	bb_col_text(row, 1, out->service, sizeof(out->service));
	bb_col_text(row, 2, out->account, sizeof(out->account));
}

static enum bb_db_result
add(struct bb_db *db, const char *user, const char *service,
    const char *account)
{
	int64_t there;
	struct bb_permission old;
	enum bb_db_result r;

	r = bb_sql_int(db, &table, Q_HAS_USER, &there, BB_ARGS(BB_T(user)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such user");
	if (r != BB_DB_OK)
		return r;
	r = bb_sql_int(db, &table, Q_HAS_SERVICE, &there,
	    BB_ARGS(BB_T(service)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such service");
	if (r != BB_DB_OK)
		return r;
	r = bb_permission_get(db, user, service, &old);
	if (r == BB_DB_OK)
		return bb_why(db, BB_DB_EXISTS, "is there already");
	if (r != BB_DB_NONE)
		return r;
	r = bb_sql_int(db, &table, Q_HOLDER, &there,
	    BB_ARGS(BB_T(service), BB_T(account)));
	if (r == BB_DB_OK)
		return bb_why(db, BB_DB_REFUSED,
		    "another user has that account there");
	if (r != BB_DB_NONE)
		return r;
	return bb_sql_run(db, &table, Q_ADD,
	    BB_ARGS(BB_T(user), BB_T(service), BB_T(account)));
}

enum bb_db_result
bb_permission_add(struct bb_db *db, const char *user, const char *service,
    const char *account)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, true, &scope);

	if (r != BB_DB_OK)
		return r;
	r = add(db, user, service, account == NULL ? user : account);
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_permission_get(struct bb_db *db, const char *user, const char *service,
    struct bb_permission *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_GET, &row,
	    BB_ARGS(BB_T(user), BB_T(service)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, "no such permission");
	if (r == BB_DB_OK) {
		read_permission(row, out);
		bb_sql_done(row);
	}
	return r;
}

struct each_permission {
	bool (*each)(void *ctx, const struct bb_permission *permission);
	void *ctx;
};

static bool
permission_row(void *ctx, sqlite3_stmt *row)
{
	struct each_permission *e = ctx;
	struct bb_permission permission;

	read_permission(row, &permission);
	return e->each(e->ctx, &permission);
}

enum bb_db_result
bb_permission_each(struct bb_db *db, const char *user, const char *service,
    bool (*each)(void *ctx, const struct bb_permission *permission), void *ctx)
{
	struct each_permission e = { each, ctx };

	return bb_sql_each(db, &table, Q_EACH, permission_row, &e,
	    BB_ARGS(BB_T(user), BB_T(service)));
}

enum bb_db_result
bb_permission_remove(struct bb_db *db, const char *user, const char *service)
{
	return bb_sql_write(db, true, &table, Q_REMOVE,
	    BB_ARGS(BB_T(user), BB_T(service)), BB_DB_NONE,
	    "no such permission");
}
