/* OpenSSL as lib/seal uses it: algorithms fetched once per process, contexts
 * that are wiped after every use, errors as errno.  Private to lib/seal.
 *
 * No thread may call into lib/seal: the contexts are shared.  (Jobs of the
 * worker pool never seal or open.) */
#ifndef BB_SEAL_OSSL_H
#define BB_SEAL_OSSL_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/core.h>

#include "base/cc.h"

#define BB_HASH_LEN 32 /* SHA-256 */

/* Bytes that are only read: one piece of a message to be hashed. */
struct bb_piece {
	const void *bytes;
	size_t len;
};

/* A parameter that borrows the piece; for what OpenSSL only reads. */
OSSL_PARAM bb_ossl_octets(const char *name, const struct bb_piece *piece);
/* After an OpenSSL call failed: empties its error queue and returns -1 with
 * errno ENOMEM (memory ran out) or `otherwise`. */
int bb_ossl_failed(int otherwise);

/* HMAC-SHA-256 with a 32-byte key over the pieces joined.  0, or -1 (ENOMEM,
 * EIO). */
int bb_hmac(const uint8_t key[BB_HASH_LEN], const struct bb_piece *pieces,
    size_t count, uint8_t mac[BB_HASH_LEN]) BB_NODISCARD;

/* HKDF-SHA-256 (RFC 5869), extract and expand.  info at most 1024 bytes.  0,
 * or -1 (ENOMEM, EIO). */
int bb_hkdf(const struct bb_piece *salt, const struct bb_piece *ikm,
    const struct bb_piece *info, uint8_t *out, size_t out_len) BB_NODISCARD;

/* The second half alone: `prk` is a key already.  As above. */
int bb_hkdf_expand(const struct bb_piece *prk, const struct bb_piece *info,
    uint8_t *out, size_t out_len) BB_NODISCARD;

#endif
