/* phone: the device's half of the key roll by hand, for tests that speak with a
 * dispatcher without a bbdevice.  Never installed.
 *
 *	phone pair                    an ephemeral pair: PRIVATE PUBLIC
 *	phone next KEYFILE PRIVATE PUBLIC
 *	                              ANSWER frame in, the next base key out
 *	phone open KEYFILE            frames in, one JSON object each out
 *
 * KEYFILE has the 64 digits of a base key; the frames' PIN is its device's.
 * What does not open has "opens":false. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "seal/keys.h"
#include "seal/seal.h"
#include "wire/frame.h"
#include "wire/text.h"

#include "base/cc.h"

#define INPUT_MAX (16u << 20)

static void
read_base(const char *path, uint8_t base[BB_BASE_LEN])
{
	struct bb_buf buf = BB_BUF_SECRET(128);
	char text[2 * BB_BASE_LEN + 1] = "";

	if (bb_read_file(path, &buf) == -1)
		bb_die_sys("unable to read %s", path);
	if (bb_buf_len(&buf) >= 2 * BB_BASE_LEN)
		memcpy(text, bb_buf_data(&buf), 2 * BB_BASE_LEN);
	bb_buf_clear(&buf);
	if (!bb_text_hex_scan(text, base, BB_BASE_LEN))
		bb_die(BB_EXIT_USAGE, "%s has no key", path);
}

static struct bb_buf
read_input(void)
{
	struct bb_buf in = BB_BUF(INPUT_MAX);

	if (bb_read_all(0, &in) == -1)
		bb_die_sys("unable to read");
	return in;
}

static void
print_hex(const uint8_t *bytes, size_t len, const char *end)
{
	char text[129];

	bb_text_hex(bytes, len, text);
	printf("%s%s", text, end);
}

static int
pair(void)
{
	uint8_t priv[BB_EPHEMERAL_LEN], pub[BB_EPHEMERAL_LEN];

	if (bb_keys_ephemeral(priv, pub) == -1)
		bb_die_sys("unable to make a pair");
	print_hex(priv, sizeof(priv), " ");
	print_hex(pub, sizeof(pub), "\n");
	return 0;
}

/* The next frame of `in`; false at its end. */
static bool
take_frame(struct bb_buf *in, struct bb_frame *frame, size_t *len)
{
	if (bb_buf_len(in) == 0)
		return false;
	if (bb_frame_split(bb_buf_data(in), bb_buf_len(in), len) !=
		BB_PARSE_OK ||
	    bb_frame_read(bb_buf_data(in), *len, frame) != BB_FRAME_SOUND)
		bb_die(BB_EXIT_PROTO, "the input is no sound frame");
	return true;
}

/* The pair is the one whose public half the ATTACH carried. */
static int
next(const char *path, const char *priv_text, const char *pub_text)
{
	uint8_t base[BB_BASE_LEN], priv[BB_EPHEMERAL_LEN], after[BB_BASE_LEN];
	struct bb_buf in = read_input();
	struct bb_roll roll = { 0 };
	struct bb_frame frame;
	size_t len;

	read_base(path, base);
	if (!bb_text_hex_scan(priv_text, priv, sizeof(priv)) ||
	    !bb_text_hex_scan(pub_text, roll.e_d, sizeof(roll.e_d)))
		bb_die(BB_EXIT_USAGE, "that is no pair");
	if (!take_frame(&in, &frame, &len) || frame.type != BB_FRAME_ANSWER)
		bb_die(BB_EXIT_PROTO, "the input is no ANSWER");
	roll.pin = frame.pin;
	roll.att = frame.att;
	memcpy(roll.kid, frame.kid, sizeof(roll.kid));
	memcpy(roll.e_s, frame.e, sizeof(roll.e_s));
	if (bb_keys_roll(base, priv, false, &roll, after) == -1)
		bb_die_sys("unable to roll");
	print_hex(after, sizeof(after), "\n");
	bb_buf_clear(&in);
	return 0;
}

static void
show_head(const struct bb_frame *frame, size_t len)
{
	printf("{\"type\":\"%s\",\"dir\":%u,\"pin\":\"%08" PRIx32
	       "\",\"att\":%" PRIu32 ",\"seq\":%" PRIu32 ",\"len\":%zu,",
	    bb_frame_type_text(frame->type), (unsigned)frame->dir, frame->pin,
	    frame->att, frame->seq, len);
	printf("\"link\":\"%016" PRIx64 "\",\"kid\":\"", frame->link);
	print_hex(frame->kid, sizeof(frame->kid), "\",\"nonce\":\"");
	print_hex(frame->nonce, sizeof(frame->nonce), "\"");
	if (frame->type == BB_FRAME_HINT)
		printf(",\"code\":%u", (unsigned)frame->code);
}

static void
show_sections(const uint8_t base[BB_BASE_LEN], const struct bb_frame *frame)
{
	static const char *const names[BB_PACK_SECTIONS] = { "d", "m" };
	struct bb_buf sections[BB_PACK_SECTIONS] = {
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
	};
	const char *why;
	struct bb_keys keys;
	size_t count, i;

	if (bb_keys_expand(base, frame->pin, &keys) == -1)
		bb_die_sys("unable to expand the key");
	if (bb_open(&keys, frame, sections, &count, &why) == -1) {
		printf(",\"opens\":false");
		count = 0;
	}
	for (i = 0; i < count && i < BB_PACK_SECTIONS; i++)
		printf(",\"%s\":%.*s", names[i], (int)bb_buf_len(&sections[i]),
		    (const char *)bb_buf_data(&sections[i]));
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		bb_buf_clear(&sections[i]);
}

static int
show(const char *path)
{
	struct bb_buf in = read_input();
	uint8_t base[BB_BASE_LEN];
	struct bb_frame frame;
	size_t len;

	read_base(path, base);
	while (take_frame(&in, &frame, &len)) {
		show_head(&frame, len);
		if (frame.type != BB_FRAME_HINT)
			show_sections(base, &frame);
		printf("}\n");
		bb_buf_take(&in, len);
	}
	bb_buf_clear(&in);
	return fflush(stdout);
}

int
main(int argc, char *argv[])
{
	bb_log_open("phone");
	if (argc == 2 && strcmp(argv[1], "pair") == 0)
		return pair();
	if (argc == 5 && strcmp(argv[1], "next") == 0)
		return next(argv[2], argv[3], argv[4]);
	if (argc == 3 && strcmp(argv[1], "open") == 0)
		return show(argv[2]);
	bb_die(BB_EXIT_USAGE, "pair, next or open: see tests/tool/phone.c");
}
