/* What a link may do before one of its frames has opened, and how many HINTs it
 * gets: the same at a router and at a dispatcher that devices reach directly.
 * PURE.  docs/wire.md, "Trunk". */
#ifndef BB_FLOW_STRANGER_H
#define BB_FLOW_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BB_STRANGER_FRAMES_MAX 4
#define BB_STRANGER_BYTES_MAX 8192 /* or one frame, however long */
#define BB_STRANGER_MS_MAX 20000
#define BB_STRANGER_HINT_MS 1000 /* between two HINTs */
#define BB_STRANGER_HINTS_MAX 8

/* {0} is a new link. */
struct bb_stranger {
	uint32_t hint_ms; /* when the last HINT was sent; goes round in 49 d */
	uint32_t bytes;   /* of whole frames */
	uint8_t frames;
	uint8_t hints; /* causes, since the link was proved */
	bool hinted;
	bool proved; /* no stranger: nothing but HINTs is limited */
};

enum bb_stranger_verdict {
	BB_STRANGER_PASS,
	BB_STRANGER_FRAMES, /* too many: close */
	BB_STRANGER_BYTES   /* too many: close */
};

enum bb_stranger_hint {
	BB_STRANGER_HINT_SEND,
	BB_STRANGER_HINT_KEEP, /* too soon after the last */
	BB_STRANGER_HINT_CLOSE /* it has caused too many: close */
};

/* A whole frame of so many bytes has come, whatever it is. */
enum bb_stranger_verdict bb_stranger_frame(struct bb_stranger *link,
    size_t frame_len);
/* So many bytes of a frame that is not whole wait: may they? */
enum bb_stranger_verdict bb_stranger_part(const struct bb_stranger *link,
    size_t len);
/* The link is that old: has it had its time? */
bool bb_stranger_late(const struct bb_stranger *link, int64_t age_ms);
/* A frame of the link has opened (LINK_OK). */
void bb_stranger_prove(struct bb_stranger *link);
/* A HINT is due.  `counted`: the link has caused it by what it sent, which
 * HINT 3 (no dispatcher) is not.  Of those, eight causes are allowed, also when
 * no HINT was sent for them. */
enum bb_stranger_hint bb_stranger_hint(struct bb_stranger *link, int64_t now_ms,
    bool counted);

#endif
