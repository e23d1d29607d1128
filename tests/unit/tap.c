/*
 * tap.c - counts statements and prints them as TAP.
 *
 * Standard output is line buffered: a test that crashes has said everything
 * up to there, and the missing plan tells the runner that it did not end.
 */
#include "tap.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX 512
#define HEX_SHOWN 24

static unsigned said, failed;

static void
say(const char *verdict, const char *before, char *text)
{
	char *p;

	if (said == 0)
		(void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	/* A line feed would start another statement, a # a directive. */
	for (p = text; *p != '\0'; p++) {
		if (*p == '\n' || *p == '#')
			*p = ' ';
	}
	printf("%s %u %s %s\n", verdict, ++said, before, text);
}

bool
tap_ok(bool holds, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!holds)
		failed++;
	say(holds ? "ok" : "not ok", "-", text);
	return holds;
}

void
tap_note(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void
tap_skip(const char *fmt, ...)
{
	char why[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	say("ok", "# skip", why);
}

int
tap_done(void)
{
	printf("1..%u\n", said);
	if (fflush(stdout) != 0 || said == 0)
		return 1;
	return failed == 0 ? 0 : 1;
}

bool
tap_eq_int(intmax_t got, intmax_t want, const char *sentence, const char *file,
    int line)
{
	if (tap_ok(got == want, "%s", sentence))
		return true;
	tap_note("%s:%d: expected %" PRIdMAX ", got %" PRIdMAX, file, line,
	    want, got);
	return false;
}

bool
tap_eq_uint(uintmax_t got, uintmax_t want, const char *sentence,
    const char *file, int line)
{
	if (tap_ok(got == want, "%s", sentence))
		return true;
	tap_note("%s:%d: expected %" PRIuMAX ", got %" PRIuMAX, file, line,
	    want, got);
	return false;
}

static bool
same_str(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool
tap_eq_str(const char *got, const char *want, const char *sentence,
    const char *file, int line)
{
	if (tap_ok(same_str(got, want), "%s", sentence))
		return true;
	tap_note("%s:%d: expected %s%s%s", file, line, want ? "\"" : "",
	    want ? want : "NULL", want ? "\"" : "");
	tap_note("%s:%d:      got %s%s%s", file, line, got ? "\"" : "",
	    got ? got : "NULL", got ? "\"" : "");
	return false;
}

static void
note_hex(const char *label, const uint8_t *bytes, size_t len, size_t from)
{
	char hex[HEX_SHOWN * 3 + 1];
	size_t i, at;

	hex[0] = '\0';
	for (i = from, at = 0; i < len && i - from < HEX_SHOWN; i++, at += 3)
		(void)snprintf(hex + at, sizeof(hex) - at, " %02x", bytes[i]);
	tap_note("%s%s%s", label, hex, i < len ? " ..." : "");
}

bool
tap_eq_mem(const void *got, size_t got_len, const void *want, size_t want_len,
    const char *sentence, const char *file, int line)
{
	const uint8_t *g = got, *w = want;
	size_t at = 0, both = got_len < want_len ? got_len : want_len;

	while (at < both && g[at] == w[at])
		at++;
	if (tap_ok(at == got_len && at == want_len, "%s", sentence))
		return true;
	tap_note("%s:%d: %zu bytes expected, %zu got, different from byte %zu",
	    file, line, want_len, got_len, at);
	note_hex("expected", w, want_len, at);
	note_hex("     got", g, got_len, at);
	return false;
}
