/* micro: what the steps of a message and of a login cost, each alone, beside
 * what the machine does with the same work and no code of ours.
 *
 * All rows are measured in turns, ROUNDS times: the machine's mood changes
 * within seconds, and ratios must not. */
#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bench.h"
#include "line/message.h"

#include "base/cc.h"

#define ROUNDS 9
#define ROWS_MAX 64

struct row {
	const struct micro *micro;
	int64_t n;                         /* how often in one round */
	int64_t cpu[ROUNDS], wall[ROUNDS]; /* ns for all n */
	double times; /* what it is compared with; 0: with nothing */
};

static struct row rows[ROWS_MAX];
static size_t rows_len;

static void
add(const struct micro *micros, size_t len)
{
	size_t i;

	for (i = 0; i < len && rows_len < ROWS_MAX; i++)
		rows[rows_len++].micro = &micros[i];
}

/* How often it has to run for the clock to be exact enough; a multiple of what
 * any of them does in one go. */
static void
calibrate(struct row *row, int64_t round_ns)
{
	int64_t wall, cpu;

	for (row->n = 64; row->n < INT64_C(1) << 24; row->n *= 2) {
		wall = bench_now();
		cpu = bench_cpu();
		row->micro->run(row->n);
		if (bench_cpu() - cpu > round_ns / 2 ||
		    bench_now() - wall > 4 * round_ns)
			break;
	}
}

static void
measure(struct row *row, size_t round)
{
	int64_t wall = bench_now(), cpu = bench_cpu();

	row->micro->run(row->n);
	row->cpu[round] = bench_cpu() - cpu;
	row->wall[round] = bench_now() - wall;
}

static double
us(int64_t ns, const struct row *row)
{
	return (double)ns / (double)row->n / 1000;
}

static struct row *
find(const char *key)
{
	size_t i;

	for (i = 0; key != NULL && i < rows_len; i++)
		if (rows[i].micro->key != NULL &&
		    strcmp(rows[i].micro->key, key) == 0)
			return &rows[i];
	return NULL;
}

/* The median of the rounds' ratios: both were measured in the same mood.
 * Before anything is sorted. */
static void
compare(struct row *row)
{
	const struct row *like = find(row->micro->like);
	int64_t parts[ROUNDS];
	size_t i;

	for (i = 0; like != NULL && i < ROUNDS; i++)
		parts[i] = (int64_t)(us(row->cpu[i], row) * 1000 /
				     us(like->cpu[i], like));
	if (like != NULL)
		row->times = (double)bench_percentile(parts, ROUNDS, 50) / 1000;
}

static void
print(struct row *row)
{
	double mid;

	mid = us(bench_percentile(row->cpu, ROUNDS, 50), row);
	printf("%-50s %8.2f [%.2f..%.2f] %8.2f", row->micro->name, mid,
	    us(row->cpu[0], row), us(row->cpu[ROUNDS - 1], row),
	    us(bench_percentile(row->wall, ROUNDS, 50), row));
	if (row->times > 0)
		printf("  x%.2f", row->times);
	putchar('\n');
	if (row->micro->key != NULL)
		bench_result(row->micro->key, mid);
}

int
main(void)
{
	const char *dir = bench_dir();
	size_t i, round;

	bb_log_open("micro");
	bb_json_init();
	micro_ref_begin(dir);
	micro_link_begin();
	micro_store_begin(dir);
	add(micro_refs, micro_refs_len);
	add(micro_links, micro_links_len);
	add(micro_stores, micro_stores_len);
	for (i = 0; i < rows_len; i++)
		calibrate(&rows[i],
		    bench_setting("BENCH_ROUND_MS", 30) * 1000000);
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < rows_len; i++)
			measure(&rows[i], round);
	printf("%-50s %8s %-14s %5s  %s\n", "microseconds", "CPU", "[min..max]",
	    "wall", "against");
	for (i = 0; i < rows_len; i++)
		compare(&rows[i]);
	for (i = 0; i < rows_len; i++)
		print(&rows[i]);
	micro_store_end();
	micro_link_end();
	micro_ref_end();
	return 0;
}
