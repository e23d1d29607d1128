/* Adds up what a load took, by stage, and prints it. */
#include "phase.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cc.h"

void
phase_begin(struct phase *phase)
{
	if (phase->g != NULL)
		gateway_mark(phase->g);
	phase->start_client = bench_cpu();
	phase->start = bench_now();
}

void
phase_end(struct phase *phase, uint64_t count)
{
	const struct gateway *g = phase->g;
	int64_t first;

	phase->wall += bench_now() - phase->start;
	phase->client += bench_cpu() - phase->start_client;
	phase->count += count;
	if (g == NULL)
		return;
	phase->router += stage_cpu(&g->router);
	phase->dispatcher += stage_cpu(&g->dispatcher);
	first = stage_first(&g->service);
	phase->service += first;
	phase->hashing += stage_cpu(&g->service) - first;
}

void
phase_sample(struct phase *phase, int64_t ns)
{
	if (phase->samples == NULL)
		phase->samples =
		    calloc(PHASE_SAMPLES_MAX, sizeof(*phase->samples));
	if (phase->samples == NULL)
		bench_fail("no memory");
	if (phase->samples_len < PHASE_SAMPLES_MAX)
		phase->samples[phase->samples_len++] = ns;
}

void
phase_print_head(void)
{
	printf("%-34s %8s %7s %7s | %7s %7s %7s %7s | %7s %7s\n",
	    "microseconds", "per s", "p50", "p99", "router", "disp.", "service",
	    "all", "hashing", "client");
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
print_samples(struct phase *phase)
{
	double p50, p99;

	if (phase->samples_len == 0) {
		printf("%7s %7s |", "", "");
		return;
	}
	p50 = (double)bench_percentile(phase->samples, phase->samples_len, 50);
	p99 = (double)bench_percentile(phase->samples, phase->samples_len, 99);
	printf("%7.0f %7.0f |", p50 / 1e3, p99 / 1e3);
	note(phase, "p50", p50 / 1e3);
	note(phase, "p99", p99 / 1e3);
}

void
phase_print(struct phase *phase)
{
	double per_s = (double)phase->count * 1e9 / (double)phase->wall;
	int64_t all = phase->router + phase->dispatcher + phase->service;

	if (phase->count > 0)
		printf("%-34s %8.0f ", phase->name, per_s);
	else
		printf("%-34s %8s ", phase->name, "");
	print_samples(phase);
	if (phase->g != NULL && phase->count > 0) {
		printf(" %7.1f %7.1f %7.1f %7.1f | %7.1f %7.1f",
		    each(phase, phase->router), each(phase, phase->dispatcher),
		    each(phase, phase->service), each(phase, all),
		    each(phase, phase->hashing), each(phase, phase->client));
		note(phase, "per_s", per_s);
		note(phase, "cpu", each(phase, all));
	}
	putchar('\n');
	(void)fflush(stdout);
	free(phase->samples);
	phase->samples = NULL;
}
