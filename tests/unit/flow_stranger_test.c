/* What a link may do before one of its frames has opened. */
#include "flow/stranger.h"

#include "base/cc.h"
#include "tap.h"

static void
test_frames(void)
{
	struct bb_stranger link = { 0 };
	int i, passed = 0;

	for (i = 0; i < 10; i++)
		passed += bb_stranger_frame(&link, 100) == BB_STRANGER_PASS;
	TAP_EQ_INT(passed, 4, "four frames pass");
	TAP_EQ_INT(bb_stranger_frame(&link, 100), BB_STRANGER_FRAMES,
	    "the fifth closes the link");
	TAP_EQ_INT(bb_stranger_part(&link, 1), BB_STRANGER_FRAMES,
	    "its first byte does");
	TAP_EQ_INT(bb_stranger_part(&link, 0), BB_STRANGER_PASS,
	    "to say nothing is no offence");
	bb_stranger_prove(&link);
	TAP_EQ_INT(bb_stranger_frame(&link, 65535), BB_STRANGER_PASS,
	    "a link that is proved sends what it likes");
	TAP_EQ_INT(bb_stranger_part(&link, 65534), BB_STRANGER_PASS,
	    "in parts too");
}

static void
test_bytes(void)
{
	struct bb_stranger link = { 0 };

	TAP_EQ_INT(bb_stranger_part(&link, 65534), BB_STRANGER_PASS,
	    "the first frame may come slowly, however long it is");
	TAP_EQ_INT(bb_stranger_frame(&link, 65535), BB_STRANGER_PASS,
	    "and be as long as a frame can be");
	TAP_EQ_INT(bb_stranger_part(&link, 1), BB_STRANGER_BYTES,
	    "then not one byte more");
	link = (struct bb_stranger){ 0 };
	(void)bb_stranger_frame(&link, 4096);
	TAP_EQ_INT(bb_stranger_part(&link, 4096), BB_STRANGER_PASS,
	    "8 KiB in two frames pass");
	TAP_EQ_INT(bb_stranger_part(&link, 4097), BB_STRANGER_BYTES,
	    "one byte more does not");
	TAP_EQ_INT(bb_stranger_frame(&link, 4097), BB_STRANGER_BYTES,
	    "whole or not");
	TAP_EQ_INT(bb_stranger_frame(&link, 4096), BB_STRANGER_PASS,
	    "what was refused does not count");
}

static void
test_time(void)
{
	struct bb_stranger link = { 0 };

	tap_ok(!bb_stranger_late(&link, 19999), "a stranger has 20 s");
	tap_ok(bb_stranger_late(&link, 20000), "and no longer");
	bb_stranger_prove(&link);
	tap_ok(!bb_stranger_late(&link, INT64_MAX),
	    "a link that is proved may be silent for ever");
}

static void
test_hints(void)
{
	struct bb_stranger link = { 0 };
	int i, sent = 0;

	for (i = 0; i < 8; i++)
		sent += bb_stranger_hint(&link, 5000 + 1000 * i, true) ==
			BB_STRANGER_HINT_SEND;
	TAP_EQ_INT(sent, 8, "eight HINTs, one a second, are sent");
	TAP_EQ_INT(bb_stranger_hint(&link, 99000, true), BB_STRANGER_HINT_CLOSE,
	    "the ninth cause closes the link");
	TAP_EQ_INT(bb_stranger_hint(&link, 99000, false), BB_STRANGER_HINT_SEND,
	    "that there is no dispatcher is not its fault");
	bb_stranger_prove(&link);
	TAP_EQ_INT(bb_stranger_hint(&link, 99999, true), BB_STRANGER_HINT_KEEP,
	    "two within a second are one");
	TAP_EQ_INT(bb_stranger_hint(&link, 100000, true), BB_STRANGER_HINT_SEND,
	    "a second later another is sent: being proved counts anew");
	sent = 0;
	for (i = 0; i < 6; i++)
		sent += bb_stranger_hint(&link, 100001 + i, true) ==
			BB_STRANGER_HINT_KEEP;
	TAP_EQ_INT(sent, 6, "causes within the second get none");
	TAP_EQ_INT(bb_stranger_hint(&link, 100010, true),
	    BB_STRANGER_HINT_CLOSE, "and count all the same");
}

/* The clock is kept in 32 bits. */
static void
test_long_life(void)
{
	struct bb_stranger link = { 0 };
	const int64_t round = INT64_C(1) << 32;

	(void)bb_stranger_hint(&link, round - 500, false);
	TAP_EQ_INT(bb_stranger_hint(&link, round + 499, false),
	    BB_STRANGER_HINT_KEEP, "a second is a second where 49 days end");
	TAP_EQ_INT(bb_stranger_hint(&link, round + 500, false),
	    BB_STRANGER_HINT_SEND, "and no longer");
}

static void
test_first_hint(void)
{
	struct bb_stranger link = { 0 };

	TAP_EQ_INT(bb_stranger_hint(&link, 0, true), BB_STRANGER_HINT_SEND,
	    "the first HINT waits for no clock");
	TAP_EQ_INT(bb_stranger_hint(&link, 999, false), BB_STRANGER_HINT_KEEP,
	    "HINT 3 comes once a second too");
	tap_ok(sizeof(link) <= 12, "a link costs 12 bytes for this");
}

int
main(void)
{
	test_frames();
	test_bytes();
	test_time();
	test_hints();
	test_first_hint();
	test_long_life();
	return tap_done();
}
