/* Compiler extensions: the only place where they are spelled. */
#ifndef BB_BASE_CC_H
#define BB_BASE_CC_H

#include "base/ban.h"

#define BB_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Without a condition: checkers would look at both cases.  A compiler that has
 * no attributes can be given -D'__attribute__(x)='. */
#define BB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define BB_NODISCARD __attribute__((warn_unused_result))
#define BB_NORETURN __attribute__((noreturn))

#endif
