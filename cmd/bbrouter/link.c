/* One device link: its beginning, what goes down it, its end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "state.h"

#define OUT_MAX (256u << 10) /* a device slower than that is closed */
/* A device that has half-closed gets what is still owed to it; one that has
 * left looks the same. */
#define HALF_CLOSED_MS 1000
#define HALF_CLOSED_ASKED_MS 10000
#define LINGER_MS 5000
#define SWEEP_MS 1000

/* `status`: of the process, where there is but this one link. */
static const struct {
	const char *name, *text;
	int status;
} endings[] = {
	/* clang-format off */
	[ENDED_BY_DEVICE] = { "by_device", "it closed the connection",
	    BB_EXIT_OK },
	[ENDED_UNREADABLE] = { "unreadable", "what it sent is no frame",
	    BB_EXIT_PROTO },
	[ENDED_OTHER_PIN] = { "other_pin", "it named another PIN than before",
	    BB_EXIT_PROTO },
	[ENDED_NO_DEVICE] = { "no_device", "it sent what no device sends",
	    BB_EXIT_PROTO },
	[ENDED_FRAMES] = { "frames", "too many frames, and none has opened",
	    BB_EXIT_PROTO },
	[ENDED_BYTES] = { "bytes", "too many bytes, and no frame has opened",
	    BB_EXIT_PROTO },
	[ENDED_TIME] = { "time", "no frame has opened in time",
	    BB_EXIT_TIMEOUT },
	[ENDED_HINTS] = { "hints", "it caused too many hints", BB_EXIT_PROTO },
	[ENDED_BY_DISPATCHER] = { "by_dispatcher", "the dispatcher said so",
	    BB_EXIT_REFUSED },
	[ENDED_SLOW] = { "slow", "it is too slow", BB_EXIT_TIMEOUT },
	[ENDED_QUEUES] = { "queues", "the queues are full", BB_EXIT_TEMP },
	[ENDED_DRAIN] = { "drain", "the router ends", BB_EXIT_OK },
	/* clang-format on */
};
_Static_assert(BB_LEN(endings) == ENDED_COUNT, "each ending has its words");

const char *
link_ended_name(enum ended why)
{
	return endings[why].name;
}

/* ---- its end ---- */

void
link_note_part(struct link *link, size_t len)
{
	if (!link->stranger.proved)
		link->router->strangers_part += len - link->part;
	link->part = (uint16_t)len; /* less than a frame */
}

/* A process that ends with a status says why. */
static void
log_end(const struct link *link, const char *text)
{
	enum bb_log_level level = BB_LOG_INFO;
	char pin[sizeof(" of PIN 01234567")] = "";

	if (link->router->single && endings[link->why].status != BB_EXIT_OK)
		level = BB_LOG_ERROR;
	if (link->has_pin)
		(void)snprintf(pin, sizeof(pin), " of PIN %08" PRIx32,
		    link->pin);
	bb_log(level, "link %" PRIu32 "%s (%s) ended: %s", link->id, pin,
	    bb_peer_name(link->peer), text);
}

static void
tell_down(struct link *link)
{
	struct router *r = link->router;
	struct trunk *trunk;
	uint8_t out[BB_TRUNK_LEN];

	if (link->trunk == NO_TRUNK)
		return;
	trunk = &r->trunks[link->trunk];
	if (!trunk->ready)
		trunk = trunk_of(r, link->pin);
	if (trunk == NULL)
		return;
	bb_frame_write_link(BB_FRAME_LINK_DOWN,
	    (uint64_t)r->instance << 32 | link->id, link->pin, 0, out);
	if (trunk_send(trunk, out, sizeof(out)) == -1)
		bb_log(BB_LOG_INFO, "unable to say that link %" PRIu32 " ended",
		    link->id);
}

/* The peer is gone, or goes right after this. */
static void
link_gone(struct link *link, const char *text)
{
	struct router *r = link->router;
	int status = endings[link->why].status;
	uint8_t address[16];

	log_end(link, text);
	r->ended[link->why]++;
	bb_peer_address(link->peer, address);
	link_note_part(link, 0);
	if (!link->stranger.proved)
		r->strangers--;
	tell_down(link);
	links_remove(r, link);
	serve_link_gone(r, address, status);
}

/* Not from a callback of its own peer: there, false is returned. */
static void
link_end(struct link *link, enum ended why)
{
	struct bb_peer *peer = link->peer;

	link->why = (uint8_t)why;
	link_gone(link, endings[why].text);
	bb_peer_free(peer);
}

void
link_finish(struct link *link, enum ended why, int64_t linger_ms)
{
	if (link->closing)
		return;
	link->closing = true;
	link->why = (uint8_t)why;
	bb_peer_finish(link->peer, linger_ms);
}

void
link_free(struct link *link)
{
	bb_peer_free(link->peer);
	links_remove(link->router, link);
}

static void
link_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct link *link = ctx;

	(void)peer;
	if (link->why != ENDED_BY_DEVICE || why == NULL)
		why = endings[link->why].text;
	link_gone(link, why);
}

