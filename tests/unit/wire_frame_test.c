/* Frames: where they end, what each type must be, what is written. */
#include "wire/frame.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/cursor.h"
#include "capture.h"
#include "tap.h"
#include "wire/text.h"

#define NONCE_AT 36

static const struct bb_frame data_frame = {
	.link = 0x0102030405060708,
	.version = 1,
	.type = BB_FRAME_DATA,
	.dir = BB_FRAME_UP,
	.pin = 0x2100000A,
	.kid = { 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7 },
	.att = 0x11223344,
	.seq = 0x55667788,
	.nonce = { 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
	    0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5,
	    0xE6, 0xE7, 0xE8 },
};

/* A sound frame of a type with `cipher_len` bytes of ciphertext and tag. */
static size_t
make(uint8_t *out, uint8_t type, size_t cipher_len)
{
	struct bb_frame frame = data_frame;
	size_t len;

	if (type == BB_FRAME_HINT)
		return bb_frame_write_hint(frame.link, frame.pin,
		    BB_HINT_CANNOT_OPEN, frame.nonce, out);
	frame.type = type;
	frame.dir = type == BB_FRAME_ANSWER || type == BB_FRAME_NOTICE;
	if (type != BB_FRAME_DATA)
		frame.seq = 0;
	memset(frame.e, 0xEE, sizeof(frame.e));
	len = bb_frame_write_head(&frame, cipher_len, out);
	memset(out + len, 0xCC, cipher_len);
	return len + cipher_len;
}

static void
test_data_bytes(void)
{
	static const char want[] = "bb01"
				   "0043"
				   "0102030405060708"
				   "01040000"
				   "2100000a"
				   "a0a1a2a3a4a5a6a7"
				   "11223344"
				   "55667788"
				   "d1d2d3d4d5d6d7d8d9dadbdcdddedfe0"
				   "e1e2e3e4e5e6e7e8";
	uint8_t out[BB_FRAME_OVERHEAD_E];
	char hex[2 * sizeof(out) + 1];
	size_t len = bb_frame_write_head(&data_frame, 19, out);

	TAP_EQ_UINT(len, 60, "the head of DATA has 60 bytes");
	bb_text_hex(out, len, hex);
	TAP_EQ_STR(hex, want, "they stand where the byte table says");
	len = bb_frame_aad(&data_frame, out);
	TAP_EQ_UINT(len, 24, "its associated data has 24 bytes");
	bb_text_hex(out, len, hex);
	TAP_EQ_MEM(hex, 48, want + 24, 48, "which are bytes 12 to 35");
}

static void
test_attach_bytes(void)
{
	uint8_t out[BB_FRAME_MAX], aad[BB_AAD_MAX];
	size_t len = make(out, BB_FRAME_ATTACH, 16);
	struct bb_frame frame;

	TAP_EQ_UINT(len, 108, "the shortest ATTACH has 108 bytes");
	TAP_EQ_UINT(out[2] << 8 | out[3], 96, "its length says 96");
	tap_ok(out[60] == 0xEE && out[91] == 0xEE && out[92] == 0xCC,
	    "the ephemeral key stands behind the nonce");
	(void)bb_frame_read(out, len, &frame);
	TAP_EQ_UINT(bb_frame_aad(&frame, aad), 56,
	    "its associated data has 56 bytes");
	tap_ok(memcmp(aad, out + 12, 24) == 0 &&
		   memcmp(aad + 24, out + 60, 32) == 0,
	    "bytes 12 to 35, then the ephemeral key");
}

