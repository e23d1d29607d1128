/* admit: admissions by several processes at once, each at a steady rate: how
 * long one waits for its verdict.  Beside it the same rate of the least that an
 * admission could be, with the busy timeout that SQLite has. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bench.h"
#include "configdb/sessions.h"
#include "world.h"

#include "base/cc.h"

#define PROCESSES 4
#define RATE 400    /* a second, each */
#define DEVICES 250 /* of each; all of them hold a session */
#define SECONDS_MAX 60

struct shared {
	int64_t took[PROCESSES][RATE * SECONDS_MAX];
	size_t len[PROCESSES];
};
static struct shared *shared;

struct work {
	const char *name, *key;
	void (*begin)(uint32_t process);
	void (*once)(uint32_t process, uint32_t device);
};

/* --- ours ------------------------------------------------------------------
 */

static struct bb_db *db;
static int64_t owner;
static uint32_t att[DEVICES];

static void
must(enum bb_db_result r)
{
	if (r != BB_DB_OK)
		bench_fail("the store: %s", bb_db_why(db));
}

static void
our_once(uint32_t process, uint32_t device)
{
	char name[DEVICE_NAME_MAX];
	struct bb_admit ask = { .pin = DEVICE_PIN_FIRST + process * DEVICES +
				       device,
		.user = name,
		.service = "local",
		.owner = owner,
		.att = ++att[device],
		.numbering = 1,
		.coverage = true,
		.now_ms = bb_clock_ms() };
	struct bb_admitted out;

	device_name(process * DEVICES + device, name);
	must(bb_admit(db, &ask, &out));
	if (out.decision.verdict != BB_ADMITTED &&
	    out.decision.verdict != BB_REPLACED)
		bench_fail("not admitted: %s", out.reason);
	bb_admitted_clear(&out);
}

static void
our_begin(uint32_t process)
{
	char path[2 * BENCH_PATH_MAX], why[BB_DB_WHY_MAX];
	uint32_t i;
	int status;

	(void)snprintf(path, sizeof(path), "%s/config.db", bench_dir());
	db = bb_db_open(BB_CONFIG_STORE, path, BB_DB_EXISTING, why, &status);
	if (db == NULL)
		bench_fail("%s", why);
	must(bb_owner_register(db, bb_clock_ms(), &owner));
	must(bb_owner_serves(db, owner, "local", BB_UNLIMITED));
	for (i = 0; i < DEVICES; i++)
		our_once(process, i);
}

/* --- the reference ---------------------------------------------------------
 */

static sqlite3 *raw;

static void
run(const char *sql)
{
	if (sqlite3_exec(raw, sql, NULL, NULL, NULL) != SQLITE_OK)
		bench_fail("%s", sqlite3_errmsg(raw));
}

static void
raw_open(void)
{
	char path[2 * BENCH_PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/reference.db", bench_dir());
	if (sqlite3_open(path, &raw) != SQLITE_OK ||
	    sqlite3_busy_timeout(raw, 5000) != SQLITE_OK)
		bench_fail("%s", sqlite3_errmsg(raw));
}

static void
raw_make(void)
{
	raw_open();
	run("PRAGMA journal_mode = WAL;"
	    "CREATE TABLE session (pin INTEGER PRIMARY KEY, user TEXT);"
	    "CREATE TABLE counter (open INTEGER);"
	    "INSERT INTO counter VALUES (0);");
	sqlite3_close(raw);
}

static void
raw_begin(uint32_t process)
{
	(void)process;
	raw_open();
	run("PRAGMA synchronous = NORMAL");
}

static void
raw_once(uint32_t process, uint32_t device)
{
	char sql[256];

	(void)snprintf(sql, sizeof(sql),
	    "BEGIN IMMEDIATE; SELECT open FROM counter;"
	    "REPLACE INTO session VALUES (%u, 'user');"
	    "UPDATE counter SET open = open + 1; COMMIT",
	    (unsigned)(process * DEVICES + device));
	run(sql);
}

/* --- several at once -------------------------------------------------------
 */

static void
wait_until(int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000,
		.tv_nsec = (long)(ns % 1000000000) };

	while (
	    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		continue;
}

/* What comes late because the one before took long counts from when it was
 * due. */
static void
child(const struct work *work, uint32_t process, int64_t start, size_t count)
{
	int64_t due;
	size_t i;

	work->begin(process);
	for (i = 0; i < count; i++) {
		due = start + (int64_t)i * (1000000000 / RATE) +
		      (int64_t)process * (1000000000 / RATE / PROCESSES);
		wait_until(due);
		work->once(process, (uint32_t)i % DEVICES);
		shared->took[process][i] = bench_now() - due;
	}
	shared->len[process] = count;
	_exit(0);
}

static void
measure(const struct work *work, size_t seconds)
{
	int64_t start = bench_now() + INT64_C(1000000000), *all;
	size_t count = RATE * seconds, i;
	int status;
	pid_t pid;

	for (i = 0; i < PROCESSES; i++) {
		if ((pid = fork()) == -1)
			bench_fail("fork: %s", strerror(errno));
		if (pid == 0)
			child(work, (uint32_t)i, start, count);
	}
	for (i = 0; i < PROCESSES; i++)
		if (wait(&status) == -1 || status != 0)
			bench_fail("a process has ended badly");
	if ((all = calloc(PROCESSES, count * sizeof(*all))) == NULL)
		bench_fail("no memory");
	for (i = 0; i < PROCESSES; i++)
		memcpy(all + i * count, shared->took[i], count * sizeof(*all));
	count *= PROCESSES;
	printf("%-42s %8.2f %8.2f %8.2f\n", work->name,
	    (double)bench_percentile(all, count, 50) / 1e6,
	    (double)bench_percentile(all, count, 99) / 1e6,
	    (double)bench_percentile(all, count, 100) / 1e6);
	bench_result(work->key, (double)bench_percentile(all, count, 99) / 1e6);
	free(all);
}

/* What the children write and we read. */
static void
share(void)
{
	char path[2 * BENCH_PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/shared", bench_dir());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || ftruncate(fd, sizeof(*shared)) == -1 ||
	    (shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		 MAP_SHARED, fd, 0)) == MAP_FAILED)
		bench_fail("%s: %s", path, strerror(errno));
	(void)close(fd);
}

int
main(void)
{
	static const struct work works[] = {
		{ "reference: SQLite, busy timeout", "admit_raw_p99", raw_begin,
		    raw_once },
		{ "admission", "admit_p99", our_begin, our_once },
	};
	size_t seconds = (size_t)bench_setting("BENCH_SECONDS", 3), i;

	bb_log_open("admit");
	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	share();
	free(world_make(bench_dir(), PROCESSES * DEVICES));
	raw_make();
	printf("%d processes, %d a second each %14s %8s %8s\n", PROCESSES, RATE,
	    "ms p50", "p99", "max");
	for (i = 0; i < BB_LEN(works); i++)
		measure(&works[i], seconds);
	return 0;
}
