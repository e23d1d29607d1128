/* The Collaboration Service joined: store, loop, workers, and the filter. */
#include "collab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "serve/start.h"

#define IN_MAX (2 * BB_LINE_MAX)
#define OUT_MAX (64u << 20)
#define JOBS_MAX 4096
#define PATH_TEXT_MAX 4096

bool
collab_busy(const struct collab *c)
{
	const struct via *via;

	for (via = c->vias; via != NULL; via = via->next)
		if (via->left)
			return true;
	return c->asks.first != NULL;
}

void
collab_give_up(struct collab *c, const char *reason)
{
	struct ask *ask;

	while ((ask = c->asks.first) != NULL)
		answer_refuse(c, ask, "unavailable", "IM server unavailable",
		    reason);
	turn_end(c);
}

/* ---- the filter ---- */

static int
filter_input(void *collab, struct bb_buf *in, struct bb_buf *out)
{
	struct collab *c = collab;

	(void)out; /* answers wait for the commit */
	lines_take(c->vias, in);
	return 0;
}

static int
filter_end(void *collab, struct bb_buf *in, struct bb_buf *out)
{
	struct collab *c = collab;

	(void)out;
	lines_end(c->vias, in);
	return 0;
}

static bool
filter_busy(void *collab)
{
	return collab_busy(collab);
}

static void
filter_finish(void *collab, struct bb_buf *out)
{
	(void)out;
	collab_give_up(collab, "it did not answer in time");
}

static const struct bb_filter_stage stage = {
	.input = filter_input,
	.end = filter_end,
	.busy = filter_busy,
	.finish = filter_finish,
};

static int
filter(struct collab *c, const struct bb_start *start)
{
	const struct bb_filter_setup setup = { .in = start->in,
		.out = start->out,
		.in_max = IN_MAX,
		.out_max = OUT_MAX,
		.secret = true,
		.finish_ms = c->options->finish_ms };
	int status;

	c->filter = bb_filter_new(c->loop, &setup, &stage, c);
	if (c->filter == NULL || via_new(c, NULL) == NULL)
		bb_die_sys("unable to begin");
	bb_loop_at_turn_end(c->loop, turn_end, c);
	status = bb_filter_run(c->filter);
	owner_leave(c);
	return status == BB_EXIT_OK ? c->status : status;
}

/* ---- the beginning and the end ---- */

static void
open_store(struct collab *c)
{
	const struct collab_options *o = c->options;
	const char *dir = o->data != NULL ? o->data : getenv("BB_DATA");
	char path[PATH_TEXT_MAX], why[BB_DB_WHY_MAX];
	int status;

	if (dir == NULL || dir[0] == '\0')
		dir = "/var/lib/bb";
	(void)snprintf(path, sizeof(path), "%s/config.db", dir);
	if (o->config_store != NULL)
		(void)snprintf(path, sizeof(path), "%s", o->config_store);
	c->db = bb_db_open(BB_CONFIG_STORE, path, BB_DB_EXISTING, why, &status);
	if (c->db != NULL)
		return;
	bb_start_turn_away();
	bb_die(status, "unable to open the configuration store: %s", why);
}

static void
open_loop(struct collab *c)
{
	const struct collab_options *o = c->options;

	c->loop = bb_loop_new(
	    c->form == BB_FORM_SERVER ? BB_LOOP_SOCKETS : BB_LOOP_ANY_FD);
	if (c->loop == NULL)
		bb_die_sys("unable to make an event loop");
	c->work = bb_work_new(c->loop, (unsigned)o->threads, JOBS_MAX);
	c->tick = bb_timer_new(c->loop, tick, c);
	c->again = bb_timer_new(c->loop, stall_on_again, c);
	c->retry = bb_timer_new(c->loop, stall_on_retry, c);
	if (c->work == NULL || c->tick == NULL || c->again == NULL ||
	    c->retry == NULL || table_init(&c->table) == -1)
		bb_die_sys("unable to begin");
	c->confirm.after_ms = o->confirm_ms;
	c->grace.after_ms = o->grace_ms;
	c->turn = 1;
	c->ticked_ms = c->silent_ms = bb_clock_ms();
	tick_set(c);
}

static void
collab_close(struct collab *c)
{
	bb_work_free(c->work, job_dropped);
	jobs_free(c);
	sessions_free(c);
	while (c->asks.first != NULL)
		ask_free(c, c->asks.first);
	while (c->done.first != NULL)
		ask_free(c, c->done.first);
	while (c->vias != NULL) {
		bb_peer_free(c->vias->peer);
		via_free(c->vias);
	}
	settings_free(c);
	bb_others_clear(&c->wake_up);
	bb_filter_free(c->filter);
	bb_server_free(c->server);
	bb_wake_free(c->wake);
	bb_timer_free(c->tick);
	bb_timer_free(c->again);
	bb_timer_free(c->retry);
	bb_loop_free(c->loop);
	bb_db_close(c->db);
	free(c);
}

int
collab_run(const struct collab_options *options)
{
	const struct bb_start_ask ask = { .listen =
					      options->server.listen.len > 0,
		.last_stage = true,
		.filter = options->filter };
	struct bb_start start = bb_start_look(&ask);
	struct collab *c;
	int status;

	if (start.form == BB_FORM_GONE)
		return BB_EXIT_OK;
	if (start.form == BB_FORM_REFUSED)
		bb_die(BB_EXIT_USAGE, "unable to begin: %s", start.why);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		bb_die_sys("unable to begin");
	c->options = options;
	c->form = start.form;
	c->lasting = start.form == BB_FORM_SERVER;
	bb_json_init();
	open_store(c);
	open_loop(c);
	status =
	    start.form == BB_FORM_FILTER ? filter(c, &start) : serve(c, &start);
	collab_close(c);
	return status;
}
