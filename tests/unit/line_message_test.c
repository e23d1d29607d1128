/* Every row of messages.def: what it takes and what it refuses.  The messages
 * are made from the table, so that a new row is tested the day it is written.
 */
#include "line/message.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "line/table.h"
#include "tap.h"

/* Which of the members: those that must be, or all, as long as may be. */
enum size { MINIMAL, MAXIMAL };

static json_t *make_message(enum bb_op op, enum size size, json_int_t n);

static json_t *
make_text(size_t len)
{
	char *text = malloc(len + 1);
	json_t *json;

	if (text == NULL)
		abort();
	memset(text, 'a', len);
	json = json_stringn(text, len);
	free(text);
	return json;
}

/* Numbers that must rise do so: n is the place in the list. */
static json_t *
make_list(const char *name, json_int_t len, enum size size)
{
	static const struct {
		const char *name;
		enum bb_op op;
	} elements[] = {
		{ "msgs", BB_OP_send },
		{ "events", BB_OP_message },
		{ "results", BB_OP_result },
		{ "trace", BB_OP_step },
	};
	json_t *json = json_array();
	json_int_t i;
	size_t k;

	for (k = 0; k < BB_LEN(elements); k++) {
		if (strcmp(elements[k].name, name) != 0)
			continue;
		for (i = 0; i < len; i++)
			(void)json_array_append_new(json,
			    make_message(elements[k].op, size, i + 1));
	}
	return json;
}

/* `len` is the length, number or count that the value is to have. */
static json_t *
make_value(const struct bb_field_row *field, json_int_t len, enum size size)
{
	switch (field->type) {
	case BB_F_STR:
	case BB_F_TEXT:
	case BB_F_SECRET:
		return make_text((size_t)len);
	case BB_F_HEX:
		return make_text((size_t)len * 2);
	case BB_F_INT:
		return json_integer(len);
	case BB_F_BOOL:
		return json_true();
	case BB_F_WORD:
		return json_stringn(field->words, strcspn(field->words, " "));
	case BB_F_OBJ:
		return json_object();
	case BB_F_LIST:
		return make_list(field->name, len, size);
	}
	abort();
}

static const char *
key_of(enum bb_op op)
{
	const char *where = bb_message_rows[op].where;

	if (strcmp(where, "RESULT") == 0 || strcmp(where, "STEP") == 0)
		return NULL;
	return strcmp(where, "EVENT") == 0 ? "type" : "op";
}

static json_t *
make_message(enum bb_op op, enum size size, json_int_t n)
{
	const struct bb_field_row *field;
	json_t *json = json_object(), *value;
	size_t i;

	if (key_of(op) != NULL)
		(void)json_object_set_new(json, key_of(op),
		    json_string(bb_op_word(op)));
	for (i = 0; i < bb_field_rows_len; i++) {
		field = &bb_field_rows[i];
		if (field->op != op || (size == MINIMAL && !field->must))
			continue;
		if (strcmp(field->name, "n") == 0 && n != 0)
			value = json_integer(n);
		else
			value = make_value(field,
			    size == MINIMAL ? field->min : field->max, size);
		(void)json_object_set_new(json, field->name, value);
	}
	return json;
}

/* Puts an element into the list of a message; takes it. */
static json_t *
wrap(json_t *json, enum bb_op op, const char *list)
{
	json_t *outer = make_message(op, MINIMAL, 0), *elements = json_array();

	(void)json_array_append_new(elements, json);
	(void)json_object_set_new(outer, list, elements);
	return outer;
}

/* Checks a message, or an element in the message that has such; takes it. */
static int
check(json_t *json, enum bb_op op, char why[BB_MESSAGE_WHY_MAX])
{
	static const struct {
		const char *where;
		enum bb_message_place place;
		enum bb_op op;
		const char *list;
	} places[] = {
		{ "ATTACH", BB_PLACE_ATTACH, BB_OP_COUNT, NULL },
		{ "UP", BB_PLACE_UP, BB_OP_COUNT, NULL },
		{ "ANSWER", BB_PLACE_ANSWER, BB_OP_COUNT, NULL },
		{ "DOWN", BB_PLACE_DOWN, BB_OP_COUNT, NULL },
		{ "NOTICE", BB_PLACE_NOTICE, BB_OP_COUNT, NULL },
		{ "EVENT", BB_PLACE_DOWN, BB_OP_events, "events" },
		{ "RESULT", BB_PLACE_DOWN, BB_OP_events, "results" },
		{ "STEP", BB_PLACE_ANSWER, BB_OP_answer, "trace" },
	};
	enum bb_op found = BB_OP_COUNT, want;
	size_t i;
	int rc = -2;

	why[0] = '\0';
	for (i = 0; i < BB_LEN(places); i++) {
		if (strcmp(places[i].where, bb_message_rows[op].where) != 0)
			continue;
		want = places[i].list == NULL ? op : places[i].op;
		if (places[i].list != NULL)
			json = wrap(json, places[i].op, places[i].list);
		rc = bb_message_check(json, places[i].place, &found, why);
		if (rc == 0 && found != want)
			rc = -3;
	}
	json_decref(json);
	return rc;
}

