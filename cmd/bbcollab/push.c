/* Events on their way to a device: out of its spool, as many as may be under
 * way, until the device has acknowledged them. */
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"
#include "configdb/spool.h"

/* Gathers spooled events into a list until one of the limits. */
struct gather {
	json_t *events;
	size_t bytes;
	size_t limit;
	uint64_t last;
	bool more;
};

static bool
gather_event(void *ctx, uint64_t n, const char *body, size_t len)
{
	char why[BB_MESSAGE_WHY_MAX];
	struct gather *g = ctx;
	json_t *event;

	if (json_array_size(g->events) == g->limit ||
	    (g->bytes > 0 && g->bytes + len > EVENTS_BYTES)) {
		g->more = true;
		return false;
	}
	if ((event = bb_json_parse(body, len, why)) == NULL) {
		bb_log(BB_LOG_ERROR, "unable to read a stored event: %s", why);
		return true;
	}
	json_object_set_new(event, "n", json_integer((json_int_t)n));
	if (json_array_append_new(g->events, event) == -1)
		return false;
	g->bytes += len;
	g->last = n;
	return true;
}

/* The spool is empty beyond what was sent: is there something for which it had
 * no room? */
static bool
refill(struct collab *c, struct session *s)
{
	size_t moved = 0;

	s->waiting = false;
	if (!s->inbox || s->sent > s->acked)
		return false;
	if (!stall_gate(c)) {
		s->waiting = true; /* looked for again later */
		return false;
	}
	turn_touch(c, s);
	if (!turn_begin(c) ||
	    !turn_ok(c, s,
		bb_inbox_take(c->db, &s->fence, bb_clock_wall_s(), &moved)))
		return false;
	s->inbox = moved > 0;
	s->waiting = moved > 0;
	return moved > 0;
}

/* What is read outside of a transaction is committed: it can go at once. */
json_t *
push_events(struct collab *c, struct session *s, size_t limit)
{
	struct gather g = { .limit = limit };
	json_t *m;

	if (limit == 0 || (g.events = json_array()) == NULL)
		return NULL;
	if (!turn_ok(c, s,
		bb_spool_each(c->db, s->fence.pin, s->sent, gather_event,
		    &g)) ||
	    json_array_size(g.events) == 0) {
		json_decref(g.events);
		return s->life == LIFE_IN && !c->turn_failed && refill(c, s)
			   ? push_events(c, s, limit)
			   : NULL;
	}
	s->sent = g.last;
	s->waiting = g.more;
	m = json_pack("{s:s, s:o}", "op", "events", "events", g.events);
	if (m != NULL && g.more)
		json_object_set_new(m, "more", json_true());
	return m;
}

json_t *
push_results(struct session *s)
{
	json_t *results = s->results;

	s->results = NULL;
	return results;
}

void
push_store(struct collab *c, struct session *s, const char *body, size_t len)
{
	size_t dropped = 0;

	if (!turn_begin(c) || !turn_ok(c, s,
				  bb_spool_put(c->db, &s->fence, body, len,
				      bb_clock_wall_s(), &dropped)))
		return;
	c->tallies.spooled++;
	turn_touch(c, s);
	if (dropped > 0)
		bb_log(BB_LOG_WARN,
		    "%zu events for %08x gave way: its spool is full", dropped,
		    s->fence.pin);
	push_new(c, s);
}

void
push_new(struct collab *c, struct session *s)
{
	s->waiting = true;
	push(c, s);
}

void
push_again(struct collab *c, struct session *s)
{
	/* Of most sessions nothing is under way and nothing waits. */
	if (s->sent == s->acked && !s->waiting)
		return;
	s->sent = s->acked;
	s->waiting = true;
	push(c, s);
}

void
push_inbox(struct collab *c, struct session *s)
{
	size_t moved;

	turn_touch(c, s);
	if (!turn_begin(c) ||
	    !turn_ok(c, s,
		bb_inbox_take(c->db, &s->fence, bb_clock_wall_s(), &moved)))
		return;
	s->inbox = true;
	if (moved > 0)
		push_new(c, s);
}

static void
push_waiting(struct collab *c, struct session *s)
{
	uint64_t under_way;
	json_t *d;

	while (s->waiting && s->life == LIFE_IN &&
	       s->sent < s->acked + EVENTS_UNDER_WAY) {
		under_way = s->sent - s->acked;
		d = push_events(c, s, EVENTS_UNDER_WAY - under_way);
		if (d == NULL)
			break;
		answer_data(c, s, d);
	}
}

static void
push_report(struct collab *c, struct session *s)
{
	json_t *d, *results;

	s->report = false;
	d = json_pack("{s:s, s:I}", "op", "events", "ack",
	    (json_int_t)(s->up_next - 1));
	if (d != NULL && (results = push_results(s)) != NULL)
		json_object_set_new(d, "results", results);
	answer_data(c, s, d);
}

void
push(struct collab *c, struct session *s)
{
	if (s->life != LIFE_IN || s->core.state != BB_SESSION_LIVE ||
	    via_of(c, s) == NULL)
		return;
	if (s->coverage)
		push_waiting(c, s);
	if (s->life == LIFE_IN && s->report && s->sending == 0)
		push_report(c, s);
}
