/* The device's end of the link: its states, what each event does to them, and
 * which numbers it believes.  The tables of docs/wire.md, "States" (Device) and
 * "Numbers".  PURE. */
#ifndef BB_FLOW_DEVICE_H
#define BB_FLOW_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/window.h"
#include "wire/frame.h"

enum bb_device_state {
	BB_DEVICE_IDLE,    /* no attach is under way, no session is open */
	BB_DEVICE_WAITING, /* an ATTACH was sent, its ANSWER is to come */
	BB_DEVICE_OPEN,    /* accepted: DATA goes both ways */
	BB_DEVICE_STATES
};

enum bb_device_event {
	/* of the device itself */
	BB_DE_ATTACH,    /* an attach is wanted */
	BB_DE_SEND,      /* a DATA frame is wanted */
	BB_DE_NO_ANSWER, /* it has waited long enough */
	BB_DE_LINK_LOST,
	/* of the gateway: what bb_device_see says of a frame */
	BB_DE_ANSWER_OK,   /* all of step 4, accepted */
	BB_DE_ANSWER_NO,   /* all of step 4, refused */
	BB_DE_STALE_AHEAD, /* told a higher attach number than ours */
	BB_DE_STALE_SAME,  /* told ours: a copy of the frame came first */
	BB_DE_SUPERSEDED,
	BB_DE_BUSY,
	BB_DE_UNREACHABLE,
	BB_DE_BADBODY,
	BB_DE_REATTACH,
	BB_DE_HINT,
	BB_DE_DATA_CURRENT,  /* opened under the current key */
	BB_DE_DATA_PREVIOUS, /* opened under the previous one */
	BB_DE_OTHER,         /* a frame that is not for this attach */
	/* of what a DATA frame held */
	BB_DE_BYE, /* the session has ended */
	BB_DEVICE_EVENTS
};

enum bb_device_act {
	BB_DA_DROP,   /* as if it had not come */
	BB_DA_REFUSE, /* the device may not do that in this state */
	BB_DA_ATTACH, /* att + 1, new e_d, on disk; then send */
	BB_DA_SEND,   /* seq + 1, on disk; then send */
	BB_DA_FORGET, /* wipe e_d: the answer will not be taken any more */
	BB_DA_ADOPT,  /* previous := base, current := B', on disk; wipe e_d */
	BB_DA_TOLD,   /* att := told, on disk; wipe e_d; attach anew */
	BB_DA_ANEW,   /* wipe e_d; attach anew */
	BB_DA_AGAIN,  /* the same bytes after retry_after */
	BB_DA_WAIT,   /* go on waiting */
	BB_DA_SHOW,   /* tell the user; what is on disk stays */
	BB_DA_ERASE,  /* take the frame, erase the previous key */
	BB_DA_TAKE,   /* take the frame */
	BB_DA_DETACH, /* the session goes on after a new attach */
	BB_DA_END     /* there is no session any more */
};

#define BB_DEVICE_BUSY_MAX 3 /* the same bytes are sent again that often */

struct bb_device {
	enum bb_device_state state;
	uint32_t att;          /* the last one taken; 0: none yet */
	struct bb_window down; /* seq of DATA frames taken, of this attach */
	uint32_t whole;        /* DATA frames 1 .. whole were all taken */
	bool lost;             /* events were left out: see bb_device_lost */
	unsigned busy;         /* NOTICE busy since the ATTACH */
};

/* The key under which a frame opened. */
enum bb_device_key { BB_KEY_NONE, BB_KEY_CURRENT, BB_KEY_PREVIOUS };

/* What a NOTICE says; the words are those of messages.def. */
enum bb_device_notice {
	BB_NOTICE_STALE,
	BB_NOTICE_SUPERSEDED,
	BB_NOTICE_BUSY,
	BB_NOTICE_UNREACHABLE,
	BB_NOTICE_REATTACH,
	BB_NOTICE_BADBODY,
	BB_NOTICES
};

/* A frame from the gateway, after it was opened as far as it can be. */
struct bb_device_frame {
	uint8_t type;      /* ANSWER, DATA, NOTICE or HINT */
	uint32_t att, seq; /* of the header */
	enum bb_device_key key;
	bool nonce_mine;  /* it names the nonce of the frame sent last */
	bool newkid_fits; /* ANSWER: newkid is kid(B') */
	bool ok;          /* ANSWER: the verdict */
	enum bb_device_notice notice;
	uint32_t told; /* NOTICE stale */
};

/* Which event a frame is.  With BB_DE_OTHER, *why is a clause for people ("has
 * another attach number"), else NULL.  Nothing is noted. */
enum bb_device_event bb_device_see(const struct bb_device *device,
    const struct bb_device_frame *frame, const char **why);

/* Moves the device and says what to do.  What is not in the table is dropped,
 * or refused where the device itself wanted it. */
enum bb_device_act bb_device_step(struct bb_device *device,
    enum bb_device_event event);
const char *bb_device_state_word(enum bb_device_state state);
/* The word of a notice, or NULL; and back: BB_NOTICES for an unknown word. */
const char *bb_device_notice_word(enum bb_device_notice notice);
enum bb_device_notice bb_device_notice_find(const char *word);

/* A new attach begins: the numbers of DATA frames begin anew. */
void bb_device_attached(struct bb_device *device, uint32_t att);
/* True when no DATA frame before this one is missing: then a gap in the numbers
 * of its events is the service's own (it dropped what was too old). */
bool bb_device_whole(const struct bb_device *device, uint32_t seq);
/* Notes a DATA frame as taken.  False when it was taken before. */
bool bb_device_took(struct bb_device *device, uint32_t seq);
/* Events of a frame were left out for a gap before them.  They come again, but
 * until the next attach no gap is believed to be the service's own. */
void bb_device_lost(struct bb_device *device);

/* What an event down is to a device that has those up to `have` on disk. */
enum bb_device_event_is {
	BB_EVENT_NEW,
	BB_EVENT_HAD, /* acknowledge it again, do not show it again */
	BB_EVENT_GAP  /* one before it was lost: it will come again */
};
enum bb_device_event_is bb_device_event_is(uint64_t have, uint64_t n,
    bool whole);

/* What up_next in the answer to an accepted attach says of the device's own
 * numbers.  `first` is the lowest number that is not acknowledged, `next` the
 * one that the next message gets (equal when all are acknowledged).  Messages
 * below up_next are acknowledged in both cases. */
enum bb_device_numbers {
	BB_NUMBERS_FIT,
	BB_NUMBERS_ANEW /* a store was restored: draw a new numbering id */
};
enum bb_device_numbers bb_device_numbers(uint64_t first, uint64_t next,
    uint64_t up_next);

#endif
