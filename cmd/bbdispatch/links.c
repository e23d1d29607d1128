/* Which link is on which connection, and what is known of the links of trunks:
 * that is little, and forgotten when there are too many. */
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "server.h"

#define BUCKETS 16384u /* powers of two */
#define SETS 2048u
#define WAYS 8u

int
links_init(struct serve *s)
{
	s->buckets = calloc(BUCKETS, sizeof(struct below *));
	s->trunk_links = calloc((size_t)SETS * WAYS, sizeof(*s->trunk_links));
	return s->buckets == NULL || s->trunk_links == NULL ? -1 : 0;
}

void
links_free(struct serve *s)
{
	free(s->buckets);
	free(s->trunk_links);
}

static struct below **
bucket(const struct serve *s, uint32_t id)
{
	return &s->buckets[id & (BUCKETS - 1)];
}

static struct below *
device(const struct serve *s, uint32_t id)
{
	struct below *b = *bucket(s, id);

	while (b != NULL && b->id != id)
		b = b->same;
	return b;
}

/* Ids are given in turn, so that the one of a link that is gone is not given
 * again soon. */
void
links_add_device(struct serve *s, struct below *b)
{
	do {
		s->last_id++;
	} while (s->last_id == 0 || device(s, s->last_id) != NULL);
	b->instance = s->instance;
	b->id = s->last_id;
	b->same = *bucket(s, b->id);
	*bucket(s, b->id) = b;
	s->devices_len++;
}

void
links_remove_device(struct serve *s, struct below *b)
{
	struct below **at = bucket(s, b->id);

	while (*at != b)
		at = &(*at)->same;
	*at = b->same;
	s->devices_len--;
}

/* Routers are few. */
void
links_add_trunk(struct serve *s, struct below *b)
{
	b->same = s->trunks;
	s->trunks = b;
	s->trunks_len++;
}

void
links_remove_trunk(struct serve *s, struct below *b)
{
	struct below **at = &s->trunks;

	while (*at != b)
		at = &(*at)->same;
	*at = b->same;
	s->trunks_len--;
}

struct below *
links_trunk(const struct serve *s, uint32_t instance)
{
	struct below *b = s->trunks;

	while (b != NULL && b->instance != instance)
		b = b->same;
	return b;
}

struct below *
links_find(const struct serve *s, uint64_t link, uint32_t pin)
{
	uint32_t instance = (uint32_t)(link >> 32);
	struct below *b;

	if (instance != s->instance)
		return links_trunk(s, instance);
	b = device(s, (uint32_t)link);
	return b != NULL && b->has_pin && b->pin == pin ? b : NULL;
}

static struct trunk_link *
set_of(const struct serve *s, uint64_t link)
{
	uint64_t h = (link ^ link >> 32) * 0x9e3779b97f4a7c15u;

	return &s->trunk_links[(h >> 40 & (SETS - 1)) * WAYS];
}

struct trunk_link *
links_known(struct serve *s, uint64_t link)
{
	struct trunk_link *set = set_of(s, link), *at = set;
	size_t i;

	s->looks++;
	for (i = 0; i < WAYS; i++) {
		if (set[i].link == link) {
			set[i].used = s->looks;
			return &set[i];
		}
		if (set[i].used < at->used)
			at = &set[i];
	}
	*at = (struct trunk_link){ .link = link, .used = s->looks };
	return at;
}

void
links_forget(struct serve *s, uint64_t link)
{
	struct trunk_link *set = set_of(s, link);
	size_t i;

	for (i = 0; i < WAYS; i++)
		if (set[i].link == link)
			set[i] = (struct trunk_link){ 0 };
}
