/* The dispatcher as a server: its beginning, the turns of its loop, its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "server.h"

#define LISTEN_DEFAULT "unix:/run/bb/dispatch"
#define WORKERS 2 /* for names of services */
/* A busy store: within a turn; between two; then the devices are told. */
#define STORE_WAIT_MS 20
#define STORE_AGAIN_MS 20
#define STORE_PATIENCE_MS BB_DB_BUSY_MS
/* Draining: answers that services owe are waited for while they say anything
 * at all. */
#define QUIET_MS 5000
#define TICK_MS 100
#define SWEEP_MS 30000
#define READY_MS 10000 /* for a next stage that says when it is ready */
#define GRACE_MS 1000  /* from the end of a chain's stream to its child's */

static void
set_timer(struct bb_timer *timer, int64_t ms)
{
	if (bb_timer_set(timer, ms) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

static const char *
next_stage(const struct serve *s)
{
	return s->d->options->chain[0];
}

/* ---- holding ---- */

void
serve_hold(struct serve *s, unsigned why)
{
	if ((s->hold & why) != 0)
		return;
	s->hold |= why;
	below_pause_all(s);
}

/* What was left in peers is shown again after the hook of this turn: one more
 * turn is needed to commit what comes of it. */
void
serve_release(struct serve *s, unsigned why)
{
	if ((s->hold & why) == 0)
		return;
	s->hold &= ~why;
	if (s->hold != 0)
		return;
	below_pause_all(s);
	set_timer(s->nudge, 0);
}

static void
nudged(void *serve)
{
	(void)serve;
}

/* ---- the store ---- */

void
serve_store_busy(struct serve *s)
{
	s->busy++;
	if (s->busy_ms == 0)
		s->busy_ms = bb_clock_ms();
	serve_hold(s, HOLD_STORE);
	set_timer(s->store, STORE_AGAIN_MS);
}

/* After too long in vain devices are told at once, until it is free again. */
static void
store_again(void *serve)
{
	struct serve *s = serve;

	if (bb_clock_ms() - s->busy_ms >= STORE_PATIENCE_MS)
		s->d->give_up = true;
	if (group_commit(s->d))
		serve_release(s, HOLD_STORE);
	else
		serve_store_busy(s);
}

static void
commit(struct serve *s)
{
	struct dispatch *d = s->d;
	uint64_t writes;

	if ((s->hold & HOLD_STORE) == 0 && !group_commit(d))
		serve_store_busy(s);
	writes = d->counts.commits + d->counts.confirmed;
	if (writes == s->writes)
		return;
	s->writes = writes;
	s->busy_ms = 0;
	d->give_up = false;
}

/* ---- the end ---- */

static void
serve_drain(void *serve)
{
	struct serve *s = serve;

	s->draining = true;
	s->heard_ms = bb_clock_ms();
	/* In a chain the head drains first, and we end when it does. */
	if (!s->single || s->trunks_len == 0)
		serve_hold(s, HOLD_DRAIN);
	set_timer(s->tick, 0);
}

/* The devices still get the answers that are on their way to them. */
static bool
answers_may_come(const struct serve *s)
{
	return s->belows_len > 0 && services_owed(s) > 0 &&
	       bb_clock_ms() - s->heard_ms < QUIET_MS;
}

static void
drain_on(struct serve *s)
{
	if (!s->draining || s->finishing || s->d->group.len > 0)
		return;
	if (s->single && s->trunks_len > 0 && !s->chain_ended)
		return;
	if (answers_may_come(s))
		return;
	below_finish_all(s);
	s->finishing = true;
	services_finish(s);
}

static void
tick(void *serve)
{
	struct serve *s = serve;

	set_timer(s->tick, TICK_MS);
}

static bool
serve_busy(void *serve)
{
	const struct serve *s = serve;

	return !s->finishing || s->belows_len > 0 || services_there(s) ||
	       (s->chained && !s->chain_ended);
}

static void
sweep(void *serve)
{
	struct serve *s = serve;

	key_cache_sweep(s->d->cache);
	s->sweeping = false;
}

static void
serve_turn_end(void *serve)
{
	struct serve *s = serve;

	commit(s);
	drain_on(s);
	if (!s->sweeping && key_cache_count(s->d->cache) > 0) {
		s->sweeping = true;
		set_timer(s->sweep, SWEEP_MS);
	}
}

static void
serve_reload(void *serve)
{
	(void)serve;
	bb_log(BB_LOG_INFO, "there is nothing to reload: keys are read for "
			    "each frame");
}

/* ---- the chain ---- */

void
serve_chain_left(struct serve *s)
{
	if (!s->draining && !s->chain_ended)
		set_timer(s->grace, GRACE_MS);
}

static void
grace_over(void *serve)
{
	struct serve *s = serve;

	if (s->server == NULL) {
		bb_log(BB_LOG_WARN,
		    "the next stage (%s) does not say that it is ready: going "
		    "on without",
		    next_stage(s));
		bb_loop_stop(s->loop);
	} else if (!s->draining && !s->chain_ended) {
		bb_log(BB_LOG_ERROR,
		    "the next stage (%s) has left its "
		    "connection",
		    next_stage(s));
		bb_server_stop(s->server, BB_EXIT_TEMP);
	}
}

static void
chain_ended(void *serve, int status)
{
	struct serve *s = serve;
	int ours = status == BB_EXIT_USAGE ? BB_EXIT_USAGE : BB_EXIT_TEMP;

	s->chain_ended = true;
	if (s->draining && status == 0)
		return;
	if (status > 128)
		bb_log(BB_LOG_ERROR,
		    "the next stage (%s) was ended by signal %d", next_stage(s),
		    status - 128);
	else
		bb_log(BB_LOG_ERROR, "the next stage (%s) has ended with %d",
		    next_stage(s), status);
	if (s->server == NULL) {
		bb_start_turn_away();
		bb_die(ours, "unable to start the next stage (%s)",
		    next_stage(s));
	}
	if (!s->draining)
		bb_server_stop(s->server, ours);
}

/* A newline; or the end, where the program does not know of this. */
static void
chain_said(void *serve, unsigned what)
{
	struct serve *s = serve;
	char byte;

	(void)what;
	if (bb_read_some(s->chain.ready_fd, &byte, 1) == 1) {
		bb_loop_stop(s->loop);
		return;
	}
	bb_io_free(s->ready);
	s->ready = NULL;
	set_timer(s->grace, GRACE_MS);
}

static void
flush(void *ctx)
{
	(void)ctx;
	bb_peers_flush();
}

/* Nobody is served before the next stage can be. */
static void
await_chain(struct serve *s)
{
	if (bb_chain_watch(&s->chain, s->loop, chain_ended, s) == -1)
		bb_die_sys("unable to watch the next stage");
	services_chained(s);
	s->ready = bb_io_new(s->loop, s->chain.ready_fd, chain_said, s);
	if (s->ready == NULL || bb_io_want(s->ready, BB_READ) == -1)
		bb_die_sys("unable to wait for the next stage");
	set_timer(s->grace, READY_MS);
	bb_loop_at_turn_end(s->loop, flush, NULL);
	if (bb_loop_run(s->loop) == -1)
		bb_die_sys("unable to wait for the next stage");
	bb_timer_cancel(s->grace);
	bb_io_free(s->ready);
	s->ready = NULL;
}

/* Before there is a loop. */
static void
start_chain(struct serve *s)
{
	char **words = s->d->options->chain;
	char why[BB_CHAIN_WHY_MAX];

	if (words[0] == NULL) {
		bb_start_turn_away();
		bb_die(BB_EXIT_USAGE, "unable to start the next stage: no word "
				      "stands behind --");
	}
	if (bb_chain_start(&s->chain, words, why) == 0)
		return;
	bb_start_turn_away();
	bb_die(BB_EXIT_USAGE, "unable to start %s", why);
}

/* ---- the beginning ---- */

static const struct bb_server_calls calls = {
	.accepted = below_accepted,
	.drain = serve_drain,
	.busy = serve_busy,
	.reload = serve_reload,
	.turn_end = serve_turn_end,
	.control = stats_control,
};

static void
make_parts(struct serve *s)
{
	s->loop = bb_loop_new(s->single ? BB_LOOP_ANY_FD : BB_LOOP_SOCKETS);
	if (s->loop == NULL)
		bb_die_sys("unable to start the event loop");
	s->work = bb_work_new(s->loop, WORKERS, SERVICES_MAX);
	s->store = bb_timer_new(s->loop, store_again, s);
	s->nudge = bb_timer_new(s->loop, nudged, s);
	s->tick = bb_timer_new(s->loop, tick, s);
	s->grace = bb_timer_new(s->loop, grace_over, s);
	s->sweep = bb_timer_new(s->loop, sweep, s);
	s->text = BB_BUF_SECRET(BB_LINE_MAX);
	s->frame = BB_BUF(BB_FRAME_MAX);
	if (s->work == NULL || s->store == NULL || s->nudge == NULL ||
	    s->tick == NULL || s->grace == NULL || s->sweep == NULL ||
	    links_init(s) == -1)
		bb_die_sys("unable to start");
	while (s->instance == 0)
		bb_random(&s->instance, sizeof(s->instance));
}

static void
open_server(struct serve *s, const struct bb_start *start)
{
	char why[BB_SERVER_WHY_MAX];

	make_parts(s);
	if (s->chained) {
		await_chain(s);
	} else {
		s->hold = HOLD_START;
		services_dial(s);
	}
	s->server = bb_server_new(s->loop, start, &s->d->options->server,
	    LISTEN_DEFAULT, &calls, s, why);
	if (s->server == NULL)
		bb_die(BB_EXIT_USAGE, "unable to serve: %s", why);
}

static void
close_server(struct serve *s)
{
	below_free_all(s);
	services_free(s);
	links_free(s);
	key_cache_free(s->d->cache);
	s->d->cache = NULL;
	bb_server_free(s->server);
	bb_timer_free(s->store);
	bb_timer_free(s->nudge);
	bb_timer_free(s->tick);
	bb_timer_free(s->grace);
	bb_timer_free(s->sweep);
	bb_work_free(s->work, NULL);
	bb_loop_free(s->loop);
	bb_buf_clear(&s->text);
	bb_buf_clear(&s->frame);
	if (s->chained)
		(void)close(s->chain.ready_fd);
	free(s);
}

int
serve_run(struct dispatch *d, const struct bb_start *start)
{
	struct serve *s = calloc(1, sizeof(*s));
	int status;

	if (s == NULL)
		bb_die_sys("unable to start");
	s->d = d;
	s->single = start->form == BB_FORM_PEER;
	s->chained = d->options->chain != NULL;
	d->sink = &serve_sink;
	d->owner = s;
	d->wait_ms = STORE_WAIT_MS;
	d->serving = true;
	/* One device alone is not worth it. */
	if (!s->single && (d->cache = key_cache_new()) == NULL)
		bb_die_sys("unable to start");
	dispatch_open_store(d);
	if (s->chained)
		start_chain(s);
	open_server(s, start);
	status = bb_server_run(s->server);
	close_server(s);
	return status;
}
