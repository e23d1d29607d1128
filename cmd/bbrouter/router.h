/* The router: from options to an exit status. */
#ifndef BBROUTER_ROUTER_H
#define BBROUTER_ROUTER_H

#include <stdbool.h>

struct router_options {
	bool filter;
	bool json;
	int verbose;
};

/* Returns the exit status, or ends the process. */
int router_run(const struct router_options *options);

#endif
