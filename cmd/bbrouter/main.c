/* bbrouter: passes frames between devices and dispatchers.  Options, then one
 * call.  (As a server it will listen on port 3101.) */
#include <stddef.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/opt.h"
#include "router.h"
#include "serve/start.h"

#define O(field) offsetof(struct router_options, field)

/* clang-format off */
static const struct bb_opt opts[] = {
	{ "filter",   0,  BB_OPT_FLAG,  O(filter),  NULL, "be a filter whatever standard input is", 0, 0 },
	{ "json",     0,  BB_OPT_FLAG,  O(json),    NULL, "log lines as JSON", 0, 0 },
	{ "verbose", 'v', BB_OPT_COUNT, O(verbose), NULL, "say more; twice for each frame", 0, 0 },
};
/* clang-format on */

static const struct bb_opt_spec spec = {
	.tool = "bbrouter",
	.operands = "",
	.about = "Checks frames and passes them on.  Holds no key.",
	.opts = opts,
	.opts_len = BB_LEN(opts),
	.operands_max = 0,
};

int
main(int argc, char *argv[])
{
	struct router_options options = { 0 };

	bb_log_open("bbrouter");
	bb_start_process();
	(void)bb_opt_parse(&spec, &options, argc, argv);
	if (options.verbose > 0)
		bb_log_level(options.verbose > 1 ? BB_LOG_DEBUG : BB_LOG_INFO);
	bb_log_json(options.json);
	return router_run(&options);
}
