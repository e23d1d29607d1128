/* Owns what becomes of a DATA, NOTICE or HINT frame, and of the profile's lock
 * in the meantime. */
#include "take.h"

#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "bbdevice.h"
#include "out.h"
#include "status.h"
#include "turn.h"

#include "base/cc.h"

static void
take_data(struct turn *turn)
{
	enum bb_device_event event;
	enum bb_op op;

	if (!turn_open(turn) ||
	    (turn->first = turn_parse(turn, 0, BB_PLACE_DOWN, &op)) == NULL)
		return;
	event = turn_see(turn);
	if (event == BB_DE_OTHER)
		return;
	turn->t->taken++;
	turn->t->last.event = op == BB_OP_bye ? BB_DE_BYE : event;
	mark_begin(turn);
	turn->mark.seq = turn->frame->seq;
	turn->mark.event = event;
	if (op == BB_OP_bye) {
		turn->mark.bye = true;
		show_bye(&turn->t->show, turn->frame->pin, turn->first);
		return;
	}
	mark_events(turn, turn->first,
	    bb_device_whole(&turn->p->device, turn->frame->seq));
}

/* --- notice and hint ------------------------------------------------------ */

static const char *
advice_for(enum bb_device_act act)
{
	switch (act) {
	case BB_DA_TOLD:
		return "the profile has the right number now: emit again";
	case BB_DA_ANEW:
	case BB_DA_AGAIN:
		return "emit again";
	case BB_DA_WAIT:
		return "a copy of the frame came first, its answer is still to "
		       "come";
	case BB_DA_DETACH:
		return "attach again";
	case BB_DA_FORGET:
	case BB_DA_SHOW:
	case BB_DA_DROP:
	case BB_DA_REFUSE:
	case BB_DA_ATTACH:
	case BB_DA_SEND:
	case BB_DA_ADOPT:
	case BB_DA_ERASE:
	case BB_DA_TAKE:
	case BB_DA_END:
		break;
	}
	return "nothing was done";
}

static void
take_notice(struct turn *turn)
{
	struct show *show = &turn->t->show;
	enum bb_device_event event;
	enum bb_device_act act;
	enum bb_op op;

	if (!turn_open(turn) ||
	    (turn->first = turn_parse(turn, 0, BB_PLACE_NOTICE, &op)) == NULL)
		return;
	turn->facts.notice =
	    bb_device_notice_find(turn_text(turn->first, "code"));
	turn->facts.told =
	    (uint32_t)json_integer_value(json_object_get(turn->first, "told"));
	turn->facts.nonce_mine = turn->p->has_outstanding &&
				 turn_hex_is(turn->first, "nonce",
				     turn->p->outstanding.nonce, BB_NONCE_LEN);
	event = turn_see(turn);
	if (event == BB_DE_OTHER)
		return;
	act = profile_step(turn->p, event);
	turn->t->last.event = event;
	turn->t->last.act = act;
	turn->t->last.retry_after = (int64_t)json_integer_value(
	    json_object_get(turn->first, "retry_after"));
	if (act == BB_DA_DROP) {
		turn_drop(turn, EXIT_LOCAL_PROTOCOL,
		    "it does not fit the state of the device");
		return;
	}
	if (act == BB_DA_TOLD)
		bb_device_attached(&turn->p->device, turn->facts.told);
	if (act != BB_DA_WAIT && act != BB_DA_SHOW && act != BB_DA_AGAIN &&
	    !turn_save(turn))
		return;
	show_notice(show, turn->frame->pin, turn->first, advice_for(act),
	    act != BB_DA_WAIT);
	if (act != BB_DA_WAIT)
		turn->t->taken++;
}

/* Nothing is saved: a hint is not sealed. */
static void
take_hint(struct turn *turn)
{
	const struct profile *p = turn->p;
	const uint8_t *nonce = NULL;

	if (p->has_outstanding)
		nonce = p->outstanding.nonce;
	else if (p->has_session && p->session.seq > 0)
		nonce = p->session.nonce;
	turn->facts.nonce_mine =
	    nonce != NULL &&
	    memcmp(nonce, turn->frame->nonce, BB_HINT_NONCE_LEN) == 0;
	if (turn_see(turn) == BB_DE_OTHER)
		return;
	turn->t->last.event = BB_DE_HINT;
	show_hint(&turn->t->show, turn->frame->pin, turn->frame->code);
	turn->t->taken++;
}

/* --- any frame ------------------------------------------------------------ */

static void
take_by_type(struct turn *turn)
{
	switch (turn->frame->type) {
	case BB_FRAME_ANSWER:
		take_answer(turn);
		break;
	case BB_FRAME_DATA:
		take_data(turn);
		break;
	case BB_FRAME_NOTICE:
		take_notice(turn);
		break;
	case BB_FRAME_HINT:
		take_hint(turn);
		break;
	default:
		turn_drop(turn, EXIT_LOCAL_PROTOCOL, "it is not for a device");
		break;
	}
}

static void
take_loaded(struct turn *turn)
{
	struct profile p;
	char why[WHY_MAX];

	turn->p = &p; /* cppcheck-suppress autoVariables ; until we return */
	if (profile_open(&p, turn->t->folder, turn->frame->pin, why) == 0)
		take_by_type(turn);
	else if (errno == ENOENT)
		turn_drop(turn, EXIT_LOCAL_UNOPENED,
		    "there is no such profile");
	else
		turn_drop(turn, bb_errno_exit(errno), "its profile: %s", why);
	profile_close(&p);
	out_flush(&turn->t->show.out);
	if (turn->mark.wanted)
		mark_note(turn);
}

static void
take_held(struct turn *turn)
{
	turn->p = turn->t->held;
	take_by_type(turn);
	if (turn->t->show.shown != NULL)
		turn->t->show.shown(turn->t->show.ctx);
	if (turn->mark.wanted)
		mark_held(turn);
}

void
take_frame(struct take *t, const struct bb_frame *frame)
{
	struct turn turn = { .t = t,
		.frame = frame,
		.facts = { .type = frame->type,
		    .att = frame->att,
		    .seq = frame->seq },
		.sections = { BB_BUF_SECRET(BB_PACK_JSON_MAX),
		    BB_BUF_SECRET(BB_PACK_JSON_MAX) } };
	size_t i;

	t->last = (struct taken){ .event = BB_DE_OTHER, .act = BB_DA_DROP };
	if (t->held != NULL)
		take_held(&turn);
	else
		take_loaded(&turn);
	json_decref(turn.first);
	json_decref(turn.second);
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		bb_buf_clear(&turn.sections[i]);
}
