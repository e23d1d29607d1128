/* Starts and ends a gateway of three servers. */
#include "gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "world.h"

#include "base/cc.h"

static void
raise_limit(size_t devices)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < devices + 64)
		bench_fail("%llu descriptors are too few for %zu devices",
		    (unsigned long long)limit.rlim_cur, devices);
}

void
gateway_start(struct gateway *g, const char *name, size_t devices)
{
	char data[] = "--data", listen[] = "--listen", to[] = "--to";
	char any[] = "127.0.0.1:0", limit[] = "--per-address", none[] = "0";
	char *const collab_words[] = { data, g->dir, listen, g->lines_at,
		NULL };
	char *const dispatch_words[] = { data, g->dir, listen, g->trunk_at, to,
		g->lines_at, NULL };
	char *const router_words[] = { listen, any, limit, none, to,
		g->trunk_at, NULL };

	raise_limit(devices);
	(void)snprintf(g->dir, sizeof(g->dir), "%s/%s", bench_dir(), name);
	if (mkdir(g->dir, 0700) == -1)
		bench_fail("%s: %s", g->dir, strerror(errno));
	(void)snprintf(g->lines_at, sizeof(g->lines_at), "unix:%s/lines",
	    g->dir);
	(void)snprintf(g->trunk_at, sizeof(g->trunk_at), "unix:%s/trunk",
	    g->dir);
	g->devices = world_make(g->dir, (uint32_t)devices);
	stage_start(&g->service, "bbcollab", collab_words, -1, 0, 1);
	stage_start(&g->dispatcher, "bbdispatch", dispatch_words, -1, 0, 1);
	stage_start(&g->router, "bbrouter", router_words, -1, 0, 1);
	client_init(&g->client, stage_port(&g->router), g->devices, devices);
}

void
gateway_end(struct gateway *g)
{
	stage_end(&g->router);
	stage_end(&g->dispatcher);
	stage_end(&g->service);
	client_free(&g->client);
	free(g->devices);
}

void
gateway_mark(struct gateway *g)
{
	stage_mark(&g->router);
	stage_mark(&g->dispatcher);
	stage_mark(&g->service);
}
