/* Asking a running stage at its control socket. */
#ifndef BB_SERVE_ASK_H
#define BB_SERVE_ASK_H

#include "base/buf.h"
#include "base/cc.h"

#define BB_ASK_WHY_MAX 256
#define BB_ASK_MS 10000 /* longest silence that is waited for */

/* Connects to "unix:PATH", sends one command, appends the one-line answer
 * without its newline.  Blocks.  0, or -1 with a clause in why that names the
 * place. */
int bb_ask(const char *addr, const char *command, struct bb_buf *answer,
    char why[BB_ASK_WHY_MAX]) BB_NODISCARD;

#endif
