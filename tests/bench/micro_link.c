/* What a frame and a line cost: sealing, packing, rolling, JSON. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "line/line.h"
#include "micro.h"
#include "seal/keys.h"
#include "seal/seal.h"

#include "base/cc.h"

#define PIN 0x2100000au

static uint8_t base[BB_BASE_LEN] = { 7 };
static struct bb_keys keys;
static struct bb_buf sealed;
static struct bb_buf body;
static struct bb_buf text;
static struct bb_buf sections[BB_PACK_SECTIONS];
static struct bb_line up;

/* --- frames ----------------------------------------------------------------
 */

static void
keys_expand(int64_t n)
{
	while (n-- > 0)
		if (bb_keys_expand(base, PIN, &keys) == -1)
			bench_fail("expand");
}

static void
seal(int64_t n)
{
	const struct bb_section section = { .json = micro_message,
		.len = MICRO_MESSAGE_LEN };
	struct bb_frame frame = { .type = BB_FRAME_DATA,
		.dir = BB_FRAME_UP,
		.pin = PIN,
		.att = 1,
		.seq = 1 };

	while (n-- > 0) {
		bb_buf_take(&sealed, bb_buf_len(&sealed));
		if (bb_seal(&keys, &frame, &section, 1, 1, &sealed) == -1)
			bench_fail("seal");
	}
}

static void
frame_read(int64_t n)
{
	struct bb_frame frame;
	size_t len;

	while (n-- > 0)
		if (bb_frame_split(bb_buf_data(&sealed), bb_buf_len(&sealed),
			&len) != BB_PARSE_OK ||
		    bb_frame_read(bb_buf_data(&sealed), len, &frame) !=
			BB_FRAME_SOUND)
			bench_fail("frame");
}

static void
open_frame(int64_t n)
{
	struct bb_frame frame;
	const char *why;
	size_t count;

	if (bb_frame_read(bb_buf_data(&sealed), bb_buf_len(&sealed), &frame) !=
	    BB_FRAME_SOUND)
		bench_fail("frame");
	while (n-- > 0) {
		if (bb_open(&keys, &frame, sections, &count, &why) == -1)
			bench_fail("open");
		bb_buf_clear(&sections[0]);
	}
}

static void
pack(int64_t n)
{
	while (n-- > 0) {
		bb_buf_take(&body, bb_buf_len(&body));
		if (bb_pack_add(&body, micro_message, MICRO_MESSAGE_LEN,
			false) == -1)
			bench_fail("pack");
	}
}

static void
unpack(int64_t n)
{
	const char *why;
	size_t count;

	while (n-- > 0) {
		if (bb_pack_open(bb_buf_data(&body), bb_buf_len(&body),
			sections, 1, &count, &why) != BB_PARSE_OK)
			bench_fail("unpack");
		bb_buf_clear(&sections[0]);
	}
}

/* What the dispatcher does for an attach, its transactions apart. */
static void
roll(int64_t n)
{
	uint8_t priv[BB_EPHEMERAL_LEN], next[BB_BASE_LEN];
	struct bb_roll what = { .pin = PIN, .att = 1 };
	struct bb_keys rolled;

	if (bb_keys_ephemeral(priv, what.e_d) == -1)
		bench_fail("roll");
	while (n-- > 0)
		if (bb_keys_ephemeral(priv, what.e_s) == -1 ||
		    bb_keys_roll(base, priv, true, &what, next) == -1 ||
		    bb_keys_expand(next, PIN, &rolled) == -1)
			bench_fail("roll");
}

/* --- JSON ------------------------------------------------------------------
 */

static json_t *
parse(void)
{
	char why[BB_MESSAGE_WHY_MAX];
	json_t *json = bb_json_parse(micro_message, MICRO_MESSAGE_LEN, why);

	if (json == NULL)
		bench_fail("parse: %s", why);
	return json;
}

static void
json_parse(int64_t n)
{
	while (n-- > 0)
		json_decref(parse());
}

static void
json_check(int64_t n)
{
	char why[BB_MESSAGE_WHY_MAX];
	json_t *json = parse();
	enum bb_op op;

	while (n-- > 0)
		if (bb_message_check(json, BB_PLACE_UP, &op, why) == -1)
			bench_fail("check: %s", why);
	json_decref(json);
}

static void
line_write(int64_t n)
{
	while (n-- > 0) {
		bb_buf_take(&text, bb_buf_len(&text));
		if (bb_line_write(&up, true, &text) == -1)
			bench_fail("line");
	}
}

/* As the service reads what the dispatcher wrote. */
static void
line_parse(int64_t n)
{
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;

	while (n-- > 0) {
		if (bb_line_parse(bb_buf_data(&text), bb_buf_len(&text), true,
			&line, why) == -1)
			bench_fail("line: %s", why);
		bb_line_clear(&line);
	}
}

void
micro_link_begin(void)
{
	size_t i;

	sealed = body = BB_BUF(BB_FRAME_MAX);
	text = BB_BUF(BB_LINE_MAX);
	if (strlen(micro_message) != MICRO_MESSAGE_LEN)
		bench_fail("the message has %zu bytes", strlen(micro_message));
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		sections[i] = BB_BUF_SECRET(BB_PACK_JSON_MAX);
	up = (struct bb_line){ .kind = BB_LINE_DATA,
		.pin = PIN,
		.att = 1,
		.seq = 1,
		.has_reply = true,
		.user = "user0041",
		.service = "local",
		.d = parse() };
	keys_expand(1);
	seal(1);
	pack(1);
	line_write(1);
	printf("A message: %d bytes of JSON, %zu packed, %zu as a frame, %zu "
	       "as a line.\n\n",
	    MICRO_MESSAGE_LEN, bb_buf_len(&body), bb_buf_len(&sealed),
	    bb_buf_len(&text));
}

void
micro_link_end(void)
{
	json_decref(up.d);
	bb_buf_clear(&sealed);
	bb_buf_clear(&body);
	bb_buf_clear(&text);
}

/* clang-format off */
const struct micro micro_links[] = {
	{ "frame: split and read",                     "frame_read",  NULL,          frame_read },
	{ "frame: seal a message (pack, nonce, XAES)", "seal",        "ref_gcm",     seal },
	{ "frame: open it",                            "open",        "ref_gcm",     open_frame },
	{ "  of that, pack (deflate, wipe)",           "pack",        "ref_deflate", pack },
	{ "  of that, unpack (inflate, wipe)",         "unpack",      "ref_inflate", unpack },
	{ "key: expand a base key (for each frame)",   "keys_expand", NULL,          keys_expand },
	{ "key: roll (pair, X25519, expand)",          "roll",        "ref_x25519",  roll },
	{ "JSON: parse a message",                     "json_parse",  NULL,          json_parse },
	{ "JSON: check it against the table",          "json_check",  NULL,          json_check },
	{ "line: write it",                            "line_write",  NULL,          line_write },
	{ "line: parse and check it",                  "line_parse",  NULL,          line_parse },
};
/* clang-format on */
const size_t micro_links_len = BB_LEN(micro_links);
