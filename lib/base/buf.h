/* A growable byte buffer with a hard maximum: bytes go in at the end and are
 * taken from the front. */
#ifndef BB_BASE_BUF_H
#define BB_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

struct bb_buf {
	uint8_t *mem;
	size_t start; /* first byte not yet taken */
	size_t end;   /* one past the last byte */
	size_t cap;
	size_t max;  /* bytes held never exceed this */
	bool secret; /* memory is wiped before it is given back or moved */
};

#define BB_BUF(max_bytes) ((struct bb_buf){ .max = (max_bytes) })
#define BB_BUF_SECRET(max_bytes) \
	((struct bb_buf){ .max = (max_bytes), .secret = true })

/* Frees the memory (wiped first when secret); the buffer is empty and usable.
 */
void bb_buf_clear(struct bb_buf *buf);
size_t bb_buf_len(const struct bb_buf *buf);
/* The first byte held; valid until the next call that changes the buffer. */
const uint8_t *bb_buf_data(const struct bb_buf *buf);
/* Room left below the maximum. */
size_t bb_buf_room(const struct bb_buf *buf);
/* Copies len bytes to the end.  0, or -1 with ENOBUFS (maximum) or ENOMEM; then
 * nothing was added. */
int bb_buf_put(struct bb_buf *buf, const void *bytes, size_t len) BB_NODISCARD;
int bb_buf_puts(struct bb_buf *buf, const char *text) BB_NODISCARD;
int bb_buf_printf(struct bb_buf *buf, const char *fmt, ...) BB_PRINTF(2, 3)
    BB_NODISCARD;
/* Makes room for len bytes at the end and returns their place, or NULL with
 * ENOBUFS or ENOMEM.  bb_buf_added says how many were really written there. */
uint8_t *bb_buf_reserve(struct bb_buf *buf, size_t len);
void bb_buf_added(struct bb_buf *buf, size_t len);
/* Takes len bytes (at most bb_buf_len) from the front. */
void bb_buf_take(struct bb_buf *buf, size_t len);
/* Drops bytes from the end until at most len are held. */
void bb_buf_cut(struct bb_buf *buf, size_t len);

#endif
