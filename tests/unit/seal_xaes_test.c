/* XAES-256-GCM against the vectors of C2SP (XAES-256-GCM.md, "Test vectors"):
 * the two single ones and the accumulated one of 10 000 messages. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "seal/xaes.h"
#include "wire/text.h"

#include "base/cc.h"

#include "tap.h"

#define NONCE "ABCDEFGHIJKLMNOPQRSTUVWX"
#define PLAIN "XAES-256-GCM"
#define PLAIN_LEN (sizeof(PLAIN) - 1)
#define MESSAGES 10000
/* Key, nonce, and two lengths of one byte with what they count. */
#define STREAM_MAX ((size_t)MESSAGES * (BB_XAES_KEY + BB_XAES_NONCE + 2 * 256))
#define DIGEST \
	"e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"

static const uint8_t *
nonce_bytes(void)
{
	return (const uint8_t *)NONCE;
}

struct single {
	uint8_t key; /* each of its 32 bytes */
	const char *aad;
	const char *sealed_hex;
	const char *sentence;
};

static const struct single singles[] = {
	{ 0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
	    "the C2SP vector with the most significant bit of L clear" },
	{ 0x03, "c2sp.org/XAES-256-GCM",
	    "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
	    "the C2SP vector with the most significant bit of L set" },
};

static void
test_single(const struct single *t)
{
	uint8_t key[BB_XAES_KEY], sealed[PLAIN_LEN + BB_XAES_TAG];
	uint8_t want[sizeof(sealed)], plain[PLAIN_LEN];

	memset(key, t->key, sizeof(key));
	if (!tap_ok(bb_text_hex_scan(t->sealed_hex, want, sizeof(want)),
		"the vector is readable") ||
	    !tap_ok(bb_xaes_seal(key, nonce_bytes(), t->aad, strlen(t->aad),
			PLAIN, PLAIN_LEN, sealed) == 0,
		"sealing works"))
		return;
	TAP_EQ_MEM(sealed, sizeof(sealed), want, sizeof(want), t->sentence);
	TAP_EQ_INT(bb_xaes_open(key, nonce_bytes(), t->aad, strlen(t->aad),
		       want, sizeof(want), plain),
	    0, "the vector opens");
	TAP_EQ_MEM(plain, sizeof(plain), PLAIN, PLAIN_LEN,
	    "and holds the plain text of the vector");
}

/* Reads the next `len` bytes of the stream. */
static const uint8_t *
next(const uint8_t **stream, size_t len)
{
	const uint8_t *at = *stream;

	*stream += len;
	return at;
}

/* Seals and opens what the stream says; false when that does not go round. */
static bool
one_message(const uint8_t **stream, EVP_MD_CTX *digest)
{
	uint8_t sealed[UINT8_MAX + BB_XAES_TAG], opened[UINT8_MAX];
	const uint8_t *key = next(stream, BB_XAES_KEY);
	const uint8_t *nonce = next(stream, BB_XAES_NONCE);
	size_t len = *next(stream, 1);
	const uint8_t *plain = next(stream, len);
	size_t aad_len = *next(stream, 1);
	const uint8_t *aad = next(stream, aad_len);

	return bb_xaes_seal(key, nonce, aad, aad_len, plain, len, sealed) ==
		   0 &&
	       bb_xaes_open(key, nonce, aad, aad_len, sealed, len + BB_XAES_TAG,
		   opened) == 0 &&
	       memcmp(opened, plain, len) == 0 &&
	       EVP_DigestUpdate(digest, sealed, len + BB_XAES_TAG) == 1;
}

