/* Opens the stores that a verb needs, and runs changes so that --dry-run can
 * take them back. */
#include "stores.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "out.h"

#include "base/cc.h"

const char *
store_word(enum bb_store store)
{
	return store == BB_DEVICE_STORE ? "device store"
					: "configuration store";
}

void
store_path(const struct args *a, enum bb_store store, char out[PATH_MAX])
{
	bool devices = store == BB_DEVICE_STORE;
	const char *file = devices ? a->device_store : a->config_store;
	int len;

	if (file != NULL)
		len = snprintf(out, PATH_MAX, "%s", file);
	else
		len = snprintf(out, PATH_MAX, "%s/%s", a->data,
		    devices ? "devices.db" : "config.db");
	if (len < 0 || len >= PATH_MAX)
		bb_die(BB_EXIT_USAGE, "unable to open the %s: %s",
		    store_word(store), strerror(ENAMETOOLONG));
}

void
path_parent(const char *path, char out[PATH_MAX])
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len == 0)
		(void)snprintf(out, PATH_MAX, ".");
	else
		(void)snprintf(out, PATH_MAX, "%.*s", (int)len, path);
}

static struct bb_db *
open_at(enum bb_store store, const char *path)
{
	char why[BB_DB_WHY_MAX];
	int status = BB_EXIT_TEMP;
	struct bb_db *db;

	db = bb_db_open(store, path, BB_DB_EXISTING, why, &status);
	if (db == NULL)
		bb_die(status, "unable to open the %s: %s", store_word(store),
		    why);
	return db;
}

struct bb_db *
store_open(const struct args *a, enum bb_store store)
{
	char path[PATH_MAX];

	store_path(a, store, path);
	return open_at(store, path);
}

struct bb_db *
store_open_if_here(const struct args *a, enum bb_store store)
{
	char path[PATH_MAX];

	store_path(a, store, path);
	if (access(path, R_OK | W_OK) == -1)
		return NULL;
	return open_at(store, path);
}

void
store_die(struct bb_db *db, enum bb_db_result r, const char *what)
{
	int status = BB_EXIT_BUG;

	if (r == BB_DB_BUSY || r == BB_DB_ERROR || r == BB_DB_FULL)
		status = BB_EXIT_TEMP;
	bb_die(status, "unable to %s: %s", what, bb_db_why(db));
}

bool
store_found(struct bb_db *db, enum bb_db_result r, const char *what)
{
	if (r != BB_DB_OK && r != BB_DB_NONE)
		store_die(db, r, what);
	return r == BB_DB_OK;
}

static void BB_NORETURN
change_die(struct change *c, enum bb_db_result r)
{
	char what[CHANGE_OBJECT_MAX + 64];

	(void)snprintf(what, sizeof(what), "%s %s", c->verb, c->object);
	store_die(c->db, r, what);
}

void
change_begin(struct change *c, const struct args *a, enum bb_store store,
    const char *verb, const char *done, const char *fmt, ...)
{
	enum bb_db_result r;
	va_list ap;

	*c = (struct change){ .a = a, .verb = verb, .done = done };
	va_start(ap, fmt);
	(void)vsnprintf(c->object, sizeof(c->object), fmt, ap);
	va_end(ap);
	c->db = store_open(a, store);
	r = bb_db_begin(c->db, true);
	if (r != BB_DB_OK)
		change_die(c, r);
}

void
change_note(struct change *c, const char *member, json_t *value)
{
	if (c->more == NULL)
		c->more = out_object();
	out_set(c->more, member, value);
}

static enum bb_db_result
finish(struct change *c, enum bb_db_result r)
{
	if (r == BB_DB_OK && !c->a->dry_run)
		return bb_db_commit(c->db);
	bb_db_rollback(c->db);
	return r;
}

static int
change_done(struct change *c)
{
	char text[CHANGE_OBJECT_MAX + 64];

	if (c->a->dry_run)
		(void)snprintf(text, sizeof(text), "would %s %s", c->verb,
		    c->object);
	else
		(void)snprintf(text, sizeof(text), "%s %s", c->done, c->object);
	return out_yes(c->a, c->more, text);
}

/* `why`: a clause of the store, or NULL for our own words. */
static int
change_refused(struct change *c, enum bb_db_result r, const char *why)
{
	json_decref(c->more);
	if (why != NULL)
		return out_no(c->a, "unable to %s %s: %s", c->verb, c->object,
		    why);
	if (r == BB_DB_NONE)
		return out_no(c->a, "there is no %s", c->object);
	return out_no(c->a, "%s is there already", c->object);
}

static int
end(struct change *c, enum bb_db_result r, bool stores_words)
{
	int status;

	r = finish(c, r);
	if (r == BB_DB_OK)
		status = change_done(c);
	else if (r == BB_DB_REFUSED || (stores_words && r == BB_DB_NONE))
		status = change_refused(c, r, bb_db_why(c->db));
	else if (r == BB_DB_NONE || r == BB_DB_EXISTS)
		status = change_refused(c, r, NULL);
	else
		change_die(c, r);
	bb_db_close(c->db);
	return status;
}

int
change_end(struct change *c, enum bb_db_result r)
{
	return end(c, r, false);
}

int
change_end_why(struct change *c, enum bb_db_result r)
{
	return end(c, r, true);
}
