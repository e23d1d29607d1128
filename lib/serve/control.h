/* The control socket: people and bbsession ask a running stage, one command per
 * line, one JSON object per answer. */
#ifndef BB_SERVE_CONTROL_H
#define BB_SERVE_CONTROL_H

#include <stdbool.h>

#include "base/buf.h"
#include "serve/loop.h"

struct bb_control;

/* Listens at "unix:PATH", mode 0600.  answer appends one JSON object without a
 * newline; false: no such command (said so to the asker).  NULL with a clause
 * in why. */
struct bb_control *bb_control_new(struct bb_loop *loop, const char *addr,
    bool (*answer)(void *ctx, const char *command, struct bb_buf *out),
    void *ctx, char why[256]);
/* Closes and removes the socket.  NULL is legal. */
void bb_control_free(struct bb_control *control);

#endif
