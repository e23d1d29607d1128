/* What goes out to a dispatcher: answers, events, notices.  All but notices
 * wait in c->held for the turn's commit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"
#include "configdb/spool.h"

void
ask_free(struct ask *ask)
{
	if (ask->session != NULL)
		ask->session->ask = NULL;
	json_decref(ask->trace);
	free(ask);
}

void
answer_step(struct ask *ask, int step, const char *what, int64_t us)
{
	struct bb_step s = { step, "bbcollab", what, us };

	if (ask->trace != NULL && bb_step_add(&ask->trace, &s) == -1)
		bb_log(BB_LOG_WARN, "unable to trace: %s", strerror(errno));
}

static void
write_line(struct collab *c, const struct bb_line *line, struct bb_buf *out)
{
	if (line->d != NULL && bb_line_write(line, false, out) == 0)
		return;
	bb_log(BB_LOG_ERROR, "unable to answer %08x: %s", line->pin,
	    line->d == NULL ? "no memory" : strerror(errno));
	c->status = BB_EXIT_TEMP;
}

void
answer_ask(struct collab *c, struct ask *ask, json_t *d, json_t *m)
{
	struct bb_line line = ask->head;

	line.kind = BB_LINE_ANSWER;
	line.d = d;
	line.m = m;
	line.trace = ask->trace;
	write_line(c, &line, &c->held);
	ask->answered = true;
	json_decref(d);
	json_decref(m);
}

void
answer_refuse(struct collab *c, struct ask *ask, const char *result,
    const char *text, const char *reason)
{
	json_t *d;

	d = json_pack("{s:s, s:s, s:s, s:s}", "op", "answer", "result", result,
	    "text", text, "reason", reason);
	answer_ask(c, ask, d, NULL);
}

void
answer_data(struct collab *c, struct session *s, json_t *d)
{
	struct bb_line line = {
		.kind = BB_LINE_DATA,
		.pin = s->fence.pin,
		.att = s->core.att,
		.seq = ++s->core.down_seq,
		.link = s->core.link,
		.d = d,
	};

	write_line(c, &line, &c->held);
	s->touched = true;
	json_decref(d);
}

void
answer_notice(struct collab *c, const struct bb_line *to, const char *code)
{
	struct bb_line line = {
		.kind = BB_LINE_NOTICE,
		.pin = to->pin,
		.att = to->att,
		.link = to->link,
		.has_reply = true,
	};

	if (!to->has_reply)
		return;
	memcpy(line.kid, to->kid, sizeof(line.kid));
	memcpy(line.nonce, to->nonce, sizeof(line.nonce));
	line.d = json_pack("{s:s, s:s}", "op", "notice", "code", code);
	write_line(c, &line, bb_filter_out(c->filter));
	json_decref(line.d);
}

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

json_t *
answer_events(struct collab *c, struct session *s, size_t limit)
{
	struct gather g = { .limit = limit };
	json_t *m;

	if (limit == 0 || !turn_begin(c) || (g.events = json_array()) == NULL)
		return NULL;
	if (!turn_ok(c, s,
		bb_spool_each(c->db, s->fence.pin, s->sent, gather_event,
		    &g)) ||
	    json_array_size(g.events) == 0) {
		json_decref(g.events);
		return NULL;
	}
	s->sent = g.last;
	m = json_pack("{s:s, s:o}", "op", "events", "events", g.events);
	if (m != NULL && g.more)
		json_object_set_new(m, "more", json_true());
	return m;
}

json_t *
answer_results(struct session *s)
{
	json_t *results = s->results;

	s->results = json_array();
	if (json_array_size(results) > 0)
		return results;
	json_decref(results);
	return NULL;
}

void
answer_store_event(struct collab *c, struct session *s, const char *body,
    size_t len)
{
	size_t dropped = 0;

	if (!turn_begin(c) || !turn_ok(c, s,
				  bb_spool_put(c->db, &s->fence, body, len,
				      bb_clock_wall_s(), &dropped)))
		return;
	s->touched = true;
	if (dropped > 0)
		bb_log(BB_LOG_WARN,
		    "%zu events for %08x gave way: its spool "
		    "is full",
		    dropped, s->fence.pin);
	answer_push(c, s);
}

void
answer_push(struct collab *c, struct session *s)
{
	json_t *d, *results;
	uint64_t under_way;

	if (s->life != LIFE_IN || s->core.state != BB_SESSION_LIVE)
		return;
	while (s->sent < s->acked + EVENTS_UNDER_WAY) {
		under_way = s->sent - s->acked;
		d = answer_events(c, s, EVENTS_UNDER_WAY - under_way);
		if (d == NULL)
			break;
		answer_data(c, s, d);
	}
	if (!s->report || s->sending != 0)
		return;
	s->report = false;
	d = json_pack("{s:s, s:I}", "op", "events", "ack",
	    (json_int_t)(s->up_next - 1));
	if (d != NULL && (results = answer_results(s)) != NULL)
		json_object_set_new(d, "results", results);
	answer_data(c, s, d);
}
