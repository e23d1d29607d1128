/* Looks a whole store over: pages, indexes, rows that need each other, and the
 * counters that triggers keep. */
#include <string.h>

#include "configdb/sql.h"

#include "base/cc.h"

enum { Q_INTEGRITY, Q_FOREIGN, Q_COUNTERS, Q_LEN };
static const char *const sql[Q_LEN] = {
	[Q_INTEGRITY] = "PRAGMA integrity_check(1)",
	[Q_FOREIGN] = "PRAGMA foreign_key_check",
	[Q_COUNTERS] = "SELECT 1 FROM service WHERE open_sessions <>"
		       " (SELECT count(*) FROM session WHERE service = name) "
		       "UNION ALL "
		       "SELECT 1 FROM owner_service AS o WHERE open_sessions <>"
		       " (SELECT count(*) FROM session AS s"
		       "  WHERE s.owner = o.owner AND s.service = o.service)",
};
static const struct bb_sql_table table = { BB_SQL_CHECK, Q_LEN, sql };

struct finding {
	struct bb_db *db;
	enum bb_db_result r;
};

static bool
integrity_row(void *ctx, sqlite3_stmt *row)
{
	struct finding *f = ctx;
	char text[256];

	bb_col_text(row, 0, text, sizeof(text));
	if (strcmp(text, "ok") != 0)
		f->r = bb_why(f->db, BB_DB_ERROR, "%s: is damaged: %s",
		    f->db->path, text);
	return false;
}

static bool
foreign_row(void *ctx, sqlite3_stmt *row)
{
	struct finding *f = ctx;
	char from[64], to[64];

	bb_col_text(row, 0, from, sizeof(from));
	bb_col_text(row, 2, to, sizeof(to));
	f->r = bb_why(f->db, BB_DB_ERROR,
	    "%s: is damaged: a row of table %s needs one of %s that is missing",
	    f->db->path, from, to);
	return false;
}

static bool
counter_row(void *ctx, sqlite3_stmt *row)
{
	struct finding *f = ctx;

	(void)row;
	f->r = bb_why(f->db, BB_DB_ERROR,
	    "%s: is damaged: a counter of open sessions is wrong", f->db->path);
	return false;
}

enum bb_db_result
bb_db_check(struct bb_db *db)
{
	static const struct {
		int id;
		bool config_only;
		bool (*row)(void *ctx, sqlite3_stmt *row);
	} steps[] = {
		{ Q_INTEGRITY, false, integrity_row },
		{ Q_FOREIGN, false, foreign_row },
		{ Q_COUNTERS, true, counter_row },
	};
	struct finding f = { db, BB_DB_OK };
	enum bb_db_result r;
	size_t i;

	for (i = 0; i < BB_LEN(steps) && f.r == BB_DB_OK; i++) {
		if (steps[i].config_only && db->store != BB_CONFIG_STORE)
			continue;
		r = bb_sql_each(db, &table, steps[i].id, steps[i].row, &f,
		    BB_NO_ARGS);
		if (r != BB_DB_OK)
			return r;
	}
	return f.r;
}