static void
test_hint_bytes(void)
{
	uint8_t out[BB_HINT_LEN];
	char hex[2 * BB_HINT_LEN + 1];
	struct bb_frame frame;
	size_t len = bb_frame_write_hint(0, 0x2100000A, BB_HINT_CANNOT_OPEN,
	    data_frame.nonce, out);

	bb_text_hex(out, len, hex);
	TAP_EQ_STR(hex,
	    "bb010010000000000000000001400102"
	    "2100000ad1d2d3d4d5d6d7d8",
	    "a HINT has the bytes that docs/wire.md shows");
	tap_ok(bb_frame_read(out, len, &frame) == BB_FRAME_SOUND &&
		   frame.type == BB_FRAME_HINT && frame.code == 2 &&
		   frame.pin == 0x2100000A && frame.cipher == NULL &&
		   frame.cipher_len == 0,
	    "and is read again");
	TAP_EQ_MEM(frame.nonce, 24,
	    "\xD1\xD2\xD3\xD4\xD5\xD6\xD7\xD8"
	    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    24, "with the first 8 bytes of the nonce");
	out[15] = 77;
	tap_ok(bb_frame_read(out, len, &frame) == BB_FRAME_SOUND &&
		   frame.code == 77,
	    "a code that is unknown is carried");
	out[15] = 0;
	TAP_EQ_INT(bb_frame_read(out, len, &frame), BB_FRAME_BAD_RESERVED,
	    "a HINT without a code is bad");
}

static void
test_read(void)
{
	uint8_t out[200];
	struct bb_frame frame;
	size_t len = make(out, BB_FRAME_DATA, 19);

	tap_ok(bb_frame_read(out, len, &frame) == BB_FRAME_SOUND &&
		   frame.link == data_frame.link && frame.version == 1 &&
		   frame.type == BB_FRAME_DATA && frame.dir == BB_FRAME_UP &&
		   frame.code == 0 && frame.pin == data_frame.pin &&
		   frame.att == data_frame.att && frame.seq == data_frame.seq &&
		   memcmp(frame.kid, data_frame.kid, BB_KID_LEN) == 0 &&
		   memcmp(frame.nonce, data_frame.nonce, BB_NONCE_LEN) == 0,
	    "what was written is read");
	tap_ok(frame.cipher == out + 60 && frame.cipher_len == 19,
	    "the ciphertext is borrowed, with its tag");
	bb_frame_set_link(out, 0xFFEEDDCCBBAA9988);
	tap_ok(bb_frame_read(out, len, &frame) == BB_FRAME_SOUND &&
		   frame.link == 0xFFEEDDCCBBAA9988 &&
		   frame.pin == 0x2100000A && out[3] == 67,
	    "the link is overwritten and nothing else");
}

static void
test_split(void)
{
	static uint8_t out[BB_FRAME_MAX + 10];
	size_t len = make(out, BB_FRAME_DATA, 19), n, found = 99;
	bool more = true;

	for (n = 0; n < len; n++)
		more = more && bb_frame_split(out, n, &found) == BB_PARSE_MORE;
	tap_ok(more, "each beginning of a frame asks for more");
	tap_ok(bb_frame_split(out, len, &found) == BB_PARSE_OK && found == len,
	    "a whole frame is found");
	tap_ok(bb_frame_split(out, len + 10, &found) == BB_PARSE_OK &&
		   found == len,
	    "what stands behind it does not matter");
	len = make(out, BB_FRAME_DATA, BB_FRAME_MAX - 60);
	tap_ok(len == BB_FRAME_MAX &&
		   bb_frame_split(out, len, &found) == BB_PARSE_OK &&
		   found == BB_FRAME_MAX,
	    "the longest frame is found");
	TAP_EQ_INT(bb_frame_split(NULL, 0, &found), BB_PARSE_MORE,
	    "no bytes ask for more");
}

static void
test_split_bad(void)
{
	static const struct {
		const char *hex;
		enum bb_parse want;
		const char *sentence;
	} rows[] = {
		/* clang-format off */
		{ "7b", BB_PARSE_BAD, "another first byte is bad at once" },
		{ "bb", BB_PARSE_MORE, "the first byte of magic is not" },
		{ "bb02", BB_PARSE_BAD, "another second byte is bad at once" },
		{ "bb0100", BB_PARSE_MORE, "half a length asks for more" },
		{ "bb01000f", BB_PARSE_BAD, "length 15 is bad at once" },
		{ "bb010010", BB_PARSE_MORE, "length 16 is not" },
		{ "bb01fff3", BB_PARSE_MORE, "length 65523 is not" },
		{ "bb01fff4", BB_PARSE_BAD, "length 65524 is bad" },
		{ "bb01ffff", BB_PARSE_BAD, "length 65535 is bad" },
		{ "bb010000", BB_PARSE_BAD, "length 0 is bad" },
		/* clang-format on */
	};
	uint8_t bytes[8];
	size_t i, len, found;

	for (i = 0; i < BB_LEN(rows); i++) {
		len = strlen(rows[i].hex) / 2;
		if (!bb_text_hex_scan(rows[i].hex, bytes, len))
			abort();
		TAP_EQ_INT(bb_frame_split(bytes, len, &found), rows[i].want,
		    rows[i].sentence);
	}
}

