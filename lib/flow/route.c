/* Rendezvous hashing: each target scores the key, the highest healthy one takes
 * it.  FNV-1a for texts, a finalizer of the murmur kind to mix the pairs. */
#include "flow/route.h"

#include "base/cc.h"

#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t
mix(uint64_t v)
{
	v ^= v >> 33;
	v *= 0xff51afd7ed558ccdu;
	v ^= v >> 33;
	v *= 0xc4ceb9fe1a85ec53u;
	v ^= v >> 33;
	return v;
}

uint64_t
bb_route_hash(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = FNV_OFFSET;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * FNV_PRIME;
	return mix(h);
}

int
bb_route_pick(const struct bb_route_target *targets, size_t len, uint64_t key)
{
	uint64_t score, best = 0;
	int picked = -1;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!targets[i].healthy)
			continue;
		score = mix(targets[i].id ^ mix(key));
		if (picked == -1 || score > best) {
			picked = (int)i;
			best = score;
		}
	}
	return picked;
}
