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

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

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
	close(fd);
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

static int
listen_loopback(const struct bb_addr *addr, int fds[2])
{
	int count = 1;

	if ((fds[0] = open_in4(INADDR_LOOPBACK, addr->port)) == -1)
		return -1;
	fds[1] = open_in6(&in6addr_loopback, bound_port(fds[0]), false);
	if (fds[1] != -1)
		return 2;
	/* With port 0 the port may be taken there: IPv4 is what was asked. */
	if (no_ipv6(errno) || addr->port == 0)
		return count;
	close(fds[0]);
	return -1;
}

static int
listen_any(const struct bb_addr *addr, int fds[2])
{
	fds[0] = open_in6(&in6addr_any, addr->port, true);
	if (fds[0] == -1 && no_ipv6(errno))
		fds[0] = open_in4(INADDR_ANY, addr->port);
	return fds[0] == -1 ? -1 : 1;
}

static int
listen_host(const struct bb_addr *addr, int fds[2], const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list, *at;
	char port[8];
	int rc, count = 0;

	snprintf(port, sizeof(port), "%u", (unsigned)addr->port);
	if ((rc = getaddrinfo(addr->host, port, &hints, &list)) != 0) {
		*why = gai_strerror(rc);
		return -1;
	}
	for (at = list; at != NULL && count < 2; at = at->ai_next) {
		union address a = { 0 };

		memcpy(&a, at->ai_addr, at->ai_addrlen);
		if ((fds[count] = open_at(&a, at->ai_addrlen, false)) == -1)
			break;
		count++;
	}
	rc = errno;
	freeaddrinfo(list);
	if (at == NULL || count == 2)
		return count;
	while (count > 0)
		close(fds[--count]);
	errno = rc;
	return -1;
}

/* A socket file that nobody answers on is what a killed process left. */
static bool
stale(const union address *at)
{
	struct stat st;
	bool dead;
	int fd;

	if (lstat(at->un.sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		return false;
	dead = connect(fd, &at->any, sizeof(at->un)) == -1 &&
	       errno == ECONNREFUSED;
	close(fd);
	return dead;
}

static int
listen_unix(const struct bb_addr *addr, int fds[2])
{
	union address at = { 0 };
	mode_t mask;

	at.un.sun_family = AF_UNIX;
	memcpy(at.un.sun_path, addr->path, sizeof(addr->path));
	if (stale(&at))
		(void)unlink(addr->path);
	mask = umask(0177);
	fds[0] = open_at(&at, sizeof(at.un), false);
	umask(mask);
	return fds[0] == -1 ? -1 : 1;
}

int
bb_listen(const struct bb_addr *addr, int fds[], size_t max, size_t *count,
    char why[BB_LISTEN_WHY_MAX])
{
	char text[BB_ADDR_TEXT_MAX];
	const char *clause = NULL;
	int two[2] = { -1, -1 }, n = -1, i;

	switch (addr->kind) {
	case BB_ADDR_LOOPBACK:
		n = listen_loopback(addr, two);
		break;
	case BB_ADDR_ANY:
		n = listen_any(addr, two);
		break;
	case BB_ADDR_HOST:
		n = listen_host(addr, two, &clause);
		break;
	case BB_ADDR_UNIX:
		n = listen_unix(addr, two);
		break;
	}
	if (n == -1) {
		snprintf(why, BB_LISTEN_WHY_MAX, "%.150s: %.90s",
		    bb_addr_text(addr, text),
		    clause != NULL ? clause : strerror(errno));
		return -1;
	}
	if (*count + (size_t)n > max) {
		while (n > 0)
			close(two[--n]);
		snprintf(why, BB_LISTEN_WHY_MAX, "too many places to listen");
		return -1;
	}
	for (i = 0; i < n; i++)
		fds[(*count)++] = two[i];
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
	union address at = { 0 };
	socklen_t len = sizeof(at);

	if (getsockname(fd, &at.any, &len) == 0 &&
	    at.any.sa_family == AF_UNIX && at.un.sun_path[0] != '\0')
		(void)unlink(at.un.sun_path);
}
