/* load: the whole gateway under load.  Router, dispatcher and Collaboration
 * Service run as three servers; this is the devices.
 *
 * Every device checks what it hears: a bench that prints its table has lost
 * nothing and doubled nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "bench.h"
#include "client.h"
#include "line/message.h"
#include "stages.h"
#include "world.h"

#include "base/cc.h"

#define FEW 100 /* devices, of which all talk: 50 pairs */
#define LOGINS_AT_ONCE 50
#define WINDOW 8      /* messages under way from each of a pair */
#define TEXT_LEN 128  /* some 200 bytes of JSON */
#define ALIVES 31     /* before each frame that is answered */
#define WAIT_MS 20000 /* longer means that something is lost */
#define SAMPLES_MAX 200000

static struct stage router, dispatcher, service;
static struct client client;
static int64_t samples[SAMPLES_MAX], results[SAMPLES_MAX];
static size_t samples_len;

/* --- one row of the table --------------------------------------------------
 */

struct phase {
	const char *name, *key;
	int64_t start, cpu;
	uint64_t count; /* what was done */
};

static struct phase
phase_begin(const char *name, const char *key)
{
	struct phase phase = { .name = name, .key = key };

	samples_len = 0;
	stage_mark(&router);
	stage_mark(&dispatcher);
	stage_mark(&service);
	phase.start = bench_now();
	phase.cpu = bench_cpu();
	return phase;
}

static void
note(const struct phase *phase, const char *what, double value)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "%s_%s", phase->key, what);
	bench_result(key, value);
}

static double
each(const struct phase *phase, int64_t ns)
{
	return (double)ns / 1000 / (double)phase->count;
}

static void
print_head(void)
{
	printf("%-34s %8s %7s %7s | %7s %7s %7s %7s | %7s %7s\n",
	    "microseconds", "per s", "p50", "p99", "router", "disp.", "service",
	    "all", "hashing", "client");
}

static void
phase_end(const struct phase *phase)
{
	int64_t wall = bench_now() - phase->start;
	int64_t own = bench_cpu() - phase->cpu;
	double r = each(phase, stage_cpu(&router));
	double d = each(phase, stage_cpu(&dispatcher));
	double c = each(phase, stage_first(&service));
	double hashing = each(phase, stage_cpu(&service)) - c;
	double per_s = (double)phase->count * 1e9 / (double)wall;
	double p50 = (double)bench_percentile(samples, samples_len, 50) / 1e3;
	double p99 = (double)bench_percentile(samples, samples_len, 99) / 1e3;

	printf("%-34s %8.0f ", phase->name, per_s);
	if (samples_len > 0)
		printf("%7.0f %7.0f", p50, p99);
	else
		printf("%7s %7s", "", "");
	printf(" | %7.1f %7.1f %7.1f %7.1f | %7.1f %7.1f\n", r, d, c, r + d + c,
	    hashing, each(phase, own));
	(void)fflush(stdout);
	note(phase, "per_s", per_s);
	note(phase, "p50", p50);
	note(phase, "p99", p99);
	note(phase, "router", r);
	note(phase, "dispatcher", d);
	note(phase, "service", c);
	note(phase, "cpu", r + d + c);
}

/* --- logins and resumes ----------------------------------------------------
 */

struct joining {
	size_t next, end; /* devices that have not begun yet */
	size_t live;
};

static void
join_next(struct joining *j)
{
	struct conn *conn;

	if (j->next == j->end)
		return;
	conn = &client.conns[j->next++];
	conn->joined = false;
	client_connect(&client, conn);
	device_attach(conn->device, client_out(&client, conn));
}

static void
join_heard(void *ctx, struct conn *conn)
{
	struct joining *j = ctx;

	if (conn->device->state != DEVICE_LIVE || conn->joined)
		return;
	conn->joined = true;
	j->live++;
	join_next(j);
}

static void
join(size_t from, size_t to)
{
	struct joining j = { from, to, 0 };
	size_t i;

	client.heard = join_heard;
	client.ctx = &j;
	for (i = 0; i < LOGINS_AT_ONCE; i++)
		join_next(&j);
	while (j.live < to - from)
		if (!client_turn(&client, WAIT_MS))
			bench_fail("%zu of %zu devices are not live", j.live,
			    to - from);
}

static void
phase_join(const char *name, const char *key, size_t from, size_t to)
{
	struct phase phase = phase_begin(name, key);

	phase.count = to - from;
	join(from, to);
	phase_end(&phase);
}

/* --- one pair --------------------------------------------------------------
 */

