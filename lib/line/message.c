/* Owns the check of a message against the table: which message it is, and
 * whether every member is there, is known, and is what its row says. */
#include "line/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "line/json.h"
#include "line/table.h"

/* What may stand in a place.  Strict: an unknown member is refused. */
static const struct place {
	const char *where;
	const char *key; /* the member that names the op; NULL: none */
	enum bb_op only; /* BB_OP_COUNT: any op of that `where` */
	bool strict;
} places[] = {
	[BB_PLACE_ATTACH] = { "ATTACH", "op", BB_OP_COUNT, true },
	[BB_PLACE_ATTACH_MORE] = { "UP", "op", BB_OP_batch, true },
	[BB_PLACE_UP] = { "UP", "op", BB_OP_COUNT, true },
	[BB_PLACE_ANSWER] = { "ANSWER", "op", BB_OP_COUNT, false },
	[BB_PLACE_ANSWER_MORE] = { "DOWN", "op", BB_OP_events, false },
	[BB_PLACE_DOWN] = { "DOWN", "op", BB_OP_COUNT, false },
	[BB_PLACE_NOTICE] = { "NOTICE", "op", BB_OP_COUNT, false },
};

/* What the elements of a list are, by the name of the member. */
static const struct list {
	const char *name;
	const char *where;
	const char *key;
	enum bb_op only;
	bool numbered; /* only messages that have a number `n` */
	bool rising;   /* each n is that before it and one */
} lists[] = {
	{ "msgs", "UP", "op", BB_OP_COUNT, true, true },
	{ "events", "EVENT", "type", BB_OP_COUNT, true, false },
	{ "results", "RESULT", NULL, BB_OP_result, true, false },
	{ "trace", "STEP", NULL, BB_OP_step, false, false },
};

static int check_fields(const json_t *json, enum bb_op op, const char *key,
    bool strict, char why[BB_MESSAGE_WHY_MAX]);

static int refuse(char why[BB_MESSAGE_WHY_MAX], const char *fmt, ...)
    BB_PRINTF(2, 3);

static int
refuse(char why[BB_MESSAGE_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, BB_MESSAGE_WHY_MAX, fmt, ap);
	va_end(ap);
	errno = EINVAL;
	return -1;
}

static int
refuse_field(char why[BB_MESSAGE_WHY_MAX], const struct bb_field_row *field,
    const char *what)
{
	return refuse(why, "member \"%s\" of \"%s\" %s", field->name,
	    bb_op_word(field->op), what);
}

static bool
is_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") == len;
}

static int
check_string(const json_t *value, const struct bb_field_row *field,
    char why[BB_MESSAGE_WHY_MAX])
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value), unit = 1;

	if (text == NULL)
		return refuse_field(why, field, "is not a string");
	if (field->type == BB_F_WORD) {
		if (strlen(text) != len || !bb_word_in(field->words, text))
			return refuse_field(why, field, "has an unknown word");
		return 0;
	}
	if (field->type == BB_F_HEX)
		unit = 2;
	if (len < (size_t)field->min * unit)
		return refuse_field(why, field,
		    len == 0 ? "is empty" : "is too short");
	if (len > (size_t)field->max * unit)
		return refuse_field(why, field, "is too long");
	if (field->type == BB_F_HEX && !is_hex(text, len))
		return refuse_field(why, field,
		    "is not lower-case hexadecimal");
	if ((field->type == BB_F_STR || field->type == BB_F_TEXT) &&
	    bb_json_has_controls(text, len, field->type == BB_F_TEXT))
		return refuse_field(why, field, "has control characters");
	return 0;
}

static int
check_int(const json_t *value, const struct bb_field_row *field,
    char why[BB_MESSAGE_WHY_MAX])
{
	if (!json_is_integer(value))
		return refuse_field(why, field, "is not a whole number");
	if (json_integer_value(value) < field->min)
		return refuse_field(why, field, "is too small");
	if (json_integer_value(value) > field->max)
		return refuse_field(why, field, "is too large");
	return 0;
}

static bool
is_numbered(enum bb_op op)
{
	return bb_field_find(op, "n") != NULL;
}

/* Finds out which message an object is.  key NULL: it says nothing, it can only
 * be `only`. */
static int
find_op(const json_t *json, const char *key, const char *where, enum bb_op only,
    enum bb_op *op, char why[BB_MESSAGE_WHY_MAX])
{
	const char *word;

	if (!json_is_object(json))
		return refuse(why, "what should be a message is no object");
	*op = only;
	if (key == NULL)
		return 0;
	if (json_object_get(json, key) == NULL)
		return refuse(why, "member \"%s\" is missing", key);
	word = json_string_value(json_object_get(json, key));
	if (word == NULL)
		return refuse(why, "member \"%s\" is not a string", key);
	*op = bb_op_find(word, where);
	if (*op == BB_OP_COUNT || (only != BB_OP_COUNT && *op != only))
		return refuse(why,
		    "member \"%s\" names nothing that may stand here", key);
	return 0;
}

