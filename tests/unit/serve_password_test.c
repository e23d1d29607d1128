/* Password verifiers: their text form, right and wrong passwords. */
#include "serve/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/clock.h"
#include "serve/scrypt.h"
#include "tap.h"

/* "correct horse", cost 10, salt 00 01 .. 0f; by Python's hashlib.scrypt. */
static const char known[] = "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$"
			    "nfkj3u1fRTHCea+fVr03sWV770kp5wLOLoEakziKhqE";

static struct bb_secret
secret(const char *text)
{
	struct bb_secret s = { 0 };

	if (bb_secret_set(&s, text, strlen(text)) == -1)
		tap_ok(false, "a secret can be set");
	return s;
}

static int
check(const char *text, const char *verifier)
{
	struct bb_secret s = secret(text);
	int rc = bb_password_check(&s, verifier);

	bb_secret_clear(&s);
	return rc;
}

static void
test_round(int cost)
{
	struct bb_secret s = secret("correct horse");
	char one[BB_PASSWORD_VERIFIER_MAX], two[BB_PASSWORD_VERIFIER_MAX];

	tap_ok(bb_password_verifier(&s, cost, one) == 0 &&
		   bb_password_verifier(&s, cost, two) == 0,
	    "a verifier of cost %d can be made", cost);
	tap_ok(strcmp(one, two) != 0, "two of one password differ");
	tap_ok(strstr(one, "correct") == NULL, "and do not hold it");
	TAP_EQ_INT(bb_password_check(&s, one), 1, "the password fits");
	TAP_EQ_INT(check("correct horsf", one), 0, "another does not");
	TAP_EQ_INT(check("correct hors", one), 0, "a shorter one does not");
	TAP_EQ_INT(check("", one), 0, "none does not");
	bb_secret_clear(&s);
}

static void
test_known(void)
{
	static const char hash[] =
	    "\x70\x23\xbd\xcb\x3a\xfd\x73\x48\x46\x1c\x06\xcd\x81\xfd\x38\xeb"
	    "\xfd\xa8\xfb\xba\x90\x4f\x8e\x3e\xa9\xb5\x43\xf6\x54\x5d\xa1\xf2";
	uint8_t out[BB_SCRYPT_HASH];

	TAP_EQ_INT(bb_scrypt("pleaseletmein", 13,
		       (const uint8_t *)"SodiumChloride", 14, 14, out),
	    0, "scrypt with N 16384, r 8, p 1 works");
	TAP_EQ_MEM(out, sizeof(out), hash, 32,
	    "and gives the vector of RFC 7914");
	TAP_EQ_INT(check("correct horse", known), 1,
	    "a verifier made by other software fits");
	TAP_EQ_INT(check("Correct horse", known), 0, "and refuses");
}

static void
test_empty_password(void)
{
	struct bb_secret none = { 0 };
	char text[BB_PASSWORD_VERIFIER_MAX];

	TAP_EQ_INT(bb_password_verifier(&none, 10, text), 0,
	    "a secret that was never set counts as the empty one");
	TAP_EQ_INT(check("", text), 1, "which fits");
	TAP_EQ_INT(check("x", text), 0, "and no other");
}

static void
test_cost_bounds(void)
{
	struct bb_secret s = secret("x");
	char text[BB_PASSWORD_VERIFIER_MAX];

	tap_ok(bb_password_verifier(&s, BB_SCRYPT_COST_MIN - 1, text) == -1 &&
		   errno == EINVAL,
	    "a cost below the minimum is refused");
	tap_ok(bb_password_verifier(&s, BB_SCRYPT_COST_MAX + 1, text) == -1 &&
		   errno == EINVAL,
	    "a cost above the maximum is refused");
	bb_secret_clear(&s);
}

static void
test_not_understood(void)
{
	static const struct {
		const char *from, *to, *sentence;
	} rows[] = {
		/* clang-format off */
		{ "$scrypt$", "$Scrypt$", "another scheme" },
		{ "ln=10", "ln=09", "a cost below the minimum" },
		{ "ln=10", "ln=21", "a cost above the maximum" },
		{ "ln=10", "ln=-1", "a cost that is no number" },
		{ "r=8", "r=9", "another block size" },
		{ "p=1", "p=2", "another parallelism" },
		{ "AAEC", "AA=C", "a salt that is not base64" },
		{ "DA0ODw$", "DA0ODw-", "no separator" },
		{ "DA0ODw$", "DA0ODx$", "bits left over behind the salt" },
		/* clang-format on */
	};
	char text[BB_PASSWORD_VERIFIER_MAX];
	char *at;
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		memcpy(text, known, sizeof(known));
		at = strstr(text, rows[i].from);
		memcpy(at, rows[i].to, strlen(rows[i].to));
		errno = 0;
		tap_ok(check("correct horse", text) == -1 && errno == EINVAL,
		    "not understood: %s", rows[i].sentence);
	}
	memcpy(text, known, sizeof(known));
	for (i = 0; i < strlen(known); i++) {
		text[i] = '\0';
		if (check("correct horse", text) != -1)
			tap_ok(false, "a verifier cut at %zu is refused", i);
		text[i] = known[i];
	}
	tap_ok(check("correct horse", text) == 1, "only the whole text fits");
	text[strlen(known)] = 'A';
	text[strlen(known) + 1] = '\0';
	TAP_EQ_INT(check("correct horse", text), -1,
	    "not understood: a digit too many");
}

/* The processor's time, not the wall's: others run beside this test. */
static double
cost_of(const char *verifier)
{
	struct timespec from, to;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	if (check("x", verifier) != 0)
		tap_ok(false, "a wrong password is refused");
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) +
	       (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void
test_nobody(void)
{
	struct bb_secret s = secret("correct horse");
	char text[BB_PASSWORD_VERIFIER_MAX];
	double real, nobody;

	if (bb_password_verifier(&s, BB_SCRYPT_COST_DEFAULT, text) == -1)
		tap_ok(false, "a verifier of default cost can be made");
	bb_secret_clear(&s);
	(void)cost_of(text);
	real = cost_of(text);
	nobody = cost_of(NULL);
	tap_ok(nobody > real / 2 && nobody < real * 2,
	    "nobody's password costs what somebody's does");
	TAP_EQ_INT(check("", NULL), 0, "and never fits");
}

int
main(void)
{
	test_round(10);
	test_round(11);
	test_known();
	test_empty_password();
	test_cost_bounds();
	test_not_understood();
	test_nobody();
	return tap_done();
}
