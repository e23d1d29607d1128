/* The Collaboration Service joined: store, loop, filter, workers; and its end.
 */
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

static bool
collab_busy(void *collab)
{
	struct collab *c = collab;
	const struct ask *ask;

	for (ask = c->asks; ask != NULL; ask = ask->next)
		if (!ask->answered)
			return true;
	return false;
}

/* The IM servers took too long: said so to whoever still waits. */
static void
collab_finish(void *collab, struct bb_buf *out)
{
	struct collab *c = collab;
	struct ask *ask;

	(void)out;
	for (ask = c->asks; ask != NULL; ask = ask->next)
		if (!ask->answered)
			answer_refuse(c, ask, "unavailable",
			    "IM server unavailable",
			    "it did not answer in "
			    "time");
	turn_end(c);
}

static const struct bb_filter_stage stage = {
	.input = lines_input,
	.end = lines_end,
	.busy = collab_busy,
	.finish = collab_finish,
};

static void
open_store(struct collab *c)
{
	const struct collab_options *o = c->options;
	const char *dir = o->data != NULL ? o->data : getenv("BB_DATA");
	char path[PATH_TEXT_MAX], why[BB_DB_WHY_MAX];
	int status;

	if (dir == NULL || dir[0] == '\0')
		dir = "/var/lib/bb";
	snprintf(path, sizeof(path), "%s/config.db", dir);
	if (o->config_store != NULL)
		snprintf(path, sizeof(path), "%s", o->config_store);
	c->db = bb_db_open(BB_CONFIG_STORE, path, BB_DB_EXISTING, why, &status);
	if (c->db == NULL)
		bb_die(status, "unable to open the configuration store: %s",
		    why);
}

static void
open_loop(struct collab *c, const struct bb_start *start)
{
	const struct bb_filter_setup setup = { .in = start->in,
		.out = start->out,
		.in_max = IN_MAX,
		.out_max = OUT_MAX,
		.secret = true,
		.finish_ms = c->options->finish_ms };

	c->loop = bb_loop_new(BB_LOOP_ANY_FD);
	if (c->loop == NULL)
		bb_die_sys("unable to make an event loop");
	c->work = bb_work_new(c->loop, (unsigned)c->options->threads, JOBS_MAX);
	c->tick = bb_timer_new(c->loop, sessions_tick, c);
	c->filter = bb_filter_new(c->loop, &setup, &stage, c);
	if (c->work == NULL || c->tick == NULL || c->filter == NULL ||
	    bb_timer_set(c->tick, TICK_MS) == -1)
		bb_die_sys("unable to begin");
	bb_loop_at_turn_end(c->loop, turn_end, c);
	c->held = BB_BUF_SECRET(OUT_MAX);
}

/* The session lives as long as the process, the process as long as its input:
 * now the IM servers hear a logout and the slots are free. */
static void
log_out_all(struct collab *c)
{
	struct session *s;
	size_t i;

	for (i = 0; i < SESSION_BUCKETS; i++)
		while ((s = c->table[i]) != NULL)
			session_leave(c, s);
	sessions_settle(c);
	if (c->owner != 0 &&
	    bb_owner_release(c->db, c->owner, "finished") != BB_DB_OK)
		bb_log(BB_LOG_WARN, "unable to free the slots: %s",
		    bb_db_why(c->db));
}

static void
collab_close(struct collab *c)
{
	struct ask *ask;

	bb_work_free(c->work, backend_job_dropped);
	sessions_free(c);
	while ((ask = c->asks) != NULL) {
		c->asks = ask->next;
		ask->session = NULL;
		ask_free(ask);
	}
	bb_buf_clear(&c->held);
	bb_filter_free(c->filter);
	bb_timer_free(c->tick);
	bb_loop_free(c->loop);
	bb_db_close(c->db);
}

int
collab_run(const struct collab_options *options)
{
	const struct bb_start_ask ask = { .last_stage = true,
		.filter = options->filter };
	struct bb_start start = bb_start_look(&ask);
	struct collab *c;
	int status;

	if (start.form == BB_FORM_GONE)
		return BB_EXIT_OK;
	if (start.form == BB_FORM_REFUSED)
		bb_die(BB_EXIT_USAGE, "unable to begin: %s", start.why);
	if (start.form != BB_FORM_FILTER)
		bb_die(BB_EXIT_USAGE, "unable to serve connections: %s",
		    "this version has filters only");
	if ((c = calloc(1, sizeof(*c))) == NULL)
		bb_die_sys("unable to begin");
	c->options = options;
	bb_json_init();
	open_store(c);
	open_loop(c, &start);
	status = bb_filter_run(c->filter);
	log_out_all(c);
	if (status == BB_EXIT_OK)
		status = c->status;
	collab_close(c);
	free(c);
	return status;
}
