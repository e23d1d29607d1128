/* Lines into frames: docs/wire.md, "States", dispatcher, down.  Everything that
 * sealing needs stands in the line or in the store: the process that opened the
 * attach may be another. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/secret.h"
#include "dispatch.h"
#include "seal/seal.h"
#include "wire/text.h"

/* What is wrong with the line at hand. */
static void
wrong(struct dispatch *d, int status, const char *what, const char *reason)
{
	const char *name = d->source->name;

	complain(d, status, "%s%sline %" PRIu64 ": %s%s",
	    name == NULL ? "" : name, name == NULL ? "" : ": ",
	    d->source->line_no, what, reason);
}

void
seal_refuse(struct dispatch *d, const char *why)
{
	wrong(d, BB_EXIT_PROTO, "", why);
}

/* The device was removed or blocked, or has rolled on: nobody is wrong. */
static void
no_key(struct dispatch *d, const struct bb_line *line, const char *what)
{
	char text[120];

	d->counts.unsealed++;
	(void)snprintf(text, sizeof(text),
	    "dropped %s for PIN %08" PRIx32 ", attach %" PRIu32 ": ", what,
	    line->pin, line->att);
	wrong(d, BB_EXIT_OK, text, "no key to seal it under");
}

static void
store_failed(struct dispatch *d, enum bb_db_result result)
{
	wrong(d, BB_EXIT_TEMP,
	    result == BB_DB_BUSY ? "unable to read a key (busy): "
				 : "unable to read a key: ",
	    bb_db_why(d->db));
}

/* Texts of several authors are not deflated: the lengths would tell of one to
 * the other. */
static int
make_section(const json_t *json, struct bb_section *section, char **text)
{
	*text = bb_json_text(json, &section->len);
	section->json = *text;
	section->stored = bb_message_mixed_authors(json);
	return *text == NULL ? -1 : 0;
}

static int
seal_sections(const struct bb_keys *keys, struct bb_frame *frame,
    const struct bb_line *line, struct bb_buf *out)
{
	struct bb_section sections[BB_PACK_SECTIONS] = { 0 };
	char *texts[BB_PACK_SECTIONS] = { 0 };
	size_t count = line->m == NULL ? 1 : 2, i;
	int rc, err;

	rc = make_section(line->d, &sections[0], &texts[0]);
	if (rc == 0 && line->m != NULL)
		rc = make_section(line->m, &sections[1], &texts[1]);
	if (rc == 0)
		rc = bb_seal(keys, frame, sections, count, 1, out);
	err = errno;
	for (i = 0; i < BB_PACK_SECTIONS; i++) {
		if (texts[i] != NULL)
			bb_json_text_free(texts[i], sections[i].len);
	}
	errno = err;
	return rc;
}

/* One frame of `type` under the down key of `key`. */
static void
seal_frame(struct dispatch *d, const struct bb_line *line, uint8_t type,
    const struct bb_devkey *key, const uint8_t *e_s, struct bb_buf *out)
{
	struct bb_frame frame = {
		.link = line->link,
		.type = type,
		.dir = BB_FRAME_DOWN,
		.pin = line->pin,
		.att = line->att,
		.seq = type == BB_FRAME_DATA ? line->seq : 0,
	};
	struct bb_keys keys;
	int rc = keys_expand(d, key, &keys);

	if (e_s != NULL)
		memcpy(frame.e, e_s, BB_EPHEMERAL_LEN);
	if (rc == 0)
		rc = seal_sections(&keys, &frame, line, out);
	bb_wipe(&keys, sizeof(keys));
	if (rc == 0) {
		d->counts.sealed++;
		bb_log(BB_LOG_DEBUG,
		    "sealed PIN %08" PRIx32 ", %s, attach %" PRIu32
		    ", number %" PRIu32,
		    line->pin, bb_frame_type_text(type), frame.att, frame.seq);
	} else if (errno == EMSGSIZE)
		seal_refuse(d, "too long for a frame");
	else
		wrong(d, BB_EXIT_TEMP, "unable to seal: ", strerror(errno));
}

/* What the dispatcher itself says in an object: the nonce that it answers, the
 * id of the rolled key. */
static int
set_digits(json_t *object, const char *name, const uint8_t *bytes, size_t len)
{
	char text[2 * BB_NONCE_LEN + 1];

	bb_text_hex(bytes, len, text);
	return json_object_set_new(object, name, json_string(text));
}

static int
add_trace(struct bb_line *line, int64_t start_us)
{
	struct bb_step step = { 7, "bbdispatch",
		"took the answer, found its keys; sealed to the device",
		bb_clock_us() - start_us };

	if (line->trace == NULL)
		return 0;
	/* A trace that is full goes as it is. */
	if (bb_step_add(&line->trace, &step) == -1 && errno != ENOBUFS)
		return -1;
	return json_object_set(line->d, "trace", line->trace);
}

