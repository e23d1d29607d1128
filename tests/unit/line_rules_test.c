/* What the message table cannot say: which message may stand where, what lists
 * hold, and what people see of it. */
#include "line/message.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "tap.h"

#define SEND(n) "{\"op\":\"send\",\"n\":" #n ",\"to\":\"bob\",\"text\":\"hi\"}"
#define MESSAGE(n, from) \
	"{\"type\":\"message\",\"n\":" #n ",\"from\":\"" from \
	"\",\"text\":\"hi\"}"
#define LOGIN \
	"\"service\":\"local\",\"user\":\"alice\",\"password\":\"x\"," \
	"\"numbering\":\"a1a2a3a4a5a6a7a8\",\"have\":0"

static const struct {
	enum bb_message_place place;
	const char *text;
	const char *why; /* NULL: it is taken */
	const char *sentence;
} cases[] = {
	/* clang-format off */
	{ BB_PLACE_ATTACH, "{\"op\":\"login\"," LOGIN "}", NULL,
	    "a login may begin an attach" },
	{ BB_PLACE_UP, "{\"op\":\"login\"," LOGIN "}",
	    "member \"op\" names nothing that may stand here",
	    "a login may not be data" },
	{ BB_PLACE_ATTACH_MORE, "{\"op\":\"login\"," LOGIN "}",
	    "member \"op\" names nothing that may stand here",
	    "a login may not be a second section" },
	{ BB_PLACE_ATTACH, "{" LOGIN "}", "member \"op\" is missing",
	    "an object without op is refused" },
	{ BB_PLACE_ATTACH, "{\"op\":1," LOGIN "}",
	    "member \"op\" is not a string", "an op that is a number is refused" },
	{ BB_PLACE_ATTACH, "{\"op\":\"log\"," LOGIN "}",
	    "member \"op\" names nothing that may stand here",
	    "half an op is refused" },
	{ BB_PLACE_ATTACH, "{\"op\":\"Login\"," LOGIN "}",
	    "member \"op\" names nothing that may stand here",
	    "an op in upper case is refused" },
	{ BB_PLACE_ATTACH, "{\"op\":\"login\",\"type\":\"login\"," LOGIN "}",
	    "\"login\" has an unknown member",
	    "up, a type beside the op is refused" },
	{ BB_PLACE_ATTACH, "{\"op\":\"login\",\"pin\":\"2100000a\"," LOGIN "}",
	    "\"login\" has an unknown member",
	    "a login that names a PIN is refused" },
	{ BB_PLACE_ATTACH_MORE, "{\"op\":\"batch\",\"msgs\":[" SEND(1) "]}",
	    NULL, "a batch may be the second section" },
	{ BB_PLACE_ATTACH_MORE, SEND(1),
	    "member \"op\" names nothing that may stand here",
	    "a message that is not in a batch may not be a second section" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[" SEND(1) "]}", NULL,
	    "a batch may be data" },
	{ BB_PLACE_UP, "{\"op\":\"batch\"}", NULL, "a batch may be empty" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":["
	    SEND(7) "," SEND(8) "," SEND(9) "]}", NULL,
	    "numbers may begin anywhere and rise by one" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[" SEND(7) "," SEND(7) "]}",
	    "member \"msgs\" of \"batch\" has numbers that do not rise by one",
	    "a number that stands twice is refused" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[" SEND(7) "," SEND(9) "]}",
	    "member \"msgs\" of \"batch\" has numbers that do not rise by one",
	    "a gap between numbers is refused" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[" SEND(8) "," SEND(7) "]}",
	    "member \"msgs\" of \"batch\" has numbers that do not rise by one",
	    "numbers that fall are refused" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":["
	    SEND(9223372036854775807) "," SEND(1) "]}",
	    "member \"msgs\" of \"batch\" has numbers that do not rise by one",
	    "numbers do not begin again behind the last" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[{\"op\":\"logout\"}]}",
	    "member \"msgs\" of \"batch\" has a message that is not numbered",
	    "a volatile message in a batch is refused" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[{\"op\":\"batch\"}]}",
	    "member \"msgs\" of \"batch\" has a message that is not numbered",
	    "a batch in a batch is refused" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[" MESSAGE(1, "bob") "]}",
	    "member \"op\" is missing", "an event in a batch is refused" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[1]}",
	    "what should be a message is no object",
	    "a number in a batch is refused" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[" SEND(0) "]}",
	    "member \"n\" of \"send\" is too small",
	    "the elements of a batch are checked" },
	{ BB_PLACE_UP, "{\"op\":\"batch\",\"msgs\":[{\"op\":\"send\",\"n\":1,"
	    "\"to\":\"bob\",\"text\":\"hi\",\"x\":1}]}",
	    "\"send\" has an unknown member",
	    "an unknown member in a batch is refused" },
	{ BB_PLACE_UP, "{\"op\":\"events\"}",
	    "member \"op\" names nothing that may stand here",
	    "what goes down may not go up" },
	{ BB_PLACE_UP, "{\"op\":\"message\"}",
	    "member \"op\" names nothing that may stand here",
	    "an event may not go up" },
	{ BB_PLACE_UP, "{\"op\":\"step\"}",
	    "member \"op\" names nothing that may stand here",
	    "a step is no message" },
	{ BB_PLACE_DOWN, "{\"op\":\"events\",\"events\":["
	    MESSAGE(4, "bob") "," MESSAGE(9, "carol") "]}", NULL,
	    "the numbers of events may have gaps" },
	{ BB_PLACE_ANSWER_MORE, "{\"op\":\"events\"}", NULL,
	    "events may be the second section of an answer" },
	{ BB_PLACE_ANSWER_MORE, "{\"op\":\"bye\",\"ended\":\"killed\"}",
	    "member \"op\" names nothing that may stand here",
	    "a bye may not be the second section of an answer" },
	{ BB_PLACE_DOWN, "{\"op\":\"bye\",\"ended\":\"killed\",\"x\":[]}", NULL,
	    "down, an unknown member is ignored" },
	{ BB_PLACE_DOWN, "{\"op\":\"events\",\"events\":[" SEND(1) "]}",
	    "member \"type\" is missing",
	    "a message among the events is refused" },
	{ BB_PLACE_DOWN, "{\"op\":\"events\",\"events\":[{\"type\":\"send\","
	    "\"n\":1}]}",
	    "member \"type\" names nothing that may stand here",
	    "an event of unknown type is refused" },
	{ BB_PLACE_DOWN, "{\"op\":\"events\",\"results\":[{\"n\":1,"
	    "\"result\":\"sent\"},{\"n\":2}]}",
	    "member \"result\" of \"result\" is missing",
	    "every result is checked" },
	{ BB_PLACE_UP, "{\"op\":\"alive\",\"coverage\":false,\"ack\":-0}", NULL,
	    "-0 is the number 0" },
	{ BB_PLACE_UP, "{\"op\":\"fetch\",\"ack\":1e3}",
	    "member \"ack\" of \"fetch\" is not a whole number",
	    "1e3 is not a whole number" },
	{ BB_PLACE_UP, "{\"op\":\"fetch\",\"ack\":1.0}",
	    "member \"ack\" of \"fetch\" is not a whole number",
	    "1.0 is not a whole number" },
	/* clang-format on */
};

