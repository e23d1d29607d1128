/* What db.c and check.c share: the stores that a db command is about. */
#ifndef BBSESSION_DB_H
#define BBSESSION_DB_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "bbsession.h"
#include "configdb/db.h"

#define TARGETS_MAX 2

struct target {
	enum bb_store store;
	const char *word; /* "devices", "config" */
	char path[PATH_MAX];
	bool made;
};

struct targets {
	struct target at[TARGETS_MAX];
	size_t len;
	bool made_folder;
};

/* Both stores, or the one that --only names. */
void targets_find(const struct args *a, struct targets *t);
/* {"store":"devices","file":...,"schema":...}; version < 0: not known. */
json_t *target_json(const struct target *t, int version);
/* bbsession db check. */
int db_check(const struct args *a);

#endif
