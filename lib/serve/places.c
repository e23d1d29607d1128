/* Places: accepting, also when there are no descriptors left. */
#include "serve/places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/start.h"

#define ACCEPTS_PER_TURN 64
#define NO_DESCRIPTORS_MS 100 /* then accepting is tried again */
/* Descriptors that connections leave for what else a stage opens: next stages,
 * stores, askers.  With few in all there is no such luxury. */
#define RESERVE 32
#define RESERVE_FROM 128

struct place {
	struct bb_places *all;
	struct bb_io *io;
	int fd;    /* -1: left */
	int flags; /* of a handed-over socket, put back at the end */
	bool handed;
};

struct bb_places {
	struct bb_loop *loop;
	void (*taken)(void *ctx, int fd, const struct sockaddr_storage *peer);
	void *ctx;
	struct place at[BB_LISTEN_MAX];
	size_t len;
	struct bb_timer *again;
	int fd_max;   /* connections have lower numbers; 0: any */
	int last;     /* number of the last one */
	bool failing; /* accepting; said so */
	bool closed;
};

static void
watch(struct bb_places *ps, bool on)
{
	size_t i;

	for (i = 0; i < ps->len; i++)
		if (ps->at[i].io != NULL &&
		    bb_io_want(ps->at[i].io, on ? BB_READ : 0) == -1)
			bb_log(BB_LOG_ERROR, "unable to listen: %s",
			    strerror(errno));
}

static void
accept_again(void *places)
{
	watch(places, true);
}

/* Errors of the one connection that was at the head of the queue (accept(2) of
 * Linux passes on what the network said). */
static bool
of_one(int err)
{
	static const int errors[] = { ECONNABORTED, EINTR, EPROTO, ENETDOWN,
		ENETUNREACH, EHOSTUNREACH, EOPNOTSUPP, ETIMEDOUT, EPERM };
	size_t i;

	for (i = 0; i < BB_LEN(errors); i++)
		if (err == errors[i])
			return true;
	return false;
}

/* Linux looks for a free descriptor before it looks for a connection. */
static bool
anybody_waits(int fd)
{
	struct pollfd now = { .fd = fd, .events = POLLIN };

	return poll(&now, 1, 0) == 1;
}

/* Without descriptors or memory the queue stays where it is; trying at once
 * again would spin. */
static void
rest(struct bb_places *ps, int err)
{
	if (!ps->failing)
		bb_log(BB_LOG_WARN, "unable to accept connections: %s",
		    strerror(err));
	ps->failing = true;
	if (bb_timer_set(ps->again, NO_DESCRIPTORS_MS) == 0)
		watch(ps, false);
}

static void
took(struct bb_places *ps, int fd, const struct sockaddr_storage *peer)
{
	if (ps->failing)
		bb_log(BB_LOG_WARN, "accepting connections again");
	ps->failing = false;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		(void)close(fd);
	else
		ps->taken(ps->ctx, fd, peer);
}

/* The system gives the lowest number that is free. */
static bool
has_room(struct bb_places *ps)
{
	if (ps->fd_max == 0 || ps->last < ps->fd_max - 1)
		return true;
	if ((ps->last = fcntl(ps->at[0].fd, F_DUPFD_CLOEXEC, 0)) == -1)
		return true; /* accept will say why */
	(void)close(ps->last);
	return ps->last < ps->fd_max;
}

/* Whoever has the same handed-over socket may put back its flags when he
 * leaves. */
static void
ready(void *place, unsigned what)
{
	struct place *p = place;
	struct bb_places *ps = p->all;
	struct sockaddr_storage peer;
	socklen_t len;
	int fd, i, err;

	(void)what;
	if (p->handed)
		(void)fcntl(p->fd, F_SETFL, p->flags | O_NONBLOCK);
	for (i = 0; i < ACCEPTS_PER_TURN && !ps->closed; i++) {
		if (!has_room(ps)) {
			if (anybody_waits(p->fd))
				rest(ps, EMFILE);
			return;
		}
		memset(&peer, 0, sizeof(peer));
		len = sizeof(peer);
		fd = accept(p->fd, (struct sockaddr *)&peer, &len);
		if (fd != -1) {
			ps->last = fd;
			took(ps, fd, &peer);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (!of_one(errno)) {
			err = errno;
			if (anybody_waits(p->fd))
				rest(ps, err);
			return;
		}
	}
}

static int
fd_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur < RESERVE_FROM || limit.rlim_cur > INT_MAX)
		return 0;
	return (int)limit.rlim_cur - RESERVE;
}

