/* Text forms of numbers and bytes, and what text may be a name. */
#include "wire/text.h"

#include <string.h>

#include "base/cc.h"
#include "base/cursor.h"

#define PIN_DIGITS 8
#define U64_DIGITS 16

static const char digits[] = "0123456789abcdef";

/* By hand: the functions of ctype ask the locale. */
static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Exactly `len` digits, at most 16, and then the end of the text. */
static bool
scan(const char *text, size_t len, uint64_t *v)
{
	uint64_t sum = 0;
	size_t i;
	int value;

	for (i = 0; i < len; i++) {
		value = digit_value(text[i]);
		if (value == -1)
			return false;
		sum = sum << 4 | (unsigned)value;
	}
	if (text[len] != '\0')
		return false;
	*v = sum;
	return true;
}

static void
print(uint64_t v, size_t len, char *out)
{
	out[len] = '\0';
	while (len-- > 0) {
		out[len] = digits[v & 0xF];
		v >>= 4;
	}
}

bool
bb_text_pin_scan(const char *text, uint32_t *pin)
{
	uint64_t v;

	if (!scan(text, PIN_DIGITS, &v))
		return false;
	*pin = (uint32_t)v;
	return true;
}

void
bb_text_pin(uint32_t pin, char out[BB_PIN_TEXT_MAX])
{
	print(pin, PIN_DIGITS, out);
}

void
bb_text_hex(const void *bytes, size_t len, char *out)
{
	const uint8_t *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 0xF];
	}
	*out = '\0';
}

/* Looked at whole before anything is written: a wrong text changes nothing. */
bool
bb_text_hex_scan(const char *text, void *bytes, size_t len)
{
	uint8_t *p = bytes;
	size_t i;

	for (i = 0; i < len; i++) {
		if (digit_value(text[2 * i]) == -1 ||
		    digit_value(text[2 * i + 1]) == -1)
			return false;
	}
	if (text[2 * len] != '\0')
		return false;
	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(digit_value(text[2 * i]) * 16 +
				 digit_value(text[2 * i + 1]));
	return true;
}

void
bb_text_u64_hex(uint64_t v, char out[BB_U64_HEX_MAX])
{
	print(v, U64_DIGITS, out);
}

bool
bb_text_u64_hex_scan(const char *text, uint64_t *v)
{
	return scan(text, U64_DIGITS, v);
}

bool
bb_text_utf8(const void *bytes, size_t len)
{
	struct bb_rd rd = bb_rd_init(bytes, len);

	while (rd.left > 0)
		(void)bb_rd_utf8(&rd);
	return !rd.bad;
}

/* General category Cc. */
static bool
is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F);
}

/* Property White_Space without the controls. */
static bool
is_space(uint32_t cp)
{
	static const uint16_t spaces[] = { 0x20, 0xA0, 0x1680, 0x2028, 0x2029,
		0x202F, 0x205F, 0x3000 };
	size_t i;

	for (i = 0; i < BB_LEN(spaces); i++) {
		if (cp == spaces[i])
			return true;
	}
	return cp >= 0x2000 && cp <= 0x200A;
}

bool
bb_text_name(const char *text, size_t max)
{
	size_t len = strnlen(text, max);
	struct bb_rd rd = bb_rd_init(text, len);
	bool first = true;
	uint32_t cp = ' ';

	if (text[len] != '\0')
		return false;
	while (rd.left > 0) {
		cp = bb_rd_utf8(&rd);
		if (rd.bad || is_control(cp) || (first && is_space(cp)))
			return false;
		first = false;
	}
	return !is_space(cp);
}
