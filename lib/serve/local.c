/* Owns connections between processes of one user. */
#include "serve/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cc.h"

static int
ready(int fd)
{
	int err, flags = fcntl(fd, F_GETFL);

	if (flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1 &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != -1)
		return fd;
	err = errno;
	(void)close(fd);
	errno = err;
	return -1;
}

int
bb_local_connect(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, err;

	if (len >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, len + 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		return -1;
	/* It blocks only while the other's queue is full. */
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		return ready(fd);
	err = errno;
	(void)close(fd);
	errno = err;
	return -1;
}

int
bb_local_accept(int fd)
{
	int got;

	do {
		got = accept(fd, NULL, NULL);
	} while (got == -1 && (errno == EINTR || errno == ECONNABORTED));
	return got == -1 ? -1 : ready(got);
}
