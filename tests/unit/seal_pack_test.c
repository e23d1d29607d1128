/* The sealed body: what is packed opens, and what a peer packed wrongly is bad
 * for the reason given. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/buf.h"
#include "seal/flate.h"
#include "seal/pack.h"

#include "base/cc.h"

#include "seal_vectors.h"
#include "tap.h"

#define BODY_MAX 140000
#define SECTION_HEAD 3

static const char login[] =
    "{\"op\":\"login\",\"service\":\"local\",\"user\":\"alice\","
    "\"password\":\"correct horse\",\"have\":0}";
static const char batch[] = "{\"op\":\"batch\",\"msgs\":[],\"fetch\":true}";

/* A whole body opened, to be compared and cleared. */
struct opened {
	enum bb_parse answer;
	size_t count;
	const char *why;
	int error;
	struct bb_buf sections[BB_PACK_SECTIONS];
};

static struct opened
open_some(const void *body, size_t len, size_t max)
{
	struct opened o = { .sections = { BB_BUF_SECRET(BB_PACK_JSON_MAX),
				BB_BUF_SECRET(BB_PACK_JSON_MAX) } };

	errno = 0;
	o.answer = bb_pack_open(body, len, o.sections, max, &o.count, &o.why);
	o.error = errno;
	return o;
}

static void
clear(struct opened *o)
{
	bb_buf_clear(&o->sections[0]);
	bb_buf_clear(&o->sections[1]);
}

static void
expect_bad(const void *body, size_t len, const char *why, const char *sentence)
{
	struct opened o = open_some(body, len, BB_PACK_SECTIONS);

	tap_ok(o.answer == BB_PARSE_BAD && o.count == 0 && o.error == EPROTO &&
		   bb_buf_len(&o.sections[0]) == 0 &&
		   bb_buf_len(&o.sections[1]) == 0,
	    "%s is bad and leaves nothing", sentence);
	TAP_EQ_STR(o.why, why, "for that reason");
	clear(&o);
}

static void
expect_section(struct opened *o, size_t i, const void *json, size_t len,
    const char *sentence)
{
	TAP_EQ_MEM(bb_buf_data(&o->sections[i]), bb_buf_len(&o->sections[i]),
	    json, len, sentence);
}

static void
test_round_trip(void)
{
	struct bb_buf body = BB_BUF_SECRET(BODY_MAX);
	struct opened o;

	tap_ok(bb_pack_add(&body, login, strlen(login), false) == 0,
	    "a section is packed");
	TAP_EQ_INT(bb_buf_data(&body)[0], BB_PACK_DEFLATE, "it is deflated");
	tap_ok(bb_buf_len(&body) < strlen(login) / 2,
	    "the dictionary more than halves a login");
	o = open_some(bb_buf_data(&body), bb_buf_len(&body), 2);
	TAP_EQ_INT(o.answer, BB_PARSE_OK, "it opens");
	TAP_EQ_INT(o.count, 1, "to one section");
	expect_section(&o, 0, login, strlen(login), "with the same text");
	clear(&o);

	tap_ok(bb_pack_add(&body, batch, strlen(batch), true) == 0 &&
		   bb_pack_pad(&body, BB_PACK_PAD) == 0,
	    "a second section is stored, and padding follows");
	TAP_EQ_INT(bb_buf_len(&body), BB_PACK_PAD, "up to 256 bytes");
	o = open_some(bb_buf_data(&body), bb_buf_len(&body), 2);
	TAP_EQ_INT(o.answer, BB_PARSE_OK, "both open");
	TAP_EQ_INT(o.count, 2, "to two sections");
	expect_section(&o, 0, login, strlen(login), "the first is the first");
	expect_section(&o, 1, batch, strlen(batch), "and the second second");
	clear(&o);

	o = open_some(bb_buf_data(&body), bb_buf_len(&body), 1);
	TAP_EQ_INT(o.answer, BB_PARSE_BAD, "two are bad where one may be");
	TAP_EQ_STR(o.why,
	    "the padding is not zero, or there are too many sections",
	    "for that reason");
	clear(&o);
	bb_buf_clear(&body);
}

