/* bbdevice against a gateway made by hand: messages up, events down, and each
 * of them once. */
#include "device_rig.h"

#include "base/cc.h"

#define SEND "send bob --pin 2100000a --password-file pw --emit"
#define FETCH "fetch --pin 2100000a --password-file pw --emit"
#define ANSWER(members) \
	"{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"logged in\"" members \
	"}"
#define EVENT(n, text) \
	"{\"type\":\"message\",\"n\":" #n ",\"from\":\"bob\",\"text\":\"" text \
	"\"}"
#define EVENTS(list) "{\"op\":\"events\",\"events\":[" list "]}"

static const json_t *
message(size_t i)
{
	return json_array_get(json_object_get(rig_second, "msgs"), i);
}

static size_t
messages(void)
{
	return json_array_size(json_object_get(rig_second, "msgs"));
}

static void
test_send(void)
{
	rig_device();
	rig_run_with("two\nlines\n", 10, SEND, NULL);
	tap_ok(rig_attach(), "a message travels with a login");
	TAP_EQ_STR(rig_member(rig_second, "op"), "batch", "in a batch");
	TAP_EQ_STR(rig_member(message(0), "to"), "bob", "with its addressee");
	TAP_EQ_STR(rig_member(message(0), "text"), "two\nlines",
	    "and its text, without the last line end");
	TAP_EQ_INT(rig_number(message(0), "n"), 1, "numbered from 1");
	rig_run_with("", 0, SEND, "second");
	tap_ok(rig_attach(), "a second login");
	TAP_EQ_UINT(messages(), 2, "carries both, none is acknowledged");
	TAP_EQ_INT(rig_number(message(1), "n"), 2, "in order");
	rig_run(RIG_LOGIN);
	tap_ok(rig_attach() && rig_second == NULL, "a bare login carries none");
	if (!rig_accepted(SEND, "third",
		ANSWER(",\"up_next\":3,\"results\":[{\"n\":1,\"result\":"
		       "\"sent\"},{\"n\":2,\"result\":\"refused\",\"reason\":"
		       "\"no such account\"}]"),
		NULL))
		return;
	rig_has(&rig_out, "2100000a: message 1 to bob: sent\n",
	    "a result is printed");
	rig_has(&rig_out,
	    "2100000a: message 2 to bob: refused: no such account",
	    "a refusal with its reason");
	TAP_EQ_INT(rig_status, 52, "and its exit status");
	rig_run(FETCH);
	tap_ok(rig_attach(), "a fetch is a login, too");
	tap_ok(json_is_true(json_object_get(rig_second, "fetch")),
	    "that asks for what waits");
	TAP_EQ_UINT(messages(), 1, "what was acknowledged is held no more");
	TAP_EQ_INT(rig_number(message(0), "n"), 3, "what was not is");
}

static void
test_many(void)
{
	static char text[16001];
	size_t i;

	memset(text, '"', sizeof(text) - 1);
	rig_device();
	for (i = 0; i < 3; i++)
		rig_run_with("", 0, SEND, text);
	TAP_EQ_INT(rig_status, 0, "more is held than fits one frame");
	rig_has(&rig_err, "wait for a next send or fetch: 2\n",
	    "which is told");
	tap_ok(rig_attach(), "the frame holds");
	TAP_EQ_UINT(messages(), 1, "what fits");
	rig_device();
	for (i = 0; i < 65; i++)
		rig_run_with("", 0, SEND, "x");
	tap_ok(rig_attach(), "of 65 short ones");
	TAP_EQ_UINT(messages(), 64, "64 go");
}

static void
test_bad_text(void)
{
	static char text[16386];

	memset(text, 'x', sizeof(text) - 1);
	rig_device();
	rig_run_with("", 0, SEND, text);
	TAP_EQ_INT(rig_status, 100, "a text of 16385 bytes is refused");
	rig_run_with(text, sizeof(text) - 1, SEND, NULL);
	TAP_EQ_INT(rig_status, 100, "from standard input, too");
	rig_has(&rig_err, "more than 16384 bytes", "with the reason");
	rig_run_with("", 0, SEND, NULL);
	TAP_EQ_INT(rig_status, 100, "an empty text is refused");
	rig_run_with("a\0b", 3, SEND, NULL);
	TAP_EQ_INT(rig_status, 100, "a zero byte is refused");
	rig_run_with("\xff", 1, SEND, NULL);
	TAP_EQ_INT(rig_status, 100, "what is not UTF-8 is refused");
	rig_run_with("a\033b", 3, SEND, NULL);
	TAP_EQ_INT(rig_status, 100, "a control character is refused");
	TAP_EQ_STR(rig_shown("unacknowledged"), "0", "none of them is held");
	TAP_EQ_STR(rig_shown("att"), "0", "and no number was taken");
}

