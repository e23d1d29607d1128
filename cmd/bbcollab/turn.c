/* One write transaction per turn of the loop, and nothing leaves before its
 * commit: docs/wire.md, T4. */
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"

#define SAY_MS 1000 /* a store that stays broken is said so often */

bool
turn_fail(struct collab *c)
{
	int64_t now = bb_clock_ms();

	if (!c->turn_failed &&
	    (c->said_ms == 0 || now - c->said_ms >= SAY_MS)) {
		bb_log(BB_LOG_WARN, "unable to use the configuration store: %s",
		    bb_db_why(c->db));
		c->said_ms = now;
	}
	c->turn_failed = true;
	return false;
}

/* The owner is registered before the turn, on its own: a turn that is rolled
 * back must not take the owner with it. */
enum bb_db_result
turn_try(struct collab *c, int64_t ms)
{
	enum bb_db_result r = owner_ready(c, ms);

	if (r == BB_DB_OK)
		r = bb_db_begin_within(c->db, false, ms);
	/* Begun too late for this turn's commit. */
	if (r == BB_DB_OK && c->ending_turn)
		stall_again(c);
	return r;
}

bool
turn_begin(struct collab *c)
{
	if (c->turn_failed)
		return false;
	if (bb_db_in_transaction(c->db))
		return true;
	if (turn_try(c, BB_DB_BUSY_MS) != BB_DB_OK)
		return turn_fail(c);
	return true;
}

bool
turn_ok(struct collab *c, struct session *s, enum bb_db_result result)
{
	if (result == BB_DB_OK)
		return true;
	if (result == BB_DB_BUSY || result == BB_DB_ERROR)
		return turn_fail(c);
	if (result == BB_DB_FENCED && s != NULL && s->life == LIFE_IN)
		session_lost(c, s);
	return false;
}

bool
turn_holds(struct collab *c, struct session *s)
{
	char ended[BB_ENDED_MAX];

	if (s->checked == c->turn && !c->turn_failed)
		return true;
	if (!turn_begin(c) ||
	    !turn_ok(c, s, bb_session_check(c->db, &s->fence, ended)))
		return false;
	s->checked = c->turn;
	return true;
}

void
turn_touch(struct collab *c, struct session *s)
{
	if (s->touched)
		return;
	s->touched = true;
	s->next_touched = c->touched;
	c->touched = s;
}

void
turn_wake(struct collab *c, const struct bb_others *others)
{
	struct bb_others *to = &c->wake_up;
	size_t cap = to->len + others->len;
	void *at;

	if (others->len == 0)
		return;
	if (cap > to->cap) {
		at = realloc(to->at, cap * sizeof(*to->at));
		if (at == NULL)
			return; /* they find out at their next tick */
		to->at = at;
		to->cap = cap;
	}
	memcpy(to->at + to->len, others->at, others->len * sizeof(*to->at));
	to->len += others->len;
}

/* All PINs of one owner in one datagram. */
static void
wake_one(struct collab *c, int64_t owner)
{
	struct bb_others *to = &c->wake_up;
	uint32_t pins[BB_WAKE_PINS + 1];
	size_t count = 0, left = 0, i;

	for (i = 0; i < to->len; i++) {
		if (to->at[i].owner != owner)
			to->at[left++] = to->at[i];
		else if (count < BB_LEN(pins))
			pins[count++] = to->at[i].pin;
	}
	to->len = left;
	if (bb_wake_send(bb_db_path(c->db), owner, pins, count) == -1)
		bb_log(BB_LOG_DEBUG, "nobody to wake of owner %lld",
		    (long long)owner);
}

static void
wake_others(struct collab *c)
{
	while (c->wake_up.len > 0)
		wake_one(c, c->wake_up.at[0].owner);
	bb_others_clear(&c->wake_up);
}

/* One that says much does not take the place of those that say little. */
bool
turn_has_room(struct collab *c, struct via *via)
{
	int64_t now = bb_clock_us();

	if (c->turn_us == 0)
		c->turn_us = now;
	if (via->turn != c->turn) {
		via->turn = c->turn;
		via->turn_lines = 0;
	}
	if (c->ending_turn ||
	    (via->turn_lines >= VIA_LINES &&
		(c->turn_lines >= TURN_LINES || now - c->turn_us > TURN_US)))
		return false;
	c->turn_lines++;
	via->turn_lines++;
	return true;
}

/* What the commit would have made true is not: the devices of this turn hear
 * Server Busy, and their sessions are forgotten. */
static void
turn_undo(struct collab *c)
{
	struct settings *s;
	struct session *at;

	bb_db_rollback(c->db);
	vias_discard(c);
	for (at = c->touched; at != NULL; at = at->next_touched)
		session_drop(c, at);
	sessions_undo(c);
	answer_undo(c);
	for (s = c->settings; s != NULL; s = s->next)
		s->served = false;
	bb_others_clear(&c->wake_up);
	c->tallies.failed_turns++;
	c->turn_failed = false;
}

static void
turn_forget(struct collab *c)
{
	struct session *s;

	while ((s = c->touched) != NULL) {
		c->touched = s->next_touched;
		s->next_touched = NULL;
		s->touched = false;
	}
}

void
turn_end(void *collab)
{
	struct collab *c = collab;
	bool open = bb_db_in_transaction(c->db);

	c->ending_turn = true;
	if (open && !c->turn_failed && bb_db_commit(c->db) != BB_DB_OK)
		turn_fail(c);
	if (c->turn_failed)
		turn_undo(c);
	else if (open)
		c->tallies.commits++;
	wake_others(c);
	answer_settle(c);
	turn_forget(c);
	c->turn++;
	c->turn_lines = 0;
	c->turn_us = 0;
	sessions_settle(c);
	vias_release(c);
	vias_finish(c);
	c->ending_turn = false;
}