struct bb_places *
bb_places_new(struct bb_loop *loop,
    void (*taken)(void *ctx, int fd, const struct sockaddr_storage *peer),
    void *ctx)
{
	struct bb_places *ps;

	if ((ps = calloc(1, sizeof(*ps))) == NULL)
		return NULL;
	ps->loop = loop;
	ps->taken = taken;
	ps->ctx = ctx;
	ps->fd_max = fd_max();
	if ((ps->again = bb_timer_new(loop, accept_again, ps)) == NULL) {
		free(ps);
		return NULL;
	}
	return ps;
}

/* From here on the place leaves the socket as it should be, whatever fails. */
static int
add(struct bb_places *ps, int fd, bool handed)
{
	struct place *p = &ps->at[ps->len];

	p->all = ps;
	p->fd = fd;
	p->handed = handed;
	if ((p->flags = fcntl(fd, F_GETFL)) == -1)
		return -1;
	ps->len++;
	if (fcntl(fd, F_SETFL, p->flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    (p->io = bb_io_new(ps->loop, fd, ready, p)) == NULL)
		return -1;
	return bb_io_want(p->io, BB_READ);
}

int
bb_places_hand_over(struct bb_places *ps, int fd)
{
	if (ps->len == BB_LISTEN_MAX) {
		errno = EMFILE;
		return -1;
	}
	return add(ps, fd, true);
}

static int
add_own(struct bb_places *ps, const int fds[], size_t count)
{
	size_t i, j;

	for (i = 0; i < count; i++) {
		if (add(ps, fds[i], false) == 0)
			continue;
		for (j = i + 1; j < count; j++)
			(void)close(fds[j]);
		return -1;
	}
	return 0;
}

/* Whoever asked for any port reads here which it is. */
static int
say_ports(const int fds[], size_t count)
{
	char at[BB_ADDR_TEXT_MAX];
	size_t i;

	for (i = 0; i < count; i++)
		printf("listening %s\n", bb_listen_text(fds[i], at));
	return fflush(stdout) == EOF ? -1 : 0;
}

int
bb_places_open(struct bb_places *ps, const char *text, uint16_t default_port,
    char why[BB_LISTEN_WHY_MAX])
{
	const char *clause = "";
	int fds[BB_LISTEN_MAX];
	struct bb_addr addr;
	size_t count = 0;

	if (!bb_addr_scan(text, default_port, &addr, &clause)) {
		(void)snprintf(why, BB_LISTEN_WHY_MAX, "%.100s: %s", text,
		    clause);
		errno = EINVAL;
		return -1;
	}
	if (bb_listen(&addr, fds, BB_LISTEN_MAX - ps->len, &count, why) == -1)
		return -1;
	if (add_own(ps, fds, count) == -1) {
		(void)snprintf(why, BB_LISTEN_WHY_MAX, "%.100s: %s", text,
		    strerror(errno));
		return -1;
	}
	if (addr.kind == BB_ADDR_UNIX || addr.port != 0 ||
	    say_ports(fds, count) == 0)
		return 0;
	(void)snprintf(why, BB_LISTEN_WHY_MAX,
	    "unable to write the port to standard output: %s", strerror(errno));
	return -1;
}

static void
leave(struct place *p)
{
	bb_io_free(p->io);
	p->io = NULL;
	if (p->fd == -1)
		return;
	if (p->handed) {
		(void)fcntl(p->fd, F_SETFL, p->flags);
	} else {
		bb_listen_unlink(p->fd);
		(void)close(p->fd);
	}
	p->fd = -1;
}

void
bb_places_close(struct bb_places *ps)
{
	size_t i;

	ps->closed = true;
	bb_timer_cancel(ps->again);
	for (i = 0; i < ps->len; i++)
		leave(&ps->at[i]);
}

void
bb_places_free(struct bb_places *ps)
{
	if (ps == NULL)
		return;
	bb_places_close(ps);
	bb_timer_free(ps->again);
	free(ps);
}
