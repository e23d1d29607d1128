/* The router: from options to an exit status. */
#ifndef BBROUTER_ROUTER_H
#define BBROUTER_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "serve/server.h"

struct router_options {
	struct bb_server_options server;
	struct bb_opt_list to; /* dispatchers */
	char **chain;          /* words of the next stage, or NULL */
	int64_t queue_total;   /* bytes that may wait in all */
	bool filter;
	bool json;
	int verbose;
};

/* Returns the exit status, or ends the process. */
int router_run(const struct router_options *options);
/* The same as a filter. */
int filter_run(int in, int out);

#endif
