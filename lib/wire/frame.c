/* The frame: where it ends, what is in it, whether it may be. */
#include "wire/frame.h"

#include <string.h>

#include "base/cc.h"
#include "base/cursor.h"

#define LINK_AT 4
#define LEN_MIN 16    /* what `len` of a HINT says, the shortest frame */
#define SEALED_LEN 48 /* of `len`: version to nonce */
#define NUMBER_ANY 0xFFFFFFFFu

#define UP 0x1u /* bits of `dirs` */
#define DOWN 0x2u

/* What a frame of a type must be; a type that is not here is no frame.
 * docs/wire.md, "Frame"; the last four are read on trunks only, by rules of
 * their own ("Trunk"). */
static const struct rule {
	const char *name;
	uint8_t type;
	uint8_t dirs;
	bool has_e;
	uint32_t att_min, att_max;
	uint32_t seq_min, seq_max;
} rules[] = {
	/* clang-format off */
	{ "ATTACH",  BB_FRAME_ATTACH,  UP,        true,
	    1, BB_NUMBER_MAX, 0, 0 },
	{ "ANSWER",  BB_FRAME_ANSWER,  DOWN,      true,
	    1, BB_NUMBER_MAX, 0, 0 },
	{ "RECOVER", BB_FRAME_RECOVER, UP,        true,
	    1, BB_NUMBER_MAX, 0, 0 },
	{ "DATA",    BB_FRAME_DATA,    UP | DOWN, false,
	    1, BB_NUMBER_MAX, 1, BB_NUMBER_MAX },
	{ "NOTICE",  BB_FRAME_NOTICE,  DOWN,      false,
	    0, NUMBER_ANY,    0, 0 },
	/* Unsealed: it has neither number, and its length is fixed. */
	{ "HINT",    BB_FRAME_HINT,    DOWN,      false, 0, 0, 0, 0 },
	{ "HELLO",   BB_FRAME_HELLO,   UP | DOWN, false, 0, 0, 0, 0 },
	{ "LINK_DOWN",  BB_FRAME_LINK_DOWN,  UP,   false, 0, 0, 0, 0 },
	{ "LINK_OK",    BB_FRAME_LINK_OK,    DOWN, false, 0, 0, 0, 0 },
	{ "LINK_CLOSE", BB_FRAME_LINK_CLOSE, DOWN, false, 0, 0, 0, 0 },
	/* clang-format on */
};

static const struct rule *
rule_of(uint8_t type)
{
	size_t i;

	for (i = 0; i < BB_LEN(rules); i++) {
		if (rules[i].type == type)
			return &rules[i];
	}
	return NULL;
}

bool
bb_frame_has_e(uint8_t type)
{
	const struct rule *rule = rule_of(type);

	return rule != NULL && rule->has_e;
}

bool
bb_frame_is_trunk(uint8_t type)
{
	return type >= BB_FRAME_HELLO && type <= BB_FRAME_LINK_CLOSE;
}

/* What is wrong is said as soon as its byte is there, and the same is said
 * however the bytes arrive. */
enum bb_parse
bb_frame_split(const void *bytes, size_t len, size_t *frame_len)
{
	const uint8_t *p = bytes;
	struct bb_rd rd = bb_rd_init(bytes, len);
	uint16_t rest;

	if ((len > 0 && p[0] != BB_FRAME_MAGIC0) ||
	    (len > 1 && p[1] != BB_FRAME_MAGIC1))
		return BB_PARSE_BAD;
	(void)bb_rd_u16(&rd);
	rest = bb_rd_u16(&rd);
	if (rd.bad)
		return BB_PARSE_MORE;
	if (rest < LEN_MIN || rest > BB_FRAME_LEN_MAX)
		return BB_PARSE_BAD;
	if (len < (size_t)rest + BB_FRAME_HEAD)
		return BB_PARSE_MORE;
	*frame_len = (size_t)rest + BB_FRAME_HEAD;
	return BB_PARSE_OK;
}

/* Reads each field that lies within the frame; the others stay zero.  Answers
 * whether all that the type has were there. */
static bool
read_fields(struct bb_rd *rd, struct bb_frame *frame)
{
	(void)bb_rd_u32(rd);
	frame->link = bb_rd_u64(rd);
	frame->version = bb_rd_u8(rd);
	frame->type = bb_rd_u8(rd);
	frame->dir = bb_rd_u8(rd);
	frame->code = bb_rd_u8(rd);
	frame->pin = bb_rd_u32(rd);
	if (frame->version == BB_FRAME_VERSION &&
	    frame->type == BB_FRAME_HINT) {
		bb_rd_copy(rd, frame->nonce, BB_HINT_NONCE_LEN);
		return !rd->bad && rd->left == 0;
	}
	bb_rd_copy(rd, frame->kid, BB_KID_LEN);
	frame->att = bb_rd_u32(rd);
	frame->seq = bb_rd_u32(rd);
	bb_rd_copy(rd, frame->nonce, BB_NONCE_LEN);
	if (bb_frame_has_e(frame->type))
		bb_rd_copy(rd, frame->e, BB_EPHEMERAL_LEN);
	frame->cipher_len = rd->left;
	frame->cipher = bb_rd_bytes(rd, rd->left);
	if (frame->cipher_len == 0)
		frame->cipher = NULL;
	return !rd->bad && frame->cipher_len >= BB_TAG_LEN;
}

