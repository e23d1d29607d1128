/* What Linux has and POSIX has not. */
#define _GNU_SOURCE

#include "base/sys.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"

/* Set by the build, or seen here: gcc has a macro for it, clang a question. */
#if defined(BB_SANITIZED)
#elif defined(__SANITIZE_ADDRESS__)
#define BB_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BB_SANITIZED
#endif
#endif

void
bb_random(void *bytes, size_t len)
{
	uint8_t *p = bytes;
	ssize_t got;

	while (len > 0) {
		got = getrandom(p, len, 0);
		if (got > 0) {
			p += got;
			len -= (size_t)got;
		} else if (errno != EINTR) {
			abort();
		}
	}
}

/* The leak checker of a sanitised build traces the process and cannot when it
 * is not dumpable. */
int
bb_sys_harden(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1)
		return -1;
#ifndef BB_SANITIZED
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return -1;
#endif
	return 0;
}

/* Pages of its own: locking and the dump flag work on whole pages.  A limit on
 * locked memory is no reason to refuse.  A sanitised build uses the heap, where
 * the checker sees each end and each leak. */
#ifdef BB_SANITIZED
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
#else
void *
bb_sys_secret_alloc(size_t len)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS, no_file = -1;
	/* cppcheck-suppress invalidFunctionArg */
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, no_file, 0);

	if (mem == MAP_FAILED)
		return NULL;
	(void)madvise(mem, len, MADV_DONTDUMP);
	(void)mlock(mem, len);
	return mem;
}

void
bb_sys_secret_free(void *mem, size_t len)
{
	(void)munmap(mem, len);
}
#endif

int
bb_sys_clock_boot(struct timespec *ts)
{
	return clock_gettime(CLOCK_BOOTTIME, ts);
}

/* Without /proc every number that may be open is tried, up to a bound: a
 * container's limit can be a thousand million. */
static int
cloexec_by_number(int first)
{
	long max = sysconf(_SC_OPEN_MAX);
	int fd;

	if (max < 0 || max > 65536)
		max = 65536;
	for (fd = first; fd < max; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

int
bb_sys_cloexec_from(int first)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	long fd;

	if (dir == NULL)
		return cloexec_by_number(first);
	/* cppcheck-suppress readdirCalled */
	while ((entry = readdir(dir)) != NULL) {
		fd = strtol(entry->d_name, NULL, 10);
		if (fd >= first)
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	}
	(void)closedir(dir);
	return 0;
}

/* "a7f0...-....\n": 36 characters with four dashes. */
int
bb_sys_boot_id(char out[BB_BOOT_ID_MAX])
{
	struct bb_buf text = BB_BUF(64);
	size_t i, len = 0;
	const uint8_t *p;
	int rc = -1;

	if (bb_read_file("/proc/sys/kernel/random/boot_id", &text) == -1)
		goto out;
	p = bb_buf_data(&text);
	for (i = 0; i < bb_buf_len(&text) && len < BB_BOOT_ID_MAX; i++) {
		if (isxdigit(p[i]))
			out[len++] = (char)tolower(p[i]);
	}
	if (len == BB_BOOT_ID_MAX - 1) {
		out[len] = '\0';
		rc = 0;
	} else {
		errno = EINVAL;
	}
out:
	bb_buf_clear(&text);
	return rc;
}

/* Of /proc/PID/stat: "1 (name) S 0 ..." where the name may hold blanks and
 * parentheses; field 3 is the state, field 22 the start in clock ticks after
 * boot (proc(5)). */
static int
scan_stat(const char *text, uint64_t *start)
{
	const char *p = strrchr(text, ')');
	char *end;
	int field;

	if (p == NULL || p[1] != ' ')
		return -1;
	p += 2;
	if (*p == 'Z' || *p == 'X' || *p == 'x')
		return -1;
	for (field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (p == NULL)
			return -1;
		p++;
	}
	errno = 0;
	*start = strtoull(p, &end, 10);
	return end == p || errno != 0 ? -1 : 0;
}

int
bb_sys_process_start(pid_t pid, uint64_t *start)
{
	char path[64], text[1024];
	ssize_t len;
	int fd, err;

	if (pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	len = bb_read_some(fd, text, sizeof(text) - 1);
	err = errno;
	(void)close(fd);
	errno = err;
	if (len == -1)
		return -1;
	text[len] = '\0';
	if (scan_stat(text, start) == 0)
		return 0;
	errno = ESRCH;
	return -1;
}
