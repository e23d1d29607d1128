/* JSON text written by hand, for tools that are linked with no JSON library. */
#ifndef BB_BASE_JSON_OUT_H
#define BB_BASE_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct bb_json_out {
	struct bb_buf *buf;
	bool comma; /* a value stands before the next one */
	bool bad;   /* the buffer is full or there is no memory */
};

/* Appends to buf, which it borrows.  Errors are sticky: look at `bad` once, at
 * the end; what was appended is no JSON then. */
struct bb_json_out bb_json_out_init(struct bb_buf *buf);
/* `name` is that of a member, or NULL within a list and at the top. */
void bb_json_out_object(struct bb_json_out *out, const char *name);
void bb_json_out_object_end(struct bb_json_out *out);
void bb_json_out_list(struct bb_json_out *out, const char *name);
void bb_json_out_list_end(struct bb_json_out *out);
/* Any text: what is no UTF-8 becomes U+FFFD, one for each byte. */
void bb_json_out_text(struct bb_json_out *out, const char *name,
    const char *text);
/* Readers may keep no more than 53 bits of a number. */
void bb_json_out_uint(struct bb_json_out *out, const char *name, uint64_t v);
void bb_json_out_bool(struct bb_json_out *out, const char *name, bool v);

#endif
