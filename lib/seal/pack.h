/* The sealed body: one or two sections, each its own raw deflate stream with a
 * preset dictionary, then zero padding.  docs/wire.md, "Body". */
#ifndef BB_SEAL_PACK_H
#define BB_SEAL_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/parse.h"

#define BB_PACK_JSON_MAX 65533 /* bytes of one section after inflating */
#define BB_PACK_SECTIONS 2
#define BB_PACK_PAD 256 /* ATTACH, ANSWER, RECOVER, NOTICE */

enum bb_pack_format { BB_PACK_STORED = 0, BB_PACK_DEFLATE = 1 };

/* Appends one section.  Deflates unless `stored`; keeps it stored where
 * deflating does not make it shorter.  0, or -1 with EMSGSIZE (json_len over
 * the maximum), EINVAL (no bytes: an empty section could not be told from
 * padding), ENOBUFS or ENOMEM; then nothing was added. */
int bb_pack_add(struct bb_buf *body, const void *json, size_t json_len,
    bool stored) BB_NODISCARD;
/* Pads with zeros to a multiple of `multiple` (1: none).  0, or -1 with ENOBUFS
 * or ENOMEM. */
int bb_pack_pad(struct bb_buf *body, size_t multiple) BB_NODISCARD;

/* Unpacks a whole opened body into up to `max` sections, which must each be
 * an empty secret buffer with max BB_PACK_JSON_MAX.  OK: *count sections are
 * there, at least one.  BAD: unknown format, length past the end, deflate
 * stream wrong, too long, not ending exactly at its end, dictionary missing,
 * empty, padding not zero, more sections than `max`; *why says which in words
 * (static text), errno is EPROTO; or memory ran out: errno is ENOMEM.  After
 * BAD the sections are empty.  Never MORE. */
enum bb_parse bb_pack_open(const void *body, size_t len,
    struct bb_buf *sections, size_t max, size_t *count, const char **why);

/* The preset dictionary, number 1: public, never changed (dictionary.c). */
extern const unsigned char bb_pack_dictionary[];
extern const size_t bb_pack_dictionary_len;

#endif
