/* Owns the outer members of a line: one table says which members each kind has
 * and in which form, for reading and for writing. */
#include "line/outer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "line/json.h"
#include "wire/text.h"

/* A kind in a direction, as a bit. */
enum {
	A = 1,  /* ATTACH, up */
	U = 2,  /* DATA up */
	D = 4,  /* DATA down */
	R = 8,  /* ANSWER, down */
	N = 16, /* NOTICE, both */
	H = 32, /* HINT, both */
	T = 64, /* TRUNK, up */
	L = 128 /* DOWN, up */
};

enum member_type {
	PIN,    /* uint32_t as 8 digits, at least min */
	LINK,   /* uint64_t as 16 digits */
	BYTES,  /* min bytes as 2 * min digits */
	TEXT,   /* const char *, min..max bytes */
	NUMBER, /* uint32_t, min..max */
	CODE,   /* int, min..max */
	FLAG,   /* bool */
	OBJECT, /* json_t * */
	STEPS   /* json_t *, an array of steps */
};

/* In the order in which they are written.  A name has several rows where its
 * form depends on the kind. */
static const struct member {
	const char *name;
	enum member_type type;
	unsigned must, may;
	size_t at;
	uint32_t min, max;
} members[] = {
#define AT(field) offsetof(struct bb_line, field)
	/* clang-format off */
	{ "pin",     PIN,    A|U|D|R|N|H|L, 0, AT(pin), 0, 0 },
	{ "router",  PIN,    T,         0, AT(router),  1, 0 },
	{ "up",      FLAG,   T,         0, AT(up),      0, 0 },
	{ "user",    TEXT,   A|U,       0, AT(user),    1, 256 },
	{ "service", TEXT,   A|U,       0, AT(service), 1, 64 },
	{ "att",     NUMBER, A|U|D|R,   0, AT(att),     1, BB_NUMBER_MAX },
	{ "att",     NUMBER, N,         0, AT(att),     0, BB_NUMBER_MAX },
	{ "seq",     NUMBER, U|D,       0, AT(seq),     1, BB_NUMBER_MAX },
	/* With DATA up so that a notice can answer it. */
	{ "kid",     BYTES,  A|U|R|N,   0, AT(kid),     BB_KID_LEN, 0 },
	{ "nonce",   BYTES,  A|U|R|N,   0, AT(nonce),   BB_NONCE_LEN, 0 },
	{ "nonce",   BYTES,  H,         0, AT(nonce),   BB_HINT_NONCE_LEN, 0 },
	{ "link",    LINK,   A|U|D|R|N|H|L, 0, AT(link), 0, 0 },
	{ "hint",    CODE,   H,         0, AT(hint),    BB_HINT_VERSION,
	    BB_HINT_NO_DISPATCHER },
	{ "d",       OBJECT, A|U|D|R|N, 0, AT(d),       0, 0 },
	{ "m",       OBJECT, 0,       A|R, AT(m),       0, 0 },
	{ "trace",   STEPS,  0, A|U|D|R|N|H, AT(trace), 0, 0 },
/* clang-format on */
#undef AT
};

/* 0: there is no such line in this direction. */
static unsigned
bit_of(enum bb_line_kind kind, bool up)
{
	switch (kind) {
	case BB_LINE_ATTACH:
		return up ? A : 0;
	case BB_LINE_DATA:
		return up ? U : D;
	case BB_LINE_ANSWER:
		return up ? 0 : R;
	case BB_LINE_NOTICE:
		return N;
	case BB_LINE_HINT:
		return H;
	case BB_LINE_TRUNK:
		return up ? T : 0;
	case BB_LINE_DOWN:
		return up ? L : 0;
	}
	return 0;
}

static const char *
re_of(enum bb_line_kind kind)
{
	static const char *const words[] = {
		[BB_LINE_ATTACH] = "attach",
		[BB_LINE_DATA] = NULL,
		[BB_LINE_ANSWER] = "attach",
		[BB_LINE_NOTICE] = "notice",
		[BB_LINE_HINT] = "hint",
		[BB_LINE_TRUNK] = "trunk",
		[BB_LINE_DOWN] = "down",
	};

	return words[kind];
}

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

/* Lower case only: one value has one form. */
static bool
is_digits(const char *text, size_t count)
{
	return text != NULL && strlen(text) == count &&
	       strspn(text, "0123456789abcdef") == count;
}

static bool
read_number(const json_t *value, const struct member *m, json_int_t *number)
{
	*number = json_integer_value(value);
	return json_is_integer(value) && *number >= (json_int_t)m->min &&
	       *number <= (json_int_t)m->max;
}

static bool
read_text(const json_t *value, const struct member *m, const char **text)
{
	size_t len = json_string_length(value);

	*text = json_string_value(value);
	return *text != NULL && len >= m->min && len <= m->max &&
	       !bb_json_has_controls(*text, len, false);
}

