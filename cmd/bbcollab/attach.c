/* Attaches: admission, the session, the login at the IM server, the answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"
#include "wire/text.h"

static const char *
member(const json_t *d, const char *name)
{
	return json_string_value(json_object_get(d, name));
}

uint64_t
attach_hex(const json_t *d, const char *name)
{
	uint64_t v = 0;

	if (!bb_text_u64_hex_scan(member(d, name), &v))
		return 0;
	return v;
}

bool
attach_worth_telling(const char *ended)
{
	static const char *const words[] = { "evicted", "inactive", "killed",
		"lost" };
	size_t i;

	for (i = 0; i < BB_LEN(words); i++)
		if (strcmp(words[i], ended) == 0)
			return true;
	return false;
}

void
attach_request(struct bb_admit *r, const struct bb_line *line, int64_t owner)
{
	const json_t *coverage = json_object_get(line->d, "coverage");

	r->pin = line->pin;
	r->user = line->user;
	r->service = line->service;
	r->account = member(line->d, "user");
	r->owner = owner;
	r->att = line->att;
	r->link = line->link;
	r->numbering = attach_hex(line->d, "numbering");
	r->have =
	    (uint64_t)json_integer_value(json_object_get(line->d, "have"));
	r->coverage = !json_is_false(coverage);
	r->now_ms = bb_clock_ms();
}

/* ---- admission ---- */

/* Tells the store how many sessions of a service this process can hold, once
 * and when the setting has changed. */
static enum bb_db_result
tell_served(struct collab *c, struct settings *set)
{
	int64_t api_max = backend_api_max(set->type, &set->service);
	enum bb_db_result r;

	if (set->served && set->api_max == api_max)
		return BB_DB_OK;
	r = bb_owner_serves(c->db, c->owner, set->service.name, api_max);
	set->served = r == BB_DB_OK;
	set->api_max = api_max;
	return r;
}

/* Sessions of ours that this admission has ended in the store. */
static void
leave_ended(struct collab *c, const struct bb_admitted *a, uint32_t own)
{
	struct session *s;
	size_t i;

	for (i = 0; i < a->mine_len; i++) {
		if ((s = session_find(c, a->mine[i])) == NULL)
			continue;
		if (a->mine[i] != own)
			answer_bye(c, s, "evicted");
		session_leave(c, s);
	}
	turn_wake(c, &a->others);
	c->tallies.evicted += (uint64_t)a->evicted;
}

static void
refuse_verdict(struct collab *c, struct ask *ask, const struct bb_admitted *a)
{
	const struct bb_admission *v = &a->decision;
	json_t *d;

	d = json_pack("{s:s, s:s, s:s, s:s}", "op", "answer", "result",
	    bb_verdict_word(v->verdict), "text", bb_verdict_text(v->verdict),
	    "reason", a->reason);
	if (d != NULL && v->verdict == BB_FAILED)
		json_object_set_new(d, "code", json_integer(BB_STATUS_FAILED));
	if (d != NULL && v->verdict == BB_SERVER_BUSY && v->retry_after_ms >= 0)
		json_object_set_new(d, "retry_after",
		    json_integer(
			(json_int_t)((v->retry_after_ms + 999) / 1000)));
	answer_ask(c, ask, d, NULL);
}

static void
trace_admission(struct ask *ask, const struct bb_admitted *a, int64_t us)
{
	char what[255];

	(void)snprintf(what, sizeof(what),
	    "asked the configuration database: %s: %s",
	    bb_verdict_text(a->decision.verdict), a->reason);
	answer_step(ask, 4, what, us);
}

/* ---- the login at the IM server ---- */

static void
session_login(struct collab *c, struct session *s, const struct bb_line *line)
{
	const json_t *password = json_object_get(line->d, "password");
	const char *show = member(line->d, "show");
	const char *status = member(line->d, "status");
	struct bb_secret secret = { NULL, 0 };
	struct bb_request request = { .type = BB_REQUEST_LOGIN,
		.wall_s = bb_clock_wall_s(),
		.password = &secret,
		.show = show,
		.status = status };

	(void)snprintf(s->ask->show, sizeof(s->ask->show), "%s",
	    show != NULL ? show : "");
	(void)snprintf(s->ask->status, sizeof(s->ask->status), "%s",
	    status != NULL ? status : "");
	if (line->m != NULL)
		data_batch(c, s, line->m);
	s->ask->login_us = bb_clock_us();
	if (bb_secret_set(&secret, json_string_value(password),
		json_string_length(password)) == -1 ||
	    backend_request(c, s, &request) == -1)
		attach_failed(c, s, "unavailable", "IM server unavailable",
		    "the gateway has no memory");
	bb_secret_clear(&secret);
	if (s->life == LIFE_IN && s->logged_in)
		data_work(c, s);
}

