/* Looking up names: getaddrinfo in a thread, its answer on the loop. */
#include "serve/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/addr.h"

/* The thread touches nothing but this, and of it not the callback. */
struct bb_lookup {
	char host[BB_ADDR_HOST_MAX];
	uint16_t port;
	struct bb_place places[BB_PLACES_MAX];
	size_t count;
	int error;  /* of getaddrinfo, or 0 */
	int system; /* errno with EAI_SYSTEM */
	void (*told)(void *ctx, const struct bb_place *places, size_t count,
	    const char *why); /* NULL: forgotten */
	void *ctx;
};

static int
look(const char *host, uint16_t port, int flags, struct bb_place *places,
    size_t max, size_t *count)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *list, *at;
	char text[8];
	int rc;

	*count = 0;
	(void)snprintf(text, sizeof(text), "%u", (unsigned)port);
	if ((rc = getaddrinfo(host, text, &hints, &list)) != 0)
		return rc;
	for (at = list; at != NULL && *count < max; at = at->ai_next) {
		memcpy(&places[*count].at, at->ai_addr, at->ai_addrlen);
		places[(*count)++].len = at->ai_addrlen;
	}
	freeaddrinfo(list);
	return 0;
}

size_t
bb_lookup_literal(const char *host, uint16_t port, struct bb_place *place)
{
	size_t count;

	(void)look(host, port, AI_NUMERICHOST, place, 1, &count);
	return count;
}

static void
run(void *arg)
{
	struct bb_lookup *l = arg;

	l->error = look(l->host, l->port, AI_ADDRCONFIG, l->places,
	    BB_PLACES_MAX, &l->count);
	l->system = errno;
}

static const char *
reason(const struct bb_lookup *l)
{
	if (l->error == 0)
		return "the name has no address";
	return l->error == EAI_SYSTEM ? strerror(l->system)
				      : gai_strerror(l->error);
}

static void
done(void *arg)
{
	struct bb_lookup *l = arg;

	if (l->told != NULL)
		l->told(l->ctx, l->places, l->count,
		    l->count > 0 ? NULL : reason(l));
	free(l);
}

struct bb_lookup *
bb_lookup_start(struct bb_work *work, const char *host, uint16_t port,
    void (*told)(void *ctx, const struct bb_place *places, size_t count,
	const char *why),
    void *ctx)
{
	struct bb_lookup *l;
	int err;

	if (work == NULL || strlen(host) >= sizeof(l->host)) {
		errno = EINVAL;
		return NULL;
	}
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	memcpy(l->host, host, strlen(host) + 1);
	l->port = port;
	l->told = told;
	l->ctx = ctx;
	if (bb_work_submit_owning(work, run, done, free, l) == 0)
		return l;
	err = errno;
	free(l);
	errno = err;
	return NULL;
}

void
bb_lookup_forget(struct bb_lookup *l)
{
	if (l != NULL)
		l->told = NULL;
}
