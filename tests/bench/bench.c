/* Clocks, other processes' use of the machine, percentiles, results. */
#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cc.h"

static int64_t
read_clock(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) == -1)
		return -1;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
bench_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
bench_cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t
bench_cpu_of(pid_t pid)
{
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) == 0 ? read_clock(clock) : -1;
}

/* Linux: run time in nanoseconds is the first number. */
int64_t
bench_cpu_of_first(pid_t pid)
{
	char path[64], line[128];
	int64_t ns = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat",
	    (int)pid, (int)pid);
	if ((f = fopen(path, "r")) != NULL) {
		if (fgets(line, sizeof(line), f) != NULL)
			ns = strtoll(line, NULL, 10);
		(void)fclose(f);
	}
	return ns >= 0 ? ns : bench_cpu_of(pid);
}

/* Sums the lines of a rollup that begin with `name`. */
static int64_t
rollup(pid_t pid, const char *name)
{
	char path[64], line[256];
	int64_t sum = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		if (sum == -1)
			sum = 0;
		sum += strtoll(strchr(line, ':') + 1, NULL, 10);
	}
	(void)fclose(f);
	return sum;
}

int64_t
bench_pss(pid_t pid)
{
	return rollup(pid, "Pss:");
}

int64_t
bench_private(pid_t pid)
{
	return rollup(pid, "Private_");
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t
bench_percentile(int64_t *values, size_t len, double percent)
{
	size_t at;

	if (len == 0)
		return -1;
	qsort(values, len, sizeof(*values), compare);
	at = (size_t)((double)len * percent / 100);
	return values[at < len ? at : len - 1];
}

int64_t
bench_setting(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);
	char *end;
	int64_t n;

	if (text == NULL || *text == '\0')
		return otherwise;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno != 0 || *end != '\0' || n < 0)
		bench_fail("%s is not a number", name);
	return n;
}

void
bench_result(const char *key, double value)
{
	const char *path = getenv("BENCH_RESULTS");
	FILE *f;

	if (path == NULL)
		return;
	if ((f = fopen(path, "a")) == NULL)
		bench_fail("%s: %s", path, strerror(errno));
	fprintf(f, "%s %.4f\n", key, value);
	if (fclose(f) != 0)
		bench_fail("%s: %s", path, strerror(errno));
}

void
bench_fail(const char *fmt, ...)
{
	va_list ap;

	(void)fflush(stdout);
	(void)fputs("bench: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(1);
}

static char dir_path[BENCH_PATH_MAX];
static pid_t dir_owner;

/* What is in it first; `levels` of folders are expected. */
static void
remove_below(const char *path, int levels)
{
	char file[2 * BENCH_PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path,
		    entry->d_name);
		if (unlink(file) == -1 && levels > 0)
			remove_below(file, levels - 1);
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)rmdir(path);
}

static void
remove_dir(void)
{
	if (getpid() == dir_owner)
		remove_below(dir_path, 1);
}

const char *
bench_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (dir_path[0] != '\0')
		return dir_path;
	(void)snprintf(dir_path, sizeof(dir_path), "%s/bb-bench-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(dir_path) == NULL)
		bench_fail("%s: %s", dir_path, strerror(errno));
	dir_owner = getpid();
	if (atexit(remove_dir) != 0)
		bench_fail("no memory");
	return dir_path;
}
