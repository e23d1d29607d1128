/* Owns writing profile.json. */
#include "profile.h"

#include <errno.h>
#include <string.h>

#include "base/secret.h"
#include "line/message.h"
#include "wire/text.h"

#include "base/cc.h"

#define HEX_MAX 32 /* bytes of the longest member that is hexadecimal */

static json_t *
hex(const void *bytes, size_t len)
{
	char text[2 * HEX_MAX + 1];
	json_t *json;

	bb_text_hex(bytes, len, text);
	json = json_string(text);
	bb_wipe(text, sizeof(text));
	return json;
}

static json_t *
print_trace(const struct trace *trace)
{
	if (!trace->wanted)
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "boot", trace->boot,
	    "start_us", (json_int_t)trace->start_us, "us",
	    (json_int_t)trace->us, "plain", (json_int_t)trace->plain, "packed",
	    (json_int_t)trace->packed, "sealed", (json_int_t)trace->sealed);
}

static json_t *
print_outstanding(const struct profile *p)
{
	const struct outstanding *o = &p->outstanding;

	if (!p->has_outstanding)
		return json_null();
	return json_pack("{s:I, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, "
			 "s:o}",
	    "att", (json_int_t)o->att, "resume", (int)o->resume, "service",
	    o->account.service, "user", o->account.user, "kid",
	    hex(o->kid, sizeof(o->kid)), "e_private",
	    hex(o->e_private, sizeof(o->e_private)), "e_public",
	    hex(o->e_public, sizeof(o->e_public)), "nonce",
	    hex(o->nonce, sizeof(o->nonce)), "first", (json_int_t)o->first,
	    "last", (json_int_t)o->last, "trace", print_trace(&o->trace));
}

static json_t *
print_session(const struct profile *p)
{
	const struct session *s = &p->session;

	if (!p->has_session)
		return json_null();
	return json_pack("{s:b, s:b, s:o, s:s, s:s, s:I, s:I, s:o, s:I}",
	    "open", (int)(s->open && !p->live), "resume", (int)s->resume, "id",
	    s->has_id ? hex(s->id, sizeof(s->id)) : json_null(), "service",
	    s->account.service, "user", s->account.user, "att",
	    (json_int_t)s->att, "seq", (json_int_t)s->seq, "nonce",
	    hex(s->nonce, sizeof(s->nonce)), "status_interval",
	    (json_int_t)s->status_interval);
}

static json_t *
print_numbering(const struct numbering *n)
{
	return json_pack("{s:o, s:s, s:s, s:b, s:b, s:I, s:O, s:I}", "id",
	    hex(n->id, sizeof(n->id)), "service", n->account.service, "user",
	    n->account.user, "accepted", (int)n->accepted, "anew", (int)n->anew,
	    "next", (json_int_t)n->next, "held", n->held, "have",
	    (json_int_t)n->have);
}

static json_t *
print_down(const struct bb_device *device)
{
	char seen[BB_U64_HEX_MAX];

	bb_text_u64_hex(device->down.seen, seen);
	return json_pack("{s:I, s:I, s:b, s:s}", "highest",
	    (json_int_t)device->down.highest, "whole",
	    (json_int_t)device->whole, "lost", (int)device->lost, "seen", seen);
}

static json_t *
print_profile(const struct profile *p)
{
	char pin[BB_PIN_TEXT_MAX];

	bb_text_pin(p->pin, pin);
	return json_pack("{s:i, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:O, s:o, s:O*}",
	    "v", PROFILE_VERSION, "pin", pin, "service", p->usual.service,
	    "user", p->usual.user, "att", (json_int_t)p->device.att, "current",
	    hex(p->current, sizeof(p->current)), "previous",
	    p->has_previous ? hex(p->previous, sizeof(p->previous))
			    : json_null(),
	    "outstanding", print_outstanding(p), "session", print_session(p),
	    "numbering", print_numbering(&p->numbering), "kept",
	    p->has_kept ? print_numbering(&p->kept) : json_null(), "later",
	    p->later, "down", print_down(&p->device), "via", p->via);
}

int
profile_print(const struct profile *p, struct bb_buf *out)
{
	json_t *json = print_profile(p);
	char *text = NULL;
	size_t len = 0;
	int rc = -1;

	if (json != NULL)
		text = json_dumps(json, JSON_INDENT(1));
	json_decref(json);
	if (text == NULL) {
		errno = ENOMEM;
		return -1;
	}
	len = strlen(text);
	if (bb_buf_put(out, text, len) == 0 && bb_buf_puts(out, "\n") == 0)
		rc = 0;
	bb_json_text_free(text, len);
	if (rc == -1 && errno == ENOBUFS)
		errno = EFBIG;
	return rc;
}
