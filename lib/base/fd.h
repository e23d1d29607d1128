/* Descriptors and files: whole reads and writes, EINTR in one place, files
 * replaced whole or not at all. */
#ifndef BB_BASE_FD_H
#define BB_BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/cc.h"

/* Writes all of it, waiting where the descriptor has O_NONBLOCK.  0, or -1 with
 * errno (EPIPE when the reader left). */
int bb_write_all(int fd, const void *bytes, size_t len) BB_NODISCARD;
/* Reads once, EINTR hidden: bytes, 0 at the end, -1 with errno. */
ssize_t bb_read_some(int fd, void *bytes, size_t len) BB_NODISCARD;
/* The same, waiting where the descriptor has O_NONBLOCK. */
ssize_t bb_read_wait(int fd, void *bytes, size_t len) BB_NODISCARD;
/* Appends a whole file (or what is left of a stream) to buf, at most the
 * room that buf has.  0, or -1 with errno; EFBIG when there is more.  Nothing
 * was added then. */
int bb_read_all(int fd, struct bb_buf *buf) BB_NODISCARD;
int bb_read_file(const char *path, struct bb_buf *buf) BB_NODISCARD;
/* Replaces `name` in the open folder dirfd: temporary file, fsync, rename,
 * fsync of the folder.  Mode 0600.  0, or -1 with errno; then the old file
 * stands (or, when only the last step failed, the new one: never a part).
 * EINVAL: a slash in the name.  Other processes that replace the same name at
 * the same time wait for each other. */
int bb_replace_at(int dirfd, const char *name, const void *bytes, size_t len)
    BB_NODISCARD;
/* Every descriptor >= 3 gets close-on-exec; 0-2 that are closed are opened on
 * /dev/null. */
int bb_fd_tidy(void) BB_NODISCARD;

#endif
