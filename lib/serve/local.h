/* Unix sockets between the processes of one user: connecting at once, and
 * accepting, for a socket that bb_listen made. */
#ifndef BB_SERVE_LOCAL_H
#define BB_SERVE_LOCAL_H

#include "base/cc.h"

/* Both return a descriptor with O_NONBLOCK and close-on-exec, or -1 with errno.
 * connect: ECONNREFUSED or ENOENT when nobody serves there.  accept: EAGAIN
 * when nobody waits. */
int bb_local_connect(const char *path) BB_NODISCARD;
int bb_local_accept(int fd) BB_NODISCARD;

#endif
