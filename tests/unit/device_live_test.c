/* bbdevice on a link, against a gateway that the test plays: what a real one
 * says rarely, or only when something went wrong. */
#include <poll.h>

#include "base/clock.h"
#include "device_rig.h"
#include "serve/listen.h"
#include "serve/local.h"

#include "base/cc.h"

#define WAIT_MS 20000
#define OK \
	"{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"logged in\"," \
	"\"session\":\"b1b2b3b4b5b6b7b8\",\"resume\":true," \
	"\"status_interval\":60,\"up_next\":1}"

static int listens = -1, link_fd = -1;
static pid_t device;
static struct bb_buf in = { .max = 2 * BB_FRAME_MAX };
static struct bb_buf out = { .max = 1 << 20 };

/* --- the device ------------------------------------------------------------
 */

static void
device_child(char *const argv[])
{
	rig_place("in", O_RDWR, 0);
	rig_place("live.out", O_WRONLY | O_TRUNC, 1);
	rig_place("live.err", O_WRONLY | O_TRUNC | O_APPEND, 2);
	(void)execv(rig_tool, argv);
	_exit(127);
}

/* bbdevice WORDS, with its PIN, password and way to us. */
static void
start(const char *words)
{
	static char text[PATH_MAX + 512], via[PATH_MAX + 16];
	char *argv[RIG_ARGS_MAX] = { rig_tool };
	char *at = text;
	int argc = 1;

	(void)snprintf(via, sizeof(via), "unix:%s/gw", rig_dir);
	(void)snprintf(text, sizeof(text),
	    "%s --pin 2100000a --password-file pw --via %s", words, via);
	while (*at != '\0' && argc < RIG_ARGS_MAX - 1) {
		argv[argc++] = at;
		at += strcspn(at, " ");
		if (*at == ' ')
			*at++ = '\0';
	}
	argv[argc] = NULL;
	(void)fflush(stdout);
	device = fork();
	rig_must(device != -1, "fork");
	if (device == 0)
		device_child(argv);
}

static void
drop_link(void)
{
	if (link_fd != -1)
		(void)close(link_fd);
	link_fd = -1;
	bb_buf_clear(&in);
}

/* It ends by itself; what it printed is in rig_out and rig_err. */
static void
ends(int wanted, const char *sentence)
{
	int status = 0;

	rig_must(waitpid(device, &status, 0) == device, "waitpid");
	rig_status =
	    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	drop_link();
	rig_keep(&rig_out, "live.out");
	rig_keep(&rig_err, "live.err");
	if (!TAP_EQ_INT(rig_status, wanted, sentence))
		tap_note("%s%s", rig_text(&rig_out), rig_text(&rig_err));
}

static void
stop(int wanted, const char *sentence)
{
	rig_must(kill(device, SIGTERM) == 0, "kill");
	ends(wanted, sentence);
}

/* --- the link --------------------------------------------------------------
 */

static bool
readable(int fd, int64_t ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, (int)ms) == 1;
}

static void
connects(void)
{
	drop_link();
	rig_must(readable(listens, WAIT_MS), "the device does not connect");
	link_fd = bb_local_accept(listens);
	rig_must(link_fd != -1, "accept");
}

/* The next frame up is in rig_out, for rig_attach and rig_open.  False when
 * none comes in time. */
static bool
comes(int64_t ms)
{
	int64_t until = bb_clock_ms() + ms;
	uint8_t *to;
	ssize_t got;
	size_t len;

	while (bb_frame_split(bb_buf_data(&in), bb_buf_len(&in), &len) ==
	       BB_PARSE_MORE) {
		ms = until - bb_clock_ms();
		if (ms <= 0 || !readable(link_fd, ms))
			return false;
		to = bb_buf_reserve(&in, BB_FRAME_MAX);
		got = bb_read_some(link_fd, to, BB_FRAME_MAX);
		if (got <= 0)
			return false;
		bb_buf_added(&in, (size_t)got);
	}
	bb_buf_clear(&rig_out);
	rig_must(bb_buf_put(&rig_out, bb_buf_data(&in), len) == 0, "frame");
	bb_buf_take(&in, len);
	return true;
}

