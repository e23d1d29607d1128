/* Clocks run forward; times and durations have one text form. */
#include "base/clock.h"

#include <errno.h>
#include <string.h>

#include "base/cc.h"
#include "tap.h"

static void
test_clocks(void)
{
	int64_t ms = bb_clock_ms(), us = bb_clock_us();
	bool forward = true;
	int i;

	for (i = 0; i < 10000; i++) {
		forward = forward && bb_clock_ms() >= ms && bb_clock_us() >= us;
		ms = bb_clock_ms();
		us = bb_clock_us();
	}
	tap_ok(forward, "no clock runs backward");
	tap_ok(ms > 0 && us > 0, "clocks count from a start in the past");
	tap_ok(bb_clock_wall_s() > 1700000000, "the wall clock is set");
}

static void
test_times(void)
{
	char text[BB_CLOCK_TEXT_MAX];

	bb_clock_text(0, text);
	TAP_EQ_STR(text, "1970-01-01T00:00:00Z", "the epoch has its text");
	bb_clock_text(1795269787, text);
	TAP_EQ_STR(text, "2026-11-21T14:03:07Z", "a time has its text");
	bb_clock_text(-1, text);
	TAP_EQ_STR(text, "1969-12-31T23:59:59Z", "a time before the epoch too");
	bb_clock_text(INT64_MAX, text);
	TAP_EQ_STR(text, "-", "a year that nothing holds has none");
}

static void
test_scan(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		/* clang-format off */
		{ "250ms",  250 },
		{ "30s",    30000 },
		{ "10m",    600000 },
		{ "4h",     14400000 },
		{ "7d",     604800000 },
		{ "30",     30000 },
		{ "0",      0 },
		{ "0d",     0 },
		{ "007s",   7000 },
		{ "9223372036854775807ms", INT64_MAX },
		/* clang-format on */
	};
	int64_t ms;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		ms = -1;
		tap_ok(bb_duration_scan(rows[i].text, &ms) == 0 &&
			   ms == rows[i].ms,
		    "%s is read as a duration", rows[i].text);
	}
}

static void
test_scan_errors(void)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		/* clang-format off */
		{ "",      EINVAL },
		{ "s",     EINVAL },
		{ "-1s",   EINVAL },
		{ "+1s",   EINVAL },
		{ " 1s",   EINVAL },
		{ "1s ",   EINVAL },
		{ "1 s",   EINVAL },
		{ "1.5h",  EINVAL },
		{ "1w",    EINVAL },
		{ "1S",    EINVAL },
		{ "1h30m", EINVAL },
		{ "0x10",  EINVAL },
		{ "9223372036854775808ms", ERANGE },
		{ "99999999999999999999999s", ERANGE },
		{ "106751991168d", ERANGE },
		/* clang-format on */
	};
	int64_t ms = 77;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		errno = 0;
		tap_ok(bb_duration_scan(rows[i].text, &ms) == -1 &&
			   errno == rows[i].err && ms == 77,
		    "'%s' is refused, %s", rows[i].text, strerror(rows[i].err));
	}
}

static void
test_text(void)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		/* clang-format off */
		{ 0,         "0s" },
		{ 1,         "1ms" },
		{ 1500,      "1500ms" },
		{ 90000,     "90s" },
		{ 600000,    "10m" },
		{ 86400000,  "1d" },
		{ 90000000,  "25h" },
		{ INT64_MAX, "9223372036854775807ms" },
		{ -30000,    "-30s" },
		{ INT64_MIN, "-9223372036854775808ms" },
		/* clang-format on */
	};
	char text[BB_DURATION_TEXT_MAX];
	int64_t back;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		bb_duration_text(rows[i].ms, text);
		TAP_EQ_STR(text, rows[i].text, "a duration has its text");
		if (rows[i].ms >= 0)
			tap_ok(bb_duration_scan(text, &back) == 0 &&
				   back == rows[i].ms,
			    "and is read back from it");
	}
}

int
main(void)
{
	test_clocks();
	test_times();
	test_scan();
	test_scan_errors();
	test_text();
	return tap_done();
}
