/* Read and write cursors: the only code that turns network order into numbers
 * and back. */
#include "base/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "base/cc.h"

struct bb_rd
bb_rd_init(const void *bytes, size_t len)
{
	return (struct bb_rd){ .at = bytes, .left = len };
}

/* A spoiled cursor stays empty, so that no later field is read from a wrong
 * place. */
static uint32_t
spoil(struct bb_rd *rd)
{
	rd->bad = true;
	rd->left = 0;
	return 0;
}

const uint8_t *
bb_rd_bytes(struct bb_rd *rd, size_t len)
{
	const uint8_t *at = rd->at;

	if (rd->bad || len > rd->left) {
		(void)spoil(rd);
		return NULL;
	}
	if (len == 0)
		return at;
	rd->at += len;
	rd->left -= len;
	return at;
}

static uint64_t
take(struct bb_rd *rd, size_t len)
{
	const uint8_t *p = bb_rd_bytes(rd, len);
	uint64_t v = 0;
	size_t i;

	if (p == NULL)
		return 0;
	for (i = 0; i < len; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t
bb_rd_u8(struct bb_rd *rd)
{
	return (uint8_t)take(rd, 1);
}

uint16_t
bb_rd_u16(struct bb_rd *rd)
{
	return (uint16_t)take(rd, 2);
}

uint32_t
bb_rd_u32(struct bb_rd *rd)
{
	return (uint32_t)take(rd, 4);
}

uint64_t
bb_rd_u64(struct bb_rd *rd)
{
	return take(rd, 8);
}

void
bb_rd_copy(struct bb_rd *rd, void *to, size_t len)
{
	const uint8_t *p = bb_rd_bytes(rd, len);

	if (len == 0)
		return;
	if (p == NULL)
		memset(to, 0, len);
	else
		memcpy(to, p, len);
}

/* By first byte: how long, and the range of the second byte, which is where
 * RFC 3629 section 4 excludes overlong forms, surrogates and too large ones. */
static const struct lead {
	uint8_t first, last;
	uint8_t len;
	uint8_t second_min, second_max;
	uint8_t mask; /* bits of the first byte that count */
} leads[] = {
	/* clang-format off */
	{ 0x00, 0x7F, 1, 0x00, 0x00, 0x7F },
	{ 0xC2, 0xDF, 2, 0x80, 0xBF, 0x1F },
	{ 0xE0, 0xE0, 3, 0xA0, 0xBF, 0x0F },
	{ 0xE1, 0xEC, 3, 0x80, 0xBF, 0x0F },
	{ 0xED, 0xED, 3, 0x80, 0x9F, 0x0F },
	{ 0xEE, 0xEF, 3, 0x80, 0xBF, 0x0F },
	{ 0xF0, 0xF0, 4, 0x90, 0xBF, 0x07 },
	{ 0xF1, 0xF3, 4, 0x80, 0xBF, 0x07 },
	{ 0xF4, 0xF4, 4, 0x80, 0x8F, 0x07 },
	/* clang-format on */
};

static const struct lead *
lead_of(uint8_t byte)
{
	size_t i;

	for (i = 0; i < BB_LEN(leads); i++) {
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	}
	return NULL;
}

/* Checked whole before anything is taken: a cut-off character spoils the cursor
 * as any other short field does. */
uint32_t
bb_rd_utf8(struct bb_rd *rd)
{
	const uint8_t *p = rd->at;
	const struct lead *lead = rd->left == 0 ? NULL : lead_of(p[0]);
	uint32_t v;
	size_t i;

	if (rd->bad || lead == NULL || lead->len > rd->left)
		return spoil(rd);
	v = p[0] & (uint32_t)lead->mask;
	for (i = 1; i < lead->len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return spoil(rd);
		v = v << 6 | (p[i] & 0x3Fu);
	}
	if (lead->len > 1 &&
	    (p[1] < lead->second_min || p[1] > lead->second_max))
		return spoil(rd);
	(void)bb_rd_bytes(rd, lead->len);
	return v;
}

struct bb_wr
bb_wr_init(void *bytes, size_t len)
{
	return (struct bb_wr){ .start = bytes, .at = bytes, .left = len };
}

/* Checked in every build: with NDEBUG an assert would leave an overflow. */
static uint8_t *
room(struct bb_wr *wr, size_t len)
{
	uint8_t *at = wr->at;

	if (len > wr->left)
		abort();
	wr->at += len;
	wr->left -= len;
	return at;
}

static void
give(struct bb_wr *wr, uint64_t v, size_t len)
{
	uint8_t *p = room(wr, len);

	while (len-- > 0) {
		p[len] = (uint8_t)(v & 0xFF);
		v >>= 8;
	}
}

void
bb_wr_u8(struct bb_wr *wr, uint8_t v)
{
	give(wr, v, 1);
}

void
bb_wr_u16(struct bb_wr *wr, uint16_t v)
{
	give(wr, v, 2);
}

void
bb_wr_u32(struct bb_wr *wr, uint32_t v)
{
	give(wr, v, 4);
}

void
bb_wr_u64(struct bb_wr *wr, uint64_t v)
{
	give(wr, v, 8);
}

void
bb_wr_bytes(struct bb_wr *wr, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(room(wr, len), bytes, len);
}

size_t
bb_wr_len(const struct bb_wr *wr)
{
	return (size_t)(wr->at - wr->start);
}
