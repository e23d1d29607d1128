/* What the address of a descriptor is: for logs, for limits per address, and
 * for the question whether plain text may pass. */
#ifndef BB_SERVE_ADDRESS_H
#define BB_SERVE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define BB_ADDRESS_TEXT_MAX 64

bool bb_address_is_socket(int fd);
/* The peer: "127.0.0.1:40312", "[::1]:40312", "unix", "pipe".  Returns out. */
const char *bb_address_text(int fd, char out[BB_ADDRESS_TEXT_MAX]);
/* The peer's address, IPv4 mapped into IPv6; zeros for unix and pipes. */
void bb_address_bytes(int fd, uint8_t out[16]);
/* Unix socket or no socket at all, or loopback at both ends (v4-mapped
 * addresses are unmapped first). */
bool bb_address_local(int fd);

#endif
