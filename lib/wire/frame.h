/* The frame: what device, router and dispatcher send each other.  PURE.
 * docs/wire.md, "Frame", is the byte table; the names here are its names. */
#ifndef BB_WIRE_FRAME_H
#define BB_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/parse.h"

#define BB_FRAME_MAGIC0 0xBB
#define BB_FRAME_MAGIC1 0x01
#define BB_FRAME_VERSION 1
#define BB_FRAME_HEAD 12   /* magic, len and link: before what `len` counts */
#define BB_FRAME_MAX 65535 /* bytes of a whole frame */
#define BB_FRAME_LEN_MAX (BB_FRAME_MAX - BB_FRAME_HEAD)
#define BB_KID_LEN 8
#define BB_NONCE_LEN 24
#define BB_EPHEMERAL_LEN 32
#define BB_TAG_LEN 16
#define BB_HINT_LEN 28      /* bytes of a whole HINT */
#define BB_TRUNK_LEN 28     /* bytes of a whole HELLO or LINK_... */
#define BB_HINT_NONCE_LEN 8 /* leading bytes of the offending nonce */
#define BB_AAD_MAX 56
#define BB_NUMBER_MAX 0xFFFFFFFEu /* last attach and frame number */
/* Frame bytes that are not ciphertext: without and with an ephemeral key. */
#define BB_FRAME_OVERHEAD 76
#define BB_FRAME_OVERHEAD_E 108
/* Longest plaintext of a frame without E. */
#define BB_FRAME_PLAIN_MAX (BB_FRAME_MAX - BB_FRAME_OVERHEAD)

enum bb_frame_type {
	BB_FRAME_ATTACH = 1,
	BB_FRAME_ANSWER = 2,
	BB_FRAME_RECOVER = 3,
	BB_FRAME_DATA = 4,
	BB_FRAME_NOTICE = 5,
	BB_FRAME_HINT = 0x40,
	BB_FRAME_HELLO = 0x80, /* 0x80..0x83: trunks only */
	BB_FRAME_LINK_DOWN = 0x81,
	BB_FRAME_LINK_OK = 0x82,
	BB_FRAME_LINK_CLOSE = 0x83
};

enum bb_frame_dir {
	BB_FRAME_UP = 0, /* from the device */
	BB_FRAME_DOWN = 1
};

enum bb_hint_code {
	BB_HINT_VERSION = 1,
	BB_HINT_CANNOT_OPEN = 2,
	BB_HINT_NO_DISPATCHER = 3
};

/* What LINK_CLOSE gives as its code. */
enum bb_link_close {
	BB_LINK_CLOSE_UNOPENED = 1, /* too many frames that do not open */
	BB_LINK_CLOSE_NO_DEVICE = 2 /* it sent what no device sends */
};

/* Why a whole frame is not acceptable.  The stream stays readable. */
enum bb_frame_fault {
	BB_FRAME_SOUND,
	BB_FRAME_BAD_VERSION,
	BB_FRAME_BAD_TYPE, /* unknown, or of another kind of link */
	BB_FRAME_BAD_DIRECTION,
	BB_FRAME_BAD_RESERVED, /* a byte that must be 0 is not, or a code is 0
				* that must not be */
	BB_FRAME_BAD_LENGTH,   /* does not fit the type */
	BB_FRAME_BAD_NUMBER    /* att or seq out of range for the type */
};

/* Pointers borrow the bytes that were parsed. */
struct bb_frame {
	uint64_t link; /* router instance << 32 | link */
	uint8_t version;
	uint8_t type; /* enum bb_frame_type */
	uint8_t dir;  /* enum bb_frame_dir */
	uint8_t code; /* enum bb_hint_code, enum bb_link_close; else 0 */
	uint32_t pin; /* HELLO: the router's instance; LINK_CLOSE: 0 */
	uint8_t kid[BB_KID_LEN];
	uint32_t att;
	uint32_t seq;
	uint8_t nonce[BB_NONCE_LEN]; /* HINT: the first 8 bytes only */
	uint8_t e[BB_EPHEMERAL_LEN]; /* ATTACH, ANSWER, RECOVER; else zero */
	const uint8_t *cipher;       /* ciphertext and tag, or NULL */
	size_t cipher_len;           /* tag included */
};

/* Finds where the frame at `bytes` ends.  OK: *frame_len is its length and
 * that many bytes are there.  MORE: the beginning of a frame.  BAD: no frame
 * begins here (magic or len), so the stream cannot be read on. */
enum bb_parse bb_frame_split(const void *bytes, size_t len, size_t *frame_len);

/* Reads the frame that split found.  Sound: *frame is set.  Any other answer:
 * *frame holds what could be read (pin, nonce and type are zero when they
 * could not), the frame is to be dropped, the next one is unharmed.  A nonce
 * that is cut off counts as one that could not be read. */
enum bb_frame_fault bb_frame_read(const void *bytes, size_t frame_len,
    struct bb_frame *frame);
/* The same on a trunk, where HELLO, LINK_DOWN, LINK_OK and LINK_CLOSE are sound
 * too; everywhere else they are of a bad type. */
enum bb_frame_fault bb_frame_read_trunk(const void *bytes, size_t frame_len,
    struct bb_frame *frame);
/* True for 0x80 to 0x83: what closes a device link. */
bool bb_frame_is_trunk(uint8_t type);

/* Words for a fault: "has an unknown version". */
const char *bb_frame_fault_text(enum bb_frame_fault fault);
/* "ATTACH", or "type-0x17" written into a static table's row. */
const char *bb_frame_type_text(uint8_t type);

/* Writes everything before the ciphertext (with E where the type has it),
 * `cipher_len` being the length of ciphertext and tag that will follow; more
 * than a frame holds is our own fault and ends the process. Returns the bytes
 * written: 60 or 92.  out has room for BB_FRAME_OVERHEAD_E bytes. */
size_t bb_frame_write_head(const struct bb_frame *frame, size_t cipher_len,
    uint8_t *out);
/* Writes a whole HINT (28 bytes) that answers `offender`'s nonce. */
size_t bb_frame_write_hint(uint64_t link, uint32_t pin, uint8_t code,
    const uint8_t *nonce, uint8_t out[BB_HINT_LEN]);
/* Writes a HELLO: UP with the router's instance (not 0), or DOWN, when the
 * instance is not used.  Returns BB_TRUNK_LEN. */
size_t bb_frame_write_hello(enum bb_frame_dir dir, uint32_t instance,
    uint8_t out[BB_TRUNK_LEN]);
/* Writes a LINK_DOWN, LINK_OK (their pin) or LINK_CLOSE (its code, not 0); what
 * a type has not is not used.  Returns BB_TRUNK_LEN. */
size_t bb_frame_write_link(enum bb_frame_type type, uint64_t link, uint32_t pin,
    uint8_t code, uint8_t out[BB_TRUNK_LEN]);
/* The associated data of a frame: bytes 12..35 and E.  Returns 24 or 56. */
size_t bb_frame_aad(const struct bb_frame *frame, uint8_t out[BB_AAD_MAX]);
/* True for ATTACH, ANSWER and RECOVER. */
bool bb_frame_has_e(uint8_t type);
/* Overwrites the link field of a frame in place. */
void bb_frame_set_link(uint8_t *bytes, uint64_t link);

#endif
