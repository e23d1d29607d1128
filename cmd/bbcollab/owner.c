/* This process in the store: registered as an owner of sessions, forgotten when
 * it was taken for dead, succeeded by the next. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"
#include "configdb/spool.h"

#define SILENT_MS 60000 /* how often rows without memory are looked at */

/* A filter does not live long enough to be woken, mostly. */
static void
open_wake(struct collab *c)
{
	if (c->form == BB_FORM_FILTER)
		return;
	c->wake =
	    bb_wake_new(c->loop, bb_db_path(c->db), c->owner, tick_woken, c);
	if (c->wake == NULL)
		bb_log(BB_LOG_WARN,
		    "unable to be woken by other processes (%s): they are "
		    "noticed every 5 s",
		    strerror(errno));
}

enum bb_db_result
owner_ready(struct collab *c, int64_t ms)
{
	enum bb_db_result r;
	int64_t owner = 0;

	if (c->owner != 0)
		return BB_DB_OK;
	r = bb_db_begin_within(c->db, false, ms);
	if (r != BB_DB_OK)
		return r;
	r = bb_owner_register(c->db, bb_clock_ms(), &owner);
	if (r == BB_DB_OK)
		r = bb_inbox_mark(c->db, &c->inbox_mark);
	if (r != BB_DB_OK) {
		bb_db_rollback(c->db);
		return r;
	}
	r = bb_db_commit(c->db);
	if (r == BB_DB_OK) {
		c->owner = owner;
		open_wake(c);
	}
	return r;
}

static void
leave_it(struct collab *c, struct session *s, void *ctx)
{
	(void)ctx;
	session_leave(c, s);
}

/* Whoever took us for dead has ended our sessions, or has them. */
static void
owner_forgotten(struct collab *c)
{
	struct settings *s;

	bb_log(BB_LOG_WARN, "this process was taken for dead; its sessions "
			    "are gone and it begins anew");
	table_each(c, leave_it, NULL);
	for (s = c->settings; s != NULL; s = s->next)
		s->served = false;
	bb_wake_free(c->wake);
	c->wake = NULL;
	c->owner = 0;
	c->unloaded = 0;
}

void
owner_adopt(struct collab *c)
{
	int64_t count, now = bb_clock_ms();
	enum bb_db_result r;
	size_t i;

	r = owner_ready(c, BB_DB_BUSY_MS);
	for (i = 0; bb_im_types[i] != NULL && r == BB_DB_OK; i++) {
		if (!bb_im_types[i]->outlives)
			continue;
		r = bb_owner_adopt(c->db, c->owner, bb_im_types[i]->name, now,
		    &count);
		if (r != BB_DB_OK)
			break;
		c->unloaded += count;
		c->tallies.adopted += (uint64_t)count;
	}
	if (r != BB_DB_OK)
		bb_log(BB_LOG_WARN, "unable to take over sessions: %s",
		    bb_db_why(c->db));
	else if (c->unloaded > 0)
		bb_log(BB_LOG_INFO, "took over %" PRId64 " sessions",
		    c->unloaded);
}

/* ---- what others did ---- */

static bool
end_silent(void *ctx, const struct bb_fence *fence)
{
	struct collab *c = ctx;

	/* Of those in memory memory knows better. */
	if (session_find(c, fence->pin) == NULL)
		(void)turn_ok(c, NULL,
		    bb_session_end(c->db, fence, "inactive"));
	return !c->turn_failed;
}

/* Rows that were taken over, and whose devices have not come back. */
static void
look_at_unloaded(struct collab *c, int64_t now)
{
	if (c->unloaded <= 0 || now - c->silent_ms < SILENT_MS)
		return;
	c->silent_ms = now;
	(void)turn_ok(c, NULL,
	    bb_session_inactive(c->db, c->owner, now, end_silent, c));
}

/* Fewer rows in the store than we know of: somebody has ended one, or taken it
 * over.  All fences are looked at then. */
