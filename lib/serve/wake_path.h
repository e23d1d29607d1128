/* Where the wake-up socket of a process is.  Private to lib/serve. */
#ifndef BB_SERVE_WAKE_PATH_H
#define BB_SERVE_WAKE_PATH_H

#include <limits.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/cc.h"

/* The datagram begins with this, then PINs, 4 bytes each, big-endian. */
#define BB_WAKE_MAGIC ((const uint8_t[]){ 'b', 'b', 'w', '1' })
#define BB_WAKE_MAGIC_LEN 4
#define BB_WAKE_PIN_LEN 4

/* STORE-wake. with links resolved, so that all who share a store find each
 * other.  0, or -1 with errno. */
int bb_wake_prefix(const char *store, char out[PATH_MAX]) BB_NODISCARD;
/* 0, or -1 with ENAMETOOLONG. */
int bb_wake_address(const char *prefix, int64_t owner, struct sockaddr_un *at)
    BB_NODISCARD;

#endif