/* The store of the gateway was restored: it does not know what it told. */
static void
test_restored(void)
{
	char numbering[64];

	rig_device();
	(void)rig_accepted(SEND, "one", ANSWER(",\"up_next\":2"),
	    EVENTS(EVENT(5, "hi")));
	(void)snprintf(numbering, sizeof(numbering), "%s",
	    rig_shown("numbering"));
	TAP_EQ_STR(rig_shown("have"), "5", "an event is had");
	(void)rig_accepted(SEND, "two", ANSWER(",\"up_next\":1"), NULL);
	TAP_EQ_STR(rig_shown("unacknowledged"), "1", "the second is held");
	rig_run_with("", 0, "send bob --pin 2100000a --emit --in-session",
	    "three");
	TAP_EQ_INT(rig_status, 12, "nothing is sent under the old numbers");
	rig_run(FETCH);
	tap_ok(rig_attach(), "the next login");
	tap_ok(strcmp(rig_member(rig_first, "numbering"), numbering) != 0,
	    "draws a new numbering id");
	TAP_EQ_INT(rig_number(rig_first, "have"), 0,
	    "events are counted anew with it");
	TAP_EQ_INT(rig_number(message(0), "n"), 1, "and so are messages");
	TAP_EQ_STR(rig_member(message(0), "text"), "two", "that are held");
}

static void
test_accounts(void)
{
	char numbering[64];

	rig_device();
	(void)rig_accepted(SEND, "for alice's bob", ANSWER(",\"up_next\":1"),
	    EVENTS(EVENT(3, "hi")));
	(void)snprintf(numbering, sizeof(numbering), "%s",
	    rig_shown("numbering"));
	(void)rig_accepted(FETCH " --user mallory", NULL,
	    "{\"op\":\"answer\",\"result\":\"denied\",\"text\":\"not "
	    "permitted\"}",
	    NULL);
	tap_ok(messages() == 0 && rig_number(rig_first, "have") == 0 &&
		   strcmp(rig_member(rig_first, "numbering"), numbering) != 0,
	    "another account gets another numbering, and not our message");
	TAP_EQ_STR(rig_shown("numbering"), numbering,
	    "refused at the door, the former numbering stands");
	rig_run(FETCH);
	tap_ok(rig_attach() && messages() == 1 &&
		   rig_number(message(0), "n") == 1 &&
		   rig_number(rig_first, "have") == 3,
	    "with its message and its events");
	(void)rig_accepted(FETCH " --user carol", NULL,
	    ANSWER(",\"up_next\":1"), NULL);
	TAP_EQ_UINT(messages(), 0, "an accepted other account has none either");
	TAP_EQ_STR(rig_shown("elsewhere"), "1", "it waits");
	rig_run(FETCH);
	tap_ok(rig_attach() && messages() == 1 &&
		   strcmp(rig_member(rig_first, "numbering"), numbering) != 0,
	    "until the first account is back, under a new numbering");
}

