/* The router as a filter, on a stream of frames: sound ones pass unchanged,
 * whichever way they go; others are dropped, and the next is unharmed. */
#include "router.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "serve/filter.h"
#include "serve/loop.h"
#include "serve/start.h"
#include "wire/frame.h"

/* Two of the longest frames fit below the half at which reading stops. */
#define IN_MAX (2 * 65536)
#define OUT_MAX (4 * 65536)
#define LOGGED_MAX 100 /* lines about dropped frames; then they are counted */
/* Bytes up to the end of the nonce: what a HINT answers has at least these. */
#define ANSWERABLE_MIN 60

struct stream {
	uint64_t offset; /* of what has not been taken, in the stream */
	uint64_t passed;
	uint64_t dropped;
};

/* Never more than the open part of the header: PIN, type and numbers. */
static void
log_dropped(struct stream *stream, const struct bb_frame *frame, size_t len,
    enum bb_frame_fault fault)
{
	if (++stream->dropped > LOGGED_MAX)
		return;
	bb_log(BB_LOG_ERROR,
	    "dropped a frame at byte %" PRIu64 " (PIN %08" PRIx32
	    ", %s, attach %" PRIu32 ", number %" PRIu32 ", %zu bytes): it %s",
	    stream->offset, frame->pin, bb_frame_type_text(frame->type),
	    frame->att, frame->seq, len, bb_frame_fault_text(fault));
}

/* The device at the end of the pipe learns that we do not understand it.  A
 * HINT is never answered, nor what comes down, nor what is shorter than a
 * header: the answer is no longer than its cause. */
static int
answer_version(const struct bb_frame *frame, size_t len, struct bb_buf *out)
{
	uint8_t hint[BB_HINT_LEN];

	if (frame->dir != BB_FRAME_UP || len < ANSWERABLE_MIN)
		return 0;
	return bb_buf_put(out, hint,
	    bb_frame_write_hint(frame->link, frame->pin, BB_HINT_VERSION,
		frame->nonce, hint));
}

static int
pass(struct stream *stream, const uint8_t *bytes, size_t len,
    struct bb_buf *out)
{
	struct bb_frame frame;
	enum bb_frame_fault fault = bb_frame_read(bytes, len, &frame);

	if (fault == BB_FRAME_SOUND) {
		stream->passed++;
		bb_log(BB_LOG_DEBUG,
		    "passed PIN %08" PRIx32 ", %s, attach %" PRIu32
		    ", number %" PRIu32 ", %zu bytes",
		    frame.pin, bb_frame_type_text(frame.type), frame.att,
		    frame.seq, len);
		return bb_buf_put(out, bytes, len);
	}
	log_dropped(stream, &frame, len, fault);
	if (fault == BB_FRAME_BAD_VERSION)
		return answer_version(&frame, len, out);
	return 0;
}

/* Which of the two is wrong; the bytes are a stranger's and few. */
static void
log_no_frame(const struct stream *stream, const uint8_t *bytes, size_t len)
{
	if (bytes[0] == BB_FRAME_MAGIC0 && len >= 4 &&
	    bytes[1] == BB_FRAME_MAGIC1)
		bb_log(BB_LOG_ERROR,
		    "the frame at byte %" PRIu64 " has a length that no frame "
		    "has (%u): what follows cannot be read",
		    stream->offset, (unsigned)bytes[2] << 8 | bytes[3]);
	else
		bb_log(BB_LOG_ERROR,
		    "no frame begins at byte %" PRIu64 " (0x%02x): what "
		    "follows cannot be read",
		    stream->offset, (unsigned)bytes[0]);
}

static int
filter_input(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	struct stream *stream = ctx;
	size_t len;

	for (;;) {
		switch (bb_frame_split(bb_buf_data(in), bb_buf_len(in), &len)) {
		case BB_PARSE_MORE:
			return 0;
		case BB_PARSE_BAD:
			log_no_frame(stream, bb_buf_data(in), bb_buf_len(in));
			return BB_EXIT_PROTO;
		case BB_PARSE_OK:
			break;
		}
		if (bb_buf_room(out) < len)
			return 0;
		if (pass(stream, bb_buf_data(in), len, out) == -1) {
			bb_log(BB_LOG_ERROR, "unable to pass a frame on: %s",
			    strerror(errno));
			return BB_EXIT_TEMP;
		}
		bb_buf_take(in, len);
		stream->offset += len;
	}
}

static int
filter_end(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	const struct stream *stream = ctx;
	int status = stream->dropped > 0 ? BB_EXIT_PROTO : BB_EXIT_OK;

	(void)out;
	if (bb_buf_len(in) > 0) {
		bb_log(BB_LOG_ERROR,
		    "the input ends within the frame at byte %" PRIu64
		    ", after %zu bytes of it",
		    stream->offset, bb_buf_len(in));
		status = BB_EXIT_PROTO;
	}
	if (stream->dropped > LOGGED_MAX)
		bb_log(BB_LOG_ERROR,
		    "dropped %" PRIu64 " more frames without a line each",
		    stream->dropped - LOGGED_MAX);
	bb_log(BB_LOG_INFO, "passed %" PRIu64 " frames, dropped %" PRIu64,
	    stream->passed, stream->dropped);
	return status;
}

int
filter_run(int in, int out)
{
	static const struct bb_filter_stage stage = {
		.input = filter_input,
		.end = filter_end,
	};
	const struct bb_filter_setup setup = { .in = in,
		.out = out,
		.in_max = IN_MAX,
		.out_max = OUT_MAX,
		.finish_ms = -1 };
	struct stream stream = { 0 };
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	struct bb_filter *filter;
	int status;

	if (loop == NULL)
		bb_die_sys("unable to start the event loop");
	filter = bb_filter_new(loop, &setup, &stage, &stream);
	if (filter == NULL)
		bb_die_sys("unable to start the filter");
	status = bb_filter_run(filter);
	bb_filter_free(filter);
	bb_loop_free(loop);
	return status;
}
