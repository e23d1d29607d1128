/* The part of an asker that sends texts: private to asker.c. */
#ifndef BBDEVICE_ASKER_SEND_H
#define BBDEVICE_ASKER_SEND_H

#include "asker.h"
#include "base/cc.h"

/* Sends again what has no result, and goes on reading.  0, or -1 with errno. */
int asker_send_open(struct asker *a, struct bb_loop *loop) BB_NODISCARD;
/* The oldest message without a number has one now. */
void asker_send_kept(struct asker *a, const json_t *kept);
/* One that has a number has another one now. */
void asker_send_renumbered(struct asker *a, const json_t *renumbered);
void asker_send_result(struct asker *a, const json_t *result);

#endif
