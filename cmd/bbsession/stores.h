/* The stores that a verb needs, opened or said why not; and changes to them,
 * which --dry-run makes and takes back. */
#ifndef BBSESSION_STORES_H
#define BBSESSION_STORES_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "base/cc.h"
#include "bbsession.h"
#include "configdb/db.h"

/* "device store" */
const char *store_word(enum bb_store store);
/* Where the options and the environment say it is. */
void store_path(const struct args *a, enum bb_store store, char out[PATH_MAX]);
/* The folder that a path lies in: "." where it names none. */
void path_parent(const char *path, char out[PATH_MAX]);
/* Opens it, or ends the process with the reason. */
struct bb_db *store_open(const struct args *a, enum bb_store store);
/* The same, but NULL where there is none on this host (no such file, or not
 * for us to read). */
struct bb_db *store_open_if_here(const struct args *a, enum bb_store store);
/* After a read: true for OK, false for NONE; any other ends the process:
 * "unable to WHAT: why". */
bool store_found(struct bb_db *db, enum bb_db_result r, const char *what);
/* Ends the process with the reason that the store gives: "unable to WHAT". */
void store_die(struct bb_db *db, enum bb_db_result r, const char *what)
    BB_NORETURN;

#define CHANGE_OBJECT_MAX 1024

/* One change in one transaction:
 *
 *	change_begin(&c, a, BB_CONFIG_STORE, "block", "blocked",
 *	    "user \"%s\"", name);
 *	return change_end(&c, bb_user_block(c.db, name, true));
 */
struct change {
	const struct args *a;
	struct bb_db *db;
	const char *verb, *done;        /* "add", "added" */
	char object[CHANGE_OBJECT_MAX]; /* user "alice" */
	json_t *more;                   /* members for the answer, or NULL */
};

/* Opens the store and begins.  The words are borrowed. */
void change_begin(struct change *c, const struct args *a, enum bb_store store,
    const char *verb, const char *done, const char *fmt, ...) BB_PRINTF(6, 7);
/* Adds a member to the JSON answer; takes value. */
void change_note(struct change *c, const char *member, json_t *value);
/* Commits, or takes back what --dry-run asked for or what was refused, closes
 * the store and answers: "added user "alice"", "would add ...", "there is no
 * user "alice"".  Returns the exit status. */
int change_end(struct change *c, enum bb_db_result r);
/* The same where the store's own words say better what is missing. */
int change_end_why(struct change *c, enum bb_db_result r);

#endif
