/* Prepares, binds and steps statements, and says in our words what SQLite
 * answered. */
#include "configdb/sql.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

#include "base/cc.h"

enum bb_db_result
bb_why(struct bb_db *db, enum bb_db_result result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(db->why, sizeof(db->why), fmt, ap);
	va_end(ap);
	return result;
}

/* A rule of the schema: the names of tables and columns in SQLite's message
 * are ours, it holds no values. */
static enum bb_db_result
broken_rule(struct bb_db *db, int rc)
{
	if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_ROWID ||
	    rc == SQLITE_CONSTRAINT_PRIMARYKEY)
		return bb_why(db, BB_DB_EXISTS, "is there already");
	if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return bb_why(db, BB_DB_REFUSED,
		    "another row needs it, or it needs a row that is missing");
	return bb_why(db, BB_DB_REFUSED, "breaks a rule of the store: %s",
	    sqlite3_errmsg(db->handle));
}

static enum bb_db_result
broken_disk(struct bb_db *db)
{
	int err = sqlite3_system_errno(db->handle);

	if (err == 0)
		return bb_why(db, BB_DB_ERROR, "%s: %s", db->path,
		    sqlite3_errmsg(db->handle));
	return bb_why(db, BB_DB_ERROR, "%s: %s: %s", db->path,
	    sqlite3_errmsg(db->handle), strerror(err));
}

/* Whether it may go away by itself. */
static int
failed_exit(struct bb_db *db, int rc)
{
	int err = sqlite3_system_errno(db->handle);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_NOMEM:
		return BB_EXIT_TEMP;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return err == 0 ? BB_EXIT_TEMP : bb_errno_exit(err);
	default:
		return BB_EXIT_USAGE;
	}
}

enum bb_db_result
bb_sql_fail(struct bb_db *db, int rc)
{
	db->failed_exit = failed_exit(db, rc);
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return bb_why(db, BB_DB_BUSY,
		    "%s: another process has held the lock for too long",
		    db->path);
	case SQLITE_CONSTRAINT:
		return broken_rule(db, rc);
	case SQLITE_CORRUPT:
		return bb_why(db, BB_DB_ERROR,
		    "%s: is damaged (run bbsession db check)", db->path);
	case SQLITE_NOTADB:
		return bb_why(db, BB_DB_ERROR, "%s: is not a database",
		    db->path);
	case SQLITE_FULL:
		return bb_why(db, BB_DB_ERROR, "%s: no space left on its disk",
		    db->path);
	case SQLITE_NOMEM:
		return bb_why(db, BB_DB_ERROR, "%s: out of memory", db->path);
	default:
		return broken_disk(db);
	}
}

static int
prepare(struct bb_db *db, const char *text, unsigned flags, sqlite3_stmt **out)
{
	return sqlite3_prepare_v3(db->handle, text, -1, flags, out, NULL);
}

static enum bb_db_result
cached(struct bb_db *db, const struct bb_sql_table *table, int id,
    sqlite3_stmt **out)
{
	sqlite3_stmt **slot = &db->cached[table->topic][id];
	int rc;

	assert(table->len <= BB_SQL_TOPIC_MAX && id < table->len);
	if (*slot == NULL) {
		rc = prepare(db, table->sql[id], SQLITE_PREPARE_PERSISTENT,
		    slot);
		if (rc != SQLITE_OK)
			return bb_sql_fail(db, rc);
	}
	*out = *slot;
	return BB_DB_OK;
}

static int
bind_one(sqlite3_stmt *stmt, int at, const struct bb_arg *arg)
{
	if (arg->type == BB_ARG_INT)
		return sqlite3_bind_int64(stmt, at, arg->number);
	if (arg->type == BB_ARG_NULL || arg->bytes == NULL)
		return sqlite3_bind_null(stmt, at);
	if (arg->type == BB_ARG_TEXT)
		return sqlite3_bind_text(stmt, at, arg->bytes, -1,
		    SQLITE_STATIC);
	return sqlite3_bind_blob64(stmt, at, arg->bytes, arg->len,
	    SQLITE_STATIC);
}

static enum bb_db_result
bind(struct bb_db *db, sqlite3_stmt *stmt, struct bb_args args)
{
	int i, rc;

	assert(sqlite3_bind_parameter_count(stmt) == args.len);
	for (i = 0; i < args.len; i++) {
		rc = bind_one(stmt, i + 1, &args.at[i]);
		if (rc != SQLITE_OK)
			return bb_sql_fail(db, rc);
	}
	return BB_DB_OK;
}

void
bb_sql_done(sqlite3_stmt *row)
{
	(void)sqlite3_reset(row);
	(void)sqlite3_clear_bindings(row);
}

