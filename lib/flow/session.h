/* A session in the Collaboration Service: states, the table of docs/wire.md
 * "States", and the rule for numbers.  PURE. */
#ifndef BB_FLOW_SESSION_H
#define BB_FLOW_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/window.h"

enum bb_session_state {
	BB_SESSION_NONE,
	BB_SESSION_PROVISIONAL, /* answered, not yet confirmed */
	BB_SESSION_LIVE,
	BB_SESSION_DETACHED, /* no link, or read from the store */
	BB_SESSION_STATES
};

enum bb_session_event {
	BB_SE_LOGIN,  /* attach that logs in */
	BB_SE_RESUME, /* attach that resumes, session known */
	BB_SE_DATA,
	BB_SE_UNCONFIRMED, /* the 60 s have passed */
	BB_SE_LINK_DOWN,   /* and its grace has passed */
	BB_SE_ENDED,       /* logged out, evicted, fenced ... */
	BB_SESSION_EVENTS
};

enum bb_session_act {
	BB_SA_DROP,    /* no effect, no answer */
	BB_SA_ADMIT,   /* ask for admission; then offered is set */
	BB_SA_OFFER,   /* answer the resume */
	BB_SA_CONFIRM, /* link moves; then work */
	BB_SA_WORK,
	BB_SA_REATTACH, /* NOTICE reattach to the stored link */
	BB_SA_DETACH,   /* out of coverage */
	BB_SA_CLOSE     /* log out, free the slot */
};

struct bb_session_core {
	enum bb_session_state state;
	uint32_t att;     /* in force; 0: none */
	uint32_t offered; /* of the latest attach; 0: none */
	uint64_t link;    /* in use */
	uint64_t offered_link;
	bool offered_login;  /* the latest attach was a login */
	struct bb_window up; /* for att */
	uint32_t down_seq;   /* last number given, for att */
};

/* What a line says: att and link always, seq with DATA. */
struct bb_session_line {
	uint32_t att;
	uint32_t seq;
	uint64_t link;
};

/* Moves the core and says what to do.  Attach and DATA events need a line;
 * LINK_DOWN may bring one, whose link is the one that went down (NULL: the
 * session's own); the others have none.  Who asks for admission steps a copy of
 * the core and keeps that only when admitted: a refused login leaves things as
 * they were.  A number outside of the window is never new; the first DATA of an
 * attach begins a window of its own. */
enum bb_session_act bb_session_step(struct bb_session_core *core,
    enum bb_session_event event, const struct bb_session_line *line);
const char *bb_session_state_word(enum bb_session_state state);

/* What becomes of a numbered message. */
enum bb_number { BB_NUMBER_EFFECT, BB_NUMBER_AGAIN, BB_NUMBER_GAP };
enum bb_number bb_number_up(uint64_t up_next, uint64_t n);

#endif