static void
no_memory(struct dispatch *d)
{
	wrong(d, BB_EXIT_TEMP, "unable to seal: ", strerror(ENOMEM));
}

/* NOTICE, under the key that the offending frame named. */
static void
seal_notice(struct dispatch *d, const struct bb_line *line, struct bb_buf *out)
{
	struct bb_devkey key;
	enum bb_db_result r;

	if (set_digits(line->d, "nonce", line->nonce, BB_NONCE_LEN) == -1) {
		no_memory(d);
		return;
	}
	r = bb_devkey_find(d->db, line->pin, line->kid, &key);
	if (r == BB_DB_OK)
		seal_frame(d, line, BB_FRAME_NOTICE, &key, NULL, out);
	else if (r == BB_DB_NONE)
		no_key(d, line, "a notice");
	else
		store_failed(d, r);
	bb_wipe(&key, sizeof(key));
}

/* A later attach of this device has taken its place. */
static void
seal_superseded(struct dispatch *d, const struct bb_line *answer,
    struct bb_buf *out)
{
	struct bb_line notice = *answer;

	notice.d =
	    json_pack("{s:s, s:s}", "op", "notice", "code", "superseded");
	notice.m = NULL;
	if (notice.d == NULL)
		no_memory(d);
	else
		seal_notice(d, &notice, out);
	json_decref(notice.d);
}

/* T3. */
static void
seal_answer(struct dispatch *d, struct bb_line *line, int64_t start_us,
    struct bb_buf *out)
{
	struct bb_devkey pending, parent;
	enum bb_db_result r;

	r = bb_devkey_answer(d->db, line->pin, line->att, &pending, &parent);
	if (r == BB_DB_NONE) {
		seal_superseded(d, line, out);
	} else if (r != BB_DB_OK) {
		store_failed(d, r);
	} else if (set_digits(line->d, "newkid", pending.kid, BB_KID_LEN) ==
		       -1 ||
		   set_digits(line->d, "nonce", line->nonce, BB_NONCE_LEN) ==
		       -1 ||
		   add_trace(line, start_us) == -1) {
		no_memory(d);
	} else {
		seal_frame(d, line, BB_FRAME_ANSWER, &parent, pending.e_s, out);
	}
	bb_wipe(&pending, sizeof(pending));
	bb_wipe(&parent, sizeof(parent));
}

static void
seal_data(struct dispatch *d, const struct bb_line *line, struct bb_buf *out)
{
	struct bb_devkey key;
	enum bb_db_result r = bb_devkey_current(d->db, line->pin, &key);

	if (r == BB_DB_OK)
		seal_frame(d, line, BB_FRAME_DATA, &key, NULL, out);
	else if (r == BB_DB_NONE)
		no_key(d, line, "data");
	else
		store_failed(d, r);
	bb_wipe(&key, sizeof(key));
}

static void
write_hint(struct dispatch *d, const struct bb_line *line, struct bb_buf *out)
{
	uint8_t hint[BB_HINT_LEN];
	size_t len = bb_frame_write_hint(line->link, line->pin,
	    (uint8_t)line->hint, line->nonce, hint);

	if (bb_buf_put(out, hint, len) == -1)
		no_memory(d);
}

void
seal_line(struct dispatch *d, struct bb_line *line, int64_t start_us,
    struct bb_buf *out)
{
	switch (line->kind) {
	case BB_LINE_ANSWER:
		seal_answer(d, line, start_us, out);
		break;
	case BB_LINE_DATA:
		seal_data(d, line, out);
		break;
	case BB_LINE_NOTICE:
		seal_notice(d, line, out);
		break;
	case BB_LINE_HINT:
		write_hint(d, line, out);
		break;
	case BB_LINE_ATTACH:
		seal_refuse(d, "an attach goes up and not down");
		break;
	case BB_LINE_TRUNK:
	case BB_LINE_DOWN:
		seal_refuse(d, "what is said of trunks goes up and not down");
		break;
	}
}

size_t
seal_next(struct dispatch *d, struct line_source *source, struct bb_buf *in)
{
	size_t len;
	bool done;

	d->source = source;
	for (;;) {
		if (source->skipping) {
			len = bb_line_skip(bb_buf_data(in), bb_buf_len(in),
			    &done);
			bb_buf_take(in, len);
			source->skipping = !done;
			if (!done)
				return 0;
		}
		switch (bb_line_split(bb_buf_data(in), bb_buf_len(in), &len)) {
		case BB_PARSE_MORE:
			return 0;
		case BB_PARSE_OK:
			source->line_no++;
			return len;
		case BB_PARSE_BAD:
			source->line_no++;
			source->skipping = true;
			seal_refuse(d, "longer than a line may be: skipped");
			break;
		}
	}
}
