/* What a device that stays connected does next, case by case. */
#include <stdio.h>
#include <string.h>

#include "flow/live.h"
#include "tap.h"

#include "base/cc.h"

static void
test_backoff(void)
{
	static const int64_t longest[] = { 1000, 1000, 2000, 4000, 8000, 16000,
		32000, 60000, 60000 };
	char name[64];
	unsigned i;

	for (i = 0; i < BB_LEN(longest); i++) {
		(void)snprintf(name, sizeof(name),
		    "after %u failures it waits half of %d ms at least", i,
		    (int)longest[i]);
		TAP_EQ_INT(bb_live_backoff_ms(i, 0), longest[i] / 2, name);
		(void)snprintf(name, sizeof(name),
		    "after %u failures it waits %d ms at most", i,
		    (int)longest[i]);
		TAP_EQ_INT(bb_live_backoff_ms(i, (uint32_t)(longest[i] / 2)),
		    longest[i], name);
	}
	TAP_EQ_INT(bb_live_backoff_ms(4000000000u, 0), 30000,
	    "the wait does not overflow");
}

/* By hand: a session that may be gone is resumed only without a password. */
static enum bb_live_attach
expected(const struct bb_live_means *m)
{
	if (m->session && m->ours && !m->login) {
		if (m->outlives)
			return BB_LIVE_RESUME;
		return m->password ? BB_LIVE_LOGIN : BB_LIVE_RESUME;
	}
	return m->password ? BB_LIVE_LOGIN : BB_LIVE_NEITHER;
}

static void
test_attach(void)
{
	struct bb_live_means m;
	char name[96];
	unsigned i;

	for (i = 0; i < 32; i++) {
		m = (struct bb_live_means){ .session = (i & 1) != 0,
			.outlives = (i & 2) != 0,
			.ours = (i & 4) != 0,
			.password = (i & 8) != 0,
			.login = (i & 16) != 0 };
		(void)snprintf(name, sizeof(name),
		    "session %d, outlives %d, ours %d, password %d, login %d",
		    m.session, m.outlives, m.ours, m.password, m.login);
		TAP_EQ_INT(bb_live_attach(&m), expected(&m), name);
	}
}