static void
test_choice(void)
{
	struct bb_buf body = BB_BUF_SECRET(BODY_MAX);
	const uint8_t dense[] = { '{', 0x9d, 0x01, 0xf2, 0x88, 0x73, '}' };

	tap_ok(bb_pack_add(&body, login, strlen(login), true) == 0 &&
		   bb_buf_data(&body)[0] == BB_PACK_STORED &&
		   bb_buf_len(&body) == SECTION_HEAD + strlen(login),
	    "what is to be stored is stored");
	bb_buf_clear(&body);
	tap_ok(bb_pack_add(&body, dense, sizeof(dense), false) == 0 &&
		   bb_buf_data(&body)[0] == BB_PACK_STORED &&
		   bb_buf_len(&body) == SECTION_HEAD + sizeof(dense),
	    "what deflating does not make shorter is stored");
	bb_buf_clear(&body);
	tap_ok(bb_pack_add(&body, "{", 1, false) == 0 &&
		   bb_buf_data(&body)[0] == BB_PACK_STORED,
	    "one byte is stored");
	bb_buf_clear(&body);
}

/* Bytes that deflate badly: every value, in an order without a pattern. */
static void
fill_noise(uint8_t *bytes, size_t len)
{
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
}

static void
round_trip_of(const uint8_t *json, size_t len, const char *sentence)
{
	struct bb_buf body = BB_BUF_SECRET(BODY_MAX);
	struct opened o;
	int rc = bb_pack_add(&body, json, len, false);

	o = open_some(bb_buf_data(&body), bb_buf_len(&body), 2);
	tap_ok(rc == 0 && o.answer == BB_PARSE_OK && o.count == 1 &&
		   bb_buf_len(&o.sections[0]) == len &&
		   memcmp(bb_buf_data(&o.sections[0]), json, len) == 0,
	    "%s", sentence);
	clear(&o);
	bb_buf_clear(&body);
}

static void
test_sizes(void)
{
	uint8_t *json = malloc(BB_PACK_JSON_MAX + 1);
	struct bb_buf body = BB_BUF_SECRET(BODY_MAX);
	struct bb_buf tight = BB_BUF_SECRET(SECTION_HEAD + sizeof(login) - 2);

	if (json == NULL)
		abort();
	memset(json, 'a', BB_PACK_JSON_MAX + 1);
	round_trip_of(json, BB_PACK_JSON_MAX, "65533 equal bytes go round");
	/* Where the deflater changes from a small window to a large one. */
	round_trip_of(json, 2700, "2700 bytes go round");
	round_trip_of(json, 2800, "2800 bytes go round");
	fill_noise(json, BB_PACK_JSON_MAX);
	round_trip_of(json, BB_PACK_JSON_MAX, "65533 dense bytes go round");
	errno = 0;
	tap_ok(bb_pack_add(&body, json, BB_PACK_JSON_MAX + 1, false) == -1 &&
		   errno == EMSGSIZE && bb_buf_len(&body) == 0,
	    "one byte more is not packed");
	errno = 0;
	tap_ok(bb_pack_add(&body, json, 0, false) == -1 && errno == EINVAL &&
		   bb_buf_len(&body) == 0,
	    "no bytes at all are not packed");
	errno = 0;
	tap_ok(bb_pack_add(&tight, login, strlen(login), true) == -1 &&
		   errno == ENOBUFS && bb_buf_len(&tight) == 0,
	    "what does not fit stored is refused");
	tap_ok(bb_pack_add(&tight, login, strlen(login), false) == 0,
	    "and fits deflated");
	errno = 0;
	tap_ok(bb_pack_pad(&tight, BB_PACK_PAD) == -1 && errno == ENOBUFS,
	    "padding that does not fit is refused");
	bb_buf_clear(&tight);
	bb_buf_clear(&body);
	free(json);
}

/* What a peer may send: a section of any bytes. */
static size_t
section(uint8_t *at, uint8_t format, const void *rest, size_t len)
{
	at[0] = format;
	at[1] = (uint8_t)(len >> 8);
	at[2] = (uint8_t)len;
	if (len > 0)
		memcpy(at + SECTION_HEAD, rest, len);
	return SECTION_HEAD + len;
}

