/* The replay window. */
#include "flow/window.h"

#include "base/cc.h"

bool
bb_window_take(struct bb_window *window, uint32_t seq)
{
	uint32_t back;

	if (seq > window->highest) {
		/* A shift by the width or more is undefined: nothing of it is
		 * left within the window. */
		back = seq - window->highest;
		window->seen = back < BB_WINDOW_BITS ? window->seen << back : 0;
		window->seen |= 1;
		window->highest = seq;
		return true;
	}
	back = window->highest - seq;
	if (seq == 0 || back >= BB_WINDOW_BITS ||
	    (window->seen >> back & 1) != 0)
		return false;
	window->seen |= UINT64_C(1) << back;
	return true;
}
