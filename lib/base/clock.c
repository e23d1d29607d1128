/* Clocks and the text forms of times and durations. */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cc.h"
#include "base/sys.h"

int64_t
bb_clock_ms(void)
{
	struct timespec ts;

	if (bb_sys_clock_boot(&ts) == -1)
		abort();
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
bb_clock_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		abort();
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
bb_clock_wall_s(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		abort();
	return (int64_t)ts.tv_sec;
}

void
bb_clock_text(int64_t wall_s, char out[BB_CLOCK_TEXT_MAX])
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	/* A year past what int holds is no time that anybody stored. */
	if ((int64_t)t != wall_s || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, BB_CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(out, "-", 2);
}

/* Largest first: the first that divides a duration gives its shortest form. */
static const struct unit {
	const char *name;
	int64_t ms;
} units[] = {
	/* clang-format off */
	{ "d",  86400000 },
	{ "h",  3600000 },
	{ "m",  60000 },
	{ "s",  1000 },
	{ "ms", 1 },
	/* clang-format on */
};

static int64_t
unit_ms(const char *name)
{
	size_t i;

	if (*name == '\0')
		return 1000;
	for (i = 0; i < BB_LEN(units); i++) {
		if (strcmp(name, units[i].name) == 0)
			return units[i].ms;
	}
	return 0;
}

int
bb_duration_scan(const char *text, int64_t *ms)
{
	const char *p = text;
	int64_t v = 0, unit;
	bool large = false;

	for (; isdigit((unsigned char)*p); p++) {
		if (v > (INT64_MAX - (*p - '0')) / 10)
			large = true;
		else
			v = v * 10 + (*p - '0');
	}
	unit = unit_ms(p);
	if (p == text || unit == 0) {
		errno = EINVAL;
		return -1;
	}
	if (large || v > INT64_MAX / unit) {
		errno = ERANGE;
		return -1;
	}
	*ms = v * unit;
	return 0;
}

void
bb_duration_text(int64_t ms, char out[BB_DURATION_TEXT_MAX])
{
	const struct unit *unit = units;

	if (ms == 0) {
		memcpy(out, "0s", 3);
		return;
	}
	while (ms % unit->ms != 0)
		unit++;
	(void)snprintf(out, BB_DURATION_TEXT_MAX, "%" PRId64 "%s",
	    ms / unit->ms, unit->name);
}
