/* start: how long a stage takes from the connection that a super-server has
 * accepted until it is ready (inetd, nowait), and what it keeps for itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "bench.h"
#include "stages.h"
#include "world.h"

#include "base/cc.h"

#define STARTS 40

static struct stage service, dispatcher;
static char lines_at[BENCH_PATH_MAX + 16], trunk_at[BENCH_PATH_MAX + 16];
static char data_dir[BENCH_PATH_MAX];

/* A TCP connection: ends[0] is the server's. */
static void
connection(int ends[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ends[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || ends[1] == -1 ||
	    bind(fd, (const struct sockaddr *)&at, len) == -1 ||
	    listen(fd, 1) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1 ||
	    connect(ends[1], (const struct sockaddr *)&at, len) == -1 ||
	    (ends[0] = accept(fd, NULL, NULL)) == -1)
		bench_fail("connection: %s", strerror(errno));
	(void)close(fd);
}

static void
measure(const char *name, const char *key, char *const words[])
{
	int64_t took[STARTS], cpu[STARTS], private[STARTS], start;
	struct stage stage = { 0 };
	char result[64];
	int ends[2];
	size_t i;

	for (i = 0; i < STARTS; i++) {
		connection(ends);
		start = bench_now();
		stage_start(&stage, name, words, ends[0], 1, key != NULL);
		if (key == NULL)
			stage_await_end(&stage);
		took[i] = bench_now() - start;
		cpu[i] = key == NULL ? 0 : bench_cpu_of(stage.pid);
		private[i] = key == NULL ? 0 : bench_private(stage.pid);
		stage_end(&stage);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
	printf("%-34s %8.2f %8.2f", name,
	    (double)bench_percentile(took, STARTS, 50) / 1e6,
	    (double)bench_percentile(took, STARTS, 90) / 1e6);
	if (key == NULL) {
		putchar('\n');
		return;
	}
	printf(" %8.2f %8lld\n",
	    (double)bench_percentile(cpu, STARTS, 50) / 1e6,
	    (long long)bench_percentile(private, STARTS, 50));
	(void)snprintf(result, sizeof(result), "start_%s", key);
	bench_result(result, (double)bench_percentile(took, STARTS, 50) / 1e6);
	(void)snprintf(result, sizeof(result), "start_private_%s", key);
	bench_result(result, (double)bench_percentile(private, STARTS, 50));
}

int
main(void)
{
	char data[] = "--data", listen[] = "--listen", to[] = "--to";
	char *const service_words[] = { data, data_dir, listen, lines_at,
		NULL };
	char *const dispatcher_words[] = { data, data_dir, listen, trunk_at, to,
		lines_at, NULL };
	char *const router_peer[] = { to, trunk_at, NULL };
	char *const dispatcher_peer[] = { data, data_dir, to, lines_at, NULL };
	char *const service_peer[] = { data, data_dir, NULL };
	char *const nothing[] = { NULL };

	bb_log_open("start");
	(void)world_make(bench_dir(), 1);
	(void)snprintf(data_dir, sizeof(data_dir), "%s", bench_dir());
	(void)snprintf(lines_at, sizeof(lines_at), "unix:%s/lines", data_dir);
	(void)snprintf(trunk_at, sizeof(trunk_at), "unix:%s/trunk", data_dir);
	stage_start(&service, "bbcollab", service_words, -1, 0, 1);
	stage_start(&dispatcher, "bbdispatch", dispatcher_words, -1, 0, 1);
	printf("%-34s %8s %8s %8s %8s\n", "from the connection to readiness",
	    "ms p50", "p90", "CPU ms", "own kB");
	measure("/bin/true", NULL, nothing);
	measure("bbrouter", "router", router_peer);
	measure("bbdispatch", "dispatcher", dispatcher_peer);
	measure("bbcollab", "service", service_peer);
	return 0;
}
