/* The POSIX variant, which is not in the library of this system: its functions
 * stand here in place of the library's. */
#define _XOPEN_SOURCE 700

#include "base/sys_posix.c" /* NOLINT(bugprone-suspicious-include) */

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/secret.h"
#include "capture.h"
#include "tap.h"

static void
test_random(void)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	bb_random(a, sizeof(a));
	bb_random(b, sizeof(b));
	tap_ok(memcmp(a, b, sizeof(a)) != 0, "two draws are different");
}

static void
test_boot(void)
{
	char a[BB_BOOT_ID_MAX], b[BB_BOOT_ID_MAX];

	errno = 0;
	if (bb_sys_boot_id(a) == -1)
		TAP_EQ_INT(errno, ENOTSUP, "no recorded boot is ENOTSUP");
	else
		tap_ok(strlen(a) == 32 && bb_sys_boot_id(b) == 0 &&
			   strcmp(a, b) == 0,
		    "the boot has one name");
}

static void
test_process(void)
{
	uint64_t start = 1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(0);
	(void)waitpid(pid, NULL, 0);
	errno = 0;
	tap_ok(bb_sys_process_start(pid, &start) == -1 && errno == ESRCH,
	    "a process that is gone is none");
	tap_ok(bb_sys_process_start(getpid(), &start) == 0,
	    "this process is there");
	errno = 0;
	tap_ok(bb_sys_process_start(-1, &start) == -1 && errno == ESRCH,
	    "-1 is no process");
}

static void
harden(void *arg)
{
	struct rlimit core = { 1, 1 };

	(void)arg;
	if (bb_sys_harden() == -1 || getrlimit(RLIMIT_CORE, &core) == -1)
		_exit(1);
	_exit(core.rlim_max == 0 ? 0 : 2);
}

static void
test_rest(void)
{
	struct bb_secret s = { 0 };
	struct timespec a, b;
	struct capture c;
	int fd = open("/dev/null", O_RDONLY);

	tap_ok(bb_sys_clock_boot(&a) == 0 && bb_sys_clock_boot(&b) == 0 &&
		   (b.tv_sec > a.tv_sec ||
		       (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec)),
	    "the clock runs forward");
	tap_ok(bb_secret_set(&s, "abc", 3) == 0 && strcmp(s.text, "abc") == 0,
	    "a secret has memory");
	bb_secret_clear(&s);
	tap_ok(bb_sys_cloexec_from(3) == 0 &&
		   (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 &&
		   (fcntl(2, F_GETFD) & FD_CLOEXEC) == 0,
	    "descriptors from 3 on are not inherited");
	(void)close(fd);
	capture(&c, harden, NULL);
	TAP_EQ_INT(c.status, 0, "a hardened process leaves no core");
}

int
main(void)
{
	test_random();
	test_boot();
	test_process();
	test_rest();
	return tap_done();
}
