/* Streams of frames (lib/wire/frame.c).
 *
 * Properties: a frame is found the same whether its bytes come at once or one
 * by one; what a reader says of it is what the rules of docs/wire.md, written
 * here again as plain conditions, say; a sound frame's header written again is
 * the same bytes; its associated data are the bytes that the table names; PIN
 * and nonce are read from every frame that holds them; another link changes
 * bytes 4 to 11 and nothing else.  On a trunk the same is said of a device's
 * frame, and a sound frame of the trunk written again is the same bytes.  The
 * input is the stream.
 * fuzz: -max_len=4096 */
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/cc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t
number_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* Number fields of a whole frame of type 1 to 5. */
static bool
numbers_right(const uint8_t *p)
{
	uint32_t att = number_at(p + 28), seq = number_at(p + 32);

	if (p[13] == 5)
		return seq == 0;
	if (att == 0 || att == UINT32_MAX)
		return false;
	if (p[13] == 4)
		return seq != 0 && seq != UINT32_MAX;
	return seq == 0;
}

static bool
direction_right(uint8_t type, uint8_t dir)
{
	switch (type) {
	case 1:
	case 3:
		return dir == 0;
	case 4:
		return dir == 0 || dir == 1;
	default:
		return dir == 1;
	}
}

/* The second opinion; docs/wire.md, "Frame". */
static enum bb_frame_fault
judge(const uint8_t *p, size_t len)
{
	uint8_t type = p[13];

	if (p[12] != 1)
		return BB_FRAME_BAD_VERSION;
	if (type != 0x40 && (type < 1 || type > 5))
		return BB_FRAME_BAD_TYPE;
	if (!direction_right(type, p[14]))
		return BB_FRAME_BAD_DIRECTION;
	if (type == 0x40) {
		if (p[15] == 0)
			return BB_FRAME_BAD_RESERVED;
		return len == 28 ? BB_FRAME_SOUND : BB_FRAME_BAD_LENGTH;
	}
	if (p[15] != 0)
		return BB_FRAME_BAD_RESERVED;
	if (len < (type <= 3 ? 108u : 76u))
		return BB_FRAME_BAD_LENGTH;
	return numbers_right(p) ? BB_FRAME_SOUND : BB_FRAME_BAD_NUMBER;
}

/* The first answer that is not MORE comes at the last byte that it needs, and
 * more bytes do not change it. */
static void
check_split(const uint8_t *data, size_t size)
{
	size_t whole_len = 0, len = 0, n;
	enum bb_parse whole = bb_frame_split(data, size, &whole_len), found;

	for (n = 0; n <= size; n++) {
		found = bb_frame_split(data, n, &len);
		if (found != BB_PARSE_MORE)
			break;
	}
	must(found == whole && len == whole_len);
	if (whole == BB_PARSE_OK)
		must(n == len && len >= 28 && len <= 65535);
	if (whole == BB_PARSE_BAD)
		must(n <= 4);
	if (whole == BB_PARSE_MORE && size >= 4)
		must(size < 12 + ((size_t)data[2] << 8 | data[3]));
}

static void
check_sound(const uint8_t *p, size_t len, const struct bb_frame *frame)
{
	uint8_t out[BB_FRAME_OVERHEAD_E], aad[BB_AAD_MAX];
	size_t head = frame->type <= 3 ? 92 : 60;

	if (frame->type == BB_FRAME_HINT) {
		must(bb_frame_write_hint(frame->link, frame->pin, frame->code,
			 frame->nonce, out) == len);
		must(memcmp(out, p, len) == 0 && frame->cipher == NULL);
		return;
	}
	must(frame->cipher == p + head && frame->cipher_len == len - head);
	must(frame->cipher_len >= BB_TAG_LEN);
	must(bb_frame_write_head(frame, frame->cipher_len, out) == head);
	must(memcmp(out, p, head) == 0);
	must(bb_frame_has_e(frame->type) == (head == 92));
	must(bb_frame_aad(frame, aad) == head - 36);
	must(memcmp(aad, p + 12, 24) == 0);
	must(memcmp(aad + 24, p + 60, head - 60) == 0);
}

