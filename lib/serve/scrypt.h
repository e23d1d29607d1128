/* scrypt (RFC 7914) as passwords need it.  Private to lib/serve. */
#ifndef BB_SERVE_SCRYPT_H
#define BB_SERVE_SCRYPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

#define BB_SCRYPT_R 8 /* block size: 1 KiB; memory is that times 2^cost */
#define BB_SCRYPT_P 1
#define BB_SCRYPT_HASH 32

/* Hashes with N = 2^cost, r = 8, p = 1.  Wipes what it used.  May be called
 * from any thread.  0, or -1 with ENOMEM (memory is short or another limit of
 * the library was met). */
int bb_scrypt(const void *password, size_t len, const uint8_t *salt,
    size_t salt_len, int cost, uint8_t hash[BB_SCRYPT_HASH]) BB_NODISCARD;

#endif
