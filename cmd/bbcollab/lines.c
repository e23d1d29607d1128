/* Lines that come in from a dispatcher: which kind, and for whom. */
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"

static void
bad_line(struct collab *c, const char *why)
{
	bb_log(BB_LOG_ERROR, "line %llu: %s", (unsigned long long)c->line_no,
	    why);
	c->status = BB_EXIT_PROTO;
}

/* What the opening dispatcher of a pipeline says to the device goes on as it
 * came. */
static void
pass_on(struct collab *c, const void *text, size_t len)
{
	struct bb_buf *out = bb_filter_out(c->filter);

	if (bb_buf_put(out, text, len) == -1) {
		bb_log(BB_LOG_ERROR, "unable to pass on a line: %s",
		    "the reader is too slow");
		c->status = BB_EXIT_TEMP;
	}
}

static void
one_line(struct collab *c, const uint8_t *text, size_t len)
{
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;

	c->line_no++;
	if (bb_line_parse(text, len, true, &line, why) == -1) {
		bad_line(c, why);
		return;
	}
	switch (line.kind) {
	case BB_LINE_ATTACH:
		attach_line(c, &line);
		break;
	case BB_LINE_DATA:
		data_line(c, &line);
		break;
	case BB_LINE_NOTICE:
	case BB_LINE_HINT:
		pass_on(c, text, len);
		break;
	case BB_LINE_TRUNK:
	case BB_LINE_DOWN:
		break; /* a filter sends everything the one way there is */
	case BB_LINE_ANSWER:
		bad_line(c, "an answer came up instead of down");
		break;
	}
	bb_line_clear(&line);
}

/* True when the input was used up to its end. */
static bool
skip_rest(struct collab *c, struct bb_buf *in)
{
	bool done = false;

	bb_buf_take(in, bb_line_skip(bb_buf_data(in), bb_buf_len(in), &done));
	c->skipping = !done;
	return !done;
}

int
lines_input(void *collab, struct bb_buf *in, struct bb_buf *out)
{
	struct collab *c = collab;
	size_t len;

	(void)out; /* answers wait for the commit */
	for (;;) {
		if (c->skipping && skip_rest(c, in))
			return 0;
		switch (bb_line_split(bb_buf_data(in), bb_buf_len(in), &len)) {
		case BB_PARSE_MORE:
			return 0;
		case BB_PARSE_BAD:
			c->line_no++;
			bad_line(c, "longer than 98304 bytes; skipped");
			c->skipping = true;
			break;
		case BB_PARSE_OK:
			one_line(c, bb_buf_data(in), len);
			bb_buf_take(in, len);
			break;
		}
	}
}

int
lines_end(void *collab, struct bb_buf *in, struct bb_buf *out)
{
	struct collab *c = collab;

	(void)out;
	if (bb_buf_len(in) > 0 && !c->skipping) {
		c->line_no++;
		bad_line(c, "the input ends within a line");
	}
	return 0;
}
