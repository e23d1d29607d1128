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

static struct ask *
ask_new(struct collab *c, struct bb_line *line)
{
	struct ask *ask;

	if ((ask = calloc(1, sizeof(*ask))) == NULL)
		return NULL;
	ask->head.pin = line->pin;
	ask->head.att = line->att;
	ask->head.link = line->link;
	ask->head.has_reply = true;
	memcpy(ask->head.kid, line->kid, sizeof(line->kid));
	memcpy(ask->head.nonce, line->nonce, sizeof(line->nonce));
	ask->trace = json_incref(line->trace);
	ask->next = c->asks;
	c->asks = ask;
	return ask;
}

/* Tells the store how many sessions of a service this process can hold, once
 * and when the setting has changed. */
static enum bb_db_result
tell_served(struct collab *c, const struct bb_service *service,
    const struct bb_im_type *type)
{
	int64_t api_max = backend_api_max(type, service);
	enum bb_db_result r;
	size_t i;

	for (i = 0; i < c->served_len; i++)
		if (strcmp(c->served[i].service, service->name) == 0)
			break;
	if (i < c->served_len && c->served[i].api_max == api_max)
		return BB_DB_OK;
	r = bb_owner_serves(c->db, c->owner, service->name, api_max);
	if (r != BB_DB_OK || i == SERVED_MAX)
		return r;
	memcpy(c->served[i].service, service->name, sizeof(service->name));
	c->served[i].api_max = api_max;
	if (i == c->served_len)
		c->served_len++;
	return BB_DB_OK;
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
		if (a->mine[i] != own && s->core.state == BB_SESSION_LIVE)
			answer_data(c, s,
			    json_pack("{s:s, s:s}", "op", "bye", "ended",
				"evicted"));
		session_leave(c, s);
	}
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

	snprintf(what, sizeof(what), "asked the configuration database: %s: %s",
	    bb_verdict_text(a->decision.verdict), a->reason);
	answer_step(ask, 4, what, us);
}

static uint64_t
hex_member(const json_t *d, const char *name)
{
	uint64_t v = 0;

	if (!bb_text_u64_hex_scan(member(d, name), &v))
		return 0;
	return v;
}

