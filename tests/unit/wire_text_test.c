/* Text forms of PINs, bytes and numbers; well-formed UTF-8; names. */
#include "wire/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "tap.h"

static void
test_pin(void)
{
	static const char *const bad[] = { "", "2100000", "2100000aa",
		"2100000g", " 2100000a", "0x00000a", "2100000a ", "+100000a",
		"-100000a" };
	char text[BB_PIN_TEXT_MAX];
	uint32_t pin = 7;
	size_t i;

	tap_ok(bb_text_pin_scan("2100000a", &pin) && pin == 0x2100000A,
	    "a PIN is 8 digits");
	tap_ok(bb_text_pin_scan("ABCDEFab", &pin) && pin == 0xABCDEFAB,
	    "in either case");
	bb_text_pin(0x0000000F, text);
	TAP_EQ_STR(text, "0000000f", "it is written in lower case with zeros");
	bb_text_pin(0xFFFFFFFF, text);
	TAP_EQ_STR(text, "ffffffff", "up to the last");
	for (i = 0; i < BB_LEN(bad); i++) {
		pin = 7;
		tap_ok(!bb_text_pin_scan(bad[i], &pin) && pin == 7,
		    "'%s' is no PIN", bad[i]);
	}
}

static void
test_hex(void)
{
	static const uint8_t bytes[] = { 0x00, 0x0F, 0xA0, 0xFF };
	uint8_t back[4] = { 1, 1, 1, 1 };
	char text[9];

	bb_text_hex(bytes, 4, text);
	TAP_EQ_STR(text, "000fa0ff", "bytes are written in lower case");
	bb_text_hex(NULL, 0, text);
	TAP_EQ_STR(text, "", "no bytes are an empty text");
	tap_ok(bb_text_hex_scan("000Fa0fF", back, 4) &&
		   memcmp(back, bytes, 4) == 0,
	    "and read in either case");
	tap_ok(bb_text_hex_scan("", NULL, 0), "an empty text is no bytes");
	memset(back, 1, 4);
	tap_ok(!bb_text_hex_scan("000fa0f", back, 4) &&
		   !bb_text_hex_scan("000fa0ff0", back, 4) &&
		   !bb_text_hex_scan("000fa0ff00", back, 4) &&
		   !bb_text_hex_scan("000fa0fx", back, 4) &&
		   !bb_text_hex_scan("000fa0 f", back, 4) &&
		   !bb_text_hex_scan("", back, 4),
	    "another length or another sign is refused");
	TAP_EQ_MEM(back, 4, "\1\1\1\1", 4, "and nothing is written");
}

static void
test_u64(void)
{
	static const char *const bad[] = { "", "0", "0123456789abcde",
		"0123456789abcdef0", "0123456789abcdeg", "0x23456789abcdef" };
	char text[BB_U64_HEX_MAX];
	uint64_t v = 7;
	size_t i;

	bb_text_u64_hex(0x0123456789ABCDEF, text);
	TAP_EQ_STR(text, "0123456789abcdef", "a number has 16 digits");
	bb_text_u64_hex(0, text);
	TAP_EQ_STR(text, "0000000000000000", "zero too");
	tap_ok(bb_text_u64_hex_scan("fFfFfFfFfFfFfFfE", &v) &&
		   v == UINT64_MAX - 1,
	    "it is read in either case");
	for (i = 0; i < BB_LEN(bad); i++) {
		v = 7;
		tap_ok(!bb_text_u64_hex_scan(bad[i], &v) && v == 7,
		    "'%s' is no such number", bad[i]);
	}
}

static void
test_utf8(void)
{
	static const struct {
		const char *text;
		size_t len;
		bool well;
	} rows[] = {
		/* clang-format off */
		{ "", 0, true },
		{ "plain", 5, true },
		{ "a\0b", 3, true },
		{ "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, true },
		{ "\xEF\xBF\xBE", 3, true },	/* a noncharacter is one */
		{ "ab\xC3", 3, false },
		{ "\xC3z", 2, false },
		{ "\xC0\xAF", 2, false },
		{ "\xE0\x80\xAF", 3, false },
		{ "\xED\xA0\xBD\xED\xB8\x80", 6, false },
		{ "\xF4\x90\x80\x80", 4, false },
		{ "\xFE", 1, false },
		{ "ok\x80ok", 5, false },
		/* clang-format on */
	};
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++)
		TAP_EQ_INT(bb_text_utf8(rows[i].text, rows[i].len),
		    rows[i].well,
		    rows[i].well ? "UTF-8 is well-formed"
				 : "other bytes are not");
	tap_ok(bb_text_utf8(NULL, 0), "no bytes are well-formed");
}

static void
test_names(void)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
		/* clang-format off */
		{ "alice", true },
		{ "alice smith", true },
		{ "CN=Alice/O=Acme", true },
		{ "\xC3\xA9lise", true },
		{ "a\xC2\xA0z", true },
		{ "12345678", true },
		{ "12345678901234567890", true },
		{ "123456789012345678901", false },
		{ "1234567890123456789\xC3\xA9", false },
		{ "", false },
		{ " ", false },
		{ " alice", false },
		{ "alice ", false },
		{ "\talice", false },
		{ "ali\nce", false },
		{ "ali\x7F" "ce", false },
		{ "ali\xC2\x85" "ce", false },
		{ "\xC2\xA0" "alice", false },
		{ "alice\xE3\x80\x80", false },
		{ "alice\xE2\x80\x8A", false },
		{ "alice\xE1\x9A\x80", false },
		{ "ali\xFF" "ce", false },
		{ "alice\xC3", false },
		/* clang-format on */
	};
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++)
		tap_ok(bb_text_name(rows[i].text, 20) == rows[i].is,
		    "row %u %s a name of at most 20 bytes", (unsigned)i,
		    rows[i].is ? "is" : "is not");
	tap_ok(!bb_text_name("a", 0), "nothing fits in no bytes");
	tap_ok(bb_text_name("a", SIZE_MAX), "there may be no maximum");
}

int
main(void)
{
	test_pin();
	test_hex();
	test_u64();
	test_utf8();
	test_names();
	return tap_done();
}
