/* relay: bbrouter beside HAProxy (where it is installed) and beside the least
 * that a relay can be: CPU for each message that is passed on, memory for each
 * connection that is held.
 *
 * Behind HAProxy and the floor stands an echo; behind bbrouter, a dispatcher
 * that only echoes.  All carry the same bytes. */
#include "relay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "bench.h"
#include "pump.h"
#include "stages.h"

#include "base/cc.h"

#define CONNS 100
#define ROUNDS 3

struct relay {
	const char *name, *key;
	struct stage stage;
	int port;
	double cpu[ROUNDS], per_s[ROUNDS];
	double memory;
};

static struct relay relays[] = {
	{ .name = "none (echo alone)", .key = "echo" },
	{ .name = "floor: epoll, 100 lines", .key = "floor" },
	{ .name = "HAProxy, tcp, one thread", .key = "haproxy" },
	{ .name = "bbrouter and its trunk", .key = "bbrouter" },
};
enum { ECHO, FLOOR, HAPROXY, BBROUTER };

static char self[BENCH_PATH_MAX];
static struct stage trunk;

/* --- the relays ------------------------------------------------------------
 */

static void
start_self(struct relay *relay, const char *mode, const char *argument)
{
	char *const words[] = { (char *)(uintptr_t)mode,
		(char *)(uintptr_t)argument, NULL };

	stage_start(&relay->stage, self, words, -1, 0, 0);
	relay->port = stage_port(&relay->stage);
}

