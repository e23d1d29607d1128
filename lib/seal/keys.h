/* The key schedule of the device link: base keys, the keys of a base, and the
 * roll.  docs/wire.md, "Keys". */
#ifndef BB_SEAL_KEYS_H
#define BB_SEAL_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cc.h"
#include "wire/frame.h"

#define BB_BASE_LEN 32

/* Everything that one base key expands to.  Wipe after use. */
struct bb_keys {
	uint8_t up[32], down[32];
	uint8_t nonce_up[32], nonce_down[32];
	uint8_t kid[BB_KID_LEN];
};

/* 0, or -1 (ENOMEM, EIO). */
int bb_keys_expand(const uint8_t base[BB_BASE_LEN], uint32_t pin,
    struct bb_keys *keys) BB_NODISCARD;

/* A fresh X25519 pair.  The private half is a secret of the caller. */
int bb_keys_ephemeral(uint8_t priv[BB_EPHEMERAL_LEN],
    uint8_t pub[BB_EPHEMERAL_LEN]) BB_NODISCARD;

/* What both ends of a roll know. */
struct bb_roll {
	uint32_t pin;
	uint32_t att;
	uint8_t kid[BB_KID_LEN];       /* of the base that is rolled */
	uint8_t e_d[BB_EPHEMERAL_LEN]; /* the device's public half */
	uint8_t e_s[BB_EPHEMERAL_LEN]; /* the dispatcher's */
};

/* The next base key.  `priv` is this end's private half, the peer's public
 * half is e_d or e_s, whichever is not ours: `ours_is_e_s` says which.  -1 with
 * EBADMSG when the peer's half is of low order (all-zero result). */
int bb_keys_roll(const uint8_t base[BB_BASE_LEN],
    const uint8_t priv[BB_EPHEMERAL_LEN], bool ours_is_e_s,
    const struct bb_roll *roll, uint8_t next[BB_BASE_LEN]) BB_NODISCARD;

#endif
