/* Read and write cursors over bytes in network order.  PURE.
 *
 * A reader has a sticky error: read all fields, then look at `bad` once.
 * Readers return (the peer's fault), writers assert (our fault). */
#ifndef BB_BASE_CURSOR_H
#define BB_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bb_rd {
	const uint8_t *at;
	size_t left;
	bool bad; /* something was read past the end */
};

/* Borrows `bytes` for the life of the cursor. */
struct bb_rd bb_rd_init(const void *bytes, size_t len);
/* Each returns 0 (NULL) and sets bad when too few bytes are left. */
uint8_t bb_rd_u8(struct bb_rd *rd);
uint16_t bb_rd_u16(struct bb_rd *rd);
uint32_t bb_rd_u32(struct bb_rd *rd);
uint64_t bb_rd_u64(struct bb_rd *rd);
const uint8_t *bb_rd_bytes(struct bb_rd *rd, size_t len);
void bb_rd_copy(struct bb_rd *rd, void *to, size_t len);
/* One character of UTF-8; 0 and bad also where no well-formed one begins (RFC
 * 3629: no surrogates, no overlong forms, nothing above U+10FFFF). */
uint32_t bb_rd_utf8(struct bb_rd *rd);

struct bb_wr {
	uint8_t *start;
	uint8_t *at;
	size_t left;
};

/* Borrows `bytes` for the life of the cursor. */
struct bb_wr bb_wr_init(void *bytes, size_t len);
void bb_wr_u8(struct bb_wr *wr, uint8_t v);
void bb_wr_u16(struct bb_wr *wr, uint16_t v);
void bb_wr_u32(struct bb_wr *wr, uint32_t v);
void bb_wr_u64(struct bb_wr *wr, uint64_t v);
void bb_wr_bytes(struct bb_wr *wr, const void *bytes, size_t len);
/* Bytes written so far. */
size_t bb_wr_len(const struct bb_wr *wr);

#endif
