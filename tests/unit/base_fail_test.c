/* How a tool ends: statuses and sentences. */
#include "base/fail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/log.h"
#include "capture.h"
#include "tap.h"

static void
test_classes(void)
{
	static const int retry[] = { EAGAIN, ENOMEM, ENOSPC, EIO, EBUSY, EINTR,
		EMFILE, ENFILE, ENOBUFS, ETIMEDOUT, ECONNREFUSED, EPIPE, EDQUOT,
		EADDRINUSE, 0, 9999 };
	static const int mend[] = { ENOENT, EACCES, EPERM, EINVAL, EROFS,
		ENOTDIR, EISDIR, ENAMETOOLONG, EEXIST, ENODATA, ENOTTY, EFBIG };
	size_t i;

	for (i = 0; i < BB_LEN(retry); i++)
		TAP_EQ_INT(bb_errno_exit(retry[i]), BB_EXIT_TEMP,
		    "what may go away is 111");
	for (i = 0; i < BB_LEN(mend); i++)
		TAP_EQ_INT(bb_errno_exit(mend[i]), BB_EXIT_USAGE,
		    "what a person must mend is 100");
}

static void
die_plainly(void *arg)
{
	const int *status = arg;

	bb_log_open("bbtool");
	printf("half-written");
	bb_die(*status, "unable to open the %s: %d", "door", 7);
}

static void
die_sys(void *arg)
{
	const int *err = arg;

	bb_log_open("bbtool");
	errno = *err;
	bb_die_sys("unable to read %s", "/nowhere");
}

static void
die_sys_long(void *arg)
{
	static char text[9000];

	(void)arg;
	memset(text, 'y', sizeof(text) - 1);
	errno = ENOENT;
	bb_die_sys("%s", text);
}

static void
say_last(void)
{
	if (write(STDERR_FILENO, "last\n", 5) == 5)
		bb_die(7, "not twice");
}

static void
die_after(void *arg)
{
	bb_die_after(say_last);
	die_plainly(arg);
}

static void
test_last_lines(void)
{
	static const int statuses[] = { 1, 2, 99, 100, 101, 111, 0 };
	int err = ENOENT, busy = EBUSY, status;
	struct capture c;
	char want[200];
	size_t i;

	for (i = 0; i < BB_LEN(statuses); i++) {
		status = statuses[i];
		capture(&c, die_plainly, &status);
		TAP_EQ_INT(c.status, statuses[i], "bb_die exits as told");
	}
	TAP_EQ_STR(c.err, "bbtool: fatal: unable to open the door: 7\n",
	    "the last line says the tool and the sentence");
	TAP_EQ_STR(c.out, "", "what stdio holds is not flushed");
	capture(&c, die_sys, &err);
	(void)snprintf(want, sizeof(want),
	    "bbtool: fatal: unable to read /nowhere: %s\n", strerror(ENOENT));
	TAP_EQ_STR(c.err, want, "the sys form says why");
	TAP_EQ_INT(c.status, 100, "and exits by the class of errno");
	capture(&c, die_sys, &busy);
	TAP_EQ_INT(c.status, 111, "a busy thing is temporary");
	capture(&c, die_sys_long, NULL);
	(void)snprintf(want, sizeof(want), "yyy: %s\n", strerror(ENOENT));
	tap_ok(strstr(c.err, want) != NULL,
	    "the reason is said after a long sentence too");
	status = 100;
	capture(&c, die_after, &status);
	TAP_EQ_STR(c.err,
	    "bbtool: fatal: unable to open the door: 7\nlast\n"
	    "bbtool: fatal: not twice\n",
	    "the last act comes after the last line, and once");
}

int
main(void)
{
	test_classes();
	test_last_lines();
	return tap_done();
}
