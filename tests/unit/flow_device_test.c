/* The device's table of docs/wire.md, every cell; and the numbers that a device
 * believes. */
#include <stdio.h>
#include <string.h>

#include "flow/device.h"
#include "tap.h"

#include "base/cc.h"

/* Rows of docs/wire.md, "States", Device.  What is not here has no effect. */
static const struct row {
	enum bb_device_state state;
	enum bb_device_event event;
	enum bb_device_act act;
	enum bb_device_state next;
} rows[] = {
	/* clang-format off */
	{ BB_DEVICE_IDLE,    BB_DE_ATTACH,        BB_DA_ATTACH, BB_DEVICE_WAITING },
	{ BB_DEVICE_WAITING, BB_DE_NO_ANSWER,     BB_DA_FORGET, BB_DEVICE_IDLE },
	{ BB_DEVICE_WAITING, BB_DE_LINK_LOST,     BB_DA_FORGET, BB_DEVICE_IDLE },
	{ BB_DEVICE_WAITING, BB_DE_BUSY,          BB_DA_AGAIN,  BB_DEVICE_WAITING },
	{ BB_DEVICE_WAITING, BB_DE_ANSWER_OK,     BB_DA_ADOPT,  BB_DEVICE_OPEN },
	{ BB_DEVICE_WAITING, BB_DE_ANSWER_NO,     BB_DA_ADOPT,  BB_DEVICE_IDLE },
	{ BB_DEVICE_WAITING, BB_DE_STALE_AHEAD,   BB_DA_TOLD,   BB_DEVICE_IDLE },
	{ BB_DEVICE_WAITING, BB_DE_STALE_SAME,    BB_DA_WAIT,   BB_DEVICE_WAITING },
	{ BB_DEVICE_WAITING, BB_DE_SUPERSEDED,    BB_DA_ANEW,   BB_DEVICE_IDLE },
	{ BB_DEVICE_WAITING, BB_DE_UNREACHABLE,   BB_DA_FORGET, BB_DEVICE_IDLE },
	{ BB_DEVICE_WAITING, BB_DE_BADBODY,       BB_DA_FORGET, BB_DEVICE_IDLE },
	{ BB_DEVICE_WAITING, BB_DE_HINT,          BB_DA_SHOW,   BB_DEVICE_IDLE },
	{ BB_DEVICE_OPEN,    BB_DE_SEND,          BB_DA_SEND,   BB_DEVICE_OPEN },
	{ BB_DEVICE_OPEN,    BB_DE_LINK_LOST,     BB_DA_DETACH, BB_DEVICE_IDLE },
	{ BB_DEVICE_OPEN,    BB_DE_DATA_CURRENT,  BB_DA_ERASE,  BB_DEVICE_OPEN },
	{ BB_DEVICE_OPEN,    BB_DE_DATA_PREVIOUS, BB_DA_TAKE,   BB_DEVICE_OPEN },
	{ BB_DEVICE_OPEN,    BB_DE_BYE,           BB_DA_END,    BB_DEVICE_IDLE },
	{ BB_DEVICE_OPEN,    BB_DE_REATTACH,      BB_DA_DETACH, BB_DEVICE_IDLE },
	{ BB_DEVICE_OPEN,    BB_DE_BUSY,          BB_DA_SHOW,   BB_DEVICE_OPEN },
	{ BB_DEVICE_OPEN,    BB_DE_UNREACHABLE,   BB_DA_SHOW,   BB_DEVICE_OPEN },
	{ BB_DEVICE_OPEN,    BB_DE_BADBODY,       BB_DA_SHOW,   BB_DEVICE_OPEN },
	{ BB_DEVICE_OPEN,    BB_DE_HINT,          BB_DA_SHOW,   BB_DEVICE_OPEN },
	/* clang-format on */
};

static const char *const event_names[BB_DEVICE_EVENTS] = {
	[BB_DE_ATTACH] = "a wanted attach",
	[BB_DE_SEND] = "wanted data",
	[BB_DE_NO_ANSWER] = "no answer",
	[BB_DE_LINK_LOST] = "a lost link",
	[BB_DE_ANSWER_OK] = "an acceptance",
	[BB_DE_ANSWER_NO] = "a refusal",
	[BB_DE_STALE_AHEAD] = "stale with a higher number",
	[BB_DE_STALE_SAME] = "stale with its own number",
	[BB_DE_SUPERSEDED] = "superseded",
	[BB_DE_BUSY] = "busy",
	[BB_DE_UNREACHABLE] = "unreachable",
	[BB_DE_BADBODY] = "badbody",
	[BB_DE_REATTACH] = "reattach",
	[BB_DE_HINT] = "a hint",
	[BB_DE_DATA_CURRENT] = "data under the current key",
	[BB_DE_DATA_PREVIOUS] = "data under the previous key",
	[BB_DE_OTHER] = "a frame of another attach",
	[BB_DE_BYE] = "bye",
};

