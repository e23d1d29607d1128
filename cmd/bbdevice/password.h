/* Where the password of a login comes from. */
#ifndef BBDEVICE_PASSWORD_H
#define BBDEVICE_PASSWORD_H

#include "base/secret.h"
#include "emit.h"

/* From --password-file, --password-fd, or the terminal.  Ends the process with
 * a sentence when there is none; the caller clears. */
void password_read(const struct emit_options *o, const struct account *account,
    struct bb_secret *password);

#endif
