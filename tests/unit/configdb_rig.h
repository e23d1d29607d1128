/* Stores in a folder of their own, for the tests of configdb: included by one
 * test each, so that all functions are static. */
#ifndef BB_CONFIGDB_RIG_H
#define BB_CONFIGDB_RIG_H

#include <dirent.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configdb/db.h"
#include "tap.h"

#include "base/cc.h"

static char rig_dir[PATH_MAX];
static char rig_why[BB_DB_WHY_MAX];
static int rig_status;

static inline void
rig_end(void)
{
	char path[PATH_MAX + NAME_MAX + 2];
	struct dirent **names;
	int i, n;

	n = scandir(rig_dir, &names, NULL, alphasort);
	if (n == -1)
		return;
	for (i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", rig_dir,
		    names[i]->d_name);
		(void)unlink(path);
		free(names[i]);
	}
	free(names);
	(void)rmdir(rig_dir);
}

static inline void
rig_begin(void)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(rig_dir, sizeof(rig_dir), "%s/bb-configdb-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(rig_dir) == NULL) {
		perror("mkdtemp");
		exit(1);
	}
}

/* The path of a file in the folder; valid until the fourth next call. */
static inline const char *
rig_path(const char *name)
{
	static char paths[4][PATH_MAX + NAME_MAX + 2];
	static unsigned at;
	char *path = paths[at++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", rig_dir, name);
	return path;
}

static inline struct bb_db *
rig_try(enum bb_store store, const char *name, enum bb_db_open how)
{
	return bb_db_open(store, rig_path(name), how, rig_why, &rig_status);
}

/* As try, where failing would make the rest of the test meaningless. */
static inline struct bb_db *
rig_open(enum bb_store store, const char *name, enum bb_db_open how)
{
	struct bb_db *db = rig_try(store, name, how);

	if (db == NULL) {
		printf("Bail out! %s\n", rig_why);
		exit(1);
	}
	return db;
}

/* Looks into a store from outside of the room: the number that a query finds,
 * INT64_MIN when there is none. */
static inline int64_t
rig_query(const char *name, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t n = INT64_MIN;

	if (sqlite3_open(rig_path(name), &db) == SQLITE_OK &&
	    sqlite3_busy_timeout(db, 10000) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return n;
}

/* Changes a store behind the room's back. */
static inline bool
rig_exec(const char *name, const char *sql)
{
	sqlite3 *db = NULL;
	bool done;

	done = sqlite3_open(rig_path(name), &db) == SQLITE_OK &&
	       sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	(void)sqlite3_close(db);
	return done;
}

static inline bool
rig_says(const char *why, const char *part)
{
	if (strstr(why, part) != NULL)
		return true;
	tap_note("the reason is: %s", why);
	return false;
}

#endif
