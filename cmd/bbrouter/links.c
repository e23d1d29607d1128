/* The table of device links, by their number.  Numbers follow each other, and
 * one whose place is taken is left out: so each place holds one link at most,
 * and stays that link's when the table grows. */
#include <stdlib.h>

#include "base/cc.h"
#include "state.h"

#define SLOTS_MIN 64

static struct link **
slot(const struct router *r, uint32_t id)
{
	return &r->slots[id & (r->slots_len - 1)];
}

struct link *
links_find(const struct router *r, uint32_t id)
{
	struct link *link = NULL;

	if (r->slots_len > 0)
		link = *slot(r, id);
	return link != NULL && link->id == id ? link : NULL;
}

static int
grow(struct router *r)
{
	struct link **old = r->slots;
	size_t old_len = r->slots_len, i;
	size_t len = old_len == 0 ? SLOTS_MIN : 2 * old_len;
	struct link **new = calloc(len, sizeof(struct link *));

	if (new == NULL)
		return -1;
	r->slots = new;
	r->slots_len = len;
	for (i = 0; i < old_len; i++)
		if (old[i] != NULL)
			*slot(r, old[i]->id) = old[i];
	free(old);
	return 0;
}

/* 0 is nobody's number.  A quarter of the places is always free, so that the
 * next one is near. */
static uint32_t
next_id(struct router *r)
{
	do {
		r->last_id++;
	} while (r->last_id == 0 || *slot(r, r->last_id) != NULL);
	return r->last_id;
}

struct link *
links_add(struct router *r)
{
	struct link *link;

	if (r->links + 1 > r->slots_len / 4 * 3 && grow(r) == -1)
		return NULL;
	if ((link = calloc(1, sizeof(*link))) == NULL)
		return NULL;
	link->router = r;
	link->id = next_id(r);
	*slot(r, link->id) = link;
	r->links++;
	if (r->links > r->links_peak)
		r->links_peak = r->links;
	return link;
}

void
links_remove(struct router *r, struct link *link)
{
	*slot(r, link->id) = NULL;
	r->links--;
	free(link);
}

void
links_each(struct router *r, void (*call)(struct link *link, void *arg),
    void *arg)
{
	size_t i;

	for (i = 0; i < r->slots_len; i++)
		if (r->slots[i] != NULL)
			call(r->slots[i], arg);
}
