/* Lines: which service takes one, what comes back down. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "flow/route.h"
#include "server.h"

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
	if (bb_peer_waiting(peer) > SERVICE_OUT_MAX / 2)
		service_slow(v, true);
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

void
lines_tell_here(struct service *v)
{
	const struct serve *s = v->serve;
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

/* Those that are named for it, or else those that take what nobody is named
 * for: the number of one, or -1. */
static int
pick(const struct serve *s, const char *service, const char *user)
{
	struct bb_route_target targets[SERVICES_MAX];
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

/* Who is asked for is dialed now, and not only when the back-off is over. */
static void
hurry(const struct serve *s)
{
	size_t i;

	for (i = 0; i < s->services_len; i++)
		if (s->services[i].peer == NULL && s->services[i].dial != NULL)
			bb_dial_hurry(s->services[i].dial);
}

bool
lines_reachable(const struct serve *s, const char *service)
{
	if (pick(s, service, "") != -1)
		return true;
	hurry(s);
	return false;
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

	if (picked != -1) {
		if (bb_line_write(line, true, &s->text) == -1)
			return -1;
		if (send_text(&s->services[picked]) == 0) {
			if (line->kind == BB_LINE_ATTACH)
				owe(&s->services[picked], line);
			return 0;
		}
	}
	hurry(s);
	s->unreachable++;
	errno = EHOSTUNREACH;
	return -1;
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

bool
service_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct service *v = ctx;
	const struct bb_peer *is = v->peer;
	size_t len;

	(void)peer;
	if (v->serve->draining)
		v->serve->heard_ms = bb_clock_ms();
	/* It may be left because of what it says. */
	while (v->peer == is &&
	       (len = seal_next(v->serve->d, &v->source, in)) > 0) {
		take_line(v, bb_buf_data(in), len);
		bb_buf_take(in, len);
	}
	return true;
}
