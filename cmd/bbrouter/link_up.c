/* What comes up a device link. */
#include <errno.h>
#include <inttypes.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "state.h"

/* Bytes up to the end of the nonce: what a HINT answers has at least these. */
#define ANSWERABLE_MIN 60

static bool
refuse(struct link *link, enum ended why)
{
	link->why = (uint8_t)why;
	return false;
}

static bool
judged(struct link *link, enum bb_stranger_verdict verdict)
{
	switch (verdict) {
	case BB_STRANGER_FRAMES:
		return refuse(link, ENDED_FRAMES);
	case BB_STRANGER_BYTES:
		return refuse(link, ENDED_BYTES);
	case BB_STRANGER_PASS:
		break;
	}
	return true;
}

/* Our own HINT.  False: the link has caused too many. */
static bool
hint(struct link *link, const struct bb_frame *frame, enum bb_hint_code code)
{
	struct router *r = link->router;
	uint8_t out[BB_HINT_LEN];

	switch (bb_stranger_hint(&link->stranger, bb_clock_ms(),
	    code != BB_HINT_NO_DISPATCHER)) {
	case BB_STRANGER_HINT_KEEP:
		return true;
	case BB_STRANGER_HINT_CLOSE:
		return refuse(link, ENDED_HINTS);
	case BB_STRANGER_HINT_SEND:
		break;
	}
	bb_frame_write_hint(0, frame->pin, (uint8_t)code, frame->nonce, out);
	if (bb_peer_send(link->peer, out, sizeof(out)) == 0)
		r->hints++;
	else if (errno != EPIPE) /* else it leaves */
		return refuse(link, ENDED_SLOW);
	return true;
}

static bool
drop(struct link *link, const struct bb_frame *frame, size_t len,
    enum bb_frame_fault fault)
{
	struct router *r = link->router;
	bool version = fault == BB_FRAME_BAD_VERSION;

	if (!version && bb_frame_is_trunk(frame->type))
		return refuse(link, ENDED_NO_DEVICE);
	bb_log(BB_LOG_INFO,
	    "link %" PRIu32 ": dropped a frame (PIN %08" PRIx32
	    ", %s, %zu bytes): it %s",
	    link->id, frame->pin, bb_frame_type_text(frame->type), len,
	    bb_frame_fault_text(fault));
	r->dropped[version ? DROPPED_VERSION : DROPPED_UNSOUND]++;
	if (version && frame->dir == BB_FRAME_UP && len >= ANSWERABLE_MIN)
		return hint(link, frame, BB_HINT_VERSION);
	return true;
}

static bool
pass(struct link *link, const struct bb_frame *frame, uint8_t *bytes,
    size_t len)
{
	struct router *r = link->router;
	struct trunk *trunk = trunk_of(r, frame->pin);

	if (trunk == NULL) {
		trunks_hurry(r);
		r->dropped[DROPPED_NO_DISPATCHER]++;
		return frame->type == BB_FRAME_RECOVER ||
		       hint(link, frame, BB_HINT_NO_DISPATCHER);
	}
	bb_frame_set_link(bytes, (uint64_t)r->instance << 32 | link->id);
	if (trunk_send(trunk, bytes, len) == -1) {
		r->dropped[DROPPED_TRUNK_FULL]++;
		return true;
	}
	r->frames_up++;
	r->bytes_up += len;
	link->trunk = trunk->number;
	if (link->owed < UINT8_MAX)
		link->owed++;
	if (frame->type == BB_FRAME_ATTACH)
		link->asked = true;
	if (trunk->full)
		link_read(link, NULL);
	return true;
}

/* A whole frame.  False: the link ends, `why` is set. */
static bool
take(struct link *link, uint8_t *bytes, size_t len)
{
	struct bb_frame frame;
	enum bb_frame_fault fault;

	link->bytes += len;
	if (!judged(link, bb_stranger_frame(&link->stranger, len)))
		return false;
	fault = bb_frame_read(bytes, len, &frame);
	if (fault != BB_FRAME_SOUND)
		return drop(link, &frame, len, fault);
	if (frame.dir != BB_FRAME_UP)
		return refuse(link, ENDED_NO_DEVICE);
	if (link->has_pin && link->pin != frame.pin)
		return refuse(link, ENDED_OTHER_PIN);
	link->has_pin = true;
	link->pin = frame.pin;
	return pass(link, &frame, bytes, len);
}

/* What is left of a read.  Strangers may take half of the room for such parts;
 * the other half is for devices. */
static bool
keep_part(struct link *link, size_t len)
{
	struct router *r = link->router;
	size_t total = (size_t)r->options->queue_total;

	link_note_part(link, len);
	if (!judged(link, bb_stranger_part(&link->stranger, len)))
		return false;
	if (len > 0 &&
	    (bb_peers_held() + len > total ||
		(!link->stranger.proved && r->strangers_part > total / 2)))
		return refuse(link, ENDED_QUEUES);
	return true;
}

bool
link_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct link *link = ctx;
	size_t len;

	(void)peer;
	for (;;) {
		switch (bb_frame_split(bb_buf_data(in), bb_buf_len(in), &len)) {
		case BB_PARSE_MORE:
			return keep_part(link, bb_buf_len(in));
		case BB_PARSE_BAD:
			return refuse(link, ENDED_UNREADABLE);
		case BB_PARSE_OK:
			break;
		}
		if (!take(link, in->mem + in->start, len))
			return false;
		bb_buf_take(in, len);
	}
}
