/* Addresses of descriptors. */
#include "serve/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cc.h"

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
	0xff };

struct ends {
	bool net; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
	uint16_t port;
};

bool
bb_address_is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* One end of a connection, IPv4 mapped. */
static void
read_end(const struct sockaddr_storage *ss, struct ends *e)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;
	const struct sockaddr_in *in4 = (const void *)ss;

	memset(e, 0, sizeof(*e));
	if (ss->ss_family == AF_INET) {
		memcpy(e->bytes, v4_prefix, sizeof(v4_prefix));
		memcpy(e->bytes + 12, &in4->sin_addr, 4);
		e->port = ntohs(in4->sin_port);
		e->net = true;
	} else if (ss->ss_family == AF_INET6) {
		memcpy(e->bytes, &in6->sin6_addr, 16);
		e->port = ntohs(in6->sin6_port);
		e->net = true;
	}
}

static bool
far_end(int fd, struct ends *e)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (getpeername(fd, (struct sockaddr *)&ss, &len) == -1)
		ss.ss_family = AF_UNSPEC;
	read_end(&ss, e);
	return e->net;
}

static bool
near_end(int fd, struct ends *e)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		ss.ss_family = AF_UNSPEC;
	read_end(&ss, e);
	return e->net;
}

static bool
mapped(const struct ends *e)
{
	return memcmp(e->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

static bool
loopback(const struct ends *e)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (mapped(e))
		return e->bytes[12] == 127;
	return memcmp(e->bytes, one, sizeof(one)) == 0;
}

const char *
bb_address_text(int fd, char out[BB_ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "";
	struct ends e;

	if (!bb_address_is_socket(fd)) {
		snprintf(out, BB_ADDRESS_TEXT_MAX, "pipe");
		return out;
	}
	if (!far_end(fd, &e)) {
		snprintf(out, BB_ADDRESS_TEXT_MAX, "unix");
		return out;
	}
	if (mapped(&e))
		inet_ntop(AF_INET, e.bytes + 12, host, sizeof(host));
	else
		inet_ntop(AF_INET6, e.bytes, host, sizeof(host));
	snprintf(out, BB_ADDRESS_TEXT_MAX, mapped(&e) ? "%s:%u" : "[%s]:%u",
	    host, (unsigned)e.port);
	return out;
}

void
bb_address_bytes(int fd, uint8_t out[16])
{
	struct ends e;

	far_end(fd, &e);
	memcpy(out, e.bytes, 16);
}

bool
bb_address_local(int fd)
{
	struct ends e;

	if (!bb_address_is_socket(fd))
		return true;
	if (near_end(fd, &e) && !loopback(&e))
		return false;
	return !far_end(fd, &e) || loopback(&e);
}
