/* XAES-256-GCM: AES-256-GCM with a 24-byte nonce, by a key derived for each
 * nonce.  Source: C2SP XAES-256-GCM (c2sp.org/XAES-256-GCM). */
#ifndef BB_SEAL_XAES_H
#define BB_SEAL_XAES_H

#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

#define BB_XAES_KEY 32
#define BB_XAES_NONCE 24
#define BB_XAES_TAG 16

/* out has room for len + 16: ciphertext, then tag.  May not overlap `plain`.
 * 0, or -1 when OpenSSL failed (ENOMEM or EIO). */
int bb_xaes_seal(const uint8_t key[BB_XAES_KEY],
    const uint8_t nonce[BB_XAES_NONCE], const void *aad, size_t aad_len,
    const void *plain, size_t len, uint8_t *out) BB_NODISCARD;
/* sealed_len includes the tag; out has room for sealed_len - 16.  0, or -1
 * with EBADMSG when it does not open (out is wiped then), ENOMEM, EIO. */
int bb_xaes_open(const uint8_t key[BB_XAES_KEY],
    const uint8_t nonce[BB_XAES_NONCE], const void *aad, size_t aad_len,
    const void *sealed, size_t sealed_len, uint8_t *out) BB_NODISCARD;

#endif
