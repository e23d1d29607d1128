/* scrypt by OpenSSL: the only file of password checking that knows it. */
#include "serve/scrypt.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/cc.h"

int
bb_scrypt(const void *password, size_t len, const uint8_t *salt,
    size_t salt_len, int cost, uint8_t hash[BB_SCRYPT_HASH])
{
	const uint64_t n = UINT64_C(1) << cost;
	/* OpenSSL refuses above a limit, 32 MiB if none is given; what it
	 * counts is 128 r (N + p + 2) bytes. */
	const uint64_t memory = 128 * BB_SCRYPT_R * (n + BB_SCRYPT_P + 2);

	if (EVP_PBE_scrypt(password, len, salt, salt_len, n, BB_SCRYPT_R,
		BB_SCRYPT_P, memory, hash, BB_SCRYPT_HASH) == 1)
		return 0;
	ERR_clear_error();
	errno = ENOMEM;
	return -1;
}
