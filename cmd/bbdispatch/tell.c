/* Hints and notices: what the dispatcher tells a device of its own accord.
 * Both are lines here; a filter passes them on to the dispatcher that seals, a
 * server seals them itself. */
#include "dispatch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"

/* Strangers can cause these at will: no error of ours, no line by default. */
static void
note(const struct bb_frame *frame, const char *what, const char *text)
{
	bb_log(BB_LOG_INFO,
	    "PIN %08" PRIx32 ", %s, attach %" PRIu32 ", number %" PRIu32
	    ": told %s%s%s",
	    frame->pin, bb_frame_type_text(frame->type), frame->att, frame->seq,
	    what, text == NULL ? "" : ": ", text == NULL ? "" : text);
}

static void
say(struct dispatch *d, const struct bb_line *line)
{
	if (d->sink->line(d, line) == -1)
		complain(d, BB_EXIT_TEMP,
		    "unable to answer PIN %08" PRIx32 ": %s", line->pin,
		    strerror(errno));
}

/* One code for all that cannot be opened: who asks learns nothing about which
 * devices there are. */
void
tell_hint(struct dispatch *d, const struct bb_frame *frame, int code)
{
	static const char *const hints[] = {
		[0] = "a hint",
		[BB_HINT_VERSION] = "another version",
		[BB_HINT_CANNOT_OPEN] = "cannot open",
		[BB_HINT_NO_DISPATCHER] = "no dispatcher",
	};
	struct bb_line line = {
		.kind = BB_LINE_HINT,
		.pin = frame->pin,
		.link = frame->link,
		.hint = code,
	};

	memcpy(line.nonce, frame->nonce, BB_HINT_NONCE_LEN);
	note(frame, hints[code], NULL);
	say(d, &line);
}

/* Seconds after which a device may send the same bytes again. */
#define RETRY_AFTER_S 1

static json_t *
make_notice(const char *code, const char *text, uint32_t told)
{
	json_t *json = json_pack("{s:s, s:s}", "op", "notice", "code", code);
	int rc = 0;

	if (json == NULL)
		return NULL;
	if (text != NULL)
		rc |= json_object_set_new(json, "text", json_string(text));
	if (strcmp(code, "stale") == 0)
		rc |= json_object_set_new(json, "told", json_integer(told));
	if (strcmp(code, "busy") == 0)
		rc |= json_object_set_new(json, "retry_after",
		    json_integer(RETRY_AFTER_S));
	if (rc == 0)
		return json;
	json_decref(json);
	return NULL;
}

void
tell_notice(struct dispatch *d, const struct bb_frame *frame, const char *code,
    const char *text, uint32_t told)
{
	struct bb_line line = {
		.kind = BB_LINE_NOTICE,
		.pin = frame->pin,
		.att = frame->att,
		.link = frame->link,
		.has_reply = true,
		.d = make_notice(code, text, told),
	};

	memcpy(line.kid, frame->kid, BB_KID_LEN);
	memcpy(line.nonce, frame->nonce, BB_NONCE_LEN);
	note(frame, code, text);
	say(d, &line);
	json_decref(line.d);
}

void
tell_unreachable(struct dispatch *d, const struct bb_frame *frame,
    const char *service)
{
	char text[BB_SERVICE_MAX + 80];

	(void)snprintf(text, sizeof(text),
	    "no collaboration service for %s answers; try again in some "
	    "seconds",
	    service);
	tell_notice(d, frame, "unreachable", text, 0);
}
