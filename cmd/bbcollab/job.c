/* Work off the loop: password checks in threads, and what follows from them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/log.h"
#include "collab.h"
#include "serve/password.h"

/* A password check under way in a thread: touches nothing but this. */
struct job {
	struct job *next;      /* of its session, or of those that are done */
	struct job *next_done; /* and wait for the store */
	struct collab *c;
	struct session *s; /* NULL: the session is gone */
	uint64_t id;
	struct bb_secret password;
	char verifier[BB_VERIFIER_MAX];
	bool has_verifier;
	int answer;
};

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
job_tell(struct job *job)
{
	struct collab *c = job->c;
	struct session *s = job->s;
	struct bb_input in = { .type = BB_INPUT_JOB, .id = job->id };

	in.status = job->answer == 1   ? BB_IM_OK
		    : job->answer == 0 ? BB_IM_NO
				       : BB_IM_FAILED;
	job_free(job);
	if (s == NULL)
		return;
	turn_touch(c, s);
	backend_give(c, s, &in);
	backend_pump(c, s);
	if (s->life == LIFE_IN)
		data_work(c, s);
}

/* The verdict will need the store. */
static void
job_done(void *arg)
{
	struct job *job = arg;
	struct collab *c = job->c;

	if (job->s == NULL || stall_gate(c)) {
		job_tell(job);
		return;
	}
	job->next_done = c->jobs_done;
	c->jobs_done = job;
}

void
jobs_go_on(struct collab *c)
{
	struct job *job;

	while (c->jobs_done != NULL && stall_gate(c)) {
		job = c->jobs_done;
		c->jobs_done = job->next_done;
		job_tell(job);
	}
}

void
jobs_free(struct collab *c)
{
	struct job *job;

	while ((job = c->jobs_done) != NULL) {
		c->jobs_done = job->next_done;
		job_free(job);
	}
}

void
jobs_forget(struct session *s)
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
job_dropped(void *job)
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
		(void)snprintf(job->verifier, sizeof(job->verifier), "%s",
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

void
job_do(struct collab *c, struct session *s, const struct bb_want *w)
{
	struct bb_input in = { .type = BB_INPUT_JOB, .id = w->id };

	if (job_start(c, s, w) == 0)
		return;
	bb_log(BB_LOG_WARN, "unable to check a password: %s", strerror(errno));
	in.status = BB_IM_FAILED;
	backend_give(c, s, &in);
}