static bool
link_half_closed(void *ctx, struct bb_peer *peer)
{
	struct link *link = ctx;

	link->half_closed = true;
	if (link->owed > 0)
		bb_peer_deadline(peer,
		    link->asked ? HALF_CLOSED_ASKED_MS : HALF_CLOSED_MS);
	else if (bb_peer_waiting(peer) > 0)
		link_finish(link, ENDED_BY_DEVICE, LINGER_MS);
	else
		return false;
	return true;
}

/* ---- down ---- */

/* False: the link has ended. */
static bool
send_down(struct link *link, const void *bytes, size_t len)
{
	struct router *r = link->router;

	if (bb_peer_is_slow(link->peer) &&
	    bb_peers_held() + len > (size_t)r->options->queue_total) {
		link_end(link, ENDED_QUEUES);
		return false;
	}
	if (bb_peer_send(link->peer, bytes, len) == -1) {
		if (errno == EPIPE)
			return true; /* it leaves: its end comes by itself */
		link_end(link, errno == ENOBUFS ? ENDED_SLOW : ENDED_QUEUES);
		return false;
	}
	r->frames_down++;
	r->bytes_down += len;
	link->bytes += len;
	if (link->owed > 0)
		link->owed--;
	return true;
}

/* Of the dispatcher.  False: it goes no further. */
static bool
hint_passes(struct link *link)
{
	struct router *r = link->router;

	switch (bb_stranger_hint(&link->stranger, bb_clock_ms(), true)) {
	case BB_STRANGER_HINT_SEND:
		r->hints++;
		return true;
	case BB_STRANGER_HINT_KEEP:
		break;
	case BB_STRANGER_HINT_CLOSE:
		link_finish(link, ENDED_HINTS, LINGER_MS);
		break;
	}
	r->dropped[DROPPED_HINT]++;
	return false;
}

/* It has got what it waited for. */
static void
finish_if_done(struct link *link)
{
	if (link->half_closed && link->owed == 0)
		link_finish(link, ENDED_BY_DEVICE, LINGER_MS);
	else if (link->router->draining && !link->asked)
		link_finish(link, ENDED_DRAIN, LINGER_MS);
}

void
link_deliver(struct link *link, const struct bb_frame *frame, const void *bytes,
    size_t len)
{
	if (link->closing)
		return;
	/* ANSWER, NOTICE and HINT answer an attach, events do not. */
	if (frame->type != BB_FRAME_DATA)
		link->asked = false;
	if ((frame->type == BB_FRAME_HINT && !hint_passes(link)) ||
	    send_down(link, bytes, len))
		finish_if_done(link);
}

void
link_prove(struct link *link)
{
	struct router *r = link->router;

	if (!link->stranger.proved) {
		r->strangers--;
		r->strangers_part -= link->part;
	}
	bb_stranger_prove(&link->stranger);
}

/* ---- its beginning ---- */

void
link_read(struct link *link, void *arg)
{
	const struct router *r = link->router;
	bool full = link->trunk != NO_TRUNK && r->trunks[link->trunk].full;

	(void)arg;
	bb_peer_pause(link->peer, r->holding || r->draining || full);
}

static const struct bb_peer_kind link_kind = {
	.name = "device",
	.in_max = BB_FRAME_MAX,
	.out_max = OUT_MAX,
	.input = link_input,
	.ended = link_half_closed,
	.closed = link_closed,
};

static void
set_sweep(struct router *r)
{
	if (bb_timer_set(r->sweep, SWEEP_MS) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

bool
link_accepted(void *router, int in, int out)
{
	struct router *r = router;
	struct link *link = links_add(r);
	/* Without a link the descriptors go all the same. */
	struct bb_peer *peer = bb_peer_new(r->loop, in, out, &link_kind, link);

	if (link == NULL || peer == NULL) {
		bb_log(BB_LOG_ERROR, "unable to take a connection: %s",
		    strerror(errno));
		bb_peer_free(peer);
		if (link != NULL)
			links_remove(r, link);
		return false;
	}
	link->peer = peer;
	link->trunk = NO_TRUNK;
	link->why = ENDED_BY_DEVICE;
	link->born_s = (uint32_t)((bb_clock_ms() + 999) / 1000);
	r->accepted++;
	if (r->strangers++ == 0)
		set_sweep(r);
	bb_log(BB_LOG_DEBUG, "link %" PRIu32 " from %s", link->id,
	    bb_peer_name(peer));
	link_read(link, NULL);
	return true;
}

static void
end_when_late(struct link *link, void *now_ms)
{
	int64_t born_ms = (int64_t)link->born_s * 1000;

	if (bb_stranger_late(&link->stranger, *(int64_t *)now_ms - born_ms))
		link_end(link, ENDED_TIME);
}

void
link_sweep(void *router)
{
	struct router *r = router;
	int64_t now_ms = bb_clock_ms();

	links_each(r, end_when_late, &now_ms);
	if (r->strangers > 0)
		set_sweep(r);
}
