/* Owns the process's HMAC and HKDF contexts and turns OpenSSL errors into
 * errno. */
#include <errno.h>
#include <stdbool.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "seal/ossl.h"

#include "base/cc.h"

/* Fetching an algorithm costs more than using it: each is fetched at the first
 * use and kept for the life of the process. */
static EVP_MAC_CTX *hmac;
static EVP_KDF_CTX *hkdf;

int
bb_ossl_failed(int otherwise)
{
	unsigned long code;

	errno = otherwise;
	while ((code = ERR_get_error()) != 0) {
		if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
			errno = ENOMEM;
	}
	return -1;
}

/* Its members are not const, although constructing ones only read. */
OSSL_PARAM
bb_ossl_octets(const char *name, const struct bb_piece *piece)
{
	return OSSL_PARAM_construct_octet_string(name,
	    (void *)(uintptr_t)piece->bytes, piece->len);
}

static bool
hmac_init(void)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac;

	if (hmac != NULL)
		return true;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	hmac = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (hmac != NULL && EVP_MAC_CTX_set_params(hmac, params) != 1) {
		EVP_MAC_CTX_free(hmac);
		hmac = NULL;
	}
	return hmac != NULL;
}

int
bb_hmac(const uint8_t key[BB_HASH_LEN], const struct bb_piece *pieces,
    size_t count, uint8_t mac[BB_HASH_LEN])
{
	static const uint8_t no_key[BB_HASH_LEN];
	size_t i, len = 0;
	bool done;

	if (!hmac_init())
		return bb_ossl_failed(EIO);
	done = EVP_MAC_init(hmac, key, BB_HASH_LEN, NULL) == 1;
	for (i = 0; done && i < count; i++)
		done =
		    EVP_MAC_update(hmac, pieces[i].bytes, pieces[i].len) == 1;
	done = done && EVP_MAC_final(hmac, mac, &len, BB_HASH_LEN) == 1 &&
	       len == BB_HASH_LEN;
	/* A new key overwrites the old one and the state of the digests. */
	done = EVP_MAC_init(hmac, no_key, BB_HASH_LEN, NULL) == 1 && done;
	return done ? 0 : bb_ossl_failed(EIO);
}

static bool
hkdf_init(void)
{
	EVP_KDF *kdf;

	if (hkdf != NULL)
		return true;
	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	hkdf = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	return hkdf != NULL;
}

static int
derive(const OSSL_PARAM *params, uint8_t *out, size_t out_len)
{
	bool done;

	if (!hkdf_init())
		return bb_ossl_failed(EIO);
	done = EVP_KDF_derive(hkdf, out, out_len, params) == 1;
	EVP_KDF_CTX_reset(hkdf); /* wipes its copies of key, salt and info */
	return done ? 0 : bb_ossl_failed(EIO);
}

int
bb_hkdf(const struct bb_piece *salt, const struct bb_piece *ikm,
    const struct bb_piece *info, uint8_t *out, size_t out_len)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest,
		    0),
		bb_ossl_octets(OSSL_KDF_PARAM_SALT, salt),
		bb_ossl_octets(OSSL_KDF_PARAM_KEY, ikm),
		bb_ossl_octets(OSSL_KDF_PARAM_INFO, info),
		OSSL_PARAM_construct_end(),
	};

	return derive(params, out, out_len);
}

int
bb_hkdf_expand(const struct bb_piece *prk, const struct bb_piece *info,
    uint8_t *out, size_t out_len)
{
	char digest[] = "SHA256";
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		bb_ossl_octets(OSSL_KDF_PARAM_KEY, prk),
		bb_ossl_octets(OSSL_KDF_PARAM_INFO, info),
		OSSL_PARAM_construct_end(),
	};

	return derive(params, out, out_len);
}