static bool
within(uint32_t v, uint32_t min, uint32_t max)
{
	return v >= min && v <= max;
}

enum bb_frame_fault
bb_frame_read(const void *bytes, size_t frame_len, struct bb_frame *frame)
{
	struct bb_rd rd = bb_rd_init(bytes, frame_len);
	const struct rule *rule;
	bool whole;

	memset(frame, 0, sizeof(*frame));
	whole = read_fields(&rd, frame);
	rule = rule_of(frame->type);
	if (frame->version != BB_FRAME_VERSION)
		return BB_FRAME_BAD_VERSION;
	if (rule == NULL || bb_frame_is_trunk(frame->type))
		return BB_FRAME_BAD_TYPE;
	if (frame->dir > BB_FRAME_DOWN || (rule->dirs & 1u << frame->dir) == 0)
		return BB_FRAME_BAD_DIRECTION;
	if ((frame->code != 0) != (frame->type == BB_FRAME_HINT))
		return BB_FRAME_BAD_RESERVED;
	if (!whole)
		return BB_FRAME_BAD_LENGTH;
	if (!within(frame->att, rule->att_min, rule->att_max) ||
	    !within(frame->seq, rule->seq_min, rule->seq_max))
		return BB_FRAME_BAD_NUMBER;
	return BB_FRAME_SOUND;
}

/* Its 28 bytes, version to end: the type is one of a trunk. */
static enum bb_frame_fault
read_trunk(const struct rule *rule, struct bb_rd *rd, struct bb_frame *frame)
{
	bool hello = frame->type == BB_FRAME_HELLO;
	bool close = frame->type == BB_FRAME_LINK_CLOSE;
	uint64_t zeros;

	(void)bb_rd_u16(rd); /* version and type */
	frame->dir = bb_rd_u8(rd);
	frame->code = bb_rd_u8(rd);
	frame->pin = bb_rd_u32(rd);
	zeros = bb_rd_u64(rd);
	if (frame->dir > BB_FRAME_DOWN || (rule->dirs & 1u << frame->dir) == 0)
		return BB_FRAME_BAD_DIRECTION;
	if (rd->bad || rd->left != 0)
		return BB_FRAME_BAD_LENGTH;
	if (zeros != 0 || (frame->code != 0) != close)
		return BB_FRAME_BAD_RESERVED;
	if (close && frame->pin != 0)
		return BB_FRAME_BAD_RESERVED;
	if (hello && (frame->link != 0 ||
			 (frame->pin != 0) != (frame->dir == BB_FRAME_UP)))
		return BB_FRAME_BAD_RESERVED;
	return BB_FRAME_SOUND;
}

enum bb_frame_fault
bb_frame_read_trunk(const void *bytes, size_t frame_len, struct bb_frame *frame)
{
	enum bb_frame_fault fault = bb_frame_read(bytes, frame_len, frame);
	uint64_t link = frame->link;
	uint8_t type = frame->type;
	const struct rule *rule = rule_of(type);
	struct bb_rd rd = bb_rd_init(bytes, frame_len);

	if (fault != BB_FRAME_BAD_TYPE || rule == NULL)
		return fault;
	/* What bb_frame_read took for kid, numbers and nonce is none. */
	memset(frame, 0, sizeof(*frame));
	frame->link = link;
	frame->version = BB_FRAME_VERSION;
	frame->type = type;
	(void)bb_rd_bytes(&rd, BB_FRAME_HEAD);
	return read_trunk(rule, &rd, frame);
}

const char *
bb_frame_fault_text(enum bb_frame_fault fault)
{
	static const char *const texts[] = {
		[BB_FRAME_SOUND] = "is sound",
		[BB_FRAME_BAD_VERSION] = "has an unknown version",
		[BB_FRAME_BAD_TYPE] = "has a type that is unknown here",
		[BB_FRAME_BAD_DIRECTION] = "has the wrong direction",
		[BB_FRAME_BAD_RESERVED] = "has a wrong code or reserved byte",
		[BB_FRAME_BAD_LENGTH] = "has a length that its type has not",
		[BB_FRAME_BAD_NUMBER] =
		    "has an attach or frame number out of range",
	};

	return (size_t)fault < BB_LEN(texts) ? texts[fault] : "is bad";
}

/* The same row is always written with the same text. */
const char *
bb_frame_type_text(uint8_t type)
{
	static const char digits[] = "0123456789abcdef";
	static char unknown[256][sizeof("type-0x00")];
	const struct rule *rule = rule_of(type);

	if (rule != NULL)
		return rule->name;
	memcpy(unknown[type], "type-0x00", sizeof(unknown[type]));
	unknown[type][7] = digits[type >> 4];
	unknown[type][8] = digits[type & 0xF];
	return unknown[type];
}

