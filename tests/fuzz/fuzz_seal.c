/* Frames sealed and opened (lib/seal/seal.c).
 *
 * Properties: what is sealed opens to the same sections; with any byte changed
 * outside of magic, len and link it does not; no bytes open that were not
 * sealed.  Bytes of the input: type, direction, where and how to change a
 * byte, padding, length of a second section, then the sections.
 * fuzz: -max_len=4096 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "seal/seal.h"

#include "base/cc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static const struct bb_keys *
fixed_keys(void)
{
	static const uint8_t base[BB_BASE_LEN] =
	    "fuzz_seal uses this fixed base";
	static struct bb_keys keys;
	static bool made;

	if (!made)
		must(bb_keys_expand(base, 0x2100000a, &keys) == 0);
	made = true;
	return &keys;
}

/* What the input asks for. */
struct wish {
	struct bb_frame frame;
	size_t at; /* which byte is changed */
	uint8_t change;
	size_t pad;
	struct bb_section sections[BB_PACK_SECTIONS];
	size_t count;
};

static bool
read_wish(const uint8_t *data, size_t size, struct wish *wish)
{
	static const uint8_t types[] = { BB_FRAME_ATTACH, BB_FRAME_ANSWER,
		BB_FRAME_RECOVER, BB_FRAME_DATA, BB_FRAME_NOTICE };
	static const uint8_t dirs[] = { BB_FRAME_UP, BB_FRAME_DOWN, BB_FRAME_UP,
		BB_FRAME_UP, BB_FRAME_DOWN };
	struct bb_rd rd = bb_rd_init(data, size);
	size_t choice = bb_rd_u8(&rd) % BB_LEN(types), second;
	uint8_t flags = bb_rd_u8(&rd);

	memset(wish, 0, sizeof(*wish));
	wish->frame.type = types[choice];
	wish->frame.dir = dirs[choice];
	wish->frame.pin = 0x2100000a;
	wish->frame.att = 1;
	if (wish->frame.type == BB_FRAME_DATA) {
		wish->frame.seq = 1;
		wish->frame.dir = (flags & 1) ? BB_FRAME_DOWN : BB_FRAME_UP;
	}
	wish->at = bb_rd_u16(&rd);
	wish->change = bb_rd_u8(&rd);
	wish->pad = (size_t)bb_rd_u8(&rd) + 1;
	second = bb_rd_u8(&rd);
	if (rd.bad || rd.left <= second)
		return false;
	if (wish->frame.type > BB_FRAME_ANSWER)
		second = 0;
	wish->count = second > 0 ? 2 : 1;
	wish->sections[1] =
	    (struct bb_section){ rd.at, second, (flags & 2) != 0 };
	wish->sections[0] = (struct bb_section){ rd.at + second,
		rd.left - second, (flags & 4) != 0 };
	return true;
}

/* Reads and opens bytes; sections are compared when they must be `same`. */
static bool
opens(const uint8_t *bytes, size_t len, const struct wish *same)
{
	struct bb_buf sections[BB_PACK_SECTIONS] = {
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
	};
	struct bb_frame frame;
	const char *why;
	size_t i, frame_len, count;
	bool opened = false;

	if (bb_frame_split(bytes, len, &frame_len) != BB_PARSE_OK ||
	    bb_frame_read(bytes, frame_len, &frame) != BB_FRAME_SOUND)
		return false;
	if (bb_open(fixed_keys(), &frame, sections, &count, &why) == 0) {
		opened = true;
		must(same == NULL || count == same->count);
		for (i = 0; same != NULL && i < count; i++)
			must(
			    bb_buf_len(&sections[i]) == same->sections[i].len &&
			    memcmp(bb_buf_data(&sections[i]),
				same->sections[i].json,
				same->sections[i].len) == 0);
	} else {
		must(errno == EBADMSG && why == NULL && count == 0);
	}
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		bb_buf_clear(&sections[i]);
	return opened;
}

static void
change_a_byte(uint8_t *bytes, size_t len, const struct wish *wish)
{
	size_t at = BB_FRAME_HEAD + wish->at % (len - BB_FRAME_HEAD);

	if (wish->change == 0)
		return;
	bytes[at] ^= wish->change;
	must(!opens(bytes, len, NULL));
	bytes[at] ^= wish->change;
	bb_frame_set_link(bytes, (uint64_t)wish->at << 20 | wish->change);
	must(opens(bytes, len, wish));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t random[BB_SEAL_RANDOM] = { 1, 2, 3 };
	struct bb_buf out = BB_BUF(BB_FRAME_MAX);
	struct wish wish;
	uint8_t *copy;

	must(!opens(data, size, NULL));
	if (!read_wish(data, size, &wish))
		return 0;
	must(bb_seal_with(fixed_keys(), &wish.frame, wish.sections, wish.count,
		 wish.pad, random, &out) == 0);
	must(opens(bb_buf_data(&out), bb_buf_len(&out), &wish));
	copy = malloc(bb_buf_len(&out));
	must(copy != NULL);
	memcpy(copy, bb_buf_data(&out), bb_buf_len(&out));
	change_a_byte(copy, bb_buf_len(&out), &wish);
	free(copy);
	bb_buf_clear(&out);
	return 0;
}
