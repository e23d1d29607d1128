/* A profile for people: everything but its keys. */
#ifndef BBDEVICE_PROFILE_SHOW_H
#define BBDEVICE_PROFILE_SHOW_H

#include <stdbool.h>
#include <sys/types.h>

#include "out.h"
#include "profile.h"

/* One line, or one JSON object.  `holder`: the process that holds it, or 0. */
void profile_show_row(struct bb_buf *out, const struct profile *p, pid_t holder,
    bool json);
/* All of it. */
void profile_show(struct bb_buf *out, const struct profile *p, pid_t holder,
    bool json);

#endif