/* Deflates as a peer might: another header, another dictionary. */
static size_t
deflate_as(const void *json, size_t len, int window, const void *dictionary,
    size_t dictionary_len, uint8_t *out, size_t room)
{
	z_stream z = { .zalloc = NULL };

	z.next_in = json;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)room;
	if (deflateInit2(&z, 9, Z_DEFLATED, window, 9, 0) != Z_OK ||
	    (dictionary_len > 0 && deflateSetDictionary(&z, dictionary,
				       (uInt)dictionary_len) != Z_OK) ||
	    deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	(void)deflateEnd(&z);
	return room - z.avail_out;
}

/* A body of one section, deflated as ours is but without a dictionary. */
static size_t
plain_body(const void *json, size_t len, uint8_t *body)
{
	static uint8_t rest[BODY_MAX];
	size_t rest_len =
	    deflate_as(json, len, -15, NULL, 0, rest, sizeof(rest));

	return section(body, BB_PACK_DEFLATE, rest, rest_len);
}

static void
test_inflate_cap(void)
{
	static uint8_t zeros[16 << 20], body[BODY_MAX];
	struct opened o;
	size_t len;

	memset(zeros, ' ', sizeof(zeros));
	len = plain_body(zeros, BB_PACK_JSON_MAX, body);
	o = open_some(body, len, 2);
	tap_ok(o.answer == BB_PARSE_OK &&
		   bb_buf_len(&o.sections[0]) == BB_PACK_JSON_MAX,
	    "a section may inflate to 65533 bytes");
	clear(&o);
	len = plain_body(zeros, BB_PACK_JSON_MAX + 1, body);
	expect_bad(body, len, "a section is too long after inflating",
	    "a section that inflates to one byte more");
	len = plain_body(zeros, BB_PACK_JSON_MAX + 2, body);
	expect_bad(body, len, "a section is too long after inflating",
	    "a section that inflates to two bytes more");
	len = plain_body(zeros, sizeof(zeros), body);
	tap_ok(len < 20000, "16 MiB deflate to less than 20 000 bytes");
	expect_bad(body, len, "a section is too long after inflating",
	    "such a section");
	len = section(body, BB_PACK_STORED, zeros, BB_PACK_JSON_MAX);
	o = open_some(body, len, 2);
	TAP_EQ_INT(o.answer, BB_PARSE_OK, "65533 bytes may be stored");
	clear(&o);
	len = section(body, BB_PACK_STORED, zeros, BB_PACK_JSON_MAX + 1);
	expect_bad(body, len, "a section is too long",
	    "a stored section of one byte more");
}

static void
test_inflate_end(void)
{
	uint8_t rest[512], body[600];
	size_t rest_len, len;

	rest_len = deflate_as(login, strlen(login), -15, NULL, 0, rest,
	    sizeof(rest) - 1);
	rest[rest_len] = 0;
	len = section(body, BB_PACK_DEFLATE, rest, rest_len + 1);
	expect_bad(body, len, "bytes follow the end of a deflate stream",
	    "a section with a byte after the deflate stream");
	len = section(body, BB_PACK_DEFLATE, rest, rest_len - 1);
	expect_bad(body, len, "a deflate stream is cut off",
	    "a section without the last byte of the deflate stream");
	len = section(body, BB_PACK_DEFLATE, rest, 0);
	expect_bad(body, len, "a deflate stream is cut off",
	    "a deflated section without any byte");
	len = section(body, BB_PACK_DEFLATE, "\xff\xff", 2);
	expect_bad(body, len, "a deflate stream is wrong",
	    "a section of another block type");
}