static bool
find_haproxy(char path[BENCH_PATH_MAX])
{
	static const char *const places[] = { "/usr/sbin/haproxy",
		"/usr/local/sbin/haproxy", "/usr/bin/haproxy" };
	size_t i;

	for (i = 0; i < BB_LEN(places); i++) {
		(void)snprintf(path, BENCH_PATH_MAX, "%s", places[i]);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* It does not say which port it has taken: one that was free just now. */
static void
start_haproxy(struct relay *relay, int back)
{
	char path[BENCH_PATH_MAX], config[BENCH_PATH_MAX + 16];
	char option[] = "-f", foreground[] = "-db", quiet[] = "-q";
	char *const words[] = { quiet, foreground, option, config, NULL };
	FILE *f;

	if (!find_haproxy(path))
		return;
	relay->port = pump_free_port();
	(void)snprintf(config, sizeof(config), "%s/haproxy.cfg", bench_dir());
	if ((f = fopen(config, "w")) == NULL)
		bench_fail("%s: %s", config, strerror(errno));
	fprintf(f,
	    "global\n nbthread 1\n maxconn 9000\n"
	    "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n"
	    " timeout server 60s\n"
	    "listen l\n bind 127.0.0.1:%d\n server s 127.0.0.1:%d\n",
	    relay->port, back);
	if (fclose(f) != 0)
		bench_fail("%s: %s", config, strerror(errno));
	stage_start(&relay->stage, path, words, -1, 0, 0);
	pump_await(relay->port);
}

static void
start_bbrouter(struct relay *relay)
{
	char path[BENCH_PATH_MAX + 16], to_addr[BENCH_PATH_MAX + 32];
	char mode[] = "trunk", listen[] = "--listen", any[] = "127.0.0.1:0";
	char limit[] = "--per-address", none[] = "0", to[] = "--to";
	char *const trunk_words[] = { mode, path, NULL };
	char *const words[] = { listen, any, limit, none, to, to_addr, NULL };

	(void)snprintf(path, sizeof(path), "%s/trunk", bench_dir());
	(void)snprintf(to_addr, sizeof(to_addr), "unix:%s", path);
	stage_start(&trunk, self, trunk_words, -1, 0, 0);
	(void)stage_port(&trunk);
	stage_start(&relay->stage, "bbrouter", words, -1, 0, 1);
	relay->port = stage_port(&relay->stage);
}

static void
start_all(void)
{
	char port[16];

	start_self(&relays[ECHO], "echo", NULL);
	(void)snprintf(port, sizeof(port), "%d", relays[ECHO].port);
	start_self(&relays[FLOOR], "floor", port);
	start_haproxy(&relays[HAPROXY], relays[ECHO].port);
	start_bbrouter(&relays[BBROUTER]);
}

/* --- measuring -------------------------------------------------------------
 */

static void
measure(struct relay *relay, int round, int64_t ms)
{
	struct pump pump;
	uint64_t echoes;
	int64_t start;

	pump_open(&pump, relay->port, CONNS);
	(void)pump_run(&pump, 100); /* to warm up */
	stage_mark(&relay->stage);
	start = bench_now();
	echoes = pump_run(&pump, ms);
	/* The echo passes on nothing: what it costs is told as it is. */
	relay->cpu[round] = (double)stage_cpu(&relay->stage) / 1e3 /
			    (double)echoes / (relay == &relays[ECHO] ? 1 : 2);
	relay->per_s[round] =
	    (double)echoes * 1e9 / (double)(bench_now() - start);
	pump_close(&pump);
}

static void
measure_memory(struct relay *relay, size_t conns)
{
	struct pump pump;

	stage_mark(&relay->stage);
	pump_open(&pump, relay->port, conns);
	(void)pump_run(&pump, 0);
	relay->memory = (double)stage_pss(&relay->stage) / (double)conns;
	pump_close(&pump);
}

/* --- the table -------------------------------------------------------------
 */

static double
median(const double values[ROUNDS])
{
	int64_t sorted[ROUNDS];
	size_t i;

	for (i = 0; i < ROUNDS; i++)
		sorted[i] = (int64_t)(values[i] * 1000);
	return (double)bench_percentile(sorted, ROUNDS, 50) / 1000;
}

/* The median of the rounds' ratios. */
static double
against(const struct relay *relay, const struct relay *like)
{
	double ratios[ROUNDS];
	size_t i;

	for (i = 0; i < ROUNDS; i++)
		ratios[i] = relay->cpu[i] / like->cpu[i];
	return median(ratios);
}

static void
print(const struct relay *relay)
{
	const struct relay *haproxy = &relays[HAPROXY];
	char key[64];

	if (relay->port == 0) {
		printf("%-28s is not installed\n", relay->name);
		return;
	}
	printf("%-28s %9.0f %9.2f %9.2f", relay->name, median(relay->per_s),
	    median(relay->cpu), relay->memory);
	if (relay != &relays[ECHO]) {
		printf("  x%.2f", against(relay, &relays[FLOOR]));
		if (haproxy->port != 0)
			printf("    x%.2f", against(relay, haproxy));
	}
	putchar('\n');
	(void)snprintf(key, sizeof(key), "relay_%s", relay->key);
	bench_result(key, median(relay->cpu));
	(void)snprintf(key, sizeof(key), "relay_memory_%s", relay->key);
	bench_result(key, relay->memory);
}

static int
bench(void)
{
	int64_t ms = bench_setting("BENCH_SECONDS", 3) * 1000 / ROUNDS;
	size_t conns = (size_t)bench_setting("BENCH_HELD", 2000), i;
	struct rlimit limit;
	int round;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	start_all();
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < BB_LEN(relays); i++)
			if (relays[i].port != 0)
				measure(&relays[i], round, ms);
	for (i = 0; i < BB_LEN(relays); i++)
		if (relays[i].port != 0)
			measure_memory(&relays[i], conns);
	printf("%d-byte messages, %d connections, one under way on each; "
	       "memory with %zu.\n\n",
	    RELAY_MESSAGE, CONNS, conns);
	printf("%-28s %9s %9s %9s  %-5s %s\n", "relay", "echoes/s",
	    "us/message", "kB/conn.", "floor", "HAProxy");
	for (i = 0; i < BB_LEN(relays); i++)
		print(&relays[i]);
	if (relays[HAPROXY].port != 0)
		bench_result("relay_ratio",
		    against(&relays[BBROUTER], &relays[HAPROXY]));
	return 0;
}

int
main(int argc, char *argv[])
{
	bb_log_open("relay");
	(void)snprintf(self, sizeof(self), "%s", argv[0]);
	if (argc == 2 && strcmp(argv[1], "echo") == 0)
		serve_echo();
	if (argc == 3 && strcmp(argv[1], "floor") == 0)
		serve_floor((int)strtol(argv[2], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "trunk") == 0)
		serve_trunk(argv[2]);
	return bench();
}
