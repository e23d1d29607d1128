/* bbrouter: passes frames between devices and dispatchers.  Options, then one
 * call.  Port 3101 is in serve.c. */
#include <stddef.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/opt.h"
#include "router.h"
#include "serve/chain.h"
#include "serve/ready.h"
#include "serve/start.h"

#define O(field) offsetof(struct router_options, field)
#define PER_ADDRESS 1000
#define QUEUE_TOTAL_MIB 64
#define MIB (INT64_C(1) << 20)

/* clang-format off */
static const struct bb_opt opts[] = {
	BB_SERVER_OPTS(O(server)),
	{ "to",           0,  BB_OPT_LIST, O(to),          "ADDR", "a dispatcher: PORT, HOST:PORT, unix:PATH; repeatable", 0, 0 },
	{ "queue-total",  0,  BB_OPT_INT,  O(queue_total), "MIB", "MiB that may wait for slow peers in all (64)", 1, 65536 },
	{ "filter",       0,  BB_OPT_FLAG, O(filter),      NULL, "be a filter whatever standard input is", 0, 0 },
	{ "json",         0,  BB_OPT_FLAG, O(json),        NULL, "log lines as JSON", 0, 0 },
	{ "verbose",     'v', BB_OPT_COUNT, O(verbose),    NULL, "say more; twice for each frame", 0, 0 },
};
/* clang-format on */

static const struct bb_opt_spec spec = {
	.tool = "bbrouter",
	.operands = "[-- NEXT-STAGE...]",
	.about = "Checks frames and passes them on.  Holds no key.",
	.opts = opts,
	.opts_len = BB_LEN(opts),
	.operands_max = 0,
};

int
main(int argc, char *argv[])
{
	struct router_options options = {
		.server = BB_SERVER_DEFAULTS,
		.queue_total = QUEUE_TOTAL_MIB,
	};

	options.server.per_address = PER_ADDRESS;
	bb_log_open("bbrouter");
	bb_start_process();
	bb_ready_take();
	options.chain = bb_chain_words(&argc, argv);
	(void)bb_opt_parse(&spec, &options, argc, argv);
	if (options.verbose > 0)
		bb_log_level(options.verbose > 1 ? BB_LOG_DEBUG : BB_LOG_INFO);
	bb_log_json(options.json);
	options.queue_total *= MIB;
	return router_run(&options);
}
