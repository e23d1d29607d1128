/* Text and JSON for people and programs, gathered in a buffer and written
 * whole.  Text of a peer is escaped for the terminal.  Memory that runs out,
 * and a reader that left, end the process. */
#ifndef BBDEVICE_OUT_H
#define BBDEVICE_OUT_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"

#define OUT_MAX (4 << 20)
#define OUT_BUF BB_BUF_SECRET(OUT_MAX)

void out_printf(struct bb_buf *out, const char *fmt, ...) BB_PRINTF(2, 3);
/* A peer's text; NULL appends nothing. */
void out_peer(struct bb_buf *out, const char *text);
/* One JSON object and a newline; takes json, NULL: memory ran out.  ASCII only:
 * a terminal must not obey what a peer wrote. */
void out_json(struct bb_buf *out, json_t *json);
/* {"v":1,"pin":"2100000a","kind":KIND} */
json_t *out_object(uint32_t pin, const char *kind);
/* Takes value. */
void out_set(json_t *object, const char *name, json_t *value);
/* Writes to standard output and empties the buffer. */
void out_flush(struct bb_buf *out);

#endif
