/* A queue of what is due after a constant time. */
#include "flow/due.h"

#include <stddef.h>

#include "base/cc.h"

void
bb_due_end(struct bb_due *due)
{
	struct bb_due_queue *queue = due->in;

	if (queue == NULL)
		return;
	if (due->prev != NULL)
		due->prev->next = due->next;
	else
		queue->first = due->next;
	if (due->next != NULL)
		due->next->prev = due->prev;
	else
		queue->last = due->prev;
	*due = (struct bb_due){ 0 };
}

void
bb_due_begin(struct bb_due_queue *queue, struct bb_due *due, int64_t now_ms)
{
	bb_due_end(due);
	due->in = queue;
	due->since_ms = now_ms;
	due->prev = queue->last;
	if (queue->last != NULL)
		queue->last->next = due;
	else
		queue->first = due;
	queue->last = due;
}

int64_t
bb_due_in(const struct bb_due_queue *queue, int64_t now_ms)
{
	int64_t ms;

	if (queue->first == NULL)
		return -1;
	ms = queue->first->since_ms + queue->after_ms - now_ms;
	return ms > 0 ? ms : 0;
}

struct bb_due *
bb_due_take(struct bb_due_queue *queue, int64_t now_ms)
{
	struct bb_due *due = queue->first;

	if (bb_due_in(queue, now_ms) != 0)
		return NULL;
	bb_due_end(due);
	return due;
}
