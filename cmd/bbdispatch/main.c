/* bbdispatch: opens what devices sealed and seals what is for them.  Options,
 * then one call. */
#include <stddef.h>

#include "base/cc.h"
#include "base/log.h"
#include "base/opt.h"
#include "dispatch.h"
#include "serve/start.h"

#define O(field) offsetof(struct dispatch_options, field)

/* clang-format off */
static const struct bb_opt opts[] = {
	{ "data",         'd', BB_OPT_STR,   O(data),         "DIR",  "folder of the stores (BB_DATA, else /var/lib/bb)", 0, 0 },
	{ "device-store",  0,  BB_OPT_STR,   O(device_store), "FILE", "device store (DIR/devices.db)", 0, 0 },
	{ "filter",        0,  BB_OPT_FLAG,  O(filter),       NULL,   "be a filter whatever standard input is", 0, 0 },
	{ "json",          0,  BB_OPT_FLAG,  O(json),         NULL,   "log lines as JSON", 0, 0 },
	{ "verbose",      'v', BB_OPT_COUNT, O(verbose),      NULL,   "say more; twice for each frame and line", 0, 0 },
};
/* clang-format on */

static const struct bb_opt_spec spec = {
	.tool = "bbdispatch",
	.operands = "",
	.about = "Opens frames into lines, or seals lines into frames, as the "
		 "first byte asks.",
	.opts = opts,
	.opts_len = BB_LEN(opts),
	.operands_max = 0,
};

int
main(int argc, char *argv[])
{
	struct dispatch_options options = { 0 };

	bb_log_open("bbdispatch");
	bb_start_process();
	(void)bb_opt_parse(&spec, &options, argc, argv);
	if (options.verbose > 0)
		bb_log_level(options.verbose > 1 ? BB_LOG_DEBUG : BB_LOG_INFO);
	bb_log_json(options.json);
	return dispatch_run(&options);
}
