/* A filter: bytes in, bytes out, one way, on the loop, with back-pressure and
 * an orderly end. */
#ifndef BB_SERVE_FILTER_H
#define BB_SERVE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "serve/loop.h"

/* What a stage is to its filter.  No callback blocks. */
struct bb_filter_stage {
	/* Bytes have come: takes what it can use from `in`, may append to
	 * `out`.  0, or an exit status: the input is read no further. */
	int (*input)(void *ctx, struct bb_buf *in, struct bb_buf *out);
	/* The input has ended; what is left in `in` is all there will be.
	 * Returns an exit status (0 when nothing was wrong). */
	int (*end)(void *ctx, struct bb_buf *in, struct bb_buf *out);
	/* True while an answer is still owed: the filter stays after the end
	 * of its input until this is false, or --finish has passed. */
	bool (*busy)(void *ctx);
	/* The finish time has passed with busy() still true: answers what is
	 * open with a time-out.  Called once. */
	void (*finish)(void *ctx, struct bb_buf *out);
};

struct bb_filter;

/* in and out are borrowed.  in_max bounds what is buffered before `input` takes
 * it, out_max what waits for the reader: at half of out_max reading stops.
 * `secret`: both buffers are wiped. */
struct bb_filter *bb_filter_new(struct bb_loop *loop, int in, int out,
    size_t in_max, size_t out_max, bool secret, int64_t finish_ms,
    const struct bb_filter_stage *stage, void *ctx);
/* Where a stage appends output outside of its callbacks (a job is done, a turn
 * has ended); bb_filter_flush then writes it. */
struct bb_buf *bb_filter_out(struct bb_filter *filter);
void bb_filter_flush(struct bb_filter *filter);
/* Runs the loop until the filter has ended.  Returns the exit status: what the
 * stage said, BB_EXIT_TEMP when the reader left or reading failed,
 * BB_EXIT_TIMEOUT when finish had to be called.  SIGTERM and SIGINT end the
 * input as if it had ended. */
int bb_filter_run(struct bb_filter *filter);
void bb_filter_free(struct bb_filter *filter);

#endif
