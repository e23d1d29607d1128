/* The session's table: every state, every event, every condition. */
#include "flow/session.h"

#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "tap.h"

/* A session whose attach 5 is in force over link 50, numbers 1..3 seen; where
 * an attach is offered it is 7, over link 70. */
#define ATT 5
#define LINK 50
#define OFFERED 7
#define OFFERED_LINK 70

static struct bb_session_core
core_in(enum bb_session_state state, bool login)
{
	struct bb_session_core core = { .state = state };

	if (state == BB_SESSION_NONE)
		return core;
	core.att = ATT;
	core.link = LINK;
	core.down_seq = 9;
	core.up = (struct bb_window){ .highest = 3, .seen = 7 };
	core.offered = ATT;
	core.offered_link = LINK;
	core.offered_login = login;
	if (state == BB_SESSION_PROVISIONAL) {
		core.offered = OFFERED;
		core.offered_link = OFFERED_LINK;
	}
	return core;
}

/* What a line says, in each way that can make a difference. */
static const struct {
	const char *name;
	struct bb_session_line line;
} lines[] = {
	/* clang-format off */
	{ "an older attach",		{ 4, 4, LINK } },
	{ "the attach in force, a new number", { ATT, 4, LINK } },
	{ "the attach in force, a late number", { ATT, 66, LINK } },
	{ "the attach in force, a number seen", { ATT, 2, LINK } },
	{ "the attach in force, another link", { ATT, 4, 99 } },
	{ "an attach in between",	{ 6, 1, LINK } },
	{ "the attach offered",		{ OFFERED, 1, OFFERED_LINK } },
	{ "the attach offered, another link", { OFFERED, 1, 99 } },
	{ "a newer attach",		{ 8, 1, 80 } },
	/* clang-format on */
};

enum {
	OLD,
	NEW,
	LATE,
	SEEN,
	ELSEWHERE,
	BETWEEN,
	OFFER,
	OFFER_ELSEWHERE,
	NEWER,
	LINES
};

#define ALL ((1u << LINES) - 1)
#define BIT(line) (1u << (line))
#define ABOVE_5 (BIT(BETWEEN) | BIT(OFFER) | BIT(OFFER_ELSEWHERE) | BIT(NEWER))
#define OURS_5 (BIT(NEW) | BIT(LATE) | BIT(SEEN) | BIT(ELSEWHERE))

#define NONE BB_SESSION_NONE
#define PROV BB_SESSION_PROVISIONAL
#define LIVE BB_SESSION_LIVE
#define DETA BB_SESSION_DETACHED

/* Whatever is not here is dropped and changes nothing. */
static const struct row {
	enum bb_session_state state;
	enum bb_session_event event;
	unsigned lines;
	int login; /* the latest attach was a login: 1, 0, or -1: either */
	enum bb_session_act act;
	enum bb_session_state next;
} rows[] = {
	/* clang-format off */
	{ NONE, BB_SE_LOGIN,	ALL,		-1, BB_SA_ADMIT,	PROV },
	{ PROV, BB_SE_LOGIN,	BIT(NEWER),	-1, BB_SA_ADMIT,	PROV },
	{ PROV, BB_SE_RESUME,	BIT(NEWER),	-1, BB_SA_OFFER,	PROV },
	{ PROV, BB_SE_DATA,	BIT(OFFER) | BIT(OFFER_ELSEWHERE),
						-1, BB_SA_CONFIRM,	LIVE },
	{ PROV, BB_SE_UNCONFIRMED, ALL,		 1, BB_SA_CLOSE,	NONE },
	{ PROV, BB_SE_UNCONFIRMED, ALL,		 0, BB_SA_DETACH,	DETA },
	{ PROV, BB_SE_ENDED,	ALL,		-1, BB_SA_CLOSE,	NONE },
	{ LIVE, BB_SE_LOGIN,	ABOVE_5,	-1, BB_SA_ADMIT,	PROV },
	{ LIVE, BB_SE_RESUME,	ABOVE_5,	-1, BB_SA_OFFER,	PROV },
	{ LIVE, BB_SE_DATA,	BIT(NEW) | BIT(LATE) | BIT(ELSEWHERE),
						-1, BB_SA_WORK,		LIVE },
	{ LIVE, BB_SE_LINK_DOWN, ALL & ~(BIT(ELSEWHERE) | BIT(OFFER) |
		BIT(OFFER_ELSEWHERE) | BIT(NEWER)),
						-1, BB_SA_DETACH,	DETA },
	{ LIVE, BB_SE_ENDED,	ALL,		-1, BB_SA_CLOSE,	NONE },
	{ DETA, BB_SE_LOGIN,	ABOVE_5,	-1, BB_SA_ADMIT,	PROV },
	{ DETA, BB_SE_RESUME,	ABOVE_5,	-1, BB_SA_OFFER,	PROV },
	{ DETA, BB_SE_DATA,	OURS_5,		-1, BB_SA_REATTACH,	DETA },
	{ DETA, BB_SE_ENDED,	ALL,		-1, BB_SA_CLOSE,	NONE },
	/* clang-format on */
};

static const char *const events[BB_SESSION_EVENTS] = { "login", "resume",
	"data", "unconfirmed", "link down", "ended" };

