/* The replay window, also against a plain list of what was seen. */
#include "flow/window.h"

#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "tap.h"

#define LAST 0xFFFFFFFEu

static void
test_order(void)
{
	struct bb_window w = { 0 };

	tap_ok(!bb_window_take(&w, 0), "0 is never new");
	tap_ok(bb_window_take(&w, 1), "1 is new");
	tap_ok(!bb_window_take(&w, 1), "1 again is not");
	tap_ok(bb_window_take(&w, 3), "a gap does no harm");
	tap_ok(bb_window_take(&w, 2), "a late number is new once");
	tap_ok(!bb_window_take(&w, 2), "and not twice");
	tap_ok(!bb_window_take(&w, 0), "0 within the window is not new");
}

static void
test_edges(void)
{
	struct bb_window w = { 0 };

	(void)bb_window_take(&w, 100);
	tap_ok(bb_window_take(&w, 37), "63 below the highest is in the window");
	tap_ok(!bb_window_take(&w, 36), "64 below is not");
	tap_ok(!bb_window_take(&w, 37), "the oldest is remembered");
	tap_ok(bb_window_take(&w, 163), "a step of 63 forward");
	tap_ok(!bb_window_take(&w, 100), "keeps the former highest in mind");
	tap_ok(bb_window_take(&w, 227), "a step of 64 forward");
	tap_ok(!bb_window_take(&w, 163), "puts it out of the window");
	tap_ok(bb_window_take(&w, 164), "and nothing else in it is seen");
	tap_ok(bb_window_take(&w, LAST), "a step to the last number");
	tap_ok(!bb_window_take(&w, LAST), "which is seen then");
	tap_ok(bb_window_take(&w, LAST - 63), "the window ends below it");
	tap_ok(!bb_window_take(&w, LAST - 64), "as everywhere");
	tap_ok(!bb_window_take(&w, 227), "what is far below is not new");
}

/* Numbers 1..N at random, most of them near the highest. */
#define N 4000

static void
test_against_list(unsigned seed)
{
	static bool seen[N + 1];
	struct bb_window w = { 0 };
	unsigned state = seed, wrong = 0, taken = 0, at, highest = 0, i;
	bool want;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < 20000; i++) {
		state = state * 1664525u + 1013904223u;
		at = highest + 3 - (state >> 20) % 80;
		if (at == 0 || at > N)
			continue;
		want = at > highest || (highest - at < 64 && !seen[at]);
		if (bb_window_take(&w, at) != want)
			wrong++;
		if (want) {
			seen[at] = true;
			taken++;
		}
		if (at > highest)
			highest = at;
	}
	tap_ok(wrong == 0 && taken > 100,
	    "the window and a list agree (%u, %u taken)", seed, taken);
}

int
main(void)
{
	test_order();
	test_edges();
	test_against_list(1);
	test_against_list(20261121);
	return tap_done();
}
