/* Answers: for people a table or aligned lines, with --json one object.
 *
 * A noun builds JSON in any case and says in a table of fields how it looks to
 * people.  What cannot be built or written ends the process: 111.  All text is
 * escaped for the reader's terminal. */
#ifndef BBSESSION_OUT_H
#define BBSESSION_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cc.h"
#include "bbsession.h"

enum out_form {
	OUT_PLAIN,    /* text, numbers; yes and no; lists joined by ", " */
	OUT_DURATION, /* milliseconds as 30s, 10m */
	OUT_AGE       /* milliseconds as "12s ago" */
};

struct out_field {
	const char *member; /* of the JSON object */
	const char *label;  /* "last status"; a column is LAST STATUS */
	enum out_form form;
	bool column;      /* in lists too; else only when one is shown */
	const char *none; /* what null looks like; NULL: "-" */
};

struct out_kind {
	const char *one, *many; /* "user", "users" */
	const struct out_field *fields;
	size_t fields_len;
};

/* --- Building.  None of these returns NULL. --- */

json_t *out_object(void);
json_t *out_array(void);
/* Takes value. */
void out_set(json_t *object, const char *member, json_t *value);
void out_append(json_t *array, json_t *value);
json_t *out_text(const char *text);
/* "" becomes null. */
json_t *out_text_or_null(const char *text);
json_t *out_number(int64_t value);
/* `value` < 0 becomes null. */
json_t *out_number_or_null(int64_t value);
json_t *out_bool(bool value);
json_t *out_pin(uint32_t pin);
/* "2026-11-21T14:03:07Z"; 0 becomes null. */
json_t *out_time(int64_t wall_s);
json_t *out_hex(const void *bytes, size_t len);

/* --- Answering.  Each takes the JSON and returns an exit status. --- */

/* {"v":1,"users":[...]}; for people a header and a row for each: an empty list
 * is the header alone. */
int out_list(const struct args *a, const struct out_kind *kind, json_t *array);
/* {"v":1,"user":{...}}; for people a line for each field. */
int out_show(const struct args *a, const struct out_kind *kind, json_t *object);
/* An object that has its "v" already, as it is; for people a line for each
 * value in it: "trunks.1.up: yes". */
int out_tree(const struct args *a, json_t *object);
/* {"v":1,MEMBER:value}; for people the value alone. */
int out_value(const struct args *a, const char *member, json_t *value,
    enum out_form form, const char *none);
/* {"v":1,"answer":"yes","dry_run":...,"what":TEXT, members of more}; for people
 * the text.  more may be NULL.  TEXT is without dots. */
int out_yes(const struct args *a, json_t *more, const char *text);
/* {"v":1,"answer":"no","why":TEXT} on standard output; for people the text on
 * standard error.  Exit status 1. */
int out_no(const struct args *a, const char *fmt, ...) BB_PRINTF(2, 3);
/* One more line for people; nothing with --json. */
void out_say(const struct args *a, const char *fmt, ...) BB_PRINTF(2, 3);
/* Whatever was said is written, or the process ends with a reason. */
void out_end(void);

#endif
