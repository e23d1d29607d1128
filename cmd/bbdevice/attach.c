/* Owns what goes up: login, resume and batch as JSON, sealed into frames, and
 * what the profile has to remember of them. */
#include "attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bbdevice.h"
#include "line/message.h"
#include "numbers.h"
#include "seal/seal.h"
#include "wire/text.h"

#include "base/cc.h"

#define CLIENT "bbdevice " BB_VERSION
#define BATCH_MAX 64 /* messages, messages.def */
/* Bytes of JSON in a batch: with the login beside it and neither of them
 * compressible it still fits a frame. */
#define BATCH_JSON_MAX 57344
#define MESSAGE_EXTRA 64 /* JSON around to and text */

static int
refuse(char why[WHY_MAX], int err, const char *clause)
{
	(void)snprintf(why, WHY_MAX, "%s", clause);
	errno = err;
	return -1;
}

static int
refuse_sys(char why[WHY_MAX])
{
	int err = errno;

	return refuse(why, err, strerror(err));
}

/* --- JSON ----------------------------------------------------------------- */

/* Takes value, which may be NULL: then memory ran out. */
static int
set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

static json_t *
hex(const void *bytes, size_t len)
{
	char text[2 * BB_NONCE_LEN + 1];

	bb_text_hex(bytes, len, text);
	return json_string(text);
}

static int
set_common(json_t *json, const struct profile *p, const struct attach_ask *ask)
{
	const struct numbering *n = &p->numbering;
	int rc = 0;

	rc |= set(json, "numbering", hex(n->id, sizeof(n->id)));
	rc |= set(json, "have", json_integer((json_int_t)n->have));
	if (ask->out_of_coverage)
		rc |= set(json, "coverage", json_false());
	if (ask->trace)
		rc |= set(json, "trace", json_true());
	return rc;
}

static int
set_login(json_t *json, const struct attach_ask *ask)
{
	int rc = 0;

	rc |= set(json, "op", json_string("login"));
	rc |= set(json, "service", json_string(ask->account->service));
	rc |= set(json, "user", json_string(ask->account->user));
	rc |= set(json, "password",
	    json_stringn(ask->password->text, ask->password->len));
	rc |= set(json, "client", json_string(CLIENT));
	if (ask->show != NULL)
		rc |= set(json, "show", json_string(ask->show));
	if (ask->status != NULL)
		rc |= set(json, "status", json_string(ask->status));
	return rc;
}

static int
set_resume(json_t *json, const struct profile *p)
{
	const struct session *s = &p->session;
	int rc = 0;

	rc |= set(json, "op", json_string("resume"));
	rc |= set(json, "service", json_string(s->account.service));
	rc |= set(json, "session", hex(s->id, sizeof(s->id)));
	return rc;
}

