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
};

void show_status(struct show *s, int status);

/* An answer, before the profile is changed by it: it still holds the messages
 * that have a result, and what is outstanding. */
void show_answer(struct show *s, const struct profile *p, const json_t *answer);
/* "results" of an answer or of events; NULL: there are none. */
void show_results(struct show *s, const struct profile *p,
    const json_t *results);
void show_event(struct show *s, uint32_t pin, const json_t *event);
void show_more(struct show *s, uint32_t pin);
void show_bye(struct show *s, uint32_t pin, const json_t *bye);
/* `advice` is ours: what to do now. */
void show_notice(struct show *s, uint32_t pin, const json_t *notice,
    const char *advice);
void show_hint(struct show *s, uint32_t pin, uint8_t code);

#endif