/* False when the value is not what its row says. */
static bool
read_member(json_t *value, const struct member *m, struct bb_line *line)
{
	const char *text = json_string_value(value);
	void *to = (char *)line + m->at;
	json_int_t number = 0;
	char why[BB_MESSAGE_WHY_MAX];

	switch (m->type) {
	case PIN:
		return is_digits(text, 8) && bb_text_pin_scan(text, to) &&
		       *(const uint32_t *)to >= m->min;
	case LINK:
		return is_digits(text, 16) && bb_text_u64_hex_scan(text, to);
	case BYTES:
		return is_digits(text, (size_t)2 * m->min) &&
		       bb_text_hex_scan(text, to, m->min);
	case TEXT:
		return read_text(value, m, to);
	case NUMBER:
		if (!read_number(value, m, &number))
			return false;
		*(uint32_t *)to = (uint32_t)number;
		return true;
	case CODE:
		if (!read_number(value, m, &number))
			return false;
		*(int *)to = (int)number;
		return true;
	case FLAG:
		*(bool *)to = json_is_true(value);
		return json_is_boolean(value);
	case OBJECT:
		*(json_t **)to = value;
		return json_is_object(value);
	case STEPS:
		*(json_t **)to = value;
		return bb_trace_check(value, why) == 0;
	}
	return false;
}

static int
read_kind(const json_t *json, bool up, struct bb_line *line,
    char why[BB_MESSAGE_WHY_MAX])
{
	static const enum bb_line_kind kinds[] = { BB_LINE_ATTACH,
		BB_LINE_ANSWER, BB_LINE_NOTICE, BB_LINE_HINT, BB_LINE_TRUNK,
		BB_LINE_DOWN };
	const json_t *re = json_object_get(json, "re");
	size_t i;

	line->kind = BB_LINE_DATA;
	if (re == NULL)
		return 0;
	for (i = 0; i < BB_LEN(kinds); i++) {
		if (bit_of(kinds[i], up) != 0 && json_is_string(re) &&
		    strcmp(json_string_value(re), re_of(kinds[i])) == 0) {
			line->kind = kinds[i];
			return 0;
		}
	}
	return refuse(why, "member \"re\" of the line has an unknown word");
}

static int
read_members(const json_t *json, unsigned bit, struct bb_line *line,
    char why[BB_MESSAGE_WHY_MAX])
{
	size_t i, known = json_object_get(json, "re") == NULL ? 0 : 1;
	const struct member *m;
	json_t *value;

	for (i = 0; i < BB_LEN(members); i++) {
		m = &members[i];
		if (((m->must | m->may) & bit) == 0)
			continue;
		value = json_object_get(json, m->name);
		if (value == NULL) {
			if ((m->must & bit) != 0)
				return refuse(why,
				    "member \"%s\" of the line is missing",
				    m->name);
			continue;
		}
		known++;
		if (!read_member(value, m, line))
			return refuse(why,
			    "member \"%s\" of the line is not valid", m->name);
	}
	if (json_object_size(json) != known)
		return refuse(why, "the line has an unknown member");
	line->has_reply = bit != H && json_object_get(json, "kid") != NULL;
	return 0;
}

int
bb_outer_read(const json_t *json, bool up, struct bb_line *line,
    char why[BB_MESSAGE_WHY_MAX])
{
	if (read_kind(json, up, line, why) == -1)
		return -1;
	return read_members(json, bit_of(line->kind, up), line, why);
}

static bool
has_object(const struct bb_line *line, const struct member *m)
{
	const void *from = (const char *)line + m->at;

	return *(json_t *const *)from != NULL;
}

static json_t *
make_digits(const void *bytes, size_t len)
{
	char text[2 * BB_NONCE_LEN + 1];

	bb_text_hex(bytes, len, text);
	return json_string(text);
}

/* A new reference; NULL with EINVAL when the struct lacks it, or ENOMEM. */
static json_t *
make_member(const struct bb_line *line, const struct member *m)
{
	const void *from = (const char *)line + m->at;
	char text[BB_U64_HEX_MAX];
	json_t *json = NULL;

	errno = ENOMEM;
	switch (m->type) {
	case PIN:
		if (*(const uint32_t *)from < m->min)
			break;
		bb_text_pin(*(const uint32_t *)from, text);
		return json_string(text);
	case LINK:
		bb_text_u64_hex(*(const uint64_t *)from, text);
		return json_string(text);
	case BYTES:
		if (line->has_reply || line->kind == BB_LINE_HINT)
			return make_digits(from, m->min);
		break;
	case TEXT:
		if (*(const char *const *)from != NULL)
			return json_string(*(const char *const *)from);
		break;
	case NUMBER:
		return json_integer((json_int_t) * (const uint32_t *)from);
	case CODE:
		return json_integer(*(const int *)from);
	case FLAG:
		return json_boolean(*(const bool *)from);
	case OBJECT:
	case STEPS:
		json = json_incref(*(json_t *const *)from);
		break;
	}
	if (json == NULL)
		errno = EINVAL;
	return json;
}

json_t *
bb_outer_make(const struct bb_line *line, bool up)
{
	unsigned bit = bit_of(line->kind, up);
	json_t *json = json_object(), *value;
	const struct member *m;
	size_t i;

	errno = ENOMEM;
	if (json == NULL)
		return NULL;
	errno = EINVAL;
	if (bit == 0)
		goto fail;
	if (re_of(line->kind) != NULL &&
	    json_object_set_new(json, "re", json_string(re_of(line->kind))) ==
		-1)
		goto no_memory;
	for (i = 0; i < BB_LEN(members); i++) {
		m = &members[i];
		if ((m->must & bit) == 0 &&
		    ((m->may & bit) == 0 || !has_object(line, m)))
			continue;
		value = make_member(line, m);
		if (value == NULL)
			goto fail;
		if (json_object_set_new(json, m->name, value) == -1)
			goto no_memory;
	}
	return json;

no_memory:
	errno = ENOMEM;
fail:
	json_decref(json);
	return NULL;
}