static void
compare(struct collab *c)
{
	int64_t memory = (int64_t)(c->table.len + c->dropped);
	int64_t open = 0;

	if (!turn_ok(c, NULL, bb_owner_open(c->db, c->owner, &open)))
		return;
	if (open < memory + c->unloaded)
		c->sweep_fences = true;
	c->unloaded = open > memory ? open - memory : 0;
}

struct news {
	uint32_t *pins;
	size_t len, cap;
};

static bool
note_news(void *ctx, uint32_t pin)
{
	struct news *n = ctx;
	size_t cap = n->cap == 0 ? 64 : n->cap * 2;
	void *at;

	if (n->len == n->cap) {
		at = realloc(n->pins, cap * sizeof(*n->pins));
		if (at == NULL)
			return false; /* it comes with its next attach */
		n->pins = at;
		n->cap = cap;
	}
	n->pins[n->len++] = pin;
	return true;
}

/* Rows without memory take theirs when their device is back. */
void
owner_news(struct collab *c)
{
	struct news n = { .len = 0 };
	struct session *s;
	size_t i;

	if (turn_ok(c, NULL,
		bb_inbox_news(c->db, c->owner, &c->inbox_mark, note_news, &n)))
		for (i = 0; i < n.len; i++)
			if ((s = session_find(c, n.pins[i])) != NULL)
				push_inbox(c, s);
	free(n.pins);
}

void
owner_tick(struct collab *c, int64_t now)
{
	enum bb_db_result r = bb_owner_seen(c->db, c->owner, now);

	if (r == BB_DB_FENCED) {
		owner_forgotten(c);
		return;
	}
	if (!turn_ok(c, NULL, r))
		return;
	sessions_end_dropped(c);
	compare(c);
	look_at_unloaded(c, now);
	owner_news(c);
}

/* ---- the end ---- */

static void
write_down(struct collab *c, struct session *s, void *ctx)
{
	(void)ctx;
	if (!s->logged_in || !s->settings->type->outlives)
		session_end(c, s, s->logged_in ? "finished" : "lost");
	else if (s->last_status_ms > s->stored_ms)
		(void)bb_session_alive(c->db, &s->fence, s->coverage,
		    s->last_status_ms, s->last_active_ms);
}

/* Whoever comes next adopts them, if he comes in time. */
static enum bb_db_result
leave_to_successor(struct collab *c)
{
	int64_t open = 0;
	enum bb_db_result r;

	if (!turn_begin(c))
		return BB_DB_ERROR;
	table_each(c, write_down, NULL);
	r = bb_owner_leave(c->db, c->owner, bb_clock_ms());
	if (r == BB_DB_OK)
		r = bb_owner_open(c->db, c->owner, &open);
	if (r == BB_DB_OK && open == 0)
		r = bb_owner_release(c->db, c->owner, "finished");
	if (r == BB_DB_OK && c->turn_failed)
		r = BB_DB_ERROR;
	turn_ok(c, NULL, r);
	turn_end(c);
	if (r == BB_DB_OK && open > 0)
		bb_log(BB_LOG_INFO, "left %" PRId64 " sessions to a successor",
		    open);
	return r;
}

/* The session lives as long as the process: now the IM servers hear a logout
 * and the slots are free. */
static enum bb_db_result
log_out(struct collab *c)
{
	table_each(c, leave_it, NULL);
	sessions_settle(c);
	return bb_owner_release(c->db, c->owner, "finished");
}

void
owner_leave(struct collab *c)
{
	enum bb_db_result r;

	if (c->owner == 0)
		return;
	r = c->lasting ? leave_to_successor(c) : log_out(c);
	if (r != BB_DB_OK)
		bb_log(BB_LOG_WARN, "unable to leave the sessions in order: %s",
		    bb_db_why(c->db));
	bb_wake_free(c->wake);
	c->wake = NULL;
}
