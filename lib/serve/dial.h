/* A connection that is kept: to a next stage named by --to. */
#ifndef BB_SERVE_DIAL_H
#define BB_SERVE_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "serve/loop.h"
#include "serve/work.h"
#include "wire/addr.h"

struct bb_dial;

struct bb_dial_calls {
	/* Connected: the descriptor is the callee's.  */
	void (*up)(void *ctx, struct bb_dial *dial, int fd);
	/* An attempt failed, for a reason in words; another follows. */
	void (*failed)(void *ctx, struct bb_dial *dial, const char *why);
};

/* True for a literal address that is not loopback: it leads to another host,
 * which can be said before it is dialed.  Of a name that is known only of the
 * connection (bb_peer_local). */
bool bb_dial_is_far(const struct bb_addr *addr);
/* Begins in the next turn; resolves names in a worker (work may be NULL for
 * what is no name); every address of a name is tried; 5 s for each attempt;
 * between attempts 0.1, 0.2 .. 10 s with jitter.  NULL with errno.  addr is
 * copied.  A dial may be freed in its callbacks. */
struct bb_dial *bb_dial_new(struct bb_loop *loop, struct bb_work *work,
    const struct bb_addr *addr, const struct bb_dial_calls *calls, void *ctx);
/* The connection that up() gave is gone: begin again, at once when it stood for
 * 5 s or more, else backed off from like one that never did. */
void bb_dial_again(struct bb_dial *dial);
/* Somebody needs it now: a wait for the next attempt ends, when it has lasted
 * 0.1 s at least.  The back-off stays what it was.  Nothing else is disturbed,
 * so that it may be called for each request that cannot be served. */
void bb_dial_hurry(struct bb_dial *dial);
/* The errno of the last attempt that failed: EHOSTUNREACH where a name has no
 * address.  For a callee of failed(). */
int bb_dial_error(const struct bb_dial *dial);
void bb_dial_free(struct bb_dial *dial);

#endif
