/* Secrets that are read from outside: passwords and key files. */
#ifndef BBSESSION_SECRETS_H
#define BBSESSION_SECRETS_H

#include <stdint.h>

#include "base/secret.h"
#include "bbsession.h"
#include "seal/keys.h"

/* Reads a base key: 32 bytes, or 64 hexadecimal digits and perhaps a line end,
 * from a file that only its owner can read.  Ends the process with a sentence
 * otherwise; the caller wipes. */
void key_read(const char *path, uint8_t base[BB_BASE_LEN]);

/* Whether the options say where a password comes from; two of them are an
 * error that ends the process. */
enum password_from {
	PASSWORD_NONE, /* --no-password */
	PASSWORD_FILE,
	PASSWORD_FD,
	PASSWORD_TERMINAL
};
enum password_from password_source(const struct args *a);
/* Reads it, from the terminal twice.  Ends the process with a sentence when
 * that cannot be done; the caller clears. */
void password_read(const struct args *a, const char *user,
    struct bb_secret *password);

#endif
