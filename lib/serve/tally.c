/* Counts per address in a hash table with chains; a row exists while its count
 * is above 0. */
#include "serve/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/sys.h"

#define BUCKETS 4096
#define KEY 16

struct row {
	struct row *next;
	uint8_t key[KEY];
	int64_t count;
};

struct bb_tally {
	int64_t per_address, in_all;
	size_t count;
	uint64_t seed; /* nobody can choose addresses of one bucket */
	struct row *rows[BUCKETS];
};

/* What counts as one address; false: nothing that has a limit of its own. */
static bool
key_of(const struct bb_tally *t, const uint8_t address[16], uint8_t key[KEY])
{
	static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nowhere[16];

	if (t->per_address == 0 || memcmp(address, nowhere, 16) == 0)
		return false;
	memcpy(key, address, KEY);
	/* ::1 is not of a network. */
	if (memcmp(address, v4_prefix, sizeof(v4_prefix)) != 0 &&
	    memcmp(address, nowhere, 15) != 0)
		memset(key + 8, 0, 8);
	return true;
}

/* FNV-1a begun with a secret, then its high bits folded in. */
static struct row **
find(struct bb_tally *t, const uint8_t key[KEY])
{
	uint64_t h = t->seed;
	struct row **at;
	size_t i;

	for (i = 0; i < KEY; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	h ^= h >> 29;
	for (at = &t->rows[h % BUCKETS]; *at != NULL; at = &(*at)->next)
		if (memcmp((*at)->key, key, KEY) == 0)
			break;
	return at;
}

struct bb_tally *
bb_tally_new(int64_t per_address, int64_t in_all)
{
	struct bb_tally *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	t->per_address = per_address;
	t->in_all = in_all;
	bb_random(&t->seed, sizeof(t->seed));
	return t;
}

void
bb_tally_free(struct bb_tally *t)
{
	struct row *row;
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < BUCKETS; i++)
		while ((row = t->rows[i]) != NULL) {
			t->rows[i] = row->next;
			free(row);
		}
	free(t);
}

bool
bb_tally_add(struct bb_tally *t, const uint8_t address[16])
{
	uint8_t key[KEY];
	struct row **at;

	if (t->in_all > 0 && t->count >= (size_t)t->in_all)
		return false;
	if (key_of(t, address, key)) {
		at = find(t, key);
		if (*at == NULL) {
			if ((*at = calloc(1, sizeof(**at))) == NULL)
				return false;
			memcpy((*at)->key, key, KEY);
		}
		if ((*at)->count >= t->per_address)
			return false;
		(*at)->count++;
	}
	t->count++;
	return true;
}

void
bb_tally_remove(struct bb_tally *t, const uint8_t address[16])
{
	uint8_t key[KEY];
	struct row **at, *row;

	if (key_of(t, address, key)) {
		at = find(t, key);
		if ((row = *at) == NULL)
			return;
		if (--row->count == 0) {
			*at = row->next;
			free(row);
		}
	}
	if (t->count > 0)
		t->count--;
}

size_t
bb_tally_count(const struct bb_tally *t)
{
	return t->count;
}
