/* bbdevice against a gateway made by hand: attaches, keys, verdicts, notices
 * and hints, through the real executable. */
#include "device_rig.h"

#include "base/cc.h"

static void
test_login(void)
{
	rig_device();
	rig_run(RIG_LOGIN);
	TAP_EQ_INT(rig_status, 0, "a login is emitted");
	tap_ok(rig_attach(), "the dispatcher opens it under the first key");
	TAP_EQ_INT(rig_frame.att, 1, "it has the first attach number");
	TAP_EQ_INT(rig_frame.link, 0, "and no link");
	TAP_EQ_STR(rig_member(rig_first, "op"), "login", "it is a login");
	TAP_EQ_STR(rig_member(rig_first, "service"), "local", "at local");
	TAP_EQ_STR(rig_member(rig_first, "user"), "alice", "as alice");
	TAP_EQ_STR(rig_member(rig_first, "password"), "correct horse",
	    "with the password of the file, without its line end");
	TAP_EQ_INT(rig_number(rig_first, "have"), 0, "no event is had yet");
	TAP_EQ_STR(rig_member(rig_first, "numbering"), rig_shown("numbering"),
	    "it names the numbering of the profile");
	tap_ok(rig_second == NULL, "and it carries no batch");
	rig_run(RIG_LOGIN " --coverage off --show away --status lunch --trace");
	tap_ok(rig_attach(), "a second login is emitted");
	TAP_EQ_INT(rig_frame.att, 2, "with the next number, unanswered or not");
	tap_ok(json_is_false(json_object_get(rig_first, "coverage")) &&
		   json_is_true(json_object_get(rig_first, "trace")),
	    "coverage and trace are said");
	TAP_EQ_STR(rig_member(rig_first, "show"), "away", "presence, too");
	TAP_EQ_STR(rig_member(rig_first, "status"), "lunch", "and its text");
}

static void
test_acceptance(void)
{
	struct bb_buf frames = RIG_FRAMES;
	char kid[2 * BB_KID_LEN + 1];
	struct bb_keys keys;

	rig_device();
	if (!rig_accepted(RIG_LOGIN, NULL, RIG_OK, NULL))
		return;
	TAP_EQ_INT(rig_status, 0, "an acceptance is success");
	TAP_EQ_STR(rig_text(&rig_out),
	    "2100000a: logged in at local as alice; session b1b2b3b4b5b6b7b8; "
	    "ends with this connection\n",
	    "and is printed");
	TAP_EQ_STR(rig_shown("state"), "open", "the session is open");
	rig_must(bb_keys_expand(rig_base, RIG_PIN, &keys) == 0, "keys");
	bb_text_hex(keys.kid, sizeof(keys.kid), kid);
	TAP_EQ_STR(rig_shown("current_kid"), kid, "the rolled key is current");
	tap_ok(strcmp(rig_shown("previous_kid"), "null") != 0,
	    "the key before it is kept until the new one is confirmed");
	rig_run("alive --pin 2100000a --emit --coverage off");
	tap_ok(rig_open(rig_base) && rig_frame.type == BB_FRAME_DATA,
	    "data is sealed under the new key");
	TAP_EQ_INT(rig_frame.att, 1, "in the attach that made it");
	TAP_EQ_INT(rig_frame.seq, 1, "numbered from 1");
	TAP_EQ_STR(rig_member(rig_first, "op"), "alive", "it says alive");
	rig_run("presence away lunch --pin 2100000a --emit --in-session");
	tap_ok(rig_open(rig_base), "presence is data");
	TAP_EQ_INT(rig_frame.seq, 2, "with the next number");
	rig_data(&frames, rig_base, 1, 1, "{\"op\":\"events\"}");
	rig_read(&frames, "");
	TAP_EQ_STR(rig_shown("previous_kid"), "null",
	    "data under the new key erases the one before");
}

/* Each is one thing wrong with an answer; the right one follows it in the same
 * stream. */
