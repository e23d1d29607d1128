/* Raw deflate (RFC 1951) with the preset dictionary of pack.h, both ways, in
 * memory that is wiped after every use.  Private to lib/seal. */
#ifndef BB_SEAL_FLATE_H
#define BB_SEAL_FLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

/* Compresses into at most `room` bytes.  0 with *out_len, or -1: ENOSPC (the
 * result is longer than room), ENOMEM. */
int bb_deflate(const void *in, size_t len, uint8_t *out, size_t room,
    size_t *out_len) BB_NODISCARD;

/* Inflates one whole stream into at most `room` bytes; what an attempt wrote
 * stays in out: the caller wipes it.  0 with *out_len, or -1: EPROTO (the
 * stream is wrong, cut off, followed by other bytes, or longer than room; *why
 * says which), ENOMEM. */
int bb_inflate(const void *in, size_t len, uint8_t *out, size_t room,
    size_t *out_len, const char **why) BB_NODISCARD;

#endif
