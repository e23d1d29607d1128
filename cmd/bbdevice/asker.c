/* Owns what is asked of the holder of a profile, and when it is done. */
#include "asker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asker_send.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "bbdevice.h"
#include "out.h"

#include "base/cc.h"

#define TIMEOUT_MS 60000

static const char *
text(const json_t *json, const char *name)
{
	const char *value = json_string_value(json_object_get(json, name));

	return value == NULL ? "" : value;
}

static void
finish(struct asker *a)
{
	if (a->done)
		return;
	a->done = true;
	a->finished(a->ctx);
}

void
asker_fail(struct asker *a, int status, const char *why)
{
	if (a->done)
		return;
	bb_log(BB_LOG_ERROR, "%s", why);
	show_status(&a->show, status);
	finish(a);
}

/* Takes the request. */
static void
ask(struct asker *a, json_t *request)
{
	if (request == NULL) {
		errno = ENOMEM;
		bb_die_sys("unable to ask");
	}
	a->ask(a->ctx, request);
	json_decref(request);
}

json_t *
asker_login(const struct asker *a)
{
	const struct emit_options *o = a->o;
	json_t *json = json_pack("{s:s, s:s, s:s, s:s%, s:s*, s:s*, s:b}", "op",
	    "login", "service", a->account.service, "user", a->account.user,
	    "password", a->password.text, a->password.len, "show", o->show,
	    "status", o->status, "trace", (int)o->trace);

	if (json == NULL)
		bb_die(BB_EXIT_USAGE, "unable to log in: a text is not UTF-8");
	return json;
}

static void
ask_first(struct asker *a)
{
	switch (a->verb) {
	case ASK_LOGIN:
		ask(a, asker_login(a));
		break;
	case ASK_RESUME:
		ask(a, json_pack("{s:s, s:b}", "op", "resume", "trace",
			   (int)a->o->trace));
		break;
	case ASK_LISTEN:
		ask(a, json_pack("{s:s}", "op", "listen"));
		if (a->o->stay)
			ask(a, asker_login(a));
		break;
	case ASK_FETCH:
		ask(a, json_pack("{s:s}", "op", "listen"));
		ask(a, json_pack("{s:s}", "op", "fetch"));
		break;
	case ASK_MESSAGE:
		ask(a, json_incref(a->message));
		break;
	case ASK_STATUS:
		ask(a, json_pack("{s:s}", "op", "status"));
		break;
	case ASK_SEND:
		break;
	}
}

static void
time_is_up(void *asker)
{
	struct asker *a = asker;

	if (a->verb == ASK_LISTEN && a->o->for_ms > 0) {
		finish(a);
		return;
	}
	asker_fail(a, BB_EXIT_TIMEOUT, "the time is up");
}

/* Without an option a verb that does one thing has a minute. */
static int64_t
time_given(const struct asker *a)
{
	bool stays =
	    a->verb == ASK_LISTEN || (a->verb == ASK_SEND && a->text == NULL);

	if (a->verb == ASK_LISTEN && a->o->for_ms > 0)
		return a->o->for_ms;
	if (a->o->timeout_ms != -1)
		return a->o->timeout_ms;
	return stays ? 0 : TIMEOUT_MS;
}

int
asker_open(struct asker *a, struct bb_loop *loop)
{
	int64_t ms = time_given(a);

	if (ms > 0 && a->deadline_ms == 0)
		a->deadline_ms = bb_clock_ms() + ms;
	if (ms > 0) {
		a->timer = bb_timer_new(loop, time_is_up, a);
		if (a->timer == NULL ||
		    bb_timer_set(a->timer, a->deadline_ms - bb_clock_ms()) ==
			-1)
			return -1;
	}
	ask_first(a);
	return a->verb == ASK_SEND ? asker_send_open(a, loop) : 0;
}

void
asker_close(struct asker *a)
{
	bb_io_free(a->in);
	bb_timer_free(a->timer);
	a->in = NULL;
	a->timer = NULL;
}

