/* One frame from the gateway: opened, judged by the device's table, noted in
 * the profile, printed. */
#ifndef BBDEVICE_TAKE_H
#define BBDEVICE_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"
#include "show.h"
#include "wire/frame.h"

/* Who gets the events of a frame. */
enum take_hear {
	TAKE_SHOWN,   /* shown before they are marked as had */
	TAKE_RELAYED, /* shown by others, who say later that they have them */
	TAKE_UNHEARD  /* nobody: they are as if they had not come */
};

/* What the last frame was. */
struct taken {
	enum bb_device_event event; /* BB_DE_OTHER: it was dropped */
	enum bb_device_act act;
	int64_t retry_after; /* seconds; 0: not told */
	bool ack;            /* it acknowledged messages */
	size_t events;       /* in it */
	bool more;           /* and said that others wait */
	bool lost;           /* events before its own are missing */
	bool unknown;        /* ANSWER: the session is not known any more */
};

struct take {
	const char *folder; /* of the profiles */
	struct show show;
	unsigned long taken; /* frames that were for a device of ours */
	/* Of a process that holds a profile: */
	struct profile *held;
	enum take_hear hear;
	uint64_t relayed; /* TAKE_RELAYED: the last event that was shown */
	struct taken last;
};

/* The profile is loaded when the frame comes and its lock given back before
 * output is written, or it is the one that is held.  A frame that is not for us
 * is dropped with one line on standard error; nothing that a frame holds ends
 * the process. */
void take_frame(struct take *t, const struct bb_frame *frame);

#endif