static json_t *
parse(const char *text)
{
	char why[BB_MESSAGE_WHY_MAX];
	json_t *json = bb_json_parse(text, strlen(text), why);

	if (json == NULL)
		tap_note("%s: %s", text, why);
	return json;
}

static void
test_cases(void)
{
	char why[BB_MESSAGE_WHY_MAX];
	enum bb_op op;
	json_t *json;
	size_t i;
	int rc;

	for (i = 0; i < BB_LEN(cases); i++) {
		json = parse(cases[i].text);
		why[0] = '\0';
		rc = bb_message_check(json, cases[i].place, &op, why);
		if (cases[i].why == NULL)
			tap_ok(rc == 0, "%s", cases[i].sentence);
		else
			TAP_EQ_STR(why, cases[i].why, cases[i].sentence);
		json_decref(json);
	}
	tap_ok(bb_message_check(NULL, BB_PLACE_UP, &op, why) == -1,
	    "no object at all is refused");
}

static void
test_authors(void)
{
	static const struct {
		const char *text;
		bool mixed;
		const char *sentence;
	} rows[] = {
		{ "{\"op\":\"events\"}", false, "no events have no author" },
		{ "{\"events\":[" MESSAGE(1, "bob") "]}", false,
		    "one event has one author" },
		{ "{\"events\":[" MESSAGE(1, "bob") "," MESSAGE(2, "bob") "]}",
		    false, "two events of one author are not mixed" },
		{ "{\"events\":[" MESSAGE(1, "bob") "," MESSAGE(2,
		      "bob") "," MESSAGE(3, "carol") "]}",
		    true, "a third of another is" },
		{ "{\"events\":[" MESSAGE(1, "bob") ",{\"type\":\"note\"}]}",
		    true, "an event without author is by another" },
	};
	json_t *json;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		json = parse(rows[i].text);
		tap_ok(bb_message_mixed_authors(json) == rows[i].mixed, "%s",
		    rows[i].sentence);
		json_decref(json);
	}
}

