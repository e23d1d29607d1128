/* Frames into lines: docs/wire.md, "States", dispatcher, up. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/secret.h"
#include "dispatch.h"
#include "seal/seal.h"

static void
drop(struct dispatch *d, const struct bb_frame *frame, const char *why)
{
	d->counts.dropped++;
	d->sink->dropped(d, frame, why);
}

static void
unopened(struct dispatch *d, const struct bb_frame *frame)
{
	d->counts.unopened++;
	tell_hint(d, frame, BB_HINT_CANNOT_OPEN);
}

/* The store cannot be read or written: not the device's fault. */
static void
store_failed(struct dispatch *d, const char *what, enum bb_db_result result)
{
	complain(d, BB_EXIT_TEMP, "unable to %s: %s%s", what, bb_db_why(d->db),
	    result == BB_DB_BUSY ? " (busy)" : "");
}

static void
write_data(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key, json_t *object)
{
	struct bb_line line = {
		.kind = BB_LINE_DATA,
		.pin = frame->pin,
		.att = frame->att,
		.seq = frame->seq,
		.link = frame->link,
		.has_reply = true,
		.user = key->user,
		.service = key->service,
		.d = object,
	};

	memcpy(line.kid, frame->kid, BB_KID_LEN);
	memcpy(line.nonce, frame->nonce, BB_NONCE_LEN);
	if (d->sink->line(d, &line) == 0)
		return;
	if (errno == EMSGSIZE)
		tell_notice(d, frame, "badbody", "too long for a line", 0);
	else
		complain(d, BB_EXIT_TEMP,
		    "unable to pass on what PIN %08" PRIx32 " said: %s",
		    frame->pin, strerror(errno));
}

static enum bb_db_result
promote(struct dispatch *d, const struct bb_frame *frame)
{
	enum bb_db_result r = bb_db_begin_within(d->db, false, d->wait_ms);

	if (r != BB_DB_OK)
		return r;
	r = bb_devkey_promote(d->db, frame->pin, frame->kid);
	if (r == BB_DB_OK)
		return bb_db_commit(d->db);
	bb_db_rollback(d->db);
	return r;
}

/* T2 for the first frame under a pending key.  False: the frame goes no
 * further. */
static bool
confirm_key(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key)
{
	enum bb_db_result r;

	if (key->role == BB_KEY_CURRENT)
		return true;
	r = promote(d, frame);
	if (r == BB_DB_OK) {
		d->counts.confirmed++;
		return true;
	}
	if (r == BB_DB_BUSY && !d->give_up) {
		d->again = true;
		return false;
	}
	if (r == BB_DB_NONE) {
		tell_hint(d, frame, BB_HINT_CANNOT_OPEN);
		return false;
	}
	if (r != BB_DB_BUSY)
		store_failed(d, "confirm a key", r);
	tell_notice(d, frame, "busy", NULL, 0);
	return false;
}

static void
take_data(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key)
{
	char why[BB_MESSAGE_WHY_MAX];
	enum bb_op op;
	json_t *object = bb_json_parse(bb_buf_data(&d->sections[0]),
	    bb_buf_len(&d->sections[0]), why);

	if (object == NULL ||
	    bb_message_check(object, BB_PLACE_UP, &op, why) == -1)
		tell_notice(d, frame, "badbody", why, 0);
	else if (key->service[0] == '\0')
		/* A key that no attach made has no session. */
		tell_notice(d, frame, "reattach", NULL, 0);
	else if (confirm_key(d, frame, key))
		write_data(d, frame, key, object);
	json_decref(object);
}

static void
take_opened(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key, int64_t found_us, int64_t start_us)
{
	d->sink->opened(d, frame);
	bb_log(BB_LOG_DEBUG,
	    "opened PIN %08" PRIx32 ", %s, attach %" PRIu32 ", number %" PRIu32
	    ", %zu bytes sealed",
	    frame->pin, bb_frame_type_text(frame->type), frame->att, frame->seq,
	    frame->cipher_len);
	if (frame->type == BB_FRAME_ATTACH)
		attach_take(d, frame, key, found_us, start_us);
	else
		take_data(d, frame, key);
	if (!d->again)
		d->counts.opened++;
}

/* The key row is there: the tag decides. */
static void
open_sealed(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key, int64_t found_us)
{
	int64_t start_us = bb_clock_us();
	struct bb_keys keys;
	const char *why = NULL;
	size_t count, i;
	int rc;

	rc = keys_expand(d, key, &keys);
	if (rc == 0)
		rc = bb_open(&keys, frame, d->sections, &count, &why);
	bb_wipe(&keys, sizeof(keys));
	if (rc == 0)
		take_opened(d, frame, key, found_us, start_us);
	else if (errno == EBADMSG)
		unopened(d, frame);
	else if (errno == EPROTO)
		tell_notice(d, frame, "badbody", why, 0);
	else
		complain(d, BB_EXIT_TEMP,
		    "unable to open a frame of PIN %08" PRIx32 ": %s",
		    frame->pin, strerror(errno));
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		bb_buf_clear(&d->sections[i]);
}

/* The row is read for each frame, so that a block or a new key acts at once. */
static void
take_up(struct dispatch *d, const struct bb_frame *frame)
{
	int64_t start_us = bb_clock_us();
	struct bb_devkey key;
	enum bb_db_result r;

	r = bb_devkey_find(d->db, frame->pin, frame->kid, &key);
	if (r == BB_DB_OK && key.role == BB_KEY_CODE)
		r = BB_DB_NONE; /* nothing makes one in this version */
	if (r == BB_DB_OK) {
		open_sealed(d, frame, &key, bb_clock_us() - start_us);
	} else if (r == BB_DB_NONE) {
		bb_open_dummy(frame);
		unopened(d, frame);
	} else {
		store_failed(d, "read a key", r);
	}
	bb_wipe(&key, sizeof(key));
}

/* In a pipe the router's answer for a device comes up with the rest. */
static void
take_hint(struct dispatch *d, const struct bb_frame *frame)
{
	if (frame->code > BB_HINT_NO_DISPATCHER)
		drop(d, frame, "has an unknown code");
	else
		tell_hint(d, frame, frame->code);
}

/* A device's frames have their effect in their order. */
static bool
commit_before(struct dispatch *d, const struct bb_frame *frame)
{
	if (d->group.len < GROUP_MAX && !group_has(&d->group, frame->pin))
		return true;
	return group_commit(d);
}

static bool
take_sound(struct dispatch *d, const struct bb_frame *frame)
{
	if (frame->type == BB_FRAME_HINT) {
		take_hint(d, frame);
	} else if (frame->dir != BB_FRAME_UP) {
		drop(d, frame, "comes down and not up");
	} else if (frame->type == BB_FRAME_RECOVER) {
		bb_open_dummy(frame);
		unopened(d, frame);
	} else {
		if (!commit_before(d, frame))
			return false;
		d->again = false;
		take_up(d, frame);
		return !d->again;
	}
	return true;
}

bool
open_frame(struct dispatch *d, const struct bb_frame *frame,
    enum bb_frame_fault fault, size_t len)
{
	if (fault == BB_FRAME_SOUND)
		return take_sound(d, frame);
	drop(d, frame, bb_frame_fault_text(fault));
	if (fault == BB_FRAME_BAD_VERSION && frame->dir == BB_FRAME_UP &&
	    len >= ANSWERABLE_MIN)
		tell_hint(d, frame, BB_HINT_VERSION);
	return true;
}
