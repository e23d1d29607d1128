/* The text of a message. */
#ifndef BBDEVICE_TEXT_H
#define BBDEVICE_TEXT_H

#include "base/buf.h"

#define TEXT_MAX 16384 /* bytes of a message, messages.def */
#define TEXT_BUF BB_BUF(TEXT_MAX + 2)

/* The operand, or, when it is NULL, standard input to its end without its last
 * line end; checked, zero-terminated.  Lives as long as operand and buf, which
 * is empty and has TEXT_BUF's maximum.  Ends the process with a sentence when
 * it cannot be a message. */
const char *text_take(const char *operand, struct bb_buf *buf);

#endif
