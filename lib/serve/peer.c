/* Peers: made, read into one shared buffer, ended. */
#include "serve/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"
#include "base/log.h"
#include "serve/classify.h"
#include "serve/peer_own.h"

#define READ_MAX 65536 /* bytes of one read */

/* Every read goes through this one: an idle peer keeps no memory for it.  It is
 * empty between two reads. */
static struct bb_buf shared;
static bool reading;

bool
bb_peer_reading(void)
{
	return reading;
}

/* ---- the end ---- */

/* 0 to 2 never stay free: the next socket would become standard output. */
static void
close_fd(int fd)
{
	(void)close(fd);
	if (fd <= STDERR_FILENO && open("/dev/null", O_RDWR | O_NOCTTY) == -1)
		bb_log(BB_LOG_WARN, "unable to open /dev/null: %s",
		    strerror(errno));
}

static void
close_both(int in, int out)
{
	int saved = errno;

	close_fd(in);
	if (out != in)
		close_fd(out);
	errno = saved;
}

static void
destroy(struct bb_peer *p)
{
	bb_peer_unmark(p);
	bb_io_free(p->io_in);
	if (p->io_out != p->io_in)
		bb_io_free(p->io_out);
	bb_timer_free(p->timer);
	close_both(p->in_fd, p->out_fd);
	bb_peer_drop(&p->rest);
	bb_peer_drop(&p->out);
	free(p);
}

void
bb_peer_free(struct bb_peer *p)
{
	if (p == NULL || p->dead)
		return;
	p->dead = true;
	if (p->depth == 0)
		destroy(p);
}

void
bb_peer_enter(struct bb_peer *p)
{
	p->depth++;
}

void
bb_peer_leave(struct bb_peer *p)
{
	p->depth--;
	if (p->dead && p->depth == 0)
		destroy(p);
}

void
bb_peer_gone(struct bb_peer *p, const char *why)
{
	if (p->dead)
		return;
	p->dead = true;
	p->kind->closed(p->ctx, p, why);
}

/* ---- what is waited for ---- */

/* After our end was sent, its input is read to be thrown away. */
static bool
wants_input(const struct bb_peer *p)
{
	if (p->dead || p->in_ended)
		return false;
	return p->finishing ? p->said_end : !p->paused;
}

/* Not from here: whoever called does not expect closed(). */
static void
close_soon(struct bb_peer *p, const char *what)
{
	bb_log(BB_LOG_ERROR, "unable to %s %s: %s", what, bb_peer_name(p),
	    strerror(errno));
	p->broken = true;
	bb_peer_mark(p);
}

void
bb_peer_want(struct bb_peer *p)
{
	unsigned in = wants_input(p) ? BB_READ : 0;
	unsigned out = p->blocked ? BB_WRITE : 0;
	int rc;

	if (p->dead || p->broken)
		return;
	if (p->io_in == p->io_out)
		rc = bb_io_want(p->io_in, in | out);
	else
		rc = bb_io_want(p->io_in, in) | bb_io_want(p->io_out, out);
	if (rc != 0)
		close_soon(p, "wait for");
}

/* ---- reading ---- */

