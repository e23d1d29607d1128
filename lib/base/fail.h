/* How a tool ends: the exit codes of the suite and the sentences that go with
 * them.  Only cmd/ calls these; a library returns. */
#ifndef BB_BASE_FAIL_H
#define BB_BASE_FAIL_H

#include "base/cc.h"

enum bb_exit {
	BB_EXIT_OK = 0,
	BB_EXIT_REFUSED = 1,  /* the answer is no; nothing is broken */
	BB_EXIT_PROTO = 2,    /* the peer broke the protocol */
	BB_EXIT_TIMEOUT = 99, /* the peer went quiet */
	BB_EXIT_USAGE = 100,  /* usage or configuration: do not retry */
	BB_EXIT_BUG = 101,    /* our invariant failed */
	BB_EXIT_TEMP = 111    /* system call or back end: retry later */
};

/* TEMP for an errno that may go away (EAGAIN, ENOMEM, ENOSPC, EIO, EBUSY ...),
 * USAGE for one that a person must mend (ENOENT, EACCES, EINVAL, EROFS ...). */
int bb_errno_exit(int err);

/* `last` is called, once, by the functions below before the process ends: for
 * what must be done however it fails.  NULL: nothing. */
void bb_die_after(void (*last)(void));

/* Prints "tool: fatal: unable to VERB OBJECT: reason" (the caller's words;
 * fmt says "unable to ..." itself), one write(2), and exits.  The sys form
 * appends strerror(errno) and exits with bb_errno_exit(errno). */
void bb_die(int status, const char *fmt, ...) BB_PRINTF(2, 3) BB_NORETURN;
void bb_die_sys(const char *fmt, ...) BB_PRINTF(1, 2) BB_NORETURN;

#endif
