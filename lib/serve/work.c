/* The worker pool: a queue of jobs, a few threads, and a pipe that tells the
 * loop when jobs are done.  Everything that two threads touch stands in
 * struct bb_work behind its lock; the loop is never called from a thread. */
#include "serve/work.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cc.h"

#define THREADS_MAX 16

struct job {
	void (*run)(void *arg);
	void (*done)(void *arg);
	void (*dropped)(void *arg); /* NULL: bb_work_free's */
	void *arg;
	struct job *next;
};

struct queue {
	struct job *first;
	struct job **last;
};

struct bb_work {
	/* the loop's thread alone */
	struct bb_io *io;
	int wake[2];
	unsigned threads_max;
	unsigned threads;
	pthread_t thread[THREADS_MAX];
	size_t queue_max;
	size_t pending;

	/* behind the lock */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue waiting;
	struct queue finished;
	unsigned idle;
	bool stop;
};

static void
queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static void
queue_put(struct queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

static struct job *
queue_take(struct queue *queue)
{
	struct job *job = queue->first;

	if (job == NULL)
		return NULL;
	queue->first = job->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	return job;
}

/* Locking fails only when this program is wrong. */
static void
lock(struct bb_work *work)
{
	if (pthread_mutex_lock(&work->lock) != 0)
		abort();
}

static void
unlock(struct bb_work *work)
{
	if (pthread_mutex_unlock(&work->lock) != 0)
		abort();
}

/* A full pipe wakes the loop as well as one more byte would. */
static void
wake_loop(const struct bb_work *work)
{
	ssize_t put;

	do {
		put = write(work->wake[1], "", 1);
	} while (put == -1 && errno == EINTR);
}

static void *
worker(void *arg)
{
	struct bb_work *work = arg;
	struct job *job;

	lock(work);
	for (;;) {
		while (work->waiting.first == NULL && !work->stop) {
			work->idle++;
			if (pthread_cond_wait(&work->more, &work->lock) != 0)
				abort();
			work->idle--;
		}
		if (work->stop)
			break;
		job = queue_take(&work->waiting);
		unlock(work);
		job->run(job->arg);
		lock(work);
		queue_put(&work->finished, job);
		wake_loop(work);
	}
	unlock(work);
	return NULL;
}

static struct job *
take_finished(struct bb_work *work)
{
	struct job *job;

	lock(work);
	job = queue_take(&work->finished);
	unlock(work);
	return job;
}

/* Jobs are done in the order in which they finished.  The loop does not wait
 * for a pool that has nothing to do. */
static void
hand_back(void *ctx, unsigned what)
{
	struct bb_work *work = ctx;
	char bytes[64];
	struct job *job;
	ssize_t got;

	(void)what;
	do {
		got = read(work->wake[0], bytes, sizeof(bytes));
	} while (got > 0);
	while ((job = take_finished(work)) != NULL) {
		work->pending--;
		job->done(job->arg);
		free(job);
	}
	if (work->pending == 0 && bb_io_want(work->io, 0) == -1)
		abort();
}

static int
own_pipe(int fds[2])
{
	int i;

	if (pipe(fds) == -1)
		return -1;
	for (i = 0; i < 2; i++) {
		if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) == -1 ||
		    fcntl(fds[i], F_SETFL, O_NONBLOCK) == -1) {
			(void)close(fds[0]);
			(void)close(fds[1]);
			return -1;
		}
	}
	return 0;
}

struct bb_work *
bb_work_new(struct bb_loop *loop, unsigned threads, size_t queue_max)
{
	struct bb_work *work;

	if (threads == 0 || threads > THREADS_MAX) {
		errno = EINVAL;
		return NULL;
	}
	work = calloc(1, sizeof(*work));
	if (work == NULL)
		return NULL;
	work->threads_max = threads;
	work->queue_max = queue_max;
	queue_init(&work->waiting);
	queue_init(&work->finished);
	if (own_pipe(work->wake) == -1)
		goto no_pipe;
	work->io = bb_io_new(loop, work->wake[0], hand_back, work);
	if (work->io == NULL)
		goto no_io;
	errno = pthread_mutex_init(&work->lock, NULL);
	if (errno != 0)
		goto no_lock;
	errno = pthread_cond_init(&work->more, NULL);
	if (errno == 0)
		return work;
	(void)pthread_mutex_destroy(&work->lock);
no_lock:
	bb_io_free(work->io);
no_io:
	(void)close(work->wake[0]);
	(void)close(work->wake[1]);
no_pipe:
	free(work);
	return NULL;
}

/* Signals are the loop's: a new thread inherits the mask of its maker. */
static int
start_thread(struct bb_work *work)
{
	sigset_t all, before;
	int err;

	(void)sigfillset(&all);
	err = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (err == 0) {
		err = pthread_create(&work->thread[work->threads], NULL, worker,
		    work);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	if (err != 0) {
		errno = err;
		return -1;
	}
	work->threads++;
	return 0;
}

/* One more thread when all are at work; with one there already, its absence is
 * only slow. */
static int
want_thread(struct bb_work *work)
{
	bool idle;

	if (work->threads == work->threads_max)
		return 0;
	lock(work);
	idle = work->idle > 0 && work->waiting.first == NULL;
	unlock(work);
	if (idle || start_thread(work) == 0 || work->threads > 0)
		return 0;
	return -1;
}

int
bb_work_submit_owning(struct bb_work *work, void (*run)(void *arg),
    void (*done)(void *arg), void (*dropped)(void *arg), void *arg)
{
	struct job *job;

	if (work->pending >= work->queue_max + work->threads_max) {
		errno = EAGAIN;
		return -1;
	}
	if (want_thread(work) == -1)
		return -1;
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return -1;
	if (bb_io_want(work->io, BB_READ) == -1) {
		free(job);
		return -1;
	}
	job->run = run;
	job->done = done;
	job->dropped = dropped;
	job->arg = arg;
	work->pending++;
	lock(work);
	queue_put(&work->waiting, job);
	if (pthread_cond_signal(&work->more) != 0)
		abort();
	unlock(work);
	return 0;
}

int
bb_work_submit(struct bb_work *work, void (*run)(void *arg),
    void (*done)(void *arg), void *arg)
{
	return bb_work_submit_owning(work, run, done, NULL, arg);
}

size_t
bb_work_pending(const struct bb_work *work)
{
	return work->pending;
}

static void
drop_all(struct queue *queue, void (*dropped)(void *arg))
{
	struct job *job;

	while ((job = queue_take(queue)) != NULL) {
		if (job->dropped != NULL)
			job->dropped(job->arg);
		else if (dropped != NULL)
			dropped(job->arg);
		free(job);
	}
}

void
bb_work_free(struct bb_work *work, void (*dropped)(void *arg))
{
	unsigned i;

	if (work == NULL)
		return;
	lock(work);
	work->stop = true;
	if (pthread_cond_broadcast(&work->more) != 0)
		abort();
	unlock(work);
	for (i = 0; i < work->threads; i++)
		(void)pthread_join(work->thread[i], NULL);
	drop_all(&work->finished, dropped);
	drop_all(&work->waiting, dropped);
	(void)pthread_cond_destroy(&work->more);
	(void)pthread_mutex_destroy(&work->lock);
	bb_io_free(work->io);
	(void)close(work->wake[0]);
	(void)close(work->wake[1]);
	free(work);
}
