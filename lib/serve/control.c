/* The control socket: lines in, JSON lines out. */
#include "serve/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/log.h"
#include "serve/listen.h"
#include "serve/peer.h"
#include "wire/addr.h"

#define COMMAND_MAX 256
#define ANSWER_MAX (4 << 20)
#define QUEUE_MAX (2 * ANSWER_MAX) /* answers that an asker has not read */
#define ASK_MS 30000
#define ASKERS_MAX 16
#define AGAIN_MS 100 /* accepting, when there was no descriptor */

struct bb_control {
	struct bb_loop *loop;
	struct bb_io *io;
	struct bb_timer *again;
	int fd;
	bool (*answer)(void *ctx, const char *command, struct bb_buf *out);
	void *ctx;
	struct bb_peer *askers[ASKERS_MAX]; /* NULL: free */
};

static void
watch(struct bb_control *c, bool on)
{
	if (bb_io_want(c->io, on ? BB_READ : 0) == -1)
		bb_log(BB_LOG_ERROR, "control: unable to listen: %s",
		    strerror(errno));
}

static bool
answer_command(struct bb_control *c, struct bb_peer *peer, const char *command)
{
	static const char unknown[] = "{\"v\":1,\"error\":\"no such command\"}";
	struct bb_buf out = BB_BUF(ANSWER_MAX);
	bool sent;

	if (!c->answer(c->ctx, command, &out) || bb_buf_len(&out) == 0) {
		bb_buf_clear(&out);
		if (bb_buf_puts(&out, unknown) == -1)
			return false;
	}
	sent = bb_buf_puts(&out, "\n") == 0 &&
	       bb_peer_send(peer, bb_buf_data(&out), bb_buf_len(&out)) == 0;
	bb_buf_clear(&out);
	return sent;
}

static bool
control_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	char command[COMMAND_MAX + 1];
	const uint8_t *end;
	size_t len;

	bb_peer_deadline(peer, ASK_MS);
	while (bb_buf_len(in) > 0 &&
	       (end = memchr(bb_buf_data(in), '\n', bb_buf_len(in))) != NULL) {
		len = (size_t)(end - bb_buf_data(in));
		if (len > COMMAND_MAX || memchr(bb_buf_data(in), 0, len)) {
			bb_log(BB_LOG_INFO, "control: no command was sent");
			return false;
		}
		memcpy(command, bb_buf_data(in), len);
		command[len] = '\0';
		bb_buf_take(in, len + 1);
		if (answer_command(ctx, peer, command))
			continue;
		bb_log(BB_LOG_WARN, "control: unable to answer: %s",
		    strerror(errno));
		return false;
	}
	return true;
}

static bool
control_ended(void *ctx, struct bb_peer *peer)
{
	(void)ctx;
	bb_peer_finish(peer, ASK_MS);
	return true;
}

/* Accepting stops while there are as many askers as there may be. */
static void
/* cppcheck-suppress constParameter ; the type of a callback */
control_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct bb_control *c = ctx;
	size_t i;

	(void)why;
	for (i = 0; i < ASKERS_MAX; i++)
		if (c->askers[i] == peer)
			c->askers[i] = NULL;
	watch(c, true);
}

static const struct bb_peer_kind control_kind = {
	.name = "control",
	.in_max = COMMAND_MAX + 1,
	.out_max = QUEUE_MAX,
	.input = control_input,
	.ended = control_ended,
	.closed = control_closed,
};

static struct bb_peer **
free_place(struct bb_control *c)
{
	size_t i;

	for (i = 0; i < ASKERS_MAX; i++)
		if (c->askers[i] == NULL)
			return &c->askers[i];
	return NULL;
}

/* Without descriptors, trying at once again would spin. */
static void
rest(struct bb_control *c)
{
	bb_log(BB_LOG_INFO, "control: unable to accept: %s", strerror(errno));
	if (bb_timer_set(c->again, AGAIN_MS) == 0)
		watch(c, false);
}

static void
control_again(void *control)
{
	watch(control, true);
}

static void
control_accept(void *control, unsigned what)
{
	struct bb_control *c = control;
	struct bb_peer **place = free_place(c);
	int fd;

	(void)what;
	if (place == NULL) {
		watch(c, false);
		return;
	}
	if ((fd = accept(c->fd, NULL, NULL)) == -1) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR &&
		    errno != ECONNABORTED)
			rest(c);
		return;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	*place = bb_peer_new(c->loop, fd, fd, &control_kind, c);
	if (*place == NULL)
		bb_log(BB_LOG_WARN, "control: unable to take an asker: %s",
		    strerror(errno));
	else
		bb_peer_deadline(*place, ASK_MS);
}

static int
open_control(struct bb_control *c, const struct bb_addr *addr,
    char why[BB_CONTROL_WHY_MAX])
{
	size_t count = 0;

	if (bb_listen(addr, &c->fd, 1, &count, why) == -1)
		return -1;
	c->io = bb_io_new(c->loop, c->fd, control_accept, c);
	c->again = bb_timer_new(c->loop, control_again, c);
	if (c->io != NULL && c->again != NULL &&
	    bb_io_want(c->io, BB_READ) == 0)
		return 0;
	(void)snprintf(why, BB_CONTROL_WHY_MAX, "%s", strerror(errno));
	return -1;
}

struct bb_control *
bb_control_new(struct bb_loop *loop, const char *addr,
    bool (*answer)(void *ctx, const char *command, struct bb_buf *out),
    void *ctx, char why[BB_CONTROL_WHY_MAX])
{
	const char *clause = "";
	struct bb_control *c;
	struct bb_addr at;
	int err;

	if (!bb_addr_scan(addr, 0, &at, &clause) || at.kind != BB_ADDR_UNIX) {
		(void)snprintf(why, BB_CONTROL_WHY_MAX, "%.100s: %s", addr,
		    clause[0] != '\0' ? clause : "it is no unix:PATH");
		errno = EINVAL;
		return NULL;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		(void)snprintf(why, BB_CONTROL_WHY_MAX, "no memory");
		return NULL;
	}
	c->loop = loop;
	c->fd = -1;
	c->answer = answer;
	c->ctx = ctx;
	if (open_control(c, &at, why) == 0)
		return c;
	err = errno;
	bb_control_free(c);
	errno = err;
	return NULL;
}

void
bb_control_free(struct bb_control *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < ASKERS_MAX; i++)
		bb_peer_free(c->askers[i]);
	bb_io_free(c->io);
	bb_timer_free(c->again);
	if (c->fd != -1) {
		bb_listen_unlink(c->fd);
		(void)close(c->fd);
	}
	free(c);
}
