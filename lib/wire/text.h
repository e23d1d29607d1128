/* Text forms of numbers and bytes, and UTF-8.  PURE. */
#ifndef BB_WIRE_TEXT_H
#define BB_WIRE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BB_PIN_TEXT_MAX 9 /* 8 hexadecimal digits and a zero byte */
#define BB_U64_HEX_MAX 17

/* Exactly 8 hexadecimal digits, either case. */
bool bb_text_pin_scan(const char *text, uint32_t *pin);
void bb_text_pin(uint32_t pin, char out[BB_PIN_TEXT_MAX]);
/* Lower case; out has room for 2 * len + 1. */
void bb_text_hex(const void *bytes, size_t len, char *out);
/* Exactly 2 * len digits, either case, then the end of the text. */
bool bb_text_hex_scan(const char *text, void *bytes, size_t len);
void bb_text_u64_hex(uint64_t v, char out[BB_U64_HEX_MAX]);
bool bb_text_u64_hex_scan(const char *text, uint64_t *v);
/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool bb_text_utf8(const void *bytes, size_t len);
/* A name of a user, service or account: 1..max bytes of UTF-8 without
 * control characters, no white space at either end. */
bool bb_text_name(const char *text, size_t max);

#endif
