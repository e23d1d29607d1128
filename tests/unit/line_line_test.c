/* Lines: what each kind has, in which form, and that a line comes back as it
 * was written. */
#include "line/line.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cc.h"
#include "tap.h"

#define KID "\"kid\":\"5f0c6f8d8a9e2b11\","
#define NONCE "\"nonce\":\"000102030405060708090a0b0c0d0e0f1011121314151617\","
#define LINK "\"link\":\"0000000100000002\","
#define LOGIN \
	"\"d\":{\"op\":\"login\",\"service\":\"local\",\"user\":\"alice\"," \
	"\"password\":\"correct horse\",\"numbering\":\"a1a2a3a4a5a6a7a8\"," \
	"\"have\":0}"
#define BATCH ",\"m\":{\"op\":\"batch\",\"fetch\":true}"
#define TRACE \
	",\"trace\":[{\"step\":3,\"hop\":\"bbdispatch\",\"what\":\"opened\"," \
	"\"us\":12}]"
#define UP_HEAD \
	"\"pin\":\"2100000a\",\"user\":\"alice\",\"service\":\"local\"," \
	"\"att\":1,"
#define DOWN_HEAD "\"pin\":\"2100000a\",\"att\":1,"

/* One whole line of each kind, every member there. */
static const struct kind {
	enum bb_line_kind kind;
	bool up;
	const char *name;
	const char *text;
	const char *must; /* members which it must have */
} kinds[] = {
	/* clang-format off */
	{ BB_LINE_ATTACH, true, "an attach",
	    "{\"re\":\"attach\"," UP_HEAD KID NONCE LINK LOGIN BATCH TRACE "}\n",
	    "re pin user service att kid nonce link d" },
	{ BB_LINE_DATA, true, "data up",
	    "{" UP_HEAD "\"seq\":7," KID NONCE LINK
	    "\"d\":{\"op\":\"fetch\"}" TRACE "}\n",
	    "pin user service att seq kid nonce link d" },
	{ BB_LINE_DATA, false, "data down",
	    "{" DOWN_HEAD "\"seq\":7," LINK
	    "\"d\":{\"op\":\"events\",\"ack\":3}" TRACE "}\n",
	    "pin att seq link d" },
	{ BB_LINE_ANSWER, false, "an answer",
	    "{\"re\":\"attach\"," DOWN_HEAD KID NONCE LINK
	    "\"d\":{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"logged in\"}"
	    ",\"m\":{\"op\":\"events\"}" TRACE "}\n",
	    "re pin att kid nonce link d" },
	{ BB_LINE_NOTICE, false, "a notice",
	    "{\"re\":\"notice\"," DOWN_HEAD KID NONCE LINK
	    "\"d\":{\"op\":\"notice\",\"code\":\"stale\"}" TRACE "}\n",
	    "re pin att kid nonce link d" },
	{ BB_LINE_NOTICE, true, "a notice passed up",
	    "{\"re\":\"notice\"," DOWN_HEAD KID NONCE LINK
	    "\"d\":{\"op\":\"notice\",\"code\":\"stale\"}" TRACE "}\n",
	    "re pin att kid nonce link d" },
	{ BB_LINE_HINT, false, "a hint",
	    "{\"re\":\"hint\",\"pin\":\"2100000a\","
	    "\"nonce\":\"0001020304050607\"," LINK "\"hint\":2" TRACE "}\n",
	    "re pin nonce link hint" },
	{ BB_LINE_HINT, true, "a hint passed up",
	    "{\"re\":\"hint\",\"pin\":\"2100000a\","
	    "\"nonce\":\"0001020304050607\"," LINK "\"hint\":2" TRACE "}\n",
	    "re pin nonce link hint" },
	{ BB_LINE_TRUNK, true, "a trunk's line",
	    "{\"re\":\"trunk\",\"router\":\"0a0b0c0d\",\"up\":true}\n",
	    "re router up" },
	{ BB_LINE_DOWN, true, "a link's end",
	    "{\"re\":\"down\",\"pin\":\"2100000a\","
	    "\"link\":\"0a0b0c0d00000001\"}\n",
	    "re pin link" },
	/* clang-format on */
};

static bool
is_taken(const char *text, size_t len, bool up)
{
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;
	int rc = bb_line_parse(text, len, up, &line, why);

	if (rc == 0)
		bb_line_clear(&line);
	return rc == 0;
}

