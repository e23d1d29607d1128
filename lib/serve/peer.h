/* A peer: one connection with bounded queues, a deadline, and writes gathered
 * to one per turn.  Costs little while idle: about 300 bytes, its place in the
 * event loop included; no buffer and no timer stays allocated.
 *
 * A peer may have two descriptors (pipes) or one (socket).  It owns them.
 *
 * Callbacks come from the loop and from bb_peers_flush, never from within the
 * other functions here; a peer may be freed in any callback, its own too. */
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
	/* Bytes have come, or the peer was paused and is not any more.  Takes
	 * what it can use from `in`; bytes left must be the beginning of
	 * something not longer than in_max, or the peer is closed.  But a stage
	 * that has paused the peer may leave whole things: it is shown them
	 * again.  False: close at once, what waits to be written is lost; the
	 * reason was logged. */
	bool (*input)(void *ctx, struct bb_peer *peer, struct bb_buf *in);
	/* The peer sent its end (half-close).  True: keep the other direction
	 * until bb_peer_finish (set a deadline: a peer that has left altogether
	 * is noticed only by writing); false: close at once.  NULL: close. */
	bool (*ended)(void *ctx, struct bb_peer *peer);
	/* The peer is gone, for a reason in words; called exactly once unless
	 * the owner called bb_peer_free.  The peer is freed after it. */
	void (*closed)(void *ctx, struct bb_peer *peer, const char *why);
	/* The output queue is empty again after it had been over half, or had
	 * refused something; or NULL. */
	void (*drained)(void *ctx, struct bb_peer *peer);
};

/* Takes the descriptors, also when it fails (NULL with errno).  O_NONBLOCK is
 * never set: inherited pipes and terminals are shared with others. */
struct bb_peer *bb_peer_new(struct bb_loop *loop, int in, int out,
    const struct bb_peer_kind *kind, void *ctx);
/* Writes what peers have gathered in this turn; the server calls it at each
 * turn's end, after the stage's own.  Not from a callback of a peer. */
void bb_peers_flush(void);
/* Appends to the output; it is written by the next bb_peers_flush.  0, or -1
 * with ENOBUFS (out_max: the caller decides; drained follows unless `len` alone
 * is over out_max), ENOMEM, EPIPE (it is finishing or has left; closed follows
 * or was called).  Nothing was appended then. */
int bb_peer_send(struct bb_peer *peer, const void *bytes, size_t len)
    BB_NODISCARD;
size_t bb_peer_waiting(const struct bb_peer *peer);
/* It has not taken all that was written to it before. */
bool bb_peer_is_slow(const struct bb_peer *peer);
/* Bytes that all peers of this process hold: read and left, or to be written.
 */
size_t bb_peers_held(void);
/* Stops and goes on reading: for when the destination is full. */
void bb_peer_pause(struct bb_peer *peer, bool paused);
/* Closed with "timed out" unless called again within ms; 0: no deadline. */
void bb_peer_deadline(struct bb_peer *peer, int64_t ms);
/* Writes what waits, sends our end, and closes when the peer's end has come,
 * at most linger_ms later (closed is called with NULL why): closing a TCP
 * connection earlier could destroy what was just written.  Its input is thrown
 * away from now on. */
void bb_peer_finish(struct bb_peer *peer, int64_t linger_ms);
/* At once, without calling closed.  NULL is legal. */
void bb_peer_free(struct bb_peer *peer);
/* Where it comes from: "127.0.0.1:40312", "unix", "pipe".  Static buffer. */
const char *bb_peer_name(const struct bb_peer *peer);
/* The address without port, for limits per address: 16 bytes, IPv4 mapped;
 * zeros for unix and pipes.  It stays what it was at the beginning. */
void bb_peer_address(const struct bb_peer *peer, uint8_t out[16]);
/* Unix socket, pipe, socketpair, or loopback at both ends (v4-mapped
 * unmapped): what may carry trunks and lines in the clear. */
bool bb_peer_local(const struct bb_peer *peer);
void *bb_peer_ctx(const struct bb_peer *peer);
void bb_peer_set_ctx(struct bb_peer *peer, void *ctx);

#endif
