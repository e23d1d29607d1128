/* Log lines and last lines: their form, their length, one write each. */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fail.h"
#include "capture.h"
#include "tap.h"

static void
log_levels(void *arg)
{
	(void)arg;
	bb_log_open("bbtool");
	errno = EXDEV;
	bb_log(BB_LOG_ERROR, "one %d", 1);
	bb_log(BB_LOG_WARN, "two");
	bb_log(BB_LOG_INFO, "unseen");
	bb_log_level(BB_LOG_DEBUG);
	bb_log(BB_LOG_DEBUG, "line\nfeed \x1b[31m \x80");
	(void)close(STDERR_FILENO);
	errno = EXDEV;
	bb_log(BB_LOG_ERROR, "nowhere to go");
	_exit(errno == EXDEV ? 0 : 1);
}

static void
test_levels(void)
{
	char want[300], shown[300], *at;
	struct capture c;
	long pid;

	capture(&c, log_levels, NULL);
	TAP_EQ_INT(c.status, 0,
	    "logging leaves errno alone, even where it fails");
	at = strchr(c.err, '[');
	pid = at == NULL ? 0 : strtol(at + 1, NULL, 10);
	(void)snprintf(want, sizeof(want),
	    "bbtool[%ld]: error: one 1\n"
	    "bbtool[%ld]: warning: two\n"
	    "bbtool[%ld]: debug: line\\x0afeed \\x1b[31m \\x80\n",
	    pid, pid, pid);
	(void)snprintf(shown, sizeof(shown), "%.299s", c.err);
	TAP_EQ_STR(shown, want,
	    "lines have name, process and level; control characters are shown");
}

static void
log_json(void *arg)
{
	(void)arg;
	bb_log_open("bbtool");
	bb_log_json(true);
	bb_log(BB_LOG_WARN, "a \"b\" c:\\d\n\xC3\xA9 \xE2\x80\xAE \xFF");
	bb_die(BB_EXIT_REFUSED, "unable to go on");
}

static void
test_json(void)
{
	struct capture c;

	capture(&c, log_json, NULL);
	TAP_EQ_STR(c.err,
	    "{\"v\":1,\"level\":\"warning\",\"tool\":\"bbtool\",\"text\":"
	    "\"a \\\"b\\\" c:\\\\d\\u000a\xC3\xA9 \\u202e \\\\xff\"}\n"
	    "{\"v\":1,\"level\":\"error\",\"tool\":\"bbtool\",\"text\":"
	    "\"unable to go on\"}\n",
	    "with --json lines are JSON objects in UTF-8");
	TAP_EQ_INT(c.status, 1, "and the status is the same");
}

/* Each write(2) to this socket is a message of its own. */
static size_t
write_once(void (*run)(const char *), const char *text, char *line, size_t max)
{
	int pair[2];
	ssize_t first, second;
	pid_t pid;

	(void)fflush(stdout);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1)
		return 0;
	pid = fork();
	if (pid == 0) {
		(void)dup2(pair[1], STDERR_FILENO);
		run(text);
		_exit(0);
	}
	(void)close(pair[1]);
	first = recv(pair[0], line, max, 0);
	second = recv(pair[0], line + max / 2, max / 2, 0);
	(void)close(pair[0]);
	(void)waitpid(pid, NULL, 0);
	return first > 0 && second == 0 ? (size_t)first : 0;
}

static void
say_text(const char *text)
{
	bb_log_open("bbtool");
	bb_log(BB_LOG_ERROR, "%s", text);
}

static void
say_json(const char *text)
{
	bb_log_json(true);
	say_text(text);
}

static void
say_last(const char *text)
{
	bb_log_open("bbtool");
	bb_die(BB_EXIT_BUG, "%s", text);
}

static void
test_length(const char *piece, const char *name)
{
	static char text[8192], line[16384];
	size_t len;

	text[0] = '\0';
	for (len = 0; len + strlen(piece) < sizeof(text); len += strlen(piece))
		memcpy(text + len, piece, strlen(piece) + 1);
	len = write_once(say_text, text, line, sizeof(line));
	tap_ok(len > 2030 && len <= 2048 &&
		   memcmp(line + len - 4, "...\n", 4) == 0,
	    "a long line of %s is one write, cut at 2 KiB", name);
	len = write_once(say_last, text, line, sizeof(line));
	tap_ok(len > 2030 && len <= 2048 &&
		   memcmp(line + len - 4, "...\n", 4) == 0,
	    "and the last line as well");
	len = write_once(say_json, text, line, sizeof(line));
	tap_ok(len > 2030 && len <= 2048 &&
		   memcmp(line + len - 6, "...\"}\n", 6) == 0,
	    "and as JSON it is whole all the same");
}

static void
test_short(void)
{
	static char line[4096];
	size_t len = write_once(say_last, "short", line, sizeof(line));

	TAP_EQ_MEM(line, len, "bbtool: fatal: short\n", 21,
	    "a short last line is one write");
}

static void
test_escape(void)
{
	static const struct {
		const char *text, *want;
		size_t size;
	} rows[] = {
		/* clang-format off */
		{ "plain text",          "plain text",            80 },
		{ "a\nb\tc\r\x1b\x7f",   "a\\x0ab\\x09c\\x0d\\x1b\\x7f", 80 },
		{ "c:\\x",               "c:\\x5cx",              80 },
		{ "\xC3\xA9\xF0\x9F\x98\x80", "\xC3\xA9\xF0\x9F\x98\x80", 80 },
		{ "\xC2\x85",            "\\xc2\\x85",            80 },
		{ "\xE2\x80\xAE" "abc",  "\\xe2\\x80\\xaeabc",    80 },
		{ "\xE2\x81\xA6",        "\\xe2\\x81\\xa6",       80 },
		{ "\xC3",                "\\xc3",                 80 },
		{ "\xED\xA0\x80",        "\\xed\\xa0\\x80",       80 },
		{ "",                    "",                      80 },
		{ "123456789",           "123456789",             10 },
		{ "1234567890",          "123456...",             10 },
		{ "12345\xC3\xA9\xC3\xA9", "12345\xC3\xA9\xC3\xA9", 10 },
		{ "12345\xC3\xA9\xC3\xA9z", "12345...",           10 },
		{ "\n\n\n",              "\\x0a...",              10 },
		{ "abcdef",              "...",                   4 },
		{ "abcdef",              "..",                    3 },
		{ "abcdef",              "",                      1 },
		/* clang-format on */
	};
	char out[80];
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		memset(out, 'x', sizeof(out));
		TAP_EQ_STR(bb_log_escape(out, rows[i].size, rows[i].text,
			       strlen(rows[i].text)),
		    rows[i].want, "peer text is escaped and cut");
	}
	out[0] = 'k';
	(void)bb_log_escape(out, 0, "x", 1);
	tap_ok(out[0] == 'k', "no room is left alone");
	TAP_EQ_STR(bb_log_escape(out, sizeof(out), "a\0b", 3), "a\\x00b",
	    "a zero byte is a byte");
}

int
main(void)
{
	test_levels();
	test_json();
	test_length("x", "letters");
	test_length("\xE2\x82\xAC", "characters of three bytes");
	test_length("\n", "control characters");
	test_length("\"", "quotation marks");
	test_short();
	test_escape();
	return tap_done();
}