static void
send_one(struct conn *from, const struct conn *to)
{
	device_send(from->device, to->device->number, TEXT_LEN,
	    client_out(&client, from));
}

/* There and back in turns: when has the other one it, when the sender its
 * result? */
static void
phase_pair(const char *name, const char *key, int64_t ms)
{
	struct phase phase = phase_begin(name, key);
	struct conn *a = &client.conns[0], *b = &client.conns[1], *other;
	int64_t end = phase.start + ms * 1000000, start;
	uint64_t heard, acked;

	client.heard = NULL;
	while (bench_now() < end && samples_len < SAMPLES_MAX) {
		heard = b->device->heard;
		acked = a->device->results;
		start = bench_now();
		send_one(a, b);
		results[samples_len] = samples[samples_len] = 0;
		while (samples[samples_len] == 0 || results[samples_len] == 0) {
			if (!client_turn(&client, WAIT_MS))
				bench_fail("a message was lost");
			if (samples[samples_len] == 0 &&
			    b->device->heard > heard)
				samples[samples_len] = bench_now() - start;
			if (results[samples_len] == 0 &&
			    a->device->results > acked)
				results[samples_len] = bench_now() - start;
		}
		samples_len++;
		other = a;
		a = b;
		b = other;
	}
	phase.count = samples_len;
	phase_end(&phase);
	printf("%-34s %8s %7.0f %7.0f |\n", "  until the sender has its result",
	    "", (double)bench_percentile(results, samples_len, 50) / 1e3,
	    (double)bench_percentile(results, samples_len, 99) / 1e3);
}

/* --- fifty pairs -----------------------------------------------------------
 */

struct talking {
	int64_t end;
	uint64_t heard; /* messages, by all */
};

static struct conn *
partner(const struct conn *conn)
{
	return &client.conns[(conn - client.conns) ^ 1];
}

/* What it has sent and its partner has not, or has and it does not know. */
static uint64_t
under_way(const struct conn *conn)
{
	uint64_t known = conn->device->results,
		 there = partner(conn)->device->heard;

	return conn->device->sent - (known < there ? known : there);
}

static void
talk_on(const struct talking *t, struct conn *conn)
{
	if (bench_now() >= t->end)
		return;
	while (under_way(conn) < WINDOW)
		send_one(conn, partner(conn));
}

static void
talk_heard(void *ctx, struct conn *conn)
{
	struct talking *t = ctx;

	talk_on(t, conn);
	talk_on(t, partner(conn));
}

static bool
all_there(void)
{
	size_t i;

	for (i = 0; i < FEW; i++)
		if (under_way(&client.conns[i]) > 0)
			return false;
	return true;
}

static uint64_t
heard_by_all(void)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < FEW; i++)
		sum += client.conns[i].device->heard;
	return sum;
}

static void
phase_pairs(const char *name, const char *key, int64_t ms)
{
	struct phase phase = phase_begin(name, key);
	struct talking t = { .end = phase.start + ms * 1000000 };
	uint64_t before = heard_by_all();
	size_t i;

	client.heard = talk_heard;
	client.ctx = &t;
	for (i = 0; i < FEW; i++)
		talk_on(&t, &client.conns[i]);
	while (!all_there())
		if (!client_turn(&client, WAIT_MS))
			bench_fail("messages were lost");
	phase.count = heard_by_all() - before;
	phase_end(&phase);
}

/* --- what is not stored ----------------------------------------------------
 */

struct living {
	int64_t end;
	uint64_t said;
	size_t waiting;
	uint64_t reports[FEW]; /* that each device will have had */
};

static void
live_on(struct living *l, struct conn *conn)
{
	static const char alive[] = "{\"op\":\"alive\"}";
	struct bb_buf *out;
	size_t i;

	if (bench_now() >= l->end)
		return;
	out = client_out(&client, conn);
	for (i = 0; i < ALIVES; i++)
		device_say(conn->device, alive, sizeof(alive) - 1, out);
	device_ask(conn->device, out);
	l->said += ALIVES + 1;
	l->waiting++;
	l->reports[conn - client.conns]++;
}

static void
live_heard(void *ctx, struct conn *conn)
{
	struct living *l = ctx;

	if (conn->device->reports < l->reports[conn - client.conns])
		return;
	l->waiting--;
	live_on(l, conn);
}

