/* Owns what people may see of a message: copies and readable lines without its
 * secrets. */
#include "line/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/cursor.h"
#include "line/table.h"

#define MASK "***"
#define DOTS "..."
#define DOTS_LEN (sizeof(DOTS) - 1)

/* By name, in any object at any depth: a message that is not well-formed may
 * have its password in the wrong place.  Depth is bounded by bb_json_parse. */
static int
mask(json_t *json)
{
	json_t *value;
	size_t i;
	void *at;

	for (i = 0; i < json_array_size(json); i++) {
		if (mask(json_array_get(json, i)) == -1)
			return -1;
	}
	for (at = json_object_iter(json); at != NULL;
	     at = json_object_iter_next(json, at)) {
		value = json_object_iter_value(at);
		if (!bb_field_secret(json_object_iter_key(at))) {
			if (mask(value) == -1)
				return -1;
			continue;
		}
		value = json_string(MASK);
		if (value == NULL ||
		    json_object_iter_set_new(json, at, value) == -1)
			return -1;
	}
	return 0;
}

json_t *
bb_message_masked(const json_t *json)
{
	json_t *copy = json_deep_copy(json);

	if (copy == NULL || mask(copy) == -1) {
		json_decref(copy);
		errno = ENOMEM;
		return NULL;
	}
	return copy;
}

/* Text into an array of the caller; when it is full, what was written is cut
 * back to where the dots fit. */
struct line {
	char *at;
	size_t len;
	size_t max; /* without the zero byte */
	size_t dots_at;
	bool full;
};

static void
put(struct line *line, const char *bytes, size_t len)
{
	if (line->full)
		return;
	if (len > line->max - line->len) {
		line->full = true;
		line->len = line->dots_at;
		bytes = DOTS;
		len = line->max - line->len < DOTS_LEN ? line->max - line->len
						       : DOTS_LEN;
	}
	memcpy(line->at + line->len, bytes, len);
	line->len += len;
	if (line->len + DOTS_LEN <= line->max)
		line->dots_at = line->len;
}

static void
puts_line(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* A text that can stand without quotes and still not be taken for something
 * else. */
static bool
is_plain(const char *text)
{
	return *text != '\0' &&
	       strspn(text,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789.,:;/@+-_*~") == strlen(text);
}

/* Not controls, not line and paragraph separators, not the marks that turn the
 * direction of the text around them: a terminal would obey them. */
static bool
is_harmless(uint32_t cp)
{
	return cp >= 0x20 && (cp < 0x7F || cp >= 0xA0) && cp != 0x2028 &&
	       cp != 0x2029 && (cp < 0x202A || cp > 0x202E) &&
	       (cp < 0x2066 || cp > 0x2069) && cp != '"' && cp != '\\';
}

static void
put_hex(struct line *line, const char *bytes, size_t len)
{
	char hex[8];
	size_t i;

	for (i = 0; i < len; i++) {
		(void)snprintf(hex, sizeof(hex), "\\x%02x",
		    (unsigned)(unsigned char)bytes[i]);
		put(line, hex, strlen(hex));
	}
}

static void
put_string(struct line *line, const char *text, size_t len)
{
	struct bb_rd rd;
	uint32_t cp;
	size_t used;

	if (strlen(text) == len && is_plain(text)) {
		put(line, text, len);
		return;
	}
	put(line, "\"", 1);
	while (len > 0 && !line->full) {
		rd = bb_rd_init(text, len);
		cp = bb_rd_utf8(&rd);
		used = rd.bad ? 1 : len - rd.left;
		if (!rd.bad && is_harmless(cp))
			put(line, text, used);
		else
			put_hex(line, text, used);
		text += used;
		len -= used;
	}
	put(line, "\"", 1);
}

static void put_value(struct line *line, const json_t *json);

/* "login service=local": the word first, whichever member has it, then all
 * others. */
static void
put_members(struct line *line, const json_t *json)
{
	static const char *const heads[] = { "op", "type", "re" };
	const char *key, *head = NULL, *sep = "";
	/* jansson's iterators take no const, and change nothing. */
	json_t *object = (json_t *)(uintptr_t)json;
	void *at;
	size_t i;

	for (i = 0; i < BB_LEN(heads) && head == NULL; i++) {
		if (json_is_string(json_object_get(json, heads[i])))
			head = heads[i];
	}
	if (head != NULL) {
		put_value(line, json_object_get(json, head));
		sep = " ";
	}
	for (at = json_object_iter(object); at != NULL;
	     at = json_object_iter_next(object, at)) {
		key = json_object_iter_key(at);
		if (head != NULL && strcmp(key, head) == 0)
			continue;
		puts_line(line, sep);
		sep = " ";
		put_string(line, key, strlen(key));
		put(line, "=", 1);
		if (bb_field_secret(key))
			puts_line(line, MASK);
		else
			put_value(line, json_object_iter_value(at));
	}
}

static void
put_elements(struct line *line, const json_t *json)
{
	size_t i;

	put(line, "[", 1);
	for (i = 0; i < json_array_size(json); i++) {
		if (i > 0)
			put(line, " ", 1);
		put_value(line, json_array_get(json, i));
	}
	put(line, "]", 1);
}

static void
put_value(struct line *line, const json_t *json)
{
	char number[32];

	if (line->full)
		return;
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		put(line, "{", 1);
		put_members(line, json);
		put(line, "}", 1);
		break;
	case JSON_ARRAY:
		put_elements(line, json);
		break;
	case JSON_STRING:
		put_string(line, json_string_value(json),
		    json_string_length(json));
		break;
	case JSON_INTEGER:
		(void)snprintf(number, sizeof(number), "%" PRId64,
		    (int64_t)json_integer_value(json));
		puts_line(line, number);
		break;
	case JSON_REAL:
		(void)snprintf(number, sizeof(number), "%g",
		    json_real_value(json));
		puts_line(line, number);
		break;
	case JSON_TRUE:
		puts_line(line, "true");
		break;
	case JSON_FALSE:
		puts_line(line, "false");
		break;
	case JSON_NULL:
		puts_line(line, "null");
		break;
	}
}

const char *
bb_message_text(const json_t *json, char *out, size_t out_size)
{
	struct line line = { .at = out };

	if (out_size == 0)
		return out;
	line.max = out_size - 1;
	if (json_is_object(json))
		put_members(&line, json);
	else if (json != NULL)
		put_value(&line, json);
	out[line.len] = '\0';
	return out;
}
