/* Owns requests of askers. */
#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "bbdevice.h"
#include "live.h"
#include "numbers.h"
#include "out.h"
#include "wire/text.h"

#include "base/cc.h"

static const char *
text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value == NULL ? "" : value;
}

static uint64_t
number(const json_t *json, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(json, name));
}

/* --- messages ------------------------------------------------------------- */

static void
wait_for(struct client *c, uint64_t n)
{
	struct live *l = c->l;

	if (!l->covered) {
		serve_say_new(c,
		    serve_result(l, n, "kept", "the device is out of coverage",
			EXIT_LOCAL_UNREACHABLE));
		return;
	}
	c->waits[c->waits_len++] = n;
	link_want(l);
	if (attach_open(l))
		data_messages(l);
}

static void
take_send(struct client *c, const json_t *request)
{
	struct live *l = c->l;
	char id[2 * NUMBERING_LEN + 1];
	uint64_t n = l->p.numbering.next;

	if (c->waits_len == CLIENT_WAITS_MAX) {
		serve_failed(c, EXIT_LOCAL_REFUSED,
		    "unable to send: too many messages at once");
		return;
	}
	if (numbers_hold(&l->p, text(request, "to"), text(request, "text")) ==
	    -1) {
		serve_failed(c,
		    errno == ENOSPC ? EXIT_LOCAL_REFUSED : BB_EXIT_TEMP,
		    errno == ENOSPC ? "unable to keep the message: too many "
				      "are not acknowledged"
				    : "unable to keep the message");
		return;
	}
	live_save(l);
	bb_text_hex(l->p.numbering.id, NUMBERING_LEN, id);
	serve_say_new(c, json_pack("{s:s, s:I, s:s}", "re", "kept", "n",
			     (json_int_t)n, "numbering", id));
	wait_for(c, n);
}

/* The process that took it has ended in the meantime. */
static void
take_await(struct client *c, const json_t *request)
{
	struct live *l = c->l;
	char id[2 * NUMBERING_LEN + 1];
	uint64_t n = number(request, "n");

	bb_text_hex(l->p.numbering.id, NUMBERING_LEN, id);
	if (c->waits_len < CLIENT_WAITS_MAX &&
	    strcmp(text(request, "numbering"), id) == 0 &&
	    n >= numbers_first(&l->p.numbering) && n < l->p.numbering.next) {
		wait_for(c, n);
		return;
	}
	serve_say_new(c,
	    serve_result(l, n, "unknown", "the process that sent it has ended",
		EXIT_IM_UNKNOWN));
}

/* --- volatile ------------------------------------------------------------- */

/* A login that has to be made again, makes it with this presence. */
static void
keep_presence(struct live *l, const json_t *message)
{
	json_t *show = json_object_get(message, "show");
	json_t *status = json_object_get(message, "status");

	if (l->asked == NULL)
		l->asked = json_object();
	if (json_object_set(l->asked, "show", show) == -1 ||
	    json_object_set_new(l->asked, "status",
		status == NULL ? json_null() : json_incref(status)) == -1)
		live_no_memory();
	l->show = json_string_value(show);
	l->status = json_string_value(status);
}

/* Done when it was sent in a session that is sure to be there. */
void
serve_volatile(struct client *c, const json_t *message)
{
	struct live *l = c->l;
	bool leaves = json_is_false(json_object_get(message, "coverage"));
	const char *op = text(message, "op");

	data_send(l, json_deep_copy(message));
	if (strcmp(op, "presence") == 0)
		keep_presence(l, message);
	if (strcmp(op, "logout") == 0) {
		c->logs_out = true;
	} else if (l->sure || leaves) {
		serve_done(c, op);
	} else {
		live_put(&c->unsure, json_string(op));
		l->fetch_due = true;
	}
}

static void
leave_coverage(struct client *c, const json_t *message)
{
	struct live *l = c->l;

	if (attach_open(l))
		data_send(l, json_deep_copy(message));
	l->covered = false;
	link_leave(l);
	serve_done(c, "alive");
}

static void
take_volatile(struct client *c, const json_t *message)
{
	struct live *l = c->l;
	bool alive = strcmp(text(message, "op"), "alive") == 0;

	/* Where we hold the profile for this alone, it is said and we go. */
	if (alive && json_is_false(json_object_get(message, "coverage")) &&
	    (c->own == NULL || attach_open(l))) {
		leave_coverage(c, message);
		return;
	}
	if (alive && json_is_true(json_object_get(message, "coverage")))
		l->covered = true;
	if (!l->covered) {
		serve_failed(c, EXIT_LOCAL_UNREACHABLE,
		    "the device is out of coverage");
		return;
	}
	if (attach_open(l)) {
		serve_volatile(c, message);
		return;
	}
	live_put(&c->queue, json_deep_copy(message));
	link_want(l);
}

/* --- others --------------------------------------------------------------- */

/* Somebody listens now: what nobody heard is sent again. */
void
serve_hear(struct live *l)
{
	enum take_hear hear = TAKE_UNHEARD;
	const struct client *c;

	for (c = l->clients; c != NULL; c = c->next) {
		if (!c->listens)
			continue;
		if (c->own != NULL && !c->own->done)
			hear = TAKE_SHOWN;
		else if (hear == TAKE_UNHEARD && c->peer != NULL)
			hear = TAKE_RELAYED;
	}
	if (hear == l->take.hear)
		return;
	if (l->take.hear == TAKE_UNHEARD || hear == TAKE_SHOWN)
		l->fetch_due = true;
	l->take.hear = hear;
	l->take.relayed = l->p.numbering.have;
}

