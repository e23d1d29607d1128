/* The outer members of a line, between JSON and struct. */
#ifndef BB_LINE_OUTER_H
#define BB_LINE_OUTER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/cc.h"
#include "line/line.h"

/* Sets kind and outer members of *line, which borrows from json.  0, or -1 with
 * a clause in why. */
int bb_outer_read(const json_t *json, bool up, struct bb_line *line,
    char why[BB_MESSAGE_WHY_MAX]) BB_NODISCARD;
/* A new object of all members.  NULL with EINVAL (the kind does not go in that
 * direction, or lacks what it must have) or ENOMEM. */
json_t *bb_outer_make(const struct bb_line *line, bool up);

#endif
