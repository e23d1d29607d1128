/*
 * tap.h - what a unit test says and how.
 *
 * A test is a program: it calls these functions, one per statement about the
 * code, and ends with `return tap_done();`.  The output is TAP, the statement
 * is a sentence:
 *
 *	ok 1 - a frame of 64 KiB is whole
 *	not ok 2 - a frame one byte longer is bad
 *	# frame_test.c:41: expected 2, got 0
 *	1..2
 *
 * The actual value stands first, the expected one second.  Each function
 * answers whether the statement holds, so that a test can stop early.
 */
#ifndef BB_TAP_H
#define BB_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* States a sentence; printf format. */
bool tap_ok(bool holds, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints "# ..." lines beside the statement just made. */
void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One statement that cannot be made here, and why: counted as skipped. */
void tap_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints the plan; the exit status of the program: 0 or 1. */
int tap_done(void);

/* Use the macros below: they add where. */
bool tap_eq_int(intmax_t got, intmax_t want, const char *sentence,
    const char *file, int line);
bool tap_eq_uint(uintmax_t got, uintmax_t want, const char *sentence,
    const char *file, int line);
bool tap_eq_str(const char *got, const char *want, const char *sentence,
    const char *file, int line);
bool tap_eq_mem(const void *got, size_t got_len, const void *want,
    size_t want_len, const char *sentence, const char *file, int line);

/* Any integer or enum that fits in intmax_t. */
#define TAP_EQ_INT(got, want, sentence) \
	tap_eq_int((intmax_t)(got), (intmax_t)(want), (sentence), __FILE__, \
	    __LINE__)

/* Unsigned values, above INT64_MAX too. */
#define TAP_EQ_UINT(got, want, sentence) \
	tap_eq_uint((uintmax_t)(got), (uintmax_t)(want), (sentence), __FILE__, \
	    __LINE__)

/* Strings; NULL equals only NULL. */
#define TAP_EQ_STR(got, want, sentence) \
	tap_eq_str((got), (want), (sentence), __FILE__, __LINE__)

/* Bytes; a difference is shown in hex from its first byte. */
#define TAP_EQ_MEM(got, got_len, want, want_len, sentence) \
	tap_eq_mem((got), (got_len), (want), (want_len), (sentence), __FILE__, \
	    __LINE__)

#endif
