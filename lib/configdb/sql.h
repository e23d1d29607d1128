/* Inside of this room only: an open store, how SQL is run, and how its answers
 * become ours.  No other room includes it. */
#ifndef BB_CONFIGDB_SQL_H
#define BB_CONFIGDB_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "configdb/config.h"
#include "configdb/db.h"

/* A file of statements has a table of them; the statements of a table are
 * prepared when first used and kept until the store is closed. */
enum bb_sql_topic {
	BB_SQL_TX,
	BB_SQL_CHECK,
	BB_SQL_DEVICES,
	BB_SQL_DEVKEYS,
	BB_SQL_USERS,
	BB_SQL_SERVICES,
	BB_SQL_LIMITS,
	BB_SQL_PERMISSIONS,
	BB_SQL_OWNERS,
	BB_SQL_FACTS,
	BB_SQL_ADMIT,
	BB_SQL_NUMBERING,
	BB_SQL_SESSIONS,
	BB_SQL_RESUME,
	BB_SQL_SESSION_LIST,
	BB_SQL_WAITING,
	BB_SQL_DELIVER,
	BB_SQL_SPOOL,
	BB_SQL_NEWS,
	BB_SQL_TOPICS
};
#define BB_SQL_TOPIC_MAX 16

struct bb_sql_table {
	enum bb_sql_topic topic;
	int len; /* at most BB_SQL_TOPIC_MAX */
	const char *const *sql;
};

struct bb_db {
	sqlite3 *handle;
	enum bb_store store;
	int version;    /* of the schema that we were opened with */
	bool full_sync; /* what PRAGMA synchronous was set to last */
	bool sync_known;
	int64_t patience_ms;   /* how long this begin waits for the lock */
	int64_t busy_until_us; /* bb_clock_us; end of that */
	int failed_exit; /* exit status that fits the last failure of SQLite */
	char *path;
	char why[BB_DB_WHY_MAX];
	/* who we are, asked for once: see lease.c */
	char boot[BB_BOOT_ID_MAX];
	char host[BB_HOST_MAX];
	sqlite3_stmt *cached[BB_SQL_TOPICS][BB_SQL_TOPIC_MAX];
};

/* --- Values that are bound to ?1, ?2 ... in order ------------------------- */

enum bb_arg_type { BB_ARG_NULL, BB_ARG_INT, BB_ARG_TEXT, BB_ARG_BLOB };

/* Borrowed until the statement has run. */
struct bb_arg {
	enum bb_arg_type type;
	int64_t number;
	const void *bytes;
	size_t len;
};

#define BB_I(v) ((struct bb_arg){ .type = BB_ARG_INT, .number = (int64_t)(v) })
/* A NULL pointer is SQL's NULL. */
#define BB_T(text) ((struct bb_arg){ .type = BB_ARG_TEXT, .bytes = (text) })
#define BB_B(mem, mem_len) \
	((struct bb_arg){ .type = BB_ARG_BLOB, \
	    .bytes = (mem), \
	    .len = (mem_len) })
/* 64 unsigned bits are kept as the signed number with the same bits. */
#define BB_U(v) BB_I((int64_t)(v))
/* BB_UNLIMITED and BB_LIMIT_UNSET (both -1) are NULL in the store. */
#define BB_I_OR_NULL(v) \
	((struct bb_arg){ .type = (v) < 0 ? BB_ARG_NULL : BB_ARG_INT, \
	    .number = (v) })

struct bb_args {
	const struct bb_arg *at;
	int len;
};
#define BB_ARGS(...) \
	((struct bb_args){ (const struct bb_arg[]){ __VA_ARGS__ }, \
	    (int)BB_LEN(((const struct bb_arg[]){ __VA_ARGS__ })) })
#define BB_NO_ARGS ((struct bb_args){ NULL, 0 })

/* --- Running -------------------------------------------------------------- */

/* A statement without rows.  OK whatever it changed (bb_sql_changes); EXISTS
 * when a key or unique index is taken; REFUSED when another rule of the schema
 * is broken. */
enum bb_db_result bb_sql_run(struct bb_db *db, const struct bb_sql_table *table,
    int id, struct bb_args args);
