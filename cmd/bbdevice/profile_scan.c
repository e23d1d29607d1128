/* Owns reading profile.json.  A member that is not known is refused: a later
 * version may mean something by it that must not be lost. */
#include "profile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "wire/text.h"

#include "base/cc.h"

/* Reads the members of one object.  The first fault sticks; `left` counts what
 * was not asked for. */
struct reader {
	const json_t *json;
	size_t left;
	const char *member; /* that is wrong; NULL: none */
	const char *fault;
};

static struct reader
reader(const json_t *json)
{
	return (struct reader){ .json = json, .left = json_object_size(json) };
}

static void
fault(struct reader *r, const char *member, const char *clause)
{
	if (r->member != NULL)
		return;
	r->member = member;
	r->fault = clause;
}

/* An inner object's fault becomes the outer one's. */
static void
leave(struct reader *outer, struct reader *r)
{
	if (r->member == NULL && r->left != 0)
		fault(r, "?", "is not known to this version");
	if (r->member != NULL)
		fault(outer, r->member, r->fault);
}

static const json_t *
get(struct reader *r, const char *member)
{
	const json_t *value = json_object_get(r->json, member);

	if (value == NULL)
		fault(r, member, "is missing");
	else
		r->left--;
	return value;
}

/* False, and nothing to read, where the member is null. */
static bool
get_inner(struct reader *r, const char *member, struct reader *inner)
{
	const json_t *value = get(r, member);

	*inner = (struct reader){ 0 };
	if (value == NULL || json_is_null(value))
		return false;
	if (!json_is_object(value))
		fault(r, member, "is not an object");
	*inner = reader(value);
	return json_is_object(value);
}

static int64_t
get_int(struct reader *r, const char *member, int64_t min, int64_t max)
{
	const json_t *value = get(r, member);
	int64_t v;

	if (!json_is_integer(value)) {
		fault(r, member, "is not a whole number");
		return min;
	}
	v = json_integer_value(value);
	if (v < min || v > max) {
		fault(r, member, "is out of range");
		return min;
	}
	return v;
}

static bool
get_bool(struct reader *r, const char *member)
{
	const json_t *value = get(r, member);

	if (!json_is_boolean(value))
		fault(r, member, "is not true or false");
	return json_is_true(value);
}

/* Zero-terminated; `size` with the terminator. */
static void
get_text(struct reader *r, const char *member, char *out, size_t size)
{
	const json_t *value = get(r, member);
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	*out = '\0';
	if (text == NULL || strlen(text) != len)
		fault(r, member, "is not a text");
	else if (len >= size)
		fault(r, member, "is too long");
	else
		memcpy(out, text, len + 1);
}

/* False where it is null. */
static bool
get_hex(struct reader *r, const char *member, void *out, size_t len)
{
	const json_t *value = get(r, member);
	const char *text = json_string_value(value);

	if (json_is_null(value))
		return false;
	if (text == NULL || !bb_text_hex_scan(text, out, len)) {
		fault(r, member, "is not hexadecimal of the right length");
		return false;
	}
	return true;
}

static void
must_hex(struct reader *r, const char *member, void *out, size_t len)
{
	if (!get_hex(r, member, out, len))
		fault(r, member, "is null");
}

static void
get_account(struct reader *r, struct account *account)
{
	get_text(r, "service", account->service, sizeof(account->service));
	get_text(r, "user", account->user, sizeof(account->user));
}

static json_t *
get_list(struct reader *r, const char *member)
{
	const json_t *value = get(r, member);

	if (!json_is_array(value)) {
		fault(r, member, "is not a list");
		return NULL;
	}
	if (json_array_size(value) > HELD_MAX)
		fault(r, member, "is too long");
	return json_deep_copy(value);
}

static void
get_trace(struct reader *outer, struct trace *trace)
{
	struct reader r;

	trace->wanted = get_inner(outer, "trace", &r);
	if (!trace->wanted)
		return;
	get_text(&r, "boot", trace->boot, sizeof(trace->boot));
	trace->start_us = get_int(&r, "start_us", 0, INT64_MAX);
	trace->us = get_int(&r, "us", 0, INT64_MAX);
	trace->plain = get_int(&r, "plain", 0, INT32_MAX);
	trace->packed = get_int(&r, "packed", 0, INT32_MAX);
	trace->sealed = get_int(&r, "sealed", 0, INT32_MAX);
	leave(outer, &r);
}

static void
get_outstanding(struct reader *outer, struct profile *p)
{
	struct outstanding *o = &p->outstanding;
	struct reader r;

	p->has_outstanding = get_inner(outer, "outstanding", &r);
	if (!p->has_outstanding)
		return;
	o->att = (uint32_t)get_int(&r, "att", 1, BB_NUMBER_MAX);
	o->resume = get_bool(&r, "resume");
	get_account(&r, &o->account);
	must_hex(&r, "kid", o->kid, sizeof(o->kid));
	must_hex(&r, "e_private", o->e_private, sizeof(o->e_private));
	must_hex(&r, "e_public", o->e_public, sizeof(o->e_public));
	must_hex(&r, "nonce", o->nonce, sizeof(o->nonce));
	o->first = (uint64_t)get_int(&r, "first", 0, INT64_MAX);
	o->last = (uint64_t)get_int(&r, "last", 0, INT64_MAX);
	get_trace(&r, &o->trace);
	leave(outer, &r);
}

