/* What bb_json_parse takes and refuses, and that nothing stays in memory. */
#include "line/message.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/secret.h"
#include "line/json.h"
#include "line/line.h"
#include "tap.h"

static const struct {
	const char *text;
	const char *why; /* NULL: it is taken */
	const char *sentence;
} cases[] = {
	/* clang-format off */
	{ "{}", NULL, "an empty object is taken" },
	{ " \t\r\n{\"a\":1} \n", NULL, "white space around the object is taken" },
	{ "{\"a\":\"\\u00e4\\ud83d\\ude00\"}", NULL,
	    "escaped characters and surrogate pairs are taken" },
	{ "{\"a\":\"]}{[\\\"{{{{{{{{{{{{{{{{{{\"}", NULL,
	    "brackets in a string are not nesting" },
	{ "{\"a\":-0}", NULL, "-0 is a number" },
	{ "{\"a\":9223372036854775807}", NULL, "the largest number is taken" },
	{ "{\"a\":-9223372036854775808}", NULL,
	    "the smallest number is taken" },
	{ "", "JSON is missing at byte 0", "no text is refused" },
	{ " \n", "JSON is missing at byte 2", "white space alone is refused" },
	{ "[]", "JSON is not an object at byte 0", "an array is refused" },
	{ "\"a\"", "JSON is not an object at byte 0", "a string is refused" },
	{ "1", "JSON is not an object at byte 0", "a number is refused" },
	{ "null", "JSON is not an object at byte 0", "null is refused" },
	{ "\xEF\xBB\xBF{}", "JSON is not an object at byte 0",
	    "a byte order mark is refused" },
	{ "{\"a\":1}{\"a\":1}", "JSON is followed by more at byte 8",
	    "a second object is refused" },
	{ "{} x", "JSON is followed by more at byte 4",
	    "a word behind the object is refused" },
	{ "{\"a\":1,\"a\":2}", "JSON has a member twice at byte 10",
	    "a member that stands twice is refused" },
	{ "{\"a\":{\"b\":1,\"\\u0062\":2}}",
	    "JSON has a member twice at byte 20",
	    "a member that stands twice deep inside, once escaped, is refused" },
	{ "{\"a\":\"\\u0000\"}", "JSON holds a zero character at byte 13",
	    "an escaped zero character is refused" },
	{ "{\"\\u0000\":1}", "JSON holds a zero character at byte 9",
	    "an escaped zero character in a name is refused" },
	{ "{\"a\":\"\\ud800\"}", "JSON is malformed at byte 13",
	    "half a surrogate pair is refused" },
	{ "{\"a\":\"\\udc00\\ud800\"}", "JSON is malformed at byte 19",
	    "a surrogate pair the wrong way round is refused" },
	{ "{\"a\":\"\xFF\"}", "JSON is not UTF-8 at byte 6",
	    "a byte that UTF-8 never has is refused" },
	{ "{\"a\":\"\xC0\x80\"}", "JSON is not UTF-8 at byte 6",
	    "an overlong zero is refused" },
	{ "{\"a\":\"\xED\xA0\x80\"}", "JSON is not UTF-8 at byte 6",
	    "a surrogate in UTF-8 is refused" },
	{ "{\"a\":\"\xF4\x90\x80\x80\"}", "JSON is not UTF-8 at byte 6",
	    "a character above U+10FFFF is refused" },
	{ "{\"a\":\"\n\"}", "JSON is malformed at byte 6",
	    "a raw newline in a string is refused" },
	{ "{\"a\":9223372036854775808}",
	    "JSON has a number out of range at byte 24",
	    "a number one too large is refused" },
	{ "{\"a\":1e999}", "JSON has a number out of range at byte 10",
	    "a number past all doubles is refused" },
	{ "{\"a\":01}", "JSON is malformed at byte 6",
	    "a number with a leading zero is refused" },
	{ "{\"a\":NaN}", "JSON is malformed at byte 8", "NaN is refused" },
	{ "{\"a\":1,}", "JSON is malformed at byte 8",
	    "a comma too many is refused" },
	{ "{'a':1}", "JSON is malformed at byte 2",
	    "single quotes are refused" },
	{ "{\"a\":1", "JSON ends too early at byte 6",
	    "an object without end is refused" },
	{ "{\"a", "JSON ends too early at byte 3",
	    "a string without end is refused" },
	{ "{\"a\":1}/**/", "JSON is followed by more at byte 8",
	    "a comment is refused" },
	/* clang-format on */
};

