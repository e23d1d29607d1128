/* Saying that a stage is ready: to a supervisor, to the head of a chain. */
#ifndef BB_SERVE_READY_H
#define BB_SERVE_READY_H

#include <stdint.h>

/* Takes BB_READY_FD and NOTIFY_SOCKET out of the environment, so that no child
 * sees them.  Call early. */
void bb_ready_take(void);
/* Writes a newline to fd (-1: none) and to BB_READY_FD and closes both; sends
 * READY=1 to NOTIFY_SOCKET (sd_notify(3)).  Nothing of it is an error: whoever
 * asked may be gone. */
void bb_ready_tell(int64_t fd);
/* The same for "STOPPING=1". */
void bb_ready_stopping(void);

#endif
