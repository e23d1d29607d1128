/* Text forms (lib/wire/text.c).
 *
 * Properties: what is written is read again; what is read and written again is
 * the same text in lower case; UTF-8 is well-formed exactly where a slow
 * reference, which decodes first and judges the number, says so, for each
 * beginning of the input; a name is what the reference says of each of its
 * characters.  The input is the bytes and the text.
 * fuzz: -max_len=256 */
#include "wire/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/cc.h"

#define INPUT_MAX 4096
#define WRONG UINT32_MAX

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
lower(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text >= 'A' && *text <= 'F')
			*text = (char)(*text + ('a' - 'A'));
	}
}

static bool
all_digits(const char *text)
{
	return strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

static void
check_hex(const uint8_t *data, size_t size)
{
	static char text[2 * INPUT_MAX + 1];
	static uint8_t back[INPUT_MAX];

	bb_text_hex(data, size, text);
	must(strlen(text) == 2 * size && all_digits(text));
	must(bb_text_hex_scan(text, back, size));
	must(size == 0 || memcmp(back, data, size) == 0);
	must(size == 0 || !bb_text_hex_scan(text, back, size - 1));
	must(!bb_text_hex_scan(text, back, size + 1));
}

/* `text` is the input up to its first zero byte. */
static void
check_hex_text(const char *text)
{
	static char again[INPUT_MAX + 1], want[INPUT_MAX + 1];
	static uint8_t bytes[INPUT_MAX];
	size_t len = strlen(text);
	bool is = len % 2 == 0 && all_digits(text);

	must(bb_text_hex_scan(text, bytes, len / 2) == is);
	if (!is)
		return;
	memcpy(want, text, len + 1);
	lower(want);
	bb_text_hex(bytes, len / 2, again);
	must(strcmp(want, again) == 0);
}

static void
check_numbers(const char *text)
{
	char again[BB_U64_HEX_MAX], want[BB_U64_HEX_MAX] = { 0 };
	size_t len = strlen(text);
	uint32_t pin;
	uint64_t v;

	must(bb_text_pin_scan(text, &pin) == (len == 8 && all_digits(text)));
	must(bb_text_u64_hex_scan(text, &v) == (len == 16 && all_digits(text)));
	if (!all_digits(text) || (len != 8 && len != 16))
		return;
	memcpy(want, text, len);
	lower(want);
	if (len == 8)
		bb_text_pin(pin, again);
	else
		bb_text_u64_hex(v, again);
	must(strcmp(want, again) == 0);
}

static void
check_numbers_back(const uint8_t *data, size_t size)
{
	char text[BB_U64_HEX_MAX];
	uint32_t pin, pin_back;
	uint64_t v, v_back;

	if (size < sizeof(v))
		return;
	memcpy(&pin, data, sizeof(pin));
	memcpy(&v, data, sizeof(v));
	bb_text_pin(pin, text);
	must(bb_text_pin_scan(text, &pin_back) && pin_back == pin);
	bb_text_u64_hex(v, text);
	must(bb_text_u64_hex_scan(text, &v_back) && v_back == v);
}

/* Decodes by the shape of the bits alone, then asks whether the number may be
 * and whether it needed so many bytes.  Its length, 0 when it is none. */
static size_t
slow_char(const uint8_t *p, size_t len, uint32_t *cp)
{
	size_t ones = 0, need, i;

	while (ones < 8 && (p[0] & 0x80u >> ones) != 0)
		ones++;
	if (ones == 1 || ones > 4)
		return 0;
	need = ones == 0 ? 1 : ones;
	if (need > len)
		return 0;
	*cp = p[0] & 0xFFu >> (ones == 0 ? 1 : ones + 1);
	for (i = 1; i < need; i++) {
		if (p[i] < 0x80 || p[i] >= 0xC0)
			return 0;
		*cp = *cp * 64 + (p[i] - 0x80u);
	}
	if (*cp > 0x10FFFF || (*cp >= 0xD800 && *cp < 0xE000))
		return 0;
	if ((need == 2 && *cp < 0x80) || (need == 3 && *cp < 0x800) ||
	    (need == 4 && *cp < 0x10000))
		return 0;
	return need;
}

static bool
slow_utf8(const uint8_t *p, size_t len)
{
	size_t at = 0, n;
	uint32_t cp;

	while (at < len) {
		n = slow_char(p + at, len - at, &cp);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

static void
check_utf8(const uint8_t *data, size_t size)
{
	size_t n;

	for (n = 0; n <= size; n++)
		must(bb_text_utf8(data, n) == slow_utf8(data, n));
}

static bool
slow_space(uint32_t cp)
{
	switch (cp) {
	case 0x20:
	case 0xA0:
	case 0x1680:
	case 0x2028:
	case 0x2029:
	case 0x202F:
	case 0x205F:
	case 0x3000:
		return true;
	default:
		return cp >= 0x2000 && cp <= 0x200A;
	}
}

static bool
slow_name(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t len = strlen(text), at = 0, n;
	uint32_t cp = WRONG;

	while (at < len) {
		n = slow_char(p + at, len - at, &cp);
		if (n == 0 || cp < 32 || (cp >= 127 && cp < 160) ||
		    (at == 0 && slow_space(cp)))
			return false;
		at += n;
	}
	return len > 0 && !slow_space(cp);
}

static void
check_name(const char *text)
{
	size_t len = strlen(text);
	bool is = slow_name(text);

	must(bb_text_name(text, len) == is);
	must(bb_text_name(text, len + 10) == is);
	must(bb_text_name(text, SIZE_MAX) == is);
	if (len > 0)
		must(!bb_text_name(text, len - 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;
	size_t len;

	if (size > INPUT_MAX - 1)
		return 0;
	check_hex(data, size);
	check_numbers_back(data, size);
	check_utf8(data, size);
	/* In memory of its own size, where a checker sees a byte too far. */
	len = size == 0 ? 0 : strnlen((const char *)data, size);
	text = malloc(len + 1);
	if (text == NULL)
		return 0;
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	check_hex_text(text);
	check_numbers(text);
	check_name(text);
	free(text);
	return 0;
}
