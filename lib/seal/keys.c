/* Owns the key schedule of the device link (docs/wire.md, "Keys"): what a base
 * key expands to, and how two ends roll it with X25519. */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "seal/keys.h"

#include "base/cursor.h"
#include "base/secret.h"
#include "base/sys.h"
#include "seal/ossl.h"

#include "base/cc.h"

/* Labels go into the hash with their terminating zero byte. */
static const char label_keys[] = "bb1 keys";
static const char label_roll[] = "bb1 roll";

#define PIN_LEN 4
#define ATT_LEN 4
#define SHARED_LEN 32 /* what X25519 yields */
#define ROLL_INFO_LEN \
	(sizeof(label_roll) + PIN_LEN + BB_KID_LEN + ATT_LEN + \
	    2 * BB_EPHEMERAL_LEN)

/* The expanded bytes are the structure: up | down | nonce-up | nonce-down |
 * kid.  Byte arrays leave no room for padding. */
_Static_assert(sizeof(struct bb_keys) == 136, "struct bb_keys has padding");

int
bb_keys_expand(const uint8_t base[BB_BASE_LEN], uint32_t pin,
    struct bb_keys *keys)
{
	uint8_t info[sizeof(label_keys) + PIN_LEN];
	uint8_t out[sizeof(*keys)];
	struct bb_wr wr = bb_wr_init(info, sizeof(info));
	int rc;

	bb_wr_bytes(&wr, label_keys, sizeof(label_keys));
	bb_wr_u32(&wr, pin);
	rc = bb_hkdf_expand(&(struct bb_piece){ base, BB_BASE_LEN },
	    &(struct bb_piece){ info, sizeof(info) }, out, sizeof(out));
	if (rc == 0)
		memcpy(keys, out, sizeof(*keys));
	bb_wipe(out, sizeof(out));
	return rc;
}

int
bb_keys_ephemeral(uint8_t priv[BB_EPHEMERAL_LEN], uint8_t pub[BB_EPHEMERAL_LEN])
{
	size_t len = BB_EPHEMERAL_LEN;
	EVP_PKEY *key;
	int rc = 0;

	bb_random(priv, BB_EPHEMERAL_LEN);
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv,
	    BB_EPHEMERAL_LEN);
	if (key == NULL || EVP_PKEY_get_raw_public_key(key, pub, &len) != 1)
		rc = bb_ossl_failed(EIO);
	EVP_PKEY_free(key);
	if (rc == -1)
		bb_wipe(priv, BB_EPHEMERAL_LEN);
	return rc;
}

/* Given its public half too: OpenSSL would compute that again, which costs as
 * much as the agreement. */
static EVP_PKEY *
own_key(const uint8_t priv[BB_EPHEMERAL_LEN],
    const uint8_t pub[BB_EPHEMERAL_LEN])
{
	static EVP_PKEY_CTX *ctx;
	OSSL_PARAM params[] = {
		bb_ossl_octets(OSSL_PKEY_PARAM_PUB_KEY,
		    &(struct bb_piece){ pub, BB_EPHEMERAL_LEN }),
		bb_ossl_octets(OSSL_PKEY_PARAM_PRIV_KEY,
		    &(struct bb_piece){ priv, BB_EPHEMERAL_LEN }),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (ctx == NULL)
		ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		return NULL;
	return key;
}

/* X25519 (RFC 7748).  A peer's half of low order makes the result all zero,
 * whatever our half is; OpenSSL refuses that, and so does the comparison here
 * where a library should not. */
static int
agree(const uint8_t priv[BB_EPHEMERAL_LEN], const uint8_t pub[BB_EPHEMERAL_LEN],
    const uint8_t peer[BB_EPHEMERAL_LEN], uint8_t shared[SHARED_LEN])
{
	static const uint8_t zeros[SHARED_LEN];
	EVP_PKEY *ours, *theirs;
	EVP_PKEY_CTX *ctx = NULL;
	size_t len = SHARED_LEN;
	int rc = -1;

	ours = own_key(priv, pub);
	theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer,
	    BB_EPHEMERAL_LEN);
	if (ours != NULL && theirs != NULL)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1)
		(void)bb_ossl_failed(EIO);
	else if (EVP_PKEY_derive_set_peer(ctx, theirs) != 1 ||
		 EVP_PKEY_derive(ctx, shared, &len) != 1)
		(void)bb_ossl_failed(EBADMSG);
	else if (len != SHARED_LEN || bb_equal_ct(shared, zeros, SHARED_LEN))
		errno = EBADMSG;
	else
		rc = 0;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(ours);
	return rc;
}

int
bb_keys_roll(const uint8_t base[BB_BASE_LEN],
    const uint8_t priv[BB_EPHEMERAL_LEN], bool ours_is_e_s,
    const struct bb_roll *roll, uint8_t next[BB_BASE_LEN])
{
	uint8_t info[ROLL_INFO_LEN], shared[SHARED_LEN] = { 0 };
	struct bb_wr wr = bb_wr_init(info, sizeof(info));
	int rc;

	bb_wr_bytes(&wr, label_roll, sizeof(label_roll));
	bb_wr_u32(&wr, roll->pin);
	bb_wr_bytes(&wr, roll->kid, sizeof(roll->kid));
	bb_wr_u32(&wr, roll->att);
	bb_wr_bytes(&wr, roll->e_d, sizeof(roll->e_d));
	bb_wr_bytes(&wr, roll->e_s, sizeof(roll->e_s));
	rc = agree(priv, ours_is_e_s ? roll->e_s : roll->e_d,
	    ours_is_e_s ? roll->e_d : roll->e_s, shared);
	if (rc == 0)
		rc = bb_hkdf(&(struct bb_piece){ base, BB_BASE_LEN },
		    &(struct bb_piece){ shared, sizeof(shared) },
		    &(struct bb_piece){ info, sizeof(info) }, next,
		    BB_BASE_LEN);
	bb_wipe(shared, sizeof(shared));
	return rc;
}
