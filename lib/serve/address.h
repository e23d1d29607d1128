/* What is at the other end of a descriptor: for logs, for limits per address,
 * and for the question whether plain text may pass. */
#ifndef BB_SERVE_ADDRESS_H
#define BB_SERVE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define BB_ADDRESS_TEXT_MAX 64

enum bb_address_kind {
	BB_ADDRESS_PIPE, /* no socket */
	BB_ADDRESS_UNIX,
	BB_ADDRESS_NET /* IPv4, IPv6; a socket of an unknown family too */
};

struct bb_address {
	uint8_t bytes[16]; /* IPv4 mapped into IPv6; zeros: not NET, unknown */
	uint16_t port;
	uint8_t kind; /* enum bb_address_kind */
	bool local; /* PIPE, UNIX, or NET with loopback at both ends (v4-mapped
		     * addresses unmapped); in doubt false */
};

struct sockaddr_storage;

bool bb_address_is_socket(int fd);
/* Looks at a descriptor.  A connection that was reset has no address any more:
 * look once, at the beginning, and keep the answer. */
void bb_address_look(int fd, struct bb_address *out);
/* What accept(2) said of fd, which stays true when the peer has gone since: the
 * next looks at fd use it.  fd -1: forget it (fd may soon be another's). */
void bb_address_told(int fd, const struct sockaddr_storage *peer);
/* "127.0.0.1:40312", "[::1]:40312", "unix", "pipe", "unknown".  Returns out. */
const char *bb_address_text(const struct bb_address *address,
    char out[BB_ADDRESS_TEXT_MAX]);

#endif
