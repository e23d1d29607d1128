/* Cursors: order of bytes, the sticky error, characters. */
#include "base/cursor.h"

#include <signal.h>
#include <string.h>

#include "base/cc.h"
#include "capture.h"
#include "tap.h"

static const uint8_t bytes[15] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD,
	0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32 };

static void
test_reading(void)
{
	struct bb_rd rd = bb_rd_init(bytes, sizeof(bytes));

	TAP_EQ_UINT(bb_rd_u8(&rd), 0x01, "u8 is the first byte");
	TAP_EQ_UINT(bb_rd_u16(&rd), 0x2345, "u16 is in network order");
	TAP_EQ_UINT(bb_rd_u32(&rd), 0x6789ABCD, "u32 is in network order");
	TAP_EQ_UINT(bb_rd_u64(&rd), 0xEFFEDCBA98765432,
	    "u64 is in network order");
	tap_ok(!rd.bad && rd.left == 0, "reading to the last byte is not bad");
	tap_ok(bb_rd_bytes(&rd, 0) != NULL && !rd.bad,
	    "no bytes can be read at the end");
}

static void
test_sticky(void)
{
	struct bb_rd rd = bb_rd_init(bytes, 3);
	uint8_t copy[4] = { 9, 9, 9, 9 };

	TAP_EQ_UINT(bb_rd_u32(&rd), 0, "a field past the end is 0");
	tap_ok(rd.bad, "and makes the cursor bad");
	TAP_EQ_UINT(bb_rd_u8(&rd), 0,
	    "a later field that would fit is 0 as well");
	tap_ok(bb_rd_bytes(&rd, 1) == NULL && bb_rd_bytes(&rd, 0) == NULL,
	    "later bytes are NULL, be it none");
	bb_rd_copy(&rd, copy, sizeof(copy));
	TAP_EQ_MEM(copy, 4, "\0\0\0\0", 4, "a copy that fails is zero");
	rd = bb_rd_init(bytes, 3);
	tap_ok(bb_rd_bytes(&rd, 4) == NULL && rd.bad,
	    "more bytes than there are cannot be had");
	rd = bb_rd_init(NULL, 0);
	tap_ok(bb_rd_u8(&rd) == 0 && rd.bad, "nothing can be read of nothing");
}

static void
test_writing(void)
{
	uint8_t out[15];
	struct bb_wr wr = bb_wr_init(out, sizeof(out));

	bb_wr_u8(&wr, 0x01);
	bb_wr_u16(&wr, 0x2345);
	bb_wr_u32(&wr, 0x6789ABCD);
	TAP_EQ_UINT(bb_wr_len(&wr), 7, "the writer counts its bytes");
	bb_wr_u64(&wr, 0xEFFEDCBA98765432);
	TAP_EQ_MEM(out, bb_wr_len(&wr), bytes, sizeof(bytes),
	    "what is written is what is read");
	wr = bb_wr_init(out, 5);
	bb_wr_bytes(&wr, bytes, 5);
	bb_wr_bytes(&wr, NULL, 0);
	TAP_EQ_UINT(bb_wr_len(&wr), 5, "the last byte can be written");
}

static void
overflow(void *arg)
{
	uint8_t out[4];
	struct bb_wr wr = bb_wr_init(out, 3);

	(void)arg;
	bb_wr_u32(&wr, 1);
}

static void
test_overflow(void)
{
	struct capture c;

	capture(&c, overflow, NULL);
	TAP_EQ_INT(c.status, -SIGABRT, "writing past the end ends the process");
}

static void
test_characters(void)
{
	static const struct {
		const char *text;
		uint32_t cp;
		size_t len;
	} rows[] = {
		/* clang-format off */
		{ "A",                0x41,     1 },
		{ "\x7F",             0x7F,     1 },
		{ "\xC2\x80",         0x80,     2 },
		{ "\xDF\xBF",         0x7FF,    2 },
		{ "\xE0\xA0\x80",     0x800,    3 },
		{ "\xED\x9F\xBF",     0xD7FF,   3 },
		{ "\xEE\x80\x80",     0xE000,   3 },
		{ "\xEF\xBF\xBF",     0xFFFF,   3 },
		{ "\xF0\x90\x80\x80", 0x10000,  4 },
		{ "\xF4\x8F\xBF\xBF", 0x10FFFF, 4 },
		/* clang-format on */
	};
	struct bb_rd rd;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		rd = bb_rd_init(rows[i].text, strlen(rows[i].text));
		tap_ok(bb_rd_utf8(&rd) == rows[i].cp && !rd.bad && rd.left == 0,
		    "U+%04X is read", (unsigned)rows[i].cp);
		rd = bb_rd_init(rows[i].text, rows[i].len - 1);
		tap_ok(bb_rd_utf8(&rd) == 0 && rd.bad,
		    "U+%04X without its last byte is bad",
		    (unsigned)rows[i].cp);
	}
}

static void
test_no_characters(void)
{
	static const char *const rows[] = { "\x80", "\xBF", "\xC0\x80",
		"\xC1\xBF", "\xC2\x41", "\xE0\x9F\xBF", "\xED\xA0\x80",
		"\xED\xBF\xBF", "\xE1\x80\x41", "\xF0\x8F\xBF\xBF",
		"\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE" };
	struct bb_rd rd;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		rd = bb_rd_init(rows[i], strlen(rows[i]));
		tap_ok(bb_rd_utf8(&rd) == 0 && rd.bad,
		    "row %u of what is no character is bad", (unsigned)i);
	}
}

int
main(void)
{
	test_reading();
	test_sticky();
	test_writing();
	test_overflow();
	test_characters();
	test_no_characters();
	return tap_done();
}
