/* Connections from below, of routers and of devices: what comes up them and how
 * they end.  The first frame says which of the two it is. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "server.h"

#define OUT_MAX (16u << 20) /* a router slower than that is closed */
#define TYPE_AT 13          /* of a frame: its type */
/* A device that has half-closed gets what it may still wait for. */
#define OWED_MS 30000
#define ENDED_MS 1000

/* What became of a frame. */
enum taken { TAKEN, TAKEN_NOT_YET };

/* ---- the end ---- */

/* Out of the tables, and everybody is told: what is said to it from now on is
 * said to nobody. */
static void
leave(struct below *b)
{
	struct serve *s = b->serve;

	if (b->left)
		return;
	b->left = true;
	if (b->kind == BELOW_TRUNK) {
		links_remove_trunk(s, b);
		lines_tell_trunk(s, b->instance, false);
	} else if (b->kind == BELOW_DEVICE) {
		links_remove_device(s, b);
		/* Services know of no link of which nothing has opened. */
		if (b->stranger.proved)
			lines_tell_down(s, b->pin,
			    (uint64_t)b->instance << 32 | b->id);
	}
}

/* It gets what waits for it; closed() follows. */
static void
end(struct below *b)
{
	leave(b);
	bb_peer_finish(b->peer, LINGER_MS);
}

/* The process of a single connection ends with a status, and says why. */
static void
refuse(struct below *b, const char *why)
{
	struct serve *s = b->serve;

	bb_log(s->single ? BB_LOG_ERROR : BB_LOG_INFO, "closed %s: it %s",
	    bb_peer_name(b->peer), why);
	if (s->single)
		bb_server_stop(s->server, BB_EXIT_PROTO);
	end(b);
}

static void
unlink_below(struct below *b)
{
	struct serve *s = b->serve;

	if (b->prev == NULL)
		s->belows = b->next;
	else
		b->prev->next = b->next;
	if (b->next != NULL)
		b->next->prev = b->prev;
	s->belows_len--;
}

static void
below_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct below *b = ctx;
	struct serve *s = b->serve;
	uint8_t address[16];

	bb_log(BB_LOG_INFO, "%s %s (%08" PRIx32 " %08" PRIx32 ") has gone%s%s",
	    b->kind == BELOW_TRUNK ? "router" : "device", bb_peer_name(peer),
	    b->instance, b->id, why == NULL ? "" : ": ",
	    why == NULL ? "" : why);
	bb_peer_address(peer, address);
	leave(b);
	unlink_below(b);
	free(b);
	bb_server_left(s->server, address);
}

static bool
below_ended(void *ctx, struct bb_peer *peer)
{
	struct below *b = ctx;

	/* Of a router's devices nobody is left who waits for anything. */
	if (b->kind == BELOW_TRUNK)
		return false;
	if (b->kind == BELOW_NEW || !b->stranger.proved) {
		end(b);
		return true;
	}
	b->sent_end = true;
	bb_peer_deadline(peer, b->owed > 0 ? OWED_MS : ENDED_MS);
	return true;
}

void
below_owed(struct below *b, int change)
{
	if (change > 0)
		b->owed++;
	else if (b->owed > 0)
		b->owed--;
	if (!b->sent_end)
		return;
	if (b->owed > 0)
		bb_peer_deadline(b->peer, OWED_MS);
	else
		end(b);
}

/* ---- down ---- */

void
below_send(struct below *b, const void *bytes, size_t len)
{
	const uint8_t *frame = bytes;

	if (b->left)
		return;
	if (bb_peer_send(b->peer, bytes, len) == 0) {
		b->frames_down++;
		b->serve->frames_down[frame[TYPE_AT]]++;
		return;
	}
	bb_log(BB_LOG_WARN, "closed %s: unable to send: %s",
	    bb_peer_name(b->peer), strerror(errno));
	end(b);
}

static void
send_link(struct below *b, enum bb_frame_type type, uint64_t link, uint32_t pin,
    enum bb_link_close code)
{
	uint8_t out[BB_TRUNK_LEN];

	below_send(b, out,
	    bb_frame_write_link(type, link, pin, (uint8_t)code, out));
}

/* Its router closes the link; what it sends until then is thrown away. */
static void
close_link(struct below *trunk, uint64_t link, enum bb_link_close code)
{
	struct trunk_link *known = links_known(trunk->serve, link);

	if (known->closed)
		return;
	known->closed = true;
	trunk->serve->links_closed++;
	send_link(trunk, BB_FRAME_LINK_CLOSE, link, 0, code);
}

