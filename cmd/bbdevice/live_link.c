/* Owns the connection to the gateway: which address, which attempt. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/sys.h"
#include "bbdevice.h"
#include "live.h"

#include "base/cc.h"

/* What matters was answered before we leave: the rest may get lost. */
#define LINGER_MS 250
#define COMMAND_MS 2000    /* its last words */
#define RETRY_FIRST_MS 100 /* with --retry, before the first session */
#define RETRY_MAX_MS 1000

static void
release_dial(struct live *l)
{
	bb_dial_free(l->dial);
	l->dial = NULL;
	l->connects = false;
}

/* --- frames --------------------------------------------------------------- */

static void
take_bytes(struct live *l, const void *bytes, size_t len)
{
	struct bb_frame frame;
	enum bb_frame_fault fault = bb_frame_read(bytes, len, &frame);

	if (fault == BB_FRAME_SOUND && frame.dir != BB_FRAME_DOWN)
		fault = BB_FRAME_BAD_DIRECTION;
	if (fault != BB_FRAME_SOUND) {
		bb_log(BB_LOG_WARN, "a frame dropped: it %s",
		    bb_frame_fault_text(fault));
		return;
	}
	if (frame.pin != l->p.pin) {
		bb_log(BB_LOG_WARN, "a frame dropped: it is for another PIN");
		return;
	}
	attach_took(l, &frame);
}

static bool
/* cppcheck-suppress constParameter ; the type of a callback */
link_input(void *live, struct bb_peer *peer, struct bb_buf *in)
{
	struct live *l = live;
	enum bb_parse parsed;
	size_t len;

	/* A frame may make us drop the link, or end. */
	while (l->peer == peer && !l->ending) {
		parsed = bb_frame_split(bb_buf_data(in), bb_buf_len(in), &len);
		if (parsed == BB_PARSE_MORE)
			return true;
		if (parsed == BB_PARSE_BAD) {
			l->peer = NULL;
			attach_lost(l, EXIT_ROUTER_PROTOCOL,
			    "what came is no frame");
			return false;
		}
		take_bytes(l, bb_buf_data(in), len);
		bb_buf_take(in, len);
	}
	bb_buf_cut(in, 0);
	return true;
}

static void
/* cppcheck-suppress constParameter ; the type of a callback */
link_closed(void *live, struct bb_peer *peer, const char *why)
{
	struct live *l = live;
	char text[WHY_MAX];

	if (l->leaving == peer)
		l->leaving = NULL;
	if (l->peer == peer)
		l->peer = NULL;
	else if (!l->ending)
		return;
	if (l->ending) {
		link_over(l);
		return;
	}
	(void)snprintf(text, sizeof(text), "the gateway dropped the link%s%s",
	    why == NULL ? "" : ": ", why == NULL ? "" : why);
	attach_lost(l, EXIT_ROUTER_DROPPED, text);
}

static const struct bb_peer_kind kind = {
	.name = "gateway",
	.in_max = BB_FRAME_MAX,
	.out_max = 4u << 20,
	.input = link_input,
	.closed = link_closed,
};

static void
link_begin(struct live *l, int fd)
{
	l->peer = bb_peer_new(l->loop, fd, fd, &kind, l);
	if (l->peer == NULL) {
		link_later(l, bb_errno_exit(errno), strerror(errno));
		return;
	}
	attach_begin(l);
}

/* --- dialing -------------------------------------------------------------- */

static void
dial_up(void *live, struct bb_dial *dial, int fd)
{
	struct live *l = live;

	(void)dial;
	release_dial(l);
	l->via_next = 0;
	link_begin(l, fd);
}

static int
status_of_dial(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case EACCES:
	case EPERM:
		return EXIT_ROUTER_REFUSED;
	case ETIMEDOUT:
		return EXIT_ROUTER_TIMEOUT;
	default:
		return EXIT_ROUTER_UNREACHABLE;
	}
}

static void dial_next(struct live *l);

static void
dial_failed(void *live, struct bb_dial *dial, const char *why)
{
	struct live *l = live;
	char text[BB_ADDR_TEXT_MAX + WHY_MAX], addr[BB_ADDR_TEXT_MAX];
	int status = status_of_dial(bb_dial_error(dial));

	(void)snprintf(text, sizeof(text), "unable to connect to %s: %s",
	    bb_addr_text(&l->via[l->via_next - 1], addr), why);
	release_dial(l);
	if (l->via_next < l->via_len) {
		bb_log(BB_LOG_INFO, "%s", text);
		dial_next(l);
		return;
	}
	l->via_next = 0;
	link_later(l, status, text);
}

static void
dial_next(struct live *l)
{
	static const struct bb_dial_calls calls = { dial_up, dial_failed };

	l->dial =
	    bb_dial_new(l->loop, l->work, &l->via[l->via_next++], &calls, l);
	if (l->dial == NULL)
		bb_die_sys("unable to connect");
	l->connects = true;
}

void
link_want(struct live *l)
{
	int fd = l->chain.fd;

	if (l->peer != NULL || l->connects || !l->covered || l->ending)
		return;
	bb_timer_cancel(l->again);
	if (!l->chained) {
		dial_next(l);
		return;
	}
	l->chain.fd = -1;
	if (fd == -1)
		live_end(l, EXIT_ROUTER_DROPPED, "the command has ended");
	else
		link_begin(l, fd);
}

void
link_drop(struct live *l)
{
	struct bb_peer *peer = l->peer;

	l->peer = NULL;
	bb_peer_free(peer);
	bb_timer_cancel(l->again);
	if (l->connects)
		release_dial(l);
	l->via_next = 0;
}

void
link_leave(struct live *l)
{
	bb_peer_free(l->leaving);
	l->leaving = l->peer;
	l->peer = NULL;
	if (l->leaving != NULL)
		bb_peer_finish(l->leaving, LINGER_MS);
	(void)profile_step(&l->p, BB_DE_LINK_LOST);
	bb_timer_cancel(l->answer);
	link_drop(l);
}

void
link_over(struct live *l)
{
	if (l->peer != NULL || l->leaving != NULL)
		return;
	if (l->chained && l->chain_runs)
		live_timer(l->again, COMMAND_MS);
	else
		bb_loop_stop(l->loop);
}

void
link_finish(struct live *l)
{
	if (l->connects)
		release_dial(l);
	bb_timer_cancel(l->again);
	if (l->peer != NULL)
		bb_peer_finish(l->peer, LINGER_MS);
	link_over(l);
}

static int64_t
retry_ms(const struct live *l)
{
	int64_t ms = RETRY_FIRST_MS;
	unsigned i;

	for (i = 1; i < l->failures && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

void
link_later(struct live *l, int status, const char *why)
{
	uint32_t chance;
	int64_t ms;

	if (l->ending)
		return;
	link_drop(l);
	l->failures++;
	if (!l->was_open && bb_clock_ms() >= l->retry_until_ms) {
		live_end(l, status, why);
		return;
	}
	if (l->chained) {
		live_end(l, status, why);
		return;
	}
	bb_random(&chance, sizeof(chance));
	ms =
	    l->was_open ? bb_live_backoff_ms(l->failures, chance) : retry_ms(l);
	bb_log(l->was_open ? BB_LOG_WARN : BB_LOG_INFO,
	    "%s; the next attempt in %lld ms", why, (long long)ms);
	live_timer(l->again, ms);
}