static void
check_link(uint8_t *p, size_t len)
{
	struct bb_frame before, after;
	enum bb_frame_fault fault = bb_frame_read(p, len, &before);
	uint64_t other = ~before.link;

	bb_frame_set_link(p, other);
	must(bb_frame_read(p, len, &after) == fault);
	must(after.link == other);
	bb_frame_set_link(p, before.link);
}

/* The second opinion on a trunk's own frames; docs/wire.md, "Trunk". */
static enum bb_frame_fault
judge_trunk(const uint8_t *p, size_t len)
{
	static const uint8_t zeros[12];
	bool down = p[14] == 1, hello = p[13] == 0x80, close = p[13] == 0x83;

	if (p[14] > 1 || (!hello && down != (p[13] != 0x81)))
		return BB_FRAME_BAD_DIRECTION;
	if (len != 28)
		return BB_FRAME_BAD_LENGTH;
	if (memcmp(p + 20, zeros, 8) != 0 || (p[15] != 0) != close)
		return BB_FRAME_BAD_RESERVED;
	if (close && number_at(p + 16) != 0)
		return BB_FRAME_BAD_RESERVED;
	if (hello &&
	    (memcmp(p + 4, zeros, 8) != 0 || (number_at(p + 16) == 0) != down))
		return BB_FRAME_BAD_RESERVED;
	return BB_FRAME_SOUND;
}

static void
check_trunk(const uint8_t *p, size_t len, enum bb_frame_fault fault)
{
	uint8_t out[BB_TRUNK_LEN];
	struct bb_frame frame;
	enum bb_frame_fault found = bb_frame_read_trunk(p, len, &frame);

	if (p[12] != 1 || !bb_frame_is_trunk(p[13])) {
		must(found == fault);
		return;
	}
	must(fault == BB_FRAME_BAD_TYPE && found == judge_trunk(p, len));
	must(frame.type == p[13] && frame.pin == number_at(p + 16));
	if (found != BB_FRAME_SOUND)
		return;
	if (frame.type == BB_FRAME_HELLO)
		bb_frame_write_hello((enum bb_frame_dir)frame.dir, frame.pin,
		    out);
	else
		bb_frame_write_link((enum bb_frame_type)frame.type, frame.link,
		    frame.pin, frame.code, out);
	must(memcmp(out, p, len) == 0);
}

/* In memory of its own size, where a checker sees each byte too far. */
static void
check_frame(const uint8_t *data, size_t len)
{
	uint8_t *p = malloc(len);
	struct bb_frame frame;
	enum bb_frame_fault fault;
	bool hint;

	if (p == NULL)
		return;
	memcpy(p, data, len);
	fault = bb_frame_read(p, len, &frame);
	must(fault == judge(p, len));
	must(strlen(bb_frame_fault_text(fault)) > 0);
	must(strlen(bb_frame_type_text(frame.type)) > 0);
	must(frame.pin == number_at(p + 16) && frame.version == p[12] &&
	     frame.type == p[13]);
	hint = frame.version == 1 && frame.type == BB_FRAME_HINT;
	if (hint)
		must(memcmp(frame.nonce, p + 20, 8) == 0);
	else if (len >= 60)
		must(memcmp(frame.nonce, p + 36, 24) == 0);
	if (fault == BB_FRAME_SOUND)
		check_sound(p, len, &frame);
	check_trunk(p, len, fault);
	check_link(p, len);
	must(memcmp(p, data, len) == 0);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0, len;

	do {
		check_split(data + at, size - at);
		if (bb_frame_split(data + at, size - at, &len) != BB_PARSE_OK)
			break;
		check_frame(data + at, len);
		at += len;
	} while (at < size);
	return 0;
}
