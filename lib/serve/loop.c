/* The event loop: one libevent base, its turns, and what is waited for. */
#include "serve/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"

/* Longest timer; longer ones fire after it.  Ten years, which no sum with a
 * clock overflows. */
#define TIMER_MAX_MS (INT64_C(3650) * 86400 * 1000)

struct signal_watch {
	struct event *event;
	void (*caught)(void *ctx, int signo);
	void *ctx;
	struct signal_watch *next;
};

struct bb_loop {
	struct event_base *base;
	void (*end)(void *ctx);
	void *end_ctx;
	struct signal_watch *signals;
	size_t waiting; /* watched descriptors and set timers */
	bool stopped;
};

/* Events stand within: there is one for each idle device, and two allocations
 * would cost more.  What is wanted is what the event was made for. */
struct bb_io {
	struct event event;
	struct bb_loop *loop;
	void (*ready)(void *ctx, unsigned what);
	void *ctx;
};

struct bb_timer {
	struct event event;
	struct bb_loop *loop;
	bool set;
	int64_t due_us; /* bb_clock_us() */
	void (*fire)(void *ctx);
	void *ctx;
};

/* libevent would print to standard error, which may be the peer. */
static void
take_log(int severity, const char *text)
{
	enum bb_log_level level = BB_LOG_DEBUG;

	if (severity == EVENT_LOG_WARN)
		level = BB_LOG_WARN;
	else if (severity == EVENT_LOG_ERR)
		level = BB_LOG_ERROR;
	bb_log(level, "libevent: %s", text);
}

/* A setting of libevent in the environment is not ours to obey.  Threads never
 * call the loop, so that it needs no lock. */
static struct event_base *
make_base(enum bb_loop_kind kind)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	/* epoll refuses files and /dev/null (EPERM): poll takes all. */
	if (event_config_set_flag(config,
		EVENT_BASE_FLAG_IGNORE_ENV | EVENT_BASE_FLAG_NOLOCK) == 0 &&
	    (kind != BB_LOOP_ANY_FD ||
		event_config_require_features(config, EV_FEATURE_FDS) == 0))
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct bb_loop *
bb_loop_new(enum bb_loop_kind kind)
{
	struct bb_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	event_set_log_callback(take_log);
	errno = 0;
	loop->base = make_base(kind);
	if (loop->base == NULL) {
		int err = errno == 0 ? ENOMEM : errno;

		free(loop);
		errno = err;
		return NULL;
	}
	return loop;
}

void
bb_loop_free(struct bb_loop *loop)
{
	struct signal_watch *watch;

	if (loop == NULL)
		return;
	while ((watch = loop->signals) != NULL) {
		loop->signals = watch->next;
		event_free(watch->event);
		free(watch);
	}
	event_base_free(loop->base);
	free(loop);
}

/* Signals alone are nothing to wait for: libevent would wait for ever, so what
 * is left is counted here. */
int
bb_loop_run(struct bb_loop *loop)
{
	int rc = 0;

	while (!loop->stopped && loop->waiting > 0) {
		errno = 0;
		if (event_base_loop(loop->base, EVLOOP_ONCE) == -1) {
			if (errno == 0)
				errno = EIO;
			rc = -1;
			break;
		}
		if (loop->end != NULL)
			loop->end(loop->end_ctx);
	}
	loop->stopped = false;
	return rc;
}

void
bb_loop_stop(struct bb_loop *loop)
{
	loop->stopped = true;
}

void
bb_loop_at_turn_end(struct bb_loop *loop, void (*end)(void *ctx), void *ctx)
{
	loop->end = end;
	loop->end_ctx = ctx;
}

static unsigned
wanted(const struct bb_io *io)
{
	short events = event_get_events(&io->event);

	return ((events & EV_READ) != 0 ? BB_READ : 0) |
	       ((events & EV_WRITE) != 0 ? BB_WRITE : 0);
}

static void
io_event(evutil_socket_t fd, short events, void *arg)
{
	struct bb_io *io = arg;
	unsigned what = 0;

	(void)fd;
	if (events & EV_READ)
		what |= BB_READ;
	if (events & EV_WRITE)
		what |= BB_WRITE;
	io->ready(io->ctx, what & wanted(io));
}

static int
io_assign(struct bb_io *io, int fd, short events)
{
	return event_assign(&io->event, io->loop->base, fd, events, io_event,
	    io);
}

