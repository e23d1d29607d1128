/* One write transaction per turn of the loop, and nothing leaves before its
 * commit: docs/wire.md, T4. */
#include <stdlib.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"

static bool
turn_fail(struct collab *c)
{
	if (!c->turn_failed)
		bb_log(BB_LOG_WARN, "unable to use the configuration store: %s",
		    bb_db_why(c->db));
	c->turn_failed = true;
	return false;
}

static bool
owner_ready(struct collab *c)
{
	int64_t now = bb_clock_ms();

	if (c->owner != 0)
		return true;
	if (bb_owner_register(c->db, now, &c->owner) == BB_DB_OK)
		return true;
	c->owner = 0;
	return false;
}

bool
turn_begin(struct collab *c)
{
	if (c->turn_failed)
		return false;
	if (bb_db_in_transaction(c->db))
		return true;
	/* Registered before the turn, on its own: a turn that is rolled back
	 * must not take the owner with it. */
	if (!owner_ready(c))
		return turn_fail(c);
	if (bb_db_begin(c->db, false) != BB_DB_OK)
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
	if (result == BB_DB_FENCED && s != NULL && s->life == LIFE_IN) {
		bb_log(BB_LOG_INFO, "session of %08x was taken over or ended",
		    s->fence.pin);
		session_leave(c, s);
	}
	return false;
}

/* What the commit would have made true is not: the devices of this turn hear
 * Server Busy, and their sessions are forgotten. */
static void
turn_undo(struct collab *c)
{
	struct session *s, *next;
	struct ask *ask;
	size_t i;

	bb_db_rollback(c->db);
	bb_buf_take(&c->held, bb_buf_len(&c->held));
	for (i = 0; i < SESSION_BUCKETS; i++)
		for (s = c->table[i]; s != NULL; s = next) {
			next = s->next;
			if (s->touched)
				session_drop(c, s);
		}
	for (ask = c->asks; ask != NULL; ask = ask->next)
		if (ask->answered || ask->session == NULL) {
			ask->answered = false;
			answer_refuse(c, ask, "busy", "Server Busy",
			    "the database is busy");
		}
	c->served_len = 0;
	c->turn_failed = false;
}

static void
turn_forget(struct collab *c)
{
	struct ask **at = &c->asks, *ask;
	struct session *s;
	size_t i;

	while ((ask = *at) != NULL) {
		if (!ask->answered) {
			at = &ask->next;
			continue;
		}
		*at = ask->next;
		ask_free(ask);
	}
	for (i = 0; i < SESSION_BUCKETS; i++)
		for (s = c->table[i]; s != NULL; s = s->next)
			s->touched = false;
}

static void
turn_release(struct collab *c)
{
	struct bb_buf *out;
	size_t len = bb_buf_len(&c->held);

	if (len == 0)
		return;
	out = bb_filter_out(c->filter);
	if (bb_buf_put(out, bb_buf_data(&c->held), len) == -1) {
		bb_log(BB_LOG_ERROR, "unable to pass on %zu bytes: %s", len,
		    "the reader is too slow");
		c->status = BB_EXIT_TEMP;
	}
	bb_buf_take(&c->held, len);
	bb_filter_flush(c->filter);
}

void
turn_end(void *collab)
{
	struct collab *c = collab;
	bool open = bb_db_in_transaction(c->db);

	if (open && !c->turn_failed && bb_db_commit(c->db) != BB_DB_OK)
		turn_fail(c);
	if (c->turn_failed)
		turn_undo(c);
	turn_forget(c);
	sessions_settle(c);
	turn_release(c);
}
