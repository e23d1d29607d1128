/* One dispatcher's connection, or the filter's input and output: what waits for
 * the commit, and which way leads to a device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"

#define VIA_OUT_MAX (16u << 20)    /* a dispatcher that is slower is closed */
#define FILTER_OUT_MAX (64u << 20) /* a reader that is slower loses lines */
#define ROUTERS_MAX 4096           /* whose trunks end at one dispatcher */
#define LINGER_MS 5000

static uint32_t
router_of(uint64_t link)
{
	return (uint32_t)(link >> 32);
}

static bool
leads_to(const struct via *via, uint32_t router)
{
	size_t i;

	for (i = 0; i < via->routers_len; i++)
		if (via->routers[i] == router)
			return true;
	return false;
}

struct via *
via_to(const struct collab *c, uint64_t link)
{
	struct via *via;

	for (via = c->vias; via != NULL; via = via->next)
		if (!via->ended && leads_to(via, router_of(link)))
			return via;
	return NULL;
}

struct via *
via_of(struct collab *c, struct session *s)
{
	if (s->via == NULL)
		s->via = via_to(c, s->core.link);
	return s->via;
}

/* ---- ways that come and go ---- */

/* Its device may still be there, and come back another way. */
static void
begin_grace(struct collab *c, struct session *s, bool no_way)
{
	s->no_way = no_way;
	bb_due_begin(&c->grace, &s->due, bb_clock_ms());
	tick_set(c);
}

static void
end_grace(struct collab *c, struct session *s)
{
	if (s->due.in == &c->grace)
		bb_due_end(&s->due);
	s->no_way = false;
}

static void
lose_way(struct collab *c, struct session *s)
{
	s->via = NULL;
	if (s->core.state != BB_SESSION_LIVE)
		return;
	if (via_of(c, s) != NULL)
		push_again(c, s); /* what was on its way may be lost */
	else if (s->due.in == NULL)
		begin_grace(c, s, true);
}

void
via_heard(struct collab *c, struct session *s, struct via *via)
{
	bool moved = s->via != NULL && s->via != via;

	end_grace(c, s);
	s->via = via;
	if (moved)
		push_again(c, s);
}

void
via_link_down(struct via *via, uint32_t pin, uint64_t link)
{
	struct session *s = session_find(via->c, pin);
	struct via *other;

	if (s == NULL || s->core.state != BB_SESSION_LIVE ||
	    s->core.link != link || via->peer == NULL)
		return;
	/* The router has moved its trunk: this one just does not know. */
	if (!leads_to(via, router_of(link)) &&
	    (other = via_to(via->c, link)) != NULL && other != via)
		return;
	if (s->due.in == NULL || s->no_way)
		begin_grace(via->c, s, false);
}

struct news {
	struct via *via;
	uint32_t router;
};

static void
trunk_is_up(struct collab *c, struct session *s, void *ctx)
{
	const struct news *n = ctx;

	if (s->via != NULL || s->core.state != BB_SESSION_LIVE ||
	    router_of(s->core.link) != n->router)
		return;
	s->via = n->via;
	if (s->no_way)
		end_grace(c, s);
	push_again(c, s);
}

static void
trunk_is_down(struct collab *c, struct session *s, void *ctx)
{
	const struct news *n = ctx;

	if (s->via == n->via && router_of(s->core.link) == n->router)
		lose_way(c, s);
}

static bool
add_router(struct via *via, uint32_t router)
{
	size_t cap = via->routers_cap == 0 ? 8 : via->routers_cap * 2;
	void *at;

	if (via->routers_len == ROUTERS_MAX)
		return false;
	if (via->routers_len == via->routers_cap) {
		at = realloc(via->routers, cap * sizeof(*via->routers));
		if (at == NULL)
			return false;
		via->routers = at;
		via->routers_cap = cap;
	}
	via->routers[via->routers_len++] = router;
	return true;
}

static void
remove_router(struct via *via, uint32_t router)
{
	size_t i;

	for (i = 0; i < via->routers_len; i++)
		if (via->routers[i] == router)
			via->routers[i] = via->routers[--via->routers_len];
}

void
via_trunk(struct via *via, uint32_t router, bool up)
{
	struct news news = { via, router };

	if (!up) {
		remove_router(via, router);
		table_each(via->c, trunk_is_down, &news);
	} else if (!leads_to(via, router)) {
		if (add_router(via, router))
			table_each(via->c, trunk_is_up, &news);
		else
			bb_log(BB_LOG_WARN,
			    "%s leads to more routers than are remembered",
			    via_place(via));
	}
}

/* ---- the connection ---- */

struct via *
via_new(struct collab *c, struct bb_peer *peer)
{
	struct via *via;

	if ((via = calloc(1, sizeof(*via))) == NULL)
		return NULL;
	via->c = c;
	via->peer = peer;
	via->held = BB_BUF_SECRET(peer == NULL ? FILTER_OUT_MAX : VIA_OUT_MAX);
	via->next = c->vias;
	c->vias = via;
	return via;
}

static void
forget_via(struct collab *c, struct session *s, void *ctx)
{
	const struct via *via = ctx;

	if (s->via == via)
		lose_way(c, s);
}

