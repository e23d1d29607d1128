/* A profile for people: everything but its keys. */
#ifndef BBDEVICE_PROFILE_SHOW_H
#define BBDEVICE_PROFILE_SHOW_H

#include <stdbool.h>

#include "out.h"
#include "profile.h"

/* One line, or one JSON object. */
void profile_show_row(struct bb_buf *out, const struct profile *p, bool json);
/* All of it. */
void profile_show(struct bb_buf *out, const struct profile *p, bool json);

#endif
