/* A whole gateway in a folder of its own, and its devices. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include <stddef.h>

#include "bench.h"
#include "client.h"
#include "stages.h"

struct gateway {
	char dir[BENCH_PATH_MAX];
	char lines_at[BENCH_PATH_MAX + 16]; /* unix:... */
	char trunk_at[BENCH_PATH_MAX + 16];
	struct stage router, dispatcher, service;
	struct device *devices;
	struct client client;
};

/* Writes the stores below the folder of the bench and starts the three
 * servers; no device is connected. */
void gateway_start(struct gateway *g, const char *name, size_t devices);
/* Kills the servers. */
void gateway_end(struct gateway *g);
/* stage_mark for all three. */
void gateway_mark(struct gateway *g);

#endif
