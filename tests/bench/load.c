/* load: the whole gateway under load, router, dispatcher and Collaboration
 * Service as three servers; this is the devices.
 *
 * Two gateways run: one with few devices, one with many.  What is compared is
 * measured in turns, a little of each, for the machine's mood changes within
 * seconds.  A bench that prints its table has lost and doubled nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bench.h"
#include "line/message.h"
#include "pump.h"
#include "relay.h"
#include "talk.h"

#include "base/cc.h"

#define ROUNDS 5
#define BACK 4000 /* devices that come back at most */

static struct gateway few, many;
static struct stage echo;
static struct pump line;

/* --- rows ------------------------------------------------------------------
 */

static void
join(const char *name, const char *key, size_t from, size_t to)
{
	struct phase phase = { .name = name, .key = key, .g = &many };

	phase_begin(&phase);
	talk_join(&many, from, to);
	phase_end(&phase, to - from);
	phase_print(&phase);
}

static void
come_back(size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++)
		client_hang_up(&many.client.conns[i]);
	join("attach without password (resume)", "resume", from, to);
}

static void
pair(struct phase *phase, struct phase *to_result, int64_t ms)
{
	uint64_t count;

	phase_begin(phase);
	count = talk_pair(phase, to_result, ms);
	phase_end(phase, count);
}

static void
pairs(struct phase *phase, int64_t ms)
{
	uint64_t count;

	phase_begin(phase);
	count = talk_pairs(phase->g, ms);
	phase_end(phase, count);
}

static void
reference(struct phase *phase, int64_t ms)
{
	int64_t end = bench_now() + ms * 1000000;
	uint64_t count = 0;

	phase_begin(phase);
	for (; bench_now() < end; count++)
		phase_sample(phase, pump_once(&line));
	phase_end(phase, count);
}

enum {
	ECHO,
	PAIR_FEW,
	KNOWN_FEW,
	PAIR_MANY,
	KNOWN_MANY,
	PAIRS_FEW,
	PAIRS_MANY
};
#define ROW(at, text, result, gateway) \
	[at] = { .name = (text), .key = (result), .g = (gateway) }

static void
talk(int64_t ms)
{
	struct phase rows[] = {
		ROW(ECHO, "reference: echo, there and back", "echo", NULL),
		ROW(PAIR_FEW, "one pair, 100 held", "pair_few", &few),
		ROW(KNOWN_FEW, "  until the sender knows", "known_few", &few),
		ROW(PAIR_MANY, "one pair, all held", "pair_many", &many),
		ROW(KNOWN_MANY, "  until the sender knows", "known_many",
		    &many),
		ROW(PAIRS_FEW, "50 pairs x 16, 100 held", "pairs_few", &few),
		ROW(PAIRS_MANY, "50 pairs x 16, all held", "pairs_many", &many),
	};
	size_t i;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		reference(&rows[ECHO], ms / 2);
		pair(&rows[PAIR_FEW], &rows[KNOWN_FEW], ms);
		pair(&rows[PAIR_MANY], &rows[KNOWN_MANY], ms);
		pairs(&rows[PAIRS_FEW], ms);
		pairs(&rows[PAIRS_MANY], ms);
	}
	for (i = 0; i < BB_LEN(rows); i++)
		phase_print(&rows[i]);
}

static void
alive(int64_t ms)
{
	struct phase phase = { .name = "status message up, not stored",
		.key = "alive",
		.g = &few };
	uint64_t count;

	phase_begin(&phase);
	count = talk_alive(&few, ms);
	phase_end(&phase, count);
	phase_print(&phase);
}

static void
print_idle(const char *name, const double of[3])
{
	printf("%-34s %8s %7s %7s | %7.2f %7.2f %7.2f %7.2f |\n", name, "", "",
	    "", of[0], of[1], of[2], of[0] + of[1] + of[2]);
}

static void
idle(size_t more)
{
	const struct stage *stages[3] = { &many.router, &many.dispatcher,
		&many.service };
	double of[3];
	int64_t start;
	size_t i;

	for (i = 0; i < 3; i++)
		of[i] = (double)stage_pss(stages[i]) / (double)more;
	print_idle("kB for each device held (PSS)", of);
	bench_result("memory_router", of[0]);
	bench_result("memory_dispatcher", of[1]);
	bench_result("memory_all", of[0] + of[1] + of[2]);
	gateway_mark(&many);
	start = bench_now();
	while (bench_now() - start < INT64_C(3000000000))
		(void)client_turn(&many.client, 100);
	for (i = 0; i < 3; i++)
		of[i] = (double)stage_cpu(stages[i]) / 3e7;
	print_idle("% of a processor while idle", of);
	bench_result("idle_cpu", of[0] + of[1] + of[2]);
}

/* --- all of it -------------------------------------------------------------
 */

static void
start_echo(const char *self)
{
	char mode[] = "echo";
	char *const words[] = { mode, NULL };

	stage_start(&echo, self, words, -1, 0, 0);
	pump_open(&line, stage_port(&echo), 1);
}

static int
bench(const char *self)
{
	size_t len = (size_t)bench_setting("BENCH_DEVICES", 10000), back;
	int64_t ms = bench_setting("BENCH_SECONDS", 3) * 1000;

	if (len < 2 * TALKERS)
		bench_fail("BENCH_DEVICES: at least %d", 2 * TALKERS);
	start_echo(self);
	gateway_start(&few, "few", TALKERS);
	gateway_start(&many, "many", len);
	phase_print_head();
	talk_join(&few, 0, TALKERS);
	talk_join(&many, 0, TALKERS);
	/* So that what grows with use has grown. */
	(void)talk_pairs(&many, 500);
	(void)talk_pairs(&few, 500);
	join("login, 50 at once", "login", TALKERS, len);
	idle(len - TALKERS);
	talk(ms / ROUNDS);
	alive(ms);
	back = len - TALKERS < BACK ? len - TALKERS : BACK;
	come_back(TALKERS, TALKERS + back);
	printf("\n%llu messages, each heard once and in order; %zu devices.\n",
	    (unsigned long long)(talk_heard(&few) + talk_heard(&many)), len);
	pump_close(&line);
	gateway_end(&few);
	gateway_end(&many);
	return 0;
}

int
main(int argc, char *argv[])
{
	bb_log_open("load");
	bb_json_init();
	if (argc == 2 && strcmp(argv[1], "echo") == 0)
		serve_echo();
	return bench(argv[0]);
}
