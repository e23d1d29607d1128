/* Devices: which PINs there are, whose they are, which are blocked. */
#include "configdb/devices.h"

#include <string.h>

#include "base/clock.h"
#include "configdb/sql.h"

#include "base/cc.h"

/* The columns of read_device. */
#define DEVICE \
	"SELECT d.pin, d.user, d.blocked, d.att, d.created, k.since, k.kid " \
	"FROM device AS d LEFT JOIN devkey AS k" \
	" ON k.pin = d.pin AND k.role = 'current' "

enum { Q_ADD, Q_ADD_KEY, Q_GET, Q_ALL, Q_BLOCK, Q_REMOVE, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_ADD] = "INSERT INTO device (pin, user, created) VALUES (?1, ?2, ?3)",
	[Q_ADD_KEY] = "INSERT INTO devkey (pin, kid, role, base, since) "
		      "VALUES (?1, ?2, 'current', ?3, ?4)",
	[Q_GET] = DEVICE "WHERE d.pin = ?1",
	[Q_ALL] = DEVICE "WHERE ?1 IS NULL OR d.user = ?1 ORDER BY d.pin",
	[Q_BLOCK] = "UPDATE device SET blocked = ?2 WHERE pin = ?1",
	[Q_REMOVE] = "DELETE FROM device WHERE pin = ?1",
};
static const struct bb_sql_table table = { BB_SQL_DEVICES, Q_LEN, sql };

static const char no_device[] = "no such device";

static void
read_device(sqlite3_stmt *row, struct bb_device *out)
{
	memset(out, 0, sizeof(*out));
	out->pin = (uint32_t)bb_col_int(row, 0);
	bb_col_text(row, 1, out->user, sizeof(out->user));
	out->blocked = bb_col_bool(row, 2);
	out->att = (uint32_t)bb_col_int(row, 3);
	out->created_s = bb_col_int(row, 4);
	out->key_s = bb_col_int(row, 5);
	bb_col_blob(row, 6, out->kid, sizeof(out->kid));
}

enum bb_db_result
bb_device_add(struct bb_db *db, uint32_t pin, const char *user,
    const uint8_t kid[BB_KID_LEN], const uint8_t base[BB_BASE_KEY_LEN])
{
	const int64_t now_s = bb_clock_wall_s();
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, true, &scope);

	if (r != BB_DB_OK)
		return r;
	r = bb_sql_run(db, &table, Q_ADD,
	    BB_ARGS(BB_I(pin), BB_T(user), BB_I(now_s)));
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, Q_ADD_KEY,
		    BB_ARGS(BB_I(pin), BB_B(kid, BB_KID_LEN),
			BB_B(base, BB_BASE_KEY_LEN), BB_I(now_s)));
	return bb_sql_leave(db, &scope, r);
}

enum bb_db_result
bb_device_get(struct bb_db *db, uint32_t pin, struct bb_device *out)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, &table, Q_GET, &row, BB_ARGS(BB_I(pin)));
	if (r == BB_DB_NONE)
		return bb_why(db, r, no_device);
	if (r == BB_DB_OK) {
		read_device(row, out);
		bb_sql_done(row);
	}
	return r;
}

struct each_device {
	bool (*each)(void *ctx, const struct bb_device *device);
	void *ctx;
};

static bool
device_row(void *ctx, sqlite3_stmt *row)
{
	struct each_device *e = ctx;
	struct bb_device device;

	read_device(row, &device);
	return e->each(e->ctx, &device);
}

enum bb_db_result
bb_device_each(struct bb_db *db, const char *user,
    bool (*each)(void *ctx, const struct bb_device *device), void *ctx)
{
	struct each_device e = { each, ctx };

	return bb_sql_each(db, &table, Q_ALL, device_row, &e,
	    BB_ARGS(BB_T(user)));
}

enum bb_db_result
bb_device_block(struct bb_db *db, uint32_t pin, bool blocked)
{
	return bb_sql_write(db, true, &table, Q_BLOCK,
	    BB_ARGS(BB_I(pin), BB_I(blocked)), BB_DB_NONE, no_device);
}

enum bb_db_result
bb_device_remove(struct bb_db *db, uint32_t pin)
{
	return bb_sql_write(db, true, &table, Q_REMOVE, BB_ARGS(BB_I(pin)),
	    BB_DB_NONE, no_device);
}
