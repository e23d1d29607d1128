/* The session's table: docs/wire.md, "States", as data. */
#include "flow/session.h"

#include <stddef.h>

#include "base/cc.h"

/* What must hold for the first of the two moves of a cell. */
enum guard {
	ALWAYS,
	ATT_ABOVE,   /* above what is in force and what is offered */
	ATT_OFFERED, /* the latest attach's */
	ATT_OURS,    /* in force, or the latest attach's */
	SEQ_NEW,     /* att in force and a number not seen; notes it */
	LINK_OURS,   /* the link in use, or none is named */
	BY_LOGIN     /* the latest attach was a login */
};

struct move {
	enum bb_session_act act;
	enum bb_session_state next;
};

struct cell {
	enum guard guard;
	struct move yes, no;
};

#define NONE BB_SESSION_NONE
#define PROV BB_SESSION_PROVISIONAL
#define LIVE BB_SESSION_LIVE
#define DETA BB_SESSION_DETACHED

/* clang-format off */
static const struct cell table[BB_SESSION_STATES][BB_SESSION_EVENTS] = {
	[NONE] = {
		[BB_SE_LOGIN]       = { ALWAYS,      { BB_SA_ADMIT, PROV },    { BB_SA_DROP, NONE } },
		[BB_SE_RESUME]      = { ALWAYS,      { BB_SA_DROP, NONE },     { BB_SA_DROP, NONE } },
		[BB_SE_DATA]        = { ALWAYS,      { BB_SA_DROP, NONE },     { BB_SA_DROP, NONE } },
		[BB_SE_UNCONFIRMED] = { ALWAYS,      { BB_SA_DROP, NONE },     { BB_SA_DROP, NONE } },
		[BB_SE_LINK_DOWN]   = { ALWAYS,      { BB_SA_DROP, NONE },     { BB_SA_DROP, NONE } },
		[BB_SE_ENDED]       = { ALWAYS,      { BB_SA_DROP, NONE },     { BB_SA_DROP, NONE } },
	},
	[PROV] = {
		[BB_SE_LOGIN]       = { ATT_ABOVE,   { BB_SA_ADMIT, PROV },    { BB_SA_DROP, PROV } },
		[BB_SE_RESUME]      = { ATT_ABOVE,   { BB_SA_OFFER, PROV },    { BB_SA_DROP, PROV } },
		[BB_SE_DATA]        = { ATT_OFFERED, { BB_SA_CONFIRM, LIVE },  { BB_SA_DROP, PROV } },
		[BB_SE_UNCONFIRMED] = { BY_LOGIN,    { BB_SA_CLOSE, NONE },    { BB_SA_DETACH, DETA } },
		[BB_SE_LINK_DOWN]   = { ALWAYS,      { BB_SA_DROP, PROV },     { BB_SA_DROP, PROV } },
		[BB_SE_ENDED]       = { ALWAYS,      { BB_SA_CLOSE, NONE },    { BB_SA_DROP, PROV } },
	},
	[LIVE] = {
		[BB_SE_LOGIN]       = { ATT_ABOVE,   { BB_SA_ADMIT, PROV },    { BB_SA_DROP, LIVE } },
		[BB_SE_RESUME]      = { ATT_ABOVE,   { BB_SA_OFFER, PROV },    { BB_SA_DROP, LIVE } },
		[BB_SE_DATA]        = { SEQ_NEW,     { BB_SA_WORK, LIVE },     { BB_SA_DROP, LIVE } },
		[BB_SE_UNCONFIRMED] = { ALWAYS,      { BB_SA_DROP, LIVE },     { BB_SA_DROP, LIVE } },
		[BB_SE_LINK_DOWN]   = { LINK_OURS,   { BB_SA_DETACH, DETA },   { BB_SA_DROP, LIVE } },
		[BB_SE_ENDED]       = { ALWAYS,      { BB_SA_CLOSE, NONE },    { BB_SA_DROP, LIVE } },
	},
	[DETA] = {
		[BB_SE_LOGIN]       = { ATT_ABOVE,   { BB_SA_ADMIT, PROV },    { BB_SA_DROP, DETA } },
		[BB_SE_RESUME]      = { ATT_ABOVE,   { BB_SA_OFFER, PROV },    { BB_SA_DROP, DETA } },
		[BB_SE_DATA]        = { ATT_OURS,    { BB_SA_REATTACH, DETA }, { BB_SA_DROP, DETA } },
		[BB_SE_UNCONFIRMED] = { ALWAYS,      { BB_SA_DROP, DETA },     { BB_SA_DROP, DETA } },
		[BB_SE_LINK_DOWN]   = { ALWAYS,      { BB_SA_DROP, DETA },     { BB_SA_DROP, DETA } },
		[BB_SE_ENDED]       = { ALWAYS,      { BB_SA_CLOSE, NONE },    { BB_SA_DROP, DETA } },
	},
};
/* clang-format on */