static void
test_wrong_answers(void)
{
	static const struct {
		const char *words, *sentence;
		const char *text;
	} cases[] = {
		{ "nonce", "an answer with another nonce is dropped",
		    "{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"x\","
		    "\"nonce\":\"0000000000000000000000000000000000000000000000"
		    "00\"}" },
		{ "names another key",
		    "an answer with another new key is dropped",
		    "{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"x\","
		    "\"newkid\":\"0000000000000000\"}" },
		{ "unknown word",
		    "an answer with an unknown verdict is dropped",
		    "{\"op\":\"answer\",\"result\":\"so-so\",\"text\":\"x\"}" },
	};
	struct bb_buf frames = RIG_FRAMES;
	size_t i;

	for (i = 0; i < BB_LEN(cases); i++) {
		rig_device();
		rig_run(RIG_LOGIN);
		rig_must(rig_attach(), "attach");
		rig_answer(&frames, cases[i].text, NULL);
		rig_answer(&frames, RIG_OK, NULL);
		rig_read(&frames, "");
		rig_has(&rig_err, cases[i].words, cases[i].sentence);
		rig_has(&rig_out, "logged in at local",
		    "and the right one behind it is taken");
		TAP_EQ_INT(rig_status, 15, "the exit status tells of it");
	}
}

static void
test_forged(void)
{
	struct bb_buf frames = RIG_FRAMES, good = RIG_FRAMES;
	const char *said;
	uint8_t *bytes;
	size_t i, len, bad = 0, lines = 0;

	rig_device();
	rig_run(RIG_LOGIN);
	rig_must(rig_attach(), "attach");
	rig_answer(&good, RIG_OK, NULL);
	len = bb_buf_len(&good);
	for (i = 13; i < len; i += 7) {
		rig_must(bb_buf_put(&frames, bb_buf_data(&good), len) == 0,
		    "copy");
		bytes = (uint8_t *)(uintptr_t)bb_buf_data(&frames) +
			bb_buf_len(&frames) - len;
		bytes[i] ^= 0x10;
		bad++;
	}
	rig_must(bb_buf_put(&frames, bb_buf_data(&good), len) == 0, "copy");
	rig_must(bb_buf_put(&frames, bb_buf_data(&good), len) == 0, "copy");
	rig_read(&frames, "");
	for (said = rig_text(&rig_err); *said != '\0'; said++)
		lines += *said == '\n' ? 1 : 0;
	TAP_EQ_UINT(lines, bad + 1,
	    "each frame with a flipped bit is dropped with one line, and so is "
	    "a copy of the answer");
	rig_has(&rig_out, "logged in at local", "the sound one is taken");
	bb_buf_clear(&good);
	rig_run(RIG_LOGIN);
	memcpy(rig_base, rig_next, sizeof(rig_base));
	rig_must(rig_attach(), "attach");
	rig_must(bb_buf_put(&frames, bb_buf_data(&rig_out),
		     bb_buf_len(&rig_out)) == 0,
	    "copy");
	rig_read(&frames, "");
	rig_has(&rig_err, "has the wrong direction",
	    "a frame of our own that comes back is dropped");
}

static void
test_verdicts(void)
{
	static const struct {
		const char *answer, *line;
		int status;
	} cases[] = {
		{ "\"busy\",\"text\":\"Server Busy\",\"retry_after\":30",
		    "2100000a: Server Busy; try again in 30 s\n", 46 },
		{ "\"failed\",\"text\":\"Failed (300)\",\"code\":300",
		    "2100000a: Failed (300)\n", 47 },
		{ "\"denied\",\"text\":\"not permitted\",\"reason\":\"no row\"",
		    "2100000a: not permitted: no row\n", 48 },
		{ "\"badlogin\",\"text\":\"bad login\"",
		    "2100000a: bad login\n", 58 },
		{ "\"unavailable\",\"text\":\"IM server unavailable\"",
		    "2100000a: IM server unavailable\n", 51 },
		{ "\"unknown-session\",\"text\":\"unknown session\"",
		    "2100000a: unknown session\n", 49 },
		{ "\"badrequest\",\"text\":\"bad request\"",
		    "2100000a: bad request\n", 45 },
		{ "\"ok\",\"text\":\"logged in\",\"ended\":\"evicted\"",
		    "2100000a: logged in at local as alice\n"
		    "2100000a: the session before this one was logged out "
		    "while "
		    "idle, to make room\n",
		    0 },
	};
	char answer[256];
	size_t i;

	rig_device();
	for (i = 0; i < BB_LEN(cases); i++) {
		(void)snprintf(answer, sizeof(answer),
		    "{\"op\":\"answer\",\"result\":%s}", cases[i].answer);
		if (!rig_accepted(RIG_LOGIN, NULL, answer, NULL))
			return;
		TAP_EQ_STR(rig_text(&rig_out), cases[i].line,
		    "a verdict is printed");
		TAP_EQ_INT(rig_status, cases[i].status,
		    "and has its exit status");
	}
	TAP_EQ_STR(rig_shown("att"), "8",
	    "every attach rolled the key, whatever its verdict");
}

