/* Frames sealed and opened: header, nonce rule, XAES, body.  The only way from
 * JSON to a frame's bytes and back. */
#ifndef BB_SEAL_SEAL_H
#define BB_SEAL_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "seal/keys.h"
#include "seal/pack.h"
#include "wire/frame.h"

struct bb_section {
	const void *json;
	size_t len;
	bool stored; /* not deflated: several authors' texts in it */
};

/* Appends one sealed frame to `out`.  From *frame come link, type, dir, pin,
 * att, seq and e; kid and nonce are written back into it (a device notes the
 * nonce of its attach).  Which keys: up or down by frame->dir.  Padding by
 * type; DATA is padded to `data_pad` (1: none).  0, or -1 with EMSGSIZE when
 * the body does not fit a frame, EINVAL (a type that is not sealed; no section,
 * an empty one, or more than the type has; DATA with data_pad 0), ENOBUFS,
 * ENOMEM, EIO; then nothing was added. */
int bb_seal(const struct bb_keys *keys, struct bb_frame *frame,
    const struct bb_section *sections, size_t count, size_t data_pad,
    struct bb_buf *out) BB_NODISCARD;

/* The same with the 32 random bytes of the nonce rule given instead of drawn:
 * for test vectors only, no tool calls it.  Equal bytes twice are safe only
 * for the very same frame. */
#define BB_SEAL_RANDOM 32
int bb_seal_with(const struct bb_keys *keys, struct bb_frame *frame,
    const struct bb_section *sections, size_t count, size_t data_pad,
    const uint8_t random[BB_SEAL_RANDOM], struct bb_buf *out) BB_NODISCARD;

/* Opens a sound frame.  `sections` are BB_PACK_SECTIONS secret buffers as for
 * bb_pack_open; only ATTACH and ANSWER may hold two.
 * 0, or -1 with EBADMSG: the tag does not fit (*why NULL); EPROTO: it is
 * authentic and its body is bad (*why says how); ENOMEM, EIO. */
int bb_open(const struct bb_keys *keys, const struct bb_frame *frame,
    struct bb_buf *sections, size_t *count, const char **why) BB_NODISCARD;

/* Opens with a dummy key of this process and throws the result away, so that an
 * unknown device costs what a known one costs. */
void bb_open_dummy(const struct bb_frame *frame);

#endif
