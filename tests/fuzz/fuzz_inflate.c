/* The sealed body, from a peer that has the key (lib/seal/pack.c).
 *
 * Properties: what is packed opens to the same sections; any bytes that open
 * give at most two sections of 1 .. 65533 bytes, which packed again open to
 * the same; a body of stored sections alone is the only one for its sections.
 * fuzz: -max_len=70000 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "seal/pack.h"

#include "base/cc.h"

#define BODY_MAX 200000 /* two stored sections and padding */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct body {
	size_t count;
	struct bb_buf sections[BB_PACK_SECTIONS];
};

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
open_body(const uint8_t *bytes, size_t len, struct body *body)
{
	const char *why;
	size_t i;
	bool ok;

	for (i = 0; i < BB_PACK_SECTIONS; i++)
		body->sections[i] = BB_BUF_SECRET(BB_PACK_JSON_MAX);
	ok = bb_pack_open(bytes, len, body->sections, BB_PACK_SECTIONS,
		 &body->count, &why) == BB_PARSE_OK;
	must(ok == (why == NULL) && ok == (body->count > 0));
	must(body->count <= BB_PACK_SECTIONS);
	for (i = 0; i < BB_PACK_SECTIONS; i++) {
		size_t held = bb_buf_len(&body->sections[i]);

		must(held <= BB_PACK_JSON_MAX);
		must((held > 0) == (i < body->count));
	}
	return ok;
}

static void
close_body(struct body *body)
{
	size_t i;

	for (i = 0; i < BB_PACK_SECTIONS; i++)
		bb_buf_clear(&body->sections[i]);
}

static void
must_equal(const struct body *a, const struct body *b)
{
	size_t i, len;

	must(a->count == b->count);
	for (i = 0; i < a->count; i++) {
		len = bb_buf_len(&a->sections[i]);
		must(len == bb_buf_len(&b->sections[i]));
		must(memcmp(bb_buf_data(&a->sections[i]),
			 bb_buf_data(&b->sections[i]), len) == 0);
	}
}

/* Packs again, and opens what that gave. */
static void
pack_again(const struct body *body, bool stored, size_t pad,
    struct bb_buf *packed)
{
	struct body again;
	size_t i;

	for (i = 0; i < body->count; i++)
		must(bb_pack_add(packed, bb_buf_data(&body->sections[i]),
			 bb_buf_len(&body->sections[i]), stored) == 0);
	must(bb_pack_pad(packed, pad) == 0);
	must(open_body(bb_buf_data(packed), bb_buf_len(packed), &again));
	must_equal(body, &again);
	close_body(&again);
}

static bool
all_stored(const uint8_t *bytes, const struct body *body)
{
	size_t second = bb_buf_len(&body->sections[0]) + 3;

	return bytes[0] == BB_PACK_STORED &&
	       (body->count == 1 || bytes[second] == BB_PACK_STORED);
}

static void
as_body(const uint8_t *data, size_t size)
{
	struct bb_buf deflated = BB_BUF(BODY_MAX), stored = BB_BUF(BODY_MAX);
	struct body body;

	if (open_body(data, size, &body)) {
		pack_again(&body, false, BB_PACK_PAD, &deflated);
		pack_again(&body, true, 1, &stored);
		if (all_stored(data, &body)) {
			must(bb_buf_len(&stored) <= size);
			must(memcmp(bb_buf_data(&stored), data,
				 bb_buf_len(&stored)) == 0);
		}
	}
	close_body(&body);
	bb_buf_clear(&deflated);
	bb_buf_clear(&stored);
}

/* The first bytes say how the rest is cut into sections and packed. */
static void
as_json(const uint8_t *data, size_t size)
{
	struct bb_buf packed = BB_BUF(BODY_MAX);
	struct body body = { .count = 1 };
	size_t cut;

	if (size < 4 || size - 3 > BB_PACK_JSON_MAX)
		return;
	cut = ((size_t)data[1] << 8 | data[2]) % (size - 3);
	body.sections[0] = BB_BUF(BB_PACK_JSON_MAX);
	body.sections[1] = BB_BUF(BB_PACK_JSON_MAX);
	must(
	    bb_buf_put(&body.sections[0], data + 3 + cut, size - 3 - cut) == 0);
	must(bb_buf_put(&body.sections[1], data + 3, cut) == 0);
	if (cut > 0)
		body.count = 2;
	pack_again(&body, (data[0] & 1) != 0, 1 + (size_t)data[0] / 2, &packed);
	close_body(&body);
	bb_buf_clear(&packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_body(data, size);
	as_json(data, size);
	return 0;
}