int64_t bb_sql_changes(const struct bb_db *db);
/* The same, where changing nothing is an answer: that answer, with why. */
enum bb_db_result bb_sql_run_or(struct bb_db *db,
    const struct bb_sql_table *table, int id, struct bb_args args,
    enum bb_db_result unchanged, const char *why);

/* One row.  OK: *row stands on it, until bb_sql_done.  NONE: no row, nothing to
 * be done. */
enum bb_db_result bb_sql_row(struct bb_db *db, const struct bb_sql_table *table,
    int id, sqlite3_stmt **row, struct bb_args args);
void bb_sql_done(sqlite3_stmt *row);
/* The first column of one row; NONE as above. */
enum bb_db_result bb_sql_int(struct bb_db *db, const struct bb_sql_table *table,
    int id, int64_t *out, struct bb_args args);

/* Calls `each` per row until it returns false.  No other call uses the
 * statement meanwhile, so `each` may do anything with the store but close it.
 */
enum bb_db_result bb_sql_each(struct bb_db *db,
    const struct bb_sql_table *table, int id,
    bool (*each)(void *ctx, sqlite3_stmt *row), void *ctx, struct bb_args args);

/* Runs a text of statements that take no values. */
enum bb_db_result bb_sql_script(struct bb_db *db, const char *text);

/* Columns.  A text is cut at what fits; a blob of another length than len makes
 * zeros. */
int64_t bb_col_int(sqlite3_stmt *row, int col);
int64_t bb_col_int_or(sqlite3_stmt *row, int col, int64_t when_null);
uint64_t bb_col_u64(sqlite3_stmt *row, int col);
bool bb_col_bool(sqlite3_stmt *row, int col);
void bb_col_text(sqlite3_stmt *row, int col, char *out, size_t out_size);
void bb_col_blob(sqlite3_stmt *row, int col, void *out, size_t len);

/* --- Answers -------------------------------------------------------------- */

/* Sets why and returns result. */
enum bb_db_result bb_why(struct bb_db *db, enum bb_db_result result,
    const char *fmt, ...) BB_PRINTF(3, 4);
/* The answer for what SQLite said last; why names the file, never a value. */
enum bb_db_result bb_sql_fail(struct bb_db *db, int rc);

/* --- Transactions --------------------------------------------------------- */

/* A function that writes stands between enter and leave.  Alone it has its own
 * transaction; within the caller's it has a savepoint, so that any answer but
 * OK leaves nothing of it behind. */
struct bb_scope {
	bool joined;
};
enum bb_db_result bb_sql_enter(struct bb_db *db, bool durable,
    struct bb_scope *scope) BB_NODISCARD;
/* Commits, or undoes when r is not OK.  Returns r, or why it cannot. */
enum bb_db_result bb_sql_leave(struct bb_db *db, const struct bb_scope *scope,
    enum bb_db_result r) BB_NODISCARD;
/* One statement between enter and leave. */
enum bb_db_result bb_sql_write(struct bb_db *db, bool durable,
    const struct bb_sql_table *table, int id, struct bb_args args,
    enum bb_db_result unchanged, const char *why);
/* Several reads of one state of the store; joins an open transaction. */
enum bb_db_result bb_sql_enter_read(struct bb_db *db, struct bb_scope *scope)
    BB_NODISCARD;
void bb_sql_leave_read(struct bb_db *db, const struct bb_scope *scope);

/* SQLite's busy handler; ctx is the store. */
int bb_sql_busy(void *ctx, int tries);

/* --- Schemas -------------------------------------------------------------- */

/* What brings a schema to its next version: texts that run in order (one text
 * would be longer than C promises to take), the rest NULL. */
#define BB_SCRIPT_TEXTS 6
struct bb_script {
	const char *text[BB_SCRIPT_TEXTS];
};
/* scripts[v] brings version v to v + 1. */
struct bb_schema {
	const char *kind; /* "device store" */
	int application_id;
	int version; /* how many scripts there are */
	const struct bb_script *scripts;
};
extern const struct bb_schema bb_schema_devices;
extern const struct bb_schema bb_schema_config;
const struct bb_schema *bb_schema_of(enum bb_store store);

/* Runs what is missing of `scripts` in one durable transaction; on any failure
 * the store stays at the version that it had. */
enum bb_db_result bb_db_migrate_with(struct bb_db *db,
    const struct bb_script scripts[], int len);

#endif