static void
phase_alive(const char *name, const char *key, int64_t ms)
{
	struct phase phase = phase_begin(name, key);
	struct living l = { .end = phase.start + ms * 1000000 };
	size_t i;

	client.heard = live_heard;
	client.ctx = &l;
	for (i = 0; i < FEW; i++) {
		l.reports[i] = client.conns[i].device->reports;
		live_on(&l, &client.conns[i]);
	}
	while (l.waiting > 0)
		if (!client_turn(&client, WAIT_MS))
			bench_fail("an answer was lost");
	phase.count = l.said;
	phase_end(&phase);
}

/* --- idle ------------------------------------------------------------------
 */

static void
phase_idle(size_t more)
{
	double r = (double)stage_pss(&router) / (double)more;
	double d = (double)stage_pss(&dispatcher) / (double)more;
	double c = (double)stage_pss(&service) / (double)more;
	int64_t start;

	printf("\n%-34s %8s %7s %7s | %7.2f %7.2f %7.2f %7.2f |\n",
	    "kB for each device held (PSS)", "", "", "", r, d, c, r + d + c);
	bench_result("memory_router", r);
	bench_result("memory_dispatcher", d);
	bench_result("memory_all", r + d + c);
	stage_mark(&router);
	stage_mark(&dispatcher);
	stage_mark(&service);
	start = bench_now();
	while (bench_now() - start < INT64_C(2000000000))
		(void)client_turn(&client, 100);
	r = (double)stage_cpu(&router) / 2e7;
	d = (double)stage_cpu(&dispatcher) / 2e7;
	c = (double)stage_cpu(&service) / 2e7;
	printf("%-34s %8s %7s %7s | %7.2f %7.2f %7.2f %7.2f |\n\n",
	    "% of a processor while idle", "", "", "", r, d, c, r + d + c);
	bench_result("idle_cpu", r + d + c);
}

/* --- the gateway -----------------------------------------------------------
 */

static char lines_at[BENCH_PATH_MAX + 16], trunk_at[BENCH_PATH_MAX + 16];
static char data_dir[BENCH_PATH_MAX];

static void
start_gateway(void)
{
	char data[] = "--data", listen[] = "--listen", to[] = "--to";
	char any[] = "127.0.0.1:0", limit[] = "--per-address", none[] = "0";
	char *const collab_words[] = { data, data_dir, listen, lines_at, NULL };
	char *const dispatch_words[] = { data, data_dir, listen, trunk_at, to,
		lines_at, NULL };
	char *const router_words[] = { listen, any, limit, none, to, trunk_at,
		NULL };

	(void)snprintf(data_dir, sizeof(data_dir), "%s", bench_dir());
	(void)snprintf(lines_at, sizeof(lines_at), "unix:%s/lines", data_dir);
	(void)snprintf(trunk_at, sizeof(trunk_at), "unix:%s/trunk", data_dir);
	stage_start(&service, "bbcollab", collab_words, -1, 0, 1);
	stage_start(&dispatcher, "bbdispatch", dispatch_words, -1, 0, 1);
	stage_start(&router, "bbrouter", router_words, -1, 0, 1);
}

static void
raise_limit(size_t devices)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < devices + 64)
		bench_fail("%llu descriptors are too few for %zu devices",
		    (unsigned long long)limit.rlim_cur, devices);
}

static void
come_back(size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++)
		client_hang_up(&client, &client.conns[i]);
	phase_join("attach without password (resume)", "resume", from, to);
}

int
main(void)
{
	size_t len = (size_t)bench_setting("BENCH_DEVICES", 10000);
	int64_t ms = bench_setting("BENCH_SECONDS", 3) * 1000;
	struct device *devices;
	size_t back;

	bb_log_open("load");
	bb_json_init();
	if (len < 2 * FEW)
		bench_fail("BENCH_DEVICES: at least %d", 2 * FEW);
	raise_limit(len);
	devices = world_make(bench_dir(), (uint32_t)len);
	start_gateway();
	client_init(&client, stage_port(&router), devices, len);
	print_head();
	join(0, FEW);
	phase_pair("message, one pair, 100 held", "pair_few", ms);
	phase_pairs("message, 50 pairs x 16, 100 held", "pairs_few", ms);
	phase_alive("status message up, not stored", "alive", ms);
	phase_join("login, 50 at once", "login", FEW, len);
	phase_idle(len - FEW);
	phase_pair("message, one pair, all held", "pair_many", ms);
	phase_pairs("message, 50 pairs x 16, all held", "pairs_many", ms);
	back = len - FEW < 4000 ? len - FEW : 4000;
	come_back(FEW, FEW + back);
	printf("\n%llu messages, each heard once and in order; %zu devices.\n",
	    (unsigned long long)heard_by_all(), len);
	free(devices);
	return 0;
}
