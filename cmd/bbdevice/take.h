/* One frame from the gateway: opened, judged by the device's table, noted in
 * the profile, printed. */
#ifndef BBDEVICE_TAKE_H
#define BBDEVICE_TAKE_H

#include "profile.h"
#include "show.h"
#include "wire/frame.h"

struct take {
	const char *folder; /* of the profiles */
	struct show show;
	unsigned long taken; /* frames that were for a device of ours */
};

/* The profile is loaded when the frame comes and its lock given back before
 * output is written.  A frame that is not for us is dropped with one line on
 * standard error; nothing that a frame holds ends the process. */
void take_frame(struct take *t, const struct bb_frame *frame);

#endif