/* One element; *last is the number of the element before it, 0 for the first
 * (numbers begin at 1). */
static int
check_element(const json_t *element, const struct list *list,
    const struct bb_field_row *field, bool strict, json_int_t *last,
    char why[BB_MESSAGE_WHY_MAX])
{
	json_int_t n;
	enum bb_op op = BB_OP_COUNT;

	if (find_op(element, list->key, list->where, list->only, &op, why) ==
	    -1)
		return -1;
	if (list->numbered && !is_numbered(op))
		return refuse_field(why, field,
		    "has a message that is not numbered");
	if (check_fields(element, op, list->key, strict, why) == -1)
		return -1;
	if (!list->rising)
		return 0;
	n = json_integer_value(json_object_get(element, "n"));
	if (*last != 0 && n - 1 != *last)
		return refuse_field(why, field,
		    "has numbers that do not rise by one");
	*last = n;
	return 0;
}

static int
check_list(const json_t *value, const struct bb_field_row *field, bool strict,
    char why[BB_MESSAGE_WHY_MAX])
{
	const struct list *list = NULL;
	json_int_t last = 0;
	size_t i, len = json_array_size(value);

	if (!json_is_array(value))
		return refuse_field(why, field, "is not a list");
	if (len < (size_t)field->min)
		return refuse_field(why, field, "has too few elements");
	if (len > (size_t)field->max)
		return refuse_field(why, field, "has too many elements");
	for (i = 0; i < BB_LEN(lists); i++) {
		if (strcmp(lists[i].name, field->name) == 0)
			list = &lists[i];
	}
	if (list == NULL)
		return refuse_field(why, field, "is a list of nothing known");
	for (i = 0; i < len; i++) {
		if (check_element(json_array_get(value, i), list, field, strict,
			&last, why) == -1)
			return -1;
	}
	return 0;
}

static int
check_value(const json_t *value, const struct bb_field_row *field, bool strict,
    char why[BB_MESSAGE_WHY_MAX])
{
	switch (field->type) {
	case BB_F_STR:
	case BB_F_TEXT:
	case BB_F_SECRET:
	case BB_F_HEX:
	case BB_F_WORD:
		return check_string(value, field, why);
	case BB_F_INT:
		return check_int(value, field, why);
	case BB_F_BOOL:
		if (!json_is_boolean(value))
			return refuse_field(why, field, "is not true or false");
		return 0;
	case BB_F_OBJ:
		if (!json_is_object(value))
			return refuse_field(why, field, "is not an object");
		return 0;
	case BB_F_LIST:
		return check_list(value, field, strict, why);
	}
	return refuse_field(why, field, "is of no known type");
}

/* Every row of the op is looked for; what the object has beside these (and the
 * member that names its op) is unknown.  Its name is not repeated: it is the
 * peer's text. */
static int
check_fields(const json_t *json, enum bb_op op, const char *key, bool strict,
    char why[BB_MESSAGE_WHY_MAX])
{
	const struct bb_field_row *field;
	const json_t *value;
	size_t i, known = key == NULL ? 0 : 1;

	for (i = 0; i < bb_field_rows_len; i++) {
		field = &bb_field_rows[i];
		if (field->op != op)
			continue;
		value = json_object_get(json, field->name);
		if (value == NULL) {
			if (field->must)
				return refuse_field(why, field, "is missing");
			continue;
		}
		known++;
		if (check_value(value, field, strict, why) == -1)
			return -1;
	}
	if (strict && json_object_size(json) != known)
		return refuse(why, "\"%s\" has an unknown member",
		    bb_op_word(op));
	return 0;
}

int
bb_message_op(const json_t *json, enum bb_message_place place, enum bb_op *op,
    char why[BB_MESSAGE_WHY_MAX])
{
	const struct place *p = &places[place];

	return find_op(json, p->key, p->where, p->only, op, why);
}

int
bb_message_check(const json_t *json, enum bb_message_place place,
    enum bb_op *op, char why[BB_MESSAGE_WHY_MAX])
{
	enum bb_op found = BB_OP_COUNT;

	if (bb_message_op(json, place, &found, why) == -1)
		return -1;
	if (check_fields(json, found, places[place].key, places[place].strict,
		why) == -1)
		return -1;
	*op = found;
	return 0;
}

int
bb_trace_check(const json_t *trace, char why[BB_MESSAGE_WHY_MAX])
{
	const struct bb_field_row *row = bb_field_find(BB_OP_answer, "trace");

	return check_list(trace, row, false, why);
}

bool
bb_message_mixed_authors(const json_t *events)
{
	const json_t *list = json_object_get(events, "events"), *event;
	const char *first = NULL, *from;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		event = json_array_get(list, i);
		from = json_string_value(json_object_get(event, "from"));
		/* An event without an author is the service's own. */
		if (from == NULL)
			from = "";
		if (first != NULL && strcmp(first, from) != 0)
			return true;
		first = from;
	}
	return false;
}