/* One sound frame with one field changed: big-endian value at offset. */
struct change {
	uint8_t type;
	size_t at, width;
	uint32_t value;
	enum bb_frame_fault want;
	const char *sentence;
};

static const struct change changes[] = {
	/* clang-format off */
	{ 1, 12, 1, 0, BB_FRAME_BAD_VERSION, "version 0" },
	{ 1, 12, 1, 2, BB_FRAME_BAD_VERSION, "version 2" },
	{ 4, 13, 1, 0, BB_FRAME_BAD_TYPE, "type 0" },
	{ 4, 13, 1, 6, BB_FRAME_BAD_TYPE, "type 6" },
	{ 4, 13, 1, 0x41, BB_FRAME_BAD_TYPE, "type 0x41" },
	{ 4, 13, 1, 0x80, BB_FRAME_BAD_TYPE, "trunk type 0x80" },
	{ 4, 13, 1, 0x83, BB_FRAME_BAD_TYPE, "trunk type 0x83" },
	{ 4, 13, 1, 0xFF, BB_FRAME_BAD_TYPE, "type 0xff" },
	{ 1, 14, 1, 1, BB_FRAME_BAD_DIRECTION, "ATTACH down" },
	{ 2, 14, 1, 0, BB_FRAME_BAD_DIRECTION, "ANSWER up" },
	{ 3, 14, 1, 1, BB_FRAME_BAD_DIRECTION, "RECOVER down" },
	{ 4, 14, 1, 1, BB_FRAME_SOUND, "DATA down" },
	{ 4, 14, 1, 2, BB_FRAME_BAD_DIRECTION, "DATA in direction 2" },
	{ 4, 14, 1, 33, BB_FRAME_BAD_DIRECTION, "DATA in direction 33" },
	{ 5, 14, 1, 0, BB_FRAME_BAD_DIRECTION, "NOTICE up" },
	{ 0x40, 14, 1, 0, BB_FRAME_BAD_DIRECTION, "HINT up" },
	{ 4, 15, 1, 1, BB_FRAME_BAD_RESERVED, "DATA with a code" },
	{ 1, 15, 1, 0x80, BB_FRAME_BAD_RESERVED, "ATTACH with a code" },
	{ 1, 28, 4, 0, BB_FRAME_BAD_NUMBER, "ATTACH with att 0" },
	{ 1, 28, 4, 1, BB_FRAME_SOUND, "ATTACH with att 1" },
	{ 1, 28, 4, 0xFFFFFFFE, BB_FRAME_SOUND, "ATTACH with the last att" },
	{ 1, 28, 4, 0xFFFFFFFF, BB_FRAME_BAD_NUMBER,
	    "ATTACH with an att behind the last" },
	{ 2, 28, 4, 0, BB_FRAME_BAD_NUMBER, "ANSWER with att 0" },
	{ 2, 28, 4, 0xFFFFFFFF, BB_FRAME_BAD_NUMBER,
	    "ANSWER with an att behind the last" },
	{ 3, 28, 4, 0, BB_FRAME_BAD_NUMBER, "RECOVER with att 0" },
	{ 3, 28, 4, 5, BB_FRAME_SOUND, "RECOVER with att 5" },
	{ 4, 28, 4, 0, BB_FRAME_BAD_NUMBER, "DATA with att 0" },
	{ 4, 28, 4, 0xFFFFFFFF, BB_FRAME_BAD_NUMBER,
	    "DATA with an att behind the last" },
	{ 5, 28, 4, 0, BB_FRAME_SOUND, "NOTICE with att 0" },
	{ 5, 28, 4, 0xFFFFFFFF, BB_FRAME_SOUND,
	    "NOTICE with the att of a bad frame" },
	{ 1, 32, 4, 1, BB_FRAME_BAD_NUMBER, "ATTACH with a seq" },
	{ 2, 32, 4, 1, BB_FRAME_BAD_NUMBER, "ANSWER with a seq" },
	{ 3, 32, 4, 1, BB_FRAME_BAD_NUMBER, "RECOVER with a seq" },
	{ 5, 32, 4, 1, BB_FRAME_BAD_NUMBER, "NOTICE with a seq" },
	{ 4, 32, 4, 0, BB_FRAME_BAD_NUMBER, "DATA with seq 0" },
	{ 4, 32, 4, 1, BB_FRAME_SOUND, "DATA with seq 1" },
	{ 4, 32, 4, 0xFFFFFFFE, BB_FRAME_SOUND, "DATA with the last seq" },
	{ 4, 32, 4, 0xFFFFFFFF, BB_FRAME_BAD_NUMBER,
	    "DATA with a seq behind the last" },
	{ 4, 16, 4, 0, BB_FRAME_SOUND, "PIN 00000000" },
	{ 4, 16, 4, 0xFFFFFFFF, BB_FRAME_SOUND, "PIN ffffffff" },
	/* clang-format on */
};