struct bb_io *
bb_io_new(struct bb_loop *loop, int fd, void (*ready)(void *ctx, unsigned what),
    void *ctx)
{
	struct bb_io *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return NULL;
	io->loop = loop;
	io->ready = ready;
	io->ctx = ctx;
	if (io_assign(io, fd, 0) == 0)
		return io;
	free(io);
	errno = EINVAL;
	return NULL;
}

/* An event that was added may not be assigned. */
static void
io_drop(struct bb_io *io)
{
	if (wanted(io) == 0)
		return;
	(void)event_del(&io->event);
	(void)io_assign(io, event_get_fd(&io->event), 0);
	io->loop->waiting--;
}

int
bb_io_want(struct bb_io *io, unsigned what)
{
	int fd = event_get_fd(&io->event), err;
	short events = EV_PERSIST;

	if (what == wanted(io))
		return 0;
	io_drop(io);
	if (what == 0)
		return 0;
	if (what & BB_READ)
		events |= EV_READ;
	if (what & BB_WRITE)
		events |= EV_WRITE;
	errno = 0;
	if (io_assign(io, fd, events) == 0 &&
	    event_add(&io->event, NULL) == 0) {
		io->loop->waiting++;
		return 0;
	}
	err = errno == 0 ? ENOMEM : errno;
	(void)io_assign(io, fd, 0);
	errno = err;
	return -1;
}

void
bb_io_free(struct bb_io *io)
{
	if (io == NULL)
		return;
	io_drop(io);
	free(io);
}

static int
timer_add(struct bb_timer *timer, int64_t us)
{
	struct timeval tv = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };

	errno = 0;
	if (event_add(&timer->event, &tv) == 0)
		return 0;
	if (errno == 0)
		errno = ENOMEM;
	return -1;
}

/* libevent counts from the beginning of the turn and by a coarse clock, and so
 * comes early; early is not "at least". */
static void
timer_event(evutil_socket_t fd, short events, void *arg)
{
	struct bb_timer *timer = arg;
	int64_t left = timer->due_us - bb_clock_us();

	(void)fd;
	(void)events;
	if (left > 0 && timer_add(timer, left) == 0)
		return;
	timer->set = false;
	timer->loop->waiting--;
	timer->fire(timer->ctx);
}

struct bb_timer *
bb_timer_new(struct bb_loop *loop, void (*fire)(void *ctx), void *ctx)
{
	struct bb_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return NULL;
	if (event_assign(&timer->event, loop->base, -1, 0, timer_event,
		timer) == -1) {
		free(timer);
		errno = EINVAL;
		return NULL;
	}
	timer->loop = loop;
	timer->fire = fire;
	timer->ctx = ctx;
	return timer;
}

int
bb_timer_set(struct bb_timer *timer, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms > TIMER_MAX_MS)
		ms = TIMER_MAX_MS;
	bb_timer_cancel(timer);
	if (timer_add(timer, ms * 1000) == -1)
		return -1;
	timer->due_us = bb_clock_us() + ms * 1000;
	timer->set = true;
	timer->loop->waiting++;
	return 0;
}

void
bb_timer_cancel(struct bb_timer *timer)
{
	if (!timer->set)
		return;
	(void)event_del(&timer->event);
	timer->set = false;
	timer->loop->waiting--;
}

void
bb_timer_free(struct bb_timer *timer)
{
	if (timer == NULL)
		return;
	bb_timer_cancel(timer);
	free(timer);
}

static void
signal_event(evutil_socket_t signo, short events, void *arg)
{
	const struct signal_watch *watch = arg;

	(void)events;
	watch->caught(watch->ctx, (int)signo);
}

int
bb_loop_on_signal(struct bb_loop *loop, int signo,
    void (*caught)(void *ctx, int signo), void *ctx)
{
	struct signal_watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return -1;
	watch->caught = caught;
	watch->ctx = ctx;
	watch->event = evsignal_new(loop->base, signo, signal_event, watch);
	if (watch->event == NULL || event_add(watch->event, NULL) == -1) {
		if (watch->event != NULL)
			event_free(watch->event);
		free(watch);
		errno = ENOMEM;
		return -1;
	}
	watch->next = loop->signals;
	loop->signals = watch;
	return 0;
}
