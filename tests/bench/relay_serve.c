/* References in one process each: an echo, the least that a relay can be, and
 * a dispatcher that only echoes. */
#include "relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "bench.h"
#include "wire/frame.h"

#include "base/cc.h"

#define EVENTS 256
#define DESCRIPTORS 65536

static int epoll, listening;
static int other[DESCRIPTORS]; /* floor: the other end of a connection */

static void
watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .fd = fd } };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		bench_fail("epoll_ctl: %s", strerror(errno));
}

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static void
no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
listen_tcp(void)
{
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof(at);

	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listening == -1 ||
	    bind(listening, (const struct sockaddr *)&at, len) == -1 ||
	    listen(listening, 4096) == -1 ||
	    getsockname(listening, (struct sockaddr *)&at, &len) == -1)
		bench_fail("listen: %s", strerror(errno));
	printf("listening 127.0.0.1:%d\n", ntohs(at.sin_port));
	(void)fflush(stdout);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(listening);
}

static int
dial(int port)
{
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1)
		bench_fail("connect: %s", strerror(errno));
	no_delay(fd);
	return fd;
}

static void
forget(int fd)
{
	int peer = other[fd];

	(void)close(fd);
	if (peer != fd)
		(void)close(peer);
}

/* Blocking writes of so little never wait. */
static void
pass(int fd)
{
	uint8_t bytes[16384];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0 || send(other[fd], bytes, (size_t)n, MSG_NOSIGNAL) != n)
		forget(fd);
}

static void
take_connection(int to_port)
{
	int fd = accept(listening, NULL, NULL);

	if (fd == -1)
		return;
	if (fd >= DESCRIPTORS)
		bench_fail("too many connections");
	no_delay(fd);
	other[fd] = fd;
	watch(fd);
	if (to_port == 0)
		return;
	other[fd] = dial(to_port);
	other[other[fd]] = fd;
	watch(other[fd]);
}

static void
serve(int to_port)
{
	struct epoll_event events[EVENTS];
	int i, n;

	listen_tcp();
	for (;;) {
		n = epoll_wait(epoll, events, EVENTS, -1);
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listening)
				take_connection(to_port);
			else
				pass(events[i].data.fd);
		}
	}
}

void
serve_echo(void)
{
	serve(0);
}

void
serve_floor(int port)
{
	serve(port);
}

/* --- the dispatcher --------------------------------------------------------
 */

static struct bb_buf in, out;

static void
put(const void *bytes, size_t len)
{
	if (bb_buf_put(&out, bytes, len) == -1)
		bench_fail("no memory");
}

static void
send_back(uint8_t *bytes, size_t len)
{
	struct bb_frame frame;
	uint8_t link[BB_TRUNK_LEN];

	if (bb_frame_read_trunk(bytes, len, &frame) != BB_FRAME_SOUND)
		bench_fail("a frame is not sound");
	if (frame.type == BB_FRAME_HELLO) {
		put(link, bb_frame_write_hello(BB_FRAME_DOWN, 0, link));
		return;
	}
	if (frame.type != BB_FRAME_DATA)
		return;
	if (frame.seq == 1)
		put(link, bb_frame_write_link(BB_FRAME_LINK_OK, frame.link,
			      frame.pin, 0, link));
	bytes[14] = BB_FRAME_DOWN;
	put(bytes, len);
}

void
serve_trunk(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t len;
	uint8_t *to;
	ssize_t n;
	int fd;

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(fd, 1) == -1)
		bench_fail("listen: %s", strerror(errno));
	printf("listening unix:0\n");
	(void)fflush(stdout);
	if ((fd = accept(fd, NULL, NULL)) == -1)
		bench_fail("accept: %s", strerror(errno));
	in = out = BB_BUF(64 << 20);
	while ((to = bb_buf_reserve(&in, 1 << 18)) != NULL &&
	       (n = bb_read_some(fd, to, 1 << 18)) > 0) {
		bb_buf_added(&in, (size_t)n);
		while (bb_frame_split(bb_buf_data(&in), bb_buf_len(&in),
			   &len) == BB_PARSE_OK) {
			send_back(in.mem + in.start, len);
			bb_buf_take(&in, len);
		}
		if (bb_write_all(fd, bb_buf_data(&out), bb_buf_len(&out)) == -1)
			break;
		bb_buf_take(&out, bb_buf_len(&out));
	}
	exit(0);
}
