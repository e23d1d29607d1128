/* A device comes back to its session: in memory, in the store without memory,
 * or, where logins stand without a process, in another process. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"

static void
refuse(struct collab *c, struct ask *ask, const char *ended)
{
	if (attach_worth_telling(ended))
		(void)snprintf(ask->ended, sizeof(ask->ended), "%s", ended);
	answer_refuse(c, ask, "unknown-session", "unknown session",
	    "log in again");
}

/* What memory can tell before the store is asked. */
static bool
fits(const struct session *s, const struct bb_line *line)
{
	return attach_hex(line->d, "session") == s->id &&
	       strcmp(s->names, line->user) == 0 &&
	       strcmp(s->settings->service.name, line->service) == 0 &&
	       s->logged_in;
}

/* A later attach takes the place of one that still waits. */
static void
supersede(struct collab *c, struct session *s)
{
	if (s->ask != NULL && !s->ask->answered)
		ask_free(c, s->ask);
	s->ask = NULL;
}

static void
adopt(struct collab *c, struct session *s)
{
	struct bb_request request = { .type = BB_REQUEST_ADOPT,
		.wall_s = bb_clock_wall_s() };

	s->ask->adopting = true;
	s->ask->login_us = bb_clock_us();
	if (backend_request(c, s, &request) == -1)
		attach_failed(c, s, "unavailable", "IM server unavailable",
		    strerror(errno));
}

/* The row is ours, with or without a memory of it. */
static struct session *
take_up(struct collab *c, const struct bb_line *line,
    const struct bb_admit *request, const struct bb_resumed *row)
{
	const struct session_seed seed = {
		.settings = settings_get(c, row->service),
		.pin = line->pin,
		.user = row->user,
		.account = row->account,
		.id = attach_hex(line->d, "session"),
		.term = row->term,
		.up_next = row->up_next,
		.have = request->have,
		.coverage = request->coverage,
	};

	if (row->from != 0)
		c->tallies.taken_over++;
	else if (c->unloaded > 0)
		c->unloaded--;
	return seed.settings == NULL ? NULL : session_new(c, &seed);
}

static void
wake_former(struct collab *c, uint32_t pin, int64_t owner)
{
	struct bb_other one = { pin, owner };
	const struct bb_others others = { .at = &one, .len = 1 };

	if (owner != 0)
		turn_wake(c, &others);
}

/* The store has said yes. */
static void
go_on(struct collab *c, struct ask *ask, struct session *s,
    const struct bb_line *line, const struct bb_admit *request,
    const struct bb_resumed *row)
{
	const struct bb_session_line at = { line->att, 0, line->link };

	turn_touch(c, s);
	supersede(c, s);
	bb_session_step(&s->core, BB_SE_RESUME, &at);
	s->ask = ask;
	ask->session = s;
	if (s->up_next != row->up_next) { /* it numbers anew */
		data_forget(s);
		json_decref(push_results(s));
	}
	s->fence.term = row->term;
	s->up_next = row->up_next;
	s->acked = s->sent = request->have;
	s->coverage = request->coverage;
	s->waiting = s->inbox = true;
	session_line_seen(s, false);
	s->stored_ms = s->last_status_ms;
	if (line->m != NULL)
		data_batch(c, s, line->m);
	if (!s->logged_in)
		adopt(c, s);
	if (s->life == LIFE_IN)
		data_work(c, s);
}

/* A session without memory begins with the attach that was offered last. */
static struct session *
find_or_take(struct collab *c, struct session *s, const struct bb_line *line,
    const struct bb_admit *request, const struct bb_resumed *row)
{
	if (s != NULL)
		return s;
	if ((s = take_up(c, line, request, row)) == NULL) {
		bb_log(BB_LOG_ERROR, "unable to take up the session of %08x",
		    line->pin);
		c->turn_failed = true;
		return NULL;
	}
	s->core.state = BB_SESSION_DETACHED;
	return s;
}

void
resume_line(struct collab *c, struct ask *ask, struct session *s,
    const struct bb_line *line)
{
	struct bb_admit request = { 0 };
	char ended[BB_ENDED_MAX];
	struct bb_resumed row;
	int64_t start = bb_clock_us();
	struct settings *set;
	enum bb_db_result r;

	if (s != NULL && !fits(s, line)) {
		refuse(c, ask, "");
		return;
	}
	if (!turn_begin(c))
		return; /* the turn answers Server Busy */
	set = settings_get(c, line->service);
	request.take_over = c->lasting && set != NULL && set->type != NULL &&
			    set->type->outlives;
	if (s == NULL && !request.take_over) {
		if (!c->turn_failed)
			refuse(c, ask, "");
		return;
	}
	attach_request(&request, line, c->owner);
	r = bb_resume(c->db, &request, attach_hex(line->d, "session"), &row);
	if (r == BB_DB_OK) {
		answer_step(ask, 4,
		    "asked the configuration database: the session goes on",
		    bb_clock_us() - start);
		wake_former(c, line->pin, row.from);
		s = find_or_take(c, s, line, &request, &row);
		if (s != NULL)
			go_on(c, ask, s, line, &request, &row);
		return;
	}
	/* Ended since we looked, which the answer says; or its user was
	 * blocked, and it goes on. */
	(void)turn_ok(c, NULL, r);
	if (s != NULL && !c->turn_failed &&
	    bb_session_check(c->db, &s->fence, ended) == BB_DB_FENCED)
		session_leave(c, s);
	if (!c->turn_failed)
		refuse(c, ask, row.ended);
}
