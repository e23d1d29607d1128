/* Which of several next stages takes a key (a PIN, a user): rendezvous hashing
 * over those that are healthy, so that one that fails moves only its own keys
 * and gets them back when it returns.  PURE. */
#ifndef BB_FLOW_ROUTE_H
#define BB_FLOW_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bb_route_target {
	uint64_t id; /* stable: hash of its address's text */
	bool healthy;
};

/* A 64-bit hash, the same in every process and on every host. */
uint64_t bb_route_hash(const void *bytes, size_t len);
/* The index of the target that takes the key, or -1 when none is healthy. */
int bb_route_pick(const struct bb_route_target *targets, size_t len,
    uint64_t key);

#endif
