/* Owns what all frames have in common: opening, parsing, judging, and the one
 * line about a frame that is dropped. */
#include "turn.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "bbdevice.h"
#include "seal/seal.h"
#include "wire/text.h"

#include "base/cc.h"

/* The one line about a frame that is dropped. */
void
turn_drop(struct turn *turn, int status, const char *fmt, ...)
{
	char clause[WHY_MAX + BB_MESSAGE_WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(clause, sizeof(clause), fmt, ap);
	va_end(ap);
	bb_log(BB_LOG_ERROR, "%s frame for %08x dropped: %s",
	    bb_frame_type_text(turn->frame->type), (unsigned)turn->frame->pin,
	    clause);
	show_status(&turn->t->show, status);
}

/* Our own trouble, errno says which. */
void
turn_fail(struct turn *turn, const char *what)
{
	int err = errno;

	bb_log(BB_LOG_ERROR, "unable to %s of %08x: %s", what,
	    (unsigned)turn->frame->pin, strerror(err));
	show_status(&turn->t->show, bb_errno_exit(err));
}

bool
turn_save(struct turn *turn)
{
	if (profile_save(turn->p) == 0)
		return true;
	turn_fail(turn, "save the profile");
	return false;
}

bool
turn_open(struct turn *turn)
{
	struct bb_keys keys;
	const char *why = NULL;
	int rc, err;

	if (profile_find_key(turn->p, turn->frame->kid, &turn->facts.key,
		&keys) == -1) {
		turn_fail(turn, "use the keys");
		return false;
	}
	if (turn->facts.key == BB_KEY_NONE) {
		turn_drop(turn, EXIT_LOCAL_UNOPENED,
		    "it names a key that the profile does not have");
		return false;
	}
	rc = bb_open(&keys, turn->frame, turn->sections, &turn->count, &why);
	err = errno;
	bb_wipe(&keys, sizeof(keys));
	if (rc == 0)
		return true;
	if (err == EBADMSG)
		turn_drop(turn, EXIT_LOCAL_UNOPENED, "it does not open");
	else if (err == EPROTO)
		turn_drop(turn, EXIT_LOCAL_PROTOCOL, "its body %s", why);
	else
		turn_fail(turn, "open a frame");
	return false;
}

json_t *
turn_parse(struct turn *turn, size_t section, enum bb_message_place place,
    enum bb_op *op)
{
	const struct bb_buf *buf = &turn->sections[section];
	char why[BB_MESSAGE_WHY_MAX];
	json_t *json;

	json = bb_json_parse(bb_buf_data(buf), bb_buf_len(buf), why);
	if (json != NULL && bb_message_check(json, place, op, why) == 0)
		return json;
	json_decref(json);
	turn_drop(turn, EXIT_LOCAL_PROTOCOL, "its content is wrong: %s", why);
	return NULL;
}

const char *
turn_text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value == NULL ? "" : value;
}

bool
turn_hex_is(const json_t *json, const char *name, const void *bytes, size_t len)
{
	uint8_t told[BB_NONCE_LEN];

	return len <= sizeof(told) &&
	       bb_text_hex_scan(turn_text(json, name), told, len) &&
	       memcmp(told, bytes, len) == 0;
}

/* The event that the frame is, or BB_DE_OTHER after the line about it. */
enum bb_device_event
turn_see(struct turn *turn)
{
	const char *why;
	enum bb_device_event event;

	event = bb_device_see(&turn->p->device, &turn->facts, &why);
	if (event == BB_DE_OTHER)
		turn_drop(turn, EXIT_LOCAL_PROTOCOL, "it %s", why);
	return event;
}
