/* IM services: what they are and where, and the numbers that hold for them. */
#include <string.h>

#include "configdb/config.h"
#include "configdb/sql.h"

#include "base/cc.h"

/* The columns of read_service; the limits in the order of enum bb_limit. */
#define SERVICE \
	"SELECT name, type, host, port, blocked, open_sessions," \
	" max_sessions, idle_timeout, inactivity_timeout, status_interval," \
	" api_max, lease_grace, scrypt_cost FROM service "
#define LIMIT_COLUMN 6

enum { Q_ADD, Q_GET, Q_ALL, Q_BLOCK, Q_REMOVE, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_ADD] = "INSERT INTO service (name, type, host, port)"
		  " VALUES (?1, ?2, ?3, ?4)",
	[Q_GET] = SERVICE "WHERE name = ?1",
	[Q_ALL] = SERVICE "ORDER BY name",
	[Q_BLOCK] = "UPDATE service SET blocked = ?2 WHERE name = ?1",
	[Q_REMOVE] = "DELETE FROM service WHERE name = ?1",
};
static const struct bb_sql_table table = { BB_SQL_SERVICES, Q_LEN, sql };

static const char no_service[] = "no such service";

static void
read_service(sqlite3_stmt *row, struct bb_service *out)
{
	const struct bb_limit_info *info;
	int i;

	memset(out, 0, sizeof(*out));
	bb_col_text(row, 0, out->name, sizeof(out->name));
	bb_col_text(row, 1, out->type, sizeof(out->type));
	bb_col_text(row, 2, out->host, sizeof(out->host));
	out->port = (int)bb_col_int(row, 3);
	out->blocked = bb_col_bool(row, 4);
	out->open_sessions = bb_col_int(row, 5);
	for (i = 0; i < BB_LIMIT_COUNT; i++) {
		info = &bb_limits[i];
		out->limit[i] = bb_col_int_or(row, LIMIT_COLUMN + i,
		    info->has_default ? info->default_value : BB_LIMIT_UNSET);
	}
}

enum bb_db_result
bb_service_add(struct bb_db *db, const char *name, const char *type,
    const char *host, int port)
{
	return bb_sql_write(db, true, &table, Q_ADD,
	    BB_ARGS(BB_T(name), BB_T(type), BB_T(host == NULL ? "" : host),
		BB_I(port)),
	    BB_DB_ERROR, "nothing was added");
}

enum bb_db_result
bb_service_get(struct bb_db *db, const char *name, struct bb_service *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	memset(out, 0, sizeof(*out));
	r = bb_sql_row(db, &table, Q_GET, &row, BB_ARGS(BB_T(name)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, no_service);
	if (r == BB_DB_OK) {
		read_service(row, out);
		bb_sql_done(row);
	}
	return r;
}

struct each_service {
	bool (*each)(void *ctx, const struct bb_service *service);
	void *ctx;
};

static bool
service_row(void *ctx, sqlite3_stmt *row)
{
	struct each_service *e = ctx;
	struct bb_service service;

	read_service(row, &service);
	return e->each(e->ctx, &service);
}

enum bb_db_result
bb_service_each(struct bb_db *db,
    bool (*each)(void *ctx, const struct bb_service *service), void *ctx)
{
	struct each_service e = { each, ctx };

	return bb_sql_each(db, &table, Q_ALL, service_row, &e, BB_NO_ARGS);
}

enum bb_db_result
bb_service_block(struct bb_db *db, const char *name, bool blocked)
{
	return bb_sql_write(db, true, &table, Q_BLOCK,
	    BB_ARGS(BB_T(name), BB_I(blocked)), BB_DB_NONE, no_service);
}

enum bb_db_result
bb_service_remove(struct bb_db *db, const char *name)
{
	struct bb_service service;
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, true, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_service_get(db, name, &service);
	if (r == BB_DB_OK && service.open_sessions > 0)
		r = bb_why(db, BB_DB_REFUSED,
		    "has open sessions (%lld); end them first",
		    (long long)service.open_sessions);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_REMOVE, BB_ARGS(BB_T(name)));
	return bb_sql_leave(db, &scope, r);
}
