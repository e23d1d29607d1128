/* The key schedule: HKDF against RFC 5869, expand and roll against the
 * published vectors, and what an X25519 half may not be. */
#include <errno.h>
#include <string.h>

#include "seal/keys.h"
#include "seal/ossl.h"

#include "base/cc.h"

#include "seal_vectors.h"
#include "tap.h"

#define OKM_MAX 82

/* RFC 5869, appendices A.1 and A.2. */
static const struct {
	const char *ikm, *salt, *info, *prk, *okm, *sentence;
} rfc5869[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	    "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
	    "077709362c2e32df0ddc3f0dc47bba63"
	    "90b6c73bb50f9c3122ec844ad7c2b3e5",
	    "3cb25f25faacd57a90434f64d0362f2a"
	    "2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
	    "RFC 5869 test case 1" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	  "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	  "404142434445464748494a4b4c4d4e4f",
	    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	    "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	    "06a6b88c5853361a06104c9ceb35b45c"
	    "ef760014904671014a193f40c15fc244",
	    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	    "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	    "cc30c58179ec3e87c14c01d5c1f3434f1d87",
	    "RFC 5869 test case 2" },
};

static struct bb_piece
unhex(const char *hex, uint8_t *bytes)
{
	size_t len = strlen(hex) / 2;

	tap_ok(bb_text_hex_scan(hex, bytes, len), "a vector is readable");
	return (struct bb_piece){ bytes, len };
}

static void
test_hkdf(void)
{
	uint8_t space[5][OKM_MAX], out[OKM_MAX];
	struct bb_piece ikm, salt, info, prk, okm;
	size_t i;

	for (i = 0; i < BB_LEN(rfc5869); i++) {
		ikm = unhex(rfc5869[i].ikm, space[0]);
		salt = unhex(rfc5869[i].salt, space[1]);
		info = unhex(rfc5869[i].info, space[2]);
		prk = unhex(rfc5869[i].prk, space[3]);
		okm = unhex(rfc5869[i].okm, space[4]);
		TAP_EQ_INT(bb_hkdf(&salt, &ikm, &info, out, okm.len), 0,
		    "HKDF works");
		TAP_EQ_MEM(out, okm.len, okm.bytes, okm.len,
		    rfc5869[i].sentence);
		memset(out, 0, sizeof(out));
		TAP_EQ_INT(bb_hkdf_expand(&prk, &info, out, okm.len), 0,
		    "HKDF-Expand works");
		TAP_EQ_MEM(out, okm.len, okm.bytes, okm.len,
		    "and agrees from the PRK of the same case on");
	}
}

static void
same_keys(const struct bb_keys *keys, const char *prefix)
{
	static const struct {
		const char *name;
		size_t offset, len;
	} parts[] = {
		{ "up", offsetof(struct bb_keys, up), 32 },
		{ "down", offsetof(struct bb_keys, down), 32 },
		{ "nonce-up", offsetof(struct bb_keys, nonce_up), 32 },
		{ "nonce-down", offsetof(struct bb_keys, nonce_down), 32 },
		{ "kid", offsetof(struct bb_keys, kid), BB_KID_LEN },
	};
	size_t i;

	for (i = 0; i < BB_LEN(parts); i++) {
		struct vector v = vector_of(prefix, parts[i].name);

		TAP_EQ_MEM((const uint8_t *)keys + parts[i].offset,
		    parts[i].len, v.bytes, v.len, parts[i].name);
	}
}

static void
test_expand(void)
{
	struct bb_keys keys, other;
	uint8_t base[BB_BASE_LEN];

	vector_copy("base", base, sizeof(base));
	TAP_EQ_INT(bb_keys_expand(base, VECTOR_PIN, &keys), 0,
	    "a base key expands, to the published keys:");
	same_keys(&keys, "");
	TAP_EQ_INT(bb_keys_expand(base, VECTOR_PIN + 1, &other), 0,
	    "the same base key expands for another PIN");
	tap_ok(memcmp(&keys, &other, sizeof(keys)) != 0 &&
		   memcmp(keys.kid, other.kid, sizeof(keys.kid)) != 0,
	    "and to other keys");
}

/* The vectors' roll and both private halves. */
static struct bb_roll
vector_roll(uint8_t base[BB_BASE_LEN], uint8_t device[BB_EPHEMERAL_LEN],
    uint8_t server[BB_EPHEMERAL_LEN])
{
	struct bb_roll roll = { .pin = VECTOR_PIN, .att = 1 };

	vector_copy("base", base, BB_BASE_LEN);
	vector_copy("e_d", device, BB_EPHEMERAL_LEN);
	vector_copy("e_s", server, BB_EPHEMERAL_LEN);
	vector_copy("kid", roll.kid, sizeof(roll.kid));
	vector_copy("E_d", roll.e_d, sizeof(roll.e_d));
	vector_copy("E_s", roll.e_s, sizeof(roll.e_s));
	return roll;
}

