/* The dispatcher joined: start, store, filter; which way it translates. */
#include "dispatch.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "serve/filter.h"
#include "serve/loop.h"
#include "serve/start.h"

/* More than the longest frame or line; half of the output is more than a group
 * of attaches may hold and one line. */
#define IN_MAX (2 * BB_LINE_MAX)
#define OUT_MAX (1 << 20)
#define COMPLAINTS_MAX 100

void
complain(struct dispatch *d, int status, const char *fmt, ...)
{
	char text[BB_LOG_LINE_MAX];
	va_list ap;

	if (d->status == BB_EXIT_OK)
		d->status = status;
	if (++d->complaints > COMPLAINTS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bb_log(BB_LOG_ERROR, "%s", text);
}

static void
open_store(struct dispatch *d)
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
	if (d->db == NULL)
		bb_die(status, "unable to open the device store: %s", why);
}

/* What a person may have tied on by mistake. */
static const char *
known_stranger(const uint8_t *bytes, size_t len)
{
	static const struct {
		const char *begin, *what;
	} strangers[] = {
		{ "\x16\x03", ": it looks like TLS" },
		{ "GET ", ": it looks like HTTP" },
		{ "POST ", ": it looks like HTTP" },
		{ "[", ": it looks like a JSON array" },
		{ " ", ": a line begins with {" },
		{ "\n", ": a line begins with {" },
		{ "\xef\xbb\xbf",
		    ": it looks like text with a byte order mark" },
	};
	size_t i;

	for (i = 0; i < BB_LEN(strangers); i++) {
		if (len >= strlen(strangers[i].begin) &&
		    memcmp(bytes, strangers[i].begin,
			strlen(strangers[i].begin)) == 0)
			return strangers[i].what;
	}
	return "";
}

/* The first byte decides, once.  0, or an exit status. */
static int
choose_way(struct dispatch *d, const struct bb_buf *in)
{
	const uint8_t *bytes = bb_buf_data(in);

	if (bytes[0] == BB_FRAME_MAGIC0) {
		d->way = WAY_OPEN;
	} else if (bytes[0] == '{') {
		d->way = WAY_SEAL;
	} else {
		complain(d, BB_EXIT_PROTO,
		    "the input is neither frames nor lines (first byte "
		    "0x%02x)%s",
		    (unsigned)bytes[0], known_stranger(bytes, bb_buf_len(in)));
		return BB_EXIT_PROTO;
	}
	open_store(d);
	bb_log(BB_LOG_INFO, "%s",
	    d->way == WAY_OPEN ? "opening frames into lines"
			       : "sealing lines into frames");
	return 0;
}

static int
dispatch_input(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	struct dispatch *d = ctx;

	if (d->way == WAY_UNKNOWN && choose_way(d, in) != 0)
		return d->status;
	return d->way == WAY_OPEN ? open_input(d, in, out)
				  : seal_input(d, in, out);
}

static int
dispatch_end(void *ctx, struct bb_buf *in, struct bb_buf *out)
{
	struct dispatch *d = ctx;

	(void)out;
	if (d->way == WAY_OPEN)
		open_end(d, in);
	else if (d->way == WAY_SEAL)
		seal_end(d, in);
	if (d->complaints > COMPLAINTS_MAX)
		bb_log(BB_LOG_ERROR, "%" PRIu64 " more errors were not said",
		    d->complaints - COMPLAINTS_MAX);
	return d->status;
}

static int
run_filter(struct dispatch *d, int in, int out)
{
	static const struct bb_filter_stage stage = {
		.input = dispatch_input,
		.end = dispatch_end,
	};
	const struct bb_filter_setup setup = { .in = in,
		.out = out,
		.in_max = IN_MAX,
		.out_max = OUT_MAX,
		.secret = true,
		.finish_ms = -1 };
	struct bb_loop *loop = bb_loop_new(BB_LOOP_ANY_FD);
	struct bb_filter *filter;
	int status;
	size_t i;

	if (loop == NULL)
		bb_die_sys("unable to start the event loop");
	filter = bb_filter_new(loop, &setup, &stage, d);
	if (filter == NULL)
		bb_die_sys("unable to start the filter");
	for (i = 0; i < BB_PACK_SECTIONS; i++)
		d->sections[i] = BB_BUF_SECRET(BB_PACK_JSON_MAX);
	status = bb_filter_run(filter);
	bb_filter_free(filter);
	bb_loop_free(loop);
	if (d->db != NULL)
		bb_db_close(d->db);
	return status;
}

int
dispatch_run(const struct dispatch_options *options)
{
	static struct dispatch d;
	const struct bb_start_ask ask = { .filter = options->filter };
	struct bb_start start = bb_start_look(&ask);

	d.options = options;
	bb_json_init();
	switch (start.form) {
	case BB_FORM_FILTER:
		return run_filter(&d, start.in, start.out);
	case BB_FORM_GONE:
		bb_log(BB_LOG_DEBUG, "the peer has left already");
		return BB_EXIT_OK;
	case BB_FORM_REFUSED:
		bb_start_turn_away();
		bb_die(BB_EXIT_USAGE, "unable to start: %s", start.why);
	case BB_FORM_SERVER:
	case BB_FORM_PEER:
		break;
	}
	bb_start_turn_away();
	bb_die(BB_EXIT_USAGE, "unable to serve connections: this version has "
			      "filters only");
}