static const struct {
	const char *text;
	const char *shown;
	const char *sentence;
} shown[] = {
	/* clang-format off */
	{ "{\"service\":\"local\",\"op\":\"login\",\"user\":\"alice\","
	    "\"password\":\"correct horse\"}",
	    "login service=local user=alice password=***",
	    "the op comes first, the password not at all" },
	{ "{\"op\":\"send\",\"n\":-1,\"text\":\"two words\",\"x\":\"\"}",
	    "send n=-1 text=\"two words\" x=\"\"",
	    "what is not one word stands in quotes" },
	{ "{\"op\":\"send\",\"text\":\"a\\\"b\\\\c\\n\\u001b[2J\\u009b\\u007f\"}",
	    "send text=\"a\\x22b\\x5cc\\x0a\\x1b[2J\\xc2\\x9b\\x7f\"",
	    "quotes, backslashes and controls are escaped" },
	{ "{\"op\":\"send\",\"to\":\"\\u202egnp\\u2028\",\"text\":\"\\u00e4\"}",
	    "send to=\"\\xe2\\x80\\xaegnp\\xe2\\x80\\xa8\" text=\"\xC3\xA4\"",
	    "marks that turn the direction of text are escaped" },
	{ "{\"op\":\"send\",\"to\":\"x password=y\"}",
	    "send to=\"x password=y\"",
	    "a value cannot pose as another member" },
	{ "{\"a b\":true,\"c\":null,\"d\":false,\"e\":1.5}",
	    "\"a b\"=true c=null d=false e=1.5",
	    "names are escaped as values are" },
	{ "{\"op\":\"batch\",\"msgs\":[{\"op\":\"send\",\"n\":1},{\"n\":2}]}",
	    "batch msgs=[{send n=1} {n=2}]", "lists stand in brackets" },
	{ "{\"re\":\"attach\",\"pin\":\"2100000a\",\"d\":{\"op\":\"login\","
	    "\"password\":\"x\"},\"m\":{\"op\":\"batch\"}}",
	    "attach pin=2100000a d={login password=***} m={batch}",
	    "a line shows what is nested in it" },
	{ "{\"op\":{\"password\":\"x\"},\"password\":{\"a\":\"b\"}}",
	    "op={password=***} password=***",
	    "a password that is misplaced or no string is masked too" },
	{ "{}", "", "an empty object shows nothing" },
	/* clang-format on */
};

static void
test_shown(void)
{
	char out[256];
	json_t *json;
	size_t i;

	for (i = 0; i < BB_LEN(shown); i++) {
		json = parse(shown[i].text);
		TAP_EQ_STR(bb_message_text(json, out, sizeof(out)),
		    shown[i].shown, shown[i].sentence);
		json_decref(json);
	}
	TAP_EQ_STR(bb_message_text(NULL, out, sizeof(out)), "",
	    "no message shows nothing");
}

/* Whatever the room is, what is written ends in it, and is the beginning of the
 * whole or says that it was cut. */
static void
test_cut(void)
{
	static const char text[] = "{\"op\":\"send\",\"text\":"
				   "\"\xC3\xA4\xC3\xA4 \\n\xF0\x9F\x98\x80\"}";
	char whole[128], out[128];
	json_t *json = parse(text);
	size_t size, len, same;
	bool good = true;

	(void)bb_message_text(json, whole, sizeof(whole));
	for (size = 1; size <= strlen(whole) + 1; size++) {
		memset(out, 'X', sizeof(out));
		(void)bb_message_text(json, out, size);
		len = strlen(out);
		same = len;
		if (size <= strlen(whole))
			same = len < 3 ? 0 : len - 3;
		if (out[size] != 'X' || len >= size ||
		    strncmp(out, whole, same) != 0 ||
		    strspn(out + same, ".") != len - same)
			good = false;
		/* Not within a character or an escape. */
		if (((unsigned char)whole[same] & 0xC0) == 0x80)
			good = false;
	}
	tap_ok(good, "a text that does not fit is cut between characters");
	out[0] = 'X';
	(void)bb_message_text(json, out, 0);
	tap_ok(out[0] == 'X', "no room takes nothing");
	TAP_EQ_STR(bb_message_text(json, out, 13), "send text...",
	    "what is cut says so");
	json_decref(json);
}

static void
test_masked(void)
{
	static const char text[] = "{\"re\":\"attach\",\"d\":{\"op\":\"login\","
				   "\"password\":\"s3cret\","
				   "\"user\":\"alice\"},\"m\":{\"msgs\":[{"
				   "\"password\":[\"s3cret\"]}]}}";
	static const char want[] =
	    "{\"re\":\"attach\",\"d\":{\"op\":\"login\",\"password\":\"***\","
	    "\"user\":\"alice\"},\"m\":{\"msgs\":[{\"password\":\"***\"}]}}";
	json_t *json = parse(text), *masked = bb_message_masked(json);
	size_t len = 0;
	char *out = bb_json_text(masked, &len);

	TAP_EQ_STR(out, want, "secrets are masked at any depth");
	bb_json_text_free(out, len);
	out = bb_json_text(json, &len);
	TAP_EQ_STR(out, text, "the original stays as it is");
	bb_json_text_free(out, len);
	json_decref(masked);
	json_decref(json);
}

int
main(void)
{
	bb_json_init();
	test_cases();
	test_authors();
	test_shown();
	test_cut();
	test_masked();
	return tap_done();
}
