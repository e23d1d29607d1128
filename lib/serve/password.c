/* The text form of a password verifier, and checking against it. */
#include "serve/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/sys.h"
#include "serve/scrypt.h"

#define SALT_LEN 16
#define SALT_TEXT 22 /* base64 digits */
#define HASH_TEXT 43

struct verifier {
	int cost;
	uint8_t salt[SALT_LEN];
	uint8_t hash[BB_SCRYPT_HASH];
};

/* RFC 4648, section 4. */
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* Without padding: out has room for (4 * len + 2) / 3 + 1. */
static void
base64_text(const uint8_t *bytes, size_t len, char *out)
{
	unsigned bits = 0, held = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		bits = bits << 8 | bytes[i];
		held += 8;
		while (held >= 6) {
			held -= 6;
			*out++ = base64[bits >> held & 63];
		}
		bits &= 0xFF;
	}
	if (held > 0)
		*out++ = base64[bits << (6 - held) & 63];
	*out = '\0';
}

/* Exactly `len` bytes from (4 * len + 2) / 3 digits; bits that are left over
 * are 0, so that each value has one text. */
static bool
base64_scan(const char *text, size_t digits, uint8_t *bytes, size_t len)
{
	unsigned bits = 0, held = 0;
	const char *digit;
	size_t i, n = 0;

	for (i = 0; i < digits; i++) {
		digit = text[i] == '\0' ? NULL : strchr(base64, text[i]);
		if (digit == NULL)
			return false;
		bits = (bits << 6 | (unsigned)(digit - base64)) & 0xFFF;
		held += 6;
		if (held >= 8 && n < len) {
			held -= 8;
			bytes[n++] = (uint8_t)(bits >> held);
		}
	}
	return n == len && (bits & ((1U << held) - 1)) == 0;
}

static bool
verifier_scan(const char *text, struct verifier *v)
{
	static const char head[] = "$scrypt$ln=", middle[] = ",r=8,p=1$";
	const char *salt, *hash;

	if (strlen(text) !=
		strlen(head) + 2 + strlen(middle) + SALT_TEXT + 1 + HASH_TEXT ||
	    memcmp(text, head, strlen(head)) != 0)
		return false;
	text += strlen(head);
	if (text[0] < '1' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	v->cost = 10 * (text[0] - '0') + (text[1] - '0');
	if (v->cost < BB_SCRYPT_COST_MIN || v->cost > BB_SCRYPT_COST_MAX ||
	    memcmp(text + 2, middle, strlen(middle)) != 0)
		return false;
	salt = text + 2 + strlen(middle);
	hash = salt + SALT_TEXT + 1;
	return salt[SALT_TEXT] == '$' &&
	       base64_scan(salt, SALT_TEXT, v->salt, SALT_LEN) &&
	       base64_scan(hash, HASH_TEXT, v->hash, BB_SCRYPT_HASH);
}

static int
hash_password(const struct bb_secret *password, const struct verifier *v,
    uint8_t hash[BB_SCRYPT_HASH])
{
	return bb_scrypt(password->text == NULL ? "" : password->text,
	    password->len, v->salt, SALT_LEN, v->cost, hash);
}

int
bb_password_verifier(const struct bb_secret *password, int cost,
    char out[BB_PASSWORD_VERIFIER_MAX])
{
	char salt[SALT_TEXT + 1], hash[HASH_TEXT + 1];
	struct verifier v = { .cost = cost };
	int n;

	if (cost < BB_SCRYPT_COST_MIN || cost > BB_SCRYPT_COST_MAX) {
		errno = EINVAL;
		return -1;
	}
	bb_random(v.salt, SALT_LEN);
	if (hash_password(password, &v, v.hash) == -1)
		return -1;
	base64_text(v.salt, SALT_LEN, salt);
	base64_text(v.hash, BB_SCRYPT_HASH, hash);
	n = snprintf(out, BB_PASSWORD_VERIFIER_MAX,
	    "$scrypt$ln=%d,r=%d,p=%d$%s$%s", cost, BB_SCRYPT_R, BB_SCRYPT_P,
	    salt, hash);
	return n > 0 && n < BB_PASSWORD_VERIFIER_MAX ? 0 : -1;
}

/* Whether there is such an account must not be told by the time that the
 * answer takes. */
static int
check_nobody(const struct bb_secret *password)
{
	const struct verifier nobody = { .cost = BB_SCRYPT_COST_DEFAULT };
	uint8_t hash[BB_SCRYPT_HASH];
	int rc = hash_password(password, &nobody, hash);

	bb_wipe(hash, sizeof(hash));
	return rc;
}

int
bb_password_check(const struct bb_secret *password, const char *verifier)
{
	uint8_t hash[BB_SCRYPT_HASH];
	struct verifier v;
	int rc;

	if (verifier == NULL)
		return check_nobody(password);
	if (!verifier_scan(verifier, &v)) {
		errno = EINVAL;
		return -1;
	}
	rc = hash_password(password, &v, hash);
	if (rc == 0)
		rc = bb_equal_ct(hash, v.hash, sizeof(hash)) ? 1 : 0;
	bb_wipe(hash, sizeof(hash));
	return rc;
}
