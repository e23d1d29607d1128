/* Writes JSON: commas, names, escapes (RFC 8259). */
#include "base/json_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/cursor.h"

struct bb_json_out
bb_json_out_init(struct bb_buf *buf)
{
	return (struct bb_json_out){ .buf = buf };
}

static void
put(struct bb_json_out *out, const void *bytes, size_t len)
{
	if (!out->bad && bb_buf_put(out->buf, bytes, len) == -1)
		out->bad = true;
}

static void
puts_raw(struct bb_json_out *out, const char *text)
{
	put(out, text, strlen(text));
}

/* One character; U+FFFD where none begins. */
static void
put_char(struct bb_json_out *out, struct bb_rd *rd)
{
	const uint8_t *at = rd->at;
	size_t left = rd->left;
	uint32_t c = bb_rd_utf8(rd);
	char escaped[8];

	if (rd->bad) {
		*rd = bb_rd_init(at + 1, left - 1);
		puts_raw(out, "\\ufffd");
	} else if (c == '"' || c == '\\') {
		puts_raw(out, c == '"' ? "\\\"" : "\\\\");
	} else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
		(void)snprintf(escaped, sizeof(escaped), "\\u%04x",
		    (unsigned)c);
		puts_raw(out, escaped);
	} else {
		put(out, at, left - rd->left);
	}
}

static void
put_text(struct bb_json_out *out, const char *text)
{
	struct bb_rd rd = bb_rd_init(text, strlen(text));

	puts_raw(out, "\"");
	while (rd.left > 0)
		put_char(out, &rd);
	puts_raw(out, "\"");
}

/* What stands before a value. */
static void
begin(struct bb_json_out *out, const char *name)
{
	if (out->comma)
		puts_raw(out, ",");
	if (name != NULL) {
		put_text(out, name);
		puts_raw(out, ":");
	}
	out->comma = true;
}

void
bb_json_out_object(struct bb_json_out *out, const char *name)
{
	begin(out, name);
	puts_raw(out, "{");
	out->comma = false;
}

void
bb_json_out_object_end(struct bb_json_out *out)
{
	puts_raw(out, "}");
	out->comma = true;
}

void
bb_json_out_list(struct bb_json_out *out, const char *name)
{
	begin(out, name);
	puts_raw(out, "[");
	out->comma = false;
}

void
bb_json_out_list_end(struct bb_json_out *out)
{
	puts_raw(out, "]");
	out->comma = true;
}

void
bb_json_out_text(struct bb_json_out *out, const char *name, const char *text)
{
	begin(out, name);
	put_text(out, text);
}

void
bb_json_out_uint(struct bb_json_out *out, const char *name, uint64_t v)
{
	char digits[24];

	begin(out, name);
	(void)snprintf(digits, sizeof(digits), "%" PRIu64, v);
	puts_raw(out, digits);
}

void
bb_json_out_bool(struct bb_json_out *out, const char *name, bool v)
{
	begin(out, name);
	puts_raw(out, v ? "true" : "false");
}
