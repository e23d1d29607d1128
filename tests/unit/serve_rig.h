/* What tests of sockets share: a loop that ends by itself when something does
 * not happen, pairs of connected descriptors, and the far end of a peer. */
#ifndef BB_SERVE_RIG_H
#define BB_SERVE_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/cc.h"
#include "serve/loop.h"
#include "serve/peer.h"
#include "tap.h"

#define RIG_MS 20000 /* what has not happened by then does not happen */

/* A step of a rig that fails makes no sense of any test. */
#define RIG_MUST(holds) rig_must((holds), #holds, __FILE__, __LINE__)

static inline void
rig_must(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	printf("Bail out! %s:%d: %s: %s\n", file, line, what, strerror(errno));
	(void)fflush(stdout);
	abort();
}

struct rig {
	struct bb_loop *loop;
	struct bb_timer *guard;
	bool (*done)(void *ctx);
	void *ctx;
	bool late;
};

static inline void
rig_turn_end(void *ctx)
{
	struct rig *rig = ctx;

	bb_peers_flush();
	if (rig->done != NULL && rig->done(rig->ctx))
		bb_loop_stop(rig->loop);
}

static inline void
rig_late(void *ctx)
{
	struct rig *rig = ctx;

	rig->late = true;
	bb_loop_stop(rig->loop);
}

static inline void
rig_open(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->loop = bb_loop_new(BB_LOOP_SOCKETS);
	RIG_MUST(rig->loop != NULL);
	rig->guard = bb_timer_new(rig->loop, rig_late, rig);
	RIG_MUST(rig->guard != NULL);
	bb_loop_at_turn_end(rig->loop, rig_turn_end, rig);
}

static inline void
rig_close(struct rig *rig)
{
	bb_timer_free(rig->guard);
	bb_loop_free(rig->loop);
}

/* Runs the loop until done(ctx), looked at after each turn.  False: it did not
 * come about in time. */
static inline bool
rig_until(struct rig *rig, bool (*done)(void *ctx), void *ctx)
{
	rig->done = done;
	rig->ctx = ctx;
	rig->late = false;
	RIG_MUST(bb_timer_set(rig->guard, RIG_MS) == 0);
	bb_peers_flush();
	if (!done(ctx))
		RIG_MUST(bb_loop_run(rig->loop) == 0);
	bb_timer_cancel(rig->guard);
	rig->done = NULL;
	return !rig->late;
}

/* ---- connected pairs: [0] for the peer, [1] for the test ---- */

static inline void
rig_unix_pair(int fds[2])
{
	RIG_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
}

/* A listening socket of the loopback address; *at says where. */
static inline int
rig_listen(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(at, 0, sizeof(*at));
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	RIG_MUST(fd != -1);
	RIG_MUST(bind(fd, (const struct sockaddr *)at, sizeof(*at)) == 0);
	RIG_MUST(listen(fd, 128) == 0);
	RIG_MUST(getsockname(fd, (struct sockaddr *)at, &len) == 0);
	return fd;
}

static inline int
rig_connect(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	RIG_MUST(fd != -1);
	RIG_MUST(connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0);
	return fd;
}

static inline void
rig_tcp_pair(int fds[2])
{
	struct sockaddr_in at;
	int server = rig_listen(&at);

	fds[1] = rig_connect(&at);
	fds[0] = accept(server, NULL, NULL);
	RIG_MUST(fds[0] != -1);
	(void)close(server);
}

/* Its end is a reset. */
static inline void
rig_reset(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };

	RIG_MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
		     sizeof(at_once)) == 0);
	RIG_MUST(close(fd) == 0);
}

/* ---- the far end, read on the same loop ---- */

struct far {
	int fd;
	struct bb_io *io;
	size_t chunk;   /* bytes of one read */
	uint64_t got;   /* bytes so far */
	char text[256]; /* the first of them, zero-terminated */
	bool wrong;     /* a byte was not that of rig_byte */
	bool ended;
	int err;
};

/* What a long stream has at a place; no period that a buffer has. */
static inline uint8_t
rig_byte(uint64_t at)
{
	return (uint8_t)((at * 2654435761u) >> 13);
}

static inline void
far_look(struct far *far, const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++, far->got++) {
		if (bytes[i] != rig_byte(far->got))
			far->wrong = true;
		if (far->got < sizeof(far->text) - 1)
			far->text[far->got] = (char)bytes[i];
	}
}

static inline void
far_read(void *ctx, unsigned what)
{
	static uint8_t bytes[65536];
	struct far *far = ctx;
	ssize_t n = read(far->fd, bytes, far->chunk);

	(void)what;
	if (n > 0) {
		far_look(far, bytes, (size_t)n);
		return;
	}
	far->ended = true;
	far->err = n == -1 ? errno : 0;
	RIG_MUST(bb_io_want(far->io, 0) == 0);
}

static inline void
far_open(struct far *far, struct rig *rig, int fd, size_t chunk)
{
	memset(far, 0, sizeof(*far));
	far->fd = fd;
	far->chunk = chunk;
	far->io = bb_io_new(rig->loop, fd, far_read, far);
	RIG_MUST(far->io != NULL);
	RIG_MUST(bb_io_want(far->io, BB_READ) == 0);
}

static inline void
far_close(struct far *far)
{
	bb_io_free(far->io);
	far->io = NULL;
	if (far->fd != -1)
		(void)close(far->fd);
	far->fd = -1;
}

static inline bool
far_ended(void *ctx)
{
	const struct far *far = ctx;

	return far->ended;
}

/* A folder for unix sockets, whose paths must be short. */
static inline void
rig_folder(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL || strlen(tmp) > 40)
		tmp = "/tmp";
	(void)snprintf(path, size, "%s/bb.XXXXXX", tmp);
	RIG_MUST(mkdtemp(path) != NULL);
}

static inline void
rig_write(int fd, const char *text)
{
	RIG_MUST(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

#endif
