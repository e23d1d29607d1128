/* Frames sealed and opened: the published vectors of each type, what a changed
 * bit does, and what is authentic and yet wrong. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "seal/ossl.h"
#include "seal/seal.h"
#include "seal/xaes.h"

#include "base/cc.h"

#include "seal_vectors.h"
#include "tap.h"

#define BEFORE_AAD 12 /* bytes of magic, length and link */

/* The frames of docs/wire-vectors.txt.  Deflated ones are only opened: another
 * deflater may rightly make other bytes. */
static const struct published {
	const char *name;
	const char *e;
	uint32_t att, seq;
	uint8_t type, dir;
	bool next_base; /* sealed after the roll */
	bool more;      /* two sections */
	bool deflated;
} published[] = {
	/* clang-format off */
	{ "attach",    "E_d", 1, 0, BB_FRAME_ATTACH, BB_FRAME_UP,   false, true,  false },
	{ "answer",    "E_s", 1, 0, BB_FRAME_ANSWER, BB_FRAME_DOWN, false, true,  false },
	{ "notice",    NULL,  1, 0, BB_FRAME_NOTICE, BB_FRAME_DOWN, false, false, false },
	{ "data-up",   NULL,  1, 1, BB_FRAME_DATA,   BB_FRAME_UP,   true,  false, false },
	{ "data-down", NULL,  1, 1, BB_FRAME_DATA,   BB_FRAME_DOWN, true,  false, false },
	{ "attach-deflated", "E_d", 1, 0, BB_FRAME_ATTACH, BB_FRAME_UP, false, true, true },
	{ "data-deflated",   NULL,  1, 1, BB_FRAME_DATA,   BB_FRAME_UP, true, false, true },
	/* clang-format on */
};

/* A frame opened from its bytes, as a receiver does. */
struct opened {
	int rc, error;
	size_t count;
	const char *why;
	struct bb_buf sections[BB_PACK_SECTIONS];
};

static struct opened
open_frame(const struct bb_keys *keys, const struct bb_frame *frame)
{
	struct opened o = { .sections = { BB_BUF_SECRET(BB_PACK_JSON_MAX),
				BB_BUF_SECRET(BB_PACK_JSON_MAX) } };

	errno = 0;
	o.rc = bb_open(keys, frame, o.sections, &o.count, &o.why);
	o.error = errno;
	return o;
}

static void
clear(struct opened *o)
{
	bb_buf_clear(&o->sections[0]);
	bb_buf_clear(&o->sections[1]);
}

/* True when the bytes are a sound frame that opens. */
static bool
bytes_open(const struct bb_keys *keys, const uint8_t *bytes, size_t len)
{
	struct bb_frame frame;
	struct opened o;
	size_t frame_len;

	if (bb_frame_split(bytes, len, &frame_len) != BB_PARSE_OK ||
	    frame_len != len ||
	    bb_frame_read(bytes, len, &frame) != BB_FRAME_SOUND)
		return false;
	o = open_frame(keys, &frame);
	clear(&o);
	return o.rc == 0;
}

static struct bb_frame
published_frame(const struct published *p)
{
	struct bb_frame frame = { .type = p->type,
		.dir = p->dir,
		.pin = VECTOR_PIN,
		.att = p->att,
		.seq = p->seq };

	if (p->e != NULL)
		vector_copy(p->e, frame.e, sizeof(frame.e));
	return frame;
}

static void
test_published_seal(const struct published *p)
{
	struct vector json = vector_of(p->name, "-json"), more = { .len = 0 };
	struct vector random = vector_of(p->name, "-random");
	struct vector want = vector_of(p->name, "-frame");
	struct vector nonce = vector_of(p->name, "-nonce");
	struct bb_keys keys = vector_keys(p->next_base);
	struct bb_frame frame = published_frame(p);
	struct bb_buf out = BB_BUF(BB_FRAME_MAX);
	struct bb_section sections[BB_PACK_SECTIONS];

	if (p->more)
		more = vector_of(p->name, "-more");
	sections[0] = (struct bb_section){ json.bytes, json.len, true };
	sections[1] = (struct bb_section){ more.bytes, more.len, true };
	TAP_EQ_INT(bb_seal_with(&keys, &frame, sections, p->more ? 2 : 1, 1,
		       random.bytes, &out),
	    0, "the vector seals");
	TAP_EQ_MEM(bb_buf_data(&out), bb_buf_len(&out), want.bytes, want.len,
	    p->name);
	TAP_EQ_MEM(frame.nonce, sizeof(frame.nonce), nonce.bytes, nonce.len,
	    "and the nonce is told");
	TAP_EQ_MEM(frame.kid, sizeof(frame.kid), keys.kid, sizeof(keys.kid),
	    "and the key id");
	bb_buf_clear(&out);
}