static void
test_cases(void)
{
	char why[BB_MESSAGE_WHY_MAX];
	json_t *json;
	size_t i;

	for (i = 0; i < BB_LEN(cases); i++) {
		why[0] = '\0';
		json = bb_json_parse(cases[i].text, strlen(cases[i].text), why);
		if (cases[i].why == NULL)
			tap_ok(json != NULL, "%s", cases[i].sentence);
		else if (json == NULL)
			TAP_EQ_STR(why, cases[i].why, cases[i].sentence);
		else
			tap_ok(false, "%s", cases[i].sentence);
		json_decref(json);
	}
}

#define NESTED_MAX 256

/* {"a":{"a": ... depth objects in all, the innermost an array when asked. */
static size_t
nested(char out[NESTED_MAX], unsigned depth, bool array)
{
	size_t len = 0;
	unsigned i;

	for (i = 1; i < depth; i++)
		len += (size_t)snprintf(out + len, NESTED_MAX - len, "{\"a\":");
	len += (size_t)snprintf(out + len, NESTED_MAX - len, "%s",
	    array ? "[]" : "{}");
	for (i = 1; i < depth; i++)
		out[len++] = '}';
	return len;
}

static bool
depth_is_taken(unsigned depth, bool array)
{
	char text[NESTED_MAX], why[BB_MESSAGE_WHY_MAX];
	json_t *json = bb_json_parse(text, nested(text, depth, array), why);

	json_decref(json);
	return json != NULL;
}

static void
test_depth(void)
{
	char *text = malloc(BB_LINE_MAX), why[BB_MESSAGE_WHY_MAX];

	tap_ok(depth_is_taken(BB_MESSAGE_DEPTH, false), "16 objects deep fit");
	tap_ok(depth_is_taken(BB_MESSAGE_DEPTH, true),
	    "15 objects and an array deep fit");
	tap_ok(!depth_is_taken(BB_MESSAGE_DEPTH + 1, false),
	    "17 objects deep are refused");
	tap_ok(!depth_is_taken(BB_MESSAGE_DEPTH + 1, true),
	    "16 objects and an array deep are refused");
	if (text == NULL)
		return;
	memset(text, '[', BB_LINE_MAX);
	text[0] = '{';
	tap_ok(bb_json_parse(text, BB_LINE_MAX, why) == NULL,
	    "a line full of brackets is refused");
	TAP_EQ_STR(why, "JSON is nested too deep at byte 16",
	    "too deep is said with its place");
	free(text);
}

static void
test_length(void)
{
	char *text = malloc(BB_LINE_MAX + 1), why[BB_MESSAGE_WHY_MAX];
	json_t *json;

	if (text == NULL)
		return;
	memset(text, ' ', BB_LINE_MAX + 1);
	text[0] = '{';
	text[1] = '}';
	json = bb_json_parse(text, BB_LINE_MAX, why);
	tap_ok(json != NULL, "a text as long as a line may be is taken");
	json_decref(json);
	tap_ok(bb_json_parse(text, BB_LINE_MAX + 1, why) == NULL,
	    "a text one byte longer is refused");
	text[1] = '\0';
	tap_ok(bb_json_parse(text, 3, why) == NULL,
	    "a zero byte in the text is refused");
	TAP_EQ_STR(why, "JSON holds a zero character at byte 1",
	    "the zero byte is said with its place");
	free(text);
}

static void
test_text(void)
{
	static const char text[] =
	    "{\"z\":1,\"a\":[true,null,\"\xC3\xA4\\n\"],\"m\":{}}";
	char why[BB_MESSAGE_WHY_MAX], *out;
	json_t *json = bb_json_parse(text, strlen(text), why);
	size_t len = 0;

	out = bb_json_text(json, &len);
	TAP_EQ_MEM(out, len, text, strlen(text),
	    "text is compact, in the order of the members, and UTF-8");
	bb_json_text_free(out, len);
	bb_json_text_free(NULL, 0);
	json_decref(json);
}

static const char canary[] = "\x2A\x31\x2C\x36\x27\x2C\x6F\x31\x21\x2D\x23\x20"
			     "\x6F\x34\x2D\x36";

/* The canary in the clear stands in no constant of this program. */
static void
write_canary(char out[sizeof(canary)])
{
	size_t i;

	for (i = 0; i < sizeof(canary) - 1; i++)
		out[i] = (char)(canary[i] ^ 0x42);
	out[i] = '\0';
}

