/* The table of sessions in this process, and how one ends. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "collab.h"

#define LEAVE_MS 5000 /* the IM server has this long to hear a logout */

static struct session **
bucket(struct collab *c, uint32_t pin)
{
	return &c->table[(pin * 2654435761u) % SESSION_BUCKETS];
}

struct session *
session_find(const struct collab *c, uint32_t pin)
{
	struct session *s;

	s = c->table[(pin * 2654435761u) % SESSION_BUCKETS];
	while (s != NULL && s->fence.pin != pin)
		s = s->next;
	return s;
}

static void
session_free(struct session *s)
{
	backend_forget_jobs(s);
	if (s->im != NULL)
		s->type->close(s->im);
	json_decref(s->queue);
	json_decref(s->results);
	free(s);
}

static void
open_backend(struct session *s, const char *account)
{
	const struct bb_service *service = &s->service;
	struct bb_im_config config = {
		.service = service->name,
		.host = service->host,
		.port = service->port != 0 ? (uint16_t)service->port
					   : s->type->port,
		.account = account,
	};

	bb_random(&config.seed, sizeof(config.seed));
	s->im = s->type->open(&config, bb_clock_ms());
}

struct session *
session_new(struct collab *c, const struct bb_admitted *a,
    const struct bb_admit *request, const struct bb_im_type *type)
{
	struct session *s, **at = bucket(c, request->pin);

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->type = type;
	s->service = a->service;
	s->fence = (struct bb_fence){ request->pin, c->owner, a->term };
	snprintf(s->user, sizeof(s->user), "%s", request->user);
	s->id = a->session;
	s->up_next = a->up_next;
	s->acked = s->sent = request->have;
	s->coverage = request->coverage;
	s->queue = json_array();
	s->results = json_array();
	open_backend(s, request->account);
	if (s->queue == NULL || s->results == NULL || s->im == NULL) {
		session_free(s);
		errno = ENOMEM;
		return NULL;
	}
	s->last_status_ms = s->last_active_ms = s->stored_ms = bb_clock_ms();
	s->touched = true;
	s->next = *at;
	*at = s;
	return s;
}

/* Moves a session from the table to those that are gone. */
static void
take_out(struct collab *c, struct session *s, enum session_life life)
{
	struct session **at;

	for (at = bucket(c, s->fence.pin); *at != NULL; at = &(*at)->next)
		if (*at == s) {
			*at = s->next;
			s->next = c->gone;
			c->gone = s;
			break;
		}
	s->life = life;
	s->leaving_ms = bb_clock_ms();
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
session_drop(struct collab *c, struct session *s)
{
	if (s->life == LIFE_IN)
		take_out(c, s, LIFE_DROPPED);
}

void
session_end(struct collab *c, struct session *s, const char *reason)
{
	enum bb_db_result r;

	if (s->life != LIFE_IN || !turn_begin(c))
		return;
	s->touched = true;
	r = bb_session_end(c->db, &s->fence, reason);
	if (!turn_ok(c, s, r))
		return;
	if (s->core.state == BB_SESSION_LIVE)
		answer_data(c, s,
		    json_pack("{s:s, s:s}", "op", "bye", "ended", reason));
	session_leave(c, s);
}

void
session_line_seen(struct session *s, bool status_message)
{
	s->last_status_ms = bb_clock_ms();
	if (!status_message)
		s->last_active_ms = s->last_status_ms;
	s->touched = true;
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
	int64_t now = bb_clock_ms();

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

/* Rows of sessions that a failed commit left behind. */
static void
end_dropped(struct collab *c)
{
	struct session *s;
	enum bb_db_result r;

	for (s = c->gone; s != NULL; s = s->next) {
		if (s->life != LIFE_DROPPED || !turn_begin(c))
			continue;
		r = bb_session_end(c->db, &s->fence, "lost");
		if (r == BB_DB_OK || r == BB_DB_FENCED)
			s->life = LIFE_LEAVING;
	}
}

/* Writes coverage and last status at least every half status interval; the
 * answer also tells whether the session still is ours. */
static void
tell_store(struct collab *c, struct session *s, int64_t now)
{
	int64_t interval = s->service.limit[BB_LIMIT_STATUS_INTERVAL];
	enum bb_db_result r;

	if (now - s->stored_ms < interval / 2 && now - s->stored_ms < TICK_MS)
		return;
	if (!turn_begin(c))
		return;
	r = bb_session_alive(c->db, &s->fence, s->coverage, s->last_status_ms,
	    s->last_active_ms);
	if (turn_ok(c, s, r))
		s->stored_ms = now;
}

static void
session_tick(struct collab *c, struct session *s, int64_t now)
{
	int64_t inactivity = s->service.limit[BB_LIMIT_INACTIVITY_TIMEOUT];

	if (s->ask == NULL && inactivity != BB_LIMIT_UNSET &&
	    now - s->last_active_ms > inactivity)
		session_end(c, s, "inactive");
	else
		tell_store(c, s, now);
}

void
sessions_tick(void *collab)
{
	struct collab *c = collab;
	struct session *s, *next;
	int64_t now = bb_clock_ms();
	size_t i;

	if (c->owner != 0) {
		if (turn_begin(c))
			turn_ok(c, NULL, bb_owner_seen(c->db, c->owner, now));
		end_dropped(c);
	}
	for (i = 0; i < SESSION_BUCKETS; i++)
		for (s = c->table[i]; s != NULL; s = next) {
			next = s->next;
			session_tick(c, s, now);
		}
	if (bb_timer_set(c->tick, TICK_MS) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

void
sessions_free(struct collab *c)
{
	struct session *s;
	size_t i;

	for (i = 0; i < SESSION_BUCKETS; i++)
		while ((s = c->table[i]) != NULL) {
			c->table[i] = s->next;
			session_free(s);
		}
	while ((s = c->gone) != NULL) {
		c->gone = s->next;
		session_free(s);
	}
}
