/* Does what a back end wants: the store, jobs off the loop, events. */
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
#include "serve/password.h"

#define DESCRIPTORS_KEPT 64 /* for the store, the loop, the log */
#define DELIVER_PINS 64     /* devices of one account in one process */

/* A password check under way in a thread: touches nothing but this. */
struct job {
	struct job *next;
	struct collab *c;
	struct session *s; /* NULL: the session is gone */
	uint64_t id;
	struct bb_secret password;
	char verifier[BB_VERIFIER_MAX];
	bool has_verifier;
	int answer;
};

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

static void
give(struct collab *c, struct session *s, struct bb_input *in)
{
	in->now_ms = bb_clock_ms();
	if (s->type->input(s->im, in) == -1) {
		bb_log(BB_LOG_ERROR,
		    "unable to go on with the session of "
		    "%08x: %s",
		    s->fence.pin, strerror(errno));
		c->turn_failed = true;
	}
}

/* ---- jobs ---- */

static void
job_free(struct job *job)
{
	struct job **at;

	if (job->s != NULL)
		for (at = &job->s->jobs; *at != NULL; at = &(*at)->next)
			if (*at == job) {
				*at = job->next;
				break;
			}
	bb_secret_clear(&job->password);
	bb_wipe(job->verifier, sizeof(job->verifier));
	free(job);
}

static void
job_run(void *arg)
{
	struct job *job = arg;

	job->answer = bb_password_check(&job->password,
	    job->has_verifier ? job->verifier : NULL);
}

static void
job_done(void *arg)
{
	struct job *job = arg;
	struct collab *c = job->c;
	struct session *s = job->s;
	struct bb_input in = { .type = BB_INPUT_JOB, .id = job->id };

	in.status = job->answer == 1   ? BB_IM_OK
		    : job->answer == 0 ? BB_IM_NO
				       : BB_IM_FAILED;
	job_free(job);
	if (s == NULL)
		return;
	s->touched = true;
	give(c, s, &in);
	backend_pump(c, s);
	if (s->life == LIFE_IN)
		data_work(c, s);
}

void
backend_forget_jobs(struct session *s)
{
	struct job *job, *next;

	for (job = s->jobs; job != NULL; job = next) {
		next = job->next;
		job->s = NULL;
		job->next = NULL;
	}
	s->jobs = NULL;
}

void
backend_job_dropped(void *job)
{
	job_free(job);
}

static int
job_start(struct collab *c, struct session *s, const struct bb_want *w)
{
	struct job *job;

	if ((job = calloc(1, sizeof(*job))) == NULL)
		return -1;
	job->c = c;
	job->id = w->id;
	if (bb_secret_set(&job->password, w->password->text,
		w->password->len) == -1)
		goto out;
	if (w->verifier != NULL) {
		job->has_verifier = true;
		snprintf(job->verifier, sizeof(job->verifier), "%s",
		    w->verifier);
	}
	if (bb_work_submit(c->work, job_run, job_done, job) == -1)
		goto out;
	job->s = s;
	job->next = s->jobs;
	s->jobs = job;
	return 0;
out:
	job_free(job);
	return -1;
}

static void
do_job(struct collab *c, struct session *s, const struct bb_want *w)
{
	struct bb_input in = { .type = BB_INPUT_JOB, .id = w->id };

	if (job_start(c, s, w) == 0)
		return;
	bb_log(BB_LOG_WARN, "unable to check a password: %s", strerror(errno));
	in.status = BB_IM_FAILED;
	give(c, s, &in);
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
	give(c, s, &in);
	bb_wipe(verifier, sizeof(verifier));
}

static void
deliver(struct collab *c, struct session *s, const struct bb_want *w)
{
	struct bb_input in = { .type = BB_INPUT_STORE,
		.id = w->id,
		.status = BB_IM_FAILED };
	uint32_t pins[DELIVER_PINS];
	struct bb_delivery d = { .owner = c->owner,
		.service = s->service.name,
		.account = w->account,
		.body = w->text,
		.body_len = w->len,
		.now_s = bb_clock_wall_s(),
		.pins = pins,
		.pins_max = BB_LEN(pins) };
	struct session *other;
	size_t i;

	if (turn_begin(c))
		in.status = store_status(c, s, bb_spool_deliver(c->db, &d));
	for (i = 0; i < d.pins_len && in.status == BB_IM_OK; i++)
		if ((other = session_find(c, pins[i])) != NULL)
			answer_push(c, other);
	give(c, s, &in);
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

static void
logged_in(struct collab *c, struct session *s, const struct bb_want *w)
{
	int64_t us = bb_clock_us();
	char what[255];
	size_t moved;

	if (!turn_begin(c) ||
	    !turn_ok(c, s,
		bb_session_cache(c->db, &s->fence,
		    w->handle != NULL ? w->handle : "", "")) ||
	    !turn_ok(c, s,
		bb_inbox_take(c->db, &s->fence, bb_clock_wall_s(), &moved)))
		return;
	if (s->show[0] != '\0' &&
	    !turn_ok(c, s,
		bb_session_presence(c->db, &s->fence, s->show, s->status)))
		return;
	s->logged_in = true;
	if (s->ask == NULL)
		return;
	snprintf(what, sizeof(what),
	    "reformatted the request for service %s (%s) and sent it",
	    s->service.name, s->type->name);
	answer_step(s->ask, 5, what, us - s->ask->login_us);
	answer_step(s->ask, 6, "the IM server accepted; a session listens",
	    bb_clock_us() - us);
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
		answer_store_event(c, s, w->text, w->len);
		break;
	}
}

int
backend_request(struct collab *c, struct session *s,
    const struct bb_request *request)
{
	if (s->type->request(s->im, request) == -1)
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
	    s->type->name);
	give(c, s, &in);
}

void
backend_pump(struct collab *c, struct session *s)
{
	struct bb_want w;

	while (s->im != NULL && s->type->next(s->im, &w))
		switch (w.type) {
		case BB_WANT_STORE:
			do_store(c, s, &w);
			break;
		case BB_WANT_JOB:
			do_job(c, s, &w);
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