static const struct row {
	const char *name;
	struct bb_live_facts facts;
	enum bb_live_next next;
} rows[] = {
	/* clang-format off */
	{ "an acceptance is confirmed",
	  { .event = BB_DE_ANSWER_OK, .act = BB_DA_ADOPT }, BB_LIVE_OPENED },
	{ "a first refusal ends",
	  { .event = BB_DE_ANSWER_NO, .act = BB_DA_ADOPT }, BB_LIVE_END },
	{ "a first refusal ends although it may pass",
	  { .event = BB_DE_ANSWER_NO, .passing = true }, BB_LIVE_END },
	{ "a later refusal that may pass is waited for",
	  { .event = BB_DE_ANSWER_NO, .passing = true, .was_open = true },
	  BB_LIVE_LATER },
	{ "a later refusal for good ends",
	  { .event = BB_DE_ANSWER_NO, .was_open = true, .password = true },
	  BB_LIVE_END },
	{ "an unknown session is logged in anew",
	  { .event = BB_DE_ANSWER_NO, .session_lost = true, .password = true },
	  BB_LIVE_ANEW },
	{ "an unknown session ends without a password",
	  { .event = BB_DE_ANSWER_NO, .session_lost = true }, BB_LIVE_END },
	{ "an unknown session again and again waits",
	  { .event = BB_DE_ANSWER_NO, .session_lost = true, .password = true,
	    .at_once = BB_LIVE_AT_ONCE_MAX }, BB_LIVE_LATER },
	{ "a bye ends",
	  { .event = BB_DE_BYE, .was_open = true, .password = true },
	  BB_LIVE_END },
	{ "a session that was lost is logged in anew",
	  { .event = BB_DE_BYE, .session_lost = true, .password = true,
	    .was_open = true }, BB_LIVE_ANEW },
	{ "a higher number is used at once",
	  { .event = BB_DE_STALE_AHEAD, .act = BB_DA_TOLD }, BB_LIVE_ATTACH },
	{ "its own number stale: the answer may come yet",
	  { .event = BB_DE_STALE_SAME, .act = BB_DA_WAIT }, BB_LIVE_STAY },
	{ "superseded attaches anew",
	  { .event = BB_DE_SUPERSEDED, .act = BB_DA_ANEW }, BB_LIVE_ATTACH },
	{ "superseded again and again waits",
	  { .event = BB_DE_SUPERSEDED, .act = BB_DA_ANEW,
	    .at_once = BB_LIVE_AT_ONCE_MAX }, BB_LIVE_LATER },
	{ "reattach attaches at once",
	  { .event = BB_DE_REATTACH, .act = BB_DA_DETACH, .was_open = true },
	  BB_LIVE_ATTACH },
	{ "busy sends the same bytes again",
	  { .event = BB_DE_BUSY, .act = BB_DA_AGAIN }, BB_LIVE_SAME },
	{ "busy too often ends a first attach",
	  { .event = BB_DE_BUSY, .act = BB_DA_FORGET }, BB_LIVE_END },
	{ "busy too often makes a later one wait",
	  { .event = BB_DE_BUSY, .act = BB_DA_FORGET, .was_open = true },
	  BB_LIVE_LATER },
	{ "busy in a session changes nothing",
	  { .event = BB_DE_BUSY, .act = BB_DA_SHOW, .was_open = true },
	  BB_LIVE_STAY },
	{ "no service ends a first attach",
	  { .event = BB_DE_UNREACHABLE, .act = BB_DA_FORGET }, BB_LIVE_END },
	{ "no service makes a later one wait",
	  { .event = BB_DE_UNREACHABLE, .act = BB_DA_FORGET, .was_open = true },
	  BB_LIVE_LATER },
	{ "no service in a session changes nothing",
	  { .event = BB_DE_UNREACHABLE, .act = BB_DA_SHOW, .was_open = true },
	  BB_LIVE_STAY },
	{ "a hint ends a first attach",
	  { .event = BB_DE_HINT, .act = BB_DA_FORGET }, BB_LIVE_END },
	{ "a hint makes a later one wait: anybody can make one",
	  { .event = BB_DE_HINT, .act = BB_DA_FORGET, .was_open = true,
	    .password = true }, BB_LIVE_LATER },
	{ "a hint in a session changes nothing",
	  { .event = BB_DE_HINT, .act = BB_DA_SHOW, .was_open = true },
	  BB_LIVE_STAY },
	{ "an attach that is not understood ends",
	  { .event = BB_DE_BADBODY, .act = BB_DA_FORGET, .was_open = true },
	  BB_LIVE_END },
	{ "a frame that is not understood ends no session",
	  { .event = BB_DE_BADBODY, .act = BB_DA_SHOW, .was_open = true },
	  BB_LIVE_STAY },
	{ "no first answer ends",
	  { .event = BB_DE_NO_ANSWER, .act = BB_DA_FORGET }, BB_LIVE_END },
	{ "no later answer waits",
	  { .event = BB_DE_NO_ANSWER, .act = BB_DA_FORGET, .was_open = true },
	  BB_LIVE_LATER },
	{ "a link that was lost comes back",
	  { .event = BB_DE_LINK_LOST, .act = BB_DA_DETACH, .was_open = true },
	  BB_LIVE_LATER },
	{ "data changes nothing",
	  { .event = BB_DE_DATA_CURRENT, .act = BB_DA_ERASE, .was_open = true },
	  BB_LIVE_STAY },
	/* clang-format on */
};

int
main(void)
{
	size_t i;

	test_backoff();
	test_attach();
	for (i = 0; i < BB_LEN(rows); i++)
		TAP_EQ_INT(bb_live_next(&rows[i].facts), rows[i].next,
		    rows[i].name);
	return tap_done();
}
