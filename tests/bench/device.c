/* The device's half of the link: docs/wire.md, "Attach" and "Numbers". */
#include "device.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "line/message.h"
#include "seal/seal.h"
#include "wire/frame.h"
#include "wire/text.h"

#include "base/cc.h"

#define JSON_MAX 18000 /* a text of 16 KiB and what stands around it */

uint32_t
device_pin(const struct device *d)
{
	return DEVICE_PIN_FIRST + d->number;
}

void
device_name(uint32_t number, char name[DEVICE_NAME_MAX])
{
	(void)snprintf(name, DEVICE_NAME_MAX, "u%05" PRIu32, number);
}

/* --- up --------------------------------------------------------------------
 */

static void
seal(struct device *d, struct bb_frame *frame, const char *json, size_t len,
    struct bb_buf *out)
{
	const struct bb_section section = { .json = json, .len = len };

	frame->dir = BB_FRAME_UP;
	frame->pin = device_pin(d);
	frame->att = d->att;
	if (bb_seal(&d->keys, frame, &section, 1, 1, out) == -1)
		bench_fail("unable to seal");
}

static size_t
attach_json(const struct device *d, char *json, size_t size)
{
	char session[17], user[DEVICE_NAME_MAX], head[128];
	int n;

	if (d->numbered) {
		bb_text_hex(d->session, sizeof(d->session), session);
		(void)snprintf(head, sizeof(head),
		    "{\"op\":\"resume\",\"session\":\"%s\"", session);
	} else {
		device_name(d->number, user);
		(void)snprintf(head, sizeof(head),
		    "{\"op\":\"login\",\"user\":\"%s\",\"password\":\"%s\"",
		    user, DEVICE_PASSWORD);
	}
	n = snprintf(json, size,
	    "%s,\"service\":\"local\",\"numbering\":\"00000000%08" PRIx32
	    "\",\"have\":%" PRIu64 "}",
	    head, device_pin(d), d->have);
	return (size_t)n;
}

void
device_attach(struct device *d, struct bb_buf *out)
{
	struct bb_frame frame = { .type = BB_FRAME_ATTACH };
	char json[512];
	size_t len = attach_json(d, json, sizeof(json));

	d->att++;
	if (d->att == 1 &&
	    bb_keys_expand(d->base, device_pin(d), &d->keys) == -1)
		bench_fail("unable to expand a key");
	if (bb_keys_ephemeral(d->e_private, d->e_public) == -1)
		bench_fail("unable to make a pair");
	memcpy(frame.e, d->e_public, sizeof(frame.e));
	seal(d, &frame, json, len, out);
	memcpy(d->nonce, frame.nonce, sizeof(d->nonce));
	d->state = DEVICE_WAITING;
	d->seq = 0;
	d->down = (struct bb_window){ 0 };
}

void
device_say(struct device *d, const char *json, size_t len, struct bb_buf *out)
{
	struct bb_frame frame = { .type = BB_FRAME_DATA };

	frame.seq = ++d->seq;
	seal(d, &frame, json, len, out);
}

void
device_ask(struct device *d, struct bb_buf *out)
{
	char json[64];
	int n;

	n = snprintf(json, sizeof(json),
	    "{\"op\":\"fetch\",\"ack\":%" PRIu64 "}", d->have);
	d->told = d->have;
	device_say(d, json, (size_t)n, out);
}

/* Something like sentences: a text that deflates as texts do. */
static const char prose[] =
    "I shall be a little late, the train stands at the bridge again; please "
    "begin without me and ask Paul about the second offer. The keys lie with "
    "the porter. Tomorrow would do as well, if nobody minds: after ten, in the "
    "small room upstairs. Can you bring the drawings? Thanks, see you there. ";

void
device_send(struct device *d, uint32_t to, size_t len, struct bb_buf *out)
{
	char json[JSON_MAX], user[DEVICE_NAME_MAX];
	size_t at, part, mark;
	int n;

	if (len + 256 > sizeof(json))
		bench_fail("the text is too long");
	device_name(to, user);
	d->sent++;
	n = snprintf(json, sizeof(json),
	    "{\"op\":\"send\",\"n\":%" PRIu64 ",\"to\":\"%s\",\"text\":\"",
	    d->sent, user);
	at = mark = (size_t)n;
	at += (size_t)snprintf(json + at, sizeof(json) - at, "%" PRIu64 " ",
	    d->sent);
	while (at - mark < len) {
		/* Each message begins elsewhere in it. */
		part = (size_t)(d->sent * 37 + at) % (sizeof(prose) - 1);
		part = sizeof(prose) - 1 - part;
		if (part > len - (at - mark))
			part = len - (at - mark);
		memcpy(json + at, prose + sizeof(prose) - 1 - part, part);
		at += part;
	}
	n = snprintf(json + at, sizeof(json) - at, "\"");
	at += (size_t)n;
	if (d->have > d->told) {
		n = snprintf(json + at, sizeof(json) - at, ",\"ack\":%" PRIu64,
		    d->have);
		at += (size_t)n;
		d->told = d->have;
	}
	json[at++] = '}';
	device_say(d, json, at, out);
}

/* --- down ------------------------------------------------------------------
 */

static void
wrong(const struct device *d, const char *what)
{
	bench_fail("device %08" PRIx32 ": %s", device_pin(d), what);
}

static json_t *
read_json(const struct device *d, const struct bb_buf *section,
    enum bb_message_place place)
{
	char why[BB_MESSAGE_WHY_MAX];
	json_t *json =
	    bb_json_parse(bb_buf_data(section), bb_buf_len(section), why);
	enum bb_op op;

	if (json == NULL || bb_message_check(json, place, &op, why) == -1)
		wrong(d, why);
	return json;
}

