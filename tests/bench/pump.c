/* Messages there and back over many connections. */
#include "pump.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "relay.h"
#include "wire/frame.h"

#include "base/cc.h"

#define EVENTS 256
#define WAIT_MS 10000

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
}

/* -1: nobody is there. */
static int
dial(int port)
{
	struct sockaddr_in to = loopback(port);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		bench_fail("socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1) {
		(void)close(fd);
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int
pump_free_port(void)
{
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (const struct sockaddr *)&at, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) == -1)
		bench_fail("bind: %s", strerror(errno));
	(void)close(fd);
	return ntohs(at.sin_port);
}

void
pump_await(int port)
{
	int64_t end = bench_now() + INT64_C(10000000000);
	int fd;

	while ((fd = dial(port)) == -1)
		if (bench_now() > end)
			bench_fail("nobody listens at port %d", port);
	(void)close(fd);
}

void
pump_open(struct pump *pump, int port, size_t len)
{
	struct epoll_event event = { .events = EPOLLIN };
	size_t i;

	pump->len = len;
	pump->conns = calloc(len, sizeof(*pump->conns));
	pump->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (pump->conns == NULL || pump->epoll == -1)
		bench_fail("no memory");
	for (i = 0; i < len; i++) {
		event.data.ptr = &pump->conns[i];
		pump->conns[i].fd = dial(port);
		if (pump->conns[i].fd == -1 ||
		    epoll_ctl(pump->epoll, EPOLL_CTL_ADD, pump->conns[i].fd,
			&event) == -1)
			bench_fail("connect: %s", strerror(errno));
	}
}

void
relay_frame(uint32_t device, uint32_t seq, uint8_t out[RELAY_MESSAGE])
{
	struct bb_frame frame = { .version = BB_FRAME_VERSION,
		.type = BB_FRAME_DATA,
		.dir = BB_FRAME_UP,
		.pin = 0x21000000u + device,
		.att = 1,
		.seq = seq };
	size_t head = BB_FRAME_OVERHEAD - BB_TAG_LEN;

	memset(out + head, 0x5a, RELAY_MESSAGE - head);
	(void)bb_frame_write_head(&frame, RELAY_MESSAGE - head, out);
}

static void
send_next(const struct pump *pump, struct pump_conn *conn)
{
	uint8_t frame[RELAY_MESSAGE];

	relay_frame((uint32_t)(conn - pump->conns), ++conn->seq, frame);
	if (send(conn->fd, frame, sizeof(frame), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(frame))
		bench_fail("send: %s", strerror(errno));
}

/* True: a message is whole. */
static bool
take(struct pump_conn *conn)
{
	uint8_t bytes[RELAY_MESSAGE];
	ssize_t n =
	    recv(conn->fd, bytes, sizeof(bytes) - conn->got, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0)
		bench_fail("a relay has closed: %s",
		    n == 0 ? "end" : strerror(errno));
	conn->got += (size_t)n;
	if (conn->got < RELAY_MESSAGE)
		return false;
	conn->got = 0;
	return true;
}

uint64_t
pump_run(struct pump *pump, int64_t ms)
{
	int64_t end = bench_now() + ms * 1000000;
	struct epoll_event events[EVENTS];
	size_t i, under_way = pump->len;
	uint64_t echoes = 0;
	int n;

	for (i = 0; i < pump->len; i++)
		send_next(pump, &pump->conns[i]);
	while (under_way > 0) {
		n = epoll_wait(pump->epoll, events, EVENTS, WAIT_MS);
		if (n == 0)
			bench_fail("a relay has lost a message");
		for (; n > 0; n--) {
			if (!take(events[n - 1].data.ptr))
				continue;
			echoes++;
			if (bench_now() < end)
				send_next(pump, events[n - 1].data.ptr);
			else
				under_way--;
		}
	}
	return echoes;
}

int64_t
pump_once(struct pump *pump)
{
	struct epoll_event event;
	int64_t start = bench_now();

	send_next(pump, &pump->conns[0]);
	do {
		if (epoll_wait(pump->epoll, &event, 1, WAIT_MS) == 0)
			bench_fail("a relay has lost a message");
	} while (!take(&pump->conns[0]));
	return bench_now() - start;
}

void
pump_close(struct pump *pump)
{
	size_t i;

	for (i = 0; i < pump->len; i++)
		(void)close(pump->conns[i].fd);
	(void)close(pump->epoll);
	free(pump->conns);
}
