/* Opens and closes a store, and refuses what is not one, is too old or new, or
 * can be read by others. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "configdb/lease.h"
#include "configdb/sql.h"

#include "base/cc.h"

/* What opening came to: an exit status, and db->why. */
static int
refuse(struct bb_db *db, int status, const char *reason)
{
	(void)bb_why(db, BB_DB_ERROR, "%s: %s", db->path, reason);
	return status;
}

static int
result_exit(struct bb_db *db, enum bb_db_result r)
{
	return r == BB_DB_OK ? BB_EXIT_OK : db->failed_exit;
}

/* By path: closing a descriptor of ours would drop the locks that other
 * connections of this process hold (POSIX locks belong to the process). */
static int
check_file(struct bb_db *db)
{
	struct stat st;

	if (stat(db->path, &st) == -1) {
		if (errno == ENOENT)
			return refuse(db, BB_EXIT_USAGE,
			    "no such file; run bbsession db init");
		return refuse(db, bb_errno_exit(errno), strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return refuse(db, BB_EXIT_USAGE, "is not a file");
	if ((st.st_mode & 077) != 0) {
		(void)bb_why(db, BB_DB_ERROR,
		    "%s: is open to others (mode %04o); chmod 600 it", db->path,
		    (unsigned)(st.st_mode & 07777));
		return BB_EXIT_USAGE;
	}
	return BB_EXIT_OK;
}

static int
make_file(struct bb_db *db)
{
	int fd = open(db->path,
	    O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd == -1 && errno == EEXIST)
		return refuse(db, BB_EXIT_REFUSED, "exists already");
	if (fd == -1 || close(fd) == -1)
		return refuse(db, bb_errno_exit(errno), strerror(errno));
	return BB_EXIT_OK;
}

/* SQLite counts its memory under a lock at each malloc, which nobody asks for.
 * Before its first use in the process; later it is refused, and no harm done.
 */
static void
configure_sqlite(void)
{
	static bool done;

	if (!done)
		(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	done = true;
}

static int
connect_sqlite(struct bb_db *db)
{
	int rc;

	configure_sqlite();
	rc = sqlite3_open_v2(db->path, &db->handle,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	    NULL);
	if (db->handle == NULL)
		return refuse(db, BB_EXIT_TEMP, "out of memory");
	if (rc != SQLITE_OK) {
		return result_exit(db, bb_sql_fail(db, rc));
	}
	(void)sqlite3_busy_handler(db->handle, bb_sql_busy, db);
	return BB_EXIT_OK;
}

/* Before the first statement: a hostile file can do less. */
static int
set_safety(struct bb_db *db)
{
	static const struct {
		int option, on;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 1 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	};
	size_t i;
	int is;

	for (i = 0; i < BB_LEN(options); i++) {
		if (sqlite3_db_config(db->handle, options[i].option,
			options[i].on, &is) != SQLITE_OK ||
		    is != options[i].on)
			return refuse(db, BB_EXIT_BUG,
			    "this SQLite lacks a safety setting");
	}
	return BB_EXIT_OK;
}

static int
pragma_int(struct bb_db *db, const char *text, int *out)
{
	sqlite3_stmt *stmt = NULL;
	enum bb_db_result r = BB_DB_OK;
	int rc;

	rc = sqlite3_prepare_v2(db->handle, text, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(stmt, 0);
	else
		r = bb_sql_fail(db, rc);
	(void)sqlite3_finalize(stmt);
	return result_exit(db, r);
}

static int
wrong_kind(struct bb_db *db, int id)
{
	const struct bb_schema *want = bb_schema_of(db->store);
	const struct bb_schema *is = NULL;

	if (id == bb_schema_devices.application_id)
		is = &bb_schema_devices;
	else if (id == bb_schema_config.application_id)
		is = &bb_schema_config;
	if (is != NULL)
		(void)bb_why(db, BB_DB_ERROR, "%s: is a %s, not a %s", db->path,
		    is->kind, want->kind);
	else
		(void)bb_why(db, BB_DB_ERROR, "%s: is not a %s", db->path,
		    want->kind);
	return BB_EXIT_USAGE;
}

/* Reads only: a file that is none of ours is left as it is. */
static int
check_kind(struct bb_db *db)
{
	const struct bb_schema *schema = bb_schema_of(db->store);
	int status, id = 0;

	status = pragma_int(db, "PRAGMA application_id", &id);
	if (status != BB_EXIT_OK)
		return status;
	if (id != schema->application_id)
		return wrong_kind(db, id);
	status = pragma_int(db, "PRAGMA user_version", &db->version);
	if (status == BB_EXIT_OK && db->version > schema->version) {
		(void)bb_why(db, BB_DB_ERROR,
		    "%s: has schema version %d, newer than %d, the last that "
		    "this program knows",
		    db->path, db->version, schema->version);
		status = BB_EXIT_USAGE;
	}
	return status;
}

/* secure_delete: erased keys and messages are overwritten with zeros.  Rows on
 * their way never go to a temporary file. */
static int
set_modes(struct bb_db *db)
{
	sqlite3_stmt *stmt = NULL;
	char mode[16] = "";
	int rc;

	rc = sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode = WAL", -1,
	    &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		bb_col_text(stmt, 0, mode, sizeof(mode));
	(void)sqlite3_finalize(stmt);
	if (rc != SQLITE_ROW)
		return result_exit(db, bb_sql_fail(db, rc));
	if (strcmp(mode, "wal") != 0)
		return refuse(db, BB_EXIT_USAGE,
		    "cannot have a write-ahead log where it lies");
	return result_exit(db,
	    bb_sql_script(db, "PRAGMA secure_delete = ON;"
			      "PRAGMA cell_size_check = ON;"
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA journal_size_limit = 4194304;"));
}

static int
migrate(struct bb_db *db, enum bb_db_open how)
{
	const struct bb_schema *schema = bb_schema_of(db->store);
	char set[64];

	if (how == BB_DB_EXISTING && db->version < schema->version) {
		(void)bb_why(db, BB_DB_ERROR,
		    "%s: has schema version %d, older than %d; run bbsession "
		    "db migrate",
		    db->path, db->version, schema->version);
		return BB_EXIT_USAGE;
	}
	if (how == BB_DB_CREATE) {
		(void)snprintf(set, sizeof(set), "PRAGMA application_id = %d",
		    schema->application_id);
		if (bb_sql_script(db, set) != BB_DB_OK)
			return db->failed_exit;
	}
	return result_exit(db,
	    bb_db_migrate_with(db, schema->scripts, schema->version));
}

static int
open_store(struct bb_db *db, enum bb_db_open how)
{
	int status;

	if ((status = connect_sqlite(db)) != BB_EXIT_OK ||
	    (status = set_safety(db)) != BB_EXIT_OK)
		return status;
	if (how != BB_DB_CREATE && (status = check_kind(db)) != BB_EXIT_OK)
		return status;
	if ((status = set_modes(db)) != BB_EXIT_OK ||
	    (status = migrate(db, how)) != BB_EXIT_OK)
		return status;
	if (db->store == BB_CONFIG_STORE)
		return result_exit(db, bb_lease_prepare(db));
	return BB_EXIT_OK;
}

/* Of a store that could not be made nothing is left. */
static void
remove_files(const char *path)
{
	static const char *const tails[] = { "", "-wal", "-shm", "-journal" };
	size_t i, size = strlen(path) + sizeof("-journal");
	char *name = malloc(size);

	for (i = 0; name != NULL && i < BB_LEN(tails); i++) {
		(void)snprintf(name, size, "%s%s", path, tails[i]);
		(void)unlink(name);
	}
	free(name);
}

struct bb_db *
bb_db_open(enum bb_store store, const char *path, enum bb_db_open how,
    char why[BB_DB_WHY_MAX], int *exit_status)
{
	struct bb_db *db = calloc(1, sizeof(*db));
	int status = BB_EXIT_TEMP;
	bool made = false;

	if (db == NULL || (db->path = strdup(path)) == NULL) {
		(void)snprintf(why, BB_DB_WHY_MAX, "%s: out of memory", path);
		goto out;
	}
	db->store = store;
	db->patience_ms = BB_DB_BUSY_MS;
	db->failed_exit = BB_EXIT_USAGE;
	if (how == BB_DB_CREATE) {
		status = make_file(db);
		made = status == BB_EXIT_OK;
	} else
		status = check_file(db);
	if (status == BB_EXIT_OK)
		status = open_store(db, how);
	(void)snprintf(why, BB_DB_WHY_MAX, "%s", db->why);
out:
	if (status != BB_EXIT_OK) {
		bb_db_close(db);
		if (made)
			remove_files(path);
		db = NULL;
	}
	*exit_status = status;
	return db;
}

void
bb_db_close(struct bb_db *db)
{
	int topic, id, rc;

	if (db == NULL)
		return;
	if (db->handle != NULL) {
		bb_db_rollback(db);
		for (topic = 0; topic < BB_SQL_TOPICS; topic++) {
			for (id = 0; id < BB_SQL_TOPIC_MAX; id++)
				(void)sqlite3_finalize(db->cached[topic][id]);
		}
		rc = sqlite3_close(db->handle);
		assert(rc == SQLITE_OK);
		(void)rc;
	}
	free(db->path);
	free(db);
}

const char *
bb_db_why(const struct bb_db *db)
{
	return db->why;
}

const char *
bb_db_path(const struct bb_db *db)
{
	return db->path;
}
