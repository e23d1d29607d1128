/* What a session's device says, and its numbered messages. */
#include <errno.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"
#include "configdb/spool.h"

static const char *
member(const json_t *d, const char *name)
{
	return json_string_value(json_object_get(d, name));
}

/* ---- numbered messages ---- */

void
data_ack(struct collab *c, struct session *s, uint64_t have)
{
	if (have <= s->acked || !turn_holds(c, s))
		return;
	turn_touch(c, s);
	if (turn_ok(c, s, bb_spool_ack(c->db, &s->fence, have)))
		s->acked = have;
	if (s->sent < s->acked)
		s->sent = s->acked;
	s->waiting |= s->inbox;
}

static void
result_add(struct collab *c, struct session *s, uint64_t n, const char *word,
    const char *reason)
{
	json_t *r;

	if (s->results == NULL)
		s->results = json_array();
	r = json_pack("{s:I, s:s}", "n", (json_int_t)n, "result", word);
	if (r != NULL && reason != NULL)
		json_object_set_new(r, "reason", json_string(reason));
	if (json_array_append_new(s->results, r) == -1)
		c->turn_failed = true;
}

void
data_sent(struct collab *c, struct session *s, enum bb_im_status status,
    const char *reason)
{
	uint64_t n = s->sending;

	s->sending = 0;
	if (status == BB_IM_FAILED)
		return; /* ours: the turn fails, the device repeats */
	s->up_next = n + 1;
	s->report = true;
	result_add(c, s, n, status == BB_IM_OK ? "sent" : "refused", reason);
	if (turn_begin(c))
		turn_ok(c, s, bb_session_up_next(c->db, &s->fence, s->up_next));
}

/* The fence comes before the effect, in one transaction: what a session that is
 * no longer ours sends would be sent again by the next one. */
static void
message_send(struct collab *c, struct session *s, const json_t *msg)
{
	uint64_t n = (uint64_t)json_integer_value(json_object_get(msg, "n"));
	struct bb_request request = { .type = BB_REQUEST_SEND,
		.id = n,
		.wall_s = bb_clock_wall_s(),
		.to = member(msg, "to"),
		.text = member(msg, "text") };

	s->report = true;
	if (bb_number_up(s->up_next, n) != BB_NUMBER_EFFECT ||
	    !turn_holds(c, s))
		return;
	s->sending = n;
	turn_touch(c, s);
	if (backend_request(c, s, &request) == -1) {
		bb_log(BB_LOG_ERROR, "unable to send for %08x: %s",
		    s->fence.pin, strerror(errno));
		s->sending = 0;
		c->turn_failed = true;
	}
}

void
data_forget(struct session *s)
{
	json_decref(s->queue);
	s->queue = NULL;
	s->queue_at = 0;
}

void
data_work(struct collab *c, struct session *s)
{
	const json_t *msg;

	if (s->working)
		return;
	s->working = true;
	while (s->life == LIFE_IN && s->logged_in && s->sending == 0 &&
	       !c->turn_failed &&
	       (msg = json_array_get(s->queue, s->queue_at)) != NULL) {
		s->queue_at++;
		message_send(c, s, msg);
	}
	s->working = false;
	if (s->life != LIFE_IN || !s->logged_in || s->sending != 0 ||
	    c->turn_failed)
		return;
	data_forget(s);
	if (s->ask != NULL && !s->ask->answered)
		attach_complete(c, s);
	else
		push(c, s);
}

void
data_queue(struct collab *c, struct session *s, json_t *msg)
{
	if (s->queue == NULL)
		s->queue = json_array();
	if (json_array_append(s->queue, msg) == -1)
		c->turn_failed = true;
	turn_touch(c, s);
}

void
data_batch(struct collab *c, struct session *s, const json_t *batch)
{
	const json_t *ack = json_object_get(batch, "ack");
	const json_t *msgs = json_object_get(batch, "msgs");
	size_t i;

	if (ack != NULL)
		data_ack(c, s, (uint64_t)json_integer_value(ack));
	for (i = 0; i < json_array_size(msgs); i++)
		data_queue(c, s, json_array_get(msgs, i));
	if (json_is_true(json_object_get(batch, "fetch")))
		s->fetch = true;
}

/* ---- lines ---- */

/* A sign of life of a session that has nothing to tell is kept in memory. */
bool
data_needs_store(const struct session *s, const struct bb_line *line)
{
	if (s == NULL)
		return false;
	return strcmp(member(line->d, "op"), "alive") != 0 ||
	       json_object_get(line->d, "ack") != NULL ||
	       json_is_false(json_object_get(line->d, "coverage")) ||
	       s->core.state != BB_SESSION_LIVE || !s->coverage ||
	       session_tell_now(s);
}

static void
data_take(struct collab *c, struct session *s, json_t *d)
{
	const json_t *ack = json_object_get(d, "ack");

	if (ack != NULL)
		data_ack(c, s, (uint64_t)json_integer_value(ack));
	if (s->life == LIFE_IN)
		ops_take(c, s, d);
	if (s->life == LIFE_IN)
		data_work(c, s);
}

/* Its link is the link from now on; what waits is sent to it. */
static void
data_confirm(struct collab *c, struct session *s)
{
	turn_touch(c, s);
	bb_due_end(&s->due);
	if (turn_begin(c))
		turn_ok(c, s,
		    bb_session_state(c->db, &s->fence, "live", s->core.att,
			s->core.link));
	s->sent = s->acked;
	s->waiting = true;
}

/* No session here, or none under this attach: said at most every 5 s. */
static void
data_reattach(struct via *via, const struct bb_line *line)
{
	struct told *told = &via->c->told[line->pin % TOLD_MAX];
	int64_t now = bb_clock_ms();

	if (told->pin == line->pin && told->ms != 0 && now - told->ms < TOLD_MS)
		return;
	told->pin = line->pin;
	told->ms = now;
	answer_notice(via, line, "reattach");
}

static void
data_live(struct via *via, struct session *s, const struct bb_line *line)
{
	struct collab *c = via->c;

	if (s->life != LIFE_IN)
		return;
	if (line->link == s->core.link)
		via_heard(c, s, via);
	data_take(c, s, line->d);
}

void
data_line(struct via *via, struct session *s, struct bb_line *line)
{
	const struct bb_session_line at = { line->att, line->seq, line->link };
	struct collab *c = via->c;

	/* Without the store nothing can have an effect: the device says it
	 * again after its next attach. */
	if (s == NULL || strcmp(s->names, line->user) != 0 || c->turn_failed) {
		data_reattach(via, line);
		return;
	}
	switch (bb_session_step(&s->core, BB_SE_DATA, &at)) {
	case BB_SA_REATTACH:
		data_reattach(via, line);
		break;
	case BB_SA_CONFIRM:
		data_confirm(c, s);
		data_live(via, s, line);
		break;
	case BB_SA_WORK:
		data_live(via, s, line);
		break;
	case BB_SA_DROP:
	case BB_SA_ADMIT:
	case BB_SA_OFFER:
	case BB_SA_DETACH:
	case BB_SA_CLOSE:
		bb_log(BB_LOG_DEBUG, "frame %u of attach %u of %08x dropped",
		    line->seq, line->att, line->pin);
		break;
	}
}
