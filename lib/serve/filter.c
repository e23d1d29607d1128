/* A filter: reads, lets its stage work, writes, and ends when all that was read
 * is answered.  Inherited descriptors are used as they are: O_NONBLOCK would
 * outlive this process on what it shares with others, so that a pipe is read
 * and written only when poll says so, and by no more than surely fits. */
#include "serve/filter.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"

#define CHUNK 65536 /* bytes read at once */

enum phase {
	READING,
	INPUT_OVER, /* the stage has not yet taken what there is */
	ANSWERING,  /* the stage knows; answers are owed */
	FLUSHING,   /* nothing more will come from the stage */
	OVER
};

struct bb_filter {
	struct bb_loop *loop;
	const struct bb_filter_stage *stage;
	void *ctx;
	enum phase phase;
	int status;
	int in, out;
	bool in_socket, out_socket;
	size_t write_max; /* bytes that one write cannot block on */
	struct bb_buf in_buf, out_buf;
	bool fresh;    /* the stage may find more to take in in_buf */
	bool in_stage; /* a callback of the stage is running */
	bool finished; /* finish was called */
	struct bb_io *in_io, *out_io;
	struct bb_timer *finish; /* also the turn before the end */
	int64_t finish_ms;
	unsigned signals;
};

static void advance(struct bb_filter *filter);

/* The first reason not to end with 0 is the one that is told. */
static void
note_status(struct bb_filter *filter, int status)
{
	if (filter->status == BB_EXIT_OK)
		filter->status = status;
}

static void
leave(struct bb_filter *filter, int status)
{
	if (status != BB_EXIT_OK)
		filter->status = status;
	filter->phase = OVER;
	bb_loop_stop(filter->loop);
}

/* Memory or the system's tables ran out: nothing can be finished. */
static void
give_up(struct bb_filter *filter, const char *what)
{
	bb_log(BB_LOG_ERROR, "unable to %s: %s", what, strerror(errno));
	leave(filter, BB_EXIT_TEMP);
}

static void
input_over(struct bb_filter *filter)
{
	if (filter->phase == READING)
		filter->phase = INPUT_OVER;
}

static bool
may_feed(const struct bb_filter *filter)
{
	return filter->fresh && filter->phase <= INPUT_OVER &&
	       bb_buf_len(&filter->out_buf) < filter->out_buf.max / 2;
}

/* Gives the stage what was read until it takes no more; it is asked again when
 * more was read, when output has drained, and by bb_filter_flush. */
static void
feed(struct bb_filter *filter)
{
	size_t before;
	int status;

	while (may_feed(filter)) {
		filter->fresh = false;
		before = bb_buf_len(&filter->in_buf);
		if (before == 0)
			break;
		filter->in_stage = true;
		status = filter->stage->input(filter->ctx, &filter->in_buf,
		    &filter->out_buf);
		filter->in_stage = false;
		if (status != 0) {
			note_status(filter, status);
			bb_buf_clear(&filter->in_buf);
			input_over(filter);
		} else if (bb_buf_len(&filter->in_buf) < before) {
			filter->fresh = true;
		}
	}
}

static bool
owes(struct bb_filter *filter)
{
	return !filter->finished && filter->stage->busy != NULL &&
	       filter->stage->busy(filter->ctx);
}

/* From now, or from now anew when there was progress. */
static void
start_finish(struct bb_filter *filter)
{
	if (filter->finish_ms >= 0 &&
	    bb_timer_set(filter->finish, filter->finish_ms) == -1)
		give_up(filter, "set a timer");
}

static void
tell_end(struct bb_filter *filter)
{
	if (filter->fresh)
		return;
	/* What the stage holds back while it is busy is not its rest yet. */
	if (bb_buf_len(&filter->in_buf) > 0 && owes(filter)) {
		start_finish(filter);
		return;
	}
	filter->phase = ANSWERING;
	filter->in_stage = true;
	note_status(filter,
	    filter->stage->end(filter->ctx, &filter->in_buf, &filter->out_buf));
	filter->in_stage = false;
	bb_buf_clear(&filter->in_buf);
	if (owes(filter))
		start_finish(filter);
}

