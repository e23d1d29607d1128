/* The control socket: lines in, JSON lines out. */
#include "serve/control.h"

#include <errno.h>
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
#define ASK_MS 30000 /* an asker that says nothing is sent away */

struct bb_control {
	struct bb_loop *loop;
	struct bb_io *io;
	int fd;
	bool (*answer)(void *ctx, const char *command, struct bb_buf *out);
	void *ctx;
};

static void
answer_command(struct bb_control *c, struct bb_peer *peer, const char *command)
{
	static const char unknown[] = "{\"v\":1,\"error\":\"no such command\"}";
	struct bb_buf out = BB_BUF(ANSWER_MAX);

	if (!c->answer(c->ctx, command, &out) || bb_buf_len(&out) == 0) {
		bb_buf_take(&out, bb_buf_len(&out));
		if (bb_buf_puts(&out, unknown) == -1)
			bb_log(BB_LOG_WARN, "no memory for an answer");
	}
	if (bb_buf_puts(&out, "\n") == -1 ||
	    bb_peer_send(peer, bb_buf_data(&out), bb_buf_len(&out)) == -1)
		bb_log(BB_LOG_WARN, "unable to answer \"%s\": %s", command,
		    strerror(errno));
	bb_buf_clear(&out);
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
		if (len > COMMAND_MAX)
			return false;
		memcpy(command, bb_buf_data(in), len);
		command[len] = '\0';
		bb_buf_take(in, len + 1);
		answer_command(ctx, peer, command);
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

static void
control_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	(void)ctx;
	(void)peer;
	(void)why;
}

static const struct bb_peer_kind control_kind = {
	.name = "control",
	.in_max = COMMAND_MAX + 1,
	.out_max = ANSWER_MAX,
	.input = control_input,
	.ended = control_ended,
	.closed = control_closed,
};

static void
control_accept(void *control, unsigned what)
{
	struct bb_control *c = control;
	struct bb_peer *peer;
	int fd;

	(void)what;
	if ((fd = accept(c->fd, NULL, NULL)) == -1)
		return;
	peer = bb_peer_new(c->loop, fd, fd, &control_kind, c);
	if (peer == NULL)
		bb_log(BB_LOG_WARN, "unable to take a control connection: %s",
		    strerror(errno));
	else
		bb_peer_deadline(peer, ASK_MS);
}

struct bb_control *
bb_control_new(struct bb_loop *loop, const char *text,
    bool (*answer)(void *ctx, const char *command, struct bb_buf *out),
    void *ctx, char why[256])
{
	struct bb_control *c;
	const char *clause = "it is no unix:PATH";
	struct bb_addr addr;
	size_t count = 0;

	if (!bb_addr_scan(text, 0, &addr, &clause) ||
	    addr.kind != BB_ADDR_UNIX) {
		snprintf(why, 256, "%.100s: %s", text, clause);
		return NULL;
	}
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		snprintf(why, 256, "no memory");
		return NULL;
	}
	c->loop = loop;
	c->answer = answer;
	c->ctx = ctx;
	if (bb_listen(&addr, &c->fd, 1, &count, why) == -1) {
		free(c);
		return NULL;
	}
	c->io = bb_io_new(loop, c->fd, control_accept, c);
	if (c->io != NULL && bb_io_want(c->io, BB_READ) == 0)
		return c;
	snprintf(why, 256, "%s", strerror(errno));
	bb_control_free(c);
	return NULL;
}

void
bb_control_free(struct bb_control *c)
{
	if (c == NULL)
		return;
	bb_io_free(c->io);
	bb_listen_unlink(c->fd);
	close(c->fd);
	free(c);
}
