/* Clocks.  Deadlines and ages use milliseconds of a clock that nobody can set;
 * the wall clock is for showing only: no decision reads it. */
#ifndef BB_BASE_CLOCK_H
#define BB_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Since boot, suspended time included (CLOCK_BOOTTIME where there is one). */
int64_t bb_clock_ms(void);
/* Monotonic microseconds, for durations within one process. */
int64_t bb_clock_us(void);
/* Seconds since 1970, for people. */
int64_t bb_clock_wall_s(void);
/* Writes "2026-11-21T14:03:07Z" and a zero byte. */
#define BB_CLOCK_TEXT_MAX 32
void bb_clock_text(int64_t wall_s, char out[BB_CLOCK_TEXT_MAX]);
/* "250ms", "30s", "10m", "4h", "7d"; a bare number is seconds.  0, or -1 with
 * EINVAL or ERANGE. */
int bb_duration_scan(const char *text, int64_t *ms);
#define BB_DURATION_TEXT_MAX 32
/* The shortest exact form of the same. */
void bb_duration_text(int64_t ms, char out[BB_DURATION_TEXT_MAX]);

#endif
