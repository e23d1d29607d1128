/* What a session's device says: numbered messages, signs of life, logout. */
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

void
data_ack(struct collab *c, struct session *s, uint64_t have)
{
	if (have <= s->acked || !turn_begin(c))
		return;
	s->touched = true;
	if (turn_ok(c, s, bb_spool_ack(c->db, &s->fence, have)))
		s->acked = have;
	if (s->sent < s->acked)
		s->sent = s->acked;
}

static void
result_add(struct session *s, uint64_t n, const char *word, const char *reason)
{
	json_t *r;

	r = json_pack("{s:I, s:s}", "n", (json_int_t)n, "result", word);
	if (r != NULL && reason != NULL)
		json_object_set_new(r, "reason", json_string(reason));
	json_array_append_new(s->results, r);
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
	result_add(s, n, status == BB_IM_OK ? "sent" : "refused", reason);
	if (turn_begin(c))
		turn_ok(c, s, bb_session_up_next(c->db, &s->fence, s->up_next));
}

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
	if (bb_number_up(s->up_next, n) != BB_NUMBER_EFFECT || !turn_begin(c))
		return;
	/* The fence comes before the effect, in one transaction: what a session
	 * that is no longer ours sends would be sent again by the next one. */
	if (!turn_ok(c, s, bb_session_up_next(c->db, &s->fence, s->up_next)))
		return;
	s->sending = n;
	s->touched = true;
	if (backend_request(c, s, &request) == -1) {
		bb_log(BB_LOG_ERROR, "unable to send for %08x: %s",
		    s->fence.pin, strerror(errno));
		s->sending = 0;
		c->turn_failed = true;
	}
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
	json_array_clear(s->queue);
	s->queue_at = 0;
	if (s->ask != NULL && !s->ask->answered)
		attach_complete(c, s);
	else
		answer_push(c, s);
}

void
data_batch(struct collab *c, struct session *s, const json_t *batch)
{
	const json_t *ack = json_object_get(batch, "ack");
	const json_t *msgs = json_object_get(batch, "msgs");

	if (ack != NULL)
		data_ack(c, s, (uint64_t)json_integer_value(ack));
	if (msgs != NULL &&
	    json_array_extend(s->queue, (json_t *)(uintptr_t)msgs) == -1)
		c->turn_failed = true;
	if (json_is_true(json_object_get(batch, "fetch")))
		s->fetch = true;
}

/* ---- what each op does; all have had their ack ---- */

static void
op_batch(struct collab *c, struct session *s, json_t *d)
{
	json_object_del(d, "ack");
	data_batch(c, s, d);
	session_line_seen(s, false);
}

static void
op_send(struct collab *c, struct session *s, json_t *d)
{
	if (json_array_append(s->queue, d) == -1)
		c->turn_failed = true;
	session_line_seen(s, false);
}

static void
op_presence(struct collab *c, struct session *s, json_t *d)
{
	const char *status = member(d, "status");
	struct bb_request request = { .type = BB_REQUEST_PRESENCE,
		.wall_s = bb_clock_wall_s(),
		.show = member(d, "show"),
		.status = status };

	session_line_seen(s, true);
	if (backend_request(c, s, &request) == -1)
		bb_log(BB_LOG_ERROR, "unable to set the presence of %08x: %s",
		    s->fence.pin, strerror(errno));
	else if (turn_begin(c))
		turn_ok(c, s,
		    bb_session_presence(c->db, &s->fence, request.show,
			status != NULL ? status : ""));
}

static void
op_alive(struct collab *c, struct session *s, json_t *d)
{
	session_line_seen(s, true);
	s->coverage = !json_is_false(json_object_get(d, "coverage"));
	if (turn_begin(c) && turn_ok(c, s,
				 bb_session_alive(c->db, &s->fence, s->coverage,
				     s->last_status_ms, -1)))
		s->stored_ms = s->last_status_ms;
}

/* What was sent and is not acknowledged is sent again. */
static void
op_fetch(struct collab *c, struct session *s, json_t *d)
{
	(void)c;
	(void)d;
	session_line_seen(s, false);
	s->sent = s->acked;
	s->report = true;
}

static void
op_logout(struct collab *c, struct session *s, json_t *d)
{
	(void)d;
	session_end(c, s, "logout");
}

static const struct {
	const char *word;
	void (*does)(struct collab *c, struct session *s, json_t *d);
} ops[] = {
	{ "batch", op_batch },
	{ "send", op_send },
	{ "presence", op_presence },
	{ "alive", op_alive },
	{ "fetch", op_fetch },
	{ "logout", op_logout },
};

static void
data_take(struct collab *c, struct session *s, json_t *d)
{
	const json_t *ack = json_object_get(d, "ack");
	const char *word = member(d, "op");
	size_t i;

	if (ack != NULL)
		data_ack(c, s, (uint64_t)json_integer_value(ack));
	for (i = 0; i < BB_LEN(ops) && s->life == LIFE_IN; i++)
		if (strcmp(ops[i].word, word) == 0)
			ops[i].does(c, s, d);
	if (s->life == LIFE_IN)
		data_work(c, s);
}

static void
data_confirm(struct collab *c, struct session *s)
{
	s->touched = true;
	if (turn_begin(c))
		turn_ok(c, s,
		    bb_session_state(c->db, &s->fence, "live", s->core.att,
			s->core.link));
	s->sent = s->acked;
}

/* No session here, or none under this attach: said at most every 5 s. */
static void
data_reattach(struct collab *c, const struct bb_line *line)
{
	struct told *told = &c->told[line->pin % TOLD_MAX];
	int64_t now = bb_clock_ms();

	if (told->pin == line->pin && told->ms != 0 && now - told->ms < TOLD_MS)
		return;
	told->pin = line->pin;
	told->ms = now;
	answer_notice(c, line, "reattach");
}

void
data_line(struct collab *c, struct bb_line *line)
{
	const struct bb_session_line at = { line->att, line->seq, line->link };
	struct session *s = session_find(c, line->pin);

	if (s == NULL || strcmp(s->user, line->user) != 0) {
		data_reattach(c, line);
		return;
	}
	switch (bb_session_step(&s->core, BB_SE_DATA, &at)) {
	case BB_SA_REATTACH:
		data_reattach(c, line);
		break;
	case BB_SA_CONFIRM:
		data_confirm(c, s);
		data_take(c, s, line->d);
		break;
	case BB_SA_WORK:
		data_take(c, s, line->d);
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