static void
test_resume(void)
{
	rig_device();
	rig_run("resume --pin 2100000a --emit");
	TAP_EQ_INT(rig_status, 12, "without a session nothing is resumed");
	rig_has(&rig_err, "log in first", "and it is said what to do");
	if (!rig_accepted(RIG_LOGIN, NULL, RIG_OK, NULL))
		return;
	rig_run("resume --pin 2100000a --emit");
	tap_ok(rig_attach(), "a resume is an attach");
	TAP_EQ_STR(rig_member(rig_first, "op"), "resume", "it says so");
	TAP_EQ_STR(rig_member(rig_first, "session"), "b1b2b3b4b5b6b7b8",
	    "and names the session");
	tap_ok(json_object_get(rig_first, "password") == NULL,
	    "it needs no password");
	rig_run("alive --pin 2100000a --emit");
	TAP_EQ_INT(rig_status, 12, "while it is under way no data leaves");
	if (!rig_accepted("resume --pin 2100000a --emit", NULL,
		"{\"op\":\"answer\",\"result\":\"unknown-session\","
		"\"text\":\"unknown session\"}",
		NULL))
		return;
	TAP_EQ_INT(rig_status, 49, "a resume may come too late");
	rig_run("resume --pin 2100000a --emit");
	TAP_EQ_INT(rig_status, 12, "then the session is forgotten");
}

static void
test_stale(void)
{
	struct bb_buf frames = RIG_FRAMES;

	rig_device();
	rig_run(RIG_LOGIN);
	rig_must(rig_attach(), "attach");
	rig_notice(&frames, rig_base,
	    "{\"op\":\"notice\",\"code\":\"stale\",\"told\":1}");
	rig_answer(&frames, RIG_OK, NULL);
	rig_read(&frames, "");
	rig_has(&rig_out, "a copy of the frame came first",
	    "stale with our own number is told");
	rig_has(&rig_out, "logged in", "and the answer is still taken");
	TAP_EQ_INT(rig_status, 0, "so all is well");
	memcpy(rig_base, rig_next, sizeof(rig_base));
	rig_run(RIG_LOGIN);
	rig_must(rig_attach(), "attach");
	rig_notice(&frames, rig_base,
	    "{\"op\":\"notice\",\"code\":\"stale\",\"told\":40}");
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 32, "stale with a higher number has its status");
	rig_has(&rig_out, "emit again", "and says what to do");
	TAP_EQ_STR(rig_shown("att"), "40", "the number is taken over");
	TAP_EQ_STR(rig_shown("state"), "idle", "nobody waits any more");
	rig_run(RIG_LOGIN);
	tap_ok(rig_attach(), "the next login");
	TAP_EQ_INT(rig_frame.att, 41, "goes on above it");
	rig_notice(&frames, rig_base,
	    "{\"op\":\"notice\",\"code\":\"stale\",\"told\":50,\"nonce\":"
	    "\"000000000000000000000000000000000000000000000000\"}");
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 15, "stale about another frame is dropped");
	TAP_EQ_STR(rig_shown("att"), "41", "and changes nothing");
}

static void
test_notices(void)
{
	static const struct {
		const char *code, *state;
		int status;
	} cases[] = {
		{ "superseded", "idle", 32 },
		{ "busy", "waiting", 36 },
		{ "unreachable", "idle", 41 },
		{ "badbody", "idle", 35 },
	};
	struct bb_buf frames = RIG_FRAMES;
	char notice[128];
	size_t i;

	rig_device();
	for (i = 0; i < BB_LEN(cases); i++) {
		rig_run(RIG_LOGIN);
		rig_must(rig_attach(), "attach");
		(void)snprintf(notice, sizeof(notice),
		    "{\"op\":\"notice\",\"code\":\"%s\"}", cases[i].code);
		rig_notice(&frames, rig_base, notice);
		rig_read(&frames, "--json");
		rig_has(&rig_out, cases[i].code, "a notice is printed");
		TAP_EQ_INT(rig_status, cases[i].status, "with its status");
		TAP_EQ_STR(rig_shown("state"), cases[i].state,
		    "and leads where the table says");
	}
	if (!rig_accepted(RIG_LOGIN, NULL, RIG_OK, NULL))
		return;
	rig_notice(&frames, rig_base,
	    "{\"op\":\"notice\",\"code\":\"reattach\"}");
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 49, "reattach has its status");
	TAP_EQ_STR(rig_shown("state"), "idle", "and closes the session");
	rig_run("resume --pin 2100000a --emit");
	TAP_EQ_INT(rig_status, 0, "which can be resumed");
}

