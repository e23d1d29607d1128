/* What each op of a live session does; all have had their ack. */
#include <errno.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collab.h"

static const char *
member(const json_t *d, const char *name)
{
	return json_string_value(json_object_get(d, name));
}

static void
op_batch(struct collab *c, struct session *s, json_t *d)
{
	json_object_del(d, "ack");
	data_batch(c, s, d);
}

static void
op_presence(struct collab *c, struct session *s, json_t *d)
{
	const char *status = member(d, "status");
	struct bb_request request = { .type = BB_REQUEST_PRESENCE,
		.wall_s = bb_clock_wall_s(),
		.show = member(d, "show"),
		.status = status };

	if (!turn_holds(c, s))
		return;
	if (backend_request(c, s, &request) == -1)
		bb_log(BB_LOG_ERROR, "unable to set the presence of %08x: %s",
		    s->fence.pin, strerror(errno));
	else if (turn_begin(c))
		turn_ok(c, s,
		    bb_session_presence(c->db, &s->fence, request.show,
			status != NULL ? status : ""));
}

/* Only what changes its coverage is written at once. */
static void
op_alive(struct collab *c, struct session *s, json_t *d)
{
	(void)c;
	(void)s;
	(void)d;
}

/* What was sent and is not acknowledged is sent again. */
static void
op_fetch(struct collab *c, struct session *s, json_t *d)
{
	(void)c;
	(void)d;
	s->sent = s->acked;
	s->waiting = true;
	s->report = true;
}

static void
op_logout(struct collab *c, struct session *s, json_t *d)
{
	(void)d;
	session_end(c, s, "logout");
}

static const struct {
	const char *word;
	void (*does)(struct collab *c, struct session *s, json_t *d);
	bool status; /* a status message: the user need not be there */
} ops[] = {
	{ "batch", op_batch, false },
	{ "send", data_queue, false },
	{ "presence", op_presence, true },
	{ "alive", op_alive, true },
	{ "fetch", op_fetch, false },
	{ "logout", op_logout, false },
};

void
ops_take(struct collab *c, struct session *s, json_t *d)
{
	const char *word = member(d, "op");
	bool leaves = json_is_false(json_object_get(d, "coverage"));
	size_t i;

	for (i = 0; i < BB_LEN(ops); i++)
		if (strcmp(ops[i].word, word) == 0)
			break;
	if (i == BB_LEN(ops))
		return;
	session_line_seen(s, ops[i].status);
	if (session_tell_now(s))
		session_tell(c, s);
	if (s->life == LIFE_IN)
		session_coverage(c, s, !leaves);
	if (s->life == LIFE_IN)
		ops[i].does(c, s, d);
}
