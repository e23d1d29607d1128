/* The worker pool: jobs run off the loop and come back to it. */
#include "serve/work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cc.h"
#include "tap.h"

#define JOBS 200

/* One job's own memory: nothing else is touched by its thread. */
struct job_arg {
	pthread_t by;
	int input, result;
	int gate; /* descriptor that a byte or its end opens; -1: none */
	bool ran, blocked_signals;
	struct all *all;
};

struct all {
	struct bb_work *work;
	pthread_t loop_thread;
	int done, dropped;
	bool done_elsewhere;
	struct job_arg *resubmit;
};

static void
run(void *arg)
{
	struct job_arg *job = arg;
	sigset_t mask;
	char byte;

	if (job->gate != -1 && read(job->gate, &byte, 1) == -1)
		job->input = 0;
	job->by = pthread_self();
	if (pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0)
		job->blocked_signals = sigismember(&mask, SIGTERM) == 1 &&
				       sigismember(&mask, SIGINT) == 1;
	job->result = job->input * 2;
	job->ran = true;
}

static void
done(void *arg)
{
	struct job_arg *job = arg, *next = job->all->resubmit;

	job->all->done++;
	if (!pthread_equal(pthread_self(), job->all->loop_thread))
		job->all->done_elsewhere = true;
	job->all->resubmit = NULL;
	if (next != NULL &&
	    bb_work_submit(job->all->work, run, done, next) == -1)
		tap_ok(false, "a done can submit another job");
}

static void
dropped(void *arg)
{
	struct job_arg *job = arg;

	job->all->dropped++;
}

static void
test_many(void)
{
	static struct job_arg jobs[JOBS];
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	struct all all = { .loop_thread = pthread_self() };
	int i, right = 0, elsewhere = 0, blocked = 0;

	all.work = bb_work_new(loop, 4, JOBS);
	TAP_EQ_INT(bb_loop_run(loop), 0, "an idle pool does not hold the loop");
	for (i = 0; i < JOBS; i++) {
		jobs[i].input = i;
		jobs[i].gate = -1;
		jobs[i].all = &all;
		if (bb_work_submit(all.work, run, done, &jobs[i]) == -1)
			tap_ok(false, "job %d is taken", i);
	}
	TAP_EQ_INT(bb_work_pending(all.work), JOBS, "all jobs are pending");
	TAP_EQ_INT(bb_loop_run(loop), 0, "the loop ends when all are done");
	TAP_EQ_INT(all.done, JOBS, "each job was done once");
	TAP_EQ_INT(bb_work_pending(all.work), 0, "none is pending");
	tap_ok(!all.done_elsewhere, "done is called by the loop's thread");
	for (i = 0; i < JOBS; i++) {
		right += jobs[i].result == 2 * i && jobs[i].ran;
		elsewhere += !pthread_equal(jobs[i].by, all.loop_thread);
		blocked += jobs[i].blocked_signals;
	}
	TAP_EQ_INT(right, JOBS, "each has its own result");
	TAP_EQ_INT(elsewhere, JOBS, "no job ran in the loop's thread");
	TAP_EQ_INT(blocked, JOBS, "signals are blocked in the threads");
	bb_work_free(all.work, dropped);
	TAP_EQ_INT(all.dropped, 0, "nothing was left to drop");
	bb_loop_free(loop);
}

static void
test_full(void)
{
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	struct all all = { .loop_thread = pthread_self() };
	struct job_arg jobs[4] = { 0 };
	int gate[2], i, taken = 0;

	if (pipe(gate) == -1)
		return;
	all.work = bb_work_new(loop, 1, 2);
	for (i = 0; i < 4; i++) {
		jobs[i].gate = gate[0];
		jobs[i].all = &all;
		taken += bb_work_submit(all.work, run, done, &jobs[i]) == 0;
	}
	TAP_EQ_INT(errno, EAGAIN, "a full queue says EAGAIN");
	TAP_EQ_INT(taken, 3, "one job runs and two wait, not more");
	(void)close(gate[1]);
	(void)bb_loop_run(loop);
	TAP_EQ_INT(all.done, 3, "those that were taken are done");
	(void)close(gate[0]);
	bb_work_free(all.work, dropped);
	bb_loop_free(loop);
}

static void *
open_gate(void *arg)
{
	const int *fd = arg;
	struct timespec while_free_waits = { .tv_nsec = 20000000 };

	(void)nanosleep(&while_free_waits, NULL);
	(void)close(*fd);
	return NULL;
}

static void
test_free_early(void)
{
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	struct all all = { .loop_thread = pthread_self() };
	struct job_arg jobs[3] = { 0 };
	pthread_t opener;
	int gate[2], i;

	if (pipe(gate) == -1)
		return;
	all.work = bb_work_new(loop, 1, 5);
	for (i = 0; i < 3; i++) {
		jobs[i].gate = i == 0 ? gate[0] : -1;
		jobs[i].all = &all;
		if (bb_work_submit(all.work, run, done, &jobs[i]) == -1)
			tap_ok(false, "job %d is taken", i);
	}
	if (pthread_create(&opener, NULL, open_gate, &gate[1]) != 0)
		return;
	bb_work_free(all.work, dropped);
	(void)pthread_join(opener, NULL);
	TAP_EQ_INT(all.dropped, 3,
	    "free gives back each job that was not done");
	TAP_EQ_INT(all.done, 0, "and calls done for none");
	TAP_EQ_INT(jobs[1].ran + jobs[2].ran, 0, "a waiting job is not run");
	(void)close(gate[0]);
	bb_loop_free(loop);
}

static void
test_resubmit(void)
{
	struct bb_loop *loop = bb_loop_new(BB_LOOP_SOCKETS);
	struct all all = { .loop_thread = pthread_self() };
	struct job_arg jobs[2] = { 0 };

	all.work = bb_work_new(loop, 16, 0);
	jobs[0].gate = jobs[1].gate = -1;
	jobs[0].all = jobs[1].all = &all;
	all.resubmit = &jobs[1];
	TAP_EQ_INT(bb_work_submit(all.work, run, done, &jobs[0]), 0,
	    "a pool without a queue takes a job for a thread");
	(void)bb_loop_run(loop);
	TAP_EQ_INT(all.done, 2, "a job submitted by a done is done too");
	bb_work_free(all.work, NULL);
	bb_loop_free(loop);
}

static void
test_bounds(void)
{
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);

	tap_ok(bb_work_new(loop, 0, 1) == NULL && errno == EINVAL,
	    "no threads are no pool");
	tap_ok(bb_work_new(loop, 17, 1) == NULL && errno == EINVAL,
	    "more than 16 threads are refused");
	bb_work_free(NULL, NULL);
	bb_loop_free(loop);
}

int
main(void)
{
	test_many();
	test_full();
	test_free_early();
	test_resubmit();
	test_bounds();
	return tap_done();
}
