/* Peers: reading into one shared buffer, writing once per turn, closing. */
#include "serve/peer.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "serve/address.h"

#define READ_MAX 65536 /* bytes of one read */

struct bb_peer {
	struct bb_peer *next_dirty;
	struct bb_loop *loop;
	struct bb_io *io_in, *io_out; /* the same for a socket */
	struct bb_timer *timer;       /* deadline or linger; made when used */
	const struct bb_peer_kind *kind;
	void *ctx;
	struct bb_buf rest; /* beginning of something incomplete */
	struct bb_buf out;
	int in_fd, out_fd;
	unsigned depth; /* callbacks under way */
	bool socket;
	bool dirty;
	bool paused;
	bool in_ended;
	bool blocked;  /* waits until it can be written */
	bool was_full; /* drained() is owed */
	bool finishing;
	bool dead;
};

static struct bb_peer *dirty_list;
/* Every read goes through this one: an idle peer keeps no memory for it. */
static struct bb_buf shared;

static void
peer_destroy(struct bb_peer *p)
{
	struct bb_peer **at;

	for (at = &dirty_list; *at != NULL; at = &(*at)->next_dirty)
		if (*at == p) {
			*at = p->next_dirty;
			break;
		}
	bb_io_free(p->io_in);
	if (p->io_out != p->io_in)
		bb_io_free(p->io_out);
	bb_timer_free(p->timer);
	close(p->in_fd);
	if (p->out_fd != p->in_fd)
		close(p->out_fd);
	bb_buf_clear(&p->rest);
	bb_buf_clear(&p->out);
	free(p);
}

void
bb_peer_free(struct bb_peer *p)
{
	if (p == NULL || p->dead)
		return;
	p->dead = true;
	if (p->depth == 0)
		peer_destroy(p);
}

static void
enter(struct bb_peer *p)
{
	p->depth++;
}

/* True when the peer is still there. */
static bool
leave(struct bb_peer *p)
{
	p->depth--;
	if (!p->dead)
		return true;
	if (p->depth == 0)
		peer_destroy(p);
	return false;
}

static void
peer_gone(struct bb_peer *p, const char *why)
{
	if (p->dead)
		return;
	enter(p);
	p->kind->closed(p->ctx, p, why);
	p->dead = true;
	leave(p);
}

/* Asks the loop for what this peer now waits for. */
static void
peer_want(struct bb_peer *p)
{
	unsigned in = p->paused || p->in_ended || p->finishing ? 0 : BB_READ;
	unsigned out = p->blocked ? BB_WRITE : 0;
	int rc;

	if (p->io_in == p->io_out)
		rc = bb_io_want(p->io_in, in | out);
	else
		rc = bb_io_want(p->io_in, in) | bb_io_want(p->io_out, out);
	if (rc != 0)
		bb_log(BB_LOG_ERROR, "unable to wait for %s: %s",
		    bb_peer_name(p), strerror(errno));
}

/* ---- reading ---- */

