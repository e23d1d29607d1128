/* Owns link.sock: requests from other processes, one JSON object per line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "line/message.h"
#include "live.h"
#include "serve/listen.h"
#include "serve/local.h"

#include "base/cc.h"

static struct client *
client_of(void *ctx)
{
	return ctx;
}

/* Freed at the end of the turn: somebody may be walking the list. */
static void
client_gone(struct client *c)
{
	c->peer = NULL;
	serve_forget(c);
	if (!c->l->ending)
		serve_hear(c->l);
}

static bool
take_line(struct client *c, const void *line, size_t len)
{
	char why[BB_MESSAGE_WHY_MAX];
	json_t *request = bb_json_parse(line, len, why);

	if (request == NULL) {
		bb_log(BB_LOG_ERROR, "a request dropped: %s", why);
		return false;
	}
	serve_request(c, request);
	json_decref(request);
	return true;
}

static bool
/* cppcheck-suppress constParameter ; the type of a callback */
client_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct client *c = client_of(ctx);
	const uint8_t *line, *end;

	while (c->peer == peer && bb_buf_len(in) > 0) {
		line = bb_buf_data(in);
		end = memchr(line, '\n', bb_buf_len(in));
		if (end == NULL)
			return true;
		if (!take_line(c, line, (size_t)(end - line))) {
			client_gone(c);
			return false;
		}
		bb_buf_take(in, (size_t)(end - line) + 1);
	}
	return true;
}

static void
client_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	(void)peer;
	(void)why;
	client_gone(client_of(ctx));
}

static const struct bb_peer_kind kind = {
	.name = "asker",
	.in_max = LIVE_LINE_MAX,
	.out_max = 4u << 20,
	.secret = true,
	.input = client_input,
	.closed = client_closed,
};

void
socket_say(struct client *c, const json_t *object)
{
	size_t len;
	char *line = bb_json_text(object, &len);
	struct bb_peer *peer = c->peer;

	if (line != NULL && bb_peer_send(peer, line, len) == 0 &&
	    bb_peer_send(peer, "\n", 1) == 0) {
		bb_json_text_free(line, len);
		return;
	}
	bb_log(BB_LOG_WARN, "an asker was too slow");
	if (line != NULL)
		bb_json_text_free(line, len);
	client_gone(c);
	bb_peer_free(peer);
}

static void
accept_one(void *live, unsigned what)
{
	struct live *l = live;
	struct client *c;
	int fd = bb_local_accept(l->socket);

	(void)what;
	if (fd == -1)
		return;
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		(void)close(fd);
		return;
	}
	c->l = l;
	c->peer = bb_peer_new(l->loop, fd, fd, &kind, c);
	if (c->peer == NULL) {
		free(c);
		return;
	}
	c->next = l->clients;
	l->clients = c;
}

int
socket_open(struct live *l)
{
	struct bb_addr addr = { .kind = BB_ADDR_UNIX, .path = LIVE_SOCKET };
	char why[BB_LISTEN_WHY_MAX];
	size_t count = 0;

	/* One that was killed left it there: nobody else can hold this. */
	if (unlinkat(l->p.folder, LIVE_SOCKET, 0) == -1 && errno != ENOENT)
		return -1;
	if (bb_listen(&addr, &l->socket, 1, &count, why) == -1) {
		bb_log(BB_LOG_ERROR, "unable to serve other processes: %s",
		    why);
		l->socket = -1;
		return -1;
	}
	l->accepts = bb_io_new(l->loop, l->socket, accept_one, l);
	return l->accepts == NULL ? -1 : bb_io_want(l->accepts, BB_READ);
}

void
socket_close(struct live *l)
{
	if (l->socket == -1)
		return;
	(void)unlinkat(l->p.folder, LIVE_SOCKET, 0);
	bb_io_free(l->accepts);
	(void)close(l->socket);
	l->accepts = NULL;
	l->socket = -1;
}
