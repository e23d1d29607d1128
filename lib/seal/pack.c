/* Owns the sealed body (docs/wire.md, "Body"): sections of JSON, each stored
 * or deflated, then zero padding. */
#include <errno.h>
#include <string.h>

#include "seal/pack.h"

#include "base/cursor.h"
#include "base/secret.h"
#include "seal/flate.h"

#include "base/cc.h"

#define SECTION_HEAD 3 /* format, then length of the rest in two bytes */

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Appends head and rest.  Deflated must be shorter than the text itself, so
 * `room` bytes are enough for either unless the body is nearly full. */
static int
add_section(struct bb_buf *body, const void *json, size_t json_len, bool stored)
{
	size_t room = smaller(json_len, bb_buf_room(body) - SECTION_HEAD);
	uint8_t *at = bb_buf_reserve(body, SECTION_HEAD + room);
	enum bb_pack_format format = BB_PACK_DEFLATE;
	size_t rest_len = json_len;
	struct bb_wr wr;

	if (at == NULL)
		return -1;
	if (stored || bb_deflate(json, json_len, at + SECTION_HEAD,
			  smaller(room, json_len - 1), &rest_len) == -1) {
		if (!stored && errno != ENOSPC)
			return -1;
		if (room < json_len) {
			errno = ENOBUFS;
			return -1;
		}
		format = BB_PACK_STORED;
		rest_len = json_len;
		memcpy(at + SECTION_HEAD, json, json_len);
	}
	wr = bb_wr_init(at, SECTION_HEAD);
	bb_wr_u8(&wr, (uint8_t)format);
	bb_wr_u16(&wr, (uint16_t)rest_len);
	bb_buf_added(body, SECTION_HEAD + rest_len);
	return 0;
}

int
bb_pack_add(struct bb_buf *body, const void *json, size_t json_len, bool stored)
{
	if (json_len == 0 || json_len > BB_PACK_JSON_MAX)
		errno = json_len == 0 ? EINVAL : EMSGSIZE;
	else if (bb_buf_room(body) <= SECTION_HEAD)
		errno = ENOBUFS;
	else
		return add_section(body, json, json_len, stored);
	return -1;
}

int
bb_pack_pad(struct bb_buf *body, size_t multiple)
{
	size_t over = bb_buf_len(body) % multiple;
	uint8_t *at;

	if (over == 0)
		return 0;
	at = bb_buf_reserve(body, multiple - over);
	if (at == NULL)
		return -1;
	memset(at, 0, multiple - over);
	bb_buf_added(body, multiple - over);
	return 0;
}

static bool
all_zero(const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len && bytes[i] == 0; i++)
		;
	return i == len;
}

/* Inflates into the section's buffer; one byte more than the maximum is let
 * through, to know what is too long. */
static const char *
inflate_section(const uint8_t *rest, size_t rest_len, struct bb_buf *section)
{
	static uint8_t scratch[BB_PACK_JSON_MAX + 1];
	const char *why = NULL;
	size_t len = 0;

	if (bb_inflate(rest, rest_len, scratch, sizeof(scratch), &len, &why) ==
	    -1) {
		if (errno == ENOMEM)
			why = "memory ran out";
	} else if (len > BB_PACK_JSON_MAX) {
		errno = EPROTO;
		why = "a section is too long after inflating";
	} else if (bb_buf_put(section, scratch, len) == -1) {
		why = "memory ran out";
	}
	bb_wipe(scratch, len);
	return why;
}

/* Reads one section; NULL, or why not (errno is set). */
static const char *
open_section(struct bb_rd *rd, struct bb_buf *section)
{
	uint8_t format = bb_rd_u8(rd);
	size_t rest_len = bb_rd_u16(rd);
	const uint8_t *rest = bb_rd_bytes(rd, rest_len);
	const char *why = NULL;

	errno = EPROTO;
	if (rd->bad)
		return "a section is longer than the body";
	if (format == BB_PACK_DEFLATE)
		why = inflate_section(rest, rest_len, section);
	else if (format != BB_PACK_STORED)
		return "a section has an unknown format";
	else if (rest_len > BB_PACK_JSON_MAX)
		return "a section is too long";
	else if (bb_buf_put(section, rest, rest_len) == -1)
		return "memory ran out";
	if (why == NULL && bb_buf_len(section) == 0) {
		errno = EPROTO;
		return "a section is empty";
	}
	return why;
}

enum bb_parse
bb_pack_open(const void *body, size_t len, struct bb_buf *sections, size_t max,
    size_t *count, const char **why)
{
	struct bb_rd rd = bb_rd_init(body, len);
	size_t i, opened = 0;

	*why = NULL;
	*count = 0;
	do {
		if (opened == max) {
			errno = EPROTO;
			*why = "the padding is not zero, or there are too "
			       "many sections";
			break;
		}
		*why = open_section(&rd, &sections[opened++]);
	} while (*why == NULL && !all_zero(rd.at, rd.left));
	if (*why == NULL) {
		*count = opened;
		return BB_PARSE_OK;
	}
	for (i = 0; i < opened; i++)
		bb_buf_clear(&sections[i]);
	return BB_PARSE_BAD;
}
