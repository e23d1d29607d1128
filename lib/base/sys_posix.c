/* The same as sys_linux.c for a system that has only what POSIX has. */
#define _XOPEN_SOURCE 700

#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/cc.h"
#include "base/fd.h"

void
bb_random(void *bytes, size_t len)
{
	uint8_t *p = bytes;
	ssize_t got;
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd == -1)
		abort();
	while (len > 0) {
		got = bb_read_some(fd, p, len);
		if (got <= 0)
			abort();
		p += got;
		len -= (size_t)got;
	}
	(void)close(fd);
}

/* POSIX has no word against being traced. */
int
bb_sys_harden(void)
{
	const struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &none);
}

void *
bb_sys_secret_alloc(size_t len)
{
	return malloc(len);
}

void
bb_sys_secret_free(void *mem, size_t len)
{
	(void)len;
	free(mem);
}

int
bb_sys_clock_boot(struct timespec *ts)
{
	return clock_gettime(CLOCK_MONOTONIC, ts);
}

int
bb_sys_cloexec_from(int first)
{
	long max = sysconf(_SC_OPEN_MAX);
	int fd;

	if (max < 0 || max > 65536)
		max = 65536;
	for (fd = first; fd < max; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/* The recorded time of the boot.  ENOTSUP where the system records none. */
int
bb_sys_boot_id(char out[BB_BOOT_ID_MAX])
{
	const struct utmpx want = { .ut_type = BOOT_TIME };
	const struct utmpx *boot;

	setutxent();
	boot = getutxid(&want);
	if (boot != NULL)
		(void)snprintf(out, BB_BOOT_ID_MAX, "%016" PRIx64 "%016" PRIx64,
		    (uint64_t)boot->ut_tv.tv_sec,
		    (uint64_t)boot->ut_tv.tv_usec);
	endutxent();
	if (boot != NULL)
		return 0;
	errno = ENOTSUP;
	return -1;
}

/* POSIX tells only whether there is a process: a number that was given away
 * again looks like the process that had it before, so that its lease frees
 * late, by its timeout, and never early. */
int
bb_sys_process_start(pid_t pid, uint64_t *start)
{
	if (pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	if (kill(pid, 0) == -1 && errno != EPERM)
		return -1;
	*start = 0;
	return 0;
}
