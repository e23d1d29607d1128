/* Counts per address in a hash table with chains; a row exists while its count
 * is above 0. */
#include "serve/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/sys.h"

#define BUCKETS 4096

struct row {
	struct row *next;
	uint8_t address[16];
	int64_t count;
};

struct bb_tally {
	int64_t per_address, in_all;
	size_t count;
	uint64_t seed; /* nobody can choose addresses of one bucket */
	struct row *rows[BUCKETS];
};

static const uint8_t nowhere[16];

static struct row **
bucket(struct bb_tally *t, const uint8_t address[16])
{
	uint64_t h = t->seed;
	size_t i;

	for (i = 0; i < 16; i++)
		h = (h ^ address[i]) * 0x100000001b3u;
	h ^= h >> 29;
	return &t->rows[h % BUCKETS];
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
	struct row **at, *row;

	if (t->in_all > 0 && t->count >= (size_t)t->in_all)
		return false;
	if (t->per_address == 0 || memcmp(address, nowhere, 16) == 0) {
		t->count++;
		return true;
	}
	for (at = bucket(t, address); (row = *at) != NULL; at = &row->next)
		if (memcmp(row->address, address, 16) == 0)
			break;
	if (row == NULL) {
		if ((row = calloc(1, sizeof(*row))) == NULL)
			return false;
		memcpy(row->address, address, 16);
		*at = row;
	}
	if (row->count >= t->per_address)
		return false;
	row->count++;
	t->count++;
	return true;
}

void
bb_tally_remove(struct bb_tally *t, const uint8_t address[16])
{
	struct row **at, *row;

	t->count--;
	for (at = bucket(t, address); (row = *at) != NULL; at = &row->next)
		if (memcmp(row->address, address, 16) == 0) {
			if (--row->count == 0) {
				*at = row->next;
				free(row);
			}
			return;
		}
}

size_t
bb_tally_count(const struct bb_tally *t)
{
	return t->count;
}
