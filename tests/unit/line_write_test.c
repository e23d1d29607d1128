/* Lines: where they end, how long and how deep they may be, and what cannot be
 * written. */
#include "line/line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cc.h"
#include "tap.h"

#define HINT \
	"{\"re\":\"hint\",\"pin\":\"2100000a\"," \
	"\"nonce\":\"0001020304050607\"," \
	"\"link\":\"0000000100000002\",\"hint\":2}\n"
#define DATA_HEAD \
	"{\"pin\":\"2100000a\",\"att\":1,\"seq\":7," \
	"\"link\":\"0000000100000002\","

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
test_newlines(void)
{
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;
	const char *text = HINT;
	char crlf[512], inside[512];

	tap_ok(is_taken(text, strlen(text) - 1, false),
	    "a line is taken without its newline");
	(void)snprintf(crlf, sizeof(crlf), "%.*s\r\n", (int)strlen(text) - 1,
	    text);
	tap_ok(is_taken(crlf, strlen(crlf), false),
	    "a carriage return before the newline is white space");
	(void)snprintf(inside, sizeof(inside), "{\n%s", text + 1);
	tap_ok(bb_line_parse(inside, strlen(inside), false, &line, why) == -1,
	    "a newline between members is refused");
	TAP_EQ_STR(why, "the line has a newline inside", "and it is said");
	tap_ok(!is_taken("\n", 1, false), "an empty line is refused");
	tap_ok(!is_taken("", 0, false), "no line is refused");
}

/* d as deep as a message may be is one deeper in a line. */
static void
test_depth(void)
{
	char text[1024] = DATA_HEAD "\"d\":{\"op\":\"events\",\"x\":";
	char *at = text + strlen(text);
	int i;

	for (i = 2; i <= BB_MESSAGE_DEPTH; i++)
		*at++ = '[';
	for (i = 2; i <= BB_MESSAGE_DEPTH; i++)
		*at++ = ']';
	memcpy(at, "}}", 3);
	tap_ok(is_taken(text, strlen(text), false),
	    "a message as deep as may be fits a line");
	at = strchr(text, '[');
	memmove(at + 2, at, strlen(at) + 1);
	memcpy(at, "[[", 2);
	at = strchr(text, ']');
	memmove(at + 2, at, strlen(at) + 1);
	memcpy(at, "]]", 2);
	tap_ok(!is_taken(text, strlen(text), false), "a deeper one is refused");
}

static void
test_split(void)
{
	char *bytes = malloc(BB_LINE_MAX + 2);
	size_t len = 99;
	bool done;

	if (bytes == NULL)
		return;
	memset(bytes, 'a', BB_LINE_MAX + 2);
	TAP_EQ_INT(bb_line_split("", 0, &len), BB_PARSE_MORE,
	    "no bytes are the beginning of a line");
	TAP_EQ_INT(bb_line_split("\na", 2, &len), BB_PARSE_OK,
	    "a newline alone is a line");
	TAP_EQ_UINT(len, 1, "of one byte");
	TAP_EQ_INT(bb_line_split("ab\r\nc\n", 6, &len), BB_PARSE_OK,
	    "the first newline ends the line");
	TAP_EQ_UINT(len, 4, "and belongs to it");
	TAP_EQ_INT(bb_line_split(bytes, BB_LINE_MAX - 1, &len), BB_PARSE_MORE,
	    "one byte less than a line may have can still become one");
	TAP_EQ_INT(bb_line_split(bytes, BB_LINE_MAX, &len), BB_PARSE_BAD,
	    "that many bytes without a newline are no line");
	bytes[BB_LINE_MAX] = '\n';
	TAP_EQ_INT(bb_line_split(bytes, BB_LINE_MAX + 1, &len), BB_PARSE_BAD,
	    "a newline one byte too late does not mend it");
	TAP_EQ_UINT(bb_line_skip(bytes, BB_LINE_MAX, &done), BB_LINE_MAX,
	    "without a newline all is skipped");
	tap_ok(!done, "and more is to be skipped");
	TAP_EQ_UINT(bb_line_skip(bytes, BB_LINE_MAX + 2, &done),
	    BB_LINE_MAX + 1, "skipping ends behind the newline");
	tap_ok(done, "and is done");
	TAP_EQ_UINT(bb_line_skip(bytes, 0, &done), 0, "nothing is no end");
	tap_ok(!done, "of a line");
	bytes[BB_LINE_MAX - 1] = '\n';
	TAP_EQ_INT(bb_line_split(bytes, BB_LINE_MAX + 1, &len), BB_PARSE_OK,
	    "a line may be as long as the limit, newline included");
	TAP_EQ_UINT(len, BB_LINE_MAX, "its length says so");
	free(bytes);
}