static void
test_hint(void)
{
	struct bb_buf frames = RIG_FRAMES, before = RIG_FRAMES;
	const char *path = "profiles/2100000a/profile.json";
	uint8_t nonce[BB_NONCE_LEN];

	rig_device();
	rig_run(RIG_LOGIN);
	rig_must(rig_attach(), "attach");
	memcpy(nonce, rig_frame.nonce, sizeof(nonce));
	rig_must(bb_read_file(path, &before) == 0, path);
	rig_hint(&frames, BB_HINT_CANNOT_OPEN, nonce);
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 34, "a hint about our attach has its status");
	rig_has(&rig_out, "no longer valid", "and is shown");
	rig_hint(&frames, BB_HINT_VERSION, nonce);
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 35, "another version has its own");
	rig_hint(&frames, BB_HINT_NO_DISPATCHER, nonce);
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 31, "and so has a missing dispatcher");
	nonce[0] ^= 1;
	rig_hint(&frames, BB_HINT_CANNOT_OPEN, nonce);
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 15, "a hint about another frame is dropped");
	TAP_EQ_STR(rig_text(&rig_out), "", "and not shown");
	rig_must(bb_read_file(path, &frames) == 0, path);
	TAP_EQ_MEM(bb_buf_data(&frames), bb_buf_len(&frames),
	    bb_buf_data(&before), bb_buf_len(&before),
	    "no hint changes the profile");
	bb_buf_clear(&frames);
	rig_answer(&frames, RIG_OK, NULL);
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 0, "and the answer that follows is taken");
	bb_buf_clear(&before);
}

static void
test_trace(void)
{
	const char *answer =
	    "{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"logged in\","
	    "\"trace\":[{\"step\":3,\"hop\":\"bbdispatch\","
	    "\"what\":\"opened\",\"us\":17}]}";
	struct bb_buf frames = RIG_FRAMES;

	rig_device();
	(void)rig_accepted(RIG_LOGIN, NULL, answer, NULL);
	rig_has_not(&rig_out, "step", "no steps are printed unasked");
	rig_run(RIG_LOGIN);
	rig_must(rig_attach(), "attach");
	rig_answer(&frames, RIG_OK, NULL);
	rig_read(&frames, "--trace");
	rig_has(&rig_err, "emit with --trace",
	    "read alone cannot have them measured, and says so");
	memcpy(rig_base, rig_next, sizeof(rig_base));
	(void)rig_accepted(RIG_LOGIN " --trace", NULL, answer, NULL);
	rig_has(&rig_out, "2100000a: step 1 ", "step 1 is the device's own");
	rig_has(&rig_out, "us  bbdevice: compressed ",
	    "with what it compressed");
	rig_has(&rig_out, "2100000a: step 3       17 us  bbdispatch: opened\n",
	    "the gateway's follow");
	rig_has(&rig_out, "2100000a: in all ", "and the whole is told");
}

/* Nothing may leave, and no number be taken twice, when the disk is full. */
static void
test_full_disk(void)
{
	struct bb_buf frames = RIG_FRAMES;

	rig_device();
	rig_full = true;
	rig_run(RIG_LOGIN);
	rig_full = false;
	TAP_EQ_INT(rig_status, 100, "a login fails when the disk is full");
	TAP_EQ_UINT(bb_buf_len(&rig_out), 0, "and nothing leaves");
	TAP_EQ_STR(rig_shown("att"), "0", "the profile is as it was");
	rig_run(RIG_LOGIN);
	rig_must(rig_attach(), "attach");
	rig_answer(&frames, RIG_OK, NULL);
	rig_full = true;
	rig_stdout = "/dev/null";
	rig_read(&frames, "");
	rig_full = false;
	rig_stdout = "out";
	TAP_EQ_INT(rig_status, 100, "an answer fails when the disk is full");
	TAP_EQ_STR(rig_shown("state"), "waiting", "and is still waited for");
	rig_answer(&frames, RIG_OK, NULL);
	rig_read(&frames, "");
	TAP_EQ_INT(rig_status, 0, "its copy is taken later");
}

int
main(int argc, char *argv[])
{
	(void)argc;
	if (!rig_begin(argv[0]))
		return tap_done();
	test_login();
	test_acceptance();
	test_wrong_answers();
	test_forged();
	test_verdicts();
	test_resume();
	test_stale();
	test_notices();
	test_hint();
	test_trace();
	test_full_disk();
	return rig_end();
}