static void
test_round_trip(const struct kind *k)
{
	struct bb_buf out = BB_BUF_SECRET(BB_LINE_MAX);
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;

	if (!tap_ok(bb_line_parse(k->text, strlen(k->text), k->up, &line,
			why) == 0,
		"%s is taken", k->name)) {
		tap_note("it says: %s", why);
		return;
	}
	TAP_EQ_INT(line.kind, k->kind, "its kind is known");
	TAP_EQ_INT(bb_line_write(&line, k->up, &out), 0, "it can be written");
	TAP_EQ_MEM(bb_buf_data(&out), bb_buf_len(&out), k->text,
	    strlen(k->text), "and is then as it was");
	bb_line_clear(&line);
	bb_buf_clear(&out);
}

/* Parses a kind's line with one member replaced, or removed (value NULL). */
static bool
taken_with(const struct kind *k, const char *name, json_t *value)
{
	char why[BB_MESSAGE_WHY_MAX], *text;
	json_t *json = bb_json_parse(k->text, strlen(k->text), why);
	size_t len = 0;
	bool taken;

	if (value == NULL)
		(void)json_object_del(json, name);
	else
		(void)json_object_set_new(json, name, value);
	text = bb_json_text(json, &len);
	taken = is_taken(text, len, k->up);
	bb_json_text_free(text, len);
	json_decref(json);
	return taken;
}

static bool
must_have(const struct kind *k, const char *name)
{
	const char *at = strstr(k->must, name);
	size_t len = strlen(name);

	while (at != NULL) {
		if ((at == k->must || at[-1] == ' ') &&
		    (at[len] == '\0' || at[len] == ' '))
			return true;
		at = strstr(at + 1, name);
	}
	return false;
}

static void
test_members(const struct kind *k)
{
	static const char *const names[] = { "re", "pin", "user", "service",
		"att", "seq", "kid", "nonce", "link", "hint", "d", "m", "trace",
		"router", "up" };
	char quoted[16];
	size_t i;
	bool has, must;

	for (i = 0; i < BB_LEN(names); i++) {
		(void)snprintf(quoted, sizeof(quoted), "\"%s\":", names[i]);
		has = strstr(k->text, quoted) != NULL;
		must = must_have(k, names[i]);
		if (has && must)
			tap_ok(!taken_with(k, names[i], NULL),
			    "%s without %s is refused", k->name, names[i]);
		if (has && !must)
			tap_ok(taken_with(k, names[i], NULL),
			    "%s without %s is taken", k->name, names[i]);
		tap_ok(!taken_with(k, names[i], json_null()),
		    "%s with %s null is refused", k->name, names[i]);
		if (!has)
			tap_ok(!taken_with(k, names[i],
				   json_string("0000000000000000")),
			    "%s with %s is refused", k->name, names[i]);
	}
	tap_ok(!taken_with(k, "down", json_string("0000000000000000")),
	    "%s with an unknown member is refused", k->name);
}

