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

/* What accept said last. */
static struct {
	int fd;
	struct sockaddr_storage peer;
} told = { .fd = -1 };

bool
bb_address_is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* One end of a connection, IPv4 mapped.  False: it has no such address. */
static bool
end_bytes(const struct sockaddr_storage *ss, uint8_t bytes[16], uint16_t *port)
{
	const struct sockaddr_in6 *in6 = (const void *)ss;
	const struct sockaddr_in *in4 = (const void *)ss;

	if (ss->ss_family == AF_INET) {
		memcpy(bytes, v4_prefix, sizeof(v4_prefix));
		memcpy(bytes + 12, &in4->sin_addr, 4);
		*port = ntohs(in4->sin_port);
		return true;
	}
	if (ss->ss_family == AF_INET6) {
		memcpy(bytes, &in6->sin6_addr, 16);
		*port = ntohs(in6->sin6_port);
		return true;
	}
	return false;
}

static bool
mapped(const uint8_t bytes[16])
{
	return memcmp(bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

static bool
loopback(const uint8_t bytes[16])
{
	static const uint8_t one[16] = { [15] = 1 };

	if (mapped(bytes))
		return bytes[12] == 127;
	return memcmp(bytes, one, sizeof(one)) == 0;
}

static bool
far_end(int fd, struct bb_address *a)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (fd == told.fd)
		ss = told.peer;
	else if (getpeername(fd, (struct sockaddr *)&ss, &len) == -1)
		return false;
	return end_bytes(&ss, a->bytes, &a->port);
}

void
bb_address_told(int fd, const struct sockaddr_storage *peer)
{
	told.fd = fd;
	if (fd != -1)
		told.peer = *peer;
}

void
bb_address_look(int fd, struct bb_address *out)
{
	struct sockaddr_storage near = { 0 };
	socklen_t len = sizeof(near);
	struct stat st;
	uint8_t bytes[16];
	uint16_t port;

	memset(out, 0, sizeof(*out));
	out->kind = BB_ADDRESS_NET;
	if (fstat(fd, &st) == -1)
		return;
	if (!S_ISSOCK(st.st_mode)) {
		out->kind = BB_ADDRESS_PIPE;
		out->local = true;
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&near, &len) == -1)
		return;
	if (near.ss_family == AF_UNIX) {
		out->kind = BB_ADDRESS_UNIX;
		out->local = true;
		return;
	}
	out->local = far_end(fd, out) && loopback(out->bytes) &&
		     end_bytes(&near, bytes, &port) && loopback(bytes);
}

const char *
bb_address_text(const struct bb_address *a, char out[BB_ADDRESS_TEXT_MAX])
{
	static const uint8_t nowhere[16];
	char host[INET6_ADDRSTRLEN] = "";
	const char *word = NULL;

	if (a->kind == BB_ADDRESS_PIPE)
		word = "pipe";
	else if (a->kind == BB_ADDRESS_UNIX)
		word = "unix";
	else if (memcmp(a->bytes, nowhere, sizeof(nowhere)) == 0)
		word = "unknown";
	if (word != NULL) {
		(void)snprintf(out, BB_ADDRESS_TEXT_MAX, "%s", word);
		return out;
	}
	if (mapped(a->bytes))
		(void)inet_ntop(AF_INET, a->bytes + 12, host, sizeof(host));
	else
		(void)inet_ntop(AF_INET6, a->bytes, host, sizeof(host));
	(void)snprintf(out, BB_ADDRESS_TEXT_MAX,
	    mapped(a->bytes) ? "%s:%u" : "[%s]:%u", host, (unsigned)a->port);
	return out;
}