static void
request_fill(struct bb_admit *r, const struct bb_line *line, int64_t owner)
{
	const json_t *coverage = json_object_get(line->d, "coverage");

	r->pin = line->pin;
	r->user = line->user;
	r->service = line->service;
	r->account = member(line->d, "user");
	r->owner = owner;
	r->att = line->att;
	r->link = line->link;
	r->numbering = hex_member(line->d, "numbering");
	r->have =
	    (uint64_t)json_integer_value(json_object_get(line->d, "have"));
	r->coverage = !json_is_false(coverage);
	r->now_ms = bb_clock_ms();
}

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

	snprintf(s->show, sizeof(s->show), "%s", show != NULL ? show : "");
	snprintf(s->status, sizeof(s->status), "%s",
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

/* An end that the device did not bring about itself. */
static bool
worth_telling(const char *ended)
{
	static const char *const words[] = { "evicted", "inactive", "killed",
		"lost" };
	size_t i;

	for (i = 0; i < BB_LEN(words); i++)
		if (strcmp(words[i], ended) == 0)
			return true;
	return false;
}

static void
session_start(struct collab *c, struct ask *ask, const struct bb_line *line,
    const struct bb_admit *request, const struct bb_admitted *a)
{
	const struct bb_session_line at = { line->att, 0, line->link };
	const struct bb_im_type *type = bb_im_find(a->service.type);
	struct session *s;

	leave_ended(c, a, line->pin);
	if (type == NULL || (s = session_new(c, a, request, type)) == NULL) {
		bb_log(BB_LOG_ERROR, "unable to begin a session for %08x: %s",
		    line->pin,
		    type == NULL ? "unknown type of service" : strerror(errno));
		c->turn_failed = true; /* gives the slot back */
		return;
	}
	bb_session_step(&s->core, BB_SE_LOGIN, &at);
	s->ask = ask;
	ask->session = s;
	if (worth_telling(a->ended))
		snprintf(s->ended, sizeof(s->ended), "%s", a->ended);
	session_login(c, s, line);
}

static enum bb_db_result
admit(struct collab *c, const struct bb_admit *request, struct bb_admitted *a)
{
	const struct bb_im_type *type;
	struct bb_service service;
	enum bb_db_result r;

	r = bb_service_get(c->db, request->service, &service);
	if (r != BB_DB_OK)
		return r;
	if ((type = bb_im_find(service.type)) == NULL)
		return BB_DB_NONE;
	r = tell_served(c, &service, type);
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
	request_fill(&request, line, c->owner);
	r = admit(c, &request, &a);
	if (r == BB_DB_NONE) {
		answer_refuse(c, ask, "badrequest", "bad request",
		    "no such IM service");
	} else if (turn_ok(c, NULL, r)) {
		trace_admission(ask, &a, bb_clock_us() - start);
		if (a.decision.verdict == BB_ADMITTED ||
		    a.decision.verdict == BB_REPLACED)
			session_start(c, ask, line, &request, &a);
		else {
			if (a.decision.evict)
				leave_ended(c, &a, 0);
			refuse_verdict(c, ask, &a);
		}
	}
	bb_admitted_clear(&a);
}

static void
refuse_resume(struct collab *c, struct ask *ask)
{
	answer_refuse(c, ask, "unknown-session", "unknown session",
	    "log in again");
}

/* Only a session that this process holds: one that a dead process left is
 * begun again by a login. */
static void
attach_resume(struct collab *c, struct ask *ask, struct session *s,
    const struct bb_line *line)
{
	const struct bb_session_line at = { line->att, 0, line->link };
	enum bb_db_result r;
	uint64_t have;

	if (s == NULL || hex_member(line->d, "session") != s->id ||
	    strcmp(s->user, line->user) != 0 ||
	    strcmp(s->service.name, line->service) != 0 || !s->logged_in ||
	    s->ask != NULL) {
		refuse_resume(c, ask);
		return;
	}
	if (!turn_begin(c))
		return; /* the turn answers Server Busy */
	r = bb_session_offer(c->db, &s->fence, line->att, line->link);
	if (!turn_ok(c, s, r)) {
		/* Killed, evicted or taken over since we looked. */
		if (!c->turn_failed)
			refuse_resume(c, ask);
		return;
	}
	bb_session_step(&s->core, BB_SE_RESUME, &at);
	have = (uint64_t)json_integer_value(json_object_get(line->d, "have"));
	s->ask = ask;
	ask->session = s;
	s->touched = true;
	data_ack(c, s, have);
	s->sent = s->acked;
	s->coverage = !json_is_false(json_object_get(line->d, "coverage"));
	session_line_seen(s, false);
	if (line->m != NULL)
		data_batch(c, s, line->m);
	data_work(c, s);
}

void
attach_line(struct collab *c, struct bb_line *line)
{
	const struct bb_session_line at = { line->att, 0, line->link };
	const char *op = member(line->d, "op");
	bool login = strcmp(op, "login") == 0;
	struct session *s = session_find(c, line->pin);
	struct bb_session_core peek;
	struct ask *ask;

	if (s != NULL) {
		peek = s->core;
		if (bb_session_step(&peek, login ? BB_SE_LOGIN : BB_SE_RESUME,
			&at) == BB_SA_DROP) {
			bb_log(BB_LOG_INFO, "attach %u of %08x came too late",
			    line->att, line->pin);
			return;
		}
	}
	if ((ask = ask_new(c, line)) == NULL) {
		bb_log(BB_LOG_ERROR, "unable to take an attach: %s",
		    strerror(errno));
		c->status = BB_EXIT_TEMP;
		return;
	}
	if (strcmp(line->service, member(line->d, "service")) != 0)
		answer_refuse(c, ask, "badrequest", "bad request",
		    "two different IM services in one attach");
	else if (login)
		attach_login(c, ask, line);
	else
		attach_resume(c, ask, s, line);
}

void
attach_complete(struct collab *c, struct session *s)
{
	json_t *d, *m = NULL, *results;
	struct ask *ask = s->ask;
	char id[BB_U64_HEX_MAX];

	bb_text_u64_hex(s->id, id);
	if (s->fetch)
		m = answer_events(c, s, EVENTS_UNDER_WAY);
	s->fetch = false;
	s->report = false;
	if (s->life != LIFE_IN) {
		json_decref(m);
		return;
	}
	d = json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I}", "op", "answer",
	    "result", "ok", "text", "logged in", "session", id, "resume", 0,
	    "status_interval",
	    (json_int_t)(s->service.limit[BB_LIMIT_STATUS_INTERVAL] / 1000),
	    "up_next", (json_int_t)s->up_next);
	if (d != NULL && (results = answer_results(s)) != NULL)
		json_object_set_new(d, "results", results);
	if (d != NULL && s->ended[0] != '\0')
		json_object_set_new(d, "ended", json_string(s->ended));
	s->ended[0] = '\0';
	answer_ask(c, ask, d, m);
}

void
attach_failed(struct collab *c, struct session *s, const char *result,
    const char *text, const char *reason)
{
	if (s->ask != NULL && !s->ask->answered)
		answer_refuse(c, s->ask, result, text, reason);
	session_end(c, s, "refused");
}
