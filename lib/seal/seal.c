/* Owns the way from JSON to a sealed frame and back: body, nonce, associated
 * data, cipher (docs/wire.md, "Body" and "Keys"). */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "seal/seal.h"

#include "base/cursor.h"
#include "base/secret.h"
#include "base/sys.h"
#include "seal/ossl.h"
#include "seal/xaes.h"

#include "base/cc.h"

_Static_assert(BB_NONCE_LEN == BB_XAES_NONCE && BB_TAG_LEN == BB_XAES_TAG,
    "the frame has no room for what XAES makes");

/* What a type of frame holds; pad 0: as the caller of bb_seal says. */
static const struct shape {
	uint8_t sections_max;
	uint16_t pad;
} shapes[] = {
	[BB_FRAME_ATTACH] = { 2, BB_PACK_PAD },
	[BB_FRAME_ANSWER] = { 2, BB_PACK_PAD },
	[BB_FRAME_RECOVER] = { 1, BB_PACK_PAD },
	[BB_FRAME_DATA] = { 1, 0 },
	[BB_FRAME_NOTICE] = { 1, BB_PACK_PAD },
};

/* NULL for a type that is not sealed. */
static const struct shape *
shape_of(uint8_t type)
{
	if (type >= BB_LEN(shapes) || shapes[type].sections_max == 0)
		return NULL;
	return &shapes[type];
}

/* Sections and padding.  The maximum is a multiple of the padding, so that
 * what fits unpadded fits padded. */
static int
make_body(struct bb_buf *body, const struct bb_frame *frame,
    const struct bb_section *sections, size_t count, size_t pad)
{
	size_t i, max = BB_FRAME_PLAIN_MAX;

	if (bb_frame_has_e(frame->type))
		max -= BB_FRAME_OVERHEAD_E - BB_FRAME_OVERHEAD;
	*body = BB_BUF_SECRET(max - max % pad);
	for (i = 0; i < count; i++) {
		if (bb_pack_add(body, sections[i].json, sections[i].len,
			sections[i].stored) == -1) {
			if (errno == ENOBUFS)
				errno = EMSGSIZE;
			return -1;
		}
	}
	return bb_pack_pad(body, pad);
}

/* HMAC(nonce key of the direction, random | AAD | u32 length | body)[0..23]:
 * a machine with a copied random state repeats at most an identical frame. */
static int
make_nonce(const struct bb_keys *keys, struct bb_frame *frame,
    const uint8_t *random, const uint8_t *aad, size_t aad_len,
    const struct bb_buf *body)
{
	uint8_t len[sizeof(uint32_t)], mac[BB_HASH_LEN];
	struct bb_wr wr = bb_wr_init(len, sizeof(len));
	const struct bb_piece pieces[] = {
		{ random, BB_SEAL_RANDOM },
		{ aad, aad_len },
		{ len, sizeof(len) },
		{ bb_buf_data(body), bb_buf_len(body) },
	};

	bb_wr_u32(&wr, (uint32_t)bb_buf_len(body));
	if (bb_hmac(frame->dir == BB_FRAME_UP ? keys->nonce_up
					      : keys->nonce_down,
		pieces, BB_LEN(pieces), mac) == -1)
		return -1;
	memcpy(frame->nonce, mac, sizeof(frame->nonce));
	return 0;
}

static const uint8_t *
key_of(const struct bb_keys *keys, const struct bb_frame *frame)
{
	return frame->dir == BB_FRAME_UP ? keys->up : keys->down;
}

