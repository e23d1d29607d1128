/* Lines that come in from a dispatcher: which kind, and for whom. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"

#define PLACE_MAX 128

const char *
via_place(const struct via *via)
{
	static char place[PLACE_MAX];

	if (via->peer == NULL)
		(void)snprintf(place, sizeof(place), "line %" PRIu64,
		    via->line_no);
	else
		(void)snprintf(place, sizeof(place), "line %" PRIu64 " of %s",
		    via->line_no, bb_peer_name(via->peer));
	return place;
}

static void
bad_line(struct via *via, const char *why)
{
	struct collab *c = via->c;

	bb_log(BB_LOG_ERROR, "%s: %s", via_place(via), why);
	c->tallies.lines_bad++;
	if (!c->lasting)
		c->status = BB_EXIT_PROTO;
}

static bool
take_data(struct via *via, struct bb_line *line)
{
	struct session *s = session_find(via->c, line->pin);

	if (data_needs_store(s, line) && !stall_gate(via->c))
		return false;
	data_line(via, s, line);
	return true;
}

/* False: it needs the store, which is busy. */
static bool
take_line(struct via *via, struct bb_line *line, const void *text, size_t len)
{
	switch (line->kind) {
	case BB_LINE_ATTACH:
		if (!stall_gate(via->c))
			return false;
		attach_line(via, line);
		break;
	case BB_LINE_DATA:
		return take_data(via, line);
	case BB_LINE_NOTICE:
	case BB_LINE_HINT:
		/* What the opening dispatcher of a pipeline says to the device
		 * goes on as it came. */
		via_send(via, text, len);
		break;
	case BB_LINE_TRUNK:
		via_trunk(via, line->router, line->up);
		break;
	case BB_LINE_DOWN:
		via_link_down(via, line->pin, line->link);
		break;
	case BB_LINE_ANSWER:
		bad_line(via, "an answer came up instead of down");
		break;
	}
	return true;
}

static bool
one_line(struct via *via, const uint8_t *text, size_t len)
{
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;
	bool taken = true;

	via->line_no++;
	if (bb_line_parse(text, len, true, &line, why) == -1) {
		bad_line(via, why);
		return true;
	}
	taken = take_line(via, &line, text, len);
	bb_line_clear(&line);
	if (taken)
		via->c->tallies.lines_in++;
	else
		via->line_no--;
	return taken;
}

/* True when the input was used up to its end. */
static bool
skip_rest(struct via *via, struct bb_buf *in)
{
	bool done = false;

	bb_buf_take(in, bb_line_skip(bb_buf_data(in), bb_buf_len(in), &done));
	via->skipping = !done;
	return !done;
}

/* False: nothing more can be taken now. */
static bool
next_line(struct via *via, struct bb_buf *in)
{
	size_t len;

	if (via->skipping && skip_rest(via, in))
		return false;
	switch (bb_line_split(bb_buf_data(in), bb_buf_len(in), &len)) {
	case BB_PARSE_MORE:
		return false;
	case BB_PARSE_BAD:
		via->line_no++;
		bad_line(via, "longer than 98304 bytes; skipped");
		via->skipping = true;
		return true;
	case BB_PARSE_OK:
		break;
	}
	if (!turn_has_room(via->c, via)) {
		via->left = true;
		stall_again(via->c);
		return false;
	}
	if (!one_line(via, bb_buf_data(in), len)) {
		via->left = true;
		return false;
	}
	bb_buf_take(in, len);
	return true;
}

void
lines_take(struct via *via, struct bb_buf *in)
{
	bool more;

	via->left = false;
	do {
		more = next_line(via, in);
	} while (more);
}

void
lines_end(struct via *via, const struct bb_buf *in)
{
	if (bb_buf_len(in) == 0 || via->skipping)
		return;
	via->line_no++;
	bad_line(via, "the input ends within a line");
}