static void
test_published_open(const struct published *p)
{
	struct vector json = vector_of(p->name, "-json"), more;
	struct vector bytes = vector_of(p->name, "-frame");
	struct bb_keys keys = vector_keys(p->next_base);
	struct bb_frame frame;
	struct opened o;

	if (!TAP_EQ_INT(bb_frame_read(bytes.bytes, bytes.len, &frame),
		BB_FRAME_SOUND, "the vector is a sound frame"))
		return;
	o = open_frame(&keys, &frame);
	TAP_EQ_INT(o.rc, 0, "it opens");
	TAP_EQ_INT(o.count, p->more ? 2 : 1, "to its number of sections");
	TAP_EQ_MEM(bb_buf_data(&o.sections[0]), bb_buf_len(&o.sections[0]),
	    json.bytes, json.len, "to its first section");
	if (p->more) {
		more = vector_of(p->name, "-more");
		TAP_EQ_MEM(bb_buf_data(&o.sections[1]),
		    bb_buf_len(&o.sections[1]), more.bytes, more.len,
		    "and its second");
	}
	clear(&o);
}

/* The vector of the nonce rule alone, from its pieces. */
static void
test_published_nonce(void)
{
	struct vector random = vector("attach-random");
	struct vector aad = vector("attach-aad");
	struct vector body = vector("attach-body");
	struct vector want = vector("attach-nonce");
	const uint8_t len[] = { 0, 0, (uint8_t)(body.len >> 8),
		(uint8_t)body.len };
	const struct bb_piece pieces[] = { { random.bytes, random.len },
		{ aad.bytes, aad.len }, { len, sizeof(len) },
		{ body.bytes, body.len } };
	struct bb_keys keys = vector_keys(false);
	uint8_t mac[BB_HASH_LEN];

	TAP_EQ_INT(bb_hmac(keys.nonce_up, pieces, BB_LEN(pieces), mac), 0,
	    "random bytes, AAD, length and body are hashed");
	TAP_EQ_MEM(mac, BB_NONCE_LEN, want.bytes, want.len,
	    "and their first 24 bytes are the nonce");
}

static void
test_published_hint(void)
{
	struct vector want = vector("hint-frame");
	struct vector nonce = vector("attach-nonce");
	uint8_t hint[BB_HINT_LEN];
	size_t len = bb_frame_write_hint(0, VECTOR_PIN, BB_HINT_CANNOT_OPEN,
	    nonce.bytes, hint);

	TAP_EQ_MEM(hint, len, want.bytes, want.len,
	    "the published hint answers the published attach");
}

/* Each bit of a whole ATTACH: the link may change, nothing else. */
static void
test_flipped_bits(const char *name)
{
	struct bb_keys keys = vector_keys(strncmp(name, "data", 4) == 0);
	struct vector v = vector_of(name, "-frame");
	size_t bit, opened = 0, at, link_opened = 0;

	for (bit = 0; bit < v.len * 8; bit++) {
		at = bit / 8;
		v.bytes[at] ^= (uint8_t)(1u << bit % 8);
		if (bytes_open(&keys, v.bytes, v.len)) {
			if (at >= 4 && at < BEFORE_AAD)
				link_opened++;
			else
				opened++;
		}
		v.bytes[at] ^= (uint8_t)(1u << bit % 8);
	}
	TAP_EQ_UINT(opened, 0,
	    "no frame opens with a changed bit outside of the link");
	TAP_EQ_UINT(link_opened, 64,
	    "and every one opens with a changed bit of the link");
	tap_ok(bytes_open(&keys, v.bytes, v.len), "%s itself opens", name);
}

/* What the reader of frames would not pass on must not open either. */
static void
test_flipped_fields(void)
{
	struct bb_keys keys = vector_keys(false);
	struct vector v = vector("attach-frame");
	struct bb_frame frame = { .type = 0 };
	struct opened o;
	size_t i;
	uint8_t *const fields[] = { &frame.type, &frame.code,
		(uint8_t *)&frame.pin, frame.kid, (uint8_t *)&frame.att,
		(uint8_t *)&frame.seq, frame.nonce, frame.e,
		&frame.e[BB_EPHEMERAL_LEN - 1] };

	(void)bb_frame_read(v.bytes, v.len, &frame);
	for (i = 0; i < BB_LEN(fields); i++) {
		fields[i][0] ^= 2;
		o = open_frame(&keys, &frame);
		tap_ok(o.rc == -1 && o.error == EBADMSG && o.why == NULL &&
			   o.count == 0 && bb_buf_len(&o.sections[0]) == 0,
		    "field %zu of the associated data is bound", i);
		clear(&o);
		fields[i][0] ^= 2;
	}
	frame.dir = BB_FRAME_DOWN;
	o = open_frame(&keys, &frame);
	tap_ok(o.rc == -1 && o.error == EBADMSG,
	    "a frame does not open in the other direction");
	clear(&o);
	memcpy(keys.down, keys.up, sizeof(keys.down));
	o = open_frame(&keys, &frame);
	tap_ok(o.rc == -1 && o.error == EBADMSG,
	    "not even were the keys of both directions the same");
	clear(&o);
}