/* Bytes 12 to 35. */
static void
write_named(struct bb_wr *wr, const struct bb_frame *frame)
{
	bb_wr_u8(wr, BB_FRAME_VERSION);
	bb_wr_u8(wr, frame->type);
	bb_wr_u8(wr, frame->dir);
	bb_wr_u8(wr, frame->code);
	bb_wr_u32(wr, frame->pin);
	bb_wr_bytes(wr, frame->kid, BB_KID_LEN);
	bb_wr_u32(wr, frame->att);
	bb_wr_u32(wr, frame->seq);
}

static void
write_envelope(struct bb_wr *wr, size_t len, uint64_t link)
{
	bb_wr_u8(wr, BB_FRAME_MAGIC0);
	bb_wr_u8(wr, BB_FRAME_MAGIC1);
	bb_wr_u16(wr, (uint16_t)len);
	bb_wr_u64(wr, link);
}

size_t
bb_frame_write_head(const struct bb_frame *frame, size_t cipher_len,
    uint8_t *out)
{
	bool has_e = bb_frame_has_e(frame->type);
	size_t len = SEALED_LEN + (has_e ? BB_EPHEMERAL_LEN : 0);
	bool fits = cipher_len <= BB_FRAME_LEN_MAX - len;
	/* What cannot be a frame gets no room: the cursor ends the process. */
	struct bb_wr wr = bb_wr_init(out, fits ? BB_FRAME_OVERHEAD_E : 0);

	write_envelope(&wr, len + cipher_len, frame->link);
	write_named(&wr, frame);
	bb_wr_bytes(&wr, frame->nonce, BB_NONCE_LEN);
	if (has_e)
		bb_wr_bytes(&wr, frame->e, BB_EPHEMERAL_LEN);
	return bb_wr_len(&wr);
}

size_t
bb_frame_write_hint(uint64_t link, uint32_t pin, uint8_t code,
    const uint8_t *nonce, uint8_t out[BB_HINT_LEN])
{
	struct bb_wr wr = bb_wr_init(out, BB_HINT_LEN);

	write_envelope(&wr, BB_HINT_LEN - BB_FRAME_HEAD, link);
	bb_wr_u8(&wr, BB_FRAME_VERSION);
	bb_wr_u8(&wr, BB_FRAME_HINT);
	bb_wr_u8(&wr, BB_FRAME_DOWN);
	bb_wr_u8(&wr, code);
	bb_wr_u32(&wr, pin);
	bb_wr_bytes(&wr, nonce, BB_HINT_NONCE_LEN);
	return bb_wr_len(&wr);
}

static size_t
write_trunk(uint8_t type, uint8_t dir, uint8_t code, uint64_t link,
    uint32_t word, uint8_t out[BB_TRUNK_LEN])
{
	struct bb_wr wr = bb_wr_init(out, BB_TRUNK_LEN);

	write_envelope(&wr, BB_TRUNK_LEN - BB_FRAME_HEAD, link);
	bb_wr_u8(&wr, BB_FRAME_VERSION);
	bb_wr_u8(&wr, type);
	bb_wr_u8(&wr, dir);
	bb_wr_u8(&wr, code);
	bb_wr_u32(&wr, word);
	bb_wr_u64(&wr, 0);
	return bb_wr_len(&wr);
}

size_t
bb_frame_write_hello(enum bb_frame_dir dir, uint32_t instance,
    uint8_t out[BB_TRUNK_LEN])
{
	return write_trunk(BB_FRAME_HELLO, (uint8_t)dir, 0, 0,
	    dir == BB_FRAME_UP ? instance : 0, out);
}

size_t
bb_frame_write_link(enum bb_frame_type type, uint64_t link, uint32_t pin,
    uint8_t code, uint8_t out[BB_TRUNK_LEN])
{
	bool close = type == BB_FRAME_LINK_CLOSE;

	return write_trunk((uint8_t)type,
	    type == BB_FRAME_LINK_DOWN ? BB_FRAME_UP : BB_FRAME_DOWN,
	    close ? code : 0, link, close ? 0 : pin, out);
}

size_t
bb_frame_aad(const struct bb_frame *frame, uint8_t out[BB_AAD_MAX])
{
	struct bb_wr wr = bb_wr_init(out, BB_AAD_MAX);

	write_named(&wr, frame);
	if (bb_frame_has_e(frame->type))
		bb_wr_bytes(&wr, frame->e, BB_EPHEMERAL_LEN);
	return bb_wr_len(&wr);
}

void
bb_frame_set_link(uint8_t *bytes, uint64_t link)
{
	struct bb_wr wr = bb_wr_init(bytes + LINK_AT, sizeof(link));

	bb_wr_u64(&wr, link);
}
