/* Writing to peers: once per turn, what waits in a queue. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cc.h"
#include "serve/peer_own.h"

static struct bb_peer *dirty_list;
static size_t held; /* bytes of all buffers of peers */

size_t
bb_peers_held(void)
{
	return held;
}

void
bb_peer_drop(struct bb_buf **buf)
{
	if (*buf == NULL)
		return;
	held -= bb_buf_len(*buf);
	bb_buf_clear(*buf);
	free(*buf);
	*buf = NULL;
}

int
bb_peer_put(struct bb_buf **buf, size_t max, bool secret, const void *bytes,
    size_t len)
{
	bool made = *buf == NULL;
	int err;

	if (made) {
		if ((*buf = calloc(1, sizeof(**buf))) == NULL)
			return -1;
		(*buf)->max = max;
		(*buf)->secret = secret;
	}
	if (bb_buf_put(*buf, bytes, len) == 0) {
		held += len;
		return 0;
	}
	err = errno;
	if (made)
		bb_peer_drop(buf);
	errno = err;
	return -1;
}

void
bb_peer_mark(struct bb_peer *p)
{
	if (p->dirty || p->dead)
		return;
	p->dirty = true;
	p->next_dirty = dirty_list;
	dirty_list = p;
}

void
bb_peer_unmark(struct bb_peer *p)
{
	struct bb_peer **at;

	if (!p->dirty)
		return;
	at = &dirty_list;
	while (*at != p)
		at = &(*at)->next_dirty;
	*at = p->next_dirty;
	p->dirty = false;
}

/* Without O_NONBLOCK a pipe may block: it is written only when the system says
 * that it can be, and then no more than surely fits (POSIX, write: PIPE_BUF).
 */
static bool
takes_some(const struct bb_peer *p)
{
	struct pollfd now = { .fd = p->out_fd, .events = POLLOUT };

	return poll(&now, 1, 0) == 1;
}

static ssize_t
write_once(const struct bb_peer *p)
{
	size_t len = bb_buf_len(p->out);
	ssize_t n;

	if (!p->out_socket && !takes_some(p)) {
		errno = EAGAIN;
		return -1;
	}
	if (!p->out_socket && len > PIPE_BUF)
		len = PIPE_BUF;
	do {
		if (p->out_socket)
			n = send(p->out_fd, bb_buf_data(p->out), len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = write(p->out_fd, bb_buf_data(p->out), len);
	} while (n == -1 && errno == EINTR);
	return n;
}

/* A peer that says its last word and leaves may be gone before that is read:
 * then it is read, and its end is the end of the peer. */
static void
write_failed(struct bb_peer *p, int err)
{
	bool left = err == EPIPE || err == ECONNRESET;

	bb_peer_drop(&p->out);
	p->blocked = false;
	if (!left || !p->one || p->in_ended || p->finishing) {
		bb_peer_gone(p, p->finishing ? NULL : strerror(err));
		return;
	}
	p->deaf = true;
	p->owed = false;
	bb_peer_want(p);
}

/* All is written and the owner wants no more of it. */
static void
say_end(struct bb_peer *p)
{
	if (p->said_end)
		return;
	if (p->deaf || p->in_ended || !p->one ||
	    shutdown(p->out_fd, SHUT_WR) == -1) {
		bb_peer_gone(p, NULL);
		return;
	}
	p->said_end = true;
	bb_peer_want(p);
}

static void
written(struct bb_peer *p)
{
	bb_peer_drop(&p->out);
	p->blocked = false;
	if (p->finishing) {
		say_end(p);
		return;
	}
	bb_peer_want(p);
	if (!p->owed)
		return;
	p->owed = false;
	if (p->kind->drained != NULL)
		p->kind->drained(p->ctx, p);
}

void
bb_peer_write(struct bb_peer *p)
{
	ssize_t n;

	while (p->out != NULL && bb_buf_len(p->out) > 0) {
		n = write_once(p);
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK) {
			write_failed(p, errno);
			return;
		}
		if (n == -1) {
			p->blocked = true;
			bb_peer_want(p);
			return;
		}
		bb_buf_take(p->out, (size_t)n);
		held -= (size_t)n;
	}
	written(p);
}

void
bb_peers_flush(void)
{
	struct bb_peer *p;

	if (bb_peer_reading())
		return;
	while ((p = dirty_list) != NULL) {
		dirty_list = p->next_dirty;
		p->dirty = false;
		bb_peer_enter(p);
		if (p->broken)
			bb_peer_gone(p, "no memory");
		bb_peer_offer(p);
		if (!p->dead && !p->blocked)
			bb_peer_write(p);
		bb_peer_leave(p);
	}
}

int
bb_peer_send(struct bb_peer *p, const void *bytes, size_t len)
{
	if (p->dead || p->finishing || p->deaf) {
		errno = EPIPE;
		return -1;
	}
	if (bb_peer_put(&p->out, p->kind->out_max, p->kind->secret, bytes,
		len) == -1) {
		if (errno == ENOBUFS && p->out != NULL)
			p->owed = true;
		return -1;
	}
	if (bb_buf_len(p->out) > p->kind->out_max / 2)
		p->owed = true;
	bb_peer_mark(p);
	return 0;
}

size_t
bb_peer_waiting(const struct bb_peer *p)
{
	return p->out == NULL ? 0 : bb_buf_len(p->out);
}

bool
bb_peer_is_slow(const struct bb_peer *p)
{
	return p->blocked;
}
