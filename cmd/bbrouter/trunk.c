/* Trunks: connections to dispatchers, each of which carries many devices. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "state.h"

#define TO_PORT 3101
#define OUT_MAX (4u << 20)
#define HELLO_MS 5000
#define CHAIN_HELLO_MS 30000 /* a program that we have started ourselves */
#define CLOSE_MS 5000        /* for a device to read what waits for it */
#define LINGER_MS 1000       /* for a dispatcher to see our end */

static const char far[] =
    "a trunk to another host needs TLS, which this version has not";

struct trunk *
trunk_of(struct router *r, uint32_t pin)
{
	const uint8_t bytes[4] = { (uint8_t)(pin >> 24), (uint8_t)(pin >> 16),
		(uint8_t)(pin >> 8), (uint8_t)pin };
	int picked = bb_route_pick(r->targets, r->trunks_len,
	    bb_route_hash(bytes, sizeof(bytes)));

	return picked == -1 ? NULL : &r->trunks[picked];
}

static void
set_full(struct trunk *t, bool full)
{
	if (t->full == full)
		return;
	t->full = full;
	links_each(t->router, link_read, NULL);
}

int
trunk_send(struct trunk *t, const void *bytes, size_t len)
{
	if (t->peer == NULL || bb_peer_send(t->peer, bytes, len) == -1)
		return -1;
	t->frames_up++;
	if (bb_peer_waiting(t->peer) > OUT_MAX / 2)
		set_full(t, true);
	return 0;
}

/* ---- down ---- */

static void
hello_came(struct trunk *t)
{
	bb_peer_deadline(t->peer, 0);
	bb_log(t->complained ? BB_LOG_WARN : BB_LOG_INFO,
	    "dispatcher %s is ready", t->name);
	t->ready = t->tried = true;
	t->complained = false;
	t->router->targets[t->number].healthy = true;
	serve_trunk_changed(t->router);
}

static bool
broken(const struct trunk *t, const char *what)
{
	bb_log(BB_LOG_ERROR, "dispatcher %s %s: the connection is closed",
	    t->name, what);
	return false;
}

/* For a link that is not here: the dispatcher is told so, once for each frame
 * that it sends there. */
static void
unknown_link(struct trunk *t, const struct bb_frame *frame)
{
	uint8_t out[BB_TRUNK_LEN];

	t->router->dropped[DROPPED_UNKNOWN_LINK]++;
	bb_frame_write_link(BB_FRAME_LINK_DOWN, frame->link, frame->pin, 0,
	    out);
	if (trunk_send(t, out, sizeof(out)) == -1)
		bb_log(BB_LOG_INFO, "dispatcher %s is too slow", t->name);
}

static void
pass_down(struct trunk *t, const struct bb_frame *frame, const void *bytes,
    size_t len)
{
	struct link *link = links_find(t->router, (uint32_t)frame->link);

	switch (frame->type) {
	case BB_FRAME_LINK_OK:
		if (link != NULL)
			link_prove(link);
		break;
	case BB_FRAME_LINK_CLOSE:
		if (link != NULL)
			link_finish(link, ENDED_BY_DISPATCHER, CLOSE_MS);
		break;
	default:
		if (link != NULL)
			link_deliver(link, frame, bytes, len);
		else
			unknown_link(t, frame);
		break;
	}
}

/* A whole frame.  False: this is no dispatcher. */
static bool
take(struct trunk *t, const void *bytes, size_t len)
{
	struct router *r = t->router;
	struct bb_frame frame;
	enum bb_frame_fault fault = bb_frame_read_trunk(bytes, len, &frame);
	bool sound = fault == BB_FRAME_SOUND && frame.dir == BB_FRAME_DOWN;
	bool hello = sound && frame.type == BB_FRAME_HELLO;

	t->frames_down++;
	if (!t->ready && !hello)
		return broken(t, "has not begun with HELLO");
	if (t->ready && hello)
		return broken(t, "has said HELLO twice");
	if (hello) {
		hello_came(t);
	} else if (!sound || frame.link >> 32 != r->instance) {
		r->dropped[DROPPED_FROM_TRUNK]++;
		bb_log(BB_LOG_INFO,
		    "dropped a frame of dispatcher %s (%s, %zu bytes, link "
		    "%016" PRIx64 "): it %s",
		    t->name, bb_frame_type_text(frame.type), len, frame.link,
		    fault != BB_FRAME_SOUND ? bb_frame_fault_text(fault)
					    : "is not for a link of ours");
	} else {
		pass_down(t, &frame, bytes, len);
	}
	return true;
}

static bool
trunk_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct trunk *t = ctx;
	size_t len;

	(void)peer;
	for (;;) {
		switch (bb_frame_split(bb_buf_data(in), bb_buf_len(in), &len)) {
		case BB_PARSE_MORE:
			return true;
		case BB_PARSE_BAD:
			return broken(t, "has sent what is no frame");
		case BB_PARSE_OK:
			break;
		}
		if (!take(t, bb_buf_data(in), len))
			return false;
		bb_buf_take(in, len);
	}
}

static void
trunk_drained(void *ctx, struct bb_peer *peer)
{
	(void)peer;
	set_full(ctx, false);
}

/* ---- its beginning and end ---- */

/* Once until it is ready again. */
static void
complain(struct trunk *t, const char *why)
{
	enum bb_log_level level = t->complained ? BB_LOG_DEBUG : BB_LOG_WARN;

	if (!t->router->draining)
		bb_log(level, "dispatcher %s %s: %s", t->name,
		    t->ready ? "has gone" : "cannot be reached", why);
	t->complained = true;
	t->tried = true;
}

