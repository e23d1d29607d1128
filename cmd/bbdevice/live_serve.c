/* Owns requests of askers, and who is told what. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "bbdevice.h"
#include "line/message.h"
#include "live.h"
#include "numbers.h"
#include "out.h"
#include "wire/text.h"

#include "base/cc.h"

static void
no_memory(void)
{
	errno = ENOMEM;
	bb_die_sys("unable to answer");
}

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

/* --- saying --------------------------------------------------------------- */

void
serve_say(struct client *c, const json_t *object)
{
	if (c->own != NULL)
		asker_take(c->own, object);
	else if (c->peer != NULL)
		socket_say(c, object);
}

void
serve_say_new(struct client *c, json_t *object)
{
	if (object == NULL)
		no_memory();
	serve_say(c, object);
	json_decref(object);
}

void
serve_done(struct client *c, const char *op)
{
	serve_say_new(c, json_pack("{s:s, s:s}", "re", "done", "op", op));
}

void
serve_failed(struct client *c, int status, const char *why)
{
	serve_say_new(c, json_pack("{s:s, s:s, s:i}", "re", "failed", "text",
			     why, "exit", status));
}

bool
serve_waits(const struct client *c)
{
	if (c->own != NULL ? c->own->done : c->peer == NULL)
		return false;
	return c->attaches || c->fetches || c->logs_out || c->waits_len > 0 ||
	       json_array_size(c->queue) > 0 || json_array_size(c->unsure) > 0;
}

void
serve_forget(struct client *c)
{
	c->listens = c->attaches = c->fetches = c->logs_out = false;
	c->waits_len = 0;
	json_decref(c->queue);
	json_decref(c->unsure);
	c->queue = c->unsure = NULL;
}

/* --- messages ------------------------------------------------------------- */

/* True when this one waited for it. */
static bool
stop_waiting(struct client *c, uint64_t n)
{
	size_t i;

	for (i = 0; i < c->waits_len; i++) {
		if (c->waits[i] != n)
			continue;
		memmove(&c->waits[i], &c->waits[i + 1],
		    (c->waits_len - i - 1) * sizeof(c->waits[0]));
		c->waits_len--;
		return true;
	}
	return false;
}

static json_t *
make_result(const struct live *l, uint64_t n, const char *word,
    const char *reason, int status)
{
	json_t *json = out_object(l->p.pin, "result");

	out_set(json, "n", json_integer((json_int_t)n));
	out_set(json, "result", json_string(word));
	out_set(json, "reason", json_string(reason));
	out_set(json, "exit", json_integer(status));
	return json;
}

