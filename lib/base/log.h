/* Log lines: one write(2) each, "tool[pid]: level: text", to standard error, or
 * to syslog when standard error is the peer's socket.  Text that came from a
 * peer goes through bb_log_escape first.  Secrets never come here. */
#ifndef BB_BASE_LOG_H
#define BB_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cc.h"

#define BB_LOG_LINE_MAX 2048 /* bytes of a line, line feed included */

enum bb_log_level { BB_LOG_ERROR, BB_LOG_WARN, BB_LOG_INFO, BB_LOG_DEBUG };

/* The name of the tool; a borrowed constant.  Used by fail.h too. */
extern const char *bb_prog;
/* Call once at start of main: takes the name (borrows), level WARN. */
void bb_log_open(const char *prog);
void bb_log_level(enum bb_log_level level);
void bb_log_to_syslog(void);
/* With --json, error lines of bb_die and bb_log are JSON objects on stderr:
 * {"v":1,"level":"error","tool":"bbsession","text":"..."}. */
void bb_log_json(bool on);
void bb_log(enum bb_log_level level, const char *fmt, ...) BB_PRINTF(2, 3);
/* The last line of a tool, "tool: fatal: text": for bb_die only. */
void bb_log_fatal(const char *text);
/* Writes peer text with control characters, non-UTF-8 and backslash as \xNN,
 * at most out_size-1 bytes ("..." at the end when cut); returns out. */
const char *bb_log_escape(char *out, size_t out_size, const void *text,
    size_t len);

#endif