static void
test_accumulated(void)
{
	EVP_MD_CTX *from = EVP_MD_CTX_new(), *to = EVP_MD_CTX_new();
	uint8_t *stream = malloc(STREAM_MAX), want[32], got[32];
	const uint8_t *at = stream;
	int sealed = 0;

	if (from != NULL && to != NULL && stream != NULL &&
	    bb_text_hex_scan(DIGEST, want, sizeof(want)) &&
	    EVP_DigestInit_ex(from, EVP_shake128(), NULL) == 1 &&
	    EVP_DigestInit_ex(to, EVP_shake128(), NULL) == 1 &&
	    EVP_DigestFinalXOF(from, stream, STREAM_MAX) == 1) {
		while (sealed < MESSAGES && one_message(&at, to))
			sealed++;
	}
	TAP_EQ_INT(sealed, MESSAGES, "10 000 random messages seal and open");
	if (tap_ok(sealed == MESSAGES &&
		       EVP_DigestFinalXOF(to, got, sizeof(got)) == 1,
		"their digest can be taken"))
		TAP_EQ_MEM(got, sizeof(got), want, sizeof(want),
		    "the digest of their ciphertexts is that of C2SP");
	EVP_MD_CTX_free(from);
	EVP_MD_CTX_free(to);
	free(stream);
}

/* How many single-bit changes of `bytes` still open (none may). */
static int
count_forgeries(uint8_t *bytes, size_t len, const uint8_t *sealed,
    size_t sealed_len, const uint8_t *key, const uint8_t *nonce,
    const uint8_t *aad, size_t aad_len)
{
	uint8_t out[64];
	int opened = 0;
	size_t bit;

	for (bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (bb_xaes_open(key, nonce, aad, aad_len, sealed, sealed_len,
			out) == 0 ||
		    errno != EBADMSG)
			opened++;
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return opened;
}

static void
test_forgeries(void)
{
	uint8_t key[BB_XAES_KEY] = { 7 }, nonce[BB_XAES_NONCE] = { 9 };
	uint8_t aad[24] = { 1 }, sealed[PLAIN_LEN + BB_XAES_TAG];

	TAP_EQ_INT(bb_xaes_seal(key, nonce, aad, sizeof(aad), PLAIN, PLAIN_LEN,
		       sealed),
	    0, "a message with associated data seals");
	TAP_EQ_INT(count_forgeries(sealed, sizeof(sealed), sealed,
		       sizeof(sealed), key, nonce, aad, sizeof(aad)),
	    0, "no changed bit of ciphertext or tag opens");
	TAP_EQ_INT(count_forgeries(aad, sizeof(aad), sealed, sizeof(sealed),
		       key, nonce, aad, sizeof(aad)),
	    0, "no changed bit of the associated data opens");
	TAP_EQ_INT(count_forgeries(nonce, sizeof(nonce), sealed, sizeof(sealed),
		       key, nonce, aad, sizeof(aad)),
	    0, "no changed bit of the nonce opens");
	TAP_EQ_INT(count_forgeries(key, sizeof(key), sealed, sizeof(sealed),
		       key, nonce, aad, sizeof(aad)),
	    0, "no changed bit of the key opens");
}

static void
test_edges(void)
{
	static const uint8_t zeros[PLAIN_LEN];
	uint8_t key[BB_XAES_KEY] = { 1 }, nonce[BB_XAES_NONCE] = { 2 };
	uint8_t sealed[PLAIN_LEN + BB_XAES_TAG], out[PLAIN_LEN];

	TAP_EQ_INT(bb_xaes_seal(key, nonce, NULL, 0, NULL, 0, sealed), 0,
	    "an empty message seals to a tag");
	TAP_EQ_INT(bb_xaes_open(key, nonce, NULL, 0, sealed, BB_XAES_TAG, out),
	    0, "and opens");
	errno = 0;
	TAP_EQ_INT(bb_xaes_open(key, nonce, NULL, 0, sealed, BB_XAES_TAG - 1,
		       out),
	    -1, "less than a tag does not open");
	TAP_EQ_INT(errno, EBADMSG, "and is a bad message");
	memset(out, 0x55, sizeof(out));
	memset(sealed, 0x55, sizeof(sealed));
	TAP_EQ_INT(bb_xaes_open(key, nonce, NULL, 0, sealed, sizeof(sealed),
		       out),
	    -1, "garbage does not open");
	TAP_EQ_MEM(out, sizeof(out), zeros, sizeof(zeros),
	    "and nothing unverified is left in the output");
}

int
main(void)
{
	size_t i;

	for (i = 0; i < BB_LEN(singles); i++)
		test_single(&singles[i]);
	test_accumulated();
	test_forgeries();
	test_edges();
	return tap_done();
}