static json_t *
first_section(const struct profile *p, const struct attach_ask *ask)
{
	json_t *json = json_object();

	if (json == NULL ||
	    (ask->resume ? set_resume(json, p) : set_login(json, ask)) != 0 ||
	    set_common(json, p, ask) != 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* Bytes of JSON that a text takes. */
static size_t
json_bytes(const json_t *value)
{
	const char *text = json_string_value(value);
	size_t i, len = json_string_length(value), sum = len;

	for (i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\' ||
		    (unsigned char)text[i] < 0x20)
			sum++;
	}
	return sum;
}

static json_t *
message_of(const json_t *held)
{
	return json_pack("{s:s, s:O, s:O, s:O}", "op", "send", "n",
	    json_object_get(held, "n"), "to", json_object_get(held, "to"),
	    "text", json_object_get(held, "text"));
}

json_t *
batch_from(const struct profile *p, size_t from, size_t *carried)
{
	const json_t *held = p->numbering.held, *message;
	json_t *list = json_array(), *batch;
	size_t i, len = json_array_size(held), bytes = 0;

	for (i = from; i < len && i < from + BATCH_MAX; i++) {
		message = json_array_get(held, i);
		bytes += MESSAGE_EXTRA +
			 json_bytes(json_object_get(message, "to")) +
			 json_bytes(json_object_get(message, "text"));
		if (bytes > BATCH_JSON_MAX)
			break;
		if (json_array_append_new(list, message_of(message)) == -1) {
			json_decref(list);
			list = NULL;
		}
	}
	*carried = i - from;
	batch = json_pack("{s:s, s:o}", "op", "batch", "msgs", list);
	if (batch == NULL)
		errno = ENOMEM;
	return batch;
}

json_t *
batch_build(const struct profile *p, size_t *waiting)
{
	size_t carried;
	json_t *batch = batch_from(p, 0, &carried);

	*waiting = json_array_size(p->numbering.held) - carried;
	return batch;
}

/* *batch is NULL where the attach carries none. */
static int
second_section(const struct profile *p, const struct attach_ask *ask,
    json_t **batch, size_t *waiting)
{
	*batch = NULL;
	*waiting = json_array_size(p->numbering.held);
	if (ask->messages) {
		*batch = batch_build(p, waiting);
		if (*batch == NULL)
			return -1;
	}
	if (!ask->fetch)
		return 0;
	if (*batch == NULL)
		*batch = json_pack("{s:s}", "op", "batch");
	if (*batch == NULL || set(*batch, "fetch", json_true()) == -1) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/* --- sealing -------------------------------------------------------------- */

struct text {
	enum bb_message_place place;
	const json_t *json;
	char *bytes;
	size_t len;
};

/* What we send is checked by the same table as what others send to us. */
static int
print(struct text *text, char why[WHY_MAX])
{
	char clause[BB_MESSAGE_WHY_MAX];
	enum bb_op op;

	if (bb_message_check(text->json, text->place, &op, clause) == -1)
		return refuse(why, EINVAL, clause);
	text->bytes = bb_json_text(text->json, &text->len);
	return text->bytes == NULL ? refuse_sys(why) : 0;
}

static void
measure(struct trace *trace, const struct text *texts, size_t count)
{
	struct bb_buf body = BB_BUF_SECRET(BB_FRAME_MAX);
	size_t i;

	for (i = 0; i < count; i++) {
		trace->plain += (int64_t)texts[i].len;
		if (bb_pack_add(&body, texts[i].bytes, texts[i].len, false) ==
		    -1)
			break;
	}
	trace->packed = (int64_t)bb_buf_len(&body);
	bb_buf_clear(&body);
}

static int
seal(struct profile *p, struct bb_frame *frame, struct text *texts,
    size_t count, struct bb_buf *out, char why[WHY_MAX])
{
	struct bb_section sections[BB_PACK_SECTIONS];
	struct bb_keys keys;
	size_t i;
	int rc, err;

	for (i = 0; i < count; i++)
		sections[i] = (struct bb_section){ .json = texts[i].bytes,
			.len = texts[i].len };
	rc = profile_keys(p, BB_KEY_CURRENT, &keys);
	if (rc == 0)
		rc = bb_seal(&keys, frame, sections, count, 1, out);
	err = errno;
	bb_wipe(&keys, sizeof(keys));
	errno = err;
	if (rc == -1)
		return errno == EMSGSIZE
			   ? refuse(why, EMSGSIZE, "it does not fit one frame")
			   : refuse_sys(why);
	return 0;
}

static void
free_texts(struct text *texts, size_t count)
{
	int err = errno;
	size_t i;

	for (i = 0; i < count; i++)
		bb_json_text_free(texts[i].bytes, texts[i].len);
	errno = err;
}

static int
seal_json(struct profile *p, struct bb_frame *frame, struct text *texts,
    size_t count, struct trace *trace, struct bb_buf *out, char why[WHY_MAX])
{
	int64_t start = bb_clock_us(), measured = 0;
	size_t i, before = bb_buf_len(out);
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++)
		rc = print(&texts[i], why);
	if (rc == 0 && trace != NULL) {
		measured = bb_clock_us();
		measure(trace, texts, count);
		measured = bb_clock_us() - measured;
	}
	if (rc == 0)
		rc = seal(p, frame, texts, count, out, why);
	free_texts(texts, count);
	if (rc == 0 && trace != NULL) {
		trace->us = bb_clock_us() - start - measured;
		trace->sealed = (int64_t)(bb_buf_len(out) - before);
	}
	return rc;
}

/* --- attach --------------------------------------------------------------- */

/* An attach that is still under way is given up: its answer would not be taken
 * any more, for its number is not the highest then. */
static int
begin(struct profile *p, const struct attach_ask *ask, char why[WHY_MAX])
{
	(void)profile_step(p, BB_DE_LINK_LOST);
	if (p->device.att >= BB_NUMBER_MAX)
		return refuse(why, ERANGE,
		    "its attach numbers are used up: it needs a new key");
	if (profile_step(p, BB_DE_ATTACH) != BB_DA_ATTACH)
		return refuse(why, EINVAL, "its state does not allow it");
	bb_device_attached(&p->device, p->device.att + 1);
	if (numbers_begin(p, ask->account) == -1)
		return refuse_sys(why);
	return 0;
}

static int
note(struct profile *p, const struct attach_ask *ask, const json_t *batch)
{
	struct outstanding *o = &p->outstanding;
	size_t carried = json_array_size(json_object_get(batch, "msgs"));

	*o = (struct outstanding){ .att = p->device.att,
		.resume = ask->resume,
		.account = *ask->account };
	if (carried > 0) {
		o->first = numbers_first(&p->numbering);
		o->last = o->first + carried - 1;
	}
	p->has_outstanding = true;
	o->trace.wanted = ask->trace;
	o->trace.start_us = bb_clock_us();
	if (ask->trace && bb_sys_boot_id(o->trace.boot) == -1)
		o->trace.boot[0] = '\0';
	return bb_keys_ephemeral(o->e_private, o->e_public);
}

int
attach_build(struct profile *p, const struct attach_ask *ask,
    struct bb_buf *out, size_t *waiting, char why[WHY_MAX])
{
	struct bb_frame frame = { .type = BB_FRAME_ATTACH, .dir = BB_FRAME_UP };
	struct text texts[] = { { .place = BB_PLACE_ATTACH },
		{ .place = BB_PLACE_ATTACH_MORE } };
	struct outstanding *o = &p->outstanding;
	json_t *first = NULL, *batch = NULL;
	int rc = -1;

	if (begin(p, ask, why) == -1)
		return -1;
	if ((first = first_section(p, ask)) == NULL ||
	    second_section(p, ask, &batch, waiting) == -1) {
		(void)refuse(why, EINVAL, "a text is not UTF-8");
		goto out;
	}
	if (note(p, ask, batch) == -1) {
		(void)refuse_sys(why);
		goto out;
	}
	texts[0].json = first;
	texts[1].json = batch;
	frame.pin = p->pin;
	frame.att = o->att;
	memcpy(frame.e, o->e_public, sizeof(frame.e));
	rc = seal_json(p, &frame, texts, batch == NULL ? 1 : 2,
	    ask->trace ? &o->trace : NULL, out, why);
	memcpy(o->kid, frame.kid, sizeof(o->kid));
	memcpy(o->nonce, frame.nonce, sizeof(o->nonce));
out:
	json_decref(first);
	json_decref(batch);
	return rc;
}

int
data_build(struct profile *p, json_t *message, struct bb_buf *out,
    char why[WHY_MAX])
{
	struct bb_frame frame = { .type = BB_FRAME_DATA, .dir = BB_FRAME_UP };
	struct text text = { .place = BB_PLACE_UP, .json = message };

	if (p->device.state == BB_DEVICE_WAITING)
		return refuse(why, EPERM,
		    "an attach is under way: read its answer first");
	if (profile_step(p, BB_DE_SEND) != BB_DA_SEND)
		return refuse(why, EPERM, "no session is open: log in first");
	if (p->session.seq >= BB_NUMBER_MAX)
		return refuse(why, EPERM,
		    "the frame numbers of this attach are used up: attach "
		    "again");
	frame.pin = p->pin;
	frame.att = p->session.att;
	frame.seq = ++p->session.seq;
	if (seal_json(p, &frame, &text, 1, NULL, out, why) == -1)
		return -1;
	memcpy(p->session.nonce, frame.nonce, sizeof(p->session.nonce));
	return 0;
}
