/* One frame from the gateway on its way through `read`: private to the files
 * take*.c and turn.c.
 *
 * What has to be on disk before anything else (keys, attach numbers) is saved
 * first.  Events are printed first and marked as had afterwards, so that the
 * reader of standard output misses none: if we are killed in between, they come
 * again. */
#ifndef BBDEVICE_TURN_H
#define BBDEVICE_TURN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "flow/device.h"
#include "line/message.h"
#include "seal/pack.h"
#include "take.h"

/* What is written into the profile after the output. */
struct mark {
	bool wanted;
	enum take_hear hear; /* as the frame began */
	uint32_t att;
	uint8_t numbering[NUMBERING_LEN];
	uint32_t seq;               /* of a DATA frame; 0: an answer */
	enum bb_device_event event; /* of the DATA frame */
	bool bye;
	bool lost; /* an event behind a gap was left out */
	uint64_t have;
	uint64_t up_next; /* 0: not told */
};

/* One frame on its way. */
struct turn {
	struct take *t;
	const struct bb_frame *frame;
	struct profile *p;
	struct bb_device_frame facts;
	struct bb_buf sections[BB_PACK_SECTIONS];
	size_t count;
	json_t *first, *second;
	struct mark mark;
};

/* The one line about a frame that is dropped, and its exit status. */
void turn_drop(struct turn *turn, int status, const char *fmt, ...)
    BB_PRINTF(3, 4);
/* The line about our own trouble; errno says which. */
void turn_fail(struct turn *turn, const char *what);
/* Each answers whether it was done; if not, the line was written. */
bool turn_save(struct turn *turn);
bool turn_open(struct turn *turn);
/* One section as a message for that place, or NULL after the line.  The caller
 * keeps it in the turn, which frees it. */
json_t *turn_parse(struct turn *turn, size_t section,
    enum bb_message_place place, enum bb_op *op);
/* The event that the frame is, or BB_DE_OTHER after the line. */
enum bb_device_event turn_see(struct turn *turn);
/* A member that is text ("" where there is none), or bytes as hexadecimal. */
const char *turn_text(const json_t *json, const char *name);
bool turn_hex_is(const json_t *json, const char *name, const void *bytes,
    size_t len);

/* Prints an "events" object and gathers what is to be marked; `whole`: as
 * bb_device_event_is. */
void mark_begin(struct turn *turn);
void mark_events(struct turn *turn, const json_t *events, bool whole);
/* After the output: the profile is read anew, perhaps another attach was made
 * meanwhile. */
void mark_note(struct turn *turn);
/* The same in a profile that is held. */
void mark_held(struct turn *turn);

/* An ANSWER (take_answer.c). */
void take_answer(struct turn *turn);

#endif
