/* What a descriptor is: asked of the system, never guessed from its number. */
#include "serve/classify.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cc.h"

/* Room for every kind of address. */
union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

bool
bb_fd_listens_by_accept(int fd, int *taken)
{
	int flags = fcntl(fd, F_GETFL), err;

	*taken = -1;
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return false;
	*taken = accept(fd, NULL, NULL);
	if (*taken != -1) {
		(void)fcntl(*taken, F_SETFD, FD_CLOEXEC);
		return true;
	}
	err = errno;
	if (err == EAGAIN || err == EWOULDBLOCK || err == ECONNABORTED ||
	    err == EINTR)
		return true;
	(void)fcntl(fd, F_SETFL, flags);
	return false;
}

static bool
connected(int fd)
{
	union address peer;
	socklen_t len = sizeof(peer);

	return getpeername(fd, &peer.sa, &len) == 0;
}

/* FreeBSD answers 2 for yes. */
static bool
listens(int fd, int *taken)
{
	int yes = 0;
	socklen_t len = sizeof(yes);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0)
		return yes != 0;
	return !connected(fd) && bb_fd_listens_by_accept(fd, taken);
}

static bool
has_port(const union address *address)
{
	if (address->sa.sa_family == AF_INET)
		return address->in.sin_port != 0;
	return address->sa.sa_family == AF_INET6 && address->in6.sin6_port != 0;
}

/* A connection that the peer reset before we looked has lost its peer's name
 * and kept its own port; a socket that was never connected has no port. */
static enum bb_fd_kind
classify_socket(int fd, int *taken)
{
	union address own;
	socklen_t len = sizeof(own);
	int type = 0;
	socklen_t type_len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == -1 ||
	    type != SOCK_STREAM)
		return BB_FD_BAD;
	if (listens(fd, taken))
		return BB_FD_LISTEN;
	memset(&own, 0, sizeof(own));
	if (getsockname(fd, &own.sa, &len) == -1)
		return BB_FD_BAD;
	if (connected(fd))
		return own.sa.sa_family == AF_UNIX ? BB_FD_LOCAL : BB_FD_NET;
	return has_port(&own) ? BB_FD_GONE : BB_FD_BAD;
}

static enum bb_fd_kind
classify_device(int fd, const struct stat *st)
{
	struct stat null;

	if (isatty(fd))
		return BB_FD_TTY;
	if (stat("/dev/null", &null) == 0 && null.st_rdev == st->st_rdev)
		return BB_FD_NULL;
	return BB_FD_BYTES;
}

enum bb_fd_kind
bb_fd_classify_taking(int fd, int *taken)
{
	struct stat st;

	*taken = -1;
	if (fstat(fd, &st) == -1)
		return BB_FD_CLOSED;
	if (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return BB_FD_BYTES;
	if (S_ISCHR(st.st_mode))
		return classify_device(fd, &st);
	return S_ISSOCK(st.st_mode) ? classify_socket(fd, taken) : BB_FD_BAD;
}

enum bb_fd_kind
bb_fd_classify(int fd)
{
	int taken;
	enum bb_fd_kind kind = bb_fd_classify_taking(fd, &taken);

	if (taken != -1)
		(void)close(taken);
	return kind;
}

static bool
same_bytes(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len) == 0;
}

/* For systems that give sockets no inode number: both names of both.  They are
 * zeroed first, so that equal names are equal bytes. */
static bool
same_names(int a, int b)
{
	union address own[2], peer[2];
	int fds[2] = { a, b }, i;
	socklen_t len;

	memset(own, 0, sizeof(own));
	memset(peer, 0, sizeof(peer));
	for (i = 0; i < 2; i++) {
		len = sizeof(own[i]);
		if (getsockname(fds[i], &own[i].sa, &len) == -1)
			return false;
		len = sizeof(peer[i]);
		if (getpeername(fds[i], &peer[i].sa, &len) == -1)
			return false;
	}
	return same_bytes(&own[0], &own[1], sizeof(own[0])) &&
	       same_bytes(&peer[0], &peer[1], sizeof(peer[0]));
}

bool
bb_fd_same(int a, int b)
{
	struct stat sa, sb;

	if (fstat(a, &sa) == -1 || fstat(b, &sb) == -1 ||
	    sa.st_dev != sb.st_dev || sa.st_ino != sb.st_ino)
		return false;
	return sa.st_ino != 0 || same_names(a, b);
}
