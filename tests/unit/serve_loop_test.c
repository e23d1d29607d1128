/* The event loop: what is watched, timers, signals, turns. */
#include "serve/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/clock.h"
#include "tap.h"

struct seen {
	struct bb_loop *loop;
	struct bb_io *io;
	struct bb_timer *timer;
	int fd;
	int calls;
	int turns;
	unsigned what;
	int signo;
	int64_t at_us;
};

static void
set(struct bb_timer *timer, int64_t ms)
{
	if (bb_timer_set(timer, ms) == -1)
		tap_ok(false, "a timer can be set");
}

static void
want(struct bb_io *io, unsigned what)
{
	if (bb_io_want(io, what) == -1)
		tap_ok(false, "a descriptor can be watched");
}

static void
read_and_stop(void *ctx, unsigned what)
{
	struct seen *seen = ctx;
	char byte;

	seen->calls++;
	seen->what |= what;
	if (read(seen->fd, &byte, 1) <= 0)
		seen->what |= 0x100;
	bb_loop_stop(seen->loop);
}

static void
free_itself(void *ctx, unsigned what)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->what |= what;
	bb_io_free(seen->io);
	seen->io = NULL;
}

static void
count_turn(void *ctx)
{
	struct seen *seen = ctx;

	seen->turns++;
}

static void
fired(void *ctx)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->at_us = bb_clock_us();
}

static void
fire_three_times(void *ctx)
{
	struct seen *seen = ctx;

	if (++seen->calls < 3)
		set(seen->timer, 1);
}

static void
free_timer(void *ctx)
{
	struct seen *seen = ctx;

	seen->calls++;
	bb_timer_free(seen->timer);
	seen->timer = NULL;
}

static void
caught(void *ctx, int signo)
{
	struct seen *seen = ctx;

	seen->signo = signo;
	bb_loop_stop(seen->loop);
}

static void
raise_signal(void *ctx)
{
	struct seen *seen = ctx;

	seen->calls++;
	(void)raise(SIGUSR1);
	/* Something to wait for while the signal comes round. */
	set(seen->timer, 5000);
}

static void
test_nothing(enum bb_loop_kind kind)
{
	struct seen seen = { 0 };

	seen.loop = bb_loop_new(kind);
	if (!tap_ok(seen.loop != NULL, "a loop of kind %d can be made", kind))
		return;
	if (bb_loop_on_signal(seen.loop, SIGUSR2, caught, &seen) == -1)
		tap_ok(false, "a signal can be caught");
	TAP_EQ_INT(bb_loop_run(seen.loop), 0,
	    "a loop that waits only for a signal ends at once");
	bb_loop_free(seen.loop);
}

static void
test_pipe(enum bb_loop_kind kind)
{
	struct seen seen = { 0 };
	int fds[2];

	if (pipe(fds) == -1 || write(fds[1], "x", 1) != 1)
		return;
	seen.loop = bb_loop_new(kind);
	seen.fd = fds[0];
	seen.io = bb_io_new(seen.loop, fds[0], read_and_stop, &seen);
	bb_loop_at_turn_end(seen.loop, count_turn, &seen);
	TAP_EQ_INT(bb_loop_run(seen.loop), 0, "nothing wanted: the loop ends");
	TAP_EQ_INT(seen.calls, 0, "and nobody is called");
	TAP_EQ_INT(bb_io_want(seen.io, BB_READ), 0, "a pipe can be watched");
	TAP_EQ_INT(bb_loop_run(seen.loop), 0, "stop ends the loop");
	TAP_EQ_INT(seen.what, BB_READ, "the byte made it readable");
	TAP_EQ_INT(seen.turns, 1, "the stopped turn has its end too");
	(void)close(fds[1]);
	(void)bb_loop_run(seen.loop);
	TAP_EQ_INT(seen.what, BB_READ | 0x100,
	    "the writer's end is readable: end of file");
	TAP_EQ_INT(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0,
	    "the descriptor's flags are as they were");
	bb_io_free(seen.io);
	TAP_EQ_INT(bb_loop_run(seen.loop), 0,
	    "with the last descriptor freed the loop ends");
	bb_loop_free(seen.loop);
	(void)close(fds[0]);
}

