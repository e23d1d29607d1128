/* bbsession db check: what can be wrong with the stores on disk.  Each finding
 * is a sentence; the answer is yes when there is none. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "bbsession.h"
#include "configdb/db.h"
#include "db.h"
#include "out.h"
#include "stores.h"

#include "base/cc.h"

#define PROBLEM_MAX (PATH_MAX + 512)

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "store",    .label = "store",    .column = true },
	{ .member = "file",     .label = "file",     .column = true },
	{ .member = "schema",   .label = "schema",   .column = true },
	{ .member = "problems", .label = "problems", .column = true,
	    .none = "none" },
	/* clang-format on */
};
static const struct out_kind kind = { "store", "stores", fields,
	BB_LEN(fields) };

static void add_problem(json_t *problems, const char *fmt, ...) BB_PRINTF(2, 3);

static void
add_problem(json_t *problems, const char *fmt, ...)
{
	char text[PROBLEM_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_append(problems, out_text(text));
}

/* The log and the shared memory hold what the store holds. */
static void
check_modes(json_t *problems, const char *path)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char name[PATH_MAX + 8];
	struct stat st, store;
	size_t i;

	if (stat(path, &store) == -1)
		bb_die_sys("unable to check %s", path);
	for (i = 0; i < BB_LEN(tails); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path, tails[i]);
		if (stat(name, &st) == -1)
			continue;
		if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
			add_problem(problems,
			    "%s is open to others (mode %04o)", name,
			    (unsigned)(st.st_mode & 07777));
		if (st.st_uid != store.st_uid)
			add_problem(problems,
			    "%s belongs to another user than the store", name);
	}
}

/* Whoever can write to the folder can put another file in place of a store. */
static void
check_folder(json_t *problems, const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	path_parent(path, folder);
	if (stat(folder, &st) == -1)
		bb_die_sys("unable to check %s", folder);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		add_problem(problems,
		    "the folder %s can be written by others (mode %04o)",
		    folder, (unsigned)(st.st_mode & 07777));
}

/* What cannot be opened is damaged, of another kind or of another schema; but
 * a busy or missing store was not looked at. */
static int
check_content(json_t *problems, const struct target *t)
{
	char why[BB_DB_WHY_MAX];
	int status = BB_EXIT_TEMP, version = -1;
	enum bb_db_result r;
	struct bb_db *db;

	db = bb_db_open(t->store, t->path, BB_DB_EXISTING, why, &status);
	if (db == NULL) {
		if (status != BB_EXIT_USAGE)
			bb_die(status, "unable to check the %s: %s",
			    store_word(t->store), why);
		add_problem(problems, "%s", why);
		return version;
	}
	version = bb_db_version(db);
	r = bb_db_check(db);
	if (r == BB_DB_ERROR)
		add_problem(problems, "%s", bb_db_why(db));
	else if (r != BB_DB_OK)
		store_die(db, r, "check the store");
	bb_db_close(db);
	return version;
}

static json_t *
check_target(const struct target *t)
{
	json_t *problems = out_array(), *json;
	int version;

	if (access(t->path, F_OK) == -1)
		bb_die(bb_errno_exit(errno),
		    "unable to check the %s: %s: %s; run bbsession db init",
		    store_word(t->store), t->path, strerror(errno));
	check_modes(problems, t->path);
	check_folder(problems, t->path);
	version = check_content(problems, t);
	json = target_json(t, version);
	out_set(json, "problems", problems);
	return json;
}

int
db_check(const struct args *a)
{
	json_t *array = out_array(), *json;
	struct targets t;
	bool sound = true;
	size_t i;

	targets_find(a, &t);
	for (i = 0; i < t.len; i++) {
		json = check_target(&t.at[i]);
		if (json_array_size(json_object_get(json, "problems")) > 0)
			sound = false;
		out_append(array, json);
	}
	(void)out_list(a, &kind, array);
	return sound ? BB_EXIT_OK : BB_EXIT_REFUSED;
}
