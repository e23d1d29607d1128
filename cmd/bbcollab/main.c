/* bbcollab: the Collaboration Service.  Options, then one call.  Port 3200 is
 * in collab.h. */
#include <stddef.h>
#include <stdlib.h>

#include "base/cc.h"
#include "base/log.h"
#include "base/opt.h"
#include "collab.h"
#include "serve/ready.h"
#include "serve/start.h"

#define O(field) offsetof(struct collab_options, field)

/* clang-format off */
static const struct bb_opt opts[] = {
	{ "data",         'd', BB_OPT_STR,   O(data),         "DIR",  "folder of the stores (BB_DATA, else /var/lib/bb)", 0, 0 },
	{ "config-store", 'c', BB_OPT_STR,   O(config_store), "FILE", "configuration store (DIR/config.db)", 0, 0 },
	BB_SERVER_OPTS(O(server)),
	{ "confirm",       0,  BB_OPT_MS,    O(confirm_ms),   "TIME", "log out who does not use a login within TIME (60s)", 100, 86400000 },
	{ "link-grace",    0,  BB_OPT_MS,    O(grace_ms),     "TIME", "out of coverage TIME after the link is lost (30s)", 100, 86400000 },
	{ "filter",        0,  BB_OPT_FLAG,  O(filter),       NULL,   "be a filter whatever standard input is", 0, 0 },
	{ "finish",        0,  BB_OPT_MS,    O(finish_ms),    "TIME", "at end of input wait this long for answers (30s)", 0, 86400000 },
	{ "threads",       0,  BB_OPT_INT,   O(threads),      "N",    "threads for password checks (2)", 1, 16 },
	{ "json",          0,  BB_OPT_FLAG,  O(json),         NULL,   "log lines as JSON", 0, 0 },
	{ "verbose",      'v', BB_OPT_COUNT, O(verbose),      NULL,   "say more; twice for debugging", 0, 0 },
};
/* clang-format on */

static const struct bb_opt_spec spec = {
	.tool = "bbcollab",
	.operands = "",
	.about =
	    "Checks limits and permission, logs in at the IM server, keeps "
	    "the session.",
	.opts = opts,
	.opts_len = BB_LEN(opts),
	.operands_max = 0,
};

int
main(int argc, char *argv[])
{
	struct collab_options options = {
		.finish_ms = 30000,
		.confirm_ms = BB_CONFIRM_MS,
		.grace_ms = BB_GRACE_MS,
		.threads = 2,
		.server = BB_SERVER_DEFAULTS,
	};

	bb_log_open("bbcollab");
	bb_start_process();
	bb_ready_take();
	(void)bb_opt_parse(&spec, &options, argc, argv);
	if (options.verbose > 0)
		bb_log_level(options.verbose > 1 ? BB_LOG_DEBUG : BB_LOG_INFO);
	bb_log_json(options.json);
	return collab_run(&options);
}
