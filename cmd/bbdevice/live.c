/* Owns the life of the process that holds a profile: its loop, its signals, and
 * how it ends. */
#include "live.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "bbdevice.h"

#include "base/cc.h"

#define THREADS 1 /* for names */

void
live_save(struct live *l)
{
	if (profile_save(&l->p) == -1)
		bb_die_sys("unable to save the profile of %08x",
		    (unsigned)l->p.pin);
}

void
live_no_memory(void)
{
	errno = ENOMEM;
	bb_die_sys("unable to go on");
}

void
live_put(json_t **list, json_t *value)
{
	if (*list == NULL)
		*list = json_array();
	if (json_array_append_new(*list, value) == -1)
		live_no_memory();
}

void
live_timer(struct bb_timer *timer, int64_t ms)
{
	if (bb_timer_set(timer, ms) == -1)
		bb_die_sys("unable to set a timer");
}

/* Whoever comes now finds no socket and waits until the profile is free. */
void
live_end(struct live *l, int status, const char *why)
{
	struct client *c;

	if (l->ending)
		return;
	data_leave(l);
	l->ending = true;
	socket_close(l);
	for (c = l->clients; c != NULL; c = c->next) {
		if (why != NULL &&
		    (c->own != NULL || serve_waits(c) || c->listens))
			serve_failed(c, status, why);
	}
	link_finish(l);
}

/* A command that does not end when its input does. */
void
live_abandon(struct live *l)
{
	if (l->chain_runs)
		(void)kill(l->chain.pid, SIGTERM);
	bb_loop_stop(l->loop);
}

/* --- ends ----------------------------------------------------------------- */

static void
drop_gone(struct live *l)
{
	struct client **at = &l->clients, *c;

	while ((c = *at) != NULL) {
		if (c->own != NULL || c->peer != NULL) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
	}
}

/* When our own asker is done, those in other processes that wait are served to
 * the end; listeners find another holder. */
static void
turn_end(void *live)
{
	struct live *l = live;
	const struct client *c;
	bool waits = false;

	drop_gone(l);
	for (c = l->clients; c != NULL; c = c->next)
		waits |= serve_waits(c);
	if (!l->ending && l->own.own->done && !waits)
		live_end(l, 0, NULL);
	bb_peers_flush();
}

static void
own_finished(void *ctx)
{
	struct client *c = ctx;

	serve_forget(c);
	if (!c->l->ending)
		serve_hear(c->l);
}

static void
own_asks(void *ctx, const json_t *request)
{
	serve_request(ctx, request);
}

static void
caught(void *live, int signo)
{
	struct live *l = live;
	struct asker *a = l->own.own;

	if (l->ending) {
		bb_loop_stop(l->loop);
		return;
	}
	if (a->verb != ASK_LISTEN)
		show_status(&a->show, 128 + signo);
	a->done = true;
	live_end(l, 0, NULL);
}

static void
chain_ended(void *live, int status)
{
	struct live *l = live;

	l->chain_runs = false;
	if (status != 0)
		bb_log(BB_LOG_ERROR, "the command has ended with status %d",
		    status);
	if (l->ending)
		link_over(l);
}

/* --- begins --------------------------------------------------------------- */

static void
open_loop(struct live *l)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	size_t i;

	l->loop = bb_loop_new(BB_LOOP_ANY_FD);
	if (l->loop == NULL ||
	    (l->work = bb_work_new(l->loop, THREADS, BB_OPT_LIST_MAX)) == NULL)
		bb_die_sys("unable to begin");
	for (i = 0; i < BB_LEN(signals); i++) {
		if (asker_heeds(signals[i]) &&
		    bb_loop_on_signal(l->loop, signals[i], caught, l) == -1)
			bb_die_sys("unable to begin");
	}
	if (l->chained &&
	    bb_chain_watch(&l->chain, l->loop, chain_ended, l) == -1)
		bb_die_sys("unable to watch the command");
	bb_loop_at_turn_end(l->loop, turn_end, l);
	attach_timers(l);
	data_timers(l);
}

static void
close_loop(struct live *l)
{
	struct client *c;

	while ((c = l->clients) != NULL) {
		l->clients = c->next;
		bb_peer_free(c->peer);
		c->peer = NULL;
		serve_forget(c);
		if (c->own == NULL)
			free(c);
	}
	bb_peer_free(l->peer);
	bb_peer_free(l->leaving);
	bb_dial_free(l->dial);
	bb_timer_free(l->again);
	bb_timer_free(l->answer);
	bb_timer_free(l->alive);
	bb_timer_free(l->ack);
	bb_timer_free(l->resend);
	bb_work_free(l->work, free);
	bb_loop_free(l->loop);
}

static void
begin(struct live *l, struct asker *a)
{
	l->take.held = &l->p;
	l->take.hear = TAKE_UNHEARD;
	l->take.show.sink = serve_sink;
	l->take.show.ctx = l;
	l->attach = BB_BUF(BB_FRAME_MAX);
	l->covered = true;
	l->retry_until_ms = bb_clock_ms() + l->o->retry_ms;
	l->own.l = l;
	l->own.own = a;
	l->clients = &l->own;
	a->ask = own_asks;
	a->finished = own_finished;
	a->ctx = &l->own;
	a->shared = false;
}

void
live_run(struct live *l, struct asker *a)
{
	begin(l, a);
	open_loop(l);
	if (socket_open(l) == -1)
		bb_die_sys("unable to serve other processes");
	if (asker_open(a, l->loop) == -1)
		bb_die_sys("unable to begin");
	if (bb_loop_run(l->loop) == -1)
		bb_die_sys("unable to wait");
	socket_close(l);
	asker_close(a);
	close_loop(l);
	bb_secret_clear(&l->password);
	bb_secret_clear(&l->former_password);
	bb_buf_clear(&l->attach);
	json_decref(l->said);
	json_decref(l->asked);
}
