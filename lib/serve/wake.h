/* Wake-ups between processes that share a store: one datagram says "look now",
 * so that nobody has to ask the store all the time.  Nothing depends on it: who
 * is not woken finds out at the next tick.
 *
 * Each process has one socket beside the store, named after its owner id:
 * STORE-wake.OWNER, mode 0600. */
#ifndef BB_SERVE_WAKE_H
#define BB_SERVE_WAKE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"
#include "serve/loop.h"

#define BB_WAKE_PINS 64 /* of one datagram; more are "all" */

struct bb_wake;

/* Makes the socket of `owner` beside the store, and removes those that dead
 * processes left there.  woken is called with the PINs concerned, 0 of them:
 * all.  NULL with errno: ENAMETOOLONG where the path does not fit into a socket
 * address. */
struct bb_wake *bb_wake_new(struct bb_loop *loop, const char *store,
    int64_t owner, void (*woken)(void *ctx, const uint32_t pins[], size_t len),
    void *ctx);
/* Closes and removes the socket.  NULL is legal. */
void bb_wake_free(struct bb_wake *wake);
/* Wakes the process of `owner`, if there is one; more PINs than fit are said as
 * "all".  Never blocks.  0, or -1 with errno, which needs no handling: ENOENT
 * and ECONNREFUSED when nobody is there (what he left is removed), EAGAIN when
 * he has as much to read as he may have. */
int bb_wake_send(const char *store, int64_t owner, const uint32_t pins[],
    size_t len);

#endif
