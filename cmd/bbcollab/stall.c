/* The store is busy: another process holds the write lock.  Nobody is kept from
 * the loop by that: lines stay where they are, what came from elsewhere is put
 * aside, and the lock is asked for again and again, for 2 s.  Then whoever
 * waits is told Server Busy. */
#include <errno.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"

#define FIRST_MS 20 /* a transaction of ours takes less than 1 ms */
#define RETRY_MS 5  /* patience of a later attempt */
#define RETRY_AFTER_MS 20
#define GIVE_UP_FOR_MS 100 /* as long as nobody waits any more */

static void
set_timer(struct bb_timer *timer, int64_t ms)
{
	if (bb_timer_set(timer, ms) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

static void
stall(struct collab *c)
{
	if (!c->stalled) {
		c->stalled = true;
		c->stalled_ms = bb_clock_ms();
		c->tallies.stalls++;
		vias_watch(c);
	}
	set_timer(c->retry, RETRY_AFTER_MS);
}

/* How long this attempt may take. */
static int64_t
patience(const struct collab *c)
{
	if (c->giving_up_ms != 0)
		return 0;
	return c->stalled ? RETRY_MS : FIRST_MS;
}

bool
stall_gate(struct collab *c)
{
	enum bb_db_result r;

	if (c->turn_failed || bb_db_in_transaction(c->db))
		return true;
	if (c->stalled && !c->retrying)
		return false;
	if (c->giving_up_ms != 0 && bb_clock_ms() >= c->giving_up_ms)
		c->giving_up_ms = 0;
	r = turn_try(c, patience(c));
	if (r == BB_DB_BUSY && c->giving_up_ms == 0) {
		stall(c);
		return false;
	}
	if (r != BB_DB_OK) {
		turn_fail(c);
	} else {
		c->giving_up_ms = 0;
		c->stalled = false;
	}
	return true;
}

static void
go_on(struct collab *c)
{
	jobs_go_on(c);
	tick_go_on(c);
	vias_offer(c);
	if (c->filter != NULL)
		bb_filter_flush(c->filter);
}

void
stall_again(struct collab *c)
{
	set_timer(c->again, 0);
}

void
stall_on_again(void *collab)
{
	struct collab *c = collab;

	if (!c->stalled)
		go_on(c);
}

void
stall_on_retry(void *collab)
{
	struct collab *c = collab;
	int64_t now = bb_clock_ms();

	if (!c->stalled)
		return;
	if (now - c->stalled_ms >= BB_DB_BUSY_MS) {
		c->giving_up_ms = now + GIVE_UP_FOR_MS;
		c->stalled = false;
	}
	c->retrying = true;
	if (stall_gate(c))
		go_on(c);
	c->retrying = false;
}
