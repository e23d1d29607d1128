/* What the files of this room share about JSON text. */
#ifndef BB_LINE_JSON_H
#define BB_LINE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "line/message.h"

/* bb_json_parse with another depth: a line holds a message one level down. */
json_t *bb_json_parse_depth(const void *text, size_t len, unsigned depth_max,
    char why[BB_MESSAGE_WHY_MAX]);
/* True when a text has control characters (C0, DEL, C1), or is not UTF-8.
 * line_ends: line feed, carriage return and tab are allowed. */
bool bb_json_has_controls(const char *text, size_t len, bool line_ends);

#endif