static void
trunk_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct trunk *t = ctx;
	struct router *r = t->router;
	bool silent = !t->ready && why != NULL && strcmp(why, "timed out") == 0;

	(void)peer;
	if (silent)
		why = "it has not said HELLO in time";
	if (!r->chained)
		complain(t, why == NULL ? "it was told to go" : why);
	t->peer = NULL;
	t->ready = false;
	r->targets[t->number].healthy = false;
	set_full(t, false);
	if (r->chained)
		serve_chain_gone(r, silent);
	else if (t->dial != NULL)
		bb_dial_again(t->dial);
	serve_trunk_changed(r);
}

static const struct bb_peer_kind trunk_kind = {
	.name = "dispatcher",
	.in_max = BB_FRAME_MAX,
	.out_max = OUT_MAX,
	.input = trunk_input,
	.closed = trunk_closed,
	.drained = trunk_drained,
};

/* Takes the descriptor.  -1: it is none that may carry a trunk. */
static int
connected(struct trunk *t, int fd, int64_t hello_ms)
{
	uint8_t hello[BB_TRUNK_LEN];

	t->peer = bb_peer_new(t->router->loop, fd, fd, &trunk_kind, t);
	if (t->peer == NULL) {
		complain(t, strerror(errno));
		return -1;
	}
	bb_frame_write_hello(BB_FRAME_UP, t->router->instance, hello);
	if (!bb_peer_local(t->peer))
		complain(t, far);
	else if (trunk_send(t, hello, sizeof(hello)) == -1)
		complain(t, strerror(errno));
	else {
		t->connects++;
		bb_peer_deadline(t->peer, hello_ms);
		return 0;
	}
	bb_peer_free(t->peer);
	t->peer = NULL;
	return -1;
}

static void
dial_up(void *ctx, struct bb_dial *dial, int fd)
{
	struct trunk *t = ctx;

	if (connected(t, fd, HELLO_MS) == 0)
		return;
	bb_dial_again(dial);
	serve_trunk_changed(t->router);
}

static void
dial_failed(void *ctx, struct bb_dial *dial, const char *why)
{
	struct trunk *t = ctx;

	(void)dial;
	complain(t, why);
	serve_trunk_changed(t->router);
}

/* NULL: there is one of this name. */
static struct trunk *
add(struct router *r, const char *name)
{
	struct trunk *t = &r->trunks[r->trunks_len];
	uint64_t id = bb_route_hash(name, strlen(name));
	size_t i;

	for (i = 0; i < r->trunks_len; i++)
		if (r->targets[i].id == id)
			return NULL;
	t->router = r;
	t->number = (uint8_t)r->trunks_len;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	r->targets[r->trunks_len++].id = id;
	return t;
}

BB_NORETURN static void
bad_address(const char *text, const char *why)
{
	bb_start_turn_away();
	bb_die(BB_EXIT_USAGE, "unable to use dispatcher %s: %s", text, why);
}

static void
dial(struct router *r, const char *text)
{
	static const struct bb_dial_calls calls = {
		.up = dial_up,
		.failed = dial_failed,
	};
	char name[BB_ADDR_TEXT_MAX];
	struct bb_addr addr;
	const char *why;
	struct trunk *t;

	if (!bb_addr_scan(text, TO_PORT, &addr, &why))
		bad_address(text, why);
	if (addr.kind == BB_ADDR_ANY ||
	    (addr.kind != BB_ADDR_UNIX && addr.port == 0))
		bad_address(text, "it names no host and port");
	if (bb_dial_is_far(&addr))
		bad_address(text, far);
	if ((t = add(r, bb_addr_text(&addr, name))) == NULL)
		bad_address(text, "it is named twice");
	t->dial = bb_dial_new(r->loop, r->work, &addr, &calls, t);
	if (t->dial == NULL)
		bad_address(text, strerror(errno));
}

void
trunks_dial(struct router *r)
{
	size_t i;

	for (i = 0; i < r->options->to.len; i++)
		dial(r, r->options->to.at[i]);
}

void
trunks_hurry(struct router *r)
{
	struct trunk *t;

	for (t = r->trunks; t < r->trunks + r->trunks_len; t++)
		if (t->peer == NULL && t->dial != NULL)
			bb_dial_hurry(t->dial);
}

void
trunk_chained(struct router *r, const char *name)
{
	if (connected(add(r, name), r->chain.fd, CHAIN_HELLO_MS) == -1) {
		bb_start_turn_away();
		bb_die(BB_EXIT_TEMP, "unable to use the next stage");
	}
}

void
trunks_finish(struct router *r)
{
	struct trunk *t;

	for (t = r->trunks; t < r->trunks + r->trunks_len; t++) {
		bb_dial_free(t->dial);
		t->dial = NULL;
		if (t->peer != NULL)
			bb_peer_finish(t->peer, LINGER_MS);
	}
}

void
trunks_free(struct router *r)
{
	struct trunk *t;

	for (t = r->trunks; t < r->trunks + r->trunks_len; t++) {
		bb_dial_free(t->dial);
		bb_peer_free(t->peer);
	}
}

bool
trunks_there(const struct router *r)
{
	size_t i;

	for (i = 0; i < r->trunks_len; i++)
		if (r->trunks[i].peer != NULL)
			return true;
	return false;
}

bool
trunks_ready(const struct router *r)
{
	size_t i;

	for (i = 0; i < r->trunks_len; i++)
		if (r->trunks[i].ready)
			return true;
	return false;
}