static void
get_session(struct reader *outer, struct profile *p)
{
	struct session *s = &p->session;
	struct reader r;

	p->has_session = get_inner(outer, "session", &r);
	if (!p->has_session)
		return;
	s->open = get_bool(&r, "open");
	s->resume = get_bool(&r, "resume");
	s->has_id = get_hex(&r, "id", s->id, sizeof(s->id));
	get_account(&r, &s->account);
	s->att = (uint32_t)get_int(&r, "att", 1, BB_NUMBER_MAX);
	s->seq = (uint32_t)get_int(&r, "seq", 0, BB_NUMBER_MAX);
	must_hex(&r, "nonce", s->nonce, sizeof(s->nonce));
	s->status_interval = get_int(&r, "status_interval", 0, INT64_MAX);
	leave(outer, &r);
}

/* Numbers rise by one up to the next one; the rest of a message was checked
 * when it was taken, and is again before it is sent. */
static void
check_held(struct reader *r, const struct numbering *n)
{
	size_t i, len = json_array_size(n->held);
	const json_t *message;

	if (n->held == NULL || len >= n->next) {
		fault(r, "held", "has wrong numbers");
		return;
	}
	for (i = 0; i < len; i++) {
		message = json_array_get(n->held, i);
		if ((uint64_t)json_integer_value(
			json_object_get(message, "n")) != n->next - len + i)
			fault(r, "held", "has wrong numbers");
	}
}

static bool
get_numbering(struct reader *outer, const char *member, struct numbering *n)
{
	struct reader r;

	if (!get_inner(outer, member, &r))
		return false;
	must_hex(&r, "id", n->id, sizeof(n->id));
	get_account(&r, &n->account);
	n->accepted = get_bool(&r, "accepted");
	n->anew = get_bool(&r, "anew");
	n->next = (uint64_t)get_int(&r, "next", 1, INT64_MAX);
	n->held = get_list(&r, "held");
	n->have = (uint64_t)get_int(&r, "have", 0, INT64_MAX);
	check_held(&r, n);
	leave(outer, &r);
	return true;
}

static void
get_down(struct reader *outer, struct bb_device *device)
{
	char seen[BB_U64_HEX_MAX];
	struct reader r;

	if (!get_inner(outer, "down", &r)) {
		fault(outer, "down", "is null");
		return;
	}
	device->down.highest =
	    (uint32_t)get_int(&r, "highest", 0, BB_NUMBER_MAX);
	device->whole = (uint32_t)get_int(&r, "whole", 0, BB_NUMBER_MAX);
	device->lost = get_bool(&r, "lost");
	get_text(&r, "seen", seen, sizeof(seen));
	if (!bb_text_u64_hex_scan(seen, &device->down.seen))
		fault(&r, "seen", "is not hexadecimal");
	leave(outer, &r);
}

static void
get_profile(struct reader *r, struct profile *p)
{
	char text[BB_PIN_TEXT_MAX];
	uint32_t pin;

	if (get_int(r, "v", 0, INT_MAX) != PROFILE_VERSION)
		fault(r, "v", "is of another version of this program");
	get_text(r, "pin", text, sizeof(text));
	if (!bb_text_pin_scan(text, &pin) || pin != p->pin)
		fault(r, "pin", "is another one");
	get_account(r, &p->usual);
	p->device.att = (uint32_t)get_int(r, "att", 0, BB_NUMBER_MAX);
	must_hex(r, "current", p->current, sizeof(p->current));
	p->has_previous =
	    get_hex(r, "previous", p->previous, sizeof(p->previous));
	get_outstanding(r, p);
	get_session(r, p);
	if (!get_numbering(r, "numbering", &p->numbering))
		fault(r, "numbering", "is null");
	p->has_kept = get_numbering(r, "kept", &p->kept);
	p->later = get_list(r, "later");
	if (json_object_get(r->json, "via") != NULL)
		p->via = get_list(r, "via");
	get_down(r, &p->device);
}

int
profile_scan(struct profile *p, const void *text, size_t len, char why[WHY_MAX])
{
	struct reader none = { 0 }, r;
	json_error_t error;
	json_t *json;
	int line;

	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	line = error.line;
	bb_wipe(&error, sizeof(error)); /* it quotes the text */
	if (json == NULL) {
		(void)snprintf(why, WHY_MAX, "its file is damaged in line %d",
		    line);
		errno = EINVAL;
		return -1;
	}
	r = reader(json);
	get_profile(&r, p);
	leave(&none, &r);
	json_decref(json);
	if (none.member != NULL) {
		(void)snprintf(why, WHY_MAX, "its member \"%s\" %s",
		    none.member, none.fault);
		errno = EINVAL;
		return -1;
	}
	profile_settle(p);
	return 0;
}
