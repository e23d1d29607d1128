/* Where a server's opened frames go: lines to services; hints and notices of
 * our own are sealed here and go back on the link that they answer. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "server.h"

/* For what is said about sealing our own notices. */
static const struct line_source own_lines = { .name = "a notice of our own" };

/* Sealing adds to the object; the line itself is the caller's. */
static void
answer(struct serve *s, const struct bb_line *line)
{
	struct below *b = links_find(s, line->link, line->pin);
	struct bb_line own = *line;

	if (b == NULL)
		return;
	s->d->source = &own_lines;
	seal_line(s->d, &own, bb_clock_us(), &s->frame);
	if (bb_buf_len(&s->frame) > 0)
		below_send(b, bb_buf_data(&s->frame), bb_buf_len(&s->frame));
	bb_buf_take(&s->frame, bb_buf_len(&s->frame));
}

/* The frame that a line came of, as far as an answer needs it. */
static struct bb_frame
frame_of(const struct bb_line *line)
{
	struct bb_frame frame = {
		.type = line->kind == BB_LINE_ATTACH ? BB_FRAME_ATTACH
						     : BB_FRAME_DATA,
		.link = line->link,
		.pin = line->pin,
		.att = line->att,
		.seq = line->seq,
	};

	memcpy(frame.kid, line->kid, BB_KID_LEN);
	memcpy(frame.nonce, line->nonce, BB_NONCE_LEN);
	return frame;
}

static int
pass_up(struct serve *s, const struct bb_line *line)
{
	struct bb_frame frame;

	if (lines_send(s, line) == 0)
		return 0;
	if (errno != EHOSTUNREACH)
		return -1;
	frame = frame_of(line);
	tell_unreachable(s->d, &frame, line->service);
	return 0;
}

static int
sink_line(struct dispatch *d, const struct bb_line *line)
{
	struct serve *s = d->owner;

	switch (line->kind) {
	case BB_LINE_HINT:
		if (below_hint(s, line->link, line->pin)) {
			s->hints++;
			answer(s, line);
		}
		return 0;
	case BB_LINE_NOTICE:
		s->notices++;
		answer(s, line);
		return 0;
	case BB_LINE_ATTACH:
	case BB_LINE_DATA:
	case BB_LINE_ANSWER:
	case BB_LINE_TRUNK:
	case BB_LINE_DOWN:
		break;
	}
	return pass_up(s, line);
}

static void
sink_opened(struct dispatch *d, const struct bb_frame *frame)
{
	below_opened(d->owner, frame);
}

/* Strangers can cause these at will: no error of ours. */
static void
sink_dropped(struct dispatch *d, const struct bb_frame *frame, const char *why)
{
	(void)d;
	bb_log(BB_LOG_INFO,
	    "dropped a frame (link %016" PRIx64 ", PIN %08" PRIx32
	    ", %s, attach %" PRIu32 ", number %" PRIu32 "): it %s",
	    frame->link, frame->pin, bb_frame_type_text(frame->type),
	    frame->att, frame->seq, why);
}

static bool
sink_reachable(struct dispatch *d, const char *service)
{
	return lines_reachable(d->owner, service);
}

const struct sink serve_sink = {
	.line = sink_line,
	.opened = sink_opened,
	.dropped = sink_dropped,
	.reachable = sink_reachable,
};