static void
session_start(struct collab *c, struct ask *ask, const struct bb_line *line,
    const struct bb_admit *request, const struct bb_admitted *a)
{
	const struct bb_session_line at = { line->att, 0, line->link };
	struct session_seed seed = { .pin = line->pin,
		.user = line->user,
		.account = request->account,
		.id = a->session,
		.term = a->term,
		.up_next = a->up_next,
		.have = request->have,
		.coverage = request->coverage };
	struct session *s = NULL;

	leave_ended(c, a, line->pin);
	seed.settings = settings_put(c, &a->service);
	if (seed.settings == NULL || seed.settings->type == NULL ||
	    (s = session_new(c, &seed)) == NULL) {
		bb_log(BB_LOG_ERROR, "unable to begin a session for %08x: %s",
		    line->pin,
		    s == NULL ? strerror(errno) : "unknown type of service");
		c->turn_failed = true; /* gives the slot back */
		return;
	}
	bb_session_step(&s->core, BB_SE_LOGIN, &at);
	s->ask = ask;
	s->via = ask->via;
	ask->session = s;
	if (attach_worth_telling(a->ended))
		(void)snprintf(ask->ended, sizeof(ask->ended), "%s", a->ended);
	session_login(c, s, line);
}

static enum bb_db_result
admit(struct collab *c, const struct bb_admit *request, struct bb_admitted *a)
{
	struct settings *set = settings_get(c, request->service);
	enum bb_db_result r;

	if (set == NULL || set->type == NULL)
		return c->turn_failed ? BB_DB_ERROR : BB_DB_NONE;
	r = tell_served(c, set);
	if (r != BB_DB_OK)
		return r;
	return bb_admit(c->db, request, a);
}

static void
attach_login(struct collab *c, struct ask *ask, const struct bb_line *line)
{
	struct bb_admitted a = { 0 };
	struct bb_admit request = { 0 };
	int64_t start = bb_clock_us();
	enum bb_db_result r;

	if (!turn_begin(c))
		return; /* the turn answers Server Busy */
	attach_request(&request, line, c->owner);
	r = admit(c, &request, &a);
	if (r == BB_DB_NONE) {
		answer_refuse(c, ask, "badrequest", "bad request",
		    "no such IM service");
	} else if (turn_ok(c, NULL, r)) {
		trace_admission(ask, &a, bb_clock_us() - start);
		if (a.decision.verdict == BB_ADMITTED ||
		    a.decision.verdict == BB_REPLACED) {
			session_start(c, ask, line, &request, &a);
		} else {
			if (a.decision.evict)
				leave_ended(c, &a, 0);
			refuse_verdict(c, ask, &a);
		}
	} else if (!c->turn_failed) {
		/* Taken for dead: the next tick begins anew. */
		answer_refuse(c, ask, "busy", "Server Busy",
		    "the gateway begins anew");
	}
	bb_admitted_clear(&a);
}

/* ---- lines ---- */

static bool
came_too_late(const struct session *s, const struct bb_line *line, bool login)
{
	const struct bb_session_line at = { line->att, 0, line->link };
	struct bb_session_core peek;

	if (s == NULL)
		return false;
	peek = s->core;
	return bb_session_step(&peek, login ? BB_SE_LOGIN : BB_SE_RESUME,
		   &at) == BB_SA_DROP;
}

void
attach_line(struct via *via, struct bb_line *line)
{
	bool login = strcmp(member(line->d, "op"), "login") == 0;
	struct collab *c = via->c;
	struct session *s = session_find(c, line->pin);
	struct ask *ask;

	if (came_too_late(s, line, login)) {
		bb_log(BB_LOG_INFO, "attach %u of %08x came too late",
		    line->att, line->pin);
		return;
	}
	if ((ask = ask_new(via, line)) == NULL) {
		bb_log(BB_LOG_ERROR, "unable to take an attach: %s",
		    strerror(errno));
		if (!c->lasting)
			c->status = BB_EXIT_TEMP;
		return;
	}
	if (strcmp(line->service, member(line->d, "service")) != 0)
		answer_refuse(c, ask, "badrequest", "bad request",
		    "two different IM services in one attach");
	else if (login)
		attach_login(c, ask, line);
	else
		resume_line(c, ask, s, line);
}

/* ---- the answer ---- */

void
attach_complete(struct collab *c, struct session *s)
{
	json_t *d, *m = NULL, *results;
	struct ask *ask = s->ask;
	char id[BB_U64_HEX_MAX];

	bb_text_u64_hex(s->id, id);
	if (s->fetch)
		m = push_events(c, s, EVENTS_UNDER_WAY);
	s->fetch = false;
	s->report = false;
	if (s->life != LIFE_IN) {
		json_decref(m);
		return;
	}
	d = json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I}", "op", "answer",
	    "result", "ok", "text", "logged in", "session", id, "resume",
	    (int)c->lasting, "status_interval",
	    (json_int_t)(s->settings->service.limit[BB_LIMIT_STATUS_INTERVAL] /
			 1000),
	    "up_next", (json_int_t)s->up_next);
	if (d != NULL && (results = push_results(s)) != NULL)
		json_object_set_new(d, "results", results);
	if (d != NULL && ask->ended[0] != '\0')
		json_object_set_new(d, "ended", json_string(ask->ended));
	turn_touch(c, s);
	answer_ask(c, ask, d, m);
	if (c->filter == NULL) {
		bb_due_begin(&c->confirm, &s->due, bb_clock_ms());
		tick_set(c);
	}
}

void
attach_failed(struct collab *c, struct session *s, const char *result,
    const char *text, const char *reason)
{
	struct ask *ask = s->ask;

	if (ask != NULL && !ask->answered && ask->adopting)
		answer_refuse(c, ask, "unknown-session", "unknown session",
		    "log in again");
	else if (ask != NULL && !ask->answered)
		answer_refuse(c, ask, result, text, reason);
	session_end(c, s, "refused");
}
