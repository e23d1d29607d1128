/* What a descriptor is.  Private to lib/serve. */
#ifndef BB_SERVE_CLASSIFY_H
#define BB_SERVE_CLASSIFY_H

#include <stdbool.h>

#include "serve/start.h"

/* As bb_fd_classify.  *taken gets a connection that had to be accepted to learn
 * that the socket listens, or -1. */
enum bb_fd_kind bb_fd_classify_taking(int fd, int *taken);
/* For systems that do not know SO_ACCEPTCONN of a socket (macOS, OpenBSD,
 * NetBSD: ENOPROTOOPT): asks accept.  The socket is non-blocking afterwards
 * when it listens, else as it was. */
bool bb_fd_listens_by_accept(int fd, int *taken);
/* Both are one and the same file, pipe or socket. */
bool bb_fd_same(int a, int b);

#endif
