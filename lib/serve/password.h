/* Passwords of `local` accounts: scrypt verifiers (RFC 7914) in a text form.
 * Expensive on purpose: call off the loop, from any thread.  Memory is 1 KiB
 * times 2^cost. */
#ifndef BB_SERVE_PASSWORD_H
#define BB_SERVE_PASSWORD_H

#include <stdbool.h>

#include "base/cc.h"
#include "base/secret.h"

#define BB_PASSWORD_VERIFIER_MAX 256
#define BB_SCRYPT_COST_MIN 10
#define BB_SCRYPT_COST_MAX 20
#define BB_SCRYPT_COST_DEFAULT 15 /* 32 MiB and some 0.1 s of a processor */

/* "$scrypt$ln=15,r=8,p=1$SALT$HASH" (base64 without padding).  0, or -1 with
 * ENOMEM or EINVAL (cost). */
int bb_password_verifier(const struct bb_secret *password, int cost,
    char out[BB_PASSWORD_VERIFIER_MAX]) BB_NODISCARD;
/* 1 yes, 0 no, -1 with EINVAL (verifier not understood) or ENOMEM.  A NULL
 * verifier costs what a default one costs, and answers 0. */
int bb_password_check(const struct bb_secret *password, const char *verifier)
    BB_NODISCARD;

#endif
