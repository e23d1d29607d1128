/* Connections to collaboration services: which one takes a line, what comes
 * back down. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "flow/route.h"
#include "server.h"

#define LINE_PORT 3200
#define OUT_MAX (16u << 20)
/* What a service has to take half of that in; then it is left. */
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

static void
set_slow(struct service *v, bool slow)
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

/* Its peer is gone or goes at once. */
static void
service_left(struct service *v, const char *why)
{
	complain_of(v, "has gone", why);
	v->peer = NULL;
	v->owed = 0;
	v->source = (struct line_source){ .name = v->name };
	set_slow(v, false);
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
	set_slow(ctx, false);
}

/* ---- up ---- */

/* The text in s->text; -1: the service has been left. */
static int
send_text(struct service *v)
{
	struct bb_buf *text = &v->serve->text;
	struct bb_peer *peer = v->peer;
	int rc = bb_peer_send(peer, bb_buf_data(text), bb_buf_len(text));

	bb_buf_take(text, bb_buf_len(text));
	if (rc == -1) {
		service_left(v, errno == ENOBUFS
				    ? "it takes its lines too slowly"
				    : strerror(errno));
		bb_peer_free(peer);
		return -1;
	}
	v->lines_up++;
	if (bb_peer_waiting(peer) > OUT_MAX / 2)
		set_slow(v, true);
	return 0;
}

/* A line about links. */
static void
tell(struct service *v, const struct bb_line *line)
{
	if (v->peer == NULL || v->serve->finishing)
		return;
	if (bb_line_write(line, true, &v->serve->text) == -1)
		complain(v->serve->d, BB_EXIT_TEMP,
		    "unable to tell service %s of a link: %s", v->name,
		    strerror(errno));
	else
		(void)send_text(v);
}

static void
tell_all(struct serve *s, const struct bb_line *line)
{
	size_t i;

	for (i = 0; i < s->services_len; i++)
		tell(&s->services[i], line);
}

void
lines_tell_trunk(struct serve *s, uint32_t router, bool up)
{
	const struct bb_line line = {
		.kind = BB_LINE_TRUNK,
		.router = router,
		.up = up,
	};

	tell_all(s, &line);
}

void
lines_tell_down(struct serve *s, uint32_t pin, uint64_t link)
{
	const struct bb_line line = {
		.kind = BB_LINE_DOWN,
		.pin = pin,
		.link = link,
	};

	tell_all(s, &line);
}

/* Those that are named for it, or else those that take what nobody is named
 * for: the number of one, or -1. */
static int
pick(const struct serve *s, const char *service, const char *user)
{
	struct bb_route_target targets[LINES_MAX];
	const char *name = "";
	size_t i;

	for (i = 0; i < s->services_len; i++)
		if (strcmp(s->services[i].service, service) == 0)
			name = service;
	for (i = 0; i < s->services_len; i++) {
		targets[i].id = s->services[i].id;
		targets[i].healthy = s->services[i].peer != NULL &&
				     strcmp(s->services[i].service, name) == 0;
	}
	return bb_route_pick(targets, s->services_len,
	    bb_route_hash(user, strlen(user)));
}

bool
lines_reachable(const struct serve *s, const char *service)
{
	return pick(s, service, "") != -1;
}

static void
owe(struct service *v, const struct bb_line *line)
{
	struct below *b = links_find(v->serve, line->link, line->pin);

	v->owed++;
	if (b != NULL)
		below_owed(b, 1);
}

int
lines_send(struct serve *s, const struct bb_line *line)
{
	int picked = pick(s, line->service, line->user);
	struct service *v = picked == -1 ? NULL : &s->services[picked];

	if (v != NULL && bb_line_write(line, true, &s->text) == -1)
		return -1;
	if (v == NULL || send_text(v) == -1) {
		s->unreachable++;
		errno = EHOSTUNREACH;
		return -1;
	}
	if (line->kind == BB_LINE_ATTACH)
		owe(v, line);
	return 0;
}

/* ---- down ---- */

/* The link has gone, or was another dispatcher's. */
static void
tell_nowhere(struct service *v, const struct bb_line *down)
{
	const struct bb_line line = {
		.kind = BB_LINE_DOWN,
		.pin = down->pin,
		.link = down->link,
	};

	v->serve->nowhere++;
	tell(v, &line);
}

static void
pass_down(struct service *v, struct bb_line *line, int64_t start_us)
{
	struct serve *s = v->serve;
	struct below *b = links_find(s, line->link, line->pin);
	bool answer = line->kind == BB_LINE_ANSWER;

	if (answer && v->owed > 0)
		v->owed--;
	if (b == NULL) {
		tell_nowhere(v, line);
		return;
	}
	seal_line(s->d, line, start_us, &s->frame);
	if (bb_buf_len(&s->frame) > 0)
		below_send(b, bb_buf_data(&s->frame), bb_buf_len(&s->frame));
	bb_buf_take(&s->frame, bb_buf_len(&s->frame));
	if (answer && !b->left)
		below_owed(b, -1);
}

static void
take_line(struct service *v, const uint8_t *text, size_t len)
{
	int64_t start_us = bb_clock_us();
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;

	v->lines_down++;
	if (bb_line_parse(text, len, false, &line, why) == -1) {
		seal_refuse(v->serve->d, why);
		return;
	}
	pass_down(v, &line, start_us);
	bb_line_clear(&line);
}

static bool
service_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct service *v = ctx;
	size_t len;

	if (v->serve->draining)
		v->serve->heard_ms = bb_clock_ms();
	/* It may be left because of what it says. */
	while (v->peer == peer &&
	       (len = seal_next(v->serve->d, &v->source, in)) > 0) {
		take_line(v, bb_buf_data(in), len);
		bb_buf_take(in, len);
	}
	return true;
}

/* ---- the beginning ---- */

static const struct bb_peer_kind service_kind = {
	.name = "service",
	.in_max = BB_LINE_MAX,
	.out_max = OUT_MAX,
	.secret = true,
	.input = service_input,
	.closed = service_closed,
	.drained = service_drained,
};

static void
tell_what_is_here(struct service *v)
{
	struct serve *s = v->serve;
	struct bb_line line = {
		.kind = BB_LINE_TRUNK,
		.router = s->instance,
		.up = true,
	};
	const struct below *b;

	tell(v, &line);
	for (b = s->trunks; b != NULL; b = b->same) {
		line.router = b->instance;
		tell(v, &line);
	}
}

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
	tell_what_is_here(v);
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
lines_dial(struct serve *s)
{
	const struct bb_opt_list *to = &s->d->options->to;
	size_t i;

	for (i = 0; i < to->len; i++)
		dial(s, to->at[i]);
}

void
lines_chained(struct serve *s)
{
	if (connected(add(s, s->d->options->chain[0]), s->chain.fd) == -1)
		bb_die(BB_EXIT_TEMP, "unable to use the next stage");
}

unsigned
lines_owed(const struct serve *s)
{
	unsigned owed = 0;
	size_t i;

	for (i = 0; i < s->services_len; i++)
		owed += s->services[i].owed;
	return owed;
}

bool
lines_there(const struct serve *s)
{
	size_t i;

	for (i = 0; i < s->services_len; i++)
		if (s->services[i].peer != NULL)
			return true;
	return false;
}

void
lines_finish(struct serve *s)
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
lines_free(struct serve *s)
{
	struct service *v;

	for (v = s->services; v < s->services + s->services_len; v++) {
		bb_dial_free(v->dial);
		bb_peer_free(v->peer);
	}
}
