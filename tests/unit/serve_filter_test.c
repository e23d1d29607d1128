/* A filter: what its stage is asked, back-pressure, and its end.  The stage of
 * this test takes lines and writes each twice. */
#include "serve/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/fd.h"
#include "tap.h"

#define IN_MAX 8192
#define OUT_MAX 16384

struct doubler {
	struct bb_filter *filter;
	struct bb_timer *answer; /* of a late answer */
	const char *refuse;      /* input that holds this ends with 2 */
	bool late;               /* answers "late" after the end */
	bool never;              /* or does not */
	bool hold;               /* takes no input before it has answered */
	bool owed;
	int end_status;
	int inputs, ends, finishes;
	size_t rest;     /* what was left at the end */
	size_t out_most; /* the longest queue seen */
};

static bool
take_line(struct bb_buf *in, struct bb_buf *out)
{
	const uint8_t *data = bb_buf_data(in);
	const uint8_t *lf = memchr(data, '\n', bb_buf_len(in));
	size_t len;
	int twice;

	if (lf == NULL)
		return false;
	len = (size_t)(lf - data) + 1;
	if (bb_buf_room(out) < 2 * len)
		return false;
	for (twice = 0; twice < 2; twice++) {
		if (bb_buf_put(out, data, len) == -1)
			tap_ok(false, "the output has the room that it says");
	}
	bb_buf_take(in, len);
	return true;
}

static int
input(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	struct doubler *d = ctx;
	bool more = true;

	d->inputs++;
	if (d->hold) {
		d->hold = false;
		d->owed = true;
		if (bb_timer_set(d->answer, 10) == -1)
			tap_ok(false, "a timer can be set");
	}
	if (d->owed)
		return 0;
	if (d->refuse != NULL &&
	    memchr(bb_buf_data(in), d->refuse[0], bb_buf_len(in)) != NULL)
		return BB_EXIT_PROTO;
	while (more)
		more = take_line(in, out);
	if (bb_buf_len(out) > d->out_most)
		d->out_most = bb_buf_len(out);
	return 0;
}

static int
end(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	struct doubler *d = ctx;

	d->ends++;
	d->rest = bb_buf_len(in);
	if (d->late) {
		d->owed = true;
		if (bb_buf_puts(out, ".") == -1)
			tap_ok(false, "the end may say something");
		if (!d->never && bb_timer_set(d->answer, 10) == -1)
			tap_ok(false, "a timer can be set");
	}
	return d->end_status;
}

static bool
busy(void *ctx)
{
	const struct doubler *d = ctx;

	return d->owed;
}

static void
finish(void *ctx, struct bb_buf *out)
{
	struct doubler *d = ctx;

	d->finishes++;
	if (bb_buf_puts(out, "timed out\n") == -1)
		tap_ok(false, "there is room for the last answer");
}

static void
answer_late(void *ctx)
{
	struct doubler *d = ctx;

	d->owed = false;
	if (bb_buf_puts(bb_filter_out(d->filter), "late\n") == -1)
		tap_ok(false, "there is room for a late answer");
	bb_filter_flush(d->filter);
}

static const struct bb_filter_stage stage = { .input = input,
	.end = end,
	.busy = busy,
	.finish = finish };

static struct bb_filter *
new_filter(struct bb_loop *loop, int in, int out, int64_t finish_ms,
    struct doubler *d)
{
	const struct bb_filter_setup setup = { .in = in,
		.out = out,
		.in_max = IN_MAX,
		.out_max = OUT_MAX,
		.secret = true,
		.finish_ms = finish_ms };

	return bb_filter_new(loop, &setup, &stage, d);
}

static int
run(struct doubler *d, int in, int out, int64_t finish_ms)
{
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	int status;

	d->filter = new_filter(loop, in, out, finish_ms, d);
	d->answer = bb_timer_new(loop, answer_late, d);
	status = bb_filter_run(d->filter);
	bb_timer_free(d->answer);
	bb_filter_free(d->filter);
	bb_loop_free(loop);
	return status;
}

