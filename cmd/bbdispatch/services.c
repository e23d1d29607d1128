/* Connections to collaboration services: how they begin and end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "flow/route.h"
#include "server.h"

#define LINE_PORT 3200
/* What a service has to take half of its queue in; then it is left. */
#define SLOW_MS 20000

static const char far[] = "lines to another host need TLS, which this version "
			  "has not";

/* ---- the end of a connection ---- */

/* Once until it is connected again. */
static void
complain_of(struct service *v, const char *what, const char *why)
{
	if (!v->serve->draining)
		bb_log(v->complained ? BB_LOG_DEBUG : BB_LOG_WARN,
		    "service %s %s: %s", v->name, what, why);
	v->complained = true;
	v->tried = true;
}

void
service_slow(struct service *v, bool slow)
{
	struct serve *s = v->serve;
	size_t i;

	if (v->slow == slow)
		return;
	v->slow = slow;
	if (v->peer != NULL)
		bb_peer_deadline(v->peer, slow ? SLOW_MS : 0);
	if (slow) {
		serve_hold(s, HOLD_SERVICE);
		return;
	}
	for (i = 0; i < s->services_len; i++)
		if (s->services[i].slow)
			return;
	serve_release(s, HOLD_SERVICE);
}

void
service_left(struct service *v, const char *why)
{
	complain_of(v, "has gone", why);
	v->peer = NULL;
	v->owed = 0;
	v->source = (struct line_source){ .name = v->name };
	service_slow(v, false);
	if (v->dial != NULL)
		bb_dial_again(v->dial);
	else if (v->serve->chained)
		serve_chain_left(v->serve);
}

static void
service_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct service *v = ctx;

	(void)peer;
	if (why != NULL && v->slow)
		why = "it takes its lines too slowly";
	service_left(v, why == NULL ? "we are ending" : why);
}

static void
service_drained(void *ctx, struct bb_peer *peer)
{
	(void)peer;
	service_slow(ctx, false);
}

/* ---- the beginning ---- */

static const struct bb_peer_kind service_kind = {
	.name = "service",
	.in_max = BB_LINE_MAX,
	.out_max = SERVICE_OUT_MAX,
	.secret = true,
	.input = service_input,
	.closed = service_closed,
	.drained = service_drained,
};

/* Takes the descriptor.  -1: lines may not go there. */
static int
connected(struct service *v, int fd)
{
	struct bb_peer *peer =
	    bb_peer_new(v->serve->loop, fd, fd, &service_kind, v);

	if (peer == NULL || !bb_peer_local(peer)) {
		complain_of(v, "cannot be used",
		    peer == NULL ? strerror(errno) : far);
		bb_peer_free(peer);
		return -1;
	}
	bb_log(v->complained ? BB_LOG_WARN : BB_LOG_INFO,
	    "service %s is connected", v->name);
	v->peer = peer;
	v->tried = true;
	v->complained = false;
	v->connects++;
	lines_tell_here(v);
	return 0;
}

/* Nothing is read from below before each has been tried. */
static void
tried(struct serve *s)
{
	size_t i;

	for (i = 0; i < s->services_len; i++)
		if (!s->services[i].tried)
			return;
	serve_release(s, HOLD_START);
}

static void
dial_up(void *ctx, struct bb_dial *dial, int fd)
{
	struct service *v = ctx;

	if (connected(v, fd) == -1)
		bb_dial_again(dial);
	tried(v->serve);
}

static void
dial_failed(void *ctx, struct bb_dial *dial, const char *why)
{
	struct service *v = ctx;

	(void)dial;
	complain_of(v, "cannot be reached", why);
	tried(v->serve);
}

BB_NORETURN static void
bad_address(const char *text, const char *why)
{
	bb_start_turn_away();
	bb_die(BB_EXIT_USAGE, "unable to use service %s: %s", text, why);
}

static struct service *
add(struct serve *s, const char *name)
{
	struct service *v = &s->services[s->services_len++];

	v->serve = s;
	(void)snprintf(v->name, sizeof(v->name), "%s", name);
	v->id = bb_route_hash(name, strlen(name));
	v->source.name = v->name;
	return v;
}

static void
dial(struct serve *s, const char *text)
{
	static const struct bb_dial_calls calls = {
		.up = dial_up,
		.failed = dial_failed,
	};
	char service[BB_SERVICE_MAX], name[BB_ADDR_TEXT_MAX];
	const char *rest, *why;
	struct bb_addr addr;
	struct service *v;
	size_t i;

	if (!bb_addr_service(text, service, sizeof(service), &rest))
		bad_address(text, "what stands before = is no name of an IM "
				  "service");
	if (!bb_addr_scan(rest, LINE_PORT, &addr, &why))
		bad_address(text, why);
	if (addr.kind == BB_ADDR_ANY ||
	    (addr.kind != BB_ADDR_UNIX && addr.port == 0))
		bad_address(text, "it names no host and port");
	if (bb_dial_is_far(&addr))
		bad_address(text, far);
	v = add(s, bb_addr_text(&addr, name));
	(void)snprintf(v->service, sizeof(v->service), "%s", service);
	for (i = 0; i + 1 < s->services_len; i++)
		if (s->services[i].id == v->id &&
		    strcmp(s->services[i].service, service) == 0)
			bad_address(text, "it is named twice");
	v->dial = bb_dial_new(s->loop, s->work, &addr, &calls, v);
	if (v->dial == NULL)
		bad_address(text, strerror(errno));
}

void
services_dial(struct serve *s)
{
	const struct bb_opt_list *to = &s->d->options->to;
	size_t i;

	for (i = 0; i < to->len; i++)
		dial(s, to->at[i]);
}

void
services_chained(struct serve *s)
{
	if (connected(add(s, s->d->options->chain[0]), s->chain.fd) == -1)
		bb_die(BB_EXIT_TEMP, "unable to use the next stage");
}

unsigned
services_owed(const struct serve *s)
{
	unsigned owed = 0;
	size_t i;

	for (i = 0; i < s->services_len; i++)
		owed += s->services[i].owed;
	return owed;
}

bool
services_there(const struct serve *s)
{
	size_t i;

	for (i = 0; i < s->services_len; i++)
		if (s->services[i].peer != NULL)
			return true;
	return false;
}

void
services_finish(struct serve *s)
{
	struct service *v;

	for (v = s->services; v < s->services + s->services_len; v++) {
		bb_dial_free(v->dial);
		v->dial = NULL;
		if (v->peer != NULL)
			bb_peer_finish(v->peer, LINGER_MS);
	}
}

void
services_free(struct serve *s)
{
	struct service *v;

	for (v = s->services; v < s->services + s->services_len; v++) {
		bb_dial_free(v->dial);
		bb_peer_free(v->peer);
	}
}
