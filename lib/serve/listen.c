/* Listening sockets: bound, their mode, stale ones cleared away. */
#include "serve/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cc.h"

#define FOUND_MAX 8   /* addresses of one name */
#define MADE_MAX 16   /* unix sockets of one process */
#define PORT_TRIES 32 /* for one that is free in IPv4 and IPv6 */

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

/* The unix sockets that were made here and are to be removed: a path can have
 * become another process's meanwhile, and a child has copies of them. */
static struct made {
	int fd;
	pid_t pid; /* 0: free */
	dev_t dev;
	ino_t ino;
} made[MADE_MAX];

static int
set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* SO_REUSEADDR on every incarnation, else TIME_WAIT keeps the next one out. */
static int
open_at(const union address *at, socklen_t len, bool dual)
{
	int fd, saved, on = 1, only6 = dual ? 0 : 1;

	if ((fd = socket(at->any.sa_family, SOCK_STREAM, 0)) == -1)
		return -1;
	if (set_flags(fd) == -1)
		goto out;
	if (at->any.sa_family != AF_UNIX &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		goto out;
	if (at->any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)) ==
		-1)
		goto out;
	if (bind(fd, &at->any, len) == -1 ||
	    listen(fd, BB_LISTEN_BACKLOG) == -1)
		goto out;
	return fd;
out:
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static uint16_t
bound_port(int fd)
{
	union address at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, &at.any, &len) == -1)
		return 0;
	return ntohs(
	    at.any.sa_family == AF_INET6 ? at.in6.sin6_port : at.in4.sin_port);
}

static int
open_in4(uint32_t address, uint16_t port)
{
	union address at = { 0 };

	at.in4.sin_family = AF_INET;
	at.in4.sin_port = htons(port);
	at.in4.sin_addr.s_addr = htonl(address);
	return open_at(&at, sizeof(at.in4), false);
}

static int
open_in6(const struct in6_addr *address, uint16_t port, bool dual)
{
	union address at = { 0 };

	at.in6.sin6_family = AF_INET6;
	at.in6.sin6_port = htons(port);
	at.in6.sin6_addr = *address;
	return open_at(&at, sizeof(at.in6), dual);
}

/* A host without IPv6 listens on IPv4 alone. */
static bool
no_ipv6(int err)
{
	return err == EAFNOSUPPORT || err == EADDRNOTAVAIL ||
	       err == EPROTONOSUPPORT;
}

static void
close_quietly(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
}

/* A port that the system chose for IPv4 may be taken in IPv6. */
static int
listen_loopback(const struct bb_addr *addr, int fds[FOUND_MAX])
{
	int tries = addr->port == 0 ? PORT_TRIES : 1;

	for (; tries > 0; tries--) {
		if ((fds[0] = open_in4(INADDR_LOOPBACK, addr->port)) == -1)
			return -1;
		fds[1] = open_in6(&in6addr_loopback, bound_port(fds[0]), false);
		if (fds[1] != -1)
			return 2;
		if (no_ipv6(errno))
			return 1;
		close_quietly(fds[0]);
		if (errno != EADDRINUSE)
			break;
	}
	return -1;
}

static int
listen_any(const struct bb_addr *addr, int fds[FOUND_MAX])
{
	fds[0] = open_in6(&in6addr_any, addr->port, true);
	if (fds[0] == -1 && no_ipv6(errno))
		fds[0] = open_in4(INADDR_ANY, addr->port);
	return fds[0] == -1 ? -1 : 1;
}

/* The same address stands further to the front. */
static bool
is_among(const struct addrinfo *at, const struct addrinfo *list)
{
	for (; list != at; list = list->ai_next)
		if (list->ai_addrlen == at->ai_addrlen &&
		    memcmp(list->ai_addr, at->ai_addr, at->ai_addrlen) == 0)
			return true;
	return false;
}

/* What getaddrinfo found: /etc/hosts may name an address twice, and one of IPv6
 * where the system has none. */
static int
open_found(const struct addrinfo *list, int fds[FOUND_MAX])
{
	const struct addrinfo *at;
	union address a;
	int count = 0, err = EADDRNOTAVAIL;

	for (at = list; at != NULL; at = at->ai_next) {
		if (count == FOUND_MAX) {
			err = EMFILE;
			goto out;
		}
		memset(&a, 0, sizeof(a));
		memcpy(&a, at->ai_addr, at->ai_addrlen);
		fds[count] = open_at(&a, at->ai_addrlen, false);
		if (fds[count] != -1) {
			count++;
			continue;
		}
		err = errno;
		if (!no_ipv6(err) && !(err == EADDRINUSE && is_among(at, list)))
			goto out;
	}
	if (count > 0)
		return count;
out:
	while (count > 0)
		(void)close(fds[--count]);
	errno = err;
	return -1;
}

static int
listen_host(const struct bb_addr *addr, int fds[FOUND_MAX], const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list;
	char port[8];
	int rc, err;

	(void)snprintf(port, sizeof(port), "%u", (unsigned)addr->port);
	if ((rc = getaddrinfo(addr->host, port, &hints, &list)) != 0) {
		if (rc == EAI_SYSTEM)
			return -1;
		*why = gai_strerror(rc);
		errno = rc == EAI_AGAIN ? EAGAIN : EINVAL;
		return -1;
	}
	rc = open_found(list, fds);
	err = errno;
	freeaddrinfo(list);
	errno = err;
	return rc;
}

