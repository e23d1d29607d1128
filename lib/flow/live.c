/* Owns the rules of a device that stays connected. */
#include "flow/live.h"

#include "base/cc.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000
#define BACKOFF_DOUBLINGS 6 /* 64 s: past the maximum */

int64_t
bb_live_backoff_ms(unsigned failures, uint32_t chance)
{
	unsigned doublings = failures == 0 ? 0 : failures - 1;
	int64_t ms = BACKOFF_MAX_MS;

	if (doublings < BACKOFF_DOUBLINGS)
		ms = (int64_t)BACKOFF_FIRST_MS << doublings;
	return ms / 2 + (int64_t)chance % (ms / 2 + 1);
}

enum bb_live_attach
bb_live_attach(const struct bb_live_means *means)
{
	bool resume = means->session && means->ours && !means->login;

	if (resume && (means->outlives || !means->password))
		return BB_LIVE_RESUME;
	return means->password ? BB_LIVE_LOGIN : BB_LIVE_NEITHER;
}

/* At once, but a gateway that always asks for it is not obeyed for ever. */
static enum bb_live_next
at_once(const struct bb_live_facts *f, enum bb_live_next next)
{
	return f->at_once < BB_LIVE_AT_ONCE_MAX ? next : BB_LIVE_LATER;
}

/* What was open once comes back; what never was is told to the user. */
static enum bb_live_next
later(const struct bb_live_facts *f)
{
	return f->was_open ? BB_LIVE_LATER : BB_LIVE_END;
}

static enum bb_live_next
ended(const struct bb_live_facts *f)
{
	return f->session_lost && f->password ? at_once(f, BB_LIVE_ANEW)
					      : BB_LIVE_END;
}

enum bb_live_next
bb_live_next(const struct bb_live_facts *f)
{
	switch (f->event) {
	case BB_DE_ANSWER_OK:
		return BB_LIVE_OPENED;
	case BB_DE_ANSWER_NO:
		return f->passing ? later(f) : ended(f);
	case BB_DE_BYE:
		return ended(f);
	case BB_DE_STALE_AHEAD:
	case BB_DE_SUPERSEDED:
	case BB_DE_REATTACH:
		return at_once(f, BB_LIVE_ATTACH);
	case BB_DE_BUSY:
		if (f->act == BB_DA_AGAIN)
			return BB_LIVE_SAME;
		return f->act == BB_DA_SHOW ? BB_LIVE_STAY : later(f);
	case BB_DE_UNREACHABLE:
	case BB_DE_HINT:
		return f->act == BB_DA_SHOW ? BB_LIVE_STAY : later(f);
	case BB_DE_BADBODY:
		return f->act == BB_DA_SHOW ? BB_LIVE_STAY : BB_LIVE_END;
	case BB_DE_NO_ANSWER:
	case BB_DE_LINK_LOST:
		return later(f);
	case BB_DE_ATTACH:
	case BB_DE_SEND:
	case BB_DE_STALE_SAME:
	case BB_DE_DATA_CURRENT:
	case BB_DE_DATA_PREVIOUS:
	case BB_DE_OTHER:
	case BB_DEVICE_EVENTS:
		break;
	}
	return BB_LIVE_STAY;
}