static struct bb_section
text_section(const char *json)
{
	return (struct bb_section){ json, strlen(json), false };
}

static void
test_fresh_nonces(void)
{
	struct bb_keys keys = vector_keys(true);
	struct bb_section section = text_section("{\"op\":\"alive\"}");
	struct bb_frame a = published_frame(&published[3]), b = a;
	struct bb_buf out = BB_BUF(2L * BB_FRAME_MAX);
	const uint8_t random[BB_SEAL_RANDOM] = { 1 };

	tap_ok(bb_seal(&keys, &a, &section, 1, 1, &out) == 0 &&
		   bb_seal(&keys, &b, &section, 1, 1, &out) == 0,
	    "one message is sealed twice");
	tap_ok(memcmp(a.nonce, b.nonce, BB_NONCE_LEN) != 0, "under two nonces");
	/* A cloned machine: the same random bytes, other messages. */
	section = text_section("{\"op\":\"fetch\"}");
	tap_ok(bb_seal_with(&keys, &a, &section, 1, 1, random, &out) == 0,
	    "a message is sealed with chosen random bytes");
	section = text_section("{\"op\":\"alive\"}");
	tap_ok(bb_seal_with(&keys, &b, &section, 1, 1, random, &out) == 0 &&
		   memcmp(a.nonce, b.nonce, BB_NONCE_LEN) != 0,
	    "another message has another nonce with the same bytes");
	a = b;
	b.seq++;
	tap_ok(bb_seal_with(&keys, &b, &section, 1, 1, random, &out) == 0 &&
		   memcmp(a.nonce, b.nonce, BB_NONCE_LEN) != 0,
	    "and so has the same message with another frame number");
	bb_buf_clear(&out);
}

/* Seals bytes as a body, right or wrong, as a peer with the key might. */
static struct opened
open_sealed_body(uint8_t type, const uint8_t *body, size_t len)
{
	struct bb_keys keys = vector_keys(false);
	struct bb_frame frame = { .type = type,
		.pin = VECTOR_PIN,
		.att = 1,
		.seq = type == BB_FRAME_DATA ? 1 : 0 };
	uint8_t aad[BB_AAD_MAX], sealed[512 + BB_TAG_LEN];
	size_t aad_len;

	memcpy(frame.kid, keys.kid, sizeof(frame.kid));
	aad_len = bb_frame_aad(&frame, aad);
	if (bb_xaes_seal(keys.up, frame.nonce, aad, aad_len, body, len,
		sealed) == -1)
		abort();
	frame.cipher = sealed;
	frame.cipher_len = len + BB_TAG_LEN;
	return open_frame(&keys, &frame);
}

static void
test_authentic_nonsense(void)
{
	static const uint8_t two[] = { 0, 0, 2, '{', '}', 0, 0, 2, '{', '}' };
	uint8_t body[] = { 7, 0, 1, '{' };
	struct opened o = open_sealed_body(BB_FRAME_DATA, body, 4);

	tap_ok(o.rc == -1 && o.error == EPROTO && o.count == 0,
	    "an authentic frame with a bad body is a protocol error");
	TAP_EQ_STR(o.why, "a section has an unknown format",
	    "and the reason is told");
	clear(&o);
	o = open_sealed_body(BB_FRAME_DATA, body, 0);
	tap_ok(o.rc == -1 && o.error == EPROTO, "so is one without any body");
	clear(&o);
	o = open_sealed_body(BB_FRAME_ATTACH, two, sizeof(two));
	tap_ok(o.rc == 0 && o.count == 2, "an ATTACH may hold two sections");
	clear(&o);
	o = open_sealed_body(BB_FRAME_DATA, two, sizeof(two));
	tap_ok(o.rc == -1 && o.error == EPROTO, "DATA may hold only one");
	clear(&o);
	o = open_sealed_body(BB_FRAME_HINT, two, sizeof(two));
	tap_ok(o.rc == -1 && o.error == EBADMSG, "a HINT is never opened");
	clear(&o);
}

static void
test_dummy(void)
{
	struct vector v = vector("attach-frame");
	struct bb_frame frame;

	(void)bb_frame_read(v.bytes, v.len, &frame);
	errno = 0;
	bb_open_dummy(&frame);
	TAP_EQ_INT(errno, EBADMSG, "the dummy key opens nothing");
}

int
main(void)
{
	size_t i;

	for (i = 0; i < BB_LEN(published); i++) {
		if (!published[i].deflated)
			test_published_seal(&published[i]);
		test_published_open(&published[i]);
	}
	test_published_nonce();
	test_published_hint();
	test_flipped_bits("attach");
	test_flipped_bits("data-up");
	test_flipped_fields();
	test_fresh_nonces();
	test_authentic_nonsense();
	test_dummy();
	return tap_done();
}
