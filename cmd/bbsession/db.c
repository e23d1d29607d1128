/* bbsession db: making and migrating the two stores.  Checking them is in
 * check.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "bbsession.h"
#include "configdb/config.h"
#include "configdb/db.h"
#include "db.h"
#include "out.h"
#include "stores.h"

#include "base/cc.h"

static const struct {
	enum bb_store store;
	const char *word; /* of --only, and in JSON */
} stores[TARGETS_MAX] = {
	{ BB_DEVICE_STORE, "devices" },
	{ BB_CONFIG_STORE, "config" },
};

static const struct bb_opt only_opts[] = {
	OPT("only", BB_OPT_STR, only, "devices|config",
	    "one of the two stores"),
};

void
targets_find(const struct args *a, struct targets *t)
{
	struct target *one;
	size_t i;

	*t = (struct targets){ 0 };
	for (i = 0; i < TARGETS_MAX; i++) {
		if (a->only != NULL && strcmp(a->only, stores[i].word) != 0)
			continue;
		one = &t->at[t->len++];
		one->store = stores[i].store;
		one->word = stores[i].word;
		store_path(a, one->store, one->path);
	}
	if (t->len == 0)
		bb_die(BB_EXIT_USAGE,
		    "--only must be devices or config, not '%s'", a->only);
}

json_t *
target_json(const struct target *t, int version)
{
	json_t *json = out_object();

	out_set(json, "store", out_text(t->word));
	out_set(json, "file", out_text(t->path));
	out_set(json, "schema", out_number_or_null(version));
	return json;
}

/* --- init --- */

/* The folder only where a store is to lie in it. */
static bool
needs_folder(const struct args *a, const struct targets *t)
{
	size_t i;

	for (i = 0; i < t->len; i++) {
		if ((t->at[i].store == BB_DEVICE_STORE
			    ? a->device_store
			    : a->config_store) == NULL)
			return true;
	}
	return false;
}

/* For a dry run: what making a file or folder there would say. */
static void
check_can_make(const char *path)
{
	char parent[PATH_MAX];

	path_parent(path, parent);
	if (access(parent, W_OK | X_OK) == -1)
		bb_die_sys("unable to make %s", path);
}

static void
make_folder(const struct args *a, struct targets *t)
{
	if (a->dry_run) {
		if (access(a->data, F_OK) == -1)
			check_can_make(a->data);
		return;
	}
	if (mkdir(a->data, 0700) == 0)
		t->made_folder = true;
	else if (errno != EEXIST)
		bb_die_sys("unable to make the folder %s", a->data);
}

/* What was made before something failed is taken away: nothing is in it. */
static void
unmake(const struct args *a, const struct targets *t)
{
	static const char *const tails[] = { "-wal", "-shm", "" };
	char name[PATH_MAX + 8];
	size_t i, j;

	for (i = 0; i < t->len; i++) {
		for (j = 0; t->at[i].made && j < BB_LEN(tails); j++) {
			(void)snprintf(name, sizeof(name), "%s%s",
			    t->at[i].path, tails[j]);
			(void)unlink(name);
		}
	}
	if (t->made_folder)
		(void)rmdir(a->data);
}

static void
make_store(const struct args *a, struct targets *t, struct target *one)
{
	char why[BB_DB_WHY_MAX];
	enum bb_db_result r = BB_DB_OK;
	int status = BB_EXIT_TEMP;
	struct bb_db *db;

	db = bb_db_open(one->store, one->path, BB_DB_CREATE, why, &status);
	one->made = db != NULL;
	if (db != NULL && one->store == BB_CONFIG_STORE) {
		r = bb_service_add(db, "local", "local", "", 0);
		if (r != BB_DB_OK) {
			status = BB_EXIT_TEMP;
			(void)snprintf(why, sizeof(why), "%s", bb_db_why(db));
		}
	}
	bb_db_close(db);
	if (db != NULL && r == BB_DB_OK)
		return;
	unmake(a, t);
	bb_die(status, "unable to make the %s: %s", store_word(one->store),
	    why);
}

static int
db_init(const struct args *a)
{
	struct targets t;
	char text[2 * PATH_MAX + 128] = "";
	struct stat st;
	json_t *array, *more;
	size_t i, len = 0;

	targets_find(a, &t);
	for (i = 0; i < t.len; i++) {
		if (lstat(t.at[i].path, &st) == 0)
			return out_no(a,
			    "unable to make the %s: %s exists "
			    "already",
			    store_word(t.at[i].store), t.at[i].path);
	}
	if (needs_folder(a, &t))
		make_folder(a, &t);
	array = out_array();
	for (i = 0; i < t.len; i++) {
		if (!a->dry_run)
			make_store(a, &t, &t.at[i]);
		else if (access(a->data, F_OK) == 0)
			check_can_make(t.at[i].path);
		out_append(array,
		    target_json(&t.at[i], bb_db_schema(t.at[i].store)));
		(void)snprintf(text + len, sizeof(text) - len, "%s%s %s",
		    i == 0 ? (a->dry_run ? "would make the " : "made the ")
			   : " and the ",
		    store_word(t.at[i].store), t.at[i].path);
		len += strlen(text + len);
	}
	more = out_object();
	out_set(more, "stores", array);
	return out_yes(a, more, text);
}

/* --- migrate --- */

/* A dry run opens the store as any other command does: that tells whether it
 * has to be migrated. */
static int
db_migrate(const struct args *a)
{
	char why[BB_DB_WHY_MAX], text[PATH_MAX];
	struct targets t;
	struct bb_db *db;
	json_t *array = out_array(), *more;
	size_t i;
	int status;

	targets_find(a, &t);
	for (i = 0; i < t.len; i++) {
		status = BB_EXIT_TEMP;
		db = bb_db_open(t.at[i].store, t.at[i].path,
		    a->dry_run ? BB_DB_EXISTING : BB_DB_MIGRATE, why, &status);
		if (db == NULL)
			bb_die(status, "unable to migrate the %s: %s",
			    store_word(t.at[i].store), why);
		out_append(array, target_json(&t.at[i], bb_db_version(db)));
		bb_db_close(db);
	}
	(void)snprintf(text, sizeof(text), "%s",
	    t.len == 1 ? "the store has the schema of this program"
		       : "both stores have the schemas of this program");
	more = out_object();
	out_set(more, "stores", array);
	return out_yes(a, more, text);
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "init", "", 0, 0, "makes both stores and the service local",
	    OPTS(only_opts), db_init },
	{ "migrate", "", 0, 0, "brings older stores to this program's schema",
	    OPTS(only_opts), db_migrate },
	{ "check", "", 0, 0, "looks for damage, wrong counts and open modes",
	    OPTS(only_opts), db_check },
	/* clang-format on */
};
const struct noun noun_db = { "db", "The two stores:", verbs, BB_LEN(verbs) };
