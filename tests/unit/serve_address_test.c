/* What is at the other end of a descriptor, and whether plain text may pass. */
#include "serve/address.h"

#include "serve_rig.h"

static const uint8_t nowhere[16];

static void
check(int fd, const char *what, const char *text, bool local)
{
	char got[BB_ADDRESS_TEXT_MAX];
	struct bb_address a;

	bb_address_look(fd, &a);
	(void)bb_address_text(&a, got);
	tap_ok(strncmp(got, text, strlen(text)) == 0, "%s is %s (%s)", what,
	    text, got);
	tap_ok(a.local == local, "which is %slocal", local ? "" : "not ");
}

static void
test_kinds(void)
{
	struct bb_address a;
	int fds[2], fd;

	rig_unix_pair(fds);
	check(fds[0], "a socket pair", "unix", true);
	tap_ok(bb_address_is_socket(fds[0]), "and a socket");
	(void)close(fds[1]);
	check(fds[0], "the rest of one", "unix", true);
	(void)close(fds[0]);
	RIG_MUST(pipe(fds) == 0);
	check(fds[0], "a pipe", "pipe", true);
	tap_ok(!bb_address_is_socket(fds[0]), "and no socket");
	bb_address_look(fds[0], &a);
	TAP_EQ_MEM(a.bytes, 16, nowhere, 16, "it has no address");
	(void)close(fds[0]);
	(void)close(fds[1]);
	check(fds[0], "what is closed", "unknown", false);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(fd, "a socket without connection", "unknown", false);
	(void)close(fd);
}

static void
test_tcp(void)
{
	static const uint8_t
	    want[16] = { [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 };
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	char text[BB_ADDRESS_TEXT_MAX];
	struct bb_address a;
	int fds[2];

	rig_tcp_pair(fds);
	RIG_MUST(getsockname(fds[1], (struct sockaddr *)&at, &len) == 0);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%d", ntohs(at.sin_port));
	check(fds[0], "a TCP connection", text, true);
	bb_address_look(fds[0], &a);
	TAP_EQ_MEM(a.bytes, 16, want, 16, "the address is mapped into IPv6");
	(void)shutdown(fds[1], SHUT_WR);
	check(fds[0], "a half-closed one", text, true);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* A socket of IPv6 that takes IPv4 too, or of IPv6 alone. */
static int
listen6(struct sockaddr_in6 *at)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0), no = 0;
	socklen_t len = sizeof(*at);

	memset(at, 0, sizeof(*at));
	at->sin6_family = AF_INET6;
	at->sin6_addr = in6addr_any;
	if (fd != -1 &&
	    (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) == -1 ||
		bind(fd, (struct sockaddr *)at, sizeof(*at)) == -1 ||
		listen(fd, 5) == -1 ||
		getsockname(fd, (struct sockaddr *)at, &len) == -1)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static void
test_in6(void)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6;
	int server = listen6(&in6), there, here;

	if (server == -1) {
		tap_skip("there is no IPv6 here");
		return;
	}
	in4.sin_port = in6.sin6_port;
	in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	there = rig_connect(&in4);
	here = accept(server, NULL, NULL);
	check(here, "an IPv4 address mapped into IPv6", "127.0.0.1:", true);
	(void)close(there);
	(void)close(here);
	there = socket(AF_INET6, SOCK_STREAM, 0);
	in6.sin6_addr = in6addr_loopback;
	if (connect(there, (struct sockaddr *)&in6, sizeof(in6)) == 0) {
		here = accept(server, NULL, NULL);
		check(here, "::1", "[::1]:", true);
		(void)close(here);
	} else {
		tap_skip("there is no ::1 here");
	}
	(void)close(there);
	(void)close(server);
}

static void
storage(struct sockaddr_storage *ss, const char *host)
{
	struct sockaddr_in6 *in6 = (void *)ss;
	struct sockaddr_in *in4 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(4000);
		return;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(4000);
	RIG_MUST(inet_pton(AF_INET6, host, &in6->sin6_addr) == 1);
}

/* Both ends are loopback in truth: what was told stands for the far one. */
static void
test_told(void)
{
	static const struct {
		const char *host, *text;
		bool local;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.7:4000", false },
		{ "::ffff:192.0.2.7", "192.0.2.7:4000", false },
		{ "2001:db8::7", "[2001:db8::7]:4000", false },
		{ "128.0.0.1", "128.0.0.1:4000", false },
		{ "::2", "[::2]:4000", false },
		{ "127.3.2.1", "127.3.2.1:4000", true },
		{ "::ffff:127.0.0.1", "127.0.0.1:4000", true },
	};
	struct sockaddr_storage ss;
	int fds[2];
	size_t i;

	rig_tcp_pair(fds);
	for (i = 0; i < BB_LEN(cases); i++) {
		storage(&ss, cases[i].host);
		bb_address_told(fds[0], &ss);
		check(fds[0], cases[i].host, cases[i].text, cases[i].local);
	}
	check(fds[1], "another descriptor", "127.0.0.1:", true);
	bb_address_told(-1, NULL);
	check(fds[0], "the same when it is forgotten", "127.0.0.1:", true);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* The connection is gone before anybody looked at it. */
static void
test_reset(void)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in at;
	socklen_t len = sizeof(ss);
	int server = rig_listen(&at), there = rig_connect(&at), here;
	char byte;

	here = accept(server, (struct sockaddr *)&ss, &len);
	rig_reset(there);
	RIG_MUST(recv(here, &byte, 1, 0) == -1 && errno == ECONNRESET);
	check(here, "a connection that was reset", "unknown", false);
	bb_address_told(here, &ss);
	check(here, "the same as accept knew it", "127.0.0.1:", true);
	bb_address_told(-1, NULL);
	(void)close(here);
	(void)close(server);
}

int
main(void)
{
	test_kinds();
	test_tcp();
	test_in6();
	test_told();
	test_reset();
	return tap_done();
}