static struct row
expected(enum bb_device_state state, enum bb_device_event event)
{
	struct row row = { state, event, BB_DA_DROP, state };
	size_t i;

	if (event == BB_DE_ATTACH || event == BB_DE_SEND)
		row.act = BB_DA_REFUSE;
	for (i = 0; i < BB_LEN(rows); i++) {
		if (rows[i].state == state && rows[i].event == event)
			row = rows[i];
	}
	return row;
}

static void
test_cells(void)
{
	struct bb_device device;
	enum bb_device_act act;
	struct row want;
	int state, event;

	for (state = 0; state < BB_DEVICE_STATES; state++) {
		for (event = 0; event < BB_DEVICE_EVENTS; event++) {
			device = (struct bb_device){
				.state = (enum bb_device_state)state
			};
			want = expected((enum bb_device_state)state,
			    (enum bb_device_event)event);
			act = bb_device_step(&device,
			    (enum bb_device_event)event);
			tap_ok(act == want.act && device.state == want.next,
			    "%s: %s does act %d and leads to %s",
			    bb_device_state_word((enum bb_device_state)state),
			    event_names[event], (int)want.act,
			    bb_device_state_word(want.next));
		}
	}
}

static void
test_busy(void)
{
	struct bb_device device = { .state = BB_DEVICE_WAITING };
	int i;

	for (i = 0; i < BB_DEVICE_BUSY_MAX; i++)
		TAP_EQ_INT(bb_device_step(&device, BB_DE_BUSY), BB_DA_AGAIN,
		    "a busy gateway gets the same bytes again");
	TAP_EQ_INT(bb_device_step(&device, BB_DE_BUSY), BB_DA_FORGET,
	    "after three times the attach is given up");
	TAP_EQ_INT(device.state, BB_DEVICE_IDLE, "and the device is idle");
	(void)bb_device_step(&device, BB_DE_ATTACH);
	bb_device_attached(&device, 7);
	TAP_EQ_INT(bb_device_step(&device, BB_DE_BUSY), BB_DA_AGAIN,
	    "a new attach counts from the beginning");
}

/* --- which event a frame is ------------------------------------------------
 */

static const struct bb_device idle = { .state = BB_DEVICE_IDLE, .att = 5 };
static const struct bb_device waiting = { .state = BB_DEVICE_WAITING,
	.att = 5 };
static const struct bb_device open_session = { .state = BB_DEVICE_OPEN,
	.att = 5 };

#define CURRENT BB_KEY_CURRENT
#define PREVIOUS BB_KEY_PREVIOUS
#define NONE BB_KEY_NONE
#define STALE BB_NOTICE_STALE
#define AGAIN BB_NOTICE_REATTACH

/* In the order of struct bb_device_frame. */
#define ANSWER(att, key, mine, fits, ok) \
	{ \
		BB_FRAME_ANSWER, att, 0, key, mine, fits, ok, 0, 0 \
	}
#define DATA(att, seq, key) \
	{ \
		BB_FRAME_DATA, att, seq, key, false, false, false, 0, 0 \
	}
#define NOTICE(att, key, mine, code, told) \
	{ \
		BB_FRAME_NOTICE, att, 0, key, mine, false, false, code, told \
	}

