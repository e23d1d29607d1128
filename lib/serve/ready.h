/* Saying that a stage is ready: to a supervisor, to the head of a chain. */
#ifndef BB_SERVE_READY_H
#define BB_SERVE_READY_H

#include <stdbool.h>
#include <stdint.h>

/* Takes BB_READY_FD (a pipe, else it is passed over) and NOTIFY_SOCKET out of
 * the environment, so that no child sees them, and notes which descriptors were
 * there from the beginning.  Call early, before anything is opened. */
void bb_ready_take(void);
/* Another stage started this one, as the words after its "--": there was a
 * BB_READY_FD. */
bool bb_ready_chained(void);
/* Writes a newline to fd (-1: none) and to BB_READY_FD and closes both; sends
 * READY=1 to NOTIFY_SOCKET (sd_notify(3)).  Nothing of it is an error: whoever
 * asked may be gone.  An fd that nobody handed over is left alone, and a
 * warning logged: it may be a descriptor of our own by now.  Once. */
void bb_ready_tell(int64_t fd);
/* Sends STOPPING=1 to NOTIFY_SOCKET; readiness is not told any more. */
void bb_ready_stopping(void);

#endif
