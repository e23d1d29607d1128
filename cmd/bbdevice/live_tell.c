/* Owns what askers are told: answers to requests, and what the gateway says. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
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
		live_no_memory();
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

void
serve_numbering(struct client *c)
{
	char id[2 * NUMBERING_LEN + 1];

	bb_text_hex(c->l->p.numbering.id, NUMBERING_LEN, id);
	serve_say_new(c, json_pack("{s:s, s:s}", "re", "numbering", "id", id));
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

json_t *
serve_result(const struct live *l, uint64_t n, const char *word,
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
tell_acknowledged(struct client *c, uint64_t first)
{
	struct live *l = c->l;
	size_t i = 0;
	uint64_t n;

	while (i < c->waits_len) {
		n = c->waits[i];
		if (n >= first) {
			i++;
			continue;
		}
		(void)stop_waiting(c, n);
		serve_say_new(c, serve_result(l, n, "unknown",
				     "it was acknowledged, its result was lost",
				     EXIT_IM_UNKNOWN));
	}
}

/* Their numbers rise, and the new ones are not above them. */
static void
renumber(struct client *c, uint64_t first)
{
	const struct numbering *numbers = &c->l->p.numbering;
	char id[2 * NUMBERING_LEN + 1];
	uint64_t was;
	size_t i;

	bb_text_hex(numbers->id, NUMBERING_LEN, id);
	for (i = 0; i < c->waits_len; i++) {
		was = c->waits[i];
		if (was - first + 1 >= numbers->next)
			continue;
		c->waits[i] = was - first + 1;
		serve_say_new(c, json_pack("{s:s, s:I, s:I, s:s}", "re",
				     "renumbered", "was", (json_int_t)was, "n",
				     (json_int_t)c->waits[i], "numbering", id));
	}
}

void
serve_renumbered(struct live *l, uint64_t first)
{
	struct client *c;

	for (c = l->clients; c != NULL; c = c->next) {
		tell_acknowledged(c, first);
		renumber(c, first);
	}
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
		live_put(&l->said, json_incref((json_t *)(uintptr_t)object));
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
serve_trial_over(struct live *l)
{
	struct client *c;
	size_t i;

	for (c = l->clients; c != NULL; c = c->next) {
		for (i = 0; c->attaches && i < json_array_size(l->said); i++)
			serve_say(c, json_array_get(l->said, i));
		c->attaches = false;
	}
}

void
serve_opened(struct live *l)
{
	struct client *c;
	json_t *queue;
	size_t i;

	for (c = l->clients; c != NULL; c = c->next) {
		tell_acknowledged(c, numbers_first(&l->p.numbering));
		if (c->listens)
			serve_numbering(c);
		l->fetch_due |= c->attaches || c->fetches;
		c->fetched = false;
		queue = c->queue;
		c->queue = NULL;
		for (i = 0; i < json_array_size(queue); i++)
			serve_volatile(c, json_array_get(queue, i));
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
	struct client *c;
	json_t *unsure;
	size_t i;

	for (c = l->clients; c != NULL; c = c->next) {
		if (c->attaches) {
			c->attaches = false;
			if (c->traces)
				say_started(c);
			c->traces = false;
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
		tell_acknowledged(c, numbers_first(&l->p.numbering));
		if (!c->fetches)
			continue;
		c->fetched |= l->take.last.ack;
		if (c->fetched && !l->more) {
			c->fetches = false;
			serve_done(c, "fetch");
		}
	}
}
