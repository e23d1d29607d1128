/* What differs between systems, on this one. */
#include "base/sys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/buf.h"
#include "base/cc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "capture.h"
#include "tap.h"

static void
test_random(void)
{
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };
	bool seen[256] = { false };
	size_t i, kinds = 0;

	bb_random(a, sizeof(a));
	bb_random(b, sizeof(b));
	tap_ok(memcmp(a, b, sizeof(a)) != 0, "two draws are different");
	for (i = 0; i < sizeof(a); i++) {
		kinds += !seen[a[i]];
		seen[a[i]] = true;
	}
	/* Of 256 values 251 are expected; below 200 is hopeless odds. */
	tap_ok(kinds > 200, "a draw has all kinds of bytes (%u)",
	    (unsigned)kinds);
	memcpy(b, a, sizeof(b));
	bb_random(a + 10, 0);
	TAP_EQ_MEM(a, sizeof(a), b, sizeof(b), "drawing nothing does nothing");
}

static void
test_boot(void)
{
	char a[BB_BOOT_ID_MAX], b[BB_BOOT_ID_MAX];
	size_t i, digits = 0;

	if (bb_sys_boot_id(a) == -1) {
		tap_skip("this system records no boot");
		return;
	}
	for (i = 0; a[i] != '\0'; i++)
		digits += isxdigit((unsigned char)a[i]) &&
			  !isupper((unsigned char)a[i]);
	tap_ok(digits == 32 && i == 32,
	    "the boot has a name of 32 hexadecimal digits");
	tap_ok(bb_sys_boot_id(b) == 0 && strcmp(a, b) == 0,
	    "and the same one each time");
}

/* A child that has ended and that nobody has waited for. */
static void
test_zombie(void)
{
	uint64_t start = 0;
	siginfo_t info;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(0);
	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	errno = 0;
	tap_ok(bb_sys_process_start(pid, &start) == -1 && errno == ESRCH,
	    "a zombie is no process");
	(void)waitpid(pid, NULL, 0);
	errno = 0;
	tap_ok(bb_sys_process_start(pid, &start) == -1 && errno == ESRCH,
	    "a process that is gone is none");
}

/* Ends when its standard input does. */
static pid_t
start_named(const char *name, int *hold)
{
	int pair[2], ready[2], fd;
	char c;
	pid_t pid;

	(void)fflush(stdout);
	if (pipe(pair) == -1 || pipe(ready) == -1)
		abort();
	pid = fork();
	if (pid == 0) {
		(void)close(pair[1]);
		fd = open("/proc/self/comm", O_WRONLY);
		if (fd != -1)
			(void)!write(fd, name, strlen(name));
		(void)!write(ready[1], "x", 1);
		(void)!read(pair[0], &c, 1);
		_exit(0);
	}
	(void)close(pair[0]);
	(void)close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		abort();
	(void)close(ready[0]);
	*hold = pair[1];
	return pid;
}

static void
test_process(void)
{
	uint64_t a = 0, b = 1, strange = 0;
	int hold;
	pid_t pid;

	tap_ok(bb_sys_process_start(getpid(), &a) == 0 &&
		   bb_sys_process_start(getpid(), &b) == 0 && a == b,
	    "a process has one start");
#ifdef __linux__
	/* Clock ticks after boot; a test is younger than ten minutes. */
	b = a * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	tap_ok(b <= (uint64_t)bb_clock_ms() &&
		   b + 600000 > (uint64_t)bb_clock_ms(),
	    "which is when it started");
#endif
	pid = start_named(") Z 1 (", &hold);
	tap_ok(bb_sys_process_start(pid, &strange) == 0 && strange >= a,
	    "a process with parentheses and blanks in its name has one too");
	(void)close(hold);
	(void)waitpid(pid, NULL, 0);
	errno = 0;
	tap_ok(bb_sys_process_start(0, &a) == -1 && errno == ESRCH,
	    "0 is no process");
	errno = 0;
	tap_ok(bb_sys_process_start(-1, &a) == -1 && errno == ESRCH,
	    "-1 is no process");
	tap_ok(bb_sys_process_start(1, &b) == 0,
	    "another user's process has a start");
}

/* 77: this system has no such thing. */
static int
dumpable(void)
{
	int answer = 77;

#ifdef __linux__
	answer = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
#endif
	return answer;
}

static void
harden(void *arg)
{
	struct rlimit core;
	int before = dumpable();

	(void)arg;
	if (bb_sys_harden() == -1 || getrlimit(RLIMIT_CORE, &core) == -1)
		_exit(1);
	if (core.rlim_cur != 0 || core.rlim_max != 0)
		_exit(2);
	if (before == 0 || before == 77)
		_exit(77);
	_exit(dumpable() == 0 ? 0 : 3);
}

static void
test_harden(void)
{
	struct capture c;

	capture(&c, harden, NULL);
	tap_ok(c.status != 1 && c.status != 2, "a hardened process has no "
					       "core");
	if (getenv("BB_SAN") != NULL)
		tap_skip("a sanitised build stays dumpable");
	else if (c.status == 77)
		tap_skip("this process cannot be dumped anyhow");
	else
		TAP_EQ_INT(c.status, 0, "and is not dumpable");
}

/* The flags of the mapping that holds `mem`: "... dd ...". */
static bool
has_flag(const void *mem, const char *flag)
{
	unsigned long at = (unsigned long)mem, from = 0, to = 0;
	char line[512], *end;
	FILE *maps = fopen("/proc/self/smaps", "r");
	bool found = false;

	if (maps == NULL)
		return false;
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (isxdigit((unsigned char)line[0]) &&
		    !isupper((unsigned char)line[0])) {
			from = strtoul(line, &end, 16);
			to = *end == '-' ? strtoul(end + 1, NULL, 16) : 0;
		}
		if (strncmp(line, "VmFlags:", 8) == 0 && at >= from && at < to)
			found = strstr(line, flag) != NULL;
	}
	(void)fclose(maps);
	return found;
}

static void
test_secret_memory(void)
{
	void *mem = bb_sys_secret_alloc(1025);

	tap_ok(mem != NULL, "there is memory for a secret");
	if (mem == NULL)
		return;
	memset(mem, 'x', 1025);
	if (getenv("BB_SAN") != NULL || access("/proc/self/smaps", R_OK) == -1)
		tap_skip("a sanitised build has secrets on the heap");
	else
		tap_ok(has_flag(mem, " dd"), "no core file holds it");
	bb_sys_secret_free(mem, 1025);
}

int
main(void)
{
	test_random();
	test_boot();
	test_zombie();
	test_process();
	test_harden();
	test_secret_memory();
	return tap_done();
}
