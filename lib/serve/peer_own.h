/* What a peer is.  Private to peer.c and peer_out.c. */
#ifndef BB_SERVE_PEER_OWN_H
#define BB_SERVE_PEER_OWN_H

#include "serve/address.h"
#include "serve/peer.h"

/* Kept small: there is one for each idle device. */
struct bb_peer {
	struct bb_peer *next_dirty;
	struct bb_loop *loop;
	struct bb_io *io_in, *io_out; /* the same where the descriptor is */
	struct bb_timer *timer;       /* deadline or linger; NULL: none */
	const struct bb_peer_kind *kind;
	void *ctx;
	struct bb_buf *rest; /* what input left; NULL: nothing */
	struct bb_buf *out;  /* what waits to be written; NULL: nothing */
	int in_fd, out_fd;
	struct bb_address address;
	uint8_t depth; /* entries under way: freed by the last one */
	bool one : 1;  /* both descriptors are one connection */
	bool in_socket : 1, out_socket : 1;
	bool dirty : 1; /* in the list of bb_peers_flush */
	bool paused : 1;
	bool again : 1; /* rest is to be offered again */
	bool in_ended : 1;
	bool blocked : 1; /* waits until it can be written */
	bool owed : 1;    /* drained() is owed */
	bool deaf : 1;    /* it takes nothing any more */
	bool finishing : 1;
	bool said_end : 1; /* and our end was sent */
	bool broken : 1;   /* no memory to watch it: closed by the next flush */
	bool dead : 1;     /* closed() was called, or it was freed */
};

/* Every callback runs between these two; the second may free the peer. */
void bb_peer_enter(struct bb_peer *p);
void bb_peer_leave(struct bb_peer *p);
/* Calls closed(), once.  NULL: as the owner wished. */
void bb_peer_gone(struct bb_peer *p, const char *why);
/* Asks the loop for what this peer now waits for. */
void bb_peer_want(struct bb_peer *p);
/* Shows the rest to the stage again, if that is due. */
void bb_peer_offer(struct bb_peer *p);
/* True while a callback of input() is under way. */
bool bb_peer_reading(void);

/* peer_out.c */
void bb_peer_mark(struct bb_peer *p);
void bb_peer_unmark(struct bb_peer *p);
/* Writes what waits, as far as it can be without waiting. */
void bb_peer_write(struct bb_peer *p);
/* Frees a buffer and what it holds. */
void bb_peer_drop(struct bb_buf **buf);
/* Appends; makes the buffer.  0, or -1 with ENOBUFS or ENOMEM. */
int bb_peer_put(struct bb_buf **buf, size_t max, bool secret, const void *bytes,
    size_t len);

#endif
