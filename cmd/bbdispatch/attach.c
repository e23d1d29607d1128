/* Attaches: checked and rolled one by one, committed in groups (T1), and only
 * then passed on. */
#include <assert.h>
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
#include "seal/keys.h"

#define REDRAWS_MAX 8   /* of a key id that is taken: 2^-64 each */
#define TRACE_ROOM 1024 /* bytes that two steps may add to a line */

static void
attach_clear(struct attach *a)
{
	json_decref(a->d);
	json_decref(a->m);
	bb_wipe(a, sizeof(*a));
}

/* A section's object, checked; NULL with a clause in why. */
static json_t *
read_section(const struct bb_buf *section, enum bb_message_place place,
    char why[BB_MESSAGE_WHY_MAX])
{
	json_t *json =
	    bb_json_parse(bb_buf_data(section), bb_buf_len(section), why);
	enum bb_op op;

	if (json == NULL || bb_message_check(json, place, &op, why) == 0)
		return json;
	json_decref(json);
	return NULL;
}

static bool
wants_trace(const struct attach *a)
{
	return json_is_true(json_object_get(a->d, "trace"));
}

/* Borrows all that it names. */
static struct bb_line
make_line(const struct attach *a, json_t *trace)
{
	struct bb_line line = {
		.kind = BB_LINE_ATTACH,
		.pin = a->frame.pin,
		.att = a->frame.att,
		.link = a->frame.link,
		.has_reply = true,
		.user = a->key.user,
		.service = a->row.service,
		.d = a->d,
		.m = a->m,
		.trace = trace,
	};

	memcpy(line.kid, a->frame.kid, BB_KID_LEN);
	memcpy(line.nonce, a->frame.nonce, BB_NONCE_LEN);
	return line;
}

/* How long its line will be: what does not fit must be refused before the
 * attach number is taken.  0, or -1 with errno. */
static int
measure(struct attach *a)
{
	struct bb_buf text = BB_BUF_SECRET(BB_LINE_MAX);
	const struct bb_line line = make_line(a, NULL);
	int rc = bb_line_write(&line, true, &text), err = errno;

	a->text_len = bb_buf_len(&text) + (wants_trace(a) ? TRACE_ROOM : 0);
	bb_buf_clear(&text);
	errno = err;
	return rc;
}

/* Both sections into *a.  0; -1 and the device was told, or we complained. */
static int
read_sections(struct dispatch *d, struct attach *a)
{
	char why[BB_MESSAGE_WHY_MAX];

	a->d = read_section(&d->sections[0], BB_PLACE_ATTACH, why);
	if (a->d == NULL)
		goto bad;
	if (bb_buf_len(&d->sections[1]) > 0) {
		a->m = read_section(&d->sections[1], BB_PLACE_ATTACH_MORE, why);
		if (a->m == NULL)
			goto bad;
	}
	a->row.service = json_string_value(json_object_get(a->d, "service"));
	if (measure(a) == 0)
		return 0;
	if (errno != EMSGSIZE) {
		complain(d, BB_EXIT_TEMP,
		    "unable to take an attach of PIN %08" PRIx32 ": %s",
		    a->frame.pin, strerror(errno));
		return -1;
	}
	(void)snprintf(why, sizeof(why), "too long for a line");
bad:
	tell_notice(d, &a->frame, "badbody", why, 0);
	return -1;
}

/* The next key, by a fresh share of ours.  0, or -1 with errno (EBADMSG: the
 * device's share is of low order). */
static int
roll(struct attach *a)
{
	uint8_t priv[BB_EPHEMERAL_LEN];
	struct bb_roll what = { .pin = a->frame.pin, .att = a->frame.att };
	struct bb_keys next;
	int rc;

	memcpy(what.kid, a->frame.kid, BB_KID_LEN);
	memcpy(what.e_d, a->frame.e, BB_EPHEMERAL_LEN);
	if (bb_keys_ephemeral(priv, what.e_s) == -1)
		return -1;
	rc = bb_keys_roll(a->key.base, priv, true, &what, a->row.next_base);
	if (rc == 0)
		rc = bb_keys_expand(a->row.next_base, a->frame.pin, &next);
	if (rc == 0) {
		memcpy(a->row.e_s, what.e_s, BB_EPHEMERAL_LEN);
		memcpy(a->row.next_kid, next.kid, BB_KID_LEN);
	}
	bb_wipe(&next, sizeof(next));
	bb_wipe(priv, sizeof(priv));
	return rc;
}

static int
prepare(struct dispatch *d, struct attach *a)
{
	if (read_sections(d, a) == -1)
		return -1;
	/* Better now than after a number was taken for nothing. */
	if (!d->sink->reachable(d, a->row.service)) {
		tell_unreachable(d, &a->frame, a->row.service);
		return -1;
	}
	a->row.pin = a->frame.pin;
	a->row.att = a->frame.att;
	memcpy(a->row.kid, a->frame.kid, BB_KID_LEN);
	if (roll(a) == 0)
		return 0;
	if (errno == EBADMSG)
		tell_notice(d, &a->frame, "badbody",
		    "the ephemeral key is of low order", 0);
	else
		complain(d, BB_EXIT_TEMP,
		    "unable to roll the key of PIN %08" PRIx32 ": %s",
		    a->frame.pin, strerror(errno));
	return -1;
}