static void
fetch_now(struct live *l)
{
	struct client *c;

	serve_hear(l);
	for (c = l->clients; c != NULL; c = c->next)
		c->fetched = c->fetched && !l->fetch_due;
	if (!l->fetch_due || !attach_open(l))
		return;
	l->fetch_due = false;
	data_send(l, json_pack("{s:s}", "op", "fetch"));
}

static void
take_listen(struct client *c, const json_t *request)
{
	(void)request;
	c->listens = true;
	serve_numbering(c);
	link_want(c->l);
	if (attach_open(c->l))
		fetch_now(c->l);
}

static void
take_fetch(struct client *c, const json_t *request)
{
	(void)request;
	c->fetches = true;
	c->fetched = false;
	c->l->fetch_due = true;
	link_want(c->l);
	if (attach_open(c->l))
		fetch_now(c->l);
}

static void
take_had(struct client *c, const json_t *request)
{
	struct live *l = c->l;
	uint64_t n = number(request, "n");

	if (l->take.hear != TAKE_RELAYED || n > l->take.relayed ||
	    n <= l->p.numbering.have)
		return;
	l->p.numbering.have = n;
	live_save(l);
	if (!l->ending)
		live_timer(l->ack, 0);
}

json_t *
status_of_link(const struct profile *p, const char *state, bool linked)
{
	const struct session *s = &p->session;
	json_t *json = out_object(p->pin, "status");
	char id[2 * SESSION_ID_LEN + 1];

	out_set(json, "state", json_string(state));
	out_set(json, "linked", json_boolean(linked));
	if (p->has_session) {
		bb_text_hex(s->id, SESSION_ID_LEN, id);
		out_set(json, "service", json_string(s->account.service));
		out_set(json, "user", json_string(s->account.user));
		out_set(json, "session",
		    s->has_id ? json_string(id) : json_null());
		out_set(json, "status_interval",
		    json_integer((json_int_t)s->status_interval));
	}
	out_set(json, "att", json_integer((json_int_t)p->device.att));
	out_set(json, "waiting",
	    json_integer((json_int_t)json_array_size(p->numbering.held)));
	out_set(json, "have", json_integer((json_int_t)p->numbering.have));
	return json;
}

static void
take_status(struct client *c, const json_t *request)
{
	const struct live *l = c->l;
	const char *state = bb_device_state_word(l->p.device.state);

	(void)request;
	serve_say_new(c,
	    status_of_link(&l->p, l->covered ? state : "out of coverage",
		l->peer != NULL));
}

static bool
copy_name(char *to, size_t size, const char *from)
{
	if (!bb_text_name(from, size - 1))
		return false;
	memcpy(to, from, strlen(from) + 1);
	return true;
}

/* The holder lives on when another process's login is refused. */
static void
begin_trial(struct client *c)
{
	struct live *l = c->l;

	if (c->own != NULL || !l->was_open || l->trial)
		return;
	l->trial = true;
	l->former = l->account;
	l->former_password = l->password;
	l->password = (struct bb_secret){ 0 };
}

static void
take_login(struct client *c, const json_t *request)
{
	struct live *l = c->l;
	const json_t *password = json_object_get(request, "password");

	begin_trial(c);
	if (!copy_name(l->account.service, sizeof(l->account.service),
		text(request, "service")) ||
	    !copy_name(l->account.user, sizeof(l->account.user),
		text(request, "user")) ||
	    bb_secret_set(&l->password, text(request, "password"),
		json_string_length(password)) == -1) {
		serve_failed(c, EXIT_LOCAL_REFUSED,
		    "unable to log in: the request is wrong");
		return;
	}
	c->traces = json_is_true(json_object_get(request, "trace"));
	json_decref(l->asked);
	l->asked = json_deep_copy(request);
	(void)json_object_del(l->asked, "password");
	l->show = json_string_value(json_object_get(l->asked, "show"));
	l->status = json_string_value(json_object_get(l->asked, "status"));
	l->trace = json_is_true(json_object_get(request, "trace"));
	l->login = true;
	l->resume = false;
	l->covered = true;
	c->attaches = true;
	if (l->peer != NULL)
		attach_begin(l);
	else
		link_want(l);
}

static void
take_resume(struct client *c, const json_t *request)
{
	struct live *l = c->l;

	l->trace = c->traces = json_is_true(json_object_get(request, "trace"));
	l->covered = true;
	c->attaches = true;
	if (l->peer != NULL)
		attach_begin(l);
	else
		link_want(l);
}

void
serve_request(struct client *c, const json_t *request)
{
	static const struct {
		const char *op;
		void (*take)(struct client *c, const json_t *request);
	} ops[] = {
		{ "send", take_send },
		{ "await", take_await },
		{ "presence", take_volatile },
		{ "alive", take_volatile },
		{ "logout", take_volatile },
		{ "listen", take_listen },
		{ "fetch", take_fetch },
		{ "had", take_had },
		{ "status", take_status },
		{ "login", take_login },
		{ "resume", take_resume },
	};
	const char *op = text(request, "op");
	size_t i;

	/* What was printed is noted to the last. */
	if (c->l->ending && strcmp(op, "had") != 0)
		return;
	for (i = 0; i < BB_LEN(ops); i++) {
		if (strcmp(ops[i].op, op) == 0) {
			ops[i].take(c, request);
			return;
		}
	}
	serve_failed(c, EXIT_LOCAL_PROTOCOL,
	    "the process that holds the profile does not know this request");
}