static void
test_whole(enum bb_op op)
{
	char why[BB_MESSAGE_WHY_MAX];
	const char *where = bb_message_rows[op].where;
	bool up = strcmp(where, "UP") == 0 || strcmp(where, "ATTACH") == 0;
	json_t *json;
	int rc;

	rc = check(make_message(op, MINIMAL, 0), op, why);
	tap_ok(rc == 0, "%s with what it must have is taken", bb_op_word(op));
	if (rc != 0)
		tap_note("it says: %s", why);
	rc = check(make_message(op, MAXIMAL, 0), op, why);
	tap_ok(rc == 0, "%s with all it may have, as long as may be, is taken",
	    bb_op_word(op));
	if (rc != 0)
		tap_note("it says: %s", why);
	json = make_message(op, MINIMAL, 0);
	(void)json_object_set_new(json, "canary", json_integer(1));
	tap_ok(check(json, op, why) == (up ? -1 : 0),
	    "%s: an unknown member is %s", bb_op_word(op),
	    up ? "refused" : "ignored");
	if (up)
		tap_ok(strstr(why, "canary") == NULL &&
			   strstr(why, "unknown") != NULL,
		    "%s: the name of the unknown member is not repeated",
		    bb_op_word(op));
}

/* Replaces (or with NULL removes) a member of a maximal message; what is said
 * must name the member. */
static void
expect(const struct bb_field_row *field, json_t *value, bool taken,
    const char *what)
{
	char why[BB_MESSAGE_WHY_MAX], name[80];
	json_t *json = make_message(field->op, MAXIMAL, 0);
	int rc;

	if (value == NULL)
		(void)json_object_del(json, field->name);
	else
		(void)json_object_set_new(json, field->name, value);
	(void)snprintf(name, sizeof(name), "member \"%s\" of \"%s\" ",
	    field->name, bb_op_word(field->op));
	rc = check(json, field->op, why);
	tap_ok(taken ? rc == 0
		     : rc == -1 && strncmp(why, name, strlen(name)) == 0,
	    "%s.%s: %s is %s", bb_op_word(field->op), field->name, what,
	    taken ? "taken" : "refused");
	if (!taken && strncmp(why, name, strlen(name)) != 0)
		tap_note("it says: %s", why);
}

static void
test_types(const struct bb_field_row *field)
{
	bool text = field->type != BB_F_INT && field->type != BB_F_BOOL &&
		    field->type != BB_F_OBJ && field->type != BB_F_LIST;

	expect(field, json_null(), false, "null");
	expect(field, json_real(1.0), false, "a real number");
	expect(field, json_integer(1), field->type == BB_F_INT, "a number");
	if (!text)
		expect(field, json_string("1"), false, "a string");
	if (field->type != BB_F_BOOL)
		expect(field, json_true(), false, "true");
	if (field->type != BB_F_LIST)
		expect(field, json_array(), false, "a list");
	if (field->type != BB_F_OBJ)
		expect(field, json_object(), false, "an object");
}

static void
test_range(const struct bb_field_row *field)
{
	if (field->type == BB_F_BOOL || field->type == BB_F_WORD ||
	    field->type == BB_F_OBJ)
		return;
	expect(field, make_value(field, field->min, MINIMAL), true,
	    "the least");
	if (field->type == BB_F_INT || field->min > 0)
		expect(field, make_value(field, field->min - 1, MINIMAL), false,
		    "less than the least");
	if (field->max < INT64_MAX)
		expect(field, make_value(field, field->max + 1, MINIMAL), false,
		    "more than the most");
}

static void
test_characters(const struct bb_field_row *field)
{
	bool lines = field->type == BB_F_TEXT, any = field->type == BB_F_SECRET;

	expect(field, json_string("z\xC3\xA4 \xF0\x9F\x98\x80"), true, "UTF-8");
	expect(field, json_string("a\nb"), lines || any, "a line feed");
	expect(field, json_string("a\rb"), lines || any, "a carriage return");
	expect(field, json_string("a\tb"), lines || any, "a tab");
	expect(field, json_string("a\x1B[2J"), any, "an escape");
	expect(field, json_string("a\x7F"), any, "DEL");
	expect(field, json_string("a\xC2\x9B"), any, "a C1 control");
	expect(field, json_string("a\xC2\xA0"), true,
	    "the first character behind C1");
	expect(field, json_stringn("a\0b", 3), any, "a zero character");
}

static void
test_length_in_bytes(const struct bb_field_row *field)
{
	size_t len = (size_t)field->max;
	char *text = malloc(len + 2);

	if (text == NULL)
		abort();
	/* Two-byte characters: one too many, though half as many
	 * characters. */
	memset(text, 'a', len - 1);
	text[len - 1] = '\xC3';
	text[len] = '\xA4';
	expect(field, json_stringn(text, len + 1), false,
	    "a length that counts bytes, not characters,");
	free(text);
}

