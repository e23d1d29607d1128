/* The table of device links, by their number. */
#include <stdlib.h>

#include "base/cc.h"
#include "state.h"

#define BUCKETS_MIN 64

static struct link **
bucket(const struct router *r, uint32_t id)
{
	/* Numbers follow each other: they spread by themselves. */
	return &r->buckets[id & (r->buckets_len - 1)];
}

struct link *
links_find(const struct router *r, uint32_t id)
{
	struct link *link = NULL;

	if (r->buckets_len > 0)
		link = *bucket(r, id);
	while (link != NULL && link->id != id)
		link = link->next;
	return link;
}

static void
put(struct router *r, struct link *link)
{
	struct link **at = bucket(r, link->id);

	link->next = *at;
	*at = link;
}

/* As many buckets as links, or more.  Without memory the chains get longer. */
static int
grow(struct router *r)
{
	struct link **old = r->buckets, *link, *next;
	size_t old_len = r->buckets_len, i;
	size_t len = old_len == 0 ? BUCKETS_MIN : 2 * old_len;
	struct link **new = calloc(len, sizeof(struct link *));

	if (new == NULL)
		return old == NULL ? -1 : 0;
	r->buckets = new;
	r->buckets_len = len;
	for (i = 0; i < old_len; i++)
		for (link = old[i]; link != NULL; link = next) {
			next = link->next;
			put(r, link);
		}
	free(old);
	return 0;
}

/* 0 is nobody's number, and one that is in use is not given again. */
static uint32_t
next_id(struct router *r)
{
	do {
		r->last_id++;
	} while (r->last_id == 0 || links_find(r, r->last_id) != NULL);
	return r->last_id;
}

struct link *
links_add(struct router *r)
{
	struct link *link;

	if (r->links >= r->buckets_len && grow(r) == -1)
		return NULL;
	if ((link = calloc(1, sizeof(*link))) == NULL)
		return NULL;
	link->router = r;
	link->id = next_id(r);
	put(r, link);
	r->links++;
	if (r->links > r->links_peak)
		r->links_peak = r->links;
	return link;
}

void
links_remove(struct router *r, struct link *link)
{
	struct link **at = bucket(r, link->id);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	r->links--;
	free(link);
}

void
links_each(struct router *r, void (*call)(struct link *link, void *arg),
    void *arg)
{
	struct link *link, *next;
	size_t i;

	for (i = 0; i < r->buckets_len; i++)
		for (link = r->buckets[i]; link != NULL; link = next) {
			next = link->next;
			call(link, arg);
		}
}
