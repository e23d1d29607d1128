/* Dialing: resolve in a worker, connect, back off with jitter, again. */
#include "serve/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"
#include "serve/lookup.h"

#define ATTEMPT_MS 5000
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define STABLE_MS 5000 /* a connection that stood this long was good */
#define LOOPBACK_NET 127

struct bb_dial {
	struct bb_loop *loop;
	struct bb_work *work;
	struct bb_addr addr;
	const struct bb_dial_calls *calls;
	void *ctx;
	struct bb_lookup *lookup; /* under way, or NULL */
	struct bb_place places[BB_PLACES_MAX];
	size_t count, next;
	struct bb_timer *timer; /* of the attempt, or until the next */
	struct bb_io *io;
	int fd;    /* of the attempt under way, or -1 */
	int error; /* errno that says most of this round's failures */
	int64_t backoff_ms;
	int64_t waits_ms; /* since when for the next attempt; 0: it does not */
	int64_t up_ms;    /* when the last one stood */
};

static void attempt(struct bb_dial *d);

static void
attempt_over(struct bb_dial *d)
{
	bb_io_free(d->io);
	d->io = NULL;
	if (d->fd != -1)
		(void)close(d->fd);
	d->fd = -1;
	bb_timer_cancel(d->timer);
}

/* Half to all of the back-off, so that many do not come back at once. */
static int64_t
jittered(int64_t ms)
{
	uint32_t r;

	bb_random(&r, sizeof(r));
	return ms / 2 + (int64_t)(r % (uint32_t)(ms / 2 + 1));
}

static void
wait_for(struct bb_dial *d, int64_t ms)
{
	d->waits_ms = bb_clock_ms();
	if (bb_timer_set(d->timer, ms) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

static void
grow_backoff(struct bb_dial *d)
{
	d->backoff_ms *= 2;
	if (d->backoff_ms == 0)
		d->backoff_ms = BACKOFF_FIRST_MS;
	if (d->backoff_ms > BACKOFF_MAX_MS)
		d->backoff_ms = BACKOFF_MAX_MS;
}

/* The callee may free the dial: it is called last. */
static void
later(struct bb_dial *d, const char *why)
{
	attempt_over(d);
	grow_backoff(d);
	d->count = d->next = 0; /* names are looked up anew */
	wait_for(d, jittered(d->backoff_ms));
	d->calls->failed(d->ctx, d, why);
}

/* Errors that say only that an address cannot be reached from here, as one of
 * IPv6 on a host without. */
static bool
says_little(int err)
{
	return err == EADDRNOTAVAIL || err == EAFNOSUPPORT ||
	       err == ENETUNREACH || err == EHOSTUNREACH;
}

static void
place_failed(struct bb_dial *d, int err)
{
	attempt_over(d);
	if (d->error == 0 || !says_little(err))
		d->error = err;
	if (d->next < d->count)
		attempt(d);
	else
		later(d,
		    d->error == ETIMEDOUT ? "timed out" : strerror(d->error));
}

/* A port of this host that nobody listens at can be the one that the system
 * chose for our own end: then we have called ourselves. */
static bool
called_itself(int fd)
{
	struct sockaddr_storage near = { 0 }, far = { 0 };
	socklen_t near_len = sizeof(near), far_len = sizeof(far);

	return getsockname(fd, (struct sockaddr *)&near, &near_len) == 0 &&
	       near.ss_family != AF_UNIX &&
	       getpeername(fd, (struct sockaddr *)&far, &far_len) == 0 &&
	       near_len == far_len && memcmp(&near, &far, near_len) == 0;
}

static void
connected(struct bb_dial *d)
{
	int fd = d->fd;

	if (called_itself(fd)) {
		place_failed(d, ECONNREFUSED);
		return;
	}
	d->fd = -1;
	attempt_over(d);
	d->up_ms = bb_clock_ms();
	d->count = d->next = 0;
	d->calls->up(d->ctx, d, fd);
}

static void
connect_ready(void *dial, unsigned what)
{
	struct bb_dial *d = dial;
	socklen_t len = sizeof(int);
	int err = 0;

	(void)what;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
		err = errno;
	if (err == 0)
		connected(d);
	else
		place_failed(d, err);
}

static int
attempt_socket(const struct bb_place *p)
{
	int fd, flags;

	if ((fd = socket(p->at.ss_family, SOCK_STREAM, 0)) == -1)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void
attempt(struct bb_dial *d)
{
	const struct bb_place *p = &d->places[d->next++];

	if ((d->fd = attempt_socket(p)) == -1) {
		place_failed(d, errno);
		return;
	}
	if (connect(d->fd, (const struct sockaddr *)&p->at, p->len) == 0) {
		connected(d);
		return;
	}
	/* A unix socket whose queue is full answers EAGAIN. */
	if (errno != EINPROGRESS && errno != EINTR) {
		place_failed(d, errno);
		return;
	}
	d->io = bb_io_new(d->loop, d->fd, connect_ready, d);
	if (d->io == NULL || bb_io_want(d->io, BB_WRITE) == -1 ||
	    bb_timer_set(d->timer, ATTEMPT_MS) == -1)
		place_failed(d, errno);
}

/* ---- where to ---- */

static void
looked_up(void *dial, const struct bb_place *places, size_t count,
    const char *why)
{
	struct bb_dial *d = dial;

	d->lookup = NULL;
	if (count == 0) {
		d->error = EHOSTUNREACH;
		later(d, why);
		return;
	}
	memcpy(d->places, places, count * sizeof(d->places[0]));
	d->count = count;
	attempt(d);
}

static void
place_host(struct bb_dial *d)
{
	d->count = bb_lookup_literal(d->addr.host, d->addr.port, &d->places[0]);
	if (d->count > 0) {
		attempt(d);
		return;
	}
	d->lookup =
	    bb_lookup_start(d->work, d->addr.host, d->addr.port, looked_up, d);
	if (d->lookup != NULL)
		return;
	d->error = errno;
	later(d, strerror(errno));
}

static void
place_unix(struct bb_dial *d)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&d->places[0].at;

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, d->addr.path, sizeof(d->addr.path));
	d->places[0].len = sizeof(*un);
	d->count = 1;
}

static void
place_loopback(struct bb_dial *d)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&d->places[0].at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&d->places[1].at;

	memset(d->places, 0, 2 * sizeof(d->places[0]));
	in4->sin_family = AF_INET;
	in4->sin_port = htons(d->addr.port);
	in4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	d->places[0].len = sizeof(*in4);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(d->addr.port);
	in6->sin6_addr = in6addr_loopback;
	d->places[1].len = sizeof(*in6);
	d->count = 2;
}