static void
test_changes(void)
{
	uint8_t out[200];
	struct bb_frame frame;
	struct bb_wr wr;
	size_t i, len;

	for (i = 0; i < BB_LEN(changes); i++) {
		len = make(out, changes[i].type, 16);
		if (bb_frame_read(out, len, &frame) != BB_FRAME_SOUND)
			tap_ok(false, "the frame is sound before");
		wr = bb_wr_init(out + changes[i].at, changes[i].width);
		if (changes[i].width == 1)
			bb_wr_u8(&wr, (uint8_t)changes[i].value);
		else
			bb_wr_u32(&wr, changes[i].value);
		TAP_EQ_INT(bb_frame_read(out, len, &frame), changes[i].want,
		    changes[i].sentence);
		TAP_EQ_UINT(frame.pin,
		    changes[i].at == 16 ? changes[i].value : 0x2100000A,
		    "and the PIN is read all the same");
	}
}

/* The stream is cut as a sender with a wrong length would have it. */
static void
test_lengths(void)
{
	static const struct {
		uint8_t type;
		size_t least; /* bytes of the shortest frame */
	} rows[] = { { BB_FRAME_ATTACH, 108 }, { BB_FRAME_ANSWER, 108 },
		{ BB_FRAME_RECOVER, 108 }, { BB_FRAME_DATA, 76 },
		{ BB_FRAME_NOTICE, 76 }, { BB_FRAME_HINT, 28 } };
	uint8_t out[200];
	struct bb_frame frame;
	size_t i, n;
	bool short_bad, longer_right;

	for (i = 0; i < BB_LEN(rows); i++) {
		(void)make(out, rows[i].type, 80);
		short_bad = true;
		for (n = BB_HINT_LEN; n < rows[i].least; n++) {
			out[3] = (uint8_t)(n - BB_FRAME_HEAD);
			short_bad =
			    short_bad && bb_frame_read(out, n, &frame) ==
					     BB_FRAME_BAD_LENGTH;
		}
		tap_ok(short_bad, "%s below %u bytes is bad",
		    bb_frame_type_text(rows[i].type), (unsigned)rows[i].least);
		TAP_EQ_INT(bb_frame_read(out, n, &frame), BB_FRAME_SOUND,
		    "at its least length it is sound");
		longer_right =
		    (bb_frame_read(out, n + 1, &frame) == BB_FRAME_SOUND) ==
		    (rows[i].type != BB_FRAME_HINT);
		tap_ok(longer_right, "only a HINT cannot be longer");
	}
}