/* Members in another form, in the line kinds[kind]. */
static const struct {
	size_t kind;
	const char *name;
	const char *value; /* JSON */
	bool taken;
	const char *sentence;
} forms[] = {
	/* clang-format off */
	{ 0, "re", "\"answer\"", false, "another word for re is refused" },
	{ 0, "re", "1", false, "a number for re is refused" },
	{ 0, "pin", "\"2100000A\"", false, "a PIN in upper case is refused" },
	{ 0, "pin", "\"2100000\"", false, "a PIN of 7 digits is refused" },
	{ 0, "pin", "\"2100000ab\"", false, "a PIN of 9 digits is refused" },
	{ 0, "pin", "\"2100000g\"", false, "a PIN that is none is refused" },
	{ 0, "pin", "553648138", false, "a PIN as a number is refused" },
	{ 6, "pin", "\"00000000\"", true, "a hint may lack a PIN" },
	{ 0, "user", "\"\"", false, "an empty user is refused" },
	{ 0, "user", "\"a\\nb\"", false, "a user with a newline is refused" },
	{ 0, "user", "\"a\\u0085b\"", false, "a user with a C1 control is refused" },
	{ 0, "user", "\"\\u00e4 b\"", true, "a user of two words is taken" },
	{ 0, "service", "\"\"", false, "an empty service is refused" },
	{ 0, "att", "0", false, "attach number 0 is refused" },
	{ 4, "att", "0", true, "a notice may lack an attach number" },
	{ 0, "att", "4294967294", true, "the last attach number is taken" },
	{ 0, "att", "4294967295", false, "the one behind it is refused" },
	{ 0, "att", "-1", false, "a negative attach number is refused" },
	{ 0, "att", "1.0", false, "a real attach number is refused" },
	{ 0, "att", "\"1\"", false, "an attach number as text is refused" },
	{ 1, "seq", "0", false, "frame number 0 is refused" },
	{ 1, "seq", "4294967294", true, "the last frame number is taken" },
	{ 1, "seq", "4294967295", false, "the frame number behind it is refused" },
	{ 0, "kid", "\"5f0c6f8d8a9e2b1\"", false, "a short key id is refused" },
	{ 0, "kid", "\"5F0C6F8D8A9E2B11\"", false, "a key id in upper case is refused" },
	{ 0, "nonce", "\"0001020304050607\"", false, "a short nonce is refused" },
	{ 6, "nonce", "\"000102030405060708090a0b0c0d0e0f1011121314151617\"",
	    false, "a hint with a whole nonce is refused" },
	{ 0, "link", "\"000000010000000\"", false, "a short link is refused" },
	{ 0, "link", "1", false, "a link as a number is refused" },
	{ 6, "hint", "0", false, "hint 0 is refused" },
	{ 6, "hint", "3", true, "hint 3 is taken" },
	{ 6, "hint", "4", false, "hint 4 is refused" },
	{ 8, "router", "\"00000000\"", false, "router instance 0 is refused" },
	{ 8, "router", "\"0a0b0c0D\"", false, "an instance in upper case is refused" },
	{ 8, "router", "168496141", false, "an instance as a number is refused" },
	{ 8, "up", "false", true, "a trunk that has ended is taken" },
	{ 8, "up", "1", false, "up as a number is refused" },
	{ 8, "up", "\"true\"", false, "up as text is refused" },
	{ 8, "re", "\"down\"", false, "a trunk's members with another re are refused" },
	{ 9, "link", "\"0a0b0c0d\"", false, "the end of half a link is refused" },
	{ 0, "d", "[]", false, "a list for d is refused" },
	{ 0, "d", "{\"op\":\"fetch\"}", false,
	    "an attach with a message that is none is refused" },
	{ 0, "d", "{\"op\":\"login\"}", false,
	    "an attach is checked by the table" },
	{ 0, "m", "{\"op\":\"fetch\"}", false,
	    "another second section than a batch is refused" },
	{ 0, "m", "{\"op\":\"batch\",\"x\":1}", false,
	    "a second section is checked by the table" },
	{ 1, "d", "{\"op\":\"login\"}", false,
	    "data with an attach in it is refused" },
	{ 1, "d", "{\"op\":\"fetch\",\"ack\":-1}", false,
	    "data up is checked by the table" },
	{ 2, "d", "{\"op\":\"fetch\"}", false,
	    "data down with a message for up is refused" },
	{ 2, "d", "{\"op\":\"bye\"}", true,
	    "data down is not checked by the table" },
	{ 3, "d", "{\"op\":\"answer\"}", true,
	    "an answer is not checked by the table" },
	{ 3, "d", "{\"op\":\"events\"}", false,
	    "an answer with other content is refused" },
	{ 3, "m", "{\"op\":\"bye\"}", false,
	    "an answer's second section is events or nothing" },
	{ 4, "d", "{\"op\":\"answer\"}", false,
	    "a notice with other content is refused" },
	{ 0, "trace", "[]", true, "an empty trace is taken" },
	{ 0, "trace", "[{\"step\":3}]", false,
	    "a step without its members is refused" },
	{ 0, "trace", "{}", false, "a trace that is no list is refused" },
	/* clang-format on */
};

static void
test_forms(void)
{
	size_t i;

	for (i = 0; i < BB_LEN(forms); i++) {
		json_t *value =
		    json_loads(forms[i].value, JSON_DECODE_ANY, NULL);

		tap_ok(value != NULL &&
			   taken_with(&kinds[forms[i].kind], forms[i].name,
			       value) == forms[i].taken,
		    "%s", forms[i].sentence);
	}
}

static void
test_direction(void)
{
	tap_ok(!is_taken(kinds[0].text, strlen(kinds[0].text), false),
	    "an attach does not go down");
	tap_ok(!is_taken(kinds[1].text, strlen(kinds[1].text), false),
	    "data up does not go down");
	tap_ok(!is_taken(kinds[2].text, strlen(kinds[2].text), true),
	    "data down does not go up");
	tap_ok(!is_taken(kinds[3].text, strlen(kinds[3].text), true),
	    "an answer does not go up");
	tap_ok(!is_taken(kinds[8].text, strlen(kinds[8].text), false),
	    "a trunk's line does not go down");
	tap_ok(!is_taken(kinds[9].text, strlen(kinds[9].text), false),
	    "a link's end does not go down");
}