static void
test_inflate_dictionary(void)
{
	uint8_t rest[512], body[600], far[2048 + sizeof(login)];
	struct opened o;
	size_t len;

	len = section(body, BB_PACK_DEFLATE, rest,
	    deflate_as(login, strlen(login), 15, NULL, 0, rest, sizeof(rest)));
	expect_bad(body, len, "a deflate stream is wrong",
	    "a section with a zlib header");
	len = section(body, BB_PACK_DEFLATE, rest,
	    deflate_as(login, strlen(login), 15, bb_pack_dictionary,
		bb_pack_dictionary_len, rest, sizeof(rest)));
	expect_bad(body, len, "a deflate stream is wrong",
	    "a section with a zlib header that names the dictionary");
	len = section(body, BB_PACK_DEFLATE, rest,
	    deflate_as(login, strlen(login), -15, bb_pack_dictionary,
		bb_pack_dictionary_len, rest, sizeof(rest)));
	o = open_some(body, len, 2);
	TAP_EQ_INT(o.answer, BB_PARSE_OK,
	    "a section of another deflater with our dictionary opens");
	expect_section(&o, 0, login, strlen(login), "to the same text");
	clear(&o);
	/* The other dictionary is longer than ours: the text lies beyond. */
	memset(far, '.', sizeof(far));
	memcpy(far, login, sizeof(login));
	len = section(body, BB_PACK_DEFLATE, rest,
	    deflate_as(login, strlen(login), -15, far, sizeof(far), rest,
		sizeof(rest)));
	expect_bad(body, len, "a deflate stream is wrong",
	    "a section that refers to a dictionary which we lack");
}

static void
test_sections(void)
{
	uint8_t body[1024] = { 0 };
	size_t len;

	expect_bad(body, 0, "a section is longer than the body",
	    "a body without bytes");
	expect_bad(body, 2, "a section is longer than the body",
	    "a body without a whole head");
	expect_bad(body, 256, "a section is empty", "a body of zeros");
	len = section(body, BB_PACK_STORED, login, strlen(login));
	expect_bad(body, len - 1, "a section is longer than the body",
	    "a section that is cut off");
	body[len + 99] = 1;
	expect_bad(body, len + 100, "a section is empty",
	    "padding with one bit set at its end");
	body[len + 99] = 0;
	body[len] = 1;
	expect_bad(body, len + 100, "a deflate stream is cut off",
	    "padding with one bit set at its beginning");
	body[len] = 2;
	expect_bad(body, len + 100, "a section has an unknown format",
	    "a second section of format 2");
	len += section(body + len, BB_PACK_STORED, batch, strlen(batch));
	body[len + 7] = 1;
	expect_bad(body, len + 8,
	    "the padding is not zero, or there are too many sections",
	    "padding behind two sections with a bit set");
	body[0] = 2;
	expect_bad(body, len, "a section has an unknown format",
	    "a section of format 2");
	len = section(body, BB_PACK_DEFLATE, "\x03\x00", 2);
	expect_bad(body, len, "a section is empty",
	    "a section that inflates to nothing");
}

static void
test_padding(void)
{
	struct bb_buf body = BB_BUF_SECRET(BODY_MAX);

	tap_ok(bb_pack_pad(&body, 256) == 0 && bb_buf_len(&body) == 0,
	    "nothing needs no padding");
	if (bb_buf_put(&body, login, 10) == -1)
		abort();
	tap_ok(bb_pack_pad(&body, 1) == 0 && bb_buf_len(&body) == 10,
	    "a multiple of 1 needs no padding");
	tap_ok(bb_pack_pad(&body, 64) == 0 && bb_buf_len(&body) == 64,
	    "10 bytes are padded to 64");
	tap_ok(bb_pack_pad(&body, 64) == 0 && bb_buf_len(&body) == 64,
	    "64 bytes stay 64");
	bb_buf_clear(&body);
}

/* Both ends of a link, old and new, must have the same dictionary. */
static void
test_dictionary(void)
{
	struct vector v = vector("dictionary-1");

	TAP_EQ_MEM(bb_pack_dictionary, bb_pack_dictionary_len, v.bytes, v.len,
	    "dictionary 1 is the published one");
}

int
main(void)
{
	test_round_trip();
	test_choice();
	test_sizes();
	test_inflate_cap();
	test_inflate_end();
	test_inflate_dictionary();
	test_sections();
	test_padding();
	test_dictionary();
	return tap_done();
}