static const struct frame_case {
	const struct bb_device *device;
	struct bb_device_frame frame;
	enum bb_device_event event;
	const char *sentence;
} cases[] = {
	/* clang-format off */
	{ &waiting, ANSWER(5, CURRENT, true, true, true), BB_DE_ANSWER_OK,
	    "an answer that passes all of step 4 is an acceptance" },
	{ &waiting, ANSWER(5, CURRENT, true, true, false), BB_DE_ANSWER_NO,
	    "or a refusal, by its verdict" },
	{ &waiting, ANSWER(4, CURRENT, true, true, true), BB_DE_OTHER,
	    "the answer to an earlier attach is dropped" },
	{ &waiting, ANSWER(6, CURRENT, true, true, true), BB_DE_OTHER,
	    "the answer to an attach never made is dropped" },
	{ &waiting, ANSWER(5, NONE, true, true, true), BB_DE_OTHER,
	    "an answer that does not open is dropped" },
	{ &waiting, ANSWER(5, PREVIOUS, true, true, true), BB_DE_OTHER,
	    "an answer under the previous key is dropped" },
	{ &waiting, ANSWER(5, CURRENT, false, true, true), BB_DE_OTHER,
	    "an answer with a foreign nonce is dropped" },
	{ &waiting, ANSWER(5, CURRENT, true, false, true), BB_DE_OTHER,
	    "an answer that names another key is dropped" },
	{ &open_session, ANSWER(5, CURRENT, true, true, true), BB_DE_OTHER,
	    "an answer in an open session is dropped" },
	{ &idle, ANSWER(5, CURRENT, true, true, true), BB_DE_OTHER,
	    "an answer that nobody waits for is dropped" },

	{ &open_session, DATA(5, 1, CURRENT), BB_DE_DATA_CURRENT,
	    "data under the current key is taken" },
	{ &open_session, DATA(5, 1, PREVIOUS), BB_DE_DATA_PREVIOUS,
	    "data under the previous key is taken" },
	{ &open_session, DATA(5, 1, NONE), BB_DE_OTHER,
	    "data that does not open is dropped" },
	{ &open_session, DATA(4, 1, CURRENT), BB_DE_OTHER,
	    "data of another attach is dropped" },
	{ &open_session, DATA(5, 0, CURRENT), BB_DE_OTHER,
	    "data without a number is dropped" },
	{ &waiting, DATA(5, 1, CURRENT), BB_DE_OTHER,
	    "data while an attach is under way is dropped" },
	{ &idle, DATA(5, 1, CURRENT), BB_DE_OTHER,
	    "data without a session is dropped" },

	{ &waiting, NOTICE(5, CURRENT, true, STALE, 6), BB_DE_STALE_AHEAD,
	    "stale tells a higher attach number" },
	{ &waiting, NOTICE(5, CURRENT, true, STALE, 5), BB_DE_STALE_SAME,
	    "or our own: a copy came first" },
	{ &waiting, NOTICE(5, CURRENT, true, STALE, 4), BB_DE_OTHER,
	    "a lower one makes no sense and is dropped" },
	{ &waiting, NOTICE(5, PREVIOUS, true, STALE, 6), BB_DE_STALE_AHEAD,
	    "a notice may come under the previous key" },
	{ &waiting, NOTICE(5, CURRENT, false, STALE, 6), BB_DE_OTHER,
	    "a notice about another frame is dropped" },
	{ &waiting, NOTICE(5, NONE, true, STALE, 6), BB_DE_OTHER,
	    "a notice that does not open is dropped" },
	{ &waiting, NOTICE(5, CURRENT, true, BB_NOTICES, 0), BB_DE_OTHER,
	    "an unknown notice is dropped" },
	{ &open_session, NOTICE(5, CURRENT, false, AGAIN, 0), BB_DE_REATTACH,
	    "in a session the attach number decides" },
	{ &open_session, NOTICE(4, CURRENT, true, AGAIN, 0), BB_DE_OTHER,
	    "so a notice of an earlier attach is dropped" },
	{ &open_session, { .type = BB_FRAME_ATTACH, .att = 5, .key = CURRENT },
	    BB_DE_OTHER, "an ATTACH is not for a device" },
	/* clang-format on */
};

static void
test_cases(void)
{
	const char *why;
	size_t i;

	for (i = 0; i < BB_LEN(cases); i++) {
		TAP_EQ_INT(bb_device_see(cases[i].device, &cases[i].frame,
			       &why),
		    cases[i].event, cases[i].sentence);
		tap_ok((why != NULL) == (cases[i].event == BB_DE_OTHER),
		    "a reason is given if and only if it is dropped: %s",
		    why == NULL ? "taken" : why);
	}
}

static void
test_replay(void)
{
	struct bb_device device = open_session;
	struct bb_device_frame frame = DATA(5, 1, CURRENT);
	const char *why;

	(void)bb_device_see(&device, &frame, &why);
	TAP_EQ_INT(bb_device_see(&device, &frame, &why), BB_DE_DATA_CURRENT,
	    "looking at a frame notes nothing");
	tap_ok(bb_device_took(&device, 1), "taking it notes its number");
	TAP_EQ_INT(bb_device_see(&device, &frame, &why), BB_DE_OTHER,
	    "the same number again is dropped");
	tap_ok(!bb_device_took(&device, 1), "and is not noted twice");
}

