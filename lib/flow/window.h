/* Replay window for frame numbers of one attach and direction.  PURE. */
#ifndef BB_FLOW_WINDOW_H
#define BB_FLOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define BB_WINDOW_BITS 64

struct bb_window {
	uint32_t highest; /* 0: nothing seen */
	uint64_t seen;    /* bit k: highest - k was seen */
};

/* True, and noted, when seq is new: above the highest, or within the window and
 * not seen.  0 is never new. */
bool bb_window_take(struct bb_window *window, uint32_t seq);

#endif