static void
want(struct bb_filter *filter)
{
	bool read = filter->phase == READING &&
		    bb_buf_room(&filter->in_buf) > 0 &&
		    bb_buf_len(&filter->out_buf) < filter->out_buf.max / 2;
	bool write = filter->phase != OVER && bb_buf_len(&filter->out_buf) > 0;

	if (bb_io_want(filter->in_io, read ? BB_READ : 0) == -1 ||
	    bb_io_want(filter->out_io, write ? BB_WRITE : 0) == -1)
		give_up(filter, "wait for input or output");
}

/* Not at once: a hook at the end of this turn may still append something. */
static void
end_next_turn(struct bb_filter *filter)
{
	if (bb_buf_len(&filter->out_buf) > 0)
		bb_timer_cancel(filter->finish);
	else if (bb_timer_set(filter->finish, 0) == -1)
		give_up(filter, "set a timer");
}

/* Everything that follows from what has just happened. */
static void
advance(struct bb_filter *filter)
{
	feed(filter);
	if (filter->phase == INPUT_OVER)
		tell_end(filter);
	if (filter->phase == ANSWERING && !owes(filter))
		filter->phase = FLUSHING;
	if (filter->phase == FLUSHING)
		end_next_turn(filter);
	want(filter);
}

/* Answers that are still open end here, and the stage owes nothing from now
 * on. */
static void
finish_passed(struct bb_filter *filter)
{
	if (!owes(filter))
		return;
	note_status(filter, BB_EXIT_TIMEOUT);
	filter->in_stage = true;
	if (filter->stage->finish != NULL)
		filter->stage->finish(filter->ctx, &filter->out_buf);
	filter->in_stage = false;
	filter->finished = true;
	advance(filter);
}

static void
timer_fired(void *ctx)
{
	struct bb_filter *filter = ctx;

	if (filter->phase != FLUSHING)
		finish_passed(filter);
	else if (bb_buf_len(&filter->out_buf) == 0)
		leave(filter, BB_EXIT_OK);
}

static ssize_t
take_input(const struct bb_filter *filter, uint8_t *to, size_t len)
{
	ssize_t got;

	do {
		got = filter->in_socket
			  ? recv(filter->in, to, len, MSG_DONTWAIT)
			  : read(filter->in, to, len);
	} while (got == -1 && errno == EINTR);
	return got;
}

static void
readable(void *ctx, unsigned what)
{
	struct bb_filter *filter = ctx;
	size_t room = bb_buf_room(&filter->in_buf);
	uint8_t *to;
	ssize_t got;

	(void)what;
	if (room > CHUNK)
		room = CHUNK;
	to = bb_buf_reserve(&filter->in_buf, room);
	if (to == NULL) {
		give_up(filter, "read standard input");
		return;
	}
	got = take_input(filter, to, room);
	if (got > 0) {
		bb_buf_added(&filter->in_buf, (size_t)got);
		filter->fresh = true;
	} else if (got == 0) {
		input_over(filter);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK) {
		bb_log(BB_LOG_ERROR, "unable to read standard input: %s",
		    strerror(errno));
		note_status(filter, BB_EXIT_TEMP);
		input_over(filter);
	}
	advance(filter);
}

static ssize_t
give_output(const struct bb_filter *filter, const void *bytes, size_t len)
{
	ssize_t put;

	do {
		put = filter->out_socket ? send(filter->out, bytes, len,
					       MSG_DONTWAIT | MSG_NOSIGNAL)
					 : write(filter->out, bytes, len);
	} while (put == -1 && errno == EINTR);
	return put;
}

