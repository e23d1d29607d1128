/* The table of sessions under random events.  Three bytes are one: event,
 * attach number, frame number; the link is the attach's own, or a stranger's.
 *
 * Properties: the state is one of the table's; a frame has effect at most once,
 * and only one of the attach in force, or the one that confirms; the attach in
 * force only rises while there is a session; the link moves only with a
 * confirmation; what is dropped changes nothing.
 * fuzz: -max_len=600 */
#include "flow/session.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"

#define STRANGER 0x80u /* in the byte of the event: another link */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Which frames had an effect: by attach and number. */
struct effects {
	uint8_t seen[256][256 / 8];
};

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
has_effect(struct effects *effects, const struct bb_session_line *line)
{
	uint8_t *byte = &effects->seen[line->att][line->seq / 8];
	uint8_t bit = (uint8_t)(1u << line->seq % 8);

	must((*byte & bit) == 0);
	*byte |= bit;
}

static bool
same_core(const struct bb_session_core *a, const struct bb_session_core *b)
{
	return a->state == b->state && a->att == b->att &&
	       a->offered == b->offered && a->link == b->link &&
	       a->offered_link == b->offered_link &&
	       a->offered_login == b->offered_login &&
	       a->up.highest == b->up.highest && a->up.seen == b->up.seen &&
	       a->down_seq == b->down_seq;
}

static void
check_act(enum bb_session_act act, const struct bb_session_core *before,
    const struct bb_session_core *after, const struct bb_session_line *line,
    struct effects *effects)
{
	switch (act) {
	case BB_SA_DROP:
		must(same_core(before, after));
		return;
	case BB_SA_CONFIRM:
		must(before->state == BB_SESSION_PROVISIONAL);
		must(line->att == before->offered && after->att == line->att);
		must(after->link == before->offered_link);
		has_effect(effects, line);
		return;
	case BB_SA_WORK:
		must(before->state == BB_SESSION_LIVE);
		must(line->att == before->att);
		has_effect(effects, line);
		break;
	case BB_SA_ADMIT:
	case BB_SA_OFFER:
		must(line->att > before->att ||
		     before->state == BB_SESSION_NONE);
		must(after->state == BB_SESSION_PROVISIONAL);
		must(after->att == before->att);
		break;
	case BB_SA_CLOSE:
		/* Another session may use the same numbers anew. */
		memset(effects, 0, sizeof(*effects));
		must(after->state == BB_SESSION_NONE && after->att == 0);
		break;
	case BB_SA_REATTACH:
	case BB_SA_DETACH:
		must(after->state == BB_SESSION_DETACHED);
		break;
	}
	must(after->link == before->link);
}

static void
step(struct bb_session_core *core, const uint8_t bytes[3],
    struct effects *effects)
{
	enum bb_session_event event =
	    (enum bb_session_event)((bytes[0] & ~STRANGER) % BB_SESSION_EVENTS);
	struct bb_session_line line = { .att = bytes[1], .seq = bytes[2] };
	struct bb_session_core before = *core;
	enum bb_session_act act;

	if (line.att == 0)
		line.att = 1;
	line.link = bytes[0] & STRANGER ? 999 : line.att;
	act = bb_session_step(core, event, &line);
	must(core->state < BB_SESSION_STATES);
	must(bb_session_state_word(core->state) != NULL);
	check_act(act, &before, core, &line, effects);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bb_session_core core;
	struct effects effects;
	size_t at;

	memset(&core, 0, sizeof(core));
	memset(&effects, 0, sizeof(effects));
	for (at = 0; at + 3 <= size; at += 3)
		step(&core, data + at, &effects);
	return 0;
}
