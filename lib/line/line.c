/* Owns the line: finding its end, parsing and writing it. */
#include "line/line.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "line/json.h"
#include "line/outer.h"
#include "line/table.h"

enum bb_parse
bb_line_split(const void *bytes, size_t len, size_t *line_len)
{
	const char *start = bytes, *end = NULL;

	if (len > BB_LINE_MAX)
		len = BB_LINE_MAX;
	if (len > 0)
		end = memchr(start, '\n', len);
	if (end != NULL) {
		*line_len = (size_t)(end - start) + 1;
		return BB_PARSE_OK;
	}
	return len == BB_LINE_MAX ? BB_PARSE_BAD : BB_PARSE_MORE;
}

size_t
bb_line_skip(const void *bytes, size_t len, bool *done)
{
	const char *start = bytes;
	const char *end = len == 0 ? NULL : memchr(start, '\n', len);

	*done = end != NULL;
	return end == NULL ? len : (size_t)(end - start) + 1;
}

static int
refuse(char why[BB_MESSAGE_WHY_MAX], const char *clause)
{
	(void)snprintf(why, BB_MESSAGE_WHY_MAX, "%s", clause);
	errno = EINVAL;
	return -1;
}

/* Up, what the device said is checked whole.  Down it is our own: answers and
 * notices lack what the sealing dispatcher adds to them. */
static int
check_objects(const struct bb_line *line, bool up, char why[BB_MESSAGE_WHY_MAX])
{
	enum bb_op op = BB_OP_COUNT;

	switch (line->kind) {
	case BB_LINE_ATTACH:
		if (bb_message_check(line->d, BB_PLACE_ATTACH, &op, why) == -1)
			return -1;
		if (line->m == NULL)
			return 0;
		return bb_message_check(line->m, BB_PLACE_ATTACH_MORE, &op,
		    why);
	case BB_LINE_DATA:
		if (up)
			return bb_message_check(line->d, BB_PLACE_UP, &op, why);
		return bb_message_op(line->d, BB_PLACE_DOWN, &op, why);
	case BB_LINE_ANSWER:
		if (bb_message_op(line->d, BB_PLACE_ANSWER, &op, why) == -1)
			return -1;
		if (line->m == NULL)
			return 0;
		return bb_message_op(line->m, BB_PLACE_ANSWER_MORE, &op, why);
	case BB_LINE_NOTICE:
		return bb_message_op(line->d, BB_PLACE_NOTICE, &op, why);
	case BB_LINE_HINT:
	case BB_LINE_TRUNK:
	case BB_LINE_DOWN:
		return 0;
	}
	return refuse(why, "the line is of no known kind");
}

int
bb_line_parse(const void *text, size_t len, bool up, struct bb_line *line,
    char why[BB_MESSAGE_WHY_MAX])
{
	const char *bytes = text;

	*line = (struct bb_line){ 0 };
	if (len > BB_LINE_MAX)
		return refuse(why, "the line is too long");
	if (len > 0 && bytes[len - 1] == '\n')
		len--;
	if (len > 0 && memchr(bytes, '\n', len) != NULL)
		return refuse(why, "the line has a newline inside");
	/* What a device said stands one level down in it. */
	line->json = bb_json_parse_depth(bytes, len, BB_MESSAGE_DEPTH + 1, why);
	if (line->json == NULL)
		return -1;
	if (bb_outer_read(line->json, up, line, why) == -1 ||
	    check_objects(line, up, why) == -1) {
		bb_line_clear(line);
		return -1;
	}
	return 0;
}

void
bb_line_clear(struct bb_line *line)
{
	json_decref(line->json);
	*line = (struct bb_line){ 0 };
}

/* Room that most lines need: their text is then made only once. */
#define FIRST_GUESS 2048

int
bb_line_write(const struct bb_line *line, bool up, struct bb_buf *out)
{
	size_t len, want = FIRST_GUESS;
	char *text;
	json_t *json = bb_outer_make(line, up);
	int rc = -1;

	if (json == NULL)
		return -1;
	if (want > bb_buf_room(out))
		want = bb_buf_room(out);
	for (;;) {
		text = (char *)bb_buf_reserve(out, want);
		if (text == NULL)
			goto out;
		/* What is needed, even when that is more than there is. */
		len = json_dumpb(json, text, want, JSON_COMPACT);
		errno = len == 0 ? ENOMEM : EMSGSIZE;
		if (len == 0 || len >= BB_LINE_MAX)
			goto out;
		if (len < want)
			break;
		want = len + 1;
	}
	text[len] = '\n';
	bb_buf_added(out, len + 1);
	rc = 0;
out:
	json_decref(json);
	return rc;
}

int
bb_step_add(json_t **trace, const struct bb_step *step)
{
	const struct bb_field_row *row = bb_field_find(BB_OP_answer, "trace");
	json_t *json;

	if (json_array_size(*trace) >= (size_t)row->max) {
		errno = ENOBUFS;
		return -1;
	}
	json = json_object();
	if (*trace == NULL)
		*trace = json_array();
	if (json_object_set_new(json, "step", json_integer(step->step)) == -1 ||
	    json_object_set_new(json, "hop", json_string(step->hop)) == -1 ||
	    json_object_set_new(json, "what", json_string(step->what)) == -1 ||
	    json_object_set_new(json, "us", json_integer(step->us)) == -1) {
		json_decref(json);
		errno = ENOMEM;
		return -1;
	}
	if (json_array_append_new(*trace, json) == -1) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}
