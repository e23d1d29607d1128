/* The sessions in memory, found by PIN. */
#include <errno.h>
#include <stdlib.h>

#include "base/cc.h"
#include "collab.h"

#define SIZE_MIN 64

/* Fibonacci hashing: PINs of a customer are neighbours. */
static struct session **
bucket(const struct table *t, uint32_t pin)
{
	return &t->at[((pin * 2654435769u) >> 16) & (t->size - 1)];
}

int
table_init(struct table *t)
{
	t->at = calloc(SIZE_MIN, sizeof(struct session *));
	t->size = t->at == NULL ? 0 : SIZE_MIN;
	t->len = 0;
	return t->at == NULL ? -1 : 0;
}

struct session *
session_find(const struct collab *c, uint32_t pin)
{
	struct session *s = *bucket(&c->table, pin);

	while (s != NULL && s->fence.pin != pin)
		s = s->next;
	return s;
}

static int
grow(struct table *t)
{
	struct table bigger = { .size = t->size * 2, .len = t->len };
	struct session *s, **at;
	size_t i;

	/* As far as the hash has bits; chains grow then. */
	if (bigger.size > 65536)
		return 0;
	bigger.at = calloc(bigger.size, sizeof(struct session *));
	if (bigger.at == NULL)
		return -1;
	for (i = 0; i < t->size; i++)
		while ((s = t->at[i]) != NULL) {
			t->at[i] = s->next;
			at = bucket(&bigger, s->fence.pin);
			s->next = *at;
			*at = s;
		}
	free(t->at);
	*t = bigger;
	return 0;
}

int
table_add(struct table *t, struct session *s)
{
	struct session **at;

	if (t->len >= t->size && grow(t) == -1) {
		errno = ENOMEM;
		return -1;
	}
	at = bucket(t, s->fence.pin);
	s->next = *at;
	*at = s;
	t->len++;
	return 0;
}

void
table_remove(struct table *t, struct session *s)
{
	struct session **at = bucket(t, s->fence.pin);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->next = NULL;
	t->len--;
}

struct session *
table_any(const struct table *t)
{
	size_t i;

	for (i = 0; i < t->size; i++)
		if (t->at[i] != NULL)
			return t->at[i];
	return NULL;
}

void
table_each(struct collab *c,
    void (*each)(struct collab *c, struct session *s, void *ctx), void *ctx)
{
	struct session *s, *next;
	size_t i;

	for (i = 0; i < c->table.size; i++)
		for (s = c->table.at[i]; s != NULL; s = next) {
			next = s->next;
			each(c, s, ctx);
		}
}