/* So that a HINT can be written to whoever speaks another version. */
static void
test_other_version(void)
{
	uint8_t out[200];
	struct bb_frame frame;
	size_t len = make(out, BB_FRAME_ATTACH, 16);

	out[12] = 9;
	out[13] = 99;
	tap_ok(bb_frame_read(out, len, &frame) == BB_FRAME_BAD_VERSION &&
		   frame.version == 9 && frame.type == 99 &&
		   frame.pin == 0x2100000A &&
		   memcmp(frame.nonce, data_frame.nonce, 24) == 0,
	    "of another version PIN and nonce are read");
	tap_ok(bb_frame_read(out, 59, &frame) == BB_FRAME_BAD_VERSION &&
		   frame.pin == 0x2100000A && frame.nonce[0] == 0 &&
		   frame.nonce[22] == 0,
	    "a nonce that is cut off is zero");
	tap_ok(bb_frame_read(out, 28, &frame) == BB_FRAME_BAD_VERSION &&
		   frame.pin == 0x2100000A,
	    "a PIN stands in the shortest frame too");
	out[13] = BB_FRAME_HINT;
	tap_ok(bb_frame_read(out, len, &frame) == BB_FRAME_BAD_VERSION &&
		   memcmp(frame.nonce, out + NONCE_AT, 24) == 0,
	    "a type of another version has the layout of none of ours");
}

static void
test_texts(void)
{
	int fault, type;
	const char *a, *b;

	for (fault = BB_FRAME_SOUND; fault <= BB_FRAME_BAD_NUMBER; fault++) {
		a = bb_frame_fault_text((enum bb_frame_fault)fault);
		tap_ok(strncmp(a, "has ", 4) == 0 || strcmp(a, "is sound") == 0,
		    "a fault has words: %s", a);
	}
	TAP_EQ_STR(bb_frame_type_text(BB_FRAME_ATTACH), "ATTACH",
	    "a type has its name");
	TAP_EQ_STR(bb_frame_type_text(BB_FRAME_HINT), "HINT", "HINT too");
	TAP_EQ_STR(bb_frame_type_text(BB_FRAME_LINK_CLOSE), "LINK_CLOSE",
	    "and those of a trunk");
	a = bb_frame_type_text(0x17);
	b = bb_frame_type_text(0xFE);
	TAP_EQ_STR(a, "type-0x17", "an unknown type has its number");
	TAP_EQ_STR(b, "type-0xfe", "and each one its own");
	for (type = 0; type < 256; type++)
		(void)bb_frame_type_text((uint8_t)type);
	TAP_EQ_STR(a, "type-0x17", "which stays");
	tap_ok(bb_frame_has_e(1) && bb_frame_has_e(2) && bb_frame_has_e(3) &&
		   !bb_frame_has_e(4) && !bb_frame_has_e(5) &&
		   !bb_frame_has_e(0x40) && !bb_frame_has_e(0x80),
	    "ATTACH, ANSWER and RECOVER carry an ephemeral key");
}

static void
write_too_long(void *arg)
{
	uint8_t out[BB_FRAME_OVERHEAD_E];

	(void)bb_frame_write_head(&data_frame, *(const size_t *)arg, out);
}

static void
test_too_long(void)
{
	size_t most = BB_FRAME_MAX - 60, over = most + 1, all = SIZE_MAX;
	struct capture c;

	capture(&c, write_too_long, &most);
	TAP_EQ_INT(c.status, 0, "a head can be written for the longest frame");
	capture(&c, write_too_long, &over);
	TAP_EQ_INT(c.status, -SIGABRT,
	    "one for a longer frame ends the process");
	capture(&c, write_too_long, &all);
	TAP_EQ_INT(c.status, -SIGABRT, "also where the sum would wrap");
}

int
main(void)
{
	test_data_bytes();
	test_attach_bytes();
	test_hint_bytes();
	test_read();
	test_split();
	test_split_bad();
	test_changes();
	test_lengths();
	test_other_version();
	test_texts();
	test_too_long();
	return tap_done();
}
