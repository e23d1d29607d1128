/* What is due after a constant time, without a clock. */
#include <stddef.h>

#include "flow/due.h"
#include "tap.h"

#include "base/cc.h"

static void
test_order(void)
{
	struct bb_due_queue queue = { .after_ms = BB_CONFIRM_MS };
	struct bb_due a = { 0 }, b = { 0 }, c = { 0 };

	TAP_EQ_INT(bb_due_in(&queue, 5), -1, "nobody waits in an empty queue");
	tap_ok(bb_due_take(&queue, INT64_MAX) == NULL, "and nothing is due");
	bb_due_begin(&queue, &a, 1000);
	bb_due_begin(&queue, &b, 1500);
	bb_due_begin(&queue, &c, 1500);
	TAP_EQ_INT(bb_due_in(&queue, 1500), 59500, "the first is due next");
	tap_ok(bb_due_take(&queue, 60999) == NULL, "not before its time");
	tap_ok(bb_due_take(&queue, 61000) == &a, "at its time it is");
	tap_ok(a.in == NULL, "and waits no more");
	tap_ok(bb_due_take(&queue, 61000) == NULL, "the others wait on");
	tap_ok(bb_due_take(&queue, 90000) == &b, "then they come");
	TAP_EQ_INT(bb_due_in(&queue, 90000), 0, "what is late is due now");
	tap_ok(bb_due_take(&queue, 90000) == &c, "in their order");
	tap_ok(queue.first == NULL && queue.last == NULL, "until none is left");
}

static void
test_end(void)
{
	struct bb_due_queue queue = { .after_ms = BB_GRACE_MS };
	struct bb_due d[3] = { 0 };
	size_t i;

	for (i = 0; i < BB_LEN(d); i++)
		bb_due_begin(&queue, &d[i], (int64_t)i);
	bb_due_end(&d[1]);
	bb_due_end(&d[1]);
	tap_ok(bb_due_take(&queue, 99999) == &d[0], "one that was taken out");
	tap_ok(bb_due_take(&queue, 99999) == &d[2], "never comes");
	bb_due_begin(&queue, &d[0], 10);
	bb_due_end(&d[0]);
	tap_ok(queue.first == NULL && queue.last == NULL, "nor the only one");
	bb_due_begin(&queue, &d[0], 10);
	bb_due_begin(&queue, &d[1], 20);
	bb_due_end(&d[1]);
	bb_due_begin(&queue, &d[2], 30);
	tap_ok(bb_due_take(&queue, 99999) == &d[0] &&
		   bb_due_take(&queue, 99999) == &d[2],
	    "the last one out leaves a queue that goes on");
}

static void
test_move(void)
{
	struct bb_due_queue confirm = { .after_ms = BB_CONFIRM_MS };
	struct bb_due_queue grace = { .after_ms = BB_GRACE_MS };
	struct bb_due a = { 0 }, b = { 0 };

	bb_due_begin(&grace, &a, 0);
	bb_due_begin(&grace, &b, 100);
	bb_due_begin(&grace, &a, 200);
	tap_ok(bb_due_take(&grace, 30100) == &b,
	    "who begins anew comes behind the others");
	bb_due_begin(&confirm, &a, 300);
	TAP_EQ_INT(bb_due_in(&grace, 300), -1,
	    "and waits in one queue at a time");
	TAP_EQ_INT(bb_due_in(&confirm, 300), 60000, "the last one");
	bb_due_end(&a);
}

int
main(void)
{
	test_order();
	test_end();
	test_move();
	return tap_done();
}