static ssize_t
read_once(const struct bb_peer *p, void *to, size_t len)
{
	ssize_t n;

	if (!p->in_socket)
		return bb_read_some(p->in_fd, to, len);
	do {
		n = recv(p->in_fd, to, len, MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	return n;
}

static int
keep_rest(struct bb_peer *p)
{
	return bb_peer_put(&p->rest, shared.max, p->kind->secret,
	    bb_buf_data(&shared), bb_buf_len(&shared));
}

/* Into the shared buffer; a rest may be longer than in_max when the peer was
 * paused. */
static int
share_rest(const struct bb_peer *p)
{
	shared.max = 2 * (size_t)READ_MAX + p->kind->in_max;
	return p->rest == NULL ? 0
			       : bb_buf_put(&shared, bb_buf_data(p->rest),
				     bb_buf_len(p->rest));
}

/* Taking wipes what is secret. */
static void
empty_shared(void)
{
	bb_buf_take(&shared, bb_buf_len(&shared));
}

/* Shows the shared buffer to the stage and keeps what it left. */
static void
give_input(struct bb_peer *p)
{
	bool go_on;

	bb_peer_drop(&p->rest);
	reading = true;
	go_on = p->kind->input(p->ctx, p, &shared);
	reading = false;
	if (p->dead || p->finishing || (go_on && bb_buf_len(&shared) == 0))
		return;
	if (!go_on)
		bb_peer_gone(p, "closed by us");
	else if (bb_buf_len(&shared) > p->kind->in_max && !p->paused &&
		 !p->again)
		bb_peer_gone(p, "it sent too much without an end");
	else if (keep_rest(p) == -1)
		bb_peer_gone(p, "no memory");
}

void
bb_peer_offer(struct bb_peer *p)
{
	if (!p->again || p->paused || p->finishing || p->dead)
		return;
	p->again = false;
	if (p->rest == NULL)
		return;
	if (share_rest(p) == 0)
		give_input(p);
	else
		bb_peer_gone(p, "no memory");
	empty_shared();
}

static void
input_ended(struct bb_peer *p)
{
	p->in_ended = true;
	if (p->finishing || p->deaf) {
		bb_peer_gone(p, p->finishing ? NULL : "it left");
		return;
	}
	if (p->rest != NULL)
		bb_log(BB_LOG_INFO, "%s %s ended within a message",
		    p->kind->name, bb_peer_name(p));
	bb_peer_drop(&p->rest);
	if (p->kind->ended != NULL && p->kind->ended(p->ctx, p))
		bb_peer_want(p);
	else
		bb_peer_gone(p, "it closed the connection");
}

/* The rest and new bytes: what read(2) said, or -1 with ENOMEM. */
static ssize_t
gather(const struct bb_peer *p)
{
	uint8_t *to;
	ssize_t n;

	if (share_rest(p) == -1 ||
	    (to = bb_buf_reserve(&shared, READ_MAX)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	n = read_once(p, to, READ_MAX);
	if (n > 0)
		bb_buf_added(&shared, (size_t)n);
	return n;
}

static void
readable(struct bb_peer *p)
{
	ssize_t n = gather(p);
	int err = errno;

	if (n > 0 && !p->finishing)
		give_input(p);
	empty_shared();
	if (n == 0)
		input_ended(p);
	else if (n == -1 && err != EAGAIN && err != EWOULDBLOCK)
		bb_peer_gone(p, p->finishing ? NULL : strerror(err));
}

static void
ready(void *peer, unsigned what)
{
	struct bb_peer *p = peer;

	bb_peer_enter(p);
	if ((what & BB_WRITE) != 0)
		bb_peer_write(p);
	if ((what & BB_READ) != 0 && wants_input(p))
		readable(p);
	bb_peer_leave(p);
}

/* ---- what owners ask for ---- */

static void
timed_out(void *peer)
{
	struct bb_peer *p = peer;

	bb_peer_enter(p);
	bb_peer_gone(p, p->finishing ? NULL : "timed out");
	bb_peer_leave(p);
}

static void
set_timer(struct bb_peer *p, int64_t ms)
{
	if (ms == 0) {
		bb_timer_free(p->timer);
		p->timer = NULL;
		return;
	}
	if (p->timer == NULL)
		p->timer = bb_timer_new(p->loop, timed_out, p);
	if (p->timer == NULL || bb_timer_set(p->timer, ms) == -1)
		close_soon(p, "set a deadline for");
}

void
bb_peer_deadline(struct bb_peer *p, int64_t ms)
{
	if (!p->finishing && !p->dead)
		set_timer(p, ms);
}

void
bb_peer_finish(struct bb_peer *p, int64_t linger_ms)
{
	if (p->finishing || p->dead)
		return;
	p->finishing = true;
	bb_peer_drop(&p->rest);
	set_timer(p, linger_ms > 0 ? linger_ms : 1);
	bb_peer_want(p);
	bb_peer_mark(p);
}

void
bb_peer_pause(struct bb_peer *p, bool paused)
{
	if (p->paused == paused || p->dead)
		return;
	p->paused = paused;
	bb_peer_want(p);
	if (!paused) {
		p->again = true;
		bb_peer_mark(p);
	}
}

/* ---- the beginning ---- */

/* An address can be lost, with the connection, before anybody asks again. */
static void
look(struct bb_peer *p)
{
	struct bb_address out;
	int on = 1;

	bb_address_look(p->in_fd, &p->address);
	p->in_socket = bb_address_is_socket(p->in_fd);
	p->out_socket = bb_address_is_socket(p->out_fd);
	p->one = p->out_socket && bb_fd_same(p->in_fd, p->out_fd);
	if (!p->one) {
		bb_address_look(p->out_fd, &out);
		p->address.local &= out.local;
	}
	if (!p->out_socket || p->address.kind != BB_ADDRESS_NET)
		return;
	(void)setsockopt(p->out_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(p->out_fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static bool
watch(struct bb_peer *p)
{
	p->io_in = bb_io_new(p->loop, p->in_fd, ready, p);
	p->io_out = p->io_in;
	if (p->in_fd != p->out_fd)
		p->io_out = bb_io_new(p->loop, p->out_fd, ready, p);
	return p->io_in != NULL && p->io_out != NULL &&
	       bb_io_want(p->io_in, BB_READ) == 0;
}

struct bb_peer *
bb_peer_new(struct bb_loop *loop, int in, int out,
    const struct bb_peer_kind *kind, void *ctx)
{
	struct bb_peer *p;
	int saved;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		close_both(in, out);
		return NULL;
	}
	p->loop = loop;
	p->in_fd = in;
	p->out_fd = out;
	p->kind = kind;
	p->ctx = ctx;
	shared.secret |= kind->secret;
	look(p);
	if (watch(p))
		return p;
	saved = errno;
	destroy(p);
	errno = saved;
	return NULL;
}

const char *
bb_peer_name(const struct bb_peer *p)
{
	static char name[BB_ADDRESS_TEXT_MAX];

	return bb_address_text(&p->address, name);
}

void
bb_peer_address(const struct bb_peer *p, uint8_t out[16])
{
	memcpy(out, p->address.bytes, 16);
}

bool
bb_peer_local(const struct bb_peer *p)
{
	return p->address.local;
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