static bool
holds(enum guard guard, struct bb_session_core *core,
    const struct bb_session_line *line)
{
	switch (guard) {
	case ALWAYS:
		return true;
	case ATT_ABOVE:
		return line->att > core->att && line->att > core->offered;
	case ATT_OFFERED:
		return line->att == core->offered && line->seq != 0;
	case ATT_OURS:
		return line->att == core->att || line->att == core->offered;
	case SEQ_NEW:
		return line->att == core->att &&
		       bb_window_take(&core->up, line->seq);
	case LINK_OURS:
		return line == NULL || line->link == core->link;
	case BY_LOGIN:
		return core->offered_login;
	}
	return false;
}

static void
offer(struct bb_session_core *core, const struct bb_session_line *line,
    bool login)
{
	core->offered = line->att;
	core->offered_link = line->link;
	core->offered_login = login;
}

/* The first frame of an attach proves that the device has the new key; only
 * then does its link become the link. */
static void
confirm(struct bb_session_core *core, const struct bb_session_line *line)
{
	core->att = core->offered;
	core->link = core->offered_link;
	core->up = (struct bb_window){ 0 };
	core->down_seq = 0;
	(void)bb_window_take(&core->up, line->seq);
}

/* Keeps the link: the device may still be told why. */
static void
forget(struct bb_session_core *core)
{
	core->att = core->offered = 0;
	core->offered_login = false;
	core->up = (struct bb_window){ 0 };
	core->down_seq = 0;
}

static void
apply(struct bb_session_core *core, enum bb_session_act act,
    const struct bb_session_line *line)
{
	switch (act) {
	case BB_SA_ADMIT:
		offer(core, line, true);
		break;
	case BB_SA_OFFER:
		offer(core, line, false);
		break;
	case BB_SA_CONFIRM:
		confirm(core, line);
		break;
	case BB_SA_CLOSE:
		forget(core);
		break;
	case BB_SA_DROP:
	case BB_SA_WORK:
	case BB_SA_REATTACH:
	case BB_SA_DETACH:
		break;
	}
}

enum bb_session_act
bb_session_step(struct bb_session_core *core, enum bb_session_event event,
    const struct bb_session_line *line)
{
	const struct cell *cell = &table[core->state][event];
	const struct move *move =
	    holds(cell->guard, core, line) ? &cell->yes : &cell->no;

	core->state = move->next;
	apply(core, move->act, line);
	return move->act;
}

const char *
bb_session_state_word(enum bb_session_state state)
{
	static const char *const words[BB_SESSION_STATES] = {
		[BB_SESSION_NONE] = "none",
		[BB_SESSION_PROVISIONAL] = "provisional",
		[BB_SESSION_LIVE] = "live",
		[BB_SESSION_DETACHED] = "detached",
	};

	return words[state];
}

enum bb_number
bb_number_up(uint64_t up_next, uint64_t n)
{
	if (n == up_next)
		return BB_NUMBER_EFFECT;
	return n < up_next ? BB_NUMBER_AGAIN : BB_NUMBER_GAP;
}
