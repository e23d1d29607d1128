/* What the benches share: clocks, what other processes have used, percentiles,
 * and where figures go.
 *
 * A figure that a target is held against is also written, as "KEY VALUE", to
 * the file that $BENCH_RESULTS names; tests/bench/run reads it. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cc.h"

/* Nanoseconds: monotonic; of this process's user and system time. */
int64_t bench_now(void);
int64_t bench_cpu(void);
/* User and system time of another process, its threads included, those that
 * have ended too; -1 when it is gone. */
int64_t bench_cpu_of(pid_t pid);
/* Only of its first thread; where that cannot be had, of the whole process. */
int64_t bench_cpu_of_first(pid_t pid);
/* Memory of a process in kB: its share of what is mapped; what only it has. -1
 * where the system does not say. */
int64_t bench_pss(pid_t pid);
int64_t bench_private(pid_t pid);

/* The value below which `percent` of `len` lie; sorts them. */
int64_t bench_percentile(int64_t *values, size_t len, double percent);

/* A number from the environment. */
int64_t bench_setting(const char *name, int64_t otherwise);
/* Notes a figure for the table of targets. */
void bench_result(const char *key, double value);
/* Ends the bench: a figure of something broken is no figure. */
void bench_fail(const char *fmt, ...) BB_PRINTF(1, 2) BB_NORETURN;

/* The folder of this bench, below $TMPDIR; it goes with the process. */
#define BENCH_PATH_MAX 256
const char *bench_dir(void);

#endif
