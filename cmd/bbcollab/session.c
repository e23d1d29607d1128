/* How a session in memory begins and ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "collab.h"

#define LEAVE_MS 5000 /* the IM server has this long to hear a logout */

static void
session_free(struct session *s)
{
	jobs_forget(s);
	bb_due_end(&s->due);
	if (s->im != NULL)
		s->settings->type->close(s->im);
	json_decref(s->queue);
	json_decref(s->results);
	free(s);
}

/* ---- the beginning ---- */

static void
open_backend(struct session *s)
{
	const struct bb_service *service = &s->settings->service;
	const struct bb_im_type *type = s->settings->type;
	struct bb_im_config config = {
		.service = service->name,
		.host = service->host,
		.port =
		    service->port != 0 ? (uint16_t)service->port : type->port,
		.account = s->account,
	};

	bb_random(&config.seed, sizeof(config.seed));
	s->im = type->open(&config, bb_clock_ms());
}

static struct session *
session_alloc(const struct session_seed *seed)
{
	size_t user = strlen(seed->user) + 1, account = 0;
	struct session *s;

	if (strcmp(seed->user, seed->account) != 0)
		account = strlen(seed->account) + 1;
	if ((s = calloc(1, sizeof(*s) + user + account)) == NULL)
		return NULL;
	memcpy(s->names, seed->user, user);
	s->account = s->names;
	if (account > 0) {
		memcpy(s->names + user, seed->account, account);
		s->account = s->names + user;
	}
	return s;
}

struct session *
session_new(struct collab *c, const struct session_seed *seed)
{
	struct session *s = session_alloc(seed);

	if (s == NULL)
		return NULL;
	s->settings = seed->settings;
	s->fence = (struct bb_fence){ seed->pin, c->owner, seed->term };
	s->id = seed->id;
	s->up_next = seed->up_next;
	s->acked = s->sent = seed->have;
	s->coverage = seed->coverage;
	s->waiting = true;
	s->inbox = true;
	s->last_status_ms = s->last_active_ms = s->stored_ms = bb_clock_ms();
	open_backend(s);
	if (s->im == NULL || table_add(&c->table, s) == -1) {
		session_free(s);
		errno = ENOMEM;
		return NULL;
	}
	turn_touch(c, s);
	return s;
}

/* ---- the end ---- */

/* Moves a session from the table to those that are gone. */
static void
take_out(struct collab *c, struct session *s, enum session_life life)
{
	table_remove(&c->table, s);
	s->next = c->gone;
	c->gone = s;
	s->life = life;
	s->leaving_ms = bb_clock_ms();
	s->via = NULL;
	bb_due_end(&s->due);
	c->dropped += life == LIFE_DROPPED;
	if (s->ask != NULL) {
		s->ask->session = NULL;
		s->ask = NULL;
	}
}

void
session_leave(struct collab *c, struct session *s)
{
	if (s->life != LIFE_IN)
		return;
	if (s->ask != NULL && !s->ask->answered)
		answer_refuse(c, s->ask, "busy", "Server Busy",
		    "the session was ended while it began");
	bb_session_step(&s->core, BB_SE_ENDED, NULL);
	take_out(c, s, LIFE_LEAVING);
}

void
session_lost(struct collab *c, struct session *s)
{
	char ended[BB_ENDED_MAX];

	if (s->life != LIFE_IN)
		return;
	(void)bb_session_check(c->db, &s->fence, ended);
	bb_log(BB_LOG_INFO, "session of %08x: %s", s->fence.pin,
	    ended[0] != '\0' ? ended : "taken over");
	c->tallies.lost++;
	/* Behind a one-way pipe nobody waits for a word. */
	if (attach_worth_telling(ended) && c->filter == NULL)
		answer_bye(c, s, ended);
	session_leave(c, s);
}

/* A login that stands without us is found again in the store when its device
 * comes back; of any other the row is ended at the next tick. */
void
session_drop(struct collab *c, struct session *s)
{
	if (s->life == LIFE_IN)
		take_out(c, s,
		    s->logged_in && s->settings->type->outlives ? LIFE_OVER
								: LIFE_DROPPED);
}

