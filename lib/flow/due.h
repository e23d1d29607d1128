/* What is due after a time that is the same for all: a queue in the order in
 * which it began, so that looking costs nothing.  PURE: time is an argument.
 *
 * The node lies in the thing that waits; a thing waits in one queue. */
#ifndef BB_FLOW_DUE_H
#define BB_FLOW_DUE_H

#include <stdbool.h>
#include <stdint.h>

#define BB_CONFIRM_MS 60000 /* from an answer to the first DATA */
#define BB_GRACE_MS 30000   /* from the loss of a link to "out of coverage" */

struct bb_due {
	struct bb_due *prev, *next;
	struct bb_due_queue *in; /* NULL: it does not wait */
	int64_t since_ms;
};

struct bb_due_queue {
	struct bb_due *first, *last;
	int64_t after_ms;
};

/* Begins to wait, in this queue only, from now on.  now_ms never goes back. */
void bb_due_begin(struct bb_due_queue *queue, struct bb_due *due,
    int64_t now_ms);
/* Waits no more; legal when it does not. */
void bb_due_end(struct bb_due *due);
/* Takes out the one that is due longest, or NULL. */
struct bb_due *bb_due_take(struct bb_due_queue *queue, int64_t now_ms);
/* Milliseconds until the next is due (0: now), or -1 when none waits. */
int64_t bb_due_in(const struct bb_due_queue *queue, int64_t now_ms);

#endif
