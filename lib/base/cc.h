/* Compiler extensions: the only place where they are spelled. */
#ifndef BB_BASE_CC_H
#define BB_BASE_CC_H

#include "base/ban.h"

#define BB_LEN(array) (sizeof(array) / sizeof((array)[0]))

#if defined(__GNUC__) || defined(__cppcheck__)
#define BB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define BB_NODISCARD __attribute__((warn_unused_result))
#define BB_NORETURN __attribute__((noreturn))
#else
#define BB_PRINTF(fmt, first)
#define BB_NODISCARD
#define BB_NORETURN
#endif

#endif
