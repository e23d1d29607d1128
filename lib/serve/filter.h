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
	 * `out`, of which more than half of out_max is free at the call: before
	 * it takes something, it looks whether the answer has room.  What it
	 * leaves in `in` it is shown again: with more bytes, when output has
	 * drained, and by bb_filter_flush.  0, or an exit status: the input is
	 * read no further, what is left of it is thrown away, `end` follows. */
	int (*input)(void *ctx, struct bb_buf *in, struct bb_buf *out);
	/* The input has ended; what is left in `in` is all there will be and
	 * is thrown away afterwards.  Called once, unless the reader has left
	 * before.  Returns an exit status (0 when nothing was wrong). */
	int (*end)(void *ctx, struct bb_buf *in, struct bb_buf *out);
	/* True while an answer is owed: the filter stays after the end
	 * of its input until this is false, or --finish has passed.  While it
	 * is true and bytes are left in `in`, `end` waits.  What a hook at the
	 * end of the turn appends is written too.  NULL: never. */
	bool (*busy)(void *ctx);
	/* The finish time has passed with busy() still true: answers what is
	 * open with a time-out.  Called once; busy is asked no more.  NULL:
	 * nothing to do. */
	void (*finish)(void *ctx, struct bb_buf *out);
};

struct bb_filter;

struct bb_filter_setup {
	int in, out;       /* borrowed */
	size_t in_max;     /* bounds what is buffered before `input` takes it:
			    * longer than the longest thing that it waits for */
	size_t out_max;    /* what waits for the reader: at half of it reading
			    * stops */
	bool secret;       /* both buffers are wiped */
	int64_t finish_ms; /* from the end of the input; negative: for ever */
};

/* Borrows stage and ctx; copies setup.  NULL with errno. */
struct bb_filter *bb_filter_new(struct bb_loop *loop,
    const struct bb_filter_setup *setup, const struct bb_filter_stage *stage,
    void *ctx);
/* Where a stage appends output outside of its callbacks (a job is done, a turn
 * has ended). */
struct bb_buf *bb_filter_out(struct bb_filter *filter);
/* To be called after that, and when busy() has become false or the stage can
 * take input that it left: writes, offers the input again, ends when all is
 * done.  Within a callback of the stage it does nothing. */
void bb_filter_flush(struct bb_filter *filter);
/* Runs the loop until the filter has ended.  Returns the exit status: the first
 * of the stage's that is not 0; BB_EXIT_TEMP when the reader left (one line at
 * level info) or reading or writing failed (one line); BB_EXIT_TIMEOUT when
 * finish had to be called and nothing else was wrong.  SIGTERM, SIGINT and
 * SIGHUP, unless the parent ignored them, end the input as if it had ended; the
 * second one ends the filter with BB_EXIT_TEMP. */
int bb_filter_run(struct bb_filter *filter);
void bb_filter_free(struct bb_filter *filter);

#endif
