/* Owns the way into and out of JSON text: jansson behind limits that it does
 * not have itself, and memory that is wiped when it is given back. */
#include "line/message.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/cursor.h"
#include "base/secret.h"
#include "base/sys.h"
#include "line/json.h"
#include "line/line.h"

/* Stands before each piece of jansson's memory: free() is not told a length. */
union head {
	size_t len;
	max_align_t align;
};

static void *
wiping_malloc(size_t len)
{
	union head *head;

	if (len > SIZE_MAX - sizeof(*head)) {
		errno = ENOMEM;
		return NULL;
	}
	head = malloc(sizeof(*head) + len);
	if (head == NULL)
		return NULL;
	head->len = len;
	return head + 1;
}

static void
wiping_free(void *mem)
{
	union head *head = mem;

	if (mem == NULL)
		return;
	head--;
	bb_wipe(mem, head->len);
	free(head);
}

void
bb_json_init(void)
{
	static bool done;
	size_t seed;

	if (done)
		return;
	done = true;
	json_set_alloc_funcs(wiping_malloc, wiping_free);
	/* Against members chosen to collide.  By itself jansson would open
	 * /dev/urandom at the first object, which a confined process may not;
	 * 0 would make it do so. */
	bb_random(&seed, sizeof(seed));
	json_object_seed(seed | 1);
}

static int
refuse(char why[BB_MESSAGE_WHY_MAX], const char *clause, size_t at)
{
	(void)snprintf(why, BB_MESSAGE_WHY_MAX, "JSON %s at byte %zu", clause,
	    at);
	errno = EINVAL;
	return -1;
}

/* Brackets are counted before jansson sees them: its own limit is 2048, and it
 * recurses.  On malformed text this may count wrongly, but only behind the
 * place where jansson stops. */
static int
check_depth(const char *text, size_t len, unsigned depth_max,
    char why[BB_MESSAGE_WHY_MAX])
{
	bool in_string = false;
	unsigned depth = 0;
	size_t at;

	for (at = 0; at < len; at++) {
		if (in_string) {
			if (text[at] == '\\')
				at++;
			else if (text[at] == '"')
				in_string = false;
			continue;
		}
		if (text[at] == '"') {
			in_string = true;
		} else if (text[at] == '{' || text[at] == '[') {
			if (++depth > depth_max)
				return refuse(why, "is nested too deep", at);
		} else if (text[at] == '}' || text[at] == ']') {
			if (depth > 0)
				depth--;
		}
	}
	return 0;
}

static int
check_text(const char *text, size_t len, unsigned depth_max,
    char why[BB_MESSAGE_WHY_MAX])
{
	const char *zero;
	size_t at = 0;

	if (len > BB_LINE_MAX)
		return refuse(why, "is too long", BB_LINE_MAX);
	while (at < len && (text[at] == ' ' || text[at] == '\t' ||
			       text[at] == '\r' || text[at] == '\n'))
		at++;
	if (at == len)
		return refuse(why, "is missing", at);
	if (text[at] != '{')
		return refuse(why, "is not an object", at);
	zero = memchr(text, '\0', len);
	if (zero != NULL)
		return refuse(why, "holds a zero character",
		    (size_t)(zero - text));
	return check_depth(text, len, depth_max, why);
}

/* jansson's own words quote what stands near the fault: a password, say. */
static const char *
clause_of(enum json_error_code code)
{
	static const struct {
		enum json_error_code code;
		const char *clause;
	} clauses[] = {
		{ json_error_invalid_utf8, "is not UTF-8" },
		{ json_error_premature_end_of_input, "ends too early" },
		{ json_error_end_of_input_expected, "is followed by more" },
		{ json_error_null_character, "holds a zero character" },
		{ json_error_null_byte_in_key, "holds a zero character" },
		{ json_error_duplicate_key, "has a member twice" },
		{ json_error_numeric_overflow, "has a number out of range" },
	};
	size_t i;

	for (i = 0; i < BB_LEN(clauses); i++) {
		if (clauses[i].code == code)
			return clauses[i].clause;
	}
	return "is malformed";
}

/* What jansson leaves below its stack: a message that quotes the text, and the
 * registers that the dynamic linker saves when it first binds a function.  17
 * levels and these need less than half of this. */
static void
wipe_dead_stack(void)
{
	char dead[16384];

	bb_wipe(dead, sizeof(dead));
}

/* Called where the compiler cannot see it: inlined, the array would lie beside
 * what it is to cover. */
static void (*const volatile wipe_stack)(void) = wipe_dead_stack;

json_t *
bb_json_parse_depth(const void *text, size_t len, unsigned depth_max,
    char why[BB_MESSAGE_WHY_MAX])
{
	json_error_t error;
	bool no_memory;
	json_t *json;

	if (check_text(text, len, depth_max, why) == -1)
		return NULL;
	/* jansson has no code for memory in most places; malloc has. */
	errno = 0;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	no_memory = json == NULL && errno == ENOMEM;
	if (json == NULL)
		(void)refuse(why,
		    no_memory ? "needs more memory than there is"
			      : clause_of(json_error_code(&error)),
		    error.position > 0 ? (size_t)error.position : 0);
	if (no_memory)
		errno = ENOMEM;
	bb_wipe(&error, sizeof(error));
	wipe_stack();
	return json;
}

json_t *
bb_json_parse(const void *text, size_t len, char why[BB_MESSAGE_WHY_MAX])
{
	return bb_json_parse_depth(text, len, BB_MESSAGE_DEPTH, why);
}

char *
bb_json_text(const json_t *json, size_t *len)
{
	char *text = json_dumps(json, JSON_COMPACT);

	wipe_stack();
	if (text == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	*len = strlen(text);
	return text;
}

void
bb_json_text_free(char *text, size_t len)
{
	json_free_t free_text;

	if (text == NULL)
		return;
	bb_wipe(text, len);
	json_get_alloc_funcs(NULL, &free_text);
	free_text(text);
}

bool
bb_json_has_controls(const char *text, size_t len, bool line_ends)
{
	struct bb_rd rd = bb_rd_init(text, len);
	uint32_t cp;

	while (rd.left > 0) {
		cp = bb_rd_utf8(&rd);
		if (line_ends && (cp == '\n' || cp == '\r' || cp == '\t'))
			continue;
		if (rd.bad || cp < 0x20 || (cp >= 0x7F && cp < 0xA0))
			return true;
	}
	return false;
}