static void
test_events(void)
{
	struct bb_buf frames = RIG_FRAMES;

	rig_device();
	(void)rig_accepted(FETCH, NULL, RIG_OK,
	    EVENTS(EVENT(1, "one") "," EVENT(2, "tw\\\\o \\u202e\\n!")));
	rig_has(&rig_out, "\nbob: one\n", "an event is printed");
	rig_has(&rig_out, "\nbob: tw\\x5co \\xe2\\x80\\xae\\x0a!\n",
	    "text of a peer is escaped");
	TAP_EQ_STR(rig_shown("have"), "2", "both are marked");
	(void)rig_accepted(FETCH, NULL, RIG_OK,
	    EVENTS(EVENT(2, "two") "," EVENT(3, "three")));
	TAP_EQ_INT(rig_number(rig_first, "have"), 2,
	    "the next attach acknowledges them");
	rig_has_not(&rig_out, "two", "an event that was had is not shown");
	rig_has(&rig_out, "bob: three\n", "a new one is");
	rig_data(&frames, rig_base, 2, 1, EVENTS(EVENT(4, "four")));
	rig_data(&frames, rig_base, 2, 1, EVENTS(EVENT(4, "four")));
	rig_data(&frames, rig_base, 1, 9, EVENTS(EVENT(5, "old")));
	rig_data(&frames, rig_base, 2, 3, EVENTS(EVENT(7, "seven")));
	rig_data(&frames, rig_base, 2, 4, EVENTS(EVENT(5, "five")));
	rig_read(&frames, "");
	TAP_EQ_STR(rig_text(&rig_out), "bob: four\nbob: five\n",
	    "in the session each is shown once, none behind a lost frame");
	rig_has(&rig_err, "came before", "a copy is dropped");
	rig_has(&rig_err, "another attach", "an earlier attach's is dropped");
	rig_has(&rig_err, "they come again", "one behind a gap is dropped");
	TAP_EQ_STR(rig_shown("have"), "5", "what was shown is marked");
	rig_run("fetch --pin 2100000a --emit --in-session");
	tap_ok(rig_open(rig_base) && rig_number(rig_first, "ack") == 5,
	    "and acknowledged in the session, too");
	rig_data(&frames, rig_base, 2, 2,
	    "{\"op\":\"events\",\"events\":[" EVENT(6,
		"six") "],"
		       "\"more\":true,\"ack\":0}");
	rig_read(&frames, "--json");
	rig_has(&rig_out,
	    "{\"v\":1,\"pin\":\"2100000a\",\"kind\":\"event\","
	    "\"type\":\"message\",\"n\":6,\"from\":\"bob\",\"text\":\"six\"}",
	    "JSON has the event");
	rig_has(&rig_out, "\"kind\":\"more\"", "and that others wait");
	rig_data(&frames, rig_base, 2, 5, EVENTS(EVENT(8, "eight")));
	rig_read(&frames, "");
	TAP_EQ_STR(rig_shown("have"), "6",
	    "what was left out before is not passed over either");
}

/* Printed first, marked afterwards. */
static void
test_reader_left(void)
{
	struct bb_buf frames = RIG_FRAMES;

	rig_device();
	rig_run(FETCH);
	rig_must(rig_attach(), "attach");
	rig_answer(&frames, RIG_OK, EVENTS(EVENT(1, "one")));
	rig_stdout = "/dev/full";
	rig_read(&frames, "");
	rig_stdout = "out";
	TAP_EQ_INT(rig_status, 111, "output that cannot be written is told");
	TAP_EQ_STR(rig_shown("have"), "0", "then nothing is marked as had");
	TAP_EQ_STR(rig_shown("state"), "open", "but the key is adopted");
	memcpy(rig_base, rig_next, sizeof(rig_base));
	(void)rig_accepted(FETCH, NULL, RIG_OK, EVENTS(EVENT(1, "one")));
	rig_has(&rig_out, "bob: one\n", "and the event comes again");
}

static void
test_session(void)
{
	struct bb_buf frames = RIG_FRAMES;

	rig_device();
	(void)rig_accepted(RIG_LOGIN, NULL, RIG_OK, NULL);
	rig_run_with("", 0, "send bob --pin 2100000a --emit --in-session",
	    "hi");
	tap_ok(rig_open(rig_base) && rig_frame.type == BB_FRAME_DATA,
	    "a text may go as data of the session");
	rig_data(&frames, rig_base, 1, 1,
	    "{\"op\":\"events\",\"ack\":1,\"results\":[{\"n\":1,"
	    "\"result\":\"unknown\"}]}");
	rig_read(&frames, "");
	TAP_EQ_STR(rig_text(&rig_out),
	    "2100000a: message 1 to bob: nobody knows whether it was sent\n",
	    "its result comes as data");
	TAP_EQ_INT(rig_status, 59, "with its status");
	TAP_EQ_STR(rig_shown("unacknowledged"), "0", "and acknowledges it");
	rig_run("logout --pin 2100000a --emit --in-session");
	tap_ok(rig_open(rig_base) && rig_frame.seq == 2 &&
		   strcmp(rig_member(rig_first, "op"), "logout") == 0,
	    "logout is data");
	rig_data(&frames, rig_base, 1, 2,
	    "{\"op\":\"bye\",\"ended\":\"logout\"}");
	rig_read(&frames, "");
	TAP_EQ_STR(rig_text(&rig_out), "2100000a: the session was logged out\n",
	    "the goodbye is printed");
	TAP_EQ_INT(rig_status, 0, "as success");
	TAP_EQ_STR(rig_shown("state"), "idle", "and ends the session");
	rig_run("logout --pin 2100000a --emit --in-session");
	TAP_EQ_INT(rig_status, 12, "there is nothing to log out from");
}

int
main(int argc, char *argv[])
{
	(void)argc;
	if (!rig_begin(argv[0]))
		return tap_done();
	test_send();
	test_many();
	test_bad_text();
	test_restored();
	test_accounts();
	test_events();
	test_reader_left();
	test_session();
	return rig_end();
}