/* A file without a name that holds the text, read from its beginning. */
static int
file_of(const char *text, size_t len)
{
	char path[] = "/tmp/bb-filter.XXXXXX";
	int fd = mkstemp(path);

	if (fd == -1 || unlink(path) == -1 ||
	    bb_write_all(fd, text, len) == -1 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static size_t
content(int fd, char *to, size_t size)
{
	struct bb_buf buf = BB_BUF(size - 1);
	size_t len;

	if (lseek(fd, 0, SEEK_SET) != 0 || bb_read_all(fd, &buf) == -1)
		abort();
	len = bb_buf_len(&buf);
	memcpy(to, bb_buf_data(&buf), len);
	to[len] = '\0';
	bb_buf_clear(&buf);
	return len;
}

static void
test_files(void)
{
	struct doubler d = { 0 };
	char text[64];
	int in = file_of("a\nbc\nrest", 9), out = file_of("", 0);

	TAP_EQ_INT(run(&d, in, out, -1), 0, "a filter of files ends with 0");
	(void)content(out, text, sizeof(text));
	TAP_EQ_STR(text, "a\na\nbc\nbc\n", "all that was read is answered");
	TAP_EQ_INT(d.rest, 4, "what is left is shown at the end");
	TAP_EQ_INT(d.ends, 1, "which comes once");
	(void)close(in);
	(void)close(out);
}

static void
test_empty(void)
{
	struct doubler d = { .end_status = 2 };
	int in = open("/dev/null", O_RDONLY), out = file_of("", 0);

	TAP_EQ_INT(run(&d, in, out, -1), 2, "the stage says how it ended");
	TAP_EQ_INT(d.inputs, 0, "no input is not shown as input");
	TAP_EQ_INT(d.ends, 1, "but as the end");
	(void)close(in);
	(void)close(out);
}

static void
test_refused(void)
{
	struct doubler d = { .refuse = "!", .end_status = 99 };
	char text[2 * IN_MAX + 1];
	int in, out = file_of("", 0);

	memset(text, '\n', sizeof(text));
	text[10000] = '!';
	in = file_of(text, sizeof(text));
	TAP_EQ_INT(run(&d, in, out, -1), BB_EXIT_PROTO,
	    "input's status wins over end's");
	TAP_EQ_INT(d.ends, 1, "the end comes after a refusal too");
	TAP_EQ_INT(d.rest, 0, "and the refused input is gone");
	TAP_EQ_INT(content(out, text, sizeof(text)), 2 * IN_MAX,
	    "what was taken before it is answered");
	(void)close(in);
	(void)close(out);
}

/* The other end of a pipe or socket, in a thread. */
struct reader {
	pthread_t thread;
	int fd;
	size_t slow; /* bytes that are read slowly */
	size_t total;
};

static void *
read_slowly(void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct reader *reader = arg;
	char bytes[1000];
	ssize_t got;

	while ((got = bb_read_some(reader->fd, bytes, sizeof(bytes))) > 0) {
		reader->total += (size_t)got;
		if (reader->total < reader->slow)
			(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

static void
test_slow_reader(bool socket_out)
{
	static char text[100000];
	struct doubler d = { 0 };
	struct reader reader = { .slow = 30000 };
	int fds[2], in, i;

	for (i = 0; i < (int)sizeof(text); i++)
		text[i] = i % 100 == 99 ? '\n' : 'x';
	in = file_of(text, sizeof(text));
	if (socket_out ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1
		       : pipe(fds) == -1)
		abort();
	reader.fd = fds[0];
	if (pthread_create(&reader.thread, NULL, read_slowly, &reader) != 0)
		abort();
	TAP_EQ_INT(run(&d, in, fds[1], -1), 0, "a slow reader is waited for");
	TAP_EQ_INT(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0,
	    "the output's flags are as they were");
	(void)close(fds[1]);
	(void)pthread_join(reader.thread, NULL);
	TAP_EQ_INT(reader.total, 2 * sizeof(text), "it gets everything");
	tap_ok(d.out_most <= OUT_MAX, "the queue keeps its bound");
	tap_ok(d.inputs > (int)(sizeof(text) / IN_MAX) + 5,
	    "the stage is asked again when output has drained");
	(void)close(fds[0]);
	(void)close(in);
}

static void
test_reader_left(bool socket_out)
{
	struct doubler d = { 0 };
	int fds[2], in = file_of("a\nb\n", 4);

	if (socket_out ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1
		       : pipe(fds) == -1)
		abort();
	(void)close(fds[0]);
	TAP_EQ_INT(run(&d, in, fds[1], -1), BB_EXIT_TEMP,
	    "a reader that has left is 111");
	(void)close(fds[1]);
	(void)close(in);
}

static void
test_full_disk(void)
{
	struct doubler d = { 0 };
	int in = file_of("a\n", 2), out = open("/dev/full", O_WRONLY);

	if (out == -1) {
		tap_skip("there is no /dev/full");
		return;
	}
	TAP_EQ_INT(run(&d, in, out, -1), BB_EXIT_TEMP,
	    "output that cannot be written is 111");
	(void)close(in);
	(void)close(out);
}

static void
test_unreadable(void)
{
	struct doubler d = { 0 };
	int in = open("/dev/null", O_WRONLY), out = file_of("", 0);

	TAP_EQ_INT(run(&d, in, out, -1), BB_EXIT_TEMP,
	    "input that cannot be read is 111");
	TAP_EQ_INT(d.ends, 1, "and the end of the input");
	(void)close(in);
	(void)close(out);
}

static void
test_answer_owed(void)
{
	struct doubler d = { .late = true };
	char text[64];
	int in = file_of("a\n", 2), out = file_of("", 0);

	TAP_EQ_INT(run(&d, in, out, 60000), 0, "an owed answer is waited for");
	(void)content(out, text, sizeof(text));
	TAP_EQ_STR(text, "a\na\n.late\n", "and written");
	TAP_EQ_INT(d.finishes, 0, "finish is not called then");
	(void)close(in);
	(void)close(out);
}

static void
test_finish(int end_status, int want, const char *sentence)
{
	struct doubler d = { .end_status = end_status };
	char text[64];
	int64_t start = bb_clock_ms();
	int in = file_of("a\n", 2), out = file_of("", 0);

	d.late = true;
	d.never = true;
	TAP_EQ_INT(run(&d, in, out, 30), want, sentence);
	tap_ok(bb_clock_ms() - start >= 29, "after the finish time");
	(void)content(out, text, sizeof(text));
	TAP_EQ_STR(text, "a\na\n.timed out\n", "the stage says so, once");
	TAP_EQ_INT(d.finishes, 1, "and is asked once");
	(void)close(in);
	(void)close(out);
}

/* Holds back what it was given until its answer is there. */
static void
test_held_back(void)
{
	struct doubler d = { .hold = true };
	char text[64];
	int in = file_of("a\nb\n", 4), out = file_of("", 0);

	TAP_EQ_INT(run(&d, in, out, 60000), 0,
	    "a busy stage may leave input for later");
	(void)content(out, text, sizeof(text));
	TAP_EQ_STR(text, "late\na\na\nb\nb\n", "it is shown again");
	TAP_EQ_INT(d.rest, 0, "before the end is");
	(void)close(in);
	(void)close(out);
}

static void
test_owed_for_nothing(void)
{
	struct doubler d = { .late = true, .never = true };
	int in = file_of("a\n", 2), out = file_of("", 0);

	TAP_EQ_INT(run(&d, in, out, -1), BB_EXIT_BUG,
	    "an answer that nothing can bring is our bug, not a hang");
	(void)close(in);
	(void)close(out);
}

static void
at_turn_end(void *ctx)
{
	struct doubler *d = ctx;

	if (d->ends == 0 || d->finishes++ > 0)
		return;
	if (bb_buf_puts(bb_filter_out(d->filter), "committed\n") == -1)
		tap_ok(false, "there is room for the turn's answer");
	bb_filter_flush(d->filter);
}

/* A stage that holds its answers until the end of the turn owes nothing in
 * between. */
static void
test_turn_end(void)
{
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	struct doubler d = { 0 };
	char text[64];
	int in = file_of("a\n", 2), out = file_of("", 0);

	d.filter = new_filter(loop, in, out, -1, &d);
	bb_loop_at_turn_end(loop, at_turn_end, &d);
	TAP_EQ_INT(bb_filter_run(d.filter), 0, "a turn has an end");
	(void)content(out, text, sizeof(text));
	TAP_EQ_STR(text, "a\na\ncommitted\n", "whose output is written");
	bb_filter_free(d.filter);
	bb_loop_free(loop);
	(void)close(in);
	(void)close(out);
}

/* Sends a signal after each byte of `marks` that it reads. */
struct killer {
	pthread_t thread;
	int fd;
	int signo;
	const char *marks;
};

static void *
send_signals(void *arg)
{
	const struct killer *killer = arg;
	const char *mark = killer->marks;
	char byte;

	while (*mark != '\0' && bb_read_some(killer->fd, &byte, 1) == 1) {
		if (byte != *mark)
			continue;
		mark++;
		(void)kill(getpid(), killer->signo);
	}
	return NULL;
}

/* The input stays open: only the signal can end it.  The first answer says
 * that the filter runs. */
static void
test_signal(int signo, bool late, const char *marks, int want,
    const char *sentence)
{
	struct doubler d = { .late = late, .never = true };
	struct killer killer = { .signo = signo, .marks = marks };
	int in[2], out[2];

	if (pipe(in) == -1 || pipe(out) == -1 || write(in[1], "\n", 1) != 1)
		abort();
	killer.fd = out[0];
	if (pthread_create(&killer.thread, NULL, send_signals, &killer) != 0)
		abort();
	TAP_EQ_INT(run(&d, in[0], out[1], late ? 60000 : -1), want, sentence);
	(void)pthread_join(killer.thread, NULL);
	TAP_EQ_INT(d.ends, 1, "and ends the input");
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(out[0]);
	(void)close(out[1]);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	test_files();
	test_empty();
	test_refused();
	test_slow_reader(false);
	test_slow_reader(true);
	test_reader_left(false);
	test_reader_left(true);
	test_full_disk();
	test_unreadable();
	test_answer_owed();
	test_finish(0, BB_EXIT_TIMEOUT, "an answer that does not come is 99");
	test_finish(2, BB_EXIT_PROTO, "unless something else was wrong before");
	test_held_back();
	test_owed_for_nothing();
	test_turn_end();
	test_signal(SIGTERM, false, "\n", 0, "SIGTERM is no error");
	test_signal(SIGINT, false, "\n", 0, "nor is SIGINT");
	test_signal(SIGHUP, false, "\n", 0, "nor is SIGHUP");
	test_signal(SIGTERM, true, "\n.", BB_EXIT_TEMP,
	    "the second SIGTERM does not wait for answers");
	bb_filter_free(NULL);
	return tap_done();
}
