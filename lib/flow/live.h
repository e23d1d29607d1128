/* What a device that stays connected does next: which attach fits, when to try
 * again, when to give up.  docs/wire.md, "States" (Device).  PURE. */
#ifndef BB_FLOW_LIVE_H
#define BB_FLOW_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/device.h"

/* How long to wait before the next attempt, in milliseconds: up to 1, 2, 4 ..
 * 60 s after so many failures in a row (from 1), of which a half is by chance,
 * so that many devices do not come back at once. */
int64_t bb_live_backoff_ms(unsigned failures, uint32_t chance);

enum bb_live_attach { BB_LIVE_RESUME, BB_LIVE_LOGIN, BB_LIVE_NEITHER };

/* What there is to attach with. */
struct bb_live_means {
	bool session;  /* its id is known */
	bool outlives; /* and it was said to outlive its connection */
	bool ours;     /* account and numbers are those wanted now */
	bool password;
	bool login; /* a new login is asked for */
};
/* A session that may be gone is resumed only where there is no password. */
enum bb_live_attach bb_live_attach(const struct bb_live_means *means);

enum bb_live_next {
	BB_LIVE_STAY,   /* nothing: wait for what comes */
	BB_LIVE_OPENED, /* the attach was accepted: confirm it */
	BB_LIVE_ATTACH, /* a new attach, now, over the same link */
	BB_LIVE_ANEW,   /* the same, as a login: the session is gone */
	BB_LIVE_SAME,   /* the same bytes again, after retry_after */
	BB_LIVE_LATER,  /* a new link, after a while */
	BB_LIVE_END     /* there is nothing more to try */
};

struct bb_live_facts {
	enum bb_device_event event;
	enum bb_device_act act; /* SHOW: the session goes on */
	bool was_open;          /* a session was open since the process began */
	bool password;          /* is in memory */
	bool session_lost;      /* the answer or the bye says: log in again */
	bool passing;           /* the answer is one that time may change */
	unsigned at_once;       /* attaches in a row that did not wait */
};
#define BB_LIVE_AT_ONCE_MAX 3 /* then a new attach waits */

enum bb_live_next bb_live_next(const struct bb_live_facts *facts);

#endif