static void
test_roll(void)
{
	uint8_t base[BB_BASE_LEN], next[BB_BASE_LEN];
	uint8_t device[BB_EPHEMERAL_LEN], server[BB_EPHEMERAL_LEN];
	struct bb_roll roll = vector_roll(base, device, server);
	struct vector want = vector("next-base");
	struct bb_keys keys;

	TAP_EQ_INT(bb_keys_roll(base, server, true, &roll, next), 0,
	    "the dispatcher's end rolls");
	TAP_EQ_MEM(next, sizeof(next), want.bytes, want.len,
	    "to the published base key");
	memset(next, 0, sizeof(next));
	TAP_EQ_INT(bb_keys_roll(base, device, false, &roll, next), 0,
	    "the device's end rolls");
	TAP_EQ_MEM(next, sizeof(next), want.bytes, want.len,
	    "to the same base key");
	TAP_EQ_INT(bb_keys_expand(next, VECTOR_PIN, &keys), 0,
	    "the new base key expands, to the published keys:");
	same_keys(&keys, "next-");
}

/* Everything that both ends know goes into the next key. */
static void
test_roll_binds(void)
{
	uint8_t base[BB_BASE_LEN], next[BB_BASE_LEN];
	uint8_t device[BB_EPHEMERAL_LEN], server[BB_EPHEMERAL_LEN];
	struct bb_roll roll = vector_roll(base, device, server);
	struct vector want = vector("next-base");
	uint8_t *bound[] = { (uint8_t *)&roll.pin, (uint8_t *)&roll.att,
		roll.kid, roll.e_s, base };
	static const char *const names[] = { "PIN", "attach number", "key id",
		"own public half", "old base key" };
	size_t i;

	for (i = 0; i < BB_LEN(bound); i++) {
		bound[i][0] ^= 1;
		tap_ok(bb_keys_roll(base, server, true, &roll, next) == 0 &&
			   memcmp(next, want.bytes, sizeof(next)) != 0,
		    "another %s makes another base key", names[i]);
		bound[i][0] ^= 1;
	}
	roll.e_d[0] ^= 1;
	tap_ok(bb_keys_roll(base, server, true, &roll, next) == 0 &&
		   memcmp(next, want.bytes, sizeof(next)) != 0,
	    "another half of the peer makes another base key");
}

static void
test_ephemeral(void)
{
	uint8_t base[BB_BASE_LEN] = { 1 };
	uint8_t priv[3][BB_EPHEMERAL_LEN];
	uint8_t next[2][BB_BASE_LEN];
	struct bb_roll roll = { .pin = VECTOR_PIN, .att = 9 };

	tap_ok(bb_keys_ephemeral(priv[0], roll.e_d) == 0 &&
		   bb_keys_ephemeral(priv[1], roll.e_s) == 0,
	    "both ends draw a pair");
	tap_ok(memcmp(priv[0], priv[1], sizeof(priv[0])) != 0,
	    "the pairs differ");
	tap_ok(bb_keys_roll(base, priv[0], false, &roll, next[0]) == 0 &&
		   bb_keys_roll(base, priv[1], true, &roll, next[1]) == 0,
	    "both ends roll");
	TAP_EQ_MEM(next[0], BB_BASE_LEN, next[1], BB_BASE_LEN,
	    "to the same base key");
	memset(priv[2], 0x42, sizeof(priv[2]));
	tap_ok(bb_keys_roll(base, priv[2], true, &roll, next[1]) == 0 &&
		   memcmp(next[0], next[1], BB_BASE_LEN) != 0,
	    "who has another private half gets another base key");
}

/* The points of low order (0, 1, two of order 8, p-1, p, p+1; RFC 7748 section
 * 6.1, little-endian), and the first with the bit set that X25519 ignores. */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
};

static void
test_low_order(void)
{
	uint8_t base[BB_BASE_LEN], next[BB_BASE_LEN];
	uint8_t device[BB_EPHEMERAL_LEN], server[BB_EPHEMERAL_LEN];
	struct bb_roll roll = vector_roll(base, device, server);
	size_t i;

	for (i = 0; i < BB_LEN(low_order); i++) {
		if (!bb_text_hex_scan(low_order[i], roll.e_d, sizeof(roll.e_d)))
			roll.e_d[0] = 0xff;
		memcpy(roll.e_s, roll.e_d, sizeof(roll.e_s));
		errno = 0;
		tap_ok(bb_keys_roll(base, server, true, &roll, next) == -1 &&
			   errno == EBADMSG,
		    "the dispatcher refuses E_d %.8s... of low order",
		    low_order[i]);
		errno = 0;
		tap_ok(bb_keys_roll(base, device, false, &roll, next) == -1 &&
			   errno == EBADMSG,
		    "the device refuses E_s %.8s... of low order",
		    low_order[i]);
	}
}

int
main(void)
{
	test_hkdf();
	test_expand();
	test_roll();
	test_roll_binds();
	test_ephemeral();
	test_low_order();
	return tap_done();
}
