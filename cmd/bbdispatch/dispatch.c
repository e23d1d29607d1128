/* What the dispatcher is, depending on how it was started; its store; its
 * complaints. */
#include "dispatch.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"

#define COMPLAINTS_MAX 100  /* of a filter */
#define COMPLAINTS_BURST 20 /* of a server, at once */
#define COMPLAINT_MS 1000   /* and one more in this time */

static const char example[] =
    "bbdispatch --listen unix:/run/bb/dispatch --to unix:/run/bb/collab";

/* A server's complaints earn their right to be said as time passes. */
static bool
may_complain(struct dispatch *d)
{
	int64_t now_ms, earned;

	if (!d->serving)
		return d->complaints++ < COMPLAINTS_MAX;
	now_ms = bb_clock_ms();
	earned = (now_ms - d->complained_ms) / COMPLAINT_MS;
	d->complained_ms += earned * COMPLAINT_MS;
	d->complaints -=
	    (uint64_t)earned < d->complaints ? (uint64_t)earned : d->complaints;
	if (d->complaints >= COMPLAINTS_BURST)
		return false;
	d->complaints++;
	return true;
}

void
complain(struct dispatch *d, int status, const char *fmt, ...)
{
	char text[BB_LOG_LINE_MAX];
	va_list ap;

	if (d->status == BB_EXIT_OK)
		d->status = status;
	if (!may_complain(d)) {
		d->unsaid++;
		return;
	}
	if (d->serving && d->unsaid > 0) {
		bb_log(BB_LOG_ERROR, "%" PRIu64 " more errors were not said",
		    d->unsaid);
		d->unsaid = 0;
	}
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bb_log(BB_LOG_ERROR, "%s", text);
}

void
dispatch_open_store(struct dispatch *d)
{
	const struct dispatch_options *o = d->options;
	const char *dir = o->data != NULL ? o->data : getenv("BB_DATA");
	char path[PATH_MAX], why[BB_DB_WHY_MAX];
	int status, len;

	if (dir == NULL || *dir == '\0')
		dir = "/var/lib/bb";
	len = o->device_store != NULL
		  ? snprintf(path, sizeof(path), "%s", o->device_store)
		  : snprintf(path, sizeof(path), "%s/devices.db", dir);
	if (len < 0 || (size_t)len >= sizeof(path))
		bb_die(BB_EXIT_USAGE, "unable to open the device store: its "
				      "path is too long");
	d->db = bb_db_open(BB_DEVICE_STORE, path, BB_DB_EXISTING, why, &status);
	if (d->db == NULL) {
		bb_start_turn_away();
		bb_die(status, "unable to open the device store: %s", why);
	}
}

BB_NORETURN static void
refuse(const char *why)
{
	bb_start_turn_away();
	bb_die(BB_EXIT_USAGE, "unable to start: %s", why);
}

/* Whoever wants a server has to say where: the router has 3101 of this host. */
BB_NORETURN static void
refuse_without_place(const char *why)
{
	bb_start_turn_away();
	bb_die(BB_EXIT_USAGE,
	    "unable to start: %s; to serve, give --listen, for example: %s",
	    why, example);
}

static void
check_next(const struct dispatch_options *o)
{
	bool has_next = o->to.len > 0 || o->chain != NULL;

	if (o->to.len > 0 && o->chain != NULL)
		refuse("--to and words after -- exclude each other");
	if (o->filter && has_next)
		refuse("a filter has no next stage: --filter excludes --to "
		       "and words after --");
}

static int
run(struct dispatch *d)
{
	const struct dispatch_options *o = d->options;
	const struct bb_start_ask ask = {
		.listen = o->server.listen.len > 0,
		.has_next = o->to.len > 0 || o->chain != NULL,
		.filter = o->filter,
	};
	struct bb_start start = bb_start_look(&ask);

	switch (start.form) {
	case BB_FORM_FILTER:
		return filter_run(d, start.in, start.out);
	case BB_FORM_SERVER:
		return serve_run(d, &start);
	case BB_FORM_PEER:
		if (isatty(start.in))
			refuse_without_place("standard input is a terminal, "
					     "and no device");
		return serve_run(d, &start);
	case BB_FORM_GONE:
		bb_log(BB_LOG_DEBUG, "the peer has left already");
		return BB_EXIT_OK;
	case BB_FORM_REFUSED:
		break;
	}
	if (ask.has_next && strncmp(start.why, "standard input", 14) == 0)
		refuse_without_place(start.why);
	refuse(start.why);
}

int
dispatch_run(const struct dispatch_options *options)
{
	static struct dispatch d;
	int status;
	size_t i;

	d.options = options;
	check_next(options);
	bb_json_init();
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		d.sections[i] = BB_BUF_SECRET(BB_PACK_JSON_MAX);
	status = run(&d);
	if (d.db != NULL)
		bb_db_close(d.db);
	return status;
}
