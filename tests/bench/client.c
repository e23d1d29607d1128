/* Connections of devices: read, taken, written once a turn. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "wire/frame.h"

#include "base/cc.h"

#define OUT_MAX (1u << 20)
#define EVENTS 256

void
client_init(struct client *client, int port, struct device *devices, size_t len)
{
	size_t i;

	*client = (struct client){ .port = port, .len = len };
	client->conns = calloc(len, sizeof(*client->conns));
	client->dirty = calloc(len, sizeof(struct conn *));
	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (client->conns == NULL || client->dirty == NULL ||
	    client->epoll == -1)
		bench_fail("no memory");
	for (i = 0; i < len; i++)
		client->conns[i] = (struct conn){ .device = &devices[i],
			.in = BB_BUF(2 * BB_FRAME_MAX),
			.out = BB_BUF(OUT_MAX),
			.fd = -1 };
}

void
client_free(struct client *client)
{
	size_t i;

	for (i = 0; i < client->len; i++)
		if (client->conns[i].fd != -1)
			client_hang_up(&client->conns[i]);
	(void)close(client->epoll);
	free(client->conns);
	free(client->dirty);
}

static void
watch(const struct client *client, struct conn *conn, int op)
{
	struct epoll_event event = { .events = EPOLLIN,
		.data = { .ptr = conn } };

	if (conn->blocked)
		event.events |= EPOLLOUT;
	if (epoll_ctl(client->epoll, op, conn->fd, &event) == -1)
		bench_fail("epoll_ctl: %s", strerror(errno));
}

void
client_connect(struct client *client, struct conn *conn)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)client->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int on = 1;

	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd == -1 ||
	    connect(conn->fd, (const struct sockaddr *)&to, sizeof(to)) == -1)
		bench_fail("connect: %s", strerror(errno));
	(void)setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(client, conn, EPOLL_CTL_ADD);
}

void
client_hang_up(struct conn *conn)
{
	(void)close(conn->fd);
	conn->fd = -1;
	conn->blocked = false;
	bb_buf_clear(&conn->in);
	bb_buf_clear(&conn->out);
}

struct bb_buf *
client_out(struct client *client, struct conn *conn)
{
	if (!conn->dirty)
		client->dirty[client->dirty_len++] = conn;
	conn->dirty = true;
	return &conn->out;
}

/* --- reading ---------------------------------------------------------------
 */

static size_t
take_all(struct client *client, struct conn *conn, const uint8_t *bytes,
    size_t len)
{
	struct device *d = conn->device;
	size_t used = 0, n;

	/* Only an answer is answered at once. */
	while (used < len) {
		bool asks = d->state == DEVICE_WAITING;

		n = device_take(d, bytes + used, len - used,
		    asks ? client_out(client, conn) : NULL);
		if (n == 0)
			break;
		used += n;
	}
	return used;
}

static void
input(struct client *client, struct conn *conn)
{
	static uint8_t bytes[2 * BB_FRAME_MAX];
	size_t used;
	ssize_t n;

	n = recv(conn->fd, bytes, sizeof(bytes) - bb_buf_len(&conn->in),
	    MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		bench_fail("device %08x lost its link: %s",
		    (unsigned)device_pin(conn->device),
		    n == 0 ? "closed" : strerror(errno));
	if (bb_buf_len(&conn->in) == 0) {
		used = take_all(client, conn, bytes, (size_t)n);
		if (bb_buf_put(&conn->in, bytes + used, (size_t)n - used) == -1)
			bench_fail("no memory");
	} else {
		if (bb_buf_put(&conn->in, bytes, (size_t)n) == -1)
			bench_fail("no memory");
		used = take_all(client, conn, bb_buf_data(&conn->in),
		    bb_buf_len(&conn->in));
		bb_buf_take(&conn->in, used);
	}
	if (used > 0 && client->heard != NULL)
		client->heard(client->ctx, conn);
}

/* --- writing ---------------------------------------------------------------
 */

static void
output(struct client *client, struct conn *conn)
{
	bool blocked = conn->blocked;
	ssize_t n;

	n = send(conn->fd, bb_buf_data(&conn->out), bb_buf_len(&conn->out),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		bench_fail("device %08x lost its link: %s",
		    (unsigned)device_pin(conn->device), strerror(errno));
	if (n > 0)
		bb_buf_take(&conn->out, (size_t)n);
	conn->blocked = bb_buf_len(&conn->out) > 0;
	if (conn->blocked != blocked)
		watch(client, conn, EPOLL_CTL_MOD);
}

void
client_flush(struct client *client)
{
	size_t i;

	for (i = 0; i < client->dirty_len; i++) {
		client->dirty[i]->dirty = false;
		if (client->dirty[i]->fd != -1 && !client->dirty[i]->blocked &&
		    bb_buf_len(&client->dirty[i]->out) > 0)
			output(client, client->dirty[i]);
	}
	client->dirty_len = 0;
}

bool
client_turn(struct client *client, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	struct conn *conn;
	int i, n;

	client_flush(client);
	n = epoll_wait(client->epoll, events, EVENTS, timeout_ms);
	if (n == -1 && errno != EINTR)
		bench_fail("epoll_wait: %s", strerror(errno));
	for (i = 0; i < n; i++) {
		conn = events[i].data.ptr;
		if (conn->fd == -1)
			continue;
		if ((events[i].events & EPOLLOUT) != 0)
			output(client, conn);
		if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
			input(client, conn);
	}
	client_flush(client);
	return n > 0;
}
