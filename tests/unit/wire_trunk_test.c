/* Frames of a trunk: what each must be, what is written. */
#include "wire/frame.h"

#include <string.h>

#include "base/cc.h"
#include "base/cursor.h"
#include "tap.h"
#include "wire/text.h"

/* Bytes of a trunk's frame, as docs/wire.md has them. */
static void
test_trunk_bytes(void)
{
	uint8_t out[BB_TRUNK_LEN];
	char hex[2 * BB_TRUNK_LEN + 1];

	TAP_EQ_UINT(bb_frame_write_hello(BB_FRAME_UP, 0x0A0B0C0D, out), 28,
	    "a HELLO has 28 bytes");
	bb_text_hex(out, sizeof(out), hex);
	TAP_EQ_STR(hex,
	    "bb010010000000000000000001800000"
	    "0a0b0c0d0000000000000000",
	    "a router's has its instance");
	bb_frame_write_hello(BB_FRAME_DOWN, 0x0A0B0C0D, out);
	bb_text_hex(out, sizeof(out), hex);
	TAP_EQ_STR(hex,
	    "bb010010000000000000000001800100"
	    "000000000000000000000000",
	    "a dispatcher's has none");
	bb_frame_write_link(BB_FRAME_LINK_DOWN, 0x0A0B0C0D00000001, 0x2100000A,
	    9, out);
	bb_text_hex(out, sizeof(out), hex);
	TAP_EQ_STR(hex,
	    "bb0100100a0b0c0d0000000101810000"
	    "2100000a0000000000000000",
	    "LINK_DOWN goes up with link and PIN, without a code");
	bb_frame_write_link(BB_FRAME_LINK_OK, 0x0A0B0C0D00000001, 0x2100000A, 9,
	    out);
	bb_text_hex(out, sizeof(out), hex);
	TAP_EQ_STR(hex,
	    "bb0100100a0b0c0d0000000101820100"
	    "2100000a0000000000000000",
	    "LINK_OK goes down with link and PIN, without a code");
	bb_frame_write_link(BB_FRAME_LINK_CLOSE, 0x0A0B0C0D00000001, 0x2100000A,
	    BB_LINK_CLOSE_NO_DEVICE, out);
	bb_text_hex(out, sizeof(out), hex);
	TAP_EQ_STR(hex,
	    "bb0100100a0b0c0d0000000101830102"
	    "000000000000000000000000",
	    "LINK_CLOSE goes down with link and code, without a PIN");
}

/* What a trunk's frame is and must not be. */
static const struct {
	uint8_t type, dir, code;
	uint64_t link;
	uint32_t word;
	enum bb_frame_fault want;
	const char *sentence;
} rows[] = {
	/* clang-format off */
	{ 0x80, 0, 0, 0, 7, BB_FRAME_SOUND, "HELLO up" },
	{ 0x80, 1, 0, 0, 0, BB_FRAME_SOUND, "HELLO down" },
	{ 0x80, 0, 0, 0, 0, BB_FRAME_BAD_RESERVED,
	    "HELLO up without an instance" },
	{ 0x80, 1, 0, 0, 7, BB_FRAME_BAD_RESERVED,
	    "HELLO down with an instance" },
	{ 0x80, 0, 0, 1, 7, BB_FRAME_BAD_RESERVED,
	    "HELLO with a link" },
	{ 0x80, 0, 1, 0, 7, BB_FRAME_BAD_RESERVED,
	    "HELLO with a code" },
	{ 0x80, 2, 0, 0, 7, BB_FRAME_BAD_DIRECTION,
	    "HELLO in direction 2" },
	{ 0x81, 0, 0, 9, 7, BB_FRAME_SOUND, "LINK_DOWN up" },
	{ 0x81, 0, 0, 9, 0, BB_FRAME_SOUND, "LINK_DOWN of PIN 0" },
	{ 0x81, 1, 0, 9, 7, BB_FRAME_BAD_DIRECTION, "LINK_DOWN down" },
	{ 0x81, 0, 1, 9, 7, BB_FRAME_BAD_RESERVED,
	    "LINK_DOWN with a code" },
	{ 0x82, 1, 0, 9, 7, BB_FRAME_SOUND, "LINK_OK down" },
	{ 0x82, 0, 0, 9, 7, BB_FRAME_BAD_DIRECTION, "LINK_OK up" },
	{ 0x82, 1, 2, 9, 7, BB_FRAME_BAD_RESERVED,
	    "LINK_OK with a code" },
	{ 0x83, 1, 1, 9, 0, BB_FRAME_SOUND, "LINK_CLOSE down" },
	{ 0x83, 1, 77, 9, 0, BB_FRAME_SOUND,
	    "LINK_CLOSE with a code that is unknown" },
	{ 0x83, 1, 0, 9, 0, BB_FRAME_BAD_RESERVED,
	    "LINK_CLOSE without a code" },
	{ 0x83, 1, 1, 9, 7, BB_FRAME_BAD_RESERVED,
	    "LINK_CLOSE with a PIN" },
	{ 0x83, 0, 1, 9, 0, BB_FRAME_BAD_DIRECTION, "LINK_CLOSE up" },
	{ 0x84, 1, 0, 9, 0, BB_FRAME_BAD_TYPE, "type 0x84" },
	/* clang-format on */
};

