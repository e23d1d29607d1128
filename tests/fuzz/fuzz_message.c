/* JSON texts and messages from a peer (lib/line/json.c, message.c, mask.c). The
 * first byte says where the message stands, the rest is its text.
 *
 * Properties: a text that is taken, written and parsed again is the same;
 * what is said of a refused one is printable; the masked copy has "***" for
 * every secret at any depth and no other string of it holds the password that
 * the message had; the text for people has no control character, no half
 * character and no secret; an accepted message up with one more member is
 * refused, down it is not.
 * fuzz: -max_len=70000 */
#include <stdlib.h>
#include <string.h>

#include "line/line.h"
#include "line/message.h"
#include "line/table.h"
#include "wire/text.h"

#include "base/cc.h"

#define PASSWORD_MIN 8 /* shorter ones stand in other words by chance */
#define CANARY "canary of the fuzz target"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
must_be_printable(const char *text)
{
	const unsigned char *p;

	must(text[0] != '\0' && strlen(text) < BB_MESSAGE_WHY_MAX);
	for (p = (const unsigned char *)text; *p != '\0'; p++)
		must(*p >= 0x20 && *p < 0x7F);
}

/* True when a string value or a member's name contains the text. */
static bool
contains(json_t *json, const char *text)
{
	json_t *value;
	const char *key;
	size_t i;

	if (json_is_string(json))
		return strstr(json_string_value(json), text) != NULL;
	for (i = 0; i < json_array_size(json); i++) {
		if (contains(json_array_get(json, i), text))
			return true;
	}
	json_object_foreach(json, key, value)
	{
		if (strstr(key, text) != NULL || contains(value, text))
			return true;
	}
	return false;
}

static void
must_be_masked(json_t *json)
{
	json_t *value;
	const char *key;
	size_t i;

	for (i = 0; i < json_array_size(json); i++)
		must_be_masked(json_array_get(json, i));
	json_object_foreach(json, key, value)
	{
		if (bb_field_secret(key))
			must(strcmp(json_string_value(value), "***") == 0);
		else
			must_be_masked(value);
	}
}

/* For any size: `pick` chooses one. */
static void
must_be_for_people(const json_t *json, size_t pick)
{
	static char out[1 << 17];
	size_t sizes[] = { sizeof(out), 1 + pick % 300 }, i, k;

	for (i = 0; i < BB_LEN(sizes); i++) {
		(void)bb_message_text(json, out, sizes[i]);
		must(strlen(out) < sizes[i]);
		must(bb_text_utf8(out, strlen(out)));
		for (k = 0; out[k] != '\0'; k++) {
			unsigned char c = (unsigned char)out[k];

			must(c >= 0x20 && c != 0x7F);
			must(c != 0xC2 || (unsigned char)out[k + 1] >= 0xA0);
		}
	}
}

/* Only for a message whose canary stands in its password and nowhere else: the
 * fuzzer learns it and puts it where it may be seen. */
static void
must_hide_from_people(const json_t *json)
{
	static char out[1 << 17];

	(void)bb_message_text(json, out, sizeof(out));
	must(strstr(out, CANARY) == NULL);
}

static void
must_come_back(const json_t *json)
{
	char why[BB_MESSAGE_WHY_MAX], *text;
	json_t *again;
	size_t len;

	text = bb_json_text(json, &len);
	must(text != NULL && memchr(text, '\n', len) == NULL);
	/* A number such as 1e300 is longer when written out. */
	if (len <= BB_LINE_MAX) {
		again = bb_json_parse(text, len, why);
		must(again != NULL && json_equal(json, again));
		json_decref(again);
	}
	bb_json_text_free(text, len);
}

/* The password is taken from a message that was accepted; another copy gets one
 * that stands nowhere else. */
static void
must_hide(const json_t *json, enum bb_message_place place)
{
	json_t *copy = json_deep_copy(json), *masked;
	const json_t *value = json_object_get(json, "password");
	const char *password = json_string_value(value);
	char why[BB_MESSAGE_WHY_MAX];
	enum bb_op op;

	must(copy != NULL);
	if (password != NULL && strlen(password) >= PASSWORD_MIN) {
		(void)json_object_del(copy, "password");
		masked = bb_message_masked(json);
		must(masked != NULL);
		(void)json_object_del(masked, "password");
		must(contains(masked, password) == contains(copy, password));
		json_decref(masked);
	}
	/* The fuzzer finds the canary out and puts it where it may be seen. */
	(void)json_object_del(copy, "password");
	if (password != NULL && !contains(copy, CANARY)) {
		(void)json_object_set_new(copy, "password",
		    json_string(CANARY));
		must(bb_message_check(copy, place, &op, why) == 0);
		masked = bb_message_masked(copy);
		must(masked != NULL && !contains(masked, CANARY));
		must_be_for_people(copy, 0);
		must_hide_from_people(copy);
		json_decref(masked);
	}
	json_decref(copy);
}

static void
must_be_strict(json_t *json, enum bb_message_place place)
{
	char why[BB_MESSAGE_WHY_MAX];
	bool up = place == BB_PLACE_UP || place == BB_PLACE_ATTACH ||
		  place == BB_PLACE_ATTACH_MORE;
	enum bb_op op;

	if (json_object_get(json, "stranger") != NULL)
		return;
	must(json_object_set_new(json, "stranger", json_null()) == 0);
	must(bb_message_check(json, place, &op, why) == (up ? -1 : 0));
	(void)json_object_del(json, "stranger");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[BB_MESSAGE_WHY_MAX] = "";
	enum bb_message_place place;
	json_t *json, *masked;
	enum bb_op op;

	if (size == 0)
		return 0;
	bb_json_init();
	/* "1" is ATTACH, "7" is NOTICE. */
	place = (enum bb_message_place)(data[0] % (BB_PLACE_NOTICE + 1));
	json = bb_json_parse(data + 1, size - 1, why);
	if (json == NULL) {
		must_be_printable(why);
		return 0;
	}
	must_come_back(json);
	masked = bb_message_masked(json);
	must(masked != NULL);
	must_be_masked(masked);
	json_decref(masked);
	if (!contains(json, CANARY))
		must_be_for_people(json, size);
	(void)bb_message_mixed_authors(json);
	if (bb_message_check(json, place, &op, why) == -1) {
		must_be_printable(why);
	} else {
		must(strcmp(json_string_value(json_object_get(json, "op")),
			 bb_op_word(op)) == 0);
		must_hide(json, place);
		must_be_strict(json, place);
	}
	json_decref(json);
	return 0;
}