static void
wait_for(struct client *c, uint64_t n)
{
	struct live *l = c->l;

	if (!l->covered) {
		serve_say_new(c,
		    make_result(l, n, "kept", "the device is out of coverage",
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
	    make_result(l, n, "unknown", "the process that sent it has ended",
		EXIT_IM_UNKNOWN));
}

static void
tell_acknowledged(struct client *c)
{
	struct live *l = c->l;
	size_t i = 0;
	uint64_t n;

	while (i < c->waits_len) {
		n = c->waits[i];
		if (n >= numbers_first(&l->p.numbering)) {
			i++;
			continue;
		}
		(void)stop_waiting(c, n);
		serve_say_new(c, make_result(l, n, "unknown",
				     "it was acknowledged, its result was lost",
				     EXIT_IM_UNKNOWN));
	}
}

void
serve_renumbered(struct live *l, uint64_t first)
{
	struct client *c;
	size_t i;
	uint64_t n;

	for (c = l->clients; c != NULL; c = c->next) {
		for (i = 0; i < c->waits_len; i++) {
			n = c->waits[i] - first + 1;
			if (n < l->p.numbering.next)
				c->waits[i] = n;
		}
	}
}

/* --- volatile ------------------------------------------------------------- */

static void
put(json_t **list, json_t *value)
{
	if (*list == NULL)
		*list = json_array();
	if (json_array_append_new(*list, value) == -1)
		no_memory();
}

/* Done when it was sent in a session that is sure to be there. */
static void
send_volatile(struct client *c, const json_t *message)
{
	struct live *l = c->l;
	bool leaves = json_is_false(json_object_get(message, "coverage"));
	const char *op = text(message, "op");

	data_send(l, json_deep_copy(message));
	if (strcmp(op, "logout") == 0) {
		c->logs_out = true;
	} else if (l->sure || leaves) {
		serve_done(c, op);
	} else {
		put(&c->unsure, json_string(op));
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
		send_volatile(c, message);
		return;
	}
	put(&c->queue, json_deep_copy(message));
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

static void
take_login(struct client *c, const json_t *request)
{
	struct live *l = c->l;
	const json_t *password = json_object_get(request, "password");

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

	l->trace = json_is_true(json_object_get(request, "trace"));
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

	for (i = 0; i < BB_LEN(ops); i++) {
		if (strcmp(ops[i].op, op) == 0) {
			ops[i].take(c, request);
			return;
		}
	}
	serve_failed(c, EXIT_LOCAL_PROTOCOL,
	    "the process that holds the profile does not know this request");
}

/* --- what the gateway said ------------------------------------------------ */

static void
say_result(struct live *l, const json_t *result)
{
	uint64_t n = number(result, "n");
	struct client *c;

	for (c = l->clients; c != NULL; c = c->next) {
		if (!stop_waiting(c, n))
			continue;
		serve_say(c, result);
		return;
	}
	if (l->own.listens)
		serve_say(&l->own, result);
}

void
serve_sink(void *live, const json_t *object)
{
	const char *kind = text(object, "kind");
	struct live *l = live;
	struct client *c;

	if (strcmp(kind, "result") == 0) {
		say_result(l, object);
	} else if (strcmp(kind, "event") == 0) {
		for (c = l->clients; c != NULL; c = c->next) {
			if (c->listens)
				serve_say(c, object);
		}
	} else if (strcmp(kind, "more") != 0) {
		put(&l->said, json_incref((json_t *)(uintptr_t)object));
	}
}

/* The end of a session is for everybody. */
void
serve_attach_said(struct live *l)
{
	const json_t *object;
	struct client *c;
	size_t i;
	bool bye;

	for (i = 0; i < json_array_size(l->said); i++) {
		object = json_array_get(l->said, i);
		bye = strcmp(text(object, "kind"), "bye") == 0;
		for (c = l->clients; c != NULL; c = c->next) {
			if (bye || c->own != NULL || c->attaches)
				serve_say(c, object);
			if (bye)
				c->logs_out = false;
		}
	}
}

void
serve_opened(struct live *l)
{
	struct client *c;
	json_t *queue;
	size_t i;

	for (c = l->clients; c != NULL; c = c->next) {
		l->fetch_due |= c->attaches || c->fetches;
		c->fetched = false;
		queue = c->queue;
		c->queue = NULL;
		for (i = 0; i < json_array_size(queue); i++)
			send_volatile(c, json_array_get(queue, i));
		json_decref(queue);
	}
}

/* Step 8 of the flow. */
static void
say_started(struct client *c)
{
	struct show show = { .sink = serve_sink, .ctx = c->l };
	int64_t us = bb_clock_us() - c->l->opened_us;

	(void)json_array_clear(c->l->said);
	show_step(&show, c->l->p.pin, 8, "bbdevice",
	    "started the session: its first message was answered", us);
	serve_say(c, json_array_get(c->l->said, 0));
	(void)json_array_clear(c->l->said);
}

void
serve_sure(struct live *l)
{
	bool traced = json_is_true(json_object_get(l->asked, "trace"));
	struct client *c;
	json_t *unsure;
	size_t i;

	for (c = l->clients; c != NULL; c = c->next) {
		if (c->attaches) {
			c->attaches = false;
			if (traced && l->asked != NULL)
				say_started(c);
			serve_done(c, "login");
			serve_done(c, "resume");
		}
		unsure = c->unsure;
		c->unsure = NULL;
		for (i = 0; i < json_array_size(unsure); i++)
			serve_done(c,
			    json_string_value(json_array_get(unsure, i)));
		json_decref(unsure);
	}
}

void
serve_took(struct live *l)
{
	struct client *c;

	for (c = l->clients; c != NULL; c = c->next) {
		tell_acknowledged(c);
		if (!c->fetches)
			continue;
		c->fetched |= l->take.last.ack;
		if (c->fetched && !l->more) {
			c->fetches = false;
			serve_done(c, "fetch");
		}
	}
}
