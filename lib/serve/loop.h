/* The event loop: readiness of descriptors, timers, signals, end of a turn.
 * loop.c is the only file that knows libevent.  One loop per process; all calls
 * from its thread.  Descriptors and timers are freed before their loop, and may
 * be freed in any callback, their own too. */
#ifndef BB_SERVE_LOOP_H
#define BB_SERVE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cc.h"

struct bb_loop;
struct bb_io;
struct bb_timer;

enum bb_loop_kind {
	BB_LOOP_ANY_FD, /* files, terminals and /dev/null too: poll */
	BB_LOOP_SOCKETS /* the fastest the system has */
};
#define BB_READ 1u
#define BB_WRITE 2u

/* NULL with errno. */
struct bb_loop *bb_loop_new(enum bb_loop_kind kind);
void bb_loop_free(struct bb_loop *loop);
/* Runs until bb_loop_stop, or until no descriptor is watched and no timer set
 * (a signal alone is nothing to wait for).  A stop lets the turn end in order,
 * its hook included.  0, or -1 with errno when the system's wait failed. */
int bb_loop_run(struct bb_loop *loop);
void bb_loop_stop(struct bb_loop *loop);
/* Called after the callbacks of each turn, before the loop waits again.  One
 * per loop; what it makes ready is seen in the next turn. */
void bb_loop_at_turn_end(struct bb_loop *loop, void (*end)(void *ctx),
    void *ctx);

/* Watches a descriptor, which it borrows and never closes nor changes.  Nothing
 * is watched until bb_io_want.  Level-triggered.  NULL with errno. */
struct bb_io *bb_io_new(struct bb_loop *loop, int fd,
    void (*ready)(void *ctx, unsigned what), void *ctx);
/* BB_READ, BB_WRITE, both or 0.  An error or hang-up is reported as what is
 * wanted.  0, or -1 with errno: then nothing is watched. */
int bb_io_want(struct bb_io *io, unsigned what) BB_NODISCARD;
void bb_io_free(struct bb_io *io);

struct bb_timer *bb_timer_new(struct bb_loop *loop, void (*fire)(void *ctx),
    void *ctx);
/* Fires once, after at least `ms` (negative: 0; ten years at most) of a clock
 * that stands still while the machine is suspended; a set timer is moved.  0,
 * or -1 with errno: then it is not set. */
int bb_timer_set(struct bb_timer *timer, int64_t ms) BB_NODISCARD;
void bb_timer_cancel(struct bb_timer *timer);
void bb_timer_free(struct bb_timer *timer);

/* Calls back from the loop, not from the signal handler, until the loop is
 * freed.  0, or -1 with errno. */
int bb_loop_on_signal(struct bb_loop *loop, int signo,
    void (*caught)(void *ctx, int signo), void *ctx) BB_NODISCARD;

#endif
