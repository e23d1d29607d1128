/* Listening sockets of our own making. */
#ifndef BB_SERVE_LISTEN_H
#define BB_SERVE_LISTEN_H

#include <stddef.h>

#include "base/cc.h"
#include "wire/addr.h"

#define BB_LISTEN_WHY_MAX 256
#define BB_LISTEN_BACKLOG 1024

/* Opens what an address means: loopback is 127.0.0.1 and, where there is one,
 * ::1 with the same port; any is one IPv6 socket that takes IPv4 too, or
 * 0.0.0.0; a host is each of its addresses (8 at most); a unix socket has mode
 * 0600, and a stale one (nobody answers) is removed first.  Asks DNS, and waits
 * for it.  Adds the descriptors (non-blocking, close-on-exec) to fds.  0, or -1
 * with errno and a clause in why; then none stays open. */
int bb_listen(const struct bb_addr *addr, int fds[], size_t max, size_t *count,
    char why[BB_LISTEN_WHY_MAX]) BB_NODISCARD;
/* "127.0.0.1:41234", "[::1]:41234", "unix:/path": where a socket listens. */
const char *bb_listen_text(int fd, char out[BB_ADDR_TEXT_MAX]);
/* Removes the path of a unix socket that bb_listen made in this process, unless
 * it has become another's meanwhile; before the descriptor is closed.  Does
 * nothing to others. */
void bb_listen_unlink(int fd);

#endif
