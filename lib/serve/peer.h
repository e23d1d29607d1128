/* A peer: one connection with bounded queues, a deadline, and writes gathered
 * to one per turn.  Costs little while idle: no buffer stays allocated.
 *
 * A peer may have two descriptors (pipes) or one (socket).  It owns them. */
#ifndef BB_SERVE_PEER_H
#define BB_SERVE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "serve/loop.h"

struct bb_peer;

/* Shared by all peers of one kind; lives as long as they do. */
struct bb_peer_kind {
	const char *name; /* "device", "trunk", "line": for logs */
	size_t in_max;    /* bytes of an incomplete frame or line */
	size_t out_max;   /* bytes that wait to be written; a peer that
			   * is slower than that is closed */
	bool secret;      /* its buffers are wiped */
	/* Bytes have come.  Takes what it can use from `in` (bytes left must be
	 * the beginning of something shorter than in_max).  False: close; the
	 * reason was logged. */
	bool (*input)(void *ctx, struct bb_peer *peer, struct bb_buf *in);
	/* The peer sent its end (half-close).  True: keep the other direction
	 * until bb_peer_finish; false: close. */
	bool (*ended)(void *ctx, struct bb_peer *peer);
	/* The peer is gone, for a reason in words; called exactly once unless
	 * the owner called bb_peer_free.  The peer is freed after it. */
	void (*closed)(void *ctx, struct bb_peer *peer, const char *why);
	/* The output queue, which had been over half, is empty again; or NULL.
	 */
	void (*drained)(void *ctx, struct bb_peer *peer);
};

/* Takes the descriptors, also when it fails (NULL with errno).  O_NONBLOCK is
 * never set: inherited pipes and terminals are shared with others. */
struct bb_peer *bb_peer_new(struct bb_loop *loop, int in, int out,
    const struct bb_peer_kind *kind, void *ctx);
/* Writes what peers have gathered in this turn; the server calls it at each
 * turn's end, after the stage's own. */
void bb_peers_flush(void);
/* Appends to the output; it is written by the next bb_peers_flush.  0, or -1
 * with ENOBUFS (out_max: the caller decides), ENOMEM. */
int bb_peer_send(struct bb_peer *peer, const void *bytes, size_t len)
    BB_NODISCARD;
size_t bb_peer_waiting(const struct bb_peer *peer);
/* Stops and goes on reading: for when the destination is full. */
void bb_peer_pause(struct bb_peer *peer, bool paused);
/* Closed with "timed out" unless called again within ms; 0: no deadline. */
void bb_peer_deadline(struct bb_peer *peer, int64_t ms);
/* Writes what waits, then closes (closed is called with NULL why); at most
 * linger_ms. */
void bb_peer_finish(struct bb_peer *peer, int64_t linger_ms);
/* At once, without calling closed.  NULL is legal. */
void bb_peer_free(struct bb_peer *peer);
/* Where it comes from: "127.0.0.1:40312", "unix", "pipe".  Static buffer. */
const char *bb_peer_name(const struct bb_peer *peer);
/* The address without port, for limits per address: 16 bytes, IPv4 mapped;
 * zeros for unix and pipes. */
void bb_peer_address(const struct bb_peer *peer, uint8_t out[16]);
/* Unix socket, pipe, socketpair, or loopback at both ends (v4-mapped
 * unmapped): what may carry trunks and lines in the clear. */
bool bb_peer_local(const struct bb_peer *peer);
void *bb_peer_ctx(const struct bb_peer *peer);
void bb_peer_set_ctx(struct bb_peer *peer, void *ctx);

#endif
