/* The event loop: readiness of descriptors, timers, signals, end of a turn.
 * loop.c is the only file that knows libevent.  One loop per process; all calls
 * from its thread.  Memory is the loop's until the _free of the thing. */
#ifndef BB_SERVE_LOOP_H
#define BB_SERVE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cc.h"

struct bb_loop;
struct bb_io;
struct bb_timer;

enum bb_loop_kind {
	BB_LOOP_ANY_FD,		/* files, terminals and /dev/null too: poll */
	BB_LOOP_SOCKETS		/* the fastest the system has */
};
#define BB_READ 1u
#define BB_WRITE 2u

/* NULL with errno. */
struct bb_loop *bb_loop_new(enum bb_loop_kind kind);
void bb_loop_free(struct bb_loop *loop);
/* Runs until bb_loop_stop, or until nothing is left to wait for.  0, or -1 with
 * errno when the system's wait failed. */
int bb_loop_run(struct bb_loop *loop);
void bb_loop_stop(struct bb_loop *loop);
/* Called after the callbacks of each turn, before the loop waits again.  One per
 * loop; what it makes ready is seen in the next turn. */
void bb_loop_at_turn_end(struct bb_loop *loop, void (*end)(void *ctx),
    void *ctx);

/* Watches a descriptor, which it borrows and never closes nor changes.  Nothing
 * is watched until bb_io_want.  Level-triggered.  NULL with errno. */
struct bb_io *bb_io_new(struct bb_loop *loop, int fd,
    void (*ready)(void *ctx, unsigned what), void *ctx);
int bb_io_want(struct bb_io *io, unsigned what) BB_NODISCARD;
void bb_io_free(struct bb_io *io);

struct bb_timer *bb_timer_new(struct bb_loop *loop, void (*fire)(void *ctx),
    void *ctx);
/* Fires once, after at least `ms`; a set timer is moved. */
int bb_timer_set(struct bb_timer *timer, int64_t ms) BB_NODISCARD;
void bb_timer_cancel(struct bb_timer *timer);
void bb_timer_free(struct bb_timer *timer);

/* Calls back from the loop, not from the signal handler.  0 or -1. */
int bb_loop_on_signal(struct bb_loop *loop, int signo,
    void (*caught)(void *ctx, int signo), void *ctx) BB_NODISCARD;

#endif