enum bb_db_result
bb_sql_row(struct bb_db *db, const struct bb_sql_table *table, int id,
    sqlite3_stmt **row, struct bb_args args)
{
	enum bb_db_result r;
	int rc;

	*row = NULL;
	r = cached(db, table, id, row);
	if (r != BB_DB_OK)
		return r;
	r = bind(db, *row, args);
	if (r == BB_DB_OK) {
		rc = sqlite3_step(*row);
		if (rc == SQLITE_ROW)
			return BB_DB_OK;
		r = rc == SQLITE_DONE ? BB_DB_NONE : bb_sql_fail(db, rc);
	}
	bb_sql_done(*row);
	*row = NULL;
	return r;
}

enum bb_db_result
bb_sql_run(struct bb_db *db, const struct bb_sql_table *table, int id,
    struct bb_args args)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, table, id, &row, args);
	if (r == BB_DB_OK)
		bb_sql_done(row);
	return r == BB_DB_NONE ? BB_DB_OK : r;
}

int64_t
bb_sql_changes(const struct bb_db *db)
{
	return sqlite3_changes64(db->handle);
}

enum bb_db_result
bb_sql_run_or(struct bb_db *db, const struct bb_sql_table *table, int id,
    struct bb_args args, enum bb_db_result unchanged, const char *why)
{
	enum bb_db_result r = bb_sql_run(db, table, id, args);

	if (r == BB_DB_OK && bb_sql_changes(db) == 0)
		return bb_why(db, unchanged, "%s", why);
	return r;
}

enum bb_db_result
bb_sql_int(struct bb_db *db, const struct bb_sql_table *table, int id,
    int64_t *out, struct bb_args args)
{
	sqlite3_stmt *row;
	enum bb_db_result r;

	r = bb_sql_row(db, table, id, &row, args);
	if (r == BB_DB_OK) {
		*out = bb_col_int(row, 0);
		bb_sql_done(row);
	}
	return r;
}

/* The cached one, or a new one where that stands on a row already: somebody
 * further up the stack goes through the same rows. */
static enum bb_db_result
prepare_each(struct bb_db *db, const struct bb_sql_table *table, int id,
    sqlite3_stmt **out, bool *own)
{
	int rc;

	*own = sqlite3_stmt_busy(db->cached[table->topic][id]) != 0;
	if (!*own)
		return cached(db, table, id, out);
	rc = prepare(db, table->sql[id], 0, out);
	return rc == SQLITE_OK ? BB_DB_OK : bb_sql_fail(db, rc);
}

enum bb_db_result
bb_sql_each(struct bb_db *db, const struct bb_sql_table *table, int id,
    bool (*each)(void *ctx, sqlite3_stmt *row), void *ctx, struct bb_args args)
{
	sqlite3_stmt *stmt = NULL;
	enum bb_db_result r;
	bool own;
	int rc;

	r = prepare_each(db, table, id, &stmt, &own);
	if (r != BB_DB_OK)
		return r;
	r = bind(db, stmt, args);
	while (r == BB_DB_OK) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_DONE || (rc == SQLITE_ROW && !each(ctx, stmt)))
			break;
		if (rc != SQLITE_ROW)
			r = bb_sql_fail(db, rc);
	}
	if (own)
		(void)sqlite3_finalize(stmt);
	else
		bb_sql_done(stmt);
	return r;
}

enum bb_db_result
bb_sql_script(struct bb_db *db, const char *text)
{
	int rc = sqlite3_exec(db->handle, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? BB_DB_OK : bb_sql_fail(db, rc);
}

int64_t
bb_col_int(sqlite3_stmt *row, int col)
{
	return sqlite3_column_int64(row, col);
}

int64_t
bb_col_int_or(sqlite3_stmt *row, int col, int64_t when_null)
{
	if (sqlite3_column_type(row, col) == SQLITE_NULL)
		return when_null;
	return sqlite3_column_int64(row, col);
}

/* The store keeps 64 unsigned bits as the signed number with the same bits. */
uint64_t
bb_col_u64(sqlite3_stmt *row, int col)
{
	return (uint64_t)sqlite3_column_int64(row, col);
}

bool
bb_col_bool(sqlite3_stmt *row, int col)
{
	return sqlite3_column_int64(row, col) != 0;
}

/* Never cuts within a character: what is shown must stay UTF-8. */
void
bb_col_text(sqlite3_stmt *row, int col, char *out, size_t out_size)
{
	const unsigned char *text = sqlite3_column_text(row, col);
	size_t len = 0;

	if (text != NULL) {
		len = strnlen((const char *)text, out_size);
		if (len == out_size) {
			len--;
			while (len > 0 && (text[len] & 0xC0) == 0x80)
				len--;
		}
		memcpy(out, text, len);
	}
	out[len] = '\0';
}

void
bb_col_blob(sqlite3_stmt *row, int col, void *out, size_t len)
{
	const void *blob = sqlite3_column_blob(row, col);

	memset(out, 0, len);
	if (blob != NULL && (size_t)sqlite3_column_bytes(row, col) == len)
		memcpy(out, blob, len);
}