/* Data down whose text makes the line exactly `len` bytes long. */
static json_t *
make_long(struct bb_line *line, size_t len)
{
	struct bb_buf out = BB_BUF(2 * BB_LINE_MAX);
	json_t *d = json_pack("{s:s,s:s}", "op", "events", "x", "");
	char *text;
	size_t pad;

	*line = (struct bb_line){ .kind = BB_LINE_DATA, .att = 1, .seq = 1 };
	line->d = d;
	if (d == NULL || bb_line_write(line, false, &out) == -1)
		abort();
	pad = len - bb_buf_len(&out);
	text = malloc(pad);
	if (text == NULL)
		abort();
	memset(text, 'a', pad);
	(void)json_object_set_new(d, "x", json_stringn(text, pad));
	free(text);
	bb_buf_clear(&out);
	return d;
}

static void
test_write_limits(void)
{
	static const size_t lens[] = { 500, 2047, 2048, 2049, 4096, 30000,
		BB_LINE_MAX - 1, BB_LINE_MAX };
	struct bb_buf out = BB_BUF(BB_LINE_MAX), small = BB_BUF(499);
	struct bb_line line;
	json_t *d;
	size_t i;

	for (i = 0; i < BB_LEN(lens); i++) {
		d = make_long(&line, lens[i]);
		if (bb_line_write(&line, false, &out) == -1)
			bb_buf_clear(&out);
		tap_ok(bb_buf_len(&out) == lens[i] &&
			   is_taken((const char *)bb_buf_data(&out), lens[i],
			       false),
		    "a line of %zu bytes is written whole", lens[i]);
		bb_buf_clear(&out);
		json_decref(d);
	}
	d = make_long(&line, BB_LINE_MAX + 1);
	errno = 0;
	tap_ok(bb_line_write(&line, false, &out) == -1 && errno == EMSGSIZE,
	    "a longer line is not written: EMSGSIZE");
	TAP_EQ_UINT(bb_buf_len(&out), 0, "nothing of it is");
	json_decref(d);
	d = make_long(&line, 500);
	errno = 0;
	tap_ok(bb_line_write(&line, false, &small) == -1 && errno == ENOBUFS,
	    "a line that does not fit the buffer is not written: ENOBUFS");
	TAP_EQ_UINT(bb_buf_len(&small), 0, "nothing of that is either");
	small.max = 500;
	TAP_EQ_INT(bb_line_write(&line, false, &small), 0,
	    "a line that just fits the buffer is written");
	json_decref(d);
	bb_buf_clear(&small);
	bb_buf_clear(&out);
}

static void
test_write_lacks(void)
{
	struct bb_buf out = BB_BUF(BB_LINE_MAX);
	json_t *d = json_pack("{s:s}", "op", "fetch");
	struct bb_line line = { .kind = BB_LINE_DATA,
		.att = 1,
		.seq = 1,
		.user = "alice",
		.service = "local",
		.has_reply = true,
		.d = d };

	TAP_EQ_INT(bb_line_write(&line, true, &out), 0,
	    "data up with all that it must have is written");
	bb_buf_clear(&out);
	line.user = NULL;
	tap_ok(bb_line_write(&line, true, &out) == -1 && errno == EINVAL,
	    "without a user it is not");
	line.user = "alice";
	line.has_reply = false;
	tap_ok(bb_line_write(&line, true, &out) == -1 && errno == EINVAL,
	    "without kid and nonce it is not");
	line.has_reply = true;
	line.d = NULL;
	tap_ok(bb_line_write(&line, true, &out) == -1 && errno == EINVAL,
	    "without its object it is not");
	line.d = d;
	line.kind = BB_LINE_ANSWER;
	tap_ok(bb_line_write(&line, true, &out) == -1 && errno == EINVAL,
	    "an answer is not written up");
	line.kind = BB_LINE_ATTACH;
	tap_ok(bb_line_write(&line, false, &out) == -1 && errno == EINVAL,
	    "an attach is not written down");
	TAP_EQ_UINT(bb_buf_len(&out), 0, "and nothing stands in the buffer");
	json_decref(d);
}

static void
test_steps(void)
{
	static const struct bb_step step = { 3, "bbdispatch", "opened", 12 };
	char why[BB_MESSAGE_WHY_MAX];
	json_t *trace = NULL;
	int i, added = 0;

	for (i = 0; i < 40; i++) {
		if (bb_step_add(&trace, &step) == 0)
			added++;
	}
	TAP_EQ_INT(added, 32, "a trace takes as many steps as it may have");
	TAP_EQ_INT(errno, ENOBUFS, "and then says ENOBUFS");
	TAP_EQ_UINT(json_array_size(trace), 32, "it has the steps added");
	TAP_EQ_INT(bb_trace_check(trace, why), 0, "and is a valid trace");
	json_decref(trace);
}

int
main(void)
{
	bb_json_init();
	test_newlines();
	test_depth();
	test_split();
	test_write_limits();
	test_write_lacks();
	test_steps();
	return tap_done();
}
