/* Look-ups in the message table, for the files of this room and the
 * generators: nothing here needs jansson. */
#ifndef BB_LINE_TABLE_H
#define BB_LINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "line/message.h"

/* The row of `op` for a member, or NULL. */
const struct bb_field_row *bb_field_find(enum bb_op op, const char *name);
/* True when a member of that name is a SECRET in any message. */
bool bb_field_secret(const char *name);
/* The op whose word this is and that stands in `where`, or BB_OP_COUNT. */
enum bb_op bb_op_find(const char *word, const char *where);
/* "a" is one of "a b c". */
bool bb_word_in(const char *words, const char *word);
/* "STR" ... */
const char *bb_field_type_text(enum bb_field_type type);

#endif
