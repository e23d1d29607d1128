/* Does what a back end wants: the store, events; jobs: job.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"
#include "configdb/spool.h"

#define DESCRIPTORS_KEPT 64 /* for the store, the loop, the log */
#define DELIVER_PINS 64     /* devices of one account in one process */

int64_t
backend_api_max(const struct bb_im_type *type, const struct bb_service *service)
{
	int64_t set = service->limit[BB_LIMIT_API_MAX];
	struct rlimit files;

	if (set != BB_LIMIT_UNSET)
		return set;
	if (type->sockets_per_session == 0)
		return BB_UNLIMITED;
	if (getrlimit(RLIMIT_NOFILE, &files) == -1 ||
	    files.rlim_cur == RLIM_INFINITY)
		return BB_UNLIMITED;
	if (files.rlim_cur <= DESCRIPTORS_KEPT)
		return 0;
	return (int64_t)((files.rlim_cur - DESCRIPTORS_KEPT) /
			 type->sockets_per_session);
}

void
backend_give(struct collab *c, struct session *s, struct bb_input *in)
{
	in->now_ms = bb_clock_ms();
	if (s->settings->type->input(s->im, in) == -1) {
		bb_log(BB_LOG_ERROR,
		    "unable to go on with the session of "
		    "%08x: %s",
		    s->fence.pin, strerror(errno));
		c->turn_failed = true;
	}
}

/* ---- the store ---- */

static enum bb_im_status
store_status(struct collab *c, struct session *s, enum bb_db_result r)
{
	if (r == BB_DB_NONE)
		return BB_IM_NONE;
	if (r == BB_DB_FULL)
		return BB_IM_FULL;
	return turn_ok(c, s, r) ? BB_IM_OK : BB_IM_FAILED;
}

static void
read_verifier(struct collab *c, struct session *s, const struct bb_want *w)
{
	struct bb_input in = { .type = BB_INPUT_STORE, .id = w->id };
	char verifier[BB_VERIFIER_MAX] = "";

	in.status =
	    store_status(c, s, bb_user_verifier(c->db, w->account, verifier));
	in.text = verifier;
	backend_give(c, s, &in);
	bb_wipe(verifier, sizeof(verifier));
}

static void
deliver(struct collab *c, struct session *s, const struct bb_want *w)
{
	struct bb_input in = { .type = BB_INPUT_STORE,
		.id = w->id,
		.status = BB_IM_FAILED };
	struct bb_others others = { 0 };
	uint32_t pins[DELIVER_PINS];
	struct bb_delivery d = { .owner = c->owner,
		.service = s->settings->service.name,
		.account = w->account,
		.body = w->text,
		.body_len = w->len,
		.now_s = bb_clock_wall_s(),
		.pins = pins,
		.pins_max = BB_LEN(pins),
		.others = &others };
	struct session *other;
	size_t i;

	if (turn_begin(c))
		in.status = store_status(c, s, bb_spool_deliver(c->db, &d));
	if (in.status == BB_IM_OK)
		turn_wake(c, &others);
	c->tallies.spooled += in.status == BB_IM_OK;
	bb_others_clear(&others);
	for (i = 0; i < d.pins_len && in.status == BB_IM_OK; i++)
		if ((other = session_find(c, pins[i])) != NULL)
			push_new(c, other);
	backend_give(c, s, &in);
}

static void
do_store(struct collab *c, struct session *s, const struct bb_want *w)
{
	switch (w->store) {
	case BB_STORE_VERIFIER:
		read_verifier(c, s, w);
		break;
	case BB_STORE_DELIVER:
		deliver(c, s, w);
		break;
	}
}

/* ---- events ---- */

/* What is cached of a login that was taken up stays. */
static bool
store_login(struct collab *c, struct session *s, const struct bb_want *w)
{
	bool adopted = s->ask != NULL && s->ask->adopting;
	size_t moved;

	return turn_begin(c) &&
	       turn_ok(c, s,
		   bb_session_cache(c->db, &s->fence,
		       w->handle != NULL ? w->handle : s->account,
		       adopted ? NULL : "")) &&
	       turn_ok(c, s,
		   bb_inbox_take(c->db, &s->fence, bb_clock_wall_s(), &moved));
}