void
via_free(struct via *via)
{
	struct collab *c = via->c;
	struct via **at;
	struct ask *ask;

	at = &c->vias;
	while (*at != via)
		at = &(*at)->next;
	*at = via->next;
	for (ask = c->asks.first; ask != NULL; ask = ask->next)
		if (ask->via == via)
			ask->via = NULL;
	for (ask = c->done.first; ask != NULL; ask = ask->next)
		if (ask->via == via)
			ask->via = NULL;
	table_each(c, forget_via, via);
	bb_buf_clear(&via->held);
	free(via->routers);
	free(via);
}

static void
watch(struct via *via)
{
	const struct collab *c = via->c;
	bool over = c->lasting && bb_server_draining(c->server);

	if (via->peer != NULL)
		bb_peer_pause(via->peer,
		    via->slow || via->left || c->stalled || over);
}

void
vias_watch(struct collab *c)
{
	struct via *via;

	for (via = c->vias; via != NULL; via = via->next)
		watch(via);
}

void
vias_offer(struct collab *c)
{
	struct via *via;

	for (via = c->vias; via != NULL; via = via->next) {
		via->offered = via->left;
		via->left = false;
		watch(via);
	}
}

/* What is offered again comes when peers are written, behind the end of a turn:
 * its commit must not wait for the next event. */
static bool
via_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct via *via = ctx;

	(void)peer;
	if (via->offered)
		stall_again(via->c);
	via->offered = false;
	lines_take(via, in);
	watch(via);
	return true;
}

/* It may still read, or it has died: what is asked for is answered over another
 * one, if there is one. */
static bool
via_ended(void *ctx, struct bb_peer *peer)
{
	struct via *via = ctx;

	via->ended = true;
	table_each(via->c, forget_via, via);
	bb_peer_deadline(peer, via->c->options->finish_ms);
	return true;
}

static void
left(struct collab *c, const uint8_t address[16])
{
	if (c->server != NULL)
		bb_server_left(c->server, address);
}

static void
via_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct via *via = ctx;
	struct collab *c = via->c;
	uint8_t address[16];

	bb_log(BB_LOG_INFO, "the dispatcher at %s has left: %s",
	    bb_peer_name(peer), why != NULL ? why : "all is said");
	bb_peer_address(peer, address);
	via_free(via);
	left(c, address);
	stall_again(c);
}

static void
via_drained(void *ctx, struct bb_peer *peer)
{
	struct via *via = ctx;

	(void)peer;
	via->slow = false;
	watch(via);
}

const struct bb_peer_kind via_kind = {
	.name = "line",
	.in_max = 2 * BB_LINE_MAX,
	.out_max = VIA_OUT_MAX,
	.secret = true,
	.input = via_input,
	.ended = via_ended,
	.closed = via_closed,
	.drained = via_drained,
};

/* ---- what goes out ---- */

void
via_send(struct via *via, const void *bytes, size_t len)
{
	struct collab *c = via->c;

	if (via->peer == NULL) {
		if (bb_buf_put(bb_filter_out(c->filter), bytes, len) == 0)
			return;
		bb_log(BB_LOG_ERROR, "unable to pass on %zu bytes: %s", len,
		    "the reader is too slow");
		c->status = BB_EXIT_TEMP;
	} else if (bb_peer_send(via->peer, bytes, len) == -1) {
		via->full = errno != EPIPE;
	} else if (bb_peer_waiting(via->peer) > VIA_OUT_MAX / 2) {
		via->slow = true;
		watch(via);
	}
}

/* Its devices have lost nothing: what they wait for is in the store. */
static void
close_full(struct via *via)
{
	struct collab *c = via->c;
	uint8_t address[16];

	bb_log(BB_LOG_WARN, "closed the dispatcher at %s: it reads too slowly",
	    bb_peer_name(via->peer));
	bb_peer_address(via->peer, address);
	bb_peer_free(via->peer);
	via_free(via);
	left(c, address);
}

void
vias_release(struct collab *c)
{
	struct via *via, *next;
	size_t len;

	for (via = c->vias; via != NULL; via = next) {
		next = via->next;
		if ((len = bb_buf_len(&via->held)) > 0) {
			via_send(via, bb_buf_data(&via->held), len);
			bb_buf_clear(&via->held);
			if (via->peer == NULL)
				bb_filter_flush(c->filter);
		}
		if (via->full && via->peer != NULL)
			close_full(via);
	}
}

void
vias_discard(struct collab *c)
{
	struct via *via;

	for (via = c->vias; via != NULL; via = via->next)
		bb_buf_clear(&via->held);
}

bool
vias_waiting(const struct collab *c)
{
	const struct via *via;

	for (via = c->vias; via != NULL; via = via->next)
		if (via->peer != NULL && bb_peer_waiting(via->peer) > 0)
			return true;
	return false;
}

static bool
is_owed(const struct via *via)
{
	const struct ask *ask;

	for (ask = via->c->asks.first; ask != NULL; ask = ask->next)
		if (ask->via == via)
			return true;
	return via->left;
}

void
vias_finish(struct collab *c)
{
	struct via *via;

	for (via = c->vias; via != NULL; via = via->next)
		if (via->ended && !is_owed(via))
			bb_peer_finish(via->peer, LINGER_MS);
}
