/* What goes out to a dispatcher: answers, data, notices.  All but notices wait
 * in the held lines of a way for the turn's commit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"

static const char *const results[] = { "ok", "busy", "failed", "denied",
	"badlogin", "unavailable", "unknown-session", "badrequest" };

/* ---- asks ---- */

static void
ask_link(struct ask_list *list, struct ask *ask)
{
	ask->prev = NULL;
	ask->next = list->first;
	if (list->first != NULL)
		list->first->prev = ask;
	list->first = ask;
}

static void
ask_unlink(struct ask_list *list, struct ask *ask)
{
	if (ask->prev != NULL)
		ask->prev->next = ask->next;
	else
		list->first = ask->next;
	if (ask->next != NULL)
		ask->next->prev = ask->prev;
}

struct ask *
ask_new(struct via *via, struct bb_line *line)
{
	struct ask *ask;

	if ((ask = calloc(1, sizeof(*ask))) == NULL)
		return NULL;
	ask->via = via;
	ask->head.pin = line->pin;
	ask->head.att = line->att;
	ask->head.link = line->link;
	ask->head.has_reply = true;
	memcpy(ask->head.kid, line->kid, sizeof(line->kid));
	memcpy(ask->head.nonce, line->nonce, sizeof(line->nonce));
	ask->trace = json_incref(line->trace);
	ask_link(&via->c->asks, ask);
	return ask;
}

void
ask_free(struct collab *c, struct ask *ask)
{
	ask_unlink(ask->answered ? &c->done : &c->asks, ask);
	if (ask->session != NULL && ask->session->ask == ask)
		ask->session->ask = NULL;
	json_decref(ask->trace);
	free(ask);
}

static void
ask_set_answered(struct collab *c, struct ask *ask, bool answered)
{
	if (ask->answered == answered)
		return;
	ask_unlink(answered ? &c->asks : &c->done, ask);
	ask_link(answered ? &c->done : &c->asks, ask);
	ask->answered = answered;
}

void
answer_step(struct ask *ask, int step, const char *what, int64_t us)
{
	struct bb_step s = { step, "bbcollab", what, us };

	if (ask->trace != NULL && bb_step_add(&ask->trace, &s) == -1)
		bb_log(BB_LOG_WARN, "unable to trace: %s", strerror(errno));
}

/* ---- lines ---- */

/* The word as it stands in the table. */
static const char *
known(const char *result)
{
	size_t i;

	for (i = 0; i < BB_LEN(results) && result != NULL; i++)
		if (strcmp(results[i], result) == 0)
			return results[i];
	return NULL;
}

static void
write_line(struct collab *c, struct via *via, const struct bb_line *line)
{
	if (line->d != NULL && bb_line_write(line, false, &via->held) == 0) {
		c->tallies.lines_out++;
		/* Too late for what this turn has let go. */
		if (c->ending_turn)
			stall_again(c);
		return;
	}
	bb_log(BB_LOG_ERROR, "unable to answer %08x: %s", line->pin,
	    line->d == NULL ? "no memory" : strerror(errno));
	via->full |= errno == ENOBUFS;
	if (!c->lasting)
		c->status = BB_EXIT_TEMP;
}

void
answer_ask(struct collab *c, struct ask *ask, json_t *d, json_t *m)
{
	struct bb_line line = ask->head;
	struct via *other;

	line.kind = BB_LINE_ANSWER;
	line.d = d;
	line.m = m;
	line.trace = ask->trace;
	/* Any dispatcher can seal it. */
	if (ask->via == NULL || ask->via->ended) {
		other = via_to(c, ask->head.link);
		ask->via = other != NULL ? other : ask->via;
	}
	if (ask->via != NULL)
		write_line(c, ask->via, &line);
	ask->result = known(json_string_value(json_object_get(d, "result")));
	ask_set_answered(c, ask, true);
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
	if (d != NULL && ask->ended[0] != '\0')
		json_object_set_new(d, "ended", json_string(ask->ended));
	answer_ask(c, ask, d, NULL);
}

void
answer_data(struct collab *c, struct session *s, json_t *d)
{
	struct via *via = via_of(c, s);
	struct bb_line line = {
		.kind = BB_LINE_DATA,
		.pin = s->fence.pin,
		.att = s->core.att,
		.link = s->core.link,
		.d = d,
	};

	turn_touch(c, s);
	if (via != NULL) {
		line.seq = ++s->core.down_seq;
		write_line(c, via, &line);
	}
	json_decref(d);
}

void
answer_bye(struct collab *c, struct session *s, const char *reason)
{
	if (s->core.state == BB_SESSION_LIVE)
		answer_data(c, s,
		    json_pack("{s:s, s:s}", "op", "bye", "ended", reason));
}

void
answer_notice(struct via *via, const struct bb_line *to, const char *code)
{
	struct bb_buf out = BB_BUF(BB_LINE_MAX);
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
	if (line.d != NULL && bb_line_write(&line, false, &out) == 0) {
		via->c->tallies.lines_out++;
		via_send(via, bb_buf_data(&out), bb_buf_len(&out));
	} else {
		bb_log(BB_LOG_ERROR, "unable to notify %08x: no memory",
		    to->pin);
	}
	json_decref(line.d);
	bb_buf_clear(&out);
}

/* ---- the end of a turn ---- */

void
answer_undo(struct collab *c)
{
	struct ask *ask, *next;

	while ((ask = c->done.first) != NULL)
		ask_set_answered(c, ask, false);
	for (ask = c->asks.first; ask != NULL; ask = next) {
		next = ask->next;
		if (ask->session == NULL)
			answer_refuse(c, ask, "busy", "Server Busy",
			    "the database is busy");
	}
}

void
answer_settle(struct collab *c)
{
	struct ask *ask;
	size_t i;

	while ((ask = c->done.first) != NULL) {
		for (i = 0; i < BB_LEN(results); i++)
			c->results[i] += ask->result == results[i];
		ask_free(c, ask);
	}
}

const char *
answer_result(const struct collab *c, size_t i, uint64_t *count)
{
	if (i >= BB_LEN(results))
		return NULL;
	*count = c->results[i];
	return results[i];
}
