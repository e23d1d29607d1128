/* How a tool ends: classes of errno and the last line. */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/log.h"

/* What stays as it is until a person changes something.  An errno that is not
 * here is worth another try. */
static const int permanent[] = { E2BIG, EACCES, EADDRNOTAVAIL, EAFNOSUPPORT,
	EBADF, EDESTADDRREQ, EDOM, EEXIST, EFBIG, EILSEQ, EINVAL, EISDIR, ELOOP,
	EMSGSIZE, ENAMETOOLONG, ENODATA, ENODEV, ENOENT, ENOEXEC, ENOPROTOOPT,
	ENOSYS, ENOTDIR, ENOTEMPTY, ENOTSOCK, ENOTSUP, ENOTTY, ENXIO,
	EOPNOTSUPP, EPERM, EPROTONOSUPPORT, EPROTOTYPE, ERANGE, EROFS, ESPIPE,
	EXDEV };

int
bb_errno_exit(int err)
{
	size_t i;

	for (i = 0; i < BB_LEN(permanent); i++) {
		if (permanent[i] == err)
			return BB_EXIT_USAGE;
	}
	return BB_EXIT_TEMP;
}

static void (*last_act)(void);

void
bb_die_after(void (*last)(void))
{
	last_act = last;
}

/* _exit: what stands half-written in stdio is no answer, and a child of fork
 * must not write its parent's buffers. */
BB_NORETURN static void
leave(int status)
{
	void (*last)(void) = last_act;

	last_act = NULL;
	if (last != NULL)
		last();
	_exit(status);
}

void
bb_die(int status, const char *fmt, ...)
{
	char text[BB_LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bb_log_fatal(text);
	leave(status);
}

void
bb_die_sys(const char *fmt, ...)
{
	char text[BB_LOG_LINE_MAX];
	int err = errno;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text) / 2, fmt, ap);
	va_end(ap);
	len = strlen(text);
	(void)snprintf(text + len, sizeof(text) - len, ": %s", strerror(err));
	bb_log_fatal(text);
	leave(bb_errno_exit(err));
}
