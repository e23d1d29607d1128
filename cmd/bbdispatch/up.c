/* What comes up the connections from below.  The first frame says whether it is
 * a router or a device. */
#include <inttypes.h>

#include "base/cc.h"
#include "base/log.h"
#include "server.h"

#define TYPE_AT 13 /* of a frame: its type */

/* What became of a frame. */
enum taken { TAKEN, TAKEN_NOT_YET };

/* ---- up: trunks ---- */

static enum taken
trunk_hello(struct below *b, const struct bb_frame *hello)
{
	struct serve *s = b->serve;
	uint8_t out[BB_TRUNK_LEN];

	if (!bb_peer_local(b->peer)) {
		below_refuse(b,
		    "is a router on another host, which needs TLS: this "
		    "version has none");
		return TAKEN;
	}
	if (hello->pin == s->instance || links_trunk(s, hello->pin) != NULL) {
		bb_log(BB_LOG_WARN,
		    "closed %s: a router with the instance %08" PRIx32
		    " is here already",
		    bb_peer_name(b->peer), hello->pin);
		below_end(b);
		return TAKEN;
	}
	/* Without memory for it all goes on, slower. */
	if (s->d->cache == NULL)
		s->d->cache = key_cache_new();
	b->kind = BELOW_TRUNK;
	b->instance = hello->pin;
	links_add_trunk(s, b);
	bb_peer_deadline(b->peer, 0);
	bb_log(BB_LOG_INFO, "router %s has the instance %08" PRIx32,
	    bb_peer_name(b->peer), b->instance);
	lines_tell_trunk(s, b->instance, true);
	below_send(b, out, bb_frame_write_hello(BB_FRAME_DOWN, 0, out));
	return TAKEN;
}

/* Behind what this device has said. */
static enum taken
trunk_link_down(struct below *b, const struct bb_frame *frame)
{
	struct serve *s = b->serve;

	if (group_has(&s->d->group, frame->pin) && !group_commit(s->d)) {
		serve_store_busy(s);
		return TAKEN_NOT_YET;
	}
	links_forget(s, frame->link);
	s->links_down++;
	lines_tell_down(s, frame->pin, frame->link);
	return TAKEN;
}

static enum taken
open_one(struct below *b, const struct bb_frame *frame,
    enum bb_frame_fault fault, size_t len)
{
	if (open_frame(b->serve->d, frame, fault, len))
		return TAKEN;
	serve_store_busy(b->serve);
	return TAKEN_NOT_YET;
}

static enum taken
trunk_take(struct below *b, const uint8_t *bytes, size_t len)
{
	struct serve *s = b->serve;
	struct bb_frame frame;
	enum bb_frame_fault fault = bb_frame_read_trunk(bytes, len, &frame);
	bool sound = fault == BB_FRAME_SOUND;

	if (frame.link >> 32 != b->instance) {
		s->foreign++;
		b->dropped++;
		bb_log(BB_LOG_INFO,
		    "dropped a frame of router %s: %016" PRIx64
		    " is no link of its own",
		    bb_peer_name(b->peer), frame.link);
		return TAKEN;
	}
	if (sound && frame.type == BB_FRAME_LINK_DOWN)
		return trunk_link_down(b, &frame);
	if (links_known(s, frame.link)->closed)
		return TAKEN;
	if (sound && frame.dir != BB_FRAME_UP) {
		s->d->counts.dropped++;
		b->dropped++;
		below_close_link(b, frame.link, BB_LINK_CLOSE_NO_DEVICE);
		return TAKEN;
	}
	return open_one(b, &frame, fault, len);
}

/* ---- up: device links of our own ---- */

static enum taken
device_take(struct below *b, const uint8_t *bytes, size_t len)
{
	struct bb_frame frame;
	enum bb_frame_fault fault = bb_frame_read(bytes, len, &frame);
	bool version = fault == BB_FRAME_BAD_VERSION;
	const char *why = NULL;

	if (!version && bb_frame_is_trunk(frame.type))
		why = "sent what only a router sends";
	else if (fault == BB_FRAME_SOUND && frame.dir != BB_FRAME_UP)
		why = "sent what no device sends";
	else if (b->has_pin && b->pin != frame.pin && fault == BB_FRAME_SOUND)
		why = "named another PIN than before";
	if (why != NULL) {
		below_refuse(b, why);
		return TAKEN;
	}
	if (!b->has_pin) {
		b->has_pin = true;
		b->pin = frame.pin;
	}
	frame.link = (uint64_t)b->instance << 32 | b->id;
	return open_one(b, &frame, fault, len);
}

/* ---- up: both ---- */

static bool
passes(struct below *b, enum bb_stranger_verdict verdict)
{
	switch (verdict) {
	case BB_STRANGER_FRAMES:
		below_refuse(b, "sent too many frames, and none has opened");
		return false;
	case BB_STRANGER_BYTES:
		below_refuse(b, "sent too many bytes, and nothing has opened");
		return false;
	case BB_STRANGER_PASS:
		break;
	}
	return true;
}

/* Once for each frame, however often it has to be looked at. */
static bool
counted(struct below *b, size_t len)
{
	if (b->counted)
		return true;
	b->counted = true;
	return passes(b, bb_stranger_frame(&b->stranger, len));
}

/* The first frame says what this is. */
static enum taken
new_take(struct below *b, const uint8_t *bytes, size_t len)
{
	struct bb_frame frame;

	if (bb_frame_read_trunk(bytes, len, &frame) == BB_FRAME_SOUND &&
	    frame.type == BB_FRAME_HELLO && frame.dir == BB_FRAME_UP)
		return trunk_hello(b, &frame);
	b->kind = BELOW_DEVICE;
	links_add_device(b->serve, b);
	return TAKEN_NOT_YET;
}

static enum taken
take(struct below *b, const uint8_t *bytes, size_t len)
{
	enum taken taken = TAKEN;

	switch (b->kind) {
	case BELOW_NEW:
		return new_take(b, bytes, len);
	case BELOW_TRUNK:
		taken = trunk_take(b, bytes, len);
		break;
	case BELOW_DEVICE:
		if (counted(b, len))
			taken = device_take(b, bytes, len);
		break;
	}
	if (taken == TAKEN) {
		b->counted = false;
		b->frames_up++;
		b->serve->frames_up[bytes[TYPE_AT]]++;
	}
	return taken;
}

/* What must not be read now is left where it is.  A router is let in all the
 * same, lest it thinks that nobody is here. */
static bool
held(struct below *b)
{
	if (b->serve->hold == 0 || b->kind == BELOW_NEW)
		return false;
	bb_peer_pause(b->peer, true);
	return true;
}

bool
below_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct below *b = ctx;
	size_t len;

	(void)peer;
	while (!b->left && !held(b)) {
		switch (bb_frame_split(bb_buf_data(in), bb_buf_len(in), &len)) {
		case BB_PARSE_MORE:
			len = bb_buf_len(in);
			if (b->kind != BELOW_TRUNK)
				(void)passes(b,
				    bb_stranger_part(&b->stranger, len));
			return true;
		case BB_PARSE_BAD:
			below_refuse(b, "sent what is no frame");
			return true;
		case BB_PARSE_OK:
			break;
		}
		if (take(b, bb_buf_data(in), len) == TAKEN)
			bb_buf_take(in, len);
	}
	return true;
}
