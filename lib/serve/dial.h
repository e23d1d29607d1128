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
/* Begins at once; resolves names in a worker; every address of a name is tried;
 * 5 s for each attempt; between attempts 0.1, 0.2 .. 10 s with jitter.  NULL
 * with errno.  addr is copied. */
struct bb_dial *bb_dial_new(struct bb_loop *loop, struct bb_work *work,
    const struct bb_addr *addr, const struct bb_dial_calls *calls, void *ctx);
/* The connection that up() gave is gone: begin again (the first time at once).
 */
void bb_dial_again(struct bb_dial *dial);
/* The errno of the last attempt that failed: EHOSTUNREACH where a name has no
 * address.  For a callee of failed(). */
int bb_dial_error(const struct bb_dial *dial);
/* Not from failed(). */
void bb_dial_free(struct bb_dial *dial);

#endif
