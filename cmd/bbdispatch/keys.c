/* Expanded keys of devices that are talking just now.  The base key is read for
 * each frame all the same: an entry counts only while it is of that very base,
 * and is wiped when it was not used for a minute, so that a key which has
 * rolled away does not stay here.
 *
 * Expanding takes a third of what it costs to open a short message. */
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/secret.h"
#include "dispatch.h"
#include "seal/keys.h"

#define SETS 512u /* a power of two */
#define WAYS 8u
#define UNUSED_MS 60000

struct entry {
	struct bb_keys keys;
	uint8_t base[BB_BASE_LEN];
	uint32_t pin;
	int64_t used_ms; /* 0: a free place */
};

struct key_cache {
	struct entry at[SETS * WAYS];
	size_t count;
};

struct key_cache *
key_cache_new(void)
{
	return calloc(1, sizeof(struct key_cache));
}

void
key_cache_free(struct key_cache *cache)
{
	if (cache == NULL)
		return;
	bb_wipe(cache, sizeof(*cache));
	free(cache);
}

static void
entry_clear(struct key_cache *cache, struct entry *at)
{
	if (at->used_ms == 0)
		return;
	bb_wipe(at, sizeof(*at));
	cache->count--;
}

size_t
key_cache_count(const struct key_cache *cache)
{
	return cache == NULL ? 0 : cache->count;
}

void
key_cache_sweep(struct key_cache *cache)
{
	int64_t now_ms = bb_clock_ms();
	size_t i;

	for (i = 0; i < SETS * WAYS; i++)
		if (now_ms - cache->at[i].used_ms >= UNUSED_MS)
			entry_clear(cache, &cache->at[i]);
}

/* Kids are as good as random. */
static struct entry *
set_of(struct key_cache *cache, const uint8_t kid[BB_KID_LEN])
{
	return &cache->at[((kid[0] | (unsigned)kid[1] << 8) & (SETS - 1)) *
			  WAYS];
}

/* The entry, or NULL; then *place is where it is to go. */
static struct entry *
find(struct key_cache *cache, const struct bb_devkey *key, struct entry **place)
{
	struct entry *set = set_of(cache, key->kid), *at;

	*place = set;
	for (at = set; at < set + WAYS; at++) {
		if (at->used_ms != 0 && at->pin == key->pin &&
		    bb_equal_ct(at->base, key->base, BB_BASE_LEN))
			return at;
		if (at->used_ms < (*place)->used_ms)
			*place = at;
	}
	return NULL;
}

int
keys_expand(struct dispatch *d, const struct bb_devkey *key,
    struct bb_keys *out)
{
	struct entry *at, *place;

	if (d->cache == NULL)
		return bb_keys_expand(key->base, key->pin, out);
	at = find(d->cache, key, &place);
	if (at != NULL) {
		at->used_ms = bb_clock_ms();
		*out = at->keys;
		d->counts.recalled++;
		return 0;
	}
	if (bb_keys_expand(key->base, key->pin, out) == -1)
		return -1;
	entry_clear(d->cache, place);
	*place = (struct entry){ .keys = *out,
		.pin = key->pin,
		.used_ms = bb_clock_ms() };
	memcpy(place->base, key->base, BB_BASE_LEN);
	d->cache->count++;
	d->counts.expanded++;
	return 0;
}
