/* What the gateway says, for people and as JSON, with the exit status that goes
 * with it. */
#ifndef BBDEVICE_SHOW_H
#define BBDEVICE_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "profile.h"

struct show {
	bool json, trace;
	int worst; /* exit status: the highest of all */
	struct bb_buf out;
	/* Gets every object instead of `out`, and borrows it; or NULL. */
	void (*sink)(void *ctx, const json_t *object);
	/* With a sink: all of a frame was said; next it is marked as had. */
	void (*shown)(void *ctx);
	void *ctx;
};

void show_status(struct show *s, int status);
/* Says one object, which it takes, with its "exit". */
void show_say(struct show *s, json_t *object);
/* The same as text; an object of an unknown kind appends nothing. */
void show_text(struct bb_buf *out, const json_t *object);

/* An answer, before the profile is changed by it: it still holds the messages
 * that have a result, and what is outstanding. */
void show_answer(struct show *s, const struct profile *p, const json_t *answer);
/* "results" of an answer or of events; NULL: there are none. */
void show_results(struct show *s, const struct profile *p,
    const json_t *results);
void show_step(struct show *s, uint32_t pin, int64_t step, const char *hop,
    const char *what, int64_t us);
void show_event(struct show *s, uint32_t pin, const json_t *event);
void show_more(struct show *s, uint32_t pin);
void show_bye(struct show *s, uint32_t pin, const json_t *bye);
/* `advice` is ours: what to do now.  counts: it sets the exit status. */
void show_notice(struct show *s, uint32_t pin, const json_t *notice,
    const char *advice, bool counts);
void show_hint(struct show *s, uint32_t pin, uint8_t code);

#endif
