/* Looking up the addresses of a name, in a worker.  Private to lib/serve. */
#ifndef BB_SERVE_LOOKUP_H
#define BB_SERVE_LOOKUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cc.h"
#include "serve/work.h"

#define BB_PLACES_MAX 8 /* addresses of one name */

struct bb_place {
	struct sockaddr_storage at;
	socklen_t len;
};

struct bb_lookup;

/* The address that a host is literally, without asking anybody: 1, or 0 when it
 * is a name. */
size_t bb_lookup_literal(const char *host, uint16_t port,
    struct bb_place *place);
/* Calls told from the loop, with 0 places and a reason in words when there are
 * none.  NULL with errno. */
struct bb_lookup *bb_lookup_start(struct bb_work *work, const char *host,
    uint16_t port,
    void (*told)(void *ctx, const struct bb_place *places, size_t count,
	const char *why),
    void *ctx);
/* told is not called any more; the look-up ends by itself, or with the workers.
 */
void bb_lookup_forget(struct bb_lookup *lookup);

#endif