static void
begin(struct bb_dial *d)
{
	d->waits_ms = 0;
	d->next = 0;
	d->error = 0;
	switch (d->addr.kind) {
	case BB_ADDR_HOST:
		place_host(d);
		return;
	case BB_ADDR_UNIX:
		place_unix(d);
		break;
	case BB_ADDR_LOOPBACK:
	case BB_ADDR_ANY:
		place_loopback(d);
		break;
	}
	attempt(d);
}

/* The timer bounds an attempt, or waits between two. */
static void
timer_fired(void *dial)
{
	struct bb_dial *d = dial;

	if (d->fd != -1)
		place_failed(d, ETIMEDOUT);
	else if (d->lookup == NULL)
		begin(d);
}

bool
bb_dial_is_far(const struct bb_addr *addr)
{
	struct in6_addr in6;
	struct in_addr in4;

	if (addr->kind != BB_ADDR_HOST)
		return false;
	if (inet_pton(AF_INET, addr->host, &in4) == 1)
		return ntohl(in4.s_addr) >> 24 != LOOPBACK_NET;
	if (inet_pton(AF_INET6, addr->host, &in6) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&in6))
		return in6.s6_addr[12] != LOOPBACK_NET;
	return !IN6_IS_ADDR_LOOPBACK(&in6);
}

struct bb_dial *
bb_dial_new(struct bb_loop *loop, struct bb_work *work,
    const struct bb_addr *addr, const struct bb_dial_calls *calls, void *ctx)
{
	struct bb_dial *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	d->loop = loop;
	d->work = work;
	d->addr = *addr;
	d->calls = calls;
	d->ctx = ctx;
	d->fd = -1;
	d->timer = bb_timer_new(loop, timer_fired, d);
	/* From the loop, not from here: the caller is not ready for up(). */
	if (d->timer == NULL || bb_timer_set(d->timer, 0) == -1) {
		bb_dial_free(d);
		return NULL;
	}
	return d;
}

/* One that stood for a while is begun again at once; one that was closed as
 * soon as it stood is backed off from like one that never did. */
void
bb_dial_again(struct bb_dial *d)
{
	attempt_over(d);
	if (bb_clock_ms() - d->up_ms >= STABLE_MS)
		d->backoff_ms = 0;
	else
		grow_backoff(d);
	wait_for(d, d->backoff_ms == 0 ? 0 : jittered(d->backoff_ms));
}

void
bb_dial_hurry(struct bb_dial *d)
{
	if (d->waits_ms != 0 && bb_clock_ms() - d->waits_ms >= BACKOFF_FIRST_MS)
		wait_for(d, 0);
}

int
bb_dial_error(const struct bb_dial *d)
{
	return d->error;
}

void
bb_dial_free(struct bb_dial *d)
{
	if (d == NULL)
		return;
	bb_lookup_forget(d->lookup);
	bb_io_free(d->io);
	if (d->fd != -1)
		(void)close(d->fd);
	bb_timer_free(d->timer);
	free(d);
}