static struct bb_stranger *
stranger_of(struct below *b, uint64_t link)
{
	return b->kind == BELOW_TRUNK ? &links_known(b->serve, link)->stranger
				      : &b->stranger;
}

bool
below_hint(struct serve *s, uint64_t link, uint32_t pin)
{
	struct below *b = links_find(s, link, pin);
	struct bb_stranger *stranger;

	if (b == NULL)
		return false;
	stranger = stranger_of(b, link);
	switch (bb_stranger_hint(stranger, bb_clock_ms(), true)) {
	case BB_STRANGER_HINT_SEND:
		return true;
	case BB_STRANGER_HINT_KEEP:
		break;
	case BB_STRANGER_HINT_CLOSE:
		if (b->kind == BELOW_TRUNK)
			close_link(b, link, BB_LINK_CLOSE_UNOPENED);
		else
			end(b);
		break;
	}
	s->hints_kept++;
	return false;
}

void
below_opened(struct serve *s, const struct bb_frame *frame)
{
	struct below *b = links_find(s, frame->link, frame->pin);
	struct bb_stranger *stranger;

	if (b == NULL)
		return;
	stranger = stranger_of(b, frame->link);
	if (stranger->proved)
		return;
	bb_stranger_prove(stranger);
	if (b->kind == BELOW_TRUNK)
		send_link(b, BB_FRAME_LINK_OK, frame->link, frame->pin, 0);
	else
		bb_peer_deadline(b->peer, 0);
}

/* ---- up: trunks ---- */

static enum taken
trunk_hello(struct below *b, const struct bb_frame *hello)
{
	struct serve *s = b->serve;
	uint8_t out[BB_TRUNK_LEN];

	if (!bb_peer_local(b->peer)) {
		refuse(b, "is a router on another host, which needs TLS: this "
			  "version has none");
		return TAKEN;
	}
	if (hello->pin == s->instance || links_trunk(s, hello->pin) != NULL) {
		bb_log(BB_LOG_WARN,
		    "closed %s: a router with the instance %08" PRIx32
		    " is here already",
		    bb_peer_name(b->peer), hello->pin);
		end(b);
		return TAKEN;
	}
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
		close_link(b, frame.link, BB_LINK_CLOSE_NO_DEVICE);
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
		refuse(b, why);
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
		refuse(b, "sent too many frames, and none has opened");
		return false;
	case BB_STRANGER_BYTES:
		refuse(b, "sent too many bytes, and nothing has opened");
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

static bool
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
			refuse(b, "sent what is no frame");
			return true;
		case BB_PARSE_OK:
			break;
		}
		if (take(b, bb_buf_data(in), len) == TAKEN)
			bb_buf_take(in, len);
	}
	return true;
}

/* ---- the beginning ---- */

static const struct bb_peer_kind below_kind = {
	.name = "connection",
	.in_max = BB_FRAME_MAX,
	.out_max = OUT_MAX,
	.input = below_input,
	.ended = below_ended,
	.closed = below_closed,
};

static void
link_below(struct serve *s, struct below *b)
{
	b->next = s->belows;
	if (b->next != NULL)
		b->next->prev = b;
	s->belows = b;
	s->belows_len++;
}

bool
below_accepted(void *serve, int in, int out)
{
	struct serve *s = serve;
	struct below *b = calloc(1, sizeof(*b));
	/* Without `b` the descriptors go all the same. */
	struct bb_peer *peer = bb_peer_new(s->loop, in, out, &below_kind, b);

	if (b == NULL || peer == NULL) {
		bb_log(BB_LOG_ERROR, "unable to take a connection: %s",
		    strerror(errno));
		bb_peer_free(peer);
		free(b);
		return false;
	}
	b->serve = s;
	b->peer = peer;
	link_below(s, b);
	s->accepted++;
	bb_peer_deadline(peer, BB_STRANGER_MS_MAX);
	bb_peer_pause(peer, (s->hold & HOLD_START) != 0);
	return true;
}

void
below_pause_all(struct serve *s)
{
	struct below *b;

	for (b = s->belows; b != NULL; b = b->next)
		if (!b->left)
			bb_peer_pause(b->peer, s->hold != 0);
}

void
below_finish_all(struct serve *s)
{
	struct below *b;

	for (b = s->belows; b != NULL; b = b->next)
		end(b);
}

void
below_free_all(struct serve *s)
{
	struct below *b, *next;

	for (b = s->belows; b != NULL; b = next) {
		next = b->next;
		bb_peer_free(b->peer);
		free(b);
	}
	s->belows = NULL;
}