static const char *
member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text == NULL ? "" : text;
}

static uint64_t
number(const json_t *json, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(json, name));
}

static void
take_event(struct device *d, const json_t *event)
{
	uint64_t n = number(event, "n"), seq;

	if (n <= d->have)
		return; /* sent again: it has it */
	if (n != d->have + 1)
		wrong(d, "an event is missing");
	d->have = n;
	seq = strtoull(member(event, "text"), NULL, 10);
	if (seq != d->peer_heard + 1)
		wrong(d, "a message was lost, doubled or overtaken");
	d->peer_heard = seq;
	d->heard++;
}

static void
take_result(struct device *d, const json_t *result)
{
	if (strcmp(member(result, "result"), "sent") != 0)
		wrong(d, member(result, "reason"));
	if (number(result, "n") != d->results + 1)
		wrong(d, "a result is missing or doubled");
	d->results++;
}

static void
take_data(struct device *d, const struct bb_buf *section)
{
	json_t *json = read_json(d, section, BB_PLACE_DOWN), *list;
	uint64_t ack = number(json, "ack");
	size_t i;

	if (strcmp(member(json, "op"), "events") != 0)
		wrong(d, "the session was ended");
	list = json_object_get(json, "events");
	for (i = 0; i < json_array_size(list); i++)
		take_event(d, json_array_get(list, i));
	list = json_object_get(json, "results");
	for (i = 0; i < json_array_size(list); i++)
		take_result(d, json_array_get(list, i));
	if (json_object_get(json, "ack") != NULL) {
		d->reports++;
		d->state = DEVICE_LIVE;
	}
	if (ack > d->sent)
		wrong(d, "what was not sent is acknowledged");
	if (ack > d->acked)
		d->acked = ack;
	json_decref(json);
}

static void
adopt(struct device *d, const struct bb_frame *answer, const json_t *json)
{
	struct bb_roll roll = { .pin = device_pin(d), .att = d->att };
	uint8_t next[BB_BASE_LEN], newkid[BB_KID_LEN];

	memcpy(roll.kid, d->keys.kid, sizeof(roll.kid));
	memcpy(roll.e_d, d->e_public, sizeof(roll.e_d));
	memcpy(roll.e_s, answer->e, sizeof(roll.e_s));
	d->previous = d->keys;
	if (bb_keys_roll(d->base, d->e_private, false, &roll, next) == -1 ||
	    bb_keys_expand(next, device_pin(d), &d->keys) == -1)
		wrong(d, "the key cannot be rolled");
	if (!bb_text_hex_scan(member(json, "newkid"), newkid, sizeof(newkid)) ||
	    memcmp(newkid, d->keys.kid, sizeof(newkid)) != 0)
		wrong(d, "the rolled keys differ");
	memcpy(d->base, next, sizeof(next));
}

/* The first DATA frame confirms the key; what it asks for is answered. */
static void
take_answer(struct device *d, const struct bb_frame *frame,
    const struct bb_buf *section, struct bb_buf *out)
{
	json_t *json = read_json(d, section, BB_PLACE_ANSWER);

	if (frame->att != d->att || d->state != DEVICE_WAITING)
		wrong(d, "the answer is to another attach");
	if (strcmp(member(json, "result"), "ok") != 0)
		bench_fail("device %08" PRIx32 ": %s: %s", device_pin(d),
		    member(json, "text"), member(json, "reason"));
	if (!bb_text_hex_scan(member(json, "session"), d->session,
		sizeof(d->session)))
		wrong(d, "the answer names no session");
	adopt(d, frame, json);
	json_decref(json);
	d->numbered = true;
	d->state = DEVICE_CONFIRMING;
	device_ask(d, out);
}

static void
open_frame(struct device *d, const struct bb_frame *frame,
    struct bb_buf *sections)
{
	const struct bb_keys *keys = &d->keys;
	const char *why;
	size_t count;

	if (memcmp(frame->kid, keys->kid, BB_KID_LEN) != 0)
		keys = &d->previous;
	if (memcmp(frame->kid, keys->kid, BB_KID_LEN) != 0 ||
	    bb_open(keys, frame, sections, &count, &why) == -1)
		wrong(d, "a frame does not open");
}

static void
take_frame(struct device *d, const struct bb_frame *frame, struct bb_buf *out)
{
	struct bb_buf sections[BB_PACK_SECTIONS] = {
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
	};
	size_t i;

	if (frame->type == BB_FRAME_HINT)
		wrong(d, "the gateway hints that it cannot open");
	open_frame(d, frame, sections);
	if (frame->type == BB_FRAME_ANSWER)
		take_answer(d, frame, &sections[0], out);
	else if (frame->type != BB_FRAME_DATA)
		bench_fail("device %08" PRIx32 ": %.*s", device_pin(d),
		    (int)bb_buf_len(&sections[0]),
		    (const char *)bb_buf_data(&sections[0]));
	else if (frame->att == d->att && bb_window_take(&d->down, frame->seq))
		take_data(d, &sections[0]);
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		bb_buf_clear(&sections[i]);
}

size_t
device_take(struct device *d, const uint8_t *bytes, size_t len,
    struct bb_buf *out)
{
	struct bb_frame frame;
	size_t frame_len;

	switch (bb_frame_split(bytes, len, &frame_len)) {
	case BB_PARSE_MORE:
		return 0;
	case BB_PARSE_OK:
		break;
	case BB_PARSE_BAD:
		wrong(d, "what came is no frame");
	}
	if (bb_frame_read(bytes, frame_len, &frame) != BB_FRAME_SOUND)
		wrong(d, "a frame is not sound");
	take_frame(d, &frame, out);
	return frame_len;
}