/* Removes a socket file that nobody answers on, which is what a killed process
 * leaves.  Asking must not wait: a live one's queue may be full. */
static void
clear_away(const union address *at)
{
	struct stat before, now;
	bool dead;
	int fd;

	if (lstat(at->un.sun_path, &before) == -1 || !S_ISSOCK(before.st_mode))
		return;
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		return;
	dead = set_flags(fd) == 0 &&
	       connect(fd, &at->any, sizeof(at->un)) == -1 &&
	       errno == ECONNREFUSED;
	(void)close(fd);
	/* Another process may have been quicker. */
	if (dead && lstat(at->un.sun_path, &now) == 0 &&
	    now.st_dev == before.st_dev && now.st_ino == before.st_ino)
		(void)unlink(at->un.sun_path);
}

static struct made *
made_row(int fd)
{
	size_t i;

	for (i = 0; i < MADE_MAX; i++)
		if (made[i].pid == getpid() && made[i].fd == fd)
			return &made[i];
	return NULL;
}

static int
remember(int fd, const char *path)
{
	struct made *row = made_row(fd);
	struct stat st;
	size_t i;

	for (i = 0; row == NULL && i < MADE_MAX; i++)
		if (made[i].pid != getpid())
			row = &made[i];
	if (row == NULL) {
		errno = EMFILE;
		return -1;
	}
	if (lstat(path, &st) == -1)
		return -1;
	*row = (struct made){ fd, getpid(), st.st_dev, st.st_ino };
	return 0;
}

static int
listen_unix(const struct bb_addr *addr, int fds[FOUND_MAX])
{
	union address at = { 0 };
	mode_t mask;

	at.un.sun_family = AF_UNIX;
	memcpy(at.un.sun_path, addr->path, sizeof(addr->path));
	clear_away(&at);
	mask = umask(0177);
	fds[0] = open_at(&at, sizeof(at.un), false);
	(void)umask(mask);
	if (fds[0] == -1)
		return -1;
	if (remember(fds[0], addr->path) == 0)
		return 1;
	close_quietly(fds[0]);
	return -1;
}

static int
open_places(const struct bb_addr *addr, int fds[FOUND_MAX], const char **why)
{
	switch (addr->kind) {
	case BB_ADDR_LOOPBACK:
		return listen_loopback(addr, fds);
	case BB_ADDR_ANY:
		return listen_any(addr, fds);
	case BB_ADDR_HOST:
		return listen_host(addr, fds, why);
	case BB_ADDR_UNIX:
		return listen_unix(addr, fds);
	}
	errno = EINVAL;
	return -1;
}

int
bb_listen(const struct bb_addr *addr, int fds[], size_t max, size_t *count,
    char why[BB_LISTEN_WHY_MAX])
{
	char text[BB_ADDR_TEXT_MAX];
	const char *clause = NULL;
	int found[FOUND_MAX], n, i, err;

	n = open_places(addr, found, &clause);
	if (n != -1 && *count + (size_t)n > max) {
		while (n > 0) {
			bb_listen_unlink(found[--n]);
			(void)close(found[n]);
		}
		n = -1;
		clause = "there are too many places to listen on";
		errno = EINVAL;
	}
	if (n == -1) {
		err = errno;
		if (clause == NULL)
			clause = strerror(err);
		(void)snprintf(why, BB_LISTEN_WHY_MAX, "%.150s: %.90s",
		    bb_addr_text(addr, text), clause);
		errno = err;
		return -1;
	}
	for (i = 0; i < n; i++)
		fds[(*count)++] = found[i];
	return 0;
}

const char *
bb_listen_text(int fd, char out[BB_ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "";
	union address at = { 0 };
	socklen_t len = sizeof(at);

	out[0] = '\0';
	if (getsockname(fd, &at.any, &len) == -1)
		return out;
	if (at.any.sa_family == AF_UNIX) {
		snprintf(out, BB_ADDR_TEXT_MAX, "unix:%.107s", at.un.sun_path);
	} else if (at.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &at.in6.sin6_addr, host, sizeof(host));
		snprintf(out, BB_ADDR_TEXT_MAX, "[%s]:%u", host,
		    (unsigned)ntohs(at.in6.sin6_port));
	} else {
		inet_ntop(AF_INET, &at.in4.sin_addr, host, sizeof(host));
		snprintf(out, BB_ADDR_TEXT_MAX, "%s:%u", host,
		    (unsigned)ntohs(at.in4.sin_port));
	}
	return out;
}

void
bb_listen_unlink(int fd)
{
	struct made *row = made_row(fd);
	union address at = { 0 };
	socklen_t len = sizeof(at);
	struct stat st;

	if (row == NULL || getsockname(fd, &at.any, &len) == -1 ||
	    at.any.sa_family != AF_UNIX)
		return;
	row->pid = 0;
	if (lstat(at.un.sun_path, &st) == 0 && st.st_dev == row->dev &&
	    st.st_ino == row->ino)
		(void)unlink(at.un.sun_path);
}