/* Compares against the hidden form, so that looking leaves no copy. */
static bool
holds_canary(const unsigned char *bytes, size_t len)
{
	size_t at, i, n = sizeof(canary) - 1;

	for (at = 0; at + n <= len; at++) {
		for (i = 0; i < n; i++) {
			if ((bytes[at + i] ^ 0x42) != canary[i])
				break;
		}
		if (i == n)
			return true;
	}
	return false;
}

/* Looks through all writable memory of this process: 1 found, 0 not, -1 cannot
 * look.  Pieces overlap by more than the canary; the window itself stands in
 * memory that is looked at first and overwritten later. */
static int
memory_holds_canary(void)
{
	static unsigned char window[1 << 16];
	uintmax_t from, to, at;
	char line[512], mode[8];
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), found = 0;
	ssize_t got;

	while (maps != NULL && mem != -1 && found == 0 &&
	       fgets(line, sizeof(line), maps) != NULL) {
		char *end;

		from = strtoumax(line, &end, 16);
		to = strtoumax(end + 1, &end, 16);
		(void)snprintf(mode, sizeof(mode), "%.4s", end + 1);
		if (mode[0] != 'r' || mode[1] != 'w')
			continue;
		for (at = from; at < to && found == 0;
		     at += sizeof(window) - 64) {
			got = pread(mem, window,
			    to - at < sizeof(window) ? (size_t)(to - at)
						     : sizeof(window),
			    (off_t)at);
			if (got > 0 && holds_canary(window, (size_t)got))
				found = 1;
		}
	}
	if (maps == NULL || mem == -1)
		found = -1;
	if (maps != NULL)
		(void)fclose(maps);
	if (mem != -1)
		(void)close(mem);
	bb_wipe(window, sizeof(window));
	return found;
}

/* Does with a text what is done with the text of a login, and gives all back.
 */
static void
use_text(char *text, size_t size)
{
	char why[BB_MESSAGE_WHY_MAX], shown[256], *again;
	json_t *json = bb_json_parse(text, strlen(text), why), *masked;
	size_t len;

	bb_wipe(text, size);
	if (json == NULL)
		return;
	masked = bb_message_masked(json);
	(void)bb_message_text(json, shown, sizeof(shown));
	again = bb_json_text(json, &len);
	bb_json_text_free(again, len);
	json_decref(masked);
	json_decref(json);
}

static void
use_password(const char *before, const char *after)
{
	char secret[sizeof(canary)], text[256];

	write_canary(secret);
	(void)snprintf(text, sizeof(text), "%s%s%s", before, secret, after);
	bb_wipe(secret, sizeof(secret));
	use_text(text, sizeof(text));
}

static void
test_wiped(void)
{
	static const char login[] = "{\"op\":\"login\",\"password\":\"";
	static const struct {
		const char *before, *after, *sentence;
	} broken[] = {
		{ login, "\" x}", "nor when a stray word follows it" },
		{ login, "\",\"password\":1}", "nor when it stands twice" },
		{ login, "", "nor when the text ends in it" },
		{ "{\"op\":\"login\" \"", "\"}",
		    "nor when it is itself what is wrong" },
		{ "{\"op\":\"login\",\"", "\" 1}",
		    "nor when it is a member without a colon" },
		{ "{\"op\":\"", "\xFF\"}", "nor when it is not UTF-8" },
	};
	static char kept[sizeof(canary)];
	char other[] = "{\"op\":\"login\",\"password\":\"some other\"}";
	size_t i;
	int found;

	if (getenv("BB_SAN") != NULL) {
		tap_skip("memory is not searched under sanitizers: theirs is "
			 "too large");
		return;
	}
	/* Where functions are bound at their first call, that saves registers.
	 */
	use_text(other, sizeof(other));
	found = memory_holds_canary();
	if (found == -1) {
		tap_skip("this system does not let a process read its memory");
		return;
	}
	TAP_EQ_INT(found, 0, "the search for a password finds none before");
	use_password(login, "\"}");
	TAP_EQ_INT(memory_holds_canary(), 0,
	    "no copy of a password stays when its message is given back");
	for (i = 0; i < BB_LEN(broken); i++) {
		use_password(broken[i].before, broken[i].after);
		TAP_EQ_INT(memory_holds_canary(), 0, broken[i].sentence);
	}
	write_canary(kept);
	TAP_EQ_INT(memory_holds_canary(), 1, "the search finds what is there");
	bb_wipe(kept, sizeof(kept));
}

int
main(void)
{
	bb_json_init();
	bb_json_init();
	test_wiped();
	test_cases();
	test_depth();
	test_length();
	test_text();
	return tap_done();
}
