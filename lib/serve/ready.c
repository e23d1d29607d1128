/* Readiness: s6's newline on a descriptor, systemd's datagram. */
#include "serve/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"
#include "base/log.h"

#define NOTED 1024 /* descriptors of which is noted whether they were there */

static int chain_fd = -1;
static bool chained;
static char notify_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
static bool handed[NOTED];
static bool over; /* told, or it is too late for that */

/* A whole number of 3 to INT_MAX; else -1. */
static int
fd_number(const char *text)
{
	char *end;
	long v;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	v = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && v > 2 && v <= INT_MAX ? (int)v
								   : -1;
}

/* The variable may be an old one, and the number another thing's by now. */
static bool
is_pipe(int fd)
{
	struct stat st;

	return fd != -1 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

void
bb_ready_take(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = fd_number(getenv("BB_READY_FD")), i;

	if (is_pipe(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) != -1) {
		chain_fd = fd;
		chained = true;
	}
	if (path != NULL && (path[0] == '/' || path[0] == '@') &&
	    strlen(path) < sizeof(notify_path))
		memcpy(notify_path, path, strlen(path) + 1);
	(void)unsetenv("BB_READY_FD");
	(void)unsetenv("NOTIFY_SOCKET");
	for (i = 3; i < NOTED; i++)
		handed[i] = i != chain_fd && fcntl(i, F_GETFD) != -1;
}

bool
bb_ready_chained(void)
{
	return chained;
}

static void
tell_fd(int fd)
{
	if (bb_write_all(fd, "\n", 1) == -1)
		bb_log(BB_LOG_DEBUG, "nobody waits for readiness on %d: %s", fd,
		    strerror(errno));
	(void)close(fd);
}

static void
notify(const char *text)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(notify_path);
	int fd;

	if (len == 0)
		return;
	memcpy(un.sun_path, notify_path, len);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0'; /* the abstract name space */
	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
	    -1)
		bb_log(BB_LOG_DEBUG, "unable to notify %s: %s", notify_path,
		    strerror(errno));
	(void)close(fd);
}

void
bb_ready_tell(int64_t fd)
{
	if (over)
		return;
	over = true;
	if (fd >= 0 && fd < NOTED && handed[fd])
		tell_fd((int)fd);
	else if (fd >= 0)
		bb_log(BB_LOG_WARN,
		    "descriptor %d for readiness was not handed over", (int)fd);
	if (chain_fd != -1)
		tell_fd(chain_fd);
	chain_fd = -1;
	notify("READY=1");
}

void
bb_ready_stopping(void)
{
	over = true;
	notify("STOPPING=1");
}
