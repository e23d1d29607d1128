/* The only type that holds a password or a key read from outside.  Its memory
 * is kept out of core files where the system can, and is wiped by clear. */
#ifndef BB_BASE_SECRET_H
#define BB_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cc.h"

#define BB_SECRET_MAX 1024 /* bytes, without the terminating zero */

struct bb_secret {
	char *text; /* zero-terminated; NULL: nothing set */
	size_t len;
};

/* Wipes memory in a way that the compiler keeps. */
void bb_wipe(void *mem, size_t len);
/* True when equal; takes the same time wherever they differ. */
bool bb_equal_ct(const void *a, const void *b, size_t len);
/* Copies `len` bytes; the former content is wiped, also when that fails.  0, or
 * -1 with ENOMEM, EMSGSIZE (over BB_SECRET_MAX) or EINVAL (contains a zero
 * byte). */
int bb_secret_set(struct bb_secret *s, const void *bytes, size_t len)
    BB_NODISCARD;
/* Reads one line (without its line end, LF or CR LF) from a descriptor to its
 * end or the first newline, byte by byte so that nothing behind the line is
 * consumed.  0, or -1 with errno (EMSGSIZE, EINVAL as above, ENODATA: nothing
 * there, or an empty line). */
int bb_secret_read_fd(struct bb_secret *s, int fd) BB_NODISCARD;
/* The same from a file or named pipe, which must not be readable or writable by
 * others: EACCES with *why set to a sentence ("is readable by others; chmod 600
 * it"); *why is NULL with every other error. */
int bb_secret_read_file(struct bb_secret *s, const char *path, const char **why)
    BB_NODISCARD;
/* Asks on the terminal (/dev/tty), echo off, restored on every path and on
 * signals.  -1 with ENOTTY where there is none, EINTR when a signal came that
 * the caller handles, ENODATA for an empty answer.  After a stop (^Z) it asks
 * again.  Call before there are threads. */
int bb_secret_ask(struct bb_secret *s, const char *prompt) BB_NODISCARD;
void bb_secret_clear(struct bb_secret *s);

#endif