bool
group_has(const struct group *group, uint32_t pin)
{
	size_t i;

	for (i = 0; i < group->len; i++) {
		if (group->at[i].frame.pin == pin)
			return true;
	}
	return false;
}

void
attach_take(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key, int64_t found_us, int64_t start_us)
{
	struct attach *a = &d->group.at[d->group.len];

	assert(d->group.len < GROUP_MAX);
	a->frame = *frame;
	a->frame.cipher = NULL;
	a->key = *key;
	a->found_us = found_us;
	if (prepare(d, a) == -1) {
		attach_clear(a);
		return;
	}
	a->opened_us = bb_clock_us() - start_us;
	d->group.len++;
	d->group.text_len += a->text_len;
}

/* T1 of one attach, within the group's transaction. */
static enum bb_db_result
attach_store(struct dispatch *d, struct attach *a)
{
	enum bb_db_result r;
	int draws = 0;

	do {
		r = bb_devkey_attach(d->db, &a->row, &a->told);
		if (r != BB_DB_EXISTS)
			return r;
	} while (++draws < REDRAWS_MAX && roll(a) == 0);
	return BB_DB_BUSY;
}

/* OK when all is on the disk; else nothing is. */
static enum bb_db_result
store_all(struct dispatch *d)
{
	struct group *group = &d->group;
	enum bb_db_result r = bb_db_begin_within(d->db, true, d->wait_ms);
	size_t i;

	if (r != BB_DB_OK)
		return r;
	for (i = 0; i < group->len; i++) {
		r = attach_store(d, &group->at[i]);
		group->at[i].result = r;
		if (r == BB_DB_BUSY || r == BB_DB_ERROR) {
			bb_db_rollback(d->db);
			return r;
		}
	}
	return bb_db_commit(d->db);
}

static json_t *
steps(const struct attach *a, int64_t stored_us)
{
	char what[128];
	struct bb_step step = { 2, "bbdispatch", what, a->found_us };
	json_t *trace = NULL;

	(void)snprintf(what, sizeof(what),
	    "took the frame of PIN %08" PRIx32 ", attach %" PRIu32
	    ", from the router and found its key",
	    a->frame.pin, a->frame.att);
	if (bb_step_add(&trace, &step) == -1)
		return trace;
	(void)snprintf(what, sizeof(what),
	    "opened and inflated it, rolled the key; to the Collaboration "
	    "Service");
	step.step = 3;
	step.us = a->opened_us + stored_us;
	if (bb_step_add(&trace, &step) == -1)
		bb_log(BB_LOG_WARN, "unable to trace: %s", strerror(errno));
	return trace;
}

/* The number is taken: only the line is left to do.  With its steps it may
 * have become too long, which it was not without. */
static void
pass_on(struct dispatch *d, const struct attach *a, int64_t stored_us)
{
	json_t *trace = wants_trace(a) ? steps(a, stored_us) : NULL;
	struct bb_line line = make_line(a, trace);
	int rc = d->sink->line(d, &line);

	if (rc == -1 && errno == EMSGSIZE) {
		line.trace = NULL;
		rc = d->sink->line(d, &line);
	}
	if (rc == -1)
		complain(d, BB_EXIT_TEMP,
		    "unable to pass on an attach of PIN %08" PRIx32 ": %s",
		    a->frame.pin, strerror(errno));
	json_decref(trace);
}

static void
tell_result(struct dispatch *d, const struct attach *a, int64_t stored_us)
{
	switch (a->result) {
	case BB_DB_OK:
		d->counts.attaches++;
		pass_on(d, a, stored_us);
		break;
	case BB_DB_STALE:
		tell_notice(d, &a->frame, "stale", NULL, a->told);
		break;
	case BB_DB_NONE:
		tell_hint(d, &a->frame, BB_HINT_CANNOT_OPEN);
		break;
	case BB_DB_EXISTS:
	case BB_DB_FENCED:
	case BB_DB_FULL:
	case BB_DB_REFUSED:
	case BB_DB_BUSY:
	case BB_DB_ERROR:
		tell_notice(d, &a->frame, "busy", NULL, 0);
		break;
	}
}

/* A busy or broken store takes no number: the devices may send the same bytes
 * again. */
static void
say_failure(struct dispatch *d, enum bb_db_result r)
{
	size_t len = d->group.len;

	if (r == BB_DB_BUSY)
		bb_log(BB_LOG_WARN,
		    "the device store is busy: told to come again: %zu "
		    "attach%s",
		    len, len == 1 ? "" : "es");
	else
		complain(d, BB_EXIT_TEMP, "unable to take %zu attach%s: %s",
		    len, len == 1 ? "" : "es", bb_db_why(d->db));
}

bool
group_commit(struct dispatch *d)
{
	struct group *group = &d->group;
	int64_t start_us = bb_clock_us(), stored_us;
	enum bb_db_result r;
	size_t i;

	if (group->len == 0)
		return true;
	r = store_all(d);
	if (r == BB_DB_BUSY && !d->give_up)
		return false;
	stored_us = bb_clock_us() - start_us;
	if (r == BB_DB_OK)
		d->counts.commits++;
	else
		say_failure(d, r);
	for (i = 0; i < group->len; i++) {
		if (r != BB_DB_OK)
			group->at[i].result = r;
		tell_result(d, &group->at[i], stored_us);
		attach_clear(&group->at[i]);
	}
	group->len = 0;
	group->text_len = 0;
	return true;
}