static void
test_trunk(void)
{
	struct bb_buf out = BB_BUF(BB_LINE_MAX);
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;

	if (bb_line_parse(kinds[8].text, strlen(kinds[8].text), true, &line,
		why) == -1)
		return;
	TAP_EQ_UINT(line.router, 0x0a0b0c0d, "the router's instance is there");
	tap_ok(line.up, "that its trunk is up too");
	tap_ok(!line.has_reply, "a trunk's line cannot be replied to");
	line.router = 0;
	TAP_EQ_INT(bb_line_write(&line, true, &out), -1,
	    "a trunk's line without an instance is not written");
	bb_line_clear(&line);
	if (bb_line_parse(kinds[9].text, strlen(kinds[9].text), true, &line,
		why) == -1)
		return;
	TAP_EQ_UINT(line.pin, 0x2100000a, "a link's end names the PIN");
	TAP_EQ_UINT(line.link, UINT64_C(0x0a0b0c0d00000001), "and the link");
	bb_line_clear(&line);
}

static void
test_struct(void)
{
	static const uint8_t kid[BB_KID_LEN] = { 0x5f, 0x0c, 0x6f, 0x8d, 0x8a,
		0x9e, 0x2b, 0x11 };
	static const uint8_t zero[BB_NONCE_LEN - BB_HINT_NONCE_LEN];
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;

	if (bb_line_parse(kinds[1].text, strlen(kinds[1].text), true, &line,
		why) == -1)
		return;
	TAP_EQ_UINT(line.pin, 0x2100000a, "the PIN is a number");
	TAP_EQ_STR(line.user, "alice", "the user is there");
	TAP_EQ_STR(line.service, "local", "the service is there");
	TAP_EQ_UINT(line.att, 1, "the attach number is there");
	TAP_EQ_UINT(line.seq, 7, "the frame number is there");
	TAP_EQ_UINT(line.link, UINT64_C(0x0000000100000002), "the link is");
	TAP_EQ_MEM(line.kid, sizeof(line.kid), kid, sizeof(kid), "the kid is");
	TAP_EQ_INT(line.nonce[23], 0x17, "the nonce is");
	tap_ok(line.has_reply, "data up says how to reply to it");
	TAP_EQ_UINT(json_array_size(line.trace), 1, "the trace is");
	bb_line_clear(&line);
	tap_ok(line.json == NULL && line.d == NULL, "a cleared line is empty");
	bb_line_clear(&line);
	if (bb_line_parse(kinds[6].text, strlen(kinds[6].text), false, &line,
		why) == -1)
		return;
	TAP_EQ_INT(line.hint, BB_HINT_CANNOT_OPEN, "the hint is there");
	TAP_EQ_INT(line.nonce[7], 7, "8 bytes of a hint's nonce are");
	TAP_EQ_MEM(line.nonce + BB_HINT_NONCE_LEN, sizeof(zero), zero,
	    sizeof(zero), "the rest of it is zero");
	tap_ok(!line.has_reply, "a hint cannot be replied to");
	bb_line_clear(&line);
}

/* The examples of the document are lines, and as we write them. */
static void
test_document(void)
{
	struct bb_buf out = BB_BUF(BB_LINE_MAX);
	char text[4096], why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;
	FILE *file = fopen("docs/wire.md", "r");
	unsigned count = 0;
	bool up;

	if (file == NULL) {
		tap_skip("docs/wire.md is not here: run from the top folder");
		return;
	}
	while (fgets(text, sizeof(text), file) != NULL) {
		if (strncmp(text, "{\"re\":", 6) != 0 &&
		    strncmp(text, "{\"pin\":", 7) != 0)
			continue;
		count++;
		up = strstr(text, "\"service\"") != NULL;
		if (!tap_ok(bb_line_parse(text, strlen(text), up, &line, why) ==
				0,
			"line example %u of docs/wire.md is taken", count)) {
			tap_note("it says: %s", why);
			continue;
		}
		if (bb_line_write(&line, up, &out) == 0)
			TAP_EQ_MEM(bb_buf_data(&out), bb_buf_len(&out), text,
			    strlen(text), "and is as we write it");
		bb_line_clear(&line);
		bb_buf_clear(&out);
	}
	(void)fclose(file);
	tap_ok(count >= 5, "docs/wire.md has line examples");
}

int
main(void)
{
	size_t i;

	bb_json_init();
	for (i = 0; i < BB_LEN(kinds); i++) {
		test_round_trip(&kinds[i]);
		test_members(&kinds[i]);
	}
	test_forms();
	test_direction();
	test_struct();
	test_trunk();
	test_document();
	return tap_done();
}