static void
test_hex(const struct bb_field_row *field)
{
	size_t len = (size_t)field->min * 2;
	char text[128];

	memset(text, 'a', len);
	text[0] = '0';
	text[1] = '9';
	text[2] = 'f';
	expect(field, json_stringn(text, len), true, "hexadecimal");
	text[len - 1] = 'A';
	expect(field, json_stringn(text, len), false, "upper case");
	text[len - 1] = 'g';
	expect(field, json_stringn(text, len), false, "another letter");
	text[len - 1] = ' ';
	expect(field, json_stringn(text, len), false, "a space");
	text[len - 1] = '\0';
	expect(field, json_stringn(text, len), false, "a zero character");
	expect(field, json_stringn(text, len - 1), false, "a digit less");
}

static void
test_words(const struct bb_field_row *field)
{
	const char *words = field->words;
	char what[80];
	size_t len;

	expect(field, json_string(""), false, "no word");
	expect(field, json_string("xyzzy"), false, "another word");
	expect(field, json_string(words), false, "all words at once");
	expect(field, json_stringn(words, strcspn(words, " ") - 1), false,
	    "half a word");
	expect(field, json_stringn(words, strcspn(words, " ") + 1), false,
	    "a word and a space");
	while (*words != '\0') {
		len = strcspn(words, " ");
		(void)snprintf(what, sizeof(what), "\"%.*s\"", (int)len, words);
		expect(field, json_stringn(words, len), true, what);
		words += len + (words[len] == ' ' ? 1 : 0);
	}
}

static void
test_field(const struct bb_field_row *field)
{
	expect(field, NULL, !field->must, "its absence");
	test_types(field);
	test_range(field);
	if (field->type == BB_F_STR || field->type == BB_F_TEXT ||
	    field->type == BB_F_SECRET) {
		test_characters(field);
		test_length_in_bytes(field);
	}
	if (field->type == BB_F_HEX)
		test_hex(field);
	if (field->type == BB_F_WORD)
		test_words(field);
}

static void
test_table(void)
{
	size_t i;

	for (i = 0; i < bb_message_rows_len; i++) {
		tap_ok(bb_message_rows[i].op == (enum bb_op)i,
		    "the row of %s is where its op says",
		    bb_message_rows[i].word);
		TAP_EQ_STR(bb_op_word((enum bb_op)i), bb_message_rows[i].word,
		    "an op has its word");
	}
	TAP_EQ_STR(bb_op_word(BB_OP_COUNT), "", "no op has no word");
	TAP_EQ_INT(bb_op_find("send", "UP"), BB_OP_send,
	    "a word is found in its place");
	TAP_EQ_INT(bb_op_find("send", "DOWN"), BB_OP_COUNT,
	    "a word is not found in another place");
}

/* Which message an example is, by its first member. */
static enum bb_op
op_of(const json_t *json)
{
	const char *word = json_string_value(json_object_get(json, "op"));
	size_t i;

	if (word == NULL)
		word = json_string_value(json_object_get(json, "type"));
	if (word == NULL)
		word =
		    json_object_get(json, "step") != NULL ? "step" : "result";
	for (i = 0; i < bb_message_rows_len; i++) {
		if (strcmp(bb_message_rows[i].word, word) == 0)
			return bb_message_rows[i].op;
	}
	return BB_OP_COUNT;
}

/* There is an example of each message in the document, and it is taken. */
static void
test_document(void)
{
	bool seen[BB_OP_COUNT] = { false };
	char text[4096], why[BB_MESSAGE_WHY_MAX];
	FILE *file = fopen("docs/wire.md", "r");
	json_t *json;
	enum bb_op op;
	size_t i;

	if (file == NULL) {
		tap_skip("docs/wire.md is not here: run from the top folder");
		return;
	}
	while (fgets(text, sizeof(text), file) != NULL) {
		if (text[0] != '{' || strncmp(text, "{\"re\":", 6) == 0 ||
		    strncmp(text, "{\"pin\":", 7) == 0)
			continue;
		json = bb_json_parse(text, strlen(text), why);
		op = op_of(json);
		if (op != BB_OP_COUNT && check(json, op, why) == 0)
			seen[op] = true;
		else
			tap_note("%s  says: %s", text, why);
	}
	(void)fclose(file);
	for (i = 0; i < bb_message_rows_len; i++)
		tap_ok(seen[i], "the example of %s in docs/wire.md is taken",
		    bb_message_rows[i].word);
}

int
main(void)
{
	size_t i;

	bb_json_init();
	test_table();
	for (i = 0; i < bb_message_rows_len; i++)
		test_whole(bb_message_rows[i].op);
	for (i = 0; i < bb_field_rows_len; i++)
		test_field(&bb_field_rows[i]);
	test_document();
	return tap_done();
}