static void
writable(void *ctx, unsigned what)
{
	struct bb_filter *filter = ctx;
	size_t len = bb_buf_len(&filter->out_buf), before = len;
	ssize_t put;

	(void)what;
	if (len > filter->write_max)
		len = filter->write_max;
	put = give_output(filter, bb_buf_data(&filter->out_buf), len);
	if (put >= 0) {
		bb_buf_take(&filter->out_buf, (size_t)put);
		if (before >= filter->out_buf.max / 2)
			filter->fresh = true;
	} else if (errno == EPIPE || errno == ECONNRESET) {
		bb_log(BB_LOG_INFO, "the reader of standard output has left");
		leave(filter, BB_EXIT_TEMP);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK) {
		give_up(filter, "write standard output");
	}
	advance(filter);
}

/* The first announces the end, the second is not patient. */
static void
signalled(void *ctx, int signo)
{
	struct bb_filter *filter = ctx;

	bb_log(BB_LOG_INFO, "signal %d", signo);
	if (++filter->signals > 1)
		leave(filter, BB_EXIT_TEMP);
	else
		input_over(filter);
	advance(filter);
}

/* What the parent had ignored (nohup, a shell's background) stays so. */
static int
catch_signals(struct bb_filter *filter)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction now;
	size_t i;

	for (i = 0; i < BB_LEN(signals); i++) {
		if (sigaction(signals[i], NULL, &now) == -1)
			return -1;
		if (now.sa_handler == SIG_IGN)
			continue;
		if (bb_loop_on_signal(filter->loop, signals[i], signalled,
			filter) == -1)
			return -1;
	}
	return 0;
}

/* POSIX: when poll says that a pipe is writable, PIPE_BUF bytes fit. */
static size_t
write_max(int fd)
{
	struct stat st;
	long atomic;

	if (fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode)))
		return CHUNK;
	atomic = fpathconf(fd, _PC_PIPE_BUF);
	return atomic < _POSIX_PIPE_BUF ? _POSIX_PIPE_BUF : (size_t)atomic;
}

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

struct bb_filter *
bb_filter_new(struct bb_loop *loop, const struct bb_filter_setup *setup,
    const struct bb_filter_stage *stage, void *ctx)
{
	struct bb_filter *filter = calloc(1, sizeof(*filter));
	int err;

	if (filter == NULL)
		return NULL;
	filter->loop = loop;
	filter->stage = stage;
	filter->ctx = ctx;
	filter->in = setup->in;
	filter->out = setup->out;
	filter->in_socket = is_socket(setup->in);
	filter->out_socket = is_socket(setup->out);
	filter->write_max = write_max(setup->out);
	filter->finish_ms = setup->finish_ms;
	filter->in_buf =
	    (struct bb_buf){ .max = setup->in_max, .secret = setup->secret };
	filter->out_buf =
	    (struct bb_buf){ .max = setup->out_max, .secret = setup->secret };
	filter->in_io = bb_io_new(loop, setup->in, readable, filter);
	filter->out_io = bb_io_new(loop, setup->out, writable, filter);
	filter->finish = bb_timer_new(loop, timer_fired, filter);
	if (filter->in_io != NULL && filter->out_io != NULL &&
	    filter->finish != NULL)
		return filter;
	err = errno;
	bb_filter_free(filter);
	errno = err;
	return NULL;
}

struct bb_buf *
bb_filter_out(struct bb_filter *filter)
{
	return &filter->out_buf;
}

void
bb_filter_flush(struct bb_filter *filter)
{
	if (filter->in_stage)
		return;
	filter->fresh = true;
	advance(filter);
}

int
bb_filter_run(struct bb_filter *filter)
{
	if (catch_signals(filter) == -1)
		give_up(filter, "catch signals");
	advance(filter);
	if (bb_loop_run(filter->loop) == -1)
		give_up(filter, "wait for input or output");
	if (filter->phase != OVER) {
		bb_log(BB_LOG_ERROR, "answers are owed and nothing is left "
				     "that could bring them");
		filter->status = BB_EXIT_BUG;
	}
	return filter->status;
}

void
bb_filter_free(struct bb_filter *filter)
{
	if (filter == NULL)
		return;
	bb_io_free(filter->in_io);
	bb_io_free(filter->out_io);
	bb_timer_free(filter->finish);
	bb_buf_clear(&filter->in_buf);
	bb_buf_clear(&filter->out_buf);
	free(filter);
}