/* On a trunk, and on a device link. */
static void
test_trunk_read(void)
{
	uint8_t out[BB_TRUNK_LEN];
	struct bb_frame frame;
	struct bb_wr wr;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		bb_frame_write_hello(BB_FRAME_DOWN, 0, out);
		wr = bb_wr_init(out + 4, sizeof(out) - 4);
		bb_wr_u64(&wr, rows[i].link);
		bb_wr_u8(&wr, 1);
		bb_wr_u8(&wr, rows[i].type);
		bb_wr_u8(&wr, rows[i].dir);
		bb_wr_u8(&wr, rows[i].code);
		bb_wr_u32(&wr, rows[i].word);
		TAP_EQ_INT(bb_frame_read_trunk(out, sizeof(out), &frame),
		    rows[i].want, rows[i].sentence);
		tap_ok(bb_frame_read(out, sizeof(out), &frame) ==
			   BB_FRAME_BAD_TYPE,
		    "and never on a device link");
	}
}

static void
test_trunk_fields(void)
{
	const struct bb_frame data = { .type = BB_FRAME_DATA,
		.pin = 0x2100000A,
		.att = 1,
		.seq = 1 };
	uint8_t out[200];
	struct bb_frame frame;
	size_t len;

	bb_frame_write_link(BB_FRAME_LINK_OK, 0x0A0B0C0D00000001, 0x2100000A, 0,
	    out);
	tap_ok(bb_frame_read_trunk(out, BB_TRUNK_LEN, &frame) ==
		       BB_FRAME_SOUND &&
		   frame.link == 0x0A0B0C0D00000001 &&
		   frame.type == BB_FRAME_LINK_OK &&
		   frame.dir == BB_FRAME_DOWN && frame.pin == 0x2100000A &&
		   frame.att == 0 && frame.cipher == NULL,
	    "what was written is read, and nothing else");
	out[27] = 1;
	TAP_EQ_INT(bb_frame_read_trunk(out, BB_TRUNK_LEN, &frame),
	    BB_FRAME_BAD_RESERVED, "the last 8 bytes are 0");
	out[27] = 0;
	TAP_EQ_INT(bb_frame_read_trunk(out, BB_TRUNK_LEN + 1, &frame),
	    BB_FRAME_BAD_LENGTH, "a trunk's frame cannot be longer");
	out[12] = 2;
	TAP_EQ_INT(bb_frame_read_trunk(out, BB_TRUNK_LEN, &frame),
	    BB_FRAME_BAD_VERSION, "nor of another version");
	len = bb_frame_write_head(&data, 19, out);
	memset(out + len, 0xCC, 19);
	len += 19;
	tap_ok(bb_frame_read_trunk(out, len, &frame) == BB_FRAME_SOUND &&
		   frame.pin == data.pin && frame.cipher_len == 19,
	    "a device's frame is read on a trunk as everywhere");
	tap_ok(!bb_frame_is_trunk(0x7F) && bb_frame_is_trunk(0x80) &&
		   bb_frame_is_trunk(0x83) && !bb_frame_is_trunk(0x84),
	    "four types are a trunk's");
}

int
main(void)
{
	test_trunk_bytes();
	test_trunk_read();
	test_trunk_fields();
	return tap_done();
}