void
session_end(struct collab *c, struct session *s, const char *reason)
{
	if (s->life != LIFE_IN || !turn_begin(c))
		return;
	turn_touch(c, s);
	if (!turn_ok(c, s, bb_session_end(c->db, &s->fence, reason)))
		return;
	answer_bye(c, s, reason);
	session_leave(c, s);
}

/* ---- between ---- */

void
session_line_seen(struct session *s, bool status_message)
{
	s->last_status_ms = bb_clock_ms();
	if (!status_message)
		s->last_active_ms = s->last_status_ms;
}

/* At least every half status interval; how often is enough, the sweeps do. */
bool
session_is_untold(const struct session *s, int64_t now)
{
	int64_t interval = s->settings->service.limit[BB_LIMIT_STATUS_INTERVAL];

	return now > s->stored_ms && now - s->stored_ms >= interval / 2;
}

bool
session_tell_now(const struct session *s)
{
	int64_t interval = s->settings->service.limit[BB_LIMIT_STATUS_INTERVAL];

	return interval / 2 < TICK_MS && session_is_untold(s, bb_clock_ms());
}

void
session_tell(struct collab *c, struct session *s)
{
	if (turn_begin(c) && turn_ok(c, s,
				 bb_session_alive(c->db, &s->fence, s->coverage,
				     s->last_status_ms, s->last_active_ms)))
		s->stored_ms = s->last_status_ms;
}

void
session_coverage(struct collab *c, struct session *s, bool coverage)
{
	if (s->coverage == coverage || !turn_begin(c))
		return;
	turn_touch(c, s);
	s->coverage = coverage;
	session_tell(c, s);
	if (coverage && s->life == LIFE_IN)
		push_again(c, s);
}

void
session_detach(struct collab *c, struct session *s)
{
	const struct bb_session_core *core = &s->core;
	uint32_t att = core->att > core->offered ? core->att : core->offered;

	if (s->life != LIFE_IN || !turn_begin(c))
		return;
	turn_touch(c, s);
	s->via = NULL;
	s->coverage = false;
	if (turn_ok(c, s,
		bb_session_state(c->db, &s->fence, "detached", att,
		    core->link)))
		session_tell(c, s);
}

/* The slot is free and the device told: now the IM server. */
static void
say_logout(struct collab *c, struct session *s)
{
	struct bb_request request = { .type = BB_REQUEST_LOGOUT };

	if (s->core.state != BB_SESSION_STATES && s->im != NULL &&
	    backend_request(c, s, &request) == -1)
		s->life = LIFE_OVER;
	s->core.state = BB_SESSION_STATES; /* said once */
}

void
sessions_settle(struct collab *c)
{
	struct session **at = &c->gone, *s;
	int64_t now;

	if (c->gone == NULL)
		return;
	now = bb_clock_ms();
	for (s = c->gone; s != NULL; s = s->next)
		if (s->life == LIFE_LEAVING)
			say_logout(c, s);
	while ((s = *at) != NULL) {
		if (s->life == LIFE_DROPPED ||
		    (s->life == LIFE_LEAVING &&
			now - s->leaving_ms < LEAVE_MS)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		session_free(s);
	}
}

void
sessions_end_dropped(struct collab *c)
{
	struct session *s;
	enum bb_db_result r;

	for (s = c->gone; s != NULL && c->dropped > 0; s = s->next) {
		if (s->life != LIFE_DROPPED || !turn_begin(c))
			continue;
		r = bb_session_end(c->db, &s->fence, "lost");
		if (r != BB_DB_OK && r != BB_DB_FENCED)
			continue;
		s->life = LIFE_LEAVING;
		s->checked = c->turn;
		c->dropped--;
	}
}

void
sessions_undo(struct collab *c)
{
	struct session *s;

	for (s = c->gone; s != NULL; s = s->next)
		if (s->life == LIFE_LEAVING && !s->logged_in &&
		    s->checked == c->turn) {
			s->life = LIFE_DROPPED;
			c->dropped++;
		}
}

void
sessions_free(struct collab *c)
{
	struct session *s;

	while ((s = table_any(&c->table)) != NULL) {
		table_remove(&c->table, s);
		session_free(s);
	}
	free(c->table.at);
	c->table = (struct table){ 0 };
	while ((s = c->gone) != NULL) {
		c->gone = s->next;
		session_free(s);
	}
}