static struct row
wanted(enum bb_session_state state, enum bb_session_event event, unsigned line,
    bool login)
{
	struct row drop = { state, event, ALL, -1, BB_SA_DROP, state };
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		if (rows[i].state == state && rows[i].event == event &&
		    (rows[i].lines & BIT(line)) != 0 &&
		    (rows[i].login == -1 || rows[i].login == login))
			return rows[i];
	}
	return drop;
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

/* One cell; true when the act, the next state and, for a dropped line, the
 * whole core are right. */
static bool
cell(enum bb_session_state state, enum bb_session_event event, unsigned line,
    bool login)
{
	struct bb_session_core core = core_in(state, login), before = core;
	struct row want = wanted(state, event, line, login);
	enum bb_session_act act =
	    bb_session_step(&core, event, &lines[line].line);

	if (act == want.act && core.state == want.next &&
	    (act != BB_SA_DROP || same_core(&core, &before)))
		return true;
	tap_note("%s, %s: act %d, wanted %d; next %s", lines[line].name,
	    login ? "login" : "resume", act, want.act,
	    bb_session_state_word(core.state));
	return false;
}

static void
test_cells(void)
{
	unsigned state, event, line, right;

	for (state = 0; state < BB_SESSION_STATES; state++) {
		for (event = 0; event < BB_SESSION_EVENTS; event++) {
			right = 0;
			for (line = 0; line < LINES; line++) {
				right += cell(state, event, line, false);
				right += cell(state, event, line, true);
			}
			tap_ok(right == 2 * LINES, "%s: %s",
			    bb_session_state_word(state), events[event]);
		}
	}
}

static void
test_offer_keeps_link(void)
{
	struct bb_session_core core = core_in(LIVE, true);
	struct bb_session_line resume = { 8, 0, 80 }, data = { 8, 3, 80 };

	(void)bb_session_step(&core, BB_SE_RESUME, &resume);
	tap_ok(core.att == ATT && core.link == LINK,
	    "an attach alone moves no link");
	tap_ok(core.offered == 8 && core.offered_link == 80 &&
		   !core.offered_login,
	    "it is offered");
	(void)bb_session_step(&core, BB_SE_DATA, &data);
	tap_ok(core.att == 8 && core.link == 80, "its first frame moves it");
	TAP_EQ_INT(core.down_seq, 0, "numbers down begin anew");
	TAP_EQ_INT(bb_session_step(&core, BB_SE_DATA, &data), BB_SA_DROP,
	    "the confirming frame again is dropped");
	data.seq = 2;
	TAP_EQ_INT(bb_session_step(&core, BB_SE_DATA, &data), BB_SA_WORK,
	    "a frame that it overtook is not");
	data.link = 99;
	data.seq = 4;
	(void)bb_session_step(&core, BB_SE_DATA, &data);
	TAP_EQ_INT(core.link, 80, "another link in a frame changes nothing");
}

static void
test_unconfirmed_resume(void)
{
	struct bb_session_core core = core_in(LIVE, true);
	struct bb_session_line resume = { 8, 0, 80 }, data = { 8, 1, 80 };

	(void)bb_session_step(&core, BB_SE_RESUME, &resume);
	(void)bb_session_step(&core, BB_SE_UNCONFIRMED, NULL);
	TAP_EQ_INT(core.state, DETA, "a resume not confirmed leaves a session");
	TAP_EQ_INT(core.link, LINK, "with the link that it had");
	TAP_EQ_INT(bb_session_step(&core, BB_SE_DATA, &data), BB_SA_REATTACH,
	    "a confirmation that comes too late is told to attach again");
}

static void
test_close_forgets(void)
{
	struct bb_session_core core = core_in(LIVE, true);
	struct bb_session_line login = { 1, 0, 10 };

	(void)bb_session_step(&core, BB_SE_ENDED, NULL);
	TAP_EQ_INT(core.link, LINK, "a session that ended can be told so");
	TAP_EQ_INT(bb_session_step(&core, BB_SE_LOGIN, &login), BB_SA_ADMIT,
	    "its numbers bind no session after it");
	TAP_EQ_INT(bb_session_step(&core, BB_SE_DATA, &login), BB_SA_DROP,
	    "frame number 0 confirms nothing");
}

static void
test_link_down(void)
{
	struct bb_session_core core = core_in(LIVE, true);

	TAP_EQ_INT(bb_session_step(&core, BB_SE_LINK_DOWN, NULL), BB_SA_DETACH,
	    "a link that went down without a name is the session's");
}

static void
test_numbers(void)
{
	TAP_EQ_INT(bb_number_up(5, 5), BB_NUMBER_EFFECT,
	    "the next number has effect");
	TAP_EQ_INT(bb_number_up(5, 4), BB_NUMBER_AGAIN,
	    "a lower one is acknowledged again");
	TAP_EQ_INT(bb_number_up(5, 6), BB_NUMBER_GAP,
	    "a higher one is dropped");
	TAP_EQ_INT(bb_number_up(UINT64_MAX, 0), BB_NUMBER_AGAIN,
	    "also at the end of the numbers");
}

static void
test_words(void)
{
	TAP_EQ_STR(bb_session_state_word(PROV), "provisional",
	    "states have the words of the store");
}

int
main(void)
{
	test_cells();
	test_offer_keeps_link();
	test_unconfirmed_resume();
	test_close_forgets();
	test_link_down();
	test_numbers();
	test_words();
	return tap_done();
}