static void
trace_login(struct session *s, int64_t us)
{
	const struct bb_service *service = &s->settings->service;
	char what[255];

	(void)snprintf(what, sizeof(what),
	    s->ask->adopting
		? "took up the login at service %s (%s)"
		: "reformatted the request for service %s (%s) and sent it",
	    service->name, service->type);
	answer_step(s->ask, 5, what, us - s->ask->login_us);
	answer_step(s->ask, 6, "the IM server accepted; a session listens",
	    bb_clock_us() - us);
}

static void
logged_in(struct collab *c, struct session *s, const struct bb_want *w)
{
	int64_t us = bb_clock_us();

	if (!store_login(c, s, w))
		return;
	if (s->ask != NULL && s->ask->show[0] != '\0' &&
	    !turn_ok(c, s,
		bb_session_presence(c->db, &s->fence, s->ask->show,
		    s->ask->status)))
		return;
	s->logged_in = true;
	if (s->ask != NULL)
		trace_login(s, us);
}

static void
ended(struct collab *c, struct session *s, const struct bb_want *w)
{
	bb_log(BB_LOG_INFO, "the IM server ended the session of %08x: %s",
	    s->fence.pin, w->reason != NULL ? w->reason : "no reason given");
	session_end(c, s, "lost");
}

static void
do_event(struct collab *c, struct session *s, const struct bb_want *w)
{
	const char *reason = w->reason != NULL ? w->reason : "no reason given";

	if (s->life != LIFE_IN) {
		if (w->event == BB_EVENT_DONE)
			s->life = LIFE_OVER; /* the logout was heard */
		return;
	}
	switch (w->event) {
	case BB_EVENT_LOGGED_IN:
		logged_in(c, s, w);
		break;
	case BB_EVENT_REFUSED:
		attach_failed(c, s, "badlogin", "bad login", reason);
		break;
	case BB_EVENT_UNAVAILABLE:
		attach_failed(c, s, "unavailable", "IM server unavailable",
		    reason);
		break;
	case BB_EVENT_SENT:
		data_sent(c, s, w->status, w->reason);
		break;
	case BB_EVENT_DONE:
		break;
	case BB_EVENT_ENDED:
		ended(c, s, w);
		break;
	case BB_EVENT_DELIVER:
		push_store(c, s, w->text, w->len);
		break;
	}
}

int
backend_request(struct collab *c, struct session *s,
    const struct bb_request *request)
{
	if (s->settings->type->request(s->im, request) == -1)
		return -1;
	backend_pump(c, s);
	return 0;
}

/* The network wants come with the first back end that has a network: until
 * then asking for one is a bug of ours, said and answered. */
static void
do_network(struct collab *c, struct session *s, const struct bb_want *w)
{
	struct bb_input in = { .type = BB_INPUT_CLOSED,
		.id = w->id,
		.status = BB_IM_UNREACHABLE };

	bb_log(BB_LOG_ERROR,
	    "type %s wants a network connection: this "
	    "version has none",
	    s->settings->type->name);
	backend_give(c, s, &in);
}

void
backend_pump(struct collab *c, struct session *s)
{
	struct bb_want w;

	while (s->im != NULL && s->settings->type->next(s->im, &w))
		switch (w.type) {
		case BB_WANT_STORE:
			do_store(c, s, &w);
			break;
		case BB_WANT_JOB:
			job_do(c, s, &w);
			break;
		case BB_WANT_EVENT:
			do_event(c, s, &w);
			break;
		case BB_WANT_DIAL:
		case BB_WANT_TLS:
		case BB_WANT_SEND:
		case BB_WANT_HTTP:
		case BB_WANT_TIMER:
		case BB_WANT_HANGUP:
			do_network(c, s, &w);
			break;
		}
}
