/* Owns XAES-256-GCM: the derivation of a key per nonce, then AES-256-GCM.
 * Source: C2SP XAES-256-GCM (c2sp.org/XAES-256-GCM). */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

#include "seal/xaes.h"

#include "base/secret.h"
#include "seal/ossl.h"

#include "base/cc.h"

#define BLOCK 16          /* of AES */
#define GCM_NONCE 12      /* the second half of ours; the first makes the key */
#define PREFIX 4          /* of the blocks M1 and M2, before the nonce's half */
#define DOUBLING_RBL 0x87 /* x^128 = x^7 + x^2 + x + 1: CMAC's subkeys */

/* Fetched once; the contexts are reset, which wipes them, after each use. */
static EVP_CIPHER *ecb, *gcm;
static EVP_CIPHER_CTX *ecb_ctx, *gcm_ctx;

static bool
fetch(EVP_CIPHER **cipher, EVP_CIPHER_CTX **ctx, const char *name)
{
	if (*cipher == NULL)
		*cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	if (*ctx == NULL)
		*ctx = EVP_CIPHER_CTX_new();
	return *cipher != NULL && *ctx != NULL;
}

/* Doubles in GF(2^128), most significant bit first, in constant time. */
static void
dbl(uint8_t block[BLOCK])
{
	unsigned carry = block[0] >> 7;
	size_t i;

	for (i = 0; i < BLOCK - 1; i++)
		block[i] = (uint8_t)((unsigned)block[i] << 1 |
				     (unsigned)block[i + 1] >> 7);
	block[BLOCK - 1] =
	    (uint8_t)((unsigned)block[BLOCK - 1] << 1 ^ (carry * DOUBLING_RBL));
}

static bool
encrypt_blocks(uint8_t *out, const uint8_t *in, int len)
{
	int got = 0;

	return EVP_EncryptUpdate(ecb_ctx, out, &got, in, len) == 1 &&
	       got == len;
}

/* Kx = AES_K(M1 xor K1) | AES_K(M2 xor K1), K1 = 2 * AES_K(0):
 * CMAC of one block, twice, as a counter-mode KDF (NIST SP 800-108r1). */
static bool
derive(const uint8_t key[BB_XAES_KEY], const uint8_t nonce[BB_XAES_NONCE],
    uint8_t kx[BB_XAES_KEY])
{
	static const uint8_t prefix[2][PREFIX] = {
		{ 0x00, 0x01, 'X', 0x00 },
		{ 0x00, 0x02, 'X', 0x00 },
	};
	uint8_t k1[BLOCK] = { 0 }, m[2 * BLOCK];
	size_t i;
	bool done;

	done = EVP_EncryptInit_ex2(ecb_ctx, ecb, key, NULL, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(ecb_ctx, 0) == 1 &&
	       encrypt_blocks(k1, k1, BLOCK);
	dbl(k1);
	for (i = 0; i < 2; i++) {
		memcpy(m + i * BLOCK, prefix[i], PREFIX);
		memcpy(m + i * BLOCK + PREFIX, nonce, GCM_NONCE);
	}
	for (i = 0; i < sizeof(m); i++)
		m[i] ^= k1[i % BLOCK];
	done = done && encrypt_blocks(kx, m, sizeof(m));
	bb_wipe(k1, sizeof(k1));
	bb_wipe(m, sizeof(m));
	(void)EVP_CIPHER_CTX_reset(ecb_ctx);
	return done;
}

/* Readies gcm_ctx for one message and feeds it the associated data. */
static bool
begin(const uint8_t key[BB_XAES_KEY], const uint8_t nonce[BB_XAES_NONCE],
    const void *aad, size_t aad_len, bool encrypt)
{
	uint8_t kx[BB_XAES_KEY];
	int got = 0;
	bool done;

	if (!fetch(&ecb, &ecb_ctx, "AES-256-ECB") ||
	    !fetch(&gcm, &gcm_ctx, "AES-256-GCM"))
		return false;
	done = derive(key, nonce, kx) &&
	       EVP_CipherInit_ex2(gcm_ctx, gcm, kx, nonce + GCM_NONCE,
		   encrypt ? 1 : 0, NULL) == 1;
	bb_wipe(kx, sizeof(kx));
	return done && (aad_len == 0 || EVP_CipherUpdate(gcm_ctx, NULL, &got,
					    aad, (int)aad_len) == 1);
}

static bool
update(uint8_t *out, const void *in, size_t len)
{
	int got = 0;

	return len == 0 ||
	       (EVP_CipherUpdate(gcm_ctx, out, &got, in, (int)len) == 1 &&
		   (size_t)got == len);
}

static bool
too_long(size_t aad_len, size_t len)
{
	return aad_len > INT_MAX || len > INT_MAX;
}

int
bb_xaes_seal(const uint8_t key[BB_XAES_KEY], const uint8_t nonce[BB_XAES_NONCE],
    const void *aad, size_t aad_len, const void *plain, size_t len,
    uint8_t *out)
{
	int got = 0;
	bool done;

	if (too_long(aad_len, len)) {
		errno = EMSGSIZE;
		return -1;
	}
	done = begin(key, nonce, aad, aad_len, true) &&
	       update(out, plain, len) &&
	       EVP_EncryptFinal_ex(gcm_ctx, out + len, &got) == 1 && got == 0 &&
	       EVP_CIPHER_CTX_ctrl(gcm_ctx, EVP_CTRL_AEAD_GET_TAG, BB_XAES_TAG,
		   out + len) == 1;
	if (gcm_ctx != NULL)
		(void)EVP_CIPHER_CTX_reset(gcm_ctx);
	return done ? 0 : bb_ossl_failed(EIO);
}

int
bb_xaes_open(const uint8_t key[BB_XAES_KEY], const uint8_t nonce[BB_XAES_NONCE],
    const void *aad, size_t aad_len, const void *sealed, size_t sealed_len,
    uint8_t *out)
{
	uint8_t tag[BB_XAES_TAG];
	size_t len;
	int rc = -1, got = 0;

	if (sealed_len < BB_XAES_TAG) {
		errno = EBADMSG;
		return -1;
	}
	len = sealed_len - BB_XAES_TAG;
	if (too_long(aad_len, len)) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(tag, (const uint8_t *)sealed + len, BB_XAES_TAG);
	if (!begin(key, nonce, aad, aad_len, false) ||
	    !update(out, sealed, len) ||
	    EVP_CIPHER_CTX_ctrl(gcm_ctx, EVP_CTRL_AEAD_SET_TAG, BB_XAES_TAG,
		tag) != 1)
		(void)bb_ossl_failed(EIO);
	else if (EVP_DecryptFinal_ex(gcm_ctx, out + len, &got) != 1)
		(void)bb_ossl_failed(EBADMSG);
	else
		rc = 0;
	if (rc == -1)
		bb_wipe(out, len);
	if (gcm_ctx != NULL)
		(void)EVP_CIPHER_CTX_reset(gcm_ctx);
	return rc;
}
