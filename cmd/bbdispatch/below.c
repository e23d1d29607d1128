/* Connections from below, of routers and of devices: how they begin and end,
 * what goes down them. */
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

void
below_end(struct below *b)
{
	leave(b);
	bb_peer_finish(b->peer, LINGER_MS);
}

/* The process of a single connection ends with a status. */
void
below_refuse(struct below *b, const char *why)
{
	struct serve *s = b->serve;

	bb_log(s->single ? BB_LOG_ERROR : BB_LOG_INFO, "closed %s: it %s",
	    bb_peer_name(b->peer), why);
	if (s->single)
		bb_server_stop(s->server, BB_EXIT_PROTO);
	below_end(b);
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
		below_end(b);
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
		below_end(b);
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
	below_end(b);
}

static void
send_link(struct below *b, enum bb_frame_type type, uint64_t link, uint32_t pin,
    enum bb_link_close code)
{
	uint8_t out[BB_TRUNK_LEN];

	below_send(b, out,
	    bb_frame_write_link(type, link, pin, (uint8_t)code, out));
}

void
below_close_link(struct below *trunk, uint64_t link, enum bb_link_close code)
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
			below_close_link(b, link, BB_LINK_CLOSE_UNOPENED);
		else
			below_end(b);
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
		below_end(b);
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
