/* One row of the table of loads: something that was done many times, perhaps
 * in several goes, and what it took. */
#ifndef PHASE_H
#define PHASE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway.h"

#define PHASE_SAMPLES_MAX 200000

struct phase {
	const char *name, *key;
	struct gateway *g; /* NULL: a reference */
	uint64_t count;    /* what was done */
	int64_t wall;      /* ns */
	int64_t router, dispatcher, service, hashing, client; /* ns of CPU */
	int64_t *samples;                                     /* ns each */
	size_t samples_len;
	int64_t start, start_client; /* of this go */
};

void phase_begin(struct phase *phase);
/* This go is over. */
void phase_end(struct phase *phase, uint64_t count);
void phase_sample(struct phase *phase, int64_t ns);

void phase_print_head(void);
/* Prints the row, and notes its figures under KEY_per_s, KEY_p50, KEY_p99,
 * KEY_cpu. */
void phase_print(struct phase *phase);

#endif