static void
test_notice_words(void)
{
	int i;

	for (i = 0; i < BB_NOTICES; i++)
		TAP_EQ_INT(bb_device_notice_find(
			       bb_device_notice_word((enum bb_device_notice)i)),
		    i, "a notice is found by its word");
	TAP_EQ_INT(bb_device_notice_find("nothing"), BB_NOTICES,
	    "no notice is found by another word");
	TAP_EQ_STR(bb_device_notice_word(BB_NOTICES), NULL,
	    "and no notice has another word");
}

static void
test_hint(void)
{
	const struct bb_device_frame mine = { .type = BB_FRAME_HINT,
		.nonce_mine = true };
	const struct bb_device_frame other = { .type = BB_FRAME_HINT };
	const char *why;

	TAP_EQ_INT(bb_device_see(&waiting, &mine, &why), BB_DE_HINT,
	    "a hint that names our nonce is shown");
	TAP_EQ_INT(bb_device_see(&waiting, &other, &why), BB_DE_OTHER,
	    "any other hint is dropped");
}

/* --- numbers ---------------------------------------------------------------
 */

static void
test_whole(void)
{
	struct bb_device device = open_session;

	tap_ok(bb_device_whole(&device, 1), "nothing is missing before 1");
	tap_ok(!bb_device_whole(&device, 2), "1 is missing before 2");
	tap_ok(!bb_device_whole(&device, 0), "0 is no frame number");
	(void)bb_device_took(&device, 1);
	(void)bb_device_took(&device, 3);
	tap_ok(!bb_device_whole(&device, 4), "2 is missing before 4");
	(void)bb_device_took(&device, 2);
	tap_ok(bb_device_whole(&device, 4), "2 came late: all are there");
	bb_device_lost(&device);
	tap_ok(!bb_device_whole(&device, 4),
	    "where events were left out no frame is whole any more");
	device.lost = false;
	(void)bb_device_took(&device, 200);
	tap_ok(!bb_device_whole(&device, 201),
	    "what fell out of the window stays missing");
	bb_device_lost(&device);
	bb_device_attached(&device, 6);
	TAP_EQ_INT(device.att, 6, "a new attach has its number");
	tap_ok(bb_device_whole(&device, 1) && !bb_device_whole(&device, 2) &&
		   bb_device_took(&device, 1),
	    "and frames are counted from 1 again");
}

static void
test_events(void)
{
	TAP_EQ_INT(bb_device_event_is(4, 5, true), BB_EVENT_NEW,
	    "the next event is new");
	TAP_EQ_INT(bb_device_event_is(4, 5, false), BB_EVENT_NEW,
	    "even behind a lost frame");
	TAP_EQ_INT(bb_device_event_is(4, 4, true), BB_EVENT_HAD,
	    "an event that is on disk is had");
	TAP_EQ_INT(bb_device_event_is(4, 1, false), BB_EVENT_HAD,
	    "and so is an older one");
	TAP_EQ_INT(bb_device_event_is(4, 9, true), BB_EVENT_NEW,
	    "a gap is the service's own when no frame is missing");
	TAP_EQ_INT(bb_device_event_is(4, 6, false), BB_EVENT_GAP,
	    "a gap behind a lost frame is not marked as had");
}

static void
test_numbers(void)
{
	TAP_EQ_INT(bb_device_numbers(3, 6, 3), BB_NUMBERS_FIT,
	    "none of three is acknowledged");
	TAP_EQ_INT(bb_device_numbers(3, 6, 5), BB_NUMBERS_FIT,
	    "two of three are");
	TAP_EQ_INT(bb_device_numbers(3, 6, 6), BB_NUMBERS_FIT, "all are");
	TAP_EQ_INT(bb_device_numbers(3, 6, 2), BB_NUMBERS_ANEW,
	    "a gateway that forgot what it acknowledged was restored");
	TAP_EQ_INT(bb_device_numbers(3, 6, 7), BB_NUMBERS_ANEW,
	    "one that knows messages never sent makes the device begin anew");
	TAP_EQ_INT(bb_device_numbers(1, 1, 1), BB_NUMBERS_FIT,
	    "a new device has sent nothing");
}

int
main(void)
{
	test_cells();
	test_busy();
	test_cases();
	test_replay();
	test_notice_words();
	test_hint();
	test_whole();
	test_events();
	test_numbers();
	return tap_done();
}
