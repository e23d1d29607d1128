/* The dispatcher as a filter: the first byte of the input decides, once, which
 * way it translates. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "dispatch.h"
#include "serve/filter.h"
#include "serve/loop.h"

/* More than the longest frame or line; half of the output is more than a group
 * of attaches may hold and one line. */
#define IN_MAX (2 * BB_LINE_MAX)
#define OUT_MAX (1 << 20)

enum way { WAY_UNKNOWN, WAY_OPEN, WAY_SEAL };

struct filter {
	struct dispatch *d;
	enum way way;
	uint64_t offset;    /* opening: of what was not taken, in the stream */
	struct bb_buf *out; /* opening: where lines go; within a callback */
	struct line_source source; /* sealing */
};

/* ---- the sink ---- */

static int
filter_line(struct dispatch *d, const struct bb_line *line)
{
	const struct filter *f = d->owner;

	return bb_line_write(line, true, f->out);
}

static void
filter_opened(struct dispatch *d, const struct bb_frame *frame)
{
	(void)d;
	(void)frame;
}

static void
filter_dropped(struct dispatch *d, const struct bb_frame *frame,
    const char *why)
{
	const struct filter *f = d->owner;

	complain(d, BB_EXIT_PROTO,
	    "dropped a frame at byte %" PRIu64 " (PIN %08" PRIx32
	    ", %s, attach %" PRIu32 ", number %" PRIu32 "): it %s",
	    f->offset, frame->pin, bb_frame_type_text(frame->type), frame->att,
	    frame->seq, why);
}

static bool
filter_reachable(struct dispatch *d, const char *service)
{
	(void)d;
	(void)service;
	return true; /* whoever reads the output */
}

static const struct sink filter_sink = {
	.line = filter_line,
	.opened = filter_opened,
	.dropped = filter_dropped,
	.reachable = filter_reachable,
};

/* ---- frames to lines ---- */

/* Room for the lines that wait for their commit, and for one more. */
static bool
has_room(const struct filter *f)
{
	return bb_buf_room(f->out) >= f->d->group.text_len + 2 * BB_LINE_MAX;
}

/* A busy store is waited for within these calls. */
static void
take_frame(struct filter *f, const uint8_t *bytes, size_t len)
{
	struct bb_frame frame;
	enum bb_frame_fault fault = bb_frame_read(bytes, len, &frame);

	(void)open_frame(f->d, &frame, fault, len);
}

static int
open_input(struct filter *f, struct bb_buf *in)
{
	enum bb_parse found = BB_PARSE_OK;
	size_t len;

	while (has_room(f)) {
		found = bb_frame_split(bb_buf_data(in), bb_buf_len(in), &len);
		if (found != BB_PARSE_OK)
			break;
		take_frame(f, bb_buf_data(in), len);
		bb_buf_take(in, len);
		f->offset += len;
	}
	(void)group_commit(f->d);
	if (found != BB_PARSE_BAD)
		return 0;
	complain(f->d, BB_EXIT_PROTO,
	    "no frame begins at byte %" PRIu64 ": what follows cannot be read",
	    f->offset);
	return BB_EXIT_PROTO;
}

static void
open_end(struct filter *f, const struct bb_buf *in)
{
	if (bb_buf_len(in) > 0)
		complain(f->d, BB_EXIT_PROTO,
		    "the input ends within the frame at byte %" PRIu64
		    ", after %zu bytes of it",
		    f->offset, bb_buf_len(in));
}

/* ---- lines to frames ---- */

static void
take_line(struct filter *f, const uint8_t *text, size_t len, struct bb_buf *out)
{
	int64_t start_us = bb_clock_us();
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;

	if (bb_line_parse(text, len, false, &line, why) == -1) {
		seal_refuse(f->d, why);
		return;
	}
	seal_line(f->d, &line, start_us, out);
	bb_line_clear(&line);
}

