/* What tests of peers share: pairs of every kind, a stage that notes what
 * became of a peer, and what can be waited for. */
#ifndef BB_SERVE_PEERS_H
#define BB_SERVE_PEERS_H

#include "serve/peer.h"
#include "serve_rig.h"

#define BIG (10u << 20)
#define OUT_MAX 200000
#define IN_MAX 1000

/* What a peer is tied to: the far end reads `from` and writes `to`. */
struct ends {
	int in, out, from, to;
};

/* One peer and what became of it. */
struct one {
	struct bb_peer *peer;
	struct bb_peer *victim; /* freed by the first input */
	char in[256];           /* what came, zero-terminated */
	size_t in_len, largest; /* largest: bytes shown at once */
	uint64_t sent, to_send; /* a stream of rig_byte */
	unsigned inputs, ends, closes, drains;
	size_t waiting_max, expected;
	char why[128];   /* of closed(); "-": NULL */
	bool keep;       /* what ended() answers */
	bool refuse;     /* input() answers false */
	bool hold;       /* input() takes one line, then pauses */
	bool meddle;     /* closed() does all that it must not mind */
	const char *ask; /* input() answers with this and finishes */
};

static inline struct ends
unix_ends(void)
{
	int fds[2];

	rig_unix_pair(fds);
	return (struct ends){ fds[0], fds[0], fds[1], fds[1] };
}

static inline struct ends
tcp_ends(void)
{
	int fds[2];

	rig_tcp_pair(fds);
	return (struct ends){ fds[0], fds[0], fds[1], fds[1] };
}

static inline struct ends
pipe_ends(void)
{
	int up[2], down[2];

	RIG_MUST(pipe(up) == 0 && pipe(down) == 0);
	return (struct ends){ up[0], down[1], down[0], up[1] };
}

/* As ksh makes them: a pipeline of socket pairs. */
static inline struct ends
two_pairs(void)
{
	int up[2], down[2];

	rig_unix_pair(up);
	rig_unix_pair(down);
	return (struct ends){ up[0], down[0], down[1], up[1] };
}

static const struct maker {
	const char *name;
	struct ends (*make)(void);
} makers[] = {
	{ "unix socket", unix_ends },
	{ "TCP connection", tcp_ends },
	{ "two pipes", pipe_ends },
	{ "two socket pairs", two_pairs },
};

/* ---- the stage ---- */

static inline void
take_line(struct one *one, struct bb_buf *in, size_t len)
{
	size_t room = sizeof(one->in) - 1 - one->in_len;

	if (room > len)
		room = len;
	memcpy(one->in + one->in_len, bb_buf_data(in), room);
	one->in_len += room;
	bb_buf_take(in, len);
}

static inline bool
input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct one *one = ctx;
	const uint8_t *end;

	one->inputs++;
	if (bb_buf_len(in) > one->largest)
		one->largest = bb_buf_len(in);
	if (one->victim != NULL)
		bb_peer_free(one->victim);
	if (one->victim == peer)
		one->peer = NULL;
	one->victim = NULL;
	while (bb_buf_len(in) > 0 &&
	       (end = memchr(bb_buf_data(in), '\n', bb_buf_len(in))) != NULL) {
		take_line(one, in, (size_t)(end - bb_buf_data(in)) + 1);
		if (one->hold) {
			bb_peer_pause(peer, true);
			break;
		}
	}
	if (one->ask != NULL) {
		TAP_EQ_INT(bb_peer_send(peer, one->ask, strlen(one->ask)), 0,
		    "input can send");
		bb_peer_finish(peer, 5000);
	}
	return !one->refuse;
}

static inline bool
ended(void *ctx, struct bb_peer *peer)
{
	struct one *one = ctx;

	(void)peer;
	one->ends++;
	return one->keep;
}

static inline void
closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct one *one = ctx;

	one->closes++;
	(void)snprintf(one->why, sizeof(one->why), "%s", why ? why : "-");
	one->peer = NULL;
	if (!one->meddle)
		return;
	TAP_EQ_INT(bb_peer_send(peer, "x", 1), -1, "closed() cannot send");
	TAP_EQ_INT(errno, EPIPE, "(EPIPE)");
	bb_peers_flush();
	bb_peer_pause(peer, true);
	bb_peer_pause(peer, false);
	bb_peer_deadline(peer, 1);
	bb_peer_finish(peer, 1);
	bb_peer_free(peer);
}

static inline void
fill(struct one *one)
{
	uint8_t bytes[10007];
	size_t i, len;

	while (one->peer != NULL && one->sent < one->to_send) {
		len = sizeof(bytes);
		if (len > one->to_send - one->sent)
			len = (size_t)(one->to_send - one->sent);
		for (i = 0; i < len; i++)
			bytes[i] = rig_byte(one->sent + i);
		if (bb_peer_send(one->peer, bytes, len) == -1)
			return;
		one->sent += len;
		if (bb_peer_waiting(one->peer) > one->waiting_max)
			one->waiting_max = bb_peer_waiting(one->peer);
	}
}

static inline void
drained(void *ctx, struct bb_peer *peer)
{
	struct one *one = ctx;

	(void)peer;
	one->drains++;
	fill(one);
}

static const struct bb_peer_kind plain = {
	.name = "plain",
	.in_max = IN_MAX,
	.out_max = OUT_MAX,
	.input = input,
	.ended = ended,
	.closed = closed,
	.drained = drained,
};

static inline void
open_one(struct one *one, struct rig *rig, const struct ends *e)
{
	memset(one, 0, sizeof(*one));
	one->peer = bb_peer_new(rig->loop, e->in, e->out, &plain, one);
	RIG_MUST(one->peer != NULL);
}

static inline void
close_far(const struct ends *e)
{
	(void)close(e->to);
	if (e->from != e->to)
		(void)close(e->from);
}

/* ---- what tests wait for ---- */

static inline bool
is_closed(void *ctx)
{
	const struct one *one = ctx;

	return one->closes > 0;
}

static inline bool
has_input(void *ctx)
{
	const struct one *one = ctx;

	return one->inputs > 0;
}

static inline bool
has_ended(void *ctx)
{
	const struct one *one = ctx;

	return one->ends > 0;
}

static inline bool
has_drained(void *ctx)
{
	const struct one *one = ctx;

	return one->drains > 0;
}

static inline bool
all_have(void *ctx)
{
	const struct one *one = ctx;

	return one->inputs >= one->expected;
}

static inline bool
has_all(void *ctx)
{
	const struct far *far = ctx;

	return far->got >= BIG || far->ended;
}

#endif
