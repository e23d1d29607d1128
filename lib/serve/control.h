/* The control socket: people and bbsession ask a running stage, one command per
 * line, one JSON object per answer. */
#ifndef BB_SERVE_CONTROL_H
#define BB_SERVE_CONTROL_H

#include <stdbool.h>

#include "base/buf.h"
#include "serve/loop.h"

#define BB_CONTROL_WHY_MAX 256

struct bb_control;

/* Listens at "unix:PATH", mode 0600.  A command is a line of at most 256 bytes;
 * an asker that breaks this, says nothing for 30 s, or does not read its
 * answers, is sent away.  answer appends one JSON object without a newline;
 * false, or nothing appended: no such command (said so to the asker).  It must
 * not free the control.  Answers are written by bb_peers_flush.  NULL with
 * errno and a clause in why. */
struct bb_control *bb_control_new(struct bb_loop *loop, const char *addr,
    bool (*answer)(void *ctx, const char *command, struct bb_buf *out),
    void *ctx, char why[BB_CONTROL_WHY_MAX]);
/* Sends askers away, closes and removes the socket.  NULL is legal. */
void bb_control_free(struct bb_control *control);

#endif