static int
seal_input(struct filter *f, struct bb_buf *in, struct bb_buf *out)
{
	size_t len;

	while (bb_buf_room(out) >= BB_FRAME_MAX &&
	       (len = seal_next(f->d, &f->source, in)) > 0) {
		take_line(f, bb_buf_data(in), len, out);
		bb_buf_take(in, len);
	}
	return 0;
}

static void
seal_end(struct filter *f, const struct bb_buf *in)
{
	if (bb_buf_len(in) == 0 || f->source.skipping)
		return;
	f->source.line_no++;
	f->d->source = &f->source;
	seal_refuse(f->d, "the input ends within it");
}

/* ---- which of the two ---- */

/* What a person may have tied on by mistake. */
static const char *
known_stranger(const uint8_t *bytes, size_t len)
{
	static const struct {
		const char *begin, *what;
	} strangers[] = {
		{ "\x16\x03", ": it looks like TLS" },
		{ "GET ", ": it looks like HTTP" },
		{ "POST ", ": it looks like HTTP" },
		{ "[", ": it looks like a JSON array" },
		{ " ", ": a line begins with {" },
		{ "\n", ": a line begins with {" },
		{ "\xef\xbb\xbf",
		    ": it looks like text with a byte order mark" },
	};
	size_t i;

	for (i = 0; i < BB_LEN(strangers); i++) {
		if (len >= strlen(strangers[i].begin) &&
		    memcmp(bytes, strangers[i].begin,
			strlen(strangers[i].begin)) == 0)
			return strangers[i].what;
	}
	return "";
}

/* 0, or an exit status. */
static int
choose_way(struct filter *f, const struct bb_buf *in)
{
	const uint8_t *bytes = bb_buf_data(in);

	if (bytes[0] == BB_FRAME_MAGIC0) {
		f->way = WAY_OPEN;
	} else if (bytes[0] == '{') {
		f->way = WAY_SEAL;
	} else {
		complain(f->d, BB_EXIT_PROTO,
		    "the input is neither frames nor lines (first byte "
		    "0x%02x)%s",
		    (unsigned)bytes[0], known_stranger(bytes, bb_buf_len(in)));
		return BB_EXIT_PROTO;
	}
	dispatch_open_store(f->d);
	bb_log(BB_LOG_INFO, "%s",
	    f->way == WAY_OPEN ? "opening frames into lines"
			       : "sealing lines into frames");
	return 0;
}

static int
filter_input(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	struct filter *f = ctx;

	if (f->way == WAY_UNKNOWN && choose_way(f, in) != 0)
		return f->d->status;
	f->out = out;
	return f->way == WAY_OPEN ? open_input(f, in) : seal_input(f, in, out);
}

static int
filter_end(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	struct filter *f = ctx;

	(void)out;
	if (f->way == WAY_OPEN)
		open_end(f, in);
	else if (f->way == WAY_SEAL)
		seal_end(f, in);
	if (f->d->unsaid > 0)
		bb_log(BB_LOG_ERROR, "%" PRIu64 " more errors were not said",
		    f->d->unsaid);
	return f->d->status;
}

int
filter_run(struct dispatch *d, int in, int out)
{
	static const struct bb_filter_stage stage = {
		.input = filter_input,
		.end = filter_end,
	};
	const struct bb_filter_setup setup = { .in = in,
		.out = out,
		.in_max = IN_MAX,
		.out_max = OUT_MAX,
		.secret = true,
		.finish_ms = -1 };
	static struct filter f;
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	struct bb_filter *filter;
	int status;

	if (loop == NULL)
		bb_die_sys("unable to start the event loop");
	filter = bb_filter_new(loop, &setup, &stage, &f);
	if (filter == NULL)
		bb_die_sys("unable to start the filter");
	f.d = d;
	d->sink = &filter_sink;
	d->owner = &f;
	d->wait_ms = BB_DB_BUSY_MS;
	d->give_up = true;
	status = bb_filter_run(filter);
	bb_filter_free(filter);
	bb_loop_free(loop);
	return status;
}
