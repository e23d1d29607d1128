/* Owns what people see of a profile. */
#include "profile_show.h"

#include <inttypes.h>

#include "base/fail.h"
#include "base/secret.h"
#include "numbers.h"
#include "wire/text.h"

#include "base/cc.h"

#define KID_TEXT_MAX (2 * BB_KID_LEN + 1)

/* Names a key without telling it. */
static void
kid_text(const struct profile *p, enum bb_device_key which,
    char out[KID_TEXT_MAX])
{
	struct bb_keys keys;

	if (profile_keys(p, which, &keys) == -1)
		bb_die_sys("unable to name a key");
	bb_text_hex(keys.kid, sizeof(keys.kid), out);
	bb_wipe(&keys, sizeof(keys));
}

static json_t *
hex_json(const void *bytes, size_t len)
{
	char text[2 * BB_NONCE_LEN + 1];

	bb_text_hex(bytes, len, text);
	return json_string(text);
}

static json_t *
session_json(const struct profile *p)
{
	const struct session *s = &p->session;

	if (!p->has_session)
		return json_null();
	return json_pack("{s:o, s:s, s:s, s:I, s:I, s:b, s:b, s:I}", "id",
	    s->has_id ? hex_json(s->id, sizeof(s->id)) : json_null(), "service",
	    s->account.service, "user", s->account.user, "att",
	    (json_int_t)s->att, "seq", (json_int_t)s->seq, "open", (int)s->open,
	    "resume", (int)s->resume, "status_interval",
	    (json_int_t)s->status_interval);
}

/* What is on disk does not say how it stands with a process that holds it. */
static const char *
state_word(const struct profile *p, pid_t holder)
{
	return holder != 0 ? "held" : bb_device_state_word(p->device.state);
}

static json_t *
row_json(const struct profile *p, pid_t holder)
{
	json_t *json = out_object(p->pin, "profile");

	out_set(json, "service", json_string(p->usual.service));
	out_set(json, "user",
	    *p->usual.user == '\0' ? json_null() : json_string(p->usual.user));
	out_set(json, "state", json_string(state_word(p, holder)));
	out_set(json, "holder",
	    holder == 0 ? json_null() : json_integer(holder));
	out_set(json, "att", json_integer((json_int_t)p->device.att));
	out_set(json, "unacknowledged",
	    json_integer((json_int_t)json_array_size(p->numbering.held)));
	return json;
}

void
profile_show_row(struct bb_buf *out, const struct profile *p, pid_t holder,
    bool json)
{
	if (json) {
		out_json(out, row_json(p, holder));
		return;
	}
	out_printf(out, "%08x  ", (unsigned)p->pin);
	out_peer(out, *p->usual.user == '\0' ? "-" : p->usual.user);
	out_printf(out, " at ");
	out_peer(out, p->usual.service);
	out_printf(out, "  %s", state_word(p, holder));
	if (holder != 0)
		out_printf(out, "  held by process %ld", (long)holder);
	out_printf(out, "\n");
}

static void
show_json(struct bb_buf *out, const struct profile *p, pid_t holder)
{
	const struct numbering *n = &p->numbering;
	char kid[KID_TEXT_MAX];
	json_t *json = row_json(p, holder);

	kid_text(p, BB_KEY_CURRENT, kid);
	out_set(json, "current_kid", json_string(kid));
	if (p->has_previous)
		kid_text(p, BB_KEY_PREVIOUS, kid);
	out_set(json, "previous_kid",
	    p->has_previous ? json_string(kid) : json_null());
	out_set(json, "via",
	    p->via == NULL ? json_array() : json_incref(p->via));
	out_set(json, "session", session_json(p));
	out_set(json, "numbering", hex_json(n->id, sizeof(n->id)));
	out_set(json, "next", json_integer((json_int_t)n->next));
	out_set(json, "have", json_integer((json_int_t)n->have));
	out_set(json, "messages", json_deep_copy(n->held));
	out_set(json, "elsewhere",
	    json_integer((json_int_t)numbers_elsewhere(p)));
	out_json(out, json);
}

static void
show_session(struct bb_buf *out, const struct profile *p)
{
	const struct session *s = &p->session;
	char id[2 * SESSION_ID_LEN + 1] = "without id";

	if (!p->has_session) {
		out_printf(out, "session          none\n");
		return;
	}
	if (s->has_id)
		bb_text_hex(s->id, sizeof(s->id), id);
	out_printf(out, "session          %s of ", id);
	out_peer(out, s->account.user);
	out_printf(out, " at ");
	out_peer(out, s->account.service);
	out_printf(out, ", attach %" PRIu32 ", %s\n", s->att,
	    s->open ? "open" : "not open");
}

static void
show_messages(struct bb_buf *out, const struct profile *p)
{
	const json_t *message;
	size_t i;

	out_printf(out, "unacknowledged   %zu\n",
	    json_array_size(p->numbering.held));
	for (i = 0; i < json_array_size(p->numbering.held); i++) {
		message = json_array_get(p->numbering.held, i);
		out_printf(out, "  %" JSON_INTEGER_FORMAT " to ",
		    json_integer_value(json_object_get(message, "n")));
		out_peer(out,
		    json_string_value(json_object_get(message, "to")));
		out_printf(out, ": ");
		out_peer(out,
		    json_string_value(json_object_get(message, "text")));
		out_printf(out, "\n");
	}
	if (numbers_elsewhere(p) > 0)
		out_printf(out, "of other accounts %zu\n",
		    numbers_elsewhere(p));
}

void
profile_show(struct bb_buf *out, const struct profile *p, pid_t holder,
    bool json)
{
	char kid[KID_TEXT_MAX];
	size_t i;

	if (json) {
		show_json(out, p, holder);
		return;
	}
	out_printf(out, "pin              %08x\n", (unsigned)p->pin);
	out_printf(out, "user             ");
	out_peer(out, *p->usual.user == '\0' ? "-" : p->usual.user);
	out_printf(out, "\nservice          ");
	out_peer(out, p->usual.service);
	out_printf(out, "\n");
	for (i = 0; i < json_array_size(p->via); i++) {
		out_printf(out, "via              ");
		out_peer(out, json_string_value(json_array_get(p->via, i)));
		out_printf(out, "\n");
	}
	out_printf(out, "state            %s\n", state_word(p, holder));
	if (holder != 0)
		out_printf(out, "held by          process %ld\n", (long)holder);
	out_printf(out, "attach number    %" PRIu32 "\n", p->device.att);
	kid_text(p, BB_KEY_CURRENT, kid);
	out_printf(out, "current key      %s\n", kid);
	if (p->has_previous)
		kid_text(p, BB_KEY_PREVIOUS, kid);
	out_printf(out, "previous key     %s\n",
	    p->has_previous ? kid : "none");
	show_session(out, p);
	out_printf(out, "events up to     %" PRIu64 "\n", p->numbering.have);
	show_messages(out, p);
}