static void
send_down(void)
{
	rig_must(bb_write_all(link_fd, bb_buf_data(&out), bb_buf_len(&out)) ==
		     0,
	    "write");
	bb_buf_clear(&out);
}

/* --- what the gateway knows --------------------------------------------------
 */

static const char *
op(void)
{
	return json_string_value(json_object_get(rig_first, "op"));
}

static int64_t
number(const char *name)
{
	return (int64_t)json_integer_value(json_object_get(rig_first, name));
}

/* An ATTACH comes. */
static void
attaches(const char *what, const char *sentence)
{
	rig_must(comes(WAIT_MS), "no ATTACH comes");
	tap_ok(rig_attach() && strcmp(op(), what) == 0, "%s", sentence);
}

/* DATA under the key in force comes. */
static void
says(const char *what, const char *sentence)
{
	rig_must(comes(WAIT_MS), "no DATA comes");
	if (!tap_ok(rig_open(rig_base) && rig_frame.type == BB_FRAME_DATA &&
			strcmp(op(), what) == 0,
		"%s", sentence))
		tap_note("got: %s", rig_first == NULL ? "no such key" : op());
}

/* Accepts, and the key is the next one from here on. */
static void
accept_with(const char *answer)
{
	rig_answer(&out, answer, NULL);
	send_down();
	memcpy(rig_base, rig_next, sizeof(rig_base));
}

static void
tells(const char *notice)
{
	rig_notice(&out, rig_base, notice);
	send_down();
}

static void
data_down(uint32_t att, uint32_t seq, const char *text)
{
	rig_data(&out, rig_base, att, seq, text);
	send_down();
}

