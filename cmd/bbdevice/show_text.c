/* Owns what people read: an object of show.c, or of the holder of a profile, as
 * lines of text. */
#include "show.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "out.h"
#include "status.h"

#include "base/cc.h"

static const char *
text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static int64_t
number(const json_t *json, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(json, name));
}

/* Text of a peer behind a word of ours, or nothing. */
static void
put_more(struct bb_buf *out, const char *before, const char *peer)
{
	if (peer == NULL)
		return;
	out_printf(out, "%s", before);
	out_peer(out, peer);
}

static void
put_pin(struct bb_buf *out, const json_t *o)
{
	out_printf(out, "%s: ", text(o, "pin"));
}

static void
text_step(struct bb_buf *out, const json_t *o)
{
	put_pin(out, o);
	out_printf(out, "step %" PRId64 " %8" PRId64 " us  ", number(o, "step"),
	    number(o, "us"));
	out_peer(out, text(o, "hop"));
	put_more(out, ": ", text(o, "what"));
	out_printf(out, "\n");
}

static void
text_round_trip(struct bb_buf *out, const json_t *o)
{
	put_pin(out, o);
	out_printf(out,
	    "in all  %8" PRId64 " us, of which %" PRId64 " us in these steps\n",
	    number(o, "us"), number(o, "steps_us"));
}

static void
text_answer(struct bb_buf *out, const json_t *o)
{
	const json_t *resume = json_object_get(o, "resume");

	put_pin(out, o);
	out_peer(out, text(o, "text"));
	if (strcmp(text(o, "result"), "ok") == 0) {
		put_more(out, " at ", text(o, "service"));
		put_more(out, " as ", text(o, "user"));
	}
	put_more(out, ": ", text(o, "reason"));
	put_more(out, "; session ", text(o, "session"));
	if (resume != NULL)
		out_printf(out, "; %s",
		    json_is_true(resume) ? "it outlives this connection"
					 : "ends with this connection");
	if (json_object_get(o, "retry_after") != NULL)
		out_printf(out, "; try again in %" PRId64 " s",
		    number(o, "retry_after"));
	out_printf(out, "\n");
	if (text(o, "ended") != NULL) {
		put_pin(out, o);
		out_printf(out, "the session before this one was ");
		out_peer(out, text_of_ended(text(o, "ended")));
		out_printf(out, "\n");
	}
}

static void
text_result(struct bb_buf *out, const json_t *o)
{
	const char *word = text(o, "result");

	put_pin(out, o);
	out_printf(out, "message %" PRId64, number(o, "n"));
	put_more(out, " to ", text(o, "to"));
	put_more(out, ": ",
	    strcmp(word, "unknown") == 0 ? "nobody knows whether it was sent"
					 : word);
	put_more(out, ": ", text(o, "reason"));
	out_printf(out, "\n");
}

static void
text_event(struct bb_buf *out, const json_t *o)
{
	char when[BB_CLOCK_TEXT_MAX];

	if (json_object_get(o, "time") != NULL) {
		bb_clock_text(number(o, "time"), when);
		out_printf(out, "[%s] ", when);
	}
	out_peer(out, text(o, "from"));
	put_more(out, ": ", text(o, "text"));
	out_printf(out, "\n");
}

static void
text_more(struct bb_buf *out, const json_t *o)
{
	put_pin(out, o);
	out_printf(out, "more events wait\n");
}

static void
text_bye(struct bb_buf *out, const json_t *o)
{
	put_pin(out, o);
	put_more(out, "the session was ", text_of_ended(text(o, "ended")));
	out_printf(out, "\n");
}

static void
text_notice(struct bb_buf *out, const json_t *o)
{
	put_pin(out, o);
	out_peer(out, text_of_notice(text(o, "code")));
	put_more(out, ": ", text(o, "text"));
	put_more(out, "; ", text(o, "advice"));
	out_printf(out, "\n");
}

static void
text_hint(struct bb_buf *out, const json_t *o)
{
	put_pin(out, o);
	out_peer(out, text(o, "text"));
	out_printf(out,
	    " (a hint, not sealed: anybody on the way could have said it)\n");
}

static void
text_status(struct bb_buf *out, const json_t *o)
{
	put_pin(out, o);
	out_printf(out, "%s", text(o, "state"));
	put_more(out, "; at ", text(o, "service"));
	put_more(out, " as ", text(o, "user"));
	put_more(out, "; session ", text(o, "session"));
	if (number(o, "waiting") > 0)
		out_printf(out, "; %" PRId64 " messages wait",
		    number(o, "waiting"));
	out_printf(out, "\n");
}

void
show_text(struct bb_buf *out, const json_t *object)
{
	static const struct {
		const char *kind;
		void (*put)(struct bb_buf *out, const json_t *o);
	} kinds[] = {
		{ "step", text_step },
		{ "round-trip", text_round_trip },
		{ "answer", text_answer },
		{ "result", text_result },
		{ "event", text_event },
		{ "more", text_more },
		{ "bye", text_bye },
		{ "notice", text_notice },
		{ "hint", text_hint },
		{ "status", text_status },
	};
	const char *kind = text(object, "kind");
	size_t i;

	for (i = 0; i < BB_LEN(kinds); i++) {
		if (strcmp(kinds[i].kind, kind) == 0)
			kinds[i].put(out, object);
	}
}
