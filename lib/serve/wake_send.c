/* Waking another process; needs no loop, so that short-lived tools can. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cc.h"
#include "serve/wake.h"
#include "serve/wake_path.h"

#define DATAGRAM_MAX (BB_WAKE_MAGIC_LEN + BB_WAKE_PINS * BB_WAKE_PIN_LEN)

int
bb_wake_prefix(const char *store, char out[PATH_MAX])
{
	static const char tail[] = "-wake.";

	if (realpath(store, out) == NULL)
		return -1;
	if (strlen(out) + sizeof(tail) > PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(out + strlen(out), tail, sizeof(tail));
	return 0;
}

int
bb_wake_address(const char *prefix, int64_t owner, struct sockaddr_un *at)
{
	int len;

	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(at->sun_path, sizeof(at->sun_path), "%s%" PRId64, prefix,
	    owner);
	if (len > 0 && (size_t)len < sizeof(at->sun_path))
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static size_t
datagram(const uint32_t pins[], size_t len, uint8_t out[DATAGRAM_MAX])
{
	size_t at = BB_WAKE_MAGIC_LEN, i;

	memcpy(out, BB_WAKE_MAGIC, BB_WAKE_MAGIC_LEN);
	if (len > BB_WAKE_PINS)
		len = 0;
	for (i = 0; i < len; i++, at += BB_WAKE_PIN_LEN) {
		out[at] = (uint8_t)(pins[i] >> 24);
		out[at + 1] = (uint8_t)(pins[i] >> 16);
		out[at + 2] = (uint8_t)(pins[i] >> 8);
		out[at + 3] = (uint8_t)pins[i];
	}
	return at;
}

static int
send_to(int fd, const struct sockaddr_un *at, const void *bytes, size_t len)
{
	ssize_t n;

	do {
		n = sendto(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL,
		    (const struct sockaddr *)at, sizeof(*at));
	} while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

int
bb_wake_send(const char *store, int64_t owner, const uint32_t pins[],
    size_t len)
{
	uint8_t bytes[DATAGRAM_MAX];
	char prefix[PATH_MAX];
	struct sockaddr_un at;
	int fd, rc, saved;

	if (bb_wake_prefix(store, prefix) == -1 ||
	    bb_wake_address(prefix, owner, &at) == -1 ||
	    (fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1)
		return -1;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	rc = send_to(fd, &at, bytes, datagram(pins, len, bytes));
	saved = errno;
	/* Ids of owners are never used again: nobody will listen there. */
	if (rc == -1 && saved == ECONNREFUSED)
		(void)unlink(at.sun_path);
	(void)close(fd);
	errno = saved;
	return rc;
}