static int
lines_with(const char *words)
{
	const char *at;
	int count = 0;

	rig_keep(&rig_out, "live.out");
	for (at = rig_text(&rig_out); (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}

/* Fresh device, listening and accepted; its first frame has come. */
static void
opens(const char *words)
{
	rig_device();
	start(words);
	connects();
	attaches("login", "it logs in");
	accept_with(OK);
	says("fetch", "the first frame confirms the new key");
	TAP_EQ_INT(rig_frame.seq, 1, "and has number 1");
}

/* --- while it waits for an answer -------------------------------------------
 */

static void
test_notices(void)
{
	uint32_t att;

	rig_device();
	start("login");
	connects();
	attaches("login", "a login comes");
	tells("{\"op\":\"notice\",\"code\":\"stale\",\"told\":41}");
	attaches("login", "told a higher number, it attaches again at once");
	TAP_EQ_INT(rig_frame.att, 42, "with the number above");
	att = rig_frame.att;
	tells("{\"op\":\"notice\",\"code\":\"stale\",\"told\":42}");
	tap_ok(!comes(300), "told its own number, it goes on waiting");
	rig_frame.att = att;
	tells("{\"op\":\"notice\",\"code\":\"superseded\"}");
	attaches("login", "superseded, it attaches again");
	TAP_EQ_INT(rig_frame.att, 43, "with a new number");
	accept_with(OK);
	says("fetch", "and is accepted");
	data_down(43, 1, "{\"op\":\"events\",\"ack\":0}");
	ends(0, "a login ends when its session has begun");
	rig_has(&rig_out, "logged in at local as alice", "and says so");
	rig_has_not(&rig_out, "overtook",
	    "notices that it obeyed are not said");
}

static void
test_superseded_for_ever(void)
{
	int i;

	rig_device();
	start("login");
	connects();
	attaches("login", "a login comes");
	for (i = 0; i < 3; i++) {
		tells("{\"op\":\"notice\",\"code\":\"superseded\"}");
		attaches("login", "superseded, it attaches again");
	}
	tells("{\"op\":\"notice\",\"code\":\"superseded\"}");
	ends(32, "but not for ever: 32");
}

static void
test_busy(void)
{
	struct bb_buf first = { .max = BB_FRAME_MAX };
	int i;

	rig_device();
	start("login");
	connects();
	attaches("login", "a login comes");
	rig_must(bb_buf_put(&first, bb_buf_data(&rig_out),
		     bb_buf_len(&rig_out)) == 0,
	    "frame");
	for (i = 0; i < 3; i++) {
		tells(
		    "{\"op\":\"notice\",\"code\":\"busy\",\"retry_after\":1}");
		rig_must(comes(WAIT_MS), "nothing comes");
		TAP_EQ_MEM(bb_buf_data(&rig_out), bb_buf_len(&rig_out),
		    bb_buf_data(&first), bb_buf_len(&first),
		    "busy: the same bytes come again");
	}
	tells("{\"op\":\"notice\",\"code\":\"busy\",\"retry_after\":1}");
	ends(36, "a fourth time is too often: 36");
	bb_buf_clear(&first);
}

static void
test_false_answers(void)
{
	uint8_t other[BB_NONCE_LEN] = { 1, 2, 3 };

	rig_device();
	start("login");
	connects();
	attaches("login", "a login comes");
	rig_answer(&out,
	    "{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"no\",\"newkid\":"
	    "\"0000000000000000\"}",
	    NULL);
	rig_answer(&out,
	    "{\"op\":\"answer\",\"result\":\"denied\",\"text\":\"no\","
	    "\"nonce\":\"0000000000000000000000000000000000000000000000"
	    "00\"}",
	    NULL);
	rig_hint(&out, BB_HINT_CANNOT_OPEN, other);
	rig_data(&out, rig_next, rig_frame.att, 1, "{\"op\":\"events\"}");
	send_down();
	tap_ok(!comes(200),
	    "answers and hints that are not its own are dropped");
	accept_with(OK);
	says("fetch", "and the right one is taken");
	data_down(rig_frame.att, 1, "{\"op\":\"events\",\"ack\":0}");
	ends(0, "and it ends well");
}

static void
test_hint(void)
{
	rig_device();
	start("login");
	connects();
	attaches("login", "a login comes");
	rig_hint(&out, BB_HINT_CANNOT_OPEN, rig_frame.nonce);
	send_down();
	ends(34, "a hint about the first attach ends it: 34");
	rig_has(&rig_out, "a hint, not sealed", "and is said to be one");
	rig_run("profile show 2100000a --json");
	rig_has(&rig_out, "\"previous_kid\":null", "no key has changed");
}

/* --- in the session --------------------------------------------------------
 */

static void
test_events(void)
{
	opens("listen");
	data_down(1, 1,
	    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":1,"
	    "\"from\":\"bob\",\"text\":\"one\"},{\"type\":\"message\",\"n\":2,"
	    "\"from\":\"bob\",\"text\":\"two\"}]}");
	says("alive", "events are acknowledged soon");
	TAP_EQ_INT(number("ack"), 2, "up to the last");
	data_down(1, 2,
	    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":2,"
	    "\"from\":\"bob\",\"text\":\"two\"},{\"type\":\"message\",\"n\":3,"
	    "\"from\":\"bob\",\"text\":\"three\"}]}");
	says("alive", "and those that come again with a new one");
	TAP_EQ_INT(number("ack"), 3, "up to the new one");
	TAP_EQ_INT(lines_with("bob: two"), 1, "each is printed once");
	TAP_EQ_INT(lines_with("bob: three"), 1, "in whatever frame it comes");
	rig_run("profile show 2100000a --json");
	rig_has(&rig_out, "\"previous_kid\":null",
	    "a frame under the new key has erased the former one");
	rig_has(&rig_out, "\"have\":3", "what was had is on disk");
}

/* After test_events: frames that are no good leave the link as it is. */
static void
test_bad_frames(void)
{
	uint8_t junk[BB_TRUNK_LEN];
	size_t i;

	rig_data(&out, rig_base, 1, 2,
	    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":4,"
	    "\"from\":\"bob\",\"text\":\"replayed\"}]}");
	rig_data(&out, rig_base, 2, 9,
	    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":4,"
	    "\"from\":\"bob\",\"text\":\"other attach\"}]}");
	rig_data(&out, rig_base, 1, 8, "{\"op\":\"bye\"}");
	rig_data(&out, rig_next, 1, 7, "{\"op\":\"events\",\"events\":[]}");
	for (i = bb_buf_len(&out) - 1; i > bb_buf_len(&out) - 4; i--)
		out.mem[out.start + i] ^= 1;
	rig_must(bb_buf_put(&out, junk,
		     bb_frame_write_hello(BB_FRAME_DOWN, 0, junk)) == 0,
	    "junk");
	send_down();
	data_down(1, 5,
	    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":4,"
	    "\"from\":\"bob\",\"text\":\"four\"}]}");
	says("alive", "after bad frames the next good one is taken");
	TAP_EQ_INT(number("ack"), 4, "with its event");
	TAP_EQ_INT(lines_with("replayed") + lines_with("other attach"), 0,
	    "a frame that came before, or of another attach, is not");
}

/* A frame is lost: what comes behind it is not believed. */
static void
test_gap(void)
{
	data_down(1, 7,
	    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":6,"
	    "\"from\":\"bob\",\"text\":\"six\"}]}");
	says("fetch", "events behind a gap are asked for again");
	data_down(1, 8,
	    "{\"op\":\"events\",\"events\":[{\"type\":\"message\",\"n\":5,"
	    "\"from\":\"bob\",\"text\":\"five\"},{\"type\":\"message\","
	    "\"n\":6,\"from\":\"bob\",\"text\":\"six\"}]}");
	says("alive", "and are taken then");
	TAP_EQ_INT(number("ack"), 6, "all of them");
	TAP_EQ_INT(lines_with("bob: six"), 1, "each once");
}

static void
test_reattach(void)
{
	tells("{\"op\":\"notice\",\"code\":\"reattach\"}");
	attaches("resume", "reattach: it resumes at once, on the same link");
	TAP_EQ_INT(rig_frame.att, 2, "with the next number");
	TAP_EQ_INT(number("have"), 6, "and says what it has");
	accept_with(OK);
	says("alive", "and confirms");
	drop_link();
	connects();
	attaches("resume", "the link is lost: it comes back and resumes");
	rig_answer(&out,
	    "{\"op\":\"answer\",\"result\":\"unknown-session\",\"text\":"
	    "\"unknown session\"}",
	    NULL);
	send_down();
	memcpy(rig_base, rig_next, sizeof(rig_base));
	attaches("login", "an unknown session is logged in anew");
	accept_with(OK);
	says("alive", "and confirmed");
	data_down(rig_frame.att, 1, "{\"op\":\"bye\",\"ended\":\"evicted\"}");
	ends(49, "evicted, it ends: 49");
	rig_has(&rig_out, "to make room", "and says why");
}

static void
test_sixteen(void)
{
	static char text[4096];
	int i, len = snprintf(text, sizeof(text),
		   "{\"op\":\"events\","
		   "\"events\":[");
	int64_t before;

	opens("listen");
	for (i = 1; i <= 16; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    "%s{\"type\":\"message\",\"n\":%d,\"from\":\"bob\","
		    "\"text\":\"t\"}",
		    i == 1 ? "" : ",", i);
	(void)snprintf(text + len, sizeof(text) - (size_t)len, "]}");
	before = bb_clock_ms();
	data_down(1, 1, text);
	says("alive", "sixteen events are acknowledged");
	tap_ok(bb_clock_ms() - before < 190, "at once");
	stop(0, "and it ends in order");
}

static void
test_alive(void)
{
	rig_device();
	start("listen");
	connects();
	attaches("login", "a login comes");
	accept_with("{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"in\","
		    "\"session\":\"b1b2b3b4b5b6b7b8\",\"resume\":true,"
		    "\"status_interval\":1,\"up_next\":1}");
	says("fetch", "it is open");
	says("alive", "a status message comes after the interval");
	says("alive", "and another");
	rig_must(kill(device, SIGTERM) == 0, "kill");
	says("alive", "at its end a last one comes");
	tap_ok(json_is_false(json_object_get(rig_first, "coverage")),
	    "which says that it is out of coverage");
	ends(0, "a signal ends it in order");
}

/* --- messages ---------------------------------------------------------------
 */

static void
test_message(void)
{
	int64_t n;

	rig_device();
	start("send bob hi");
	connects();
	attaches("login", "a login comes");
	accept_with(OK);
	says("batch", "a message confirms the key as well");
	n = (int64_t)json_integer_value(
	    json_object_get(json_array_get(json_object_get(rig_first, "msgs"),
				0),
		"n"));
	TAP_EQ_INT(n, 1, "and has number 1");
	drop_link();
	connects();
	attaches("resume", "without an acknowledgement it comes back");
	accept_with(OK);
	says("batch", "and sends it again");
	n = (int64_t)json_integer_value(
	    json_object_get(json_array_get(json_object_get(rig_first, "msgs"),
				0),
		"n"));
	TAP_EQ_INT(n, 1, "under the same number");
	data_down(2, 1,
	    "{\"op\":\"events\",\"results\":[{\"n\":1,\"result\":\"refused\","
	    "\"reason\":\"no\"}],\"ack\":1}");
	ends(52, "the result is its exit status");
	rig_run("profile show 2100000a --json");
	rig_has(&rig_out, "\"unacknowledged\":0", "and nothing is held");
}

/* The gateway has forgotten numbers that it has acknowledged: its store was
 * restored. */
static void
test_numbers_anew(void)
{
	static char id[32];

	rig_device();
	start("send bob one");
	connects();
	attaches("login", "a login comes");
	(void)snprintf(id, sizeof(id), "%s",
	    rig_member(rig_first, "numbering"));
	accept_with(OK);
	says("batch", "and a message");
	data_down(1, 1,
	    "{\"op\":\"events\",\"results\":[{\"n\":1,\"result\":\"sent\"}],"
	    "\"ack\":1}");
	ends(0, "which is acknowledged");
	start("send bob two");
	connects();
	attaches("resume", "another process resumes");
	accept_with(OK);
	attaches("login", "numbers that do not fit: it logs in anew");
	tap_ok(strcmp(id, rig_member(rig_first, "numbering")) != 0,
	    "with other numbers");
	accept_with(OK);
	says("batch", "what is held is sent");
	data_down(3, 1,
	    "{\"op\":\"events\",\"results\":[{\"n\":1,\"result\":\"sent\"}],"
	    "\"ack\":1}");
	ends(0, "under the new ones, and its result is found");
}

/* --- what no gateway would say ----------------------------------------------
 */

static void
test_no_frames(void)
{
	rig_device();
	start("listen --for 30s");
	connects();
	attaches("login", "a login comes");
	rig_must(bb_write_all(link_fd, "HTTP/1.1 400 Bad\r\n\r\n", 20) == 0,
	    "write");
	ends(25, "a stream that is none of frames: 25");
}

static void
serve(void)
{
	struct bb_addr addr = { .kind = BB_ADDR_UNIX };
	char why[BB_LISTEN_WHY_MAX];
	size_t count = 0;

	(void)snprintf(addr.path, sizeof(addr.path), "gw");
	rig_must(bb_listen(&addr, &listens, 1, &count, why) == 0, why);
}

int
main(int argc, char *argv[])
{
	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(300);
	if (!rig_begin(argv[0]))
		return tap_done();
	rig_file("in", "", 0);
	serve();
	test_notices();
	test_superseded_for_ever();
	test_busy();
	test_false_answers();
	test_hint();
	test_events();
	test_bad_frames();
	test_gap();
	test_reattach();
	test_sixteen();
	test_alive();
	test_message();
	test_numbers_anew();
	test_no_frames();
	(void)close(listens);
	bb_buf_clear(&in);
	bb_buf_clear(&out);
	return rig_end();
}
