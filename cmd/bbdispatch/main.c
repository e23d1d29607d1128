/* bbdispatch: opens what devices sealed and seals what is for them.  Options,
 * then one call. */
#include <stddef.h>

#include "base/cc.h"
#include "base/log.h"
#include "base/opt.h"
#include "dispatch.h"
#include "serve/chain.h"
#include "serve/ready.h"
#include "serve/start.h"

#define O(field) offsetof(struct dispatch_options, field)

/* clang-format off */
static const struct bb_opt opts[] = {
	BB_SERVER_OPTS(O(server)),
	{ "to",            0,  BB_OPT_LIST,  O(to),           "[SERVICE=]ADDR", "a collaboration service: PORT, HOST:PORT, unix:PATH; repeatable", 0, 0 },
	{ "data",         'd', BB_OPT_STR,   O(data),         "DIR",  "folder of the stores (BB_DATA, else /var/lib/bb)", 0, 0 },
	{ "device-store",  0,  BB_OPT_STR,   O(device_store), "FILE", "device store (DIR/devices.db)", 0, 0 },
	{ "filter",        0,  BB_OPT_FLAG,  O(filter),       NULL,   "be a filter whatever standard input is", 0, 0 },
	{ "json",          0,  BB_OPT_FLAG,  O(json),         NULL,   "log lines as JSON", 0, 0 },
	{ "verbose",      'v', BB_OPT_COUNT, O(verbose),      NULL,   "say more; twice for each frame and line", 0, 0 },
};
/* clang-format on */

static const struct bb_opt_spec spec = {
	.tool = "bbdispatch",
	.operands = "[-- NEXT-STAGE...]",
	.about = "Opens what devices sealed, seals what is for them.",
	.opts = opts,
	.opts_len = BB_LEN(opts),
	.operands_max = 0,
};

int
main(int argc, char *argv[])
{
	struct dispatch_options options = { .server = BB_SERVER_DEFAULTS };

	bb_log_open("bbdispatch");
	bb_start_process();
	bb_ready_take();
	options.chain = bb_chain_words(&argc, argv);
	(void)bb_opt_parse(&spec, &options, argc, argv);
	if (options.verbose > 0)
		bb_log_level(options.verbose > 1 ? BB_LOG_DEBUG : BB_LOG_INFO);
	bb_log_json(options.json);
	return dispatch_run(&options);
}
