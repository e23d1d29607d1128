/* The router as a server: what it is made of, its chain, its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/sys.h"
#include "state.h"

#define LISTEN_DEFAULT "*:3101"
#define WORKERS 2         /* for names of dispatchers */
#define LINGER_MS 2000    /* for a device to take what waits for it */
#define NO_ANSWER_MS 1000 /* the same, when nothing more can come */
#define SIGNALS_MAX 64    /* higher statuses are the child's own */
#define GRACE_MS 1000     /* from the end of a chain's stream to its child's */

static const char *
next_stage(const struct router *r)
{
	return r->options->chain[0];
}

/* ---- its end ---- */

static void
begin_end(struct link *link, void *arg)
{
	const struct router *r = arg;

	if (!trunks_ready(r))
		link_finish(link, ENDED_DRAIN, NO_ANSWER_MS);
	else if (!link->asked)
		link_finish(link, ENDED_DRAIN, LINGER_MS);
	else
		link_read(link, NULL);
}

/* Devices that wait for the answer to an attach get it; others have nothing to
 * wait for. */
static void
serve_drain(void *router)
{
	struct router *r = router;

	r->draining = true;
	links_each(r, begin_end, r);
	if (r->links == 0)
		trunks_finish(r);
}

/* A chained stage ends when its input does, and may have to end sessions. */
static bool
serve_busy(void *router)
{
	const struct router *r = router;

	return r->links > 0 || trunks_there(r) ||
	       (r->chained && !r->chain_ended);
}

static void
stop(struct router *r, int status)
{
	if (r->server != NULL) {
		bb_server_stop(r->server, status);
	} else {
		r->status = status;
		bb_loop_stop(r->loop);
	}
}

void
serve_link_gone(struct router *r, const uint8_t address[16], int status)
{
	if (r->single)
		bb_server_stop(r->server, status);
	bb_server_left(r->server, address);
	if (r->draining && r->links == 0)
		trunks_finish(r);
}

/* ---- trunks ---- */

static void
read_again(struct router *r)
{
	size_t i;

	for (i = 0; i < r->trunks_len; i++)
		if (!r->trunks[i].tried)
			return;
	r->holding = false;
	links_each(r, link_read, NULL);
}

void
serve_trunk_changed(struct router *r)
{
	if (r->draining) {
		links_each(r, begin_end, r);
	} else if (r->holding && trunks_ready(r)) {
		r->holding = false;
		links_each(r, link_read, NULL);
	} else if (r->holding) {
		read_again(r);
	}
	/* serve_chain waits for it. */
	if (r->server == NULL && r->chained && trunks_ready(r))
		bb_loop_stop(r->loop);
}

static void
chain_failed(struct router *r, const char *what)
{
	bb_log(BB_LOG_ERROR, "the next stage (%s) has %s", next_stage(r), what);
	stop(r, BB_EXIT_TEMP);
}

static void
grace_over(void *router)
{
	struct router *r = router;

	if (!r->draining && !r->chain_ended)
		chain_failed(r, "left its connection");
}

/* The child's end comes at once, or it has closed its end and lives on. */
void
serve_chain_gone(struct router *r, bool silent)
{
	if (r->draining || r->chain_ended)
		return;
	if (silent)
		chain_failed(r, "not said HELLO in time");
	else if (bb_timer_set(r->grace, GRACE_MS) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

static void
chain_ended(void *router, int status)
{
	struct router *r = router;

	r->chain_ended = true;
	if (r->draining && status == 0)
		return;
	if (status > 128 && status <= 128 + SIGNALS_MAX)
		bb_log(BB_LOG_ERROR,
		    "the next stage (%s) was ended by signal "
		    "%d",
		    next_stage(r), status - 128);
	else
		bb_log(BB_LOG_ERROR, "the next stage (%s) has ended with %d",
		    next_stage(r), status);
	if (!r->draining)
		stop(r, status == BB_EXIT_USAGE ? BB_EXIT_USAGE : BB_EXIT_TEMP);
}

/* ---- its beginning ---- */

static void
start_chain(struct router *r)
{
	char why[BB_CHAIN_WHY_MAX];

	if (bb_chain_start(&r->chain, r->options->chain, why) == 0)
		return;
	bb_start_turn_away();
	bb_die(bb_errno_exit(errno), "unable to start %s", why);
}

static void
flush(void *ctx)
{
	(void)ctx;
	bb_peers_flush();
}

/* Nobody is served before the next stage can be: its HELLO says so. */
static void
await_chain(struct router *r)
{
	r->grace = bb_timer_new(r->loop, grace_over, r);
	if (r->grace == NULL ||
	    bb_chain_watch(&r->chain, r->loop, chain_ended, r) == -1)
		bb_die_sys("unable to watch the next stage");
	trunk_chained(r, next_stage(r));
	bb_loop_at_turn_end(r->loop, flush, NULL);
	bb_peers_flush();
	if (r->status == 0 && bb_loop_run(r->loop) == -1)
		bb_die_sys("unable to wait for the next stage");
	if (r->status == 0)
		return;
	bb_start_turn_away();
	bb_die(r->status, "unable to start the next stage (%s)", next_stage(r));
}

static void
serve_reload(void *router)
{
	(void)router;
	bb_log(BB_LOG_INFO, "there is nothing to reload");
}

static const struct bb_server_calls calls = {
	.accepted = link_accepted,
	.drain = serve_drain,
	.busy = serve_busy,
	.reload = serve_reload,
	.control = stats_control,
};

static void
open_router(struct router *r, const struct bb_start *start)
{
	char why[BB_SERVER_WHY_MAX];

	r->single = start->form == BB_FORM_PEER;
	r->loop = bb_loop_new(r->single ? BB_LOOP_ANY_FD : BB_LOOP_SOCKETS);
	if (r->loop == NULL)
		bb_die_sys("unable to start the event loop");
	r->work = bb_work_new(r->loop, WORKERS, TRUNKS_MAX);
	r->sweep = bb_timer_new(r->loop, link_sweep, r);
	if (r->work == NULL || r->sweep == NULL)
		bb_die_sys("unable to start");
	while (r->instance == 0)
		bb_random(&r->instance, sizeof(r->instance));
	r->holding = !r->chained;
	if (r->chained)
		await_chain(r);
	else
		trunks_dial(r);
	r->server = bb_server_new(r->loop, start, &r->options->server,
	    LISTEN_DEFAULT, &calls, r, why);
	if (r->server == NULL)
		bb_die(bb_errno_exit(errno), "unable to serve: %s", why);
}

static void
free_link(struct link *link, void *arg)
{
	(void)arg;
	link_free(link);
}

static void
close_router(struct router *r)
{
	links_each(r, free_link, NULL);
	free(r->slots);
	trunks_free(r);
	bb_server_free(r->server);
	bb_timer_free(r->sweep);
	bb_timer_free(r->grace);
	bb_work_free(r->work, NULL);
	bb_loop_free(r->loop);
	if (r->chained)
		(void)close(r->chain.ready_fd);
	free(r);
}

int
serve_run(const struct router_options *options, const struct bb_start *start)
{
	struct router *r = calloc(1, sizeof(*r));
	int status;

	if (r == NULL)
		bb_die_sys("unable to start");
	r->options = options;
	r->chained = options->chain != NULL;
	if (r->chained)
		start_chain(r);
	open_router(r, start);
	status = bb_server_run(r->server);
	close_router(r);
	return status;
}