static void
test_both_directions(void)
{
	struct seen seen = { 0 };
	int fds[2];

	if (pipe(fds) == -1)
		return;
	seen.loop = bb_loop_new(BB_LOOP_ANY_FD);
	seen.io = bb_io_new(seen.loop, fds[1], free_itself, &seen);
	want(seen.io, BB_READ | BB_WRITE);
	want(seen.io, BB_WRITE);
	TAP_EQ_INT(bb_loop_run(seen.loop), 0,
	    "a descriptor freed in its own callback is the last one");
	TAP_EQ_INT(seen.what, BB_WRITE, "only what is wanted is reported");
	TAP_EQ_INT(seen.calls, 1, "and once");
	bb_loop_free(seen.loop);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
test_any_fd(const char *path)
{
	struct seen seen = { 0 };
	int fd = open(path, O_RDONLY);

	if (fd == -1) {
		tap_skip("%s cannot be read here", path);
		return;
	}
	seen.loop = bb_loop_new(BB_LOOP_ANY_FD);
	seen.fd = fd;
	seen.io = bb_io_new(seen.loop, fd, read_and_stop, &seen);
	tap_ok(bb_io_want(seen.io, BB_READ) == 0, "%s can be watched", path);
	(void)bb_loop_run(seen.loop);
	tap_ok((seen.what & BB_READ) != 0, "%s is readable", path);
	bb_io_free(seen.io);
	bb_loop_free(seen.loop);
	(void)close(fd);
}

static void
test_timer(enum bb_loop_kind kind)
{
	struct seen seen = { 0 };
	struct bb_timer *other;
	int64_t start;

	seen.loop = bb_loop_new(kind);
	seen.timer = bb_timer_new(seen.loop, fired, &seen);
	other = bb_timer_new(seen.loop, fire_three_times, &seen);
	start = bb_clock_us();
	set(seen.timer, 20);
	(void)bb_loop_run(seen.loop);
	TAP_EQ_INT(seen.calls, 1, "a timer fires once");
	tap_ok(seen.at_us - start >= 20000, "and not before its time");

	set(seen.timer, 60000);
	set(seen.timer, 1);
	(void)bb_loop_run(seen.loop);
	TAP_EQ_INT(seen.calls, 2, "a set timer is moved");
	set(seen.timer, 60000);
	bb_timer_cancel(seen.timer);
	bb_timer_cancel(seen.timer);
	TAP_EQ_INT(bb_loop_run(seen.loop), 0,
	    "a cancelled timer is nothing to wait for");
	bb_timer_free(seen.timer);

	seen.timer = other;
	seen.calls = 0;
	set(other, -5);
	(void)bb_loop_run(seen.loop);
	TAP_EQ_INT(seen.calls, 3, "a timer can set itself again");
	bb_timer_free(seen.timer);

	seen.calls = 0;
	seen.timer = bb_timer_new(seen.loop, free_timer, &seen);
	set(seen.timer, 0);
	(void)bb_loop_run(seen.loop);
	TAP_EQ_INT(seen.calls, 1, "a timer can free itself");
	bb_loop_free(seen.loop);
}

static void
test_timer_late_turn(void)
{
	struct seen seen = { 0 };
	struct timespec busy = { .tv_nsec = 15000000 };
	int64_t start;

	seen.loop = bb_loop_new(BB_LOOP_SOCKETS);
	seen.timer = bb_timer_new(seen.loop, fired, &seen);
	set(seen.timer, 0);
	(void)bb_loop_run(seen.loop);
	/* The clock that libevent keeps is old now. */
	(void)nanosleep(&busy, NULL);
	start = bb_clock_us();
	set(seen.timer, 10);
	(void)bb_loop_run(seen.loop);
	tap_ok(seen.at_us - start >= 10000,
	    "a timer set late in a turn counts from then");
	bb_timer_free(seen.timer);
	bb_loop_free(seen.loop);
}

static void
test_signal(enum bb_loop_kind kind)
{
	struct seen seen = { 0 };

	seen.loop = bb_loop_new(kind);
	TAP_EQ_INT(bb_loop_on_signal(seen.loop, SIGUSR1, caught, &seen), 0,
	    "a signal can be caught");
	seen.timer = bb_timer_new(seen.loop, raise_signal, &seen);
	set(seen.timer, 0);
	(void)bb_loop_run(seen.loop);
	TAP_EQ_INT(seen.signo, SIGUSR1, "it comes back from the loop");
	TAP_EQ_INT(seen.calls, 1, "before the next timer");
	bb_timer_free(seen.timer);
	bb_loop_free(seen.loop);
}

int
main(void)
{
	enum bb_loop_kind kinds[] = { BB_LOOP_ANY_FD, BB_LOOP_SOCKETS };
	size_t i;

	for (i = 0; i < BB_LEN(kinds); i++) {
		test_nothing(kinds[i]);
		test_pipe(kinds[i]);
		test_timer(kinds[i]);
		test_signal(kinds[i]);
	}
	test_both_directions();
	test_any_fd("/dev/null");
	test_any_fd("/etc/passwd");
	test_timer_late_turn();
	bb_io_free(NULL);
	bb_timer_free(NULL);
	bb_loop_free(NULL);
	return tap_done();
}