static int
seal_body(const struct bb_keys *keys, struct bb_frame *frame,
    const struct bb_buf *body, const uint8_t *random, struct bb_buf *out)
{
	uint8_t aad[BB_AAD_MAX], head[BB_FRAME_OVERHEAD_E], *at;
	size_t aad_len, head_len, cipher_len = bb_buf_len(body) + BB_TAG_LEN;

	memcpy(frame->kid, keys->kid, sizeof(frame->kid));
	aad_len = bb_frame_aad(frame, aad);
	if (make_nonce(keys, frame, random, aad, aad_len, body) == -1)
		return -1;
	head_len = bb_frame_write_head(frame, cipher_len, head);
	at = bb_buf_reserve(out, head_len + cipher_len);
	if (at == NULL)
		return -1;
	memcpy(at, head, head_len);
	if (bb_xaes_seal(key_of(keys, frame), frame->nonce, aad, aad_len,
		bb_buf_data(body), bb_buf_len(body), at + head_len) == -1)
		return -1;
	bb_buf_added(out, head_len + cipher_len);
	return 0;
}

int
bb_seal_with(const struct bb_keys *keys, struct bb_frame *frame,
    const struct bb_section *sections, size_t count, size_t data_pad,
    const uint8_t random[BB_SEAL_RANDOM], struct bb_buf *out)
{
	const struct shape *shape = shape_of(frame->type);
	struct bb_buf body = BB_BUF_SECRET(0);
	size_t pad = data_pad;
	int rc;

	if (shape != NULL && shape->pad != 0)
		pad = shape->pad;
	if (shape == NULL || count == 0 || count > shape->sections_max ||
	    pad == 0) {
		errno = EINVAL;
		return -1;
	}
	rc = make_body(&body, frame, sections, count, pad);
	if (rc == 0)
		rc = seal_body(keys, frame, &body, random, out);
	bb_buf_clear(&body);
	return rc;
}

int
bb_seal(const struct bb_keys *keys, struct bb_frame *frame,
    const struct bb_section *sections, size_t count, size_t data_pad,
    struct bb_buf *out)
{
	uint8_t random[BB_SEAL_RANDOM];

	bb_random(random, sizeof(random));
	return bb_seal_with(keys, frame, sections, count, data_pad, random,
	    out);
}

int
bb_open(const struct bb_keys *keys, const struct bb_frame *frame,
    struct bb_buf *sections, size_t *count, const char **why)
{
	const struct shape *shape = shape_of(frame->type);
	struct bb_buf body = BB_BUF_SECRET(BB_FRAME_MAX);
	uint8_t aad[BB_AAD_MAX], *plain;
	size_t aad_len;
	int rc = -1;

	*why = NULL;
	*count = 0;
	if (shape == NULL || frame->cipher_len < BB_TAG_LEN) {
		errno = EBADMSG;
		return -1;
	}
	aad_len = bb_frame_aad(frame, aad);
	plain = bb_buf_reserve(&body, frame->cipher_len);
	if (plain == NULL ||
	    bb_xaes_open(key_of(keys, frame), frame->nonce, aad, aad_len,
		frame->cipher, frame->cipher_len, plain) == -1)
		goto out;
	bb_buf_added(&body, frame->cipher_len - BB_TAG_LEN);
	if (bb_pack_open(bb_buf_data(&body), bb_buf_len(&body), sections,
		shape->sections_max, count, why) == BB_PARSE_OK)
		rc = 0;
out:
	bb_buf_clear(&body);
	return rc;
}

/* The key is drawn, so that nobody can make a frame that it opens. */
void
bb_open_dummy(const struct bb_frame *frame)
{
	static uint8_t base[BB_BASE_LEN];
	static bool drawn;
	struct bb_buf sections[BB_PACK_SECTIONS] = {
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
	};
	struct bb_keys keys;
	const char *why;
	size_t i, count;

	if (!drawn)
		bb_random(base, sizeof(base));
	drawn = true;
	if (bb_keys_expand(base, frame->pin, &keys) == -1 ||
	    bb_open(&keys, frame, sections, &count, &why) == -1)
		errno = EBADMSG; /* whatever it was: nobody is told */
	for (i = 0; i < BB_LEN(sections); i++)
		bb_buf_clear(&sections[i]);
	bb_wipe(&keys, sizeof(keys));
}