static ssize_t
read_once(const struct bb_peer *p, void *to, size_t len)
{
	ssize_t n;

	if (!p->socket)
		return bb_read_some(p->in_fd, to, len);
	do {
		n = recv(p->in_fd, to, len, MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	return n;
}

/* Gives the shared buffer to the stage, keeps what is left over.  False: the
 * peer is gone. */
static bool
give_input(struct bb_peer *p)
{
	size_t left;
	bool go_on;

	enter(p);
	go_on = p->kind->input(p->ctx, p, &shared);
	if (!leave(p))
		return false;
	if (!go_on) {
		peer_gone(p, "closed by us");
		return false;
	}
	left = bb_buf_len(&shared);
	if (left > p->kind->in_max ||
	    bb_buf_put(&p->rest, bb_buf_data(&shared), left) == -1) {
		peer_gone(p, "it sent too much without an end");
		return false;
	}
	return true;
}

static void
peer_ended(struct bb_peer *p)
{
	bool keep;

	p->in_ended = true;
	if (bb_buf_len(&p->rest) > 0)
		bb_log(BB_LOG_INFO, "%s %s ended within a message",
		    p->kind->name, bb_peer_name(p));
	enter(p);
	keep = p->kind->ended != NULL && p->kind->ended(p->ctx, p);
	if (!leave(p))
		return;
	if (!keep)
		peer_gone(p, "it closed the connection");
	else
		peer_want(p);
}

static void
peer_readable(struct bb_peer *p)
{
	size_t had = bb_buf_len(&p->rest);
	uint8_t *to;
	ssize_t n;

	shared.max = READ_MAX + p->kind->in_max;
	bb_buf_take(&shared, bb_buf_len(&shared));
	if (bb_buf_put(&shared, bb_buf_data(&p->rest), had) == -1 ||
	    (to = bb_buf_reserve(&shared, READ_MAX)) == NULL) {
		peer_gone(p, "no memory");
		return;
	}
	n = read_once(p, to, READ_MAX);
	if (n == -1) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			peer_gone(p, strerror(errno));
		return;
	}
	if (n == 0) {
		peer_ended(p);
		return;
	}
	bb_buf_added(&shared, (size_t)n);
	bb_buf_clear(&p->rest);
	give_input(p);
	if (shared.mem != NULL && shared.secret)
		bb_wipe(shared.mem, shared.cap);
}

/* ---- writing ---- */

static ssize_t
write_once(const struct bb_peer *p)
{
	size_t len = bb_buf_len(&p->out);
	ssize_t n;

	if (!p->socket && len > PIPE_BUF)
		len = PIPE_BUF; /* never blocks once it is writable */
	do {
		if (p->socket)
			n = send(p->out_fd, bb_buf_data(&p->out), len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		else
			n = write(p->out_fd, bb_buf_data(&p->out), len);
	} while (n == -1 && errno == EINTR);
	return n;
}

static void
peer_written(struct bb_peer *p)
{
	bb_buf_clear(&p->out);
	p->blocked = false;
	if (p->finishing) {
		peer_gone(p, NULL);
		return;
	}
	peer_want(p);
	if (!p->was_full)
		return;
	p->was_full = false;
	if (p->kind->drained != NULL) {
		enter(p);
		p->kind->drained(p->ctx, p);
		leave(p);
	}
}

/* A pipe is written only when the loop has said that it can be. */
static void
peer_write(struct bb_peer *p, bool writable)
{
	ssize_t n;

	while (bb_buf_len(&p->out) > 0) {
		if (!p->socket && !writable) {
			n = -1;
			errno = EAGAIN;
		} else
			n = write_once(p);
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK) {
			peer_gone(p, strerror(errno));
			return;
		}
		if (n == -1) {
			p->blocked = true;
			peer_want(p);
			return;
		}
		bb_buf_take(&p->out, (size_t)n);
		writable = false;
	}
	peer_written(p);
}

static void
peer_ready(void *peer, unsigned what)
{
	struct bb_peer *p = peer;

	enter(p);
	if ((what & BB_WRITE) != 0)
		peer_write(p, true);
	if ((what & BB_READ) != 0 && !p->dead && !p->paused && !p->in_ended &&
	    !p->finishing)
		peer_readable(p);
	leave(p);
}

static void
peer_mark(struct bb_peer *p)
{
	if (p->dirty || p->blocked)
		return;
	p->dirty = true;
	p->next_dirty = dirty_list;
	dirty_list = p;
}

void
bb_peers_flush(void)
{
	struct bb_peer *p;

	while ((p = dirty_list) != NULL) {
		dirty_list = p->next_dirty;
		p->next_dirty = NULL;
		p->dirty = false;
		enter(p);
		peer_write(p, false);
		leave(p);
	}
}

int
bb_peer_send(struct bb_peer *p, const void *bytes, size_t len)
{
	if (bb_buf_put(&p->out, bytes, len) == -1)
		return -1;
	if (bb_buf_len(&p->out) > p->kind->out_max / 2)
		p->was_full = true;
	peer_mark(p);
	return 0;
}

size_t
bb_peer_waiting(const struct bb_peer *p)
{
	return bb_buf_len(&p->out);
}

/* ---- the rest ---- */

static void
peer_timeout(void *peer)
{
	struct bb_peer *p = peer;

	peer_gone(p, p->finishing ? NULL : "timed out");
}

static void
timer_set(struct bb_peer *p, int64_t ms)
{
	if (ms == 0) {
		if (p->timer != NULL)
			bb_timer_cancel(p->timer);
		return;
	}
	if (p->timer == NULL)
		p->timer = bb_timer_new(p->loop, peer_timeout, p);
	if (p->timer == NULL || bb_timer_set(p->timer, ms) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a deadline: %s",
		    strerror(errno));
}

void
bb_peer_deadline(struct bb_peer *p, int64_t ms)
{
	if (!p->finishing)
		timer_set(p, ms);
}

void
bb_peer_finish(struct bb_peer *p, int64_t linger_ms)
{
	if (p->finishing || p->dead)
		return;
	p->finishing = true;
	timer_set(p, linger_ms > 0 ? linger_ms : 1);
	peer_want(p);
	peer_mark(p);
}

void
bb_peer_pause(struct bb_peer *p, bool paused)
{
	if (p->paused == paused || p->dead)
		return;
	p->paused = paused;
	peer_want(p);
}

static bool
peer_watch(struct bb_peer *p)
{
	p->io_in = bb_io_new(p->loop, p->in_fd, peer_ready, p);
	p->io_out = p->io_in;
	if (p->in_fd != p->out_fd)
		p->io_out = bb_io_new(p->loop, p->out_fd, peer_ready, p);
	return p->io_in != NULL && p->io_out != NULL &&
	       bb_io_want(p->io_in, BB_READ) == 0;
}

struct bb_peer *
bb_peer_new(struct bb_loop *loop, int in, int out,
    const struct bb_peer_kind *kind, void *ctx)
{
	struct bb_peer *p;
	int saved, on = 1;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		close(in);
		if (out != in)
			close(out);
		errno = ENOMEM;
		return NULL;
	}
	p->loop = loop;
	p->in_fd = in;
	p->out_fd = out;
	p->kind = kind;
	p->ctx = ctx;
	p->rest = BB_BUF(kind->in_max);
	p->out = BB_BUF(kind->out_max);
	p->rest.secret = p->out.secret = kind->secret;
	shared.secret |= kind->secret;
	p->socket = bb_address_is_socket(in) && bb_address_is_socket(out);
	if (p->socket)
		(void)setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on,
		    sizeof(on));
	if (peer_watch(p))
		return p;
	saved = errno;
	peer_destroy(p);
	errno = saved;
	return NULL;
}

const char *
bb_peer_name(const struct bb_peer *p)
{
	static char name[BB_ADDRESS_TEXT_MAX];

	return bb_address_text(p->in_fd, name);
}

void
bb_peer_address(const struct bb_peer *p, uint8_t out[16])
{
	bb_address_bytes(p->in_fd, out);
}

bool
bb_peer_local(const struct bb_peer *p)
{
	return bb_address_local(p->in_fd) && bb_address_local(p->out_fd);
}

void *
bb_peer_ctx(const struct bb_peer *p)
{
	return p->ctx;
}

void
bb_peer_set_ctx(struct bb_peer *p, void *ctx)
{
	p->ctx = ctx;
}
