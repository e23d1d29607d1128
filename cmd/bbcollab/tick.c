/* What time brings: confirmations that do not come, links that do not come
 * back, silence, signs of life; and what other processes have changed. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"

#define DUE_SESSIONS 256 /* handled in one turn */
#define FAILED_MS 1000   /* a store that fails is tried again after this */

void
tick_set(struct collab *c)
{
	int64_t now = bb_clock_ms();
	int64_t ms = c->ticked_ms + TICK_MS - now;
	int64_t confirm = bb_due_in(&c->confirm, now);
	int64_t grace = bb_due_in(&c->grace, now);

	if (confirm >= 0 && confirm < ms)
		ms = confirm;
	if (grace >= 0 && grace < ms)
		ms = grace;
	if (c->tick_failed && ms < FAILED_MS)
		ms = FAILED_MS;
	if (bb_timer_set(c->tick, ms) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

/* Nothing is taken in hand that cannot be brought to its end.  False: what is
 * busy or has failed now is tried again. */
static bool
can_write(struct collab *c)
{
	if (!stall_gate(c))
		return false;
	c->tick_failed = c->turn_failed;
	return !c->turn_failed;
}

/* ---- what is due ---- */

static struct session *
session_of(struct bb_due *due)
{
	return (struct session *)(void *)((char *)due -
					  offsetof(struct session, due));
}

static void
unconfirmed(struct collab *c, struct session *s)
{
	if (bb_session_step(&s->core, BB_SE_UNCONFIRMED, NULL) == BB_SA_CLOSE)
		session_end(c, s, "lost");
	else
		session_detach(c, s);
}

static void
link_lost(struct collab *c, struct session *s)
{
	if (bb_session_step(&s->core, BB_SE_LINK_DOWN, NULL) == BB_SA_DETACH)
		session_detach(c, s);
}

/* False: not now, or others have their turn first. */
static bool
take_due(struct collab *c, struct bb_due_queue *queue,
    void (*does)(struct collab *c, struct session *s))
{
	int64_t now = bb_clock_ms();
	struct bb_due *due;
	size_t n;

	for (n = 0; n < DUE_SESSIONS; n++) {
		if (bb_due_in(queue, now) != 0)
			return true;
		if (!can_write(c))
			return false;
		if ((due = bb_due_take(queue, now)) != NULL)
			does(c, session_of(due));
	}
	stall_again(c);
	return false;
}

/* ---- sweeping through the sessions ---- */

static bool
is_silent(const struct session *s, int64_t now)
{
	int64_t most = s->settings->service.limit[BB_LIMIT_INACTIVITY_TIMEOUT];

	return s->ask == NULL && most != BB_LIMIT_UNSET &&
	       now - s->last_active_ms > most;
}

static bool
is_untold(const struct session *s, int64_t now)
{
	return s->last_status_ms > s->stored_ms && session_is_untold(s, now);
}

/* False: the store is busy. */
static bool
sweep_session(struct collab *c, struct session *s, int64_t now)
{
	bool silent = is_silent(s, now);

	if (!silent && !c->sweeps_fences && !is_untold(s, now))
		return true;
	if (!can_write(c))
		return false;
	if (c->sweeps_fences && !turn_holds(c, s))
		return true;
	if (silent)
		session_end(c, s, "inactive");
	else if (is_untold(s, now))
		session_tell(c, s);
	return true;
}

/* One bucket; *count is how many sessions it had. */
static bool
sweep_bucket(struct collab *c, int64_t now, size_t *count)
{
	struct session *s, *next;

	for (s = c->table.at[c->sweep_at]; s != NULL; s = next) {
		next = s->next;
		if (!sweep_session(c, s, now))
			return false;
		(*count)++;
	}
	return true;
}

static void
sweep(struct collab *c)
{
	int64_t now = bb_clock_ms();
	size_t count = 0, buckets;

	for (buckets = 0; c->sweep_at < c->table.size; buckets++) {
		if (count + buckets / 16 >= SWEEP_SESSIONS) {
			stall_again(c);
			return;
		}
		if (!sweep_bucket(c, now, &count))
			return;
		c->sweep_at++;
	}
	c->sweeping = false;
}

static void
sweep_begin(struct collab *c)
{
	/* A sweep that looks at fences is not cut short. */
	if (c->sweeping && c->sweeps_fences)
		return;
	c->sweeping = true;
	c->sweep_at = 0;
	c->sweeps_fences = c->sweep_fences;
	c->sweep_fences = false;
}

/* ---- other processes ---- */

void
tick_woken(void *collab, const uint32_t pins[], size_t len)
{
	struct collab *c = collab;
	size_t i;

	c->woken_any = true;
	if (len == 0 || c->woken_len + len > BB_LEN(c->woken))
		c->sweep_fences = true;
	else
		for (i = 0; i < len; i++)
			c->woken[c->woken_len++] = pins[i];
	stall_again(c);
}

static void
take_woken(struct collab *c)
{
	struct session *s;
	size_t i;

	if (!c->woken_any || !can_write(c) || c->owner == 0)
		return;
	for (i = 0; i < c->woken_len; i++)
		if ((s = session_find(c, c->woken[i])) != NULL)
			(void)turn_holds(c, s);
	c->woken_len = 0;
	c->woken_any = false;
	owner_news(c);
	if (c->sweep_fences)
		sweep_begin(c);
}

/* ---- all of it ---- */

static void
full_tick(struct collab *c)
{
	int64_t now = bb_clock_ms();

	if (!c->tick_due)
		return;
	if (c->owner != 0) {
		if (!can_write(c))
			return;
		owner_tick(c, now);
	}
	c->tick_due = false;
	sweep_begin(c);
}

void
tick_go_on(struct collab *c)
{
	take_woken(c);
	if (take_due(c, &c->confirm, unconfirmed))
		take_due(c, &c->grace, link_lost);
	full_tick(c);
	if (c->sweeping)
		sweep(c);
	tick_set(c);
}

void
tick(void *collab)
{
	struct collab *c = collab;
	int64_t now = bb_clock_ms();

	if (now - c->ticked_ms >= TICK_MS) {
		c->ticked_ms = now;
		c->tick_due = true;
	}
	/* A busy store goes on by itself. */
	if (!c->stalled)
		tick_go_on(c);
}
