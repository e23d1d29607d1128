/* Owns step 4 of an attach: an ANSWER is checked, its key adopted, its verdict
 * shown. */
#include <string.h>

#include "base/secret.h"
#include "numbers.h"
#include "turn.h"
#include "wire/text.h"

#include "base/cc.h"

static void
begin_session(struct profile *p, const json_t *answer)
{
	struct session *s = &p->session;

	*s = (struct session){ .open = true,
		.resume = json_is_true(json_object_get(answer, "resume")),
		.account = p->outstanding.account,
		.att = p->outstanding.att };
	s->has_id = bb_text_hex_scan(turn_text(answer, "session"), s->id,
	    sizeof(s->id));
	s->status_interval = (int64_t)json_integer_value(
	    json_object_get(answer, "status_interval"));
	p->has_session = true;
}

/* These verdicts come before anything is begun for the attach. */
static bool
nothing_begun(const char *result)
{
	static const char *const words[] = { "busy", "failed", "denied",
		"badrequest" };
	size_t i;

	for (i = 0; i < BB_LEN(words); i++) {
		if (strcmp(result, words[i]) == 0)
			return true;
	}
	return false;
}

/* Step 4: the base key becomes the previous one, B' the current one. */
static int
adopt(struct profile *p, const uint8_t next[BB_BASE_LEN], const json_t *answer,
    bool ok)
{
	const char *result = turn_text(answer, "result");
	int rc = 0;

	memcpy(p->previous, p->current, BB_BASE_LEN);
	p->has_previous = true;
	memcpy(p->current, next, BB_BASE_LEN);
	if (ok) {
		begin_session(p, answer);
		rc = numbers_accepted(p,
		    (uint64_t)json_integer_value(
			json_object_get(answer, "up_next")));
	} else if (nothing_begun(result)) {
		rc = numbers_refused(p);
	} else if (strcmp(result, "unknown-session") == 0) {
		p->session = (struct session){ 0 };
		p->has_session = false;
	}
	profile_forget_attach(p);
	return rc;
}

static void
learn_answer(struct turn *turn, uint8_t next[BB_BASE_LEN])
{
	const struct outstanding *o = &turn->p->outstanding;
	struct bb_roll roll = { .pin = turn->p->pin, .att = o->att };
	struct bb_keys keys;

	turn->facts.ok = strcmp(turn_text(turn->first, "result"), "ok") == 0;
	if (!turn->p->has_outstanding)
		return;
	turn->facts.nonce_mine =
	    turn_hex_is(turn->first, "nonce", o->nonce, sizeof(o->nonce));
	memcpy(roll.kid, o->kid, sizeof(roll.kid));
	memcpy(roll.e_d, o->e_public, sizeof(roll.e_d));
	memcpy(roll.e_s, turn->frame->e, sizeof(roll.e_s));
	if (bb_keys_roll(turn->p->current, o->e_private, false, &roll, next) ==
		0 &&
	    bb_keys_expand(next, turn->p->pin, &keys) == 0) {
		turn->facts.newkid_fits = turn_hex_is(turn->first, "newkid",
		    keys.kid, sizeof(keys.kid));
		bb_wipe(&keys, sizeof(keys));
	}
}

void
take_answer(struct turn *turn)
{
	uint8_t next[BB_BASE_LEN];
	enum bb_device_event event;
	enum bb_op op;
	bool saved = false;

	if (!turn_open(turn) ||
	    (turn->first = turn_parse(turn, 0, BB_PLACE_ANSWER, &op)) == NULL)
		return;
	learn_answer(turn, next);
	event = turn_see(turn);
	turn->t->last.event = event;
	turn->t->last.unknown =
	    strcmp(turn_text(turn->first, "result"), "unknown-session") == 0;
	turn->t->last.retry_after = (int64_t)json_integer_value(
	    json_object_get(turn->first, "retry_after"));
	if (event != BB_DE_OTHER &&
	    profile_step(turn->p, event) == BB_DA_ADOPT) {
		show_answer(&turn->t->show, turn->p, turn->first);
		if (adopt(turn->p, next, turn->first, turn->facts.ok) == -1)
			turn_fail(turn, "number the messages");
		else
			saved = turn_save(turn);
	}
	bb_wipe(next, sizeof(next));
	if (!saved) {
		bb_buf_clear(&turn->t->show.out);
		turn->t->last.event = BB_DE_OTHER;
		return;
	}
	turn->t->taken++;
	turn->t->last.act = BB_DA_ADOPT;
	if (turn->count < 2 || (turn->second = turn_parse(turn, 1,
				    BB_PLACE_ANSWER_MORE, &op)) == NULL)
		return;
	mark_begin(turn);
	mark_events(turn, turn->second, true);
}