void
asker_clear(struct asker *a)
{
	asker_close(a);
	json_decref(a->message);
	json_decref(a->flying);
	bb_secret_clear(&a->password);
	bb_buf_clear(&a->line);
	bb_buf_clear(&a->show.out);
}

void
asker_say(struct asker *a, json_t *object)
{
	show_say(&a->show, object);
	out_flush(&a->show.out);
}

bool
asker_heeds(int signo)
{
	struct sigaction action;

	return sigaction(signo, NULL, &action) == -1 ||
	       action.sa_handler != SIG_IGN;
}

/* --- what the holder says ------------------------------------------------- */

static void
say(struct asker *a, const json_t *object)
{
	asker_say(a, json_incref((json_t *)(uintptr_t)object));
}

static bool
tells_attach(const struct asker *a)
{
	return a->verb == ASK_LOGIN || a->verb == ASK_RESUME ||
	       a->verb == ASK_LISTEN;
}

static void
take_event(struct asker *a, const json_t *event)
{
	uint64_t n = (uint64_t)json_integer_value(json_object_get(event, "n"));

	if (a->events == 0)
		return;
	if (n > a->printed)
		say(a, event);
	if (a->shared)
		ask(a, json_pack("{s:s, s:O}", "op", "had", "n",
			   json_object_get(event, "n")));
	if (n <= a->printed)
		return;
	a->printed = n;
	if (a->events > 0 && --a->events == 0)
		finish(a);
}

static void
take_numbering(struct asker *a, const char *id)
{
	if (strcmp(a->numbering, id) == 0 || strlen(id) >= sizeof(a->numbering))
		return;
	memcpy(a->numbering, id, strlen(id) + 1);
	a->printed = 0;
}

static void
take_object(struct asker *a, const char *kind, const json_t *object)
{
	bool fine = json_integer_value(json_object_get(object, "exit")) == 0;

	if (strcmp(kind, "event") == 0) {
		take_event(a, object);
	} else if (strcmp(kind, "result") == 0) {
		say(a, object);
		asker_send_result(a, object);
	} else if (strcmp(kind, "status") == 0 || strcmp(kind, "bye") == 0) {
		say(a, object);
		finish(a);
	} else if (strcmp(kind, "more") != 0 && (tells_attach(a) || !fine)) {
		say(a, object);
		/* The holder says it only when it does not try again. */
		if (!fine)
			finish(a);
	}
}

static void
take_done(struct asker *a, const char *op)
{
	bool mine = false;

	switch (a->verb) {
	case ASK_LOGIN:
		mine = strcmp(op, "login") == 0;
		break;
	case ASK_RESUME:
		mine = strcmp(op, "resume") == 0;
		break;
	case ASK_FETCH:
		mine = strcmp(op, "fetch") == 0;
		break;
	case ASK_MESSAGE:
		mine = strcmp(op, text(a->message, "op")) == 0;
		break;
	case ASK_LISTEN:
	case ASK_SEND:
	case ASK_STATUS:
		break;
	}
	if (mine)
		finish(a);
}

void
asker_take(struct asker *a, const json_t *object)
{
	const char *kind = text(object, "kind"), *re = text(object, "re");

	if (a->done)
		return;
	if (*kind != '\0')
		take_object(a, kind, object);
	else if (strcmp(re, "done") == 0)
		take_done(a, text(object, "op"));
	else if (strcmp(re, "numbering") == 0)
		take_numbering(a, text(object, "id"));
	else if (strcmp(re, "kept") == 0)
		asker_send_kept(a, object);
	else if (strcmp(re, "renumbered") == 0)
		asker_send_renumbered(a, object);
	else if (strcmp(re, "failed") == 0)
		asker_fail(a,
		    (int)json_integer_value(json_object_get(object, "exit")),
		    text(object, "text"));
}
