/* Readiness: s6's newline on a descriptor, systemd's datagram. */
#include "serve/ready.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"
#include "base/log.h"

static int chain_fd = -1;
static char notify_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

void
bb_ready_take(void)
{
	const char *fd = getenv("BB_READY_FD");
	const char *path = getenv("NOTIFY_SOCKET");
	char *end;
	long v;

	if (fd != NULL) {
		v = strtol(fd, &end, 10);
		if (*fd != '\0' && *end == '\0' && v > 2 && v <= INT_MAX)
			chain_fd = (int)v;
	}
	if (path != NULL && (path[0] == '/' || path[0] == '@') &&
	    strlen(path) < sizeof(notify_path))
		memcpy(notify_path, path, strlen(path) + 1);
	unsetenv("BB_READY_FD");
	unsetenv("NOTIFY_SOCKET");
}

static void
tell_fd(int fd)
{
	if (fd == -1)
		return;
	if (bb_write_all(fd, "\n", 1) == -1)
		bb_log(BB_LOG_DEBUG, "nobody waits for readiness on %d: %s", fd,
		    strerror(errno));
	close(fd);
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
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL,
		(const struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
	    -1)
		bb_log(BB_LOG_DEBUG, "unable to notify %s: %s", notify_path,
		    strerror(errno));
	close(fd);
}

void
bb_ready_tell(int64_t fd)
{
	tell_fd((int)fd);
	tell_fd(chain_fd);
	chain_fd = -1;
	notify("READY=1");
}

void
bb_ready_stopping(void)
{
	notify("STOPPING=1");
}
