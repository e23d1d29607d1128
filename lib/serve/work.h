/* Work off the loop: what blocks or computes for long (scrypt, Kerberos, DNS)
 * runs in a few threads.  The only file with threads.  Jobs share nothing: a
 * job touches its argument alone, and calls no log, no SQLite, no JSON. */
#ifndef BB_SERVE_WORK_H
#define BB_SERVE_WORK_H

#include <stddef.h>

#include "base/cc.h"
#include "serve/loop.h"

struct bb_work;

/* threads 1..16; beside as many jobs as there are threads, queue_max wait at
 * most.  A thread starts when a job finds none idle, with all signals blocked.
 * NULL with errno. */
struct bb_work *bb_work_new(struct bb_loop *loop, unsigned threads,
    size_t queue_max);
/* Runs run(arg) in a thread, then done(arg) on the loop.  Takes no ownership of
 * arg, which must live until done.  0, or -1 with EAGAIN (queue full) or errno
 * of thread creation. */
int bb_work_submit(struct bb_work *work, void (*run)(void *arg),
    void (*done)(void *arg), void *arg) BB_NODISCARD;
/* The same for a job whose arg nobody else frees: dropped(arg) is called in
 * place of the one that bb_work_free gets. */
int bb_work_submit_owning(struct bb_work *work, void (*run)(void *arg),
    void (*done)(void *arg), void (*dropped)(void *arg), void *arg)
    BB_NODISCARD;
/* Jobs submitted whose done was not yet called. */
size_t bb_work_pending(const struct bb_work *work);
/* Waits for running jobs; those that wait in the queue are not run.  `dropped`
 * (may be NULL) is called here for each job whose done was not called.  Not
 * from a done.  Before the loop is freed. */
void bb_work_free(struct bb_work *work, void (*dropped)(void *arg));

#endif
