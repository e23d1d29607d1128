/* Answers at the control socket: how many of what, and which sessions. */
#include <string.h>

#include "base/cc.h"
#include "collab.h"
#include "wire/text.h"

#define SESSIONS_MAX 10000 /* of one answer */

static void
set_count(json_t *to, const char *name, uint64_t count)
{
	json_object_set_new(to, name, json_integer((json_int_t)count));
}

static void
count_state(struct collab *c, struct session *s, void *ctx)
{
	size_t *states = ctx;

	(void)c;
	states[s->core.state]++;
}

static json_t *
count_sessions(struct collab *c)
{
	size_t states[BB_SESSION_STATES + 1] = { 0 };
	json_t *to = json_object();

	table_each(c, count_state, states);
	set_count(to, "provisional", states[BB_SESSION_PROVISIONAL]);
	set_count(to, "live", states[BB_SESSION_LIVE]);
	set_count(to, "detached", states[BB_SESSION_DETACHED]);
	set_count(to, "not_loaded", (uint64_t)c->unloaded);
	return to;
}

static json_t *
count_answers(struct collab *c)
{
	json_t *to = json_object();
	const char *word;
	uint64_t count;
	size_t i;

	for (i = 0; (word = answer_result(c, i, &count)) != NULL; i++)
		set_count(to, word, count);
	return to;
}

static uint64_t
count_vias(const struct collab *c)
{
	const struct via *via;
	uint64_t count = 0;

	for (via = c->vias; via != NULL; via = via->next)
		count++;
	return count;
}

static json_t *
stats(struct collab *c)
{
	const struct tallies *t = &c->tallies;
	json_t *to = json_object();

	json_object_set_new(to, "v", json_integer(1));
	json_object_set_new(to, "sessions", count_sessions(c));
	json_object_set_new(to, "attaches", count_answers(c));
	set_count(to, "dispatchers", count_vias(c));
	set_count(to, "evicted", t->evicted);
	set_count(to, "taken_over", t->taken_over);
	set_count(to, "adopted", t->adopted);
	set_count(to, "lost", t->lost);
	set_count(to, "lines_in", t->lines_in);
	set_count(to, "lines_bad", t->lines_bad);
	set_count(to, "lines_out", t->lines_out);
	set_count(to, "commits", t->commits);
	set_count(to, "failed_turns", t->failed_turns);
	set_count(to, "store_busy", t->stalls);
	set_count(to, "spooled", t->spooled);
	set_count(to, "jobs", bb_work_pending(c->work));
	return to;
}

static void
list_session(struct collab *c, struct session *s, void *ctx)
{
	json_t *list = ctx;
	char pin[BB_PIN_TEXT_MAX], link[BB_U64_HEX_MAX];

	(void)c;
	if (json_array_size(list) == SESSIONS_MAX)
		return;
	bb_text_pin(s->fence.pin, pin);
	bb_text_u64_hex(s->core.link, link);
	json_array_append_new(list,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "pin", pin, "state",
		bb_session_state_word(s->core.state), "service",
		s->settings->service.name, "account", s->account, "link", link,
		"coverage", (int)s->coverage));
}

static json_t *
sessions(struct collab *c)
{
	json_t *list = json_array();

	table_each(c, list_session, list);
	return json_pack("{s:i, s:o, s:b}", "v", 1, "sessions", list, "more",
	    c->table.len > SESSIONS_MAX);
}

bool
control_answer(void *collab, const char *command, struct bb_buf *out)
{
	json_t *answer = NULL;
	char *text = NULL;
	bool said = false;
	size_t len = 0;

	if (strcmp(command, "stats") == 0)
		answer = stats(collab);
	else if (strcmp(command, "sessions") == 0)
		answer = sessions(collab);
	else
		return false;
	if (answer != NULL)
		text = bb_json_text(answer, &len);
	if (text != NULL) {
		said = bb_buf_put(out, text, len) == 0;
		bb_json_text_free(text, len);
	}
	json_decref(answer);
	return said;
}
