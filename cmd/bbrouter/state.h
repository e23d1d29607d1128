/* What the router holds while it serves: device links, trunks, counts.  Shared
 * by the files of this folder. */
#ifndef BBROUTER_STATE_H
#define BBROUTER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/opt.h"
#include "flow/route.h"
#include "flow/stranger.h"
#include "router.h"
#include "serve/chain.h"
#include "serve/dial.h"
#include "serve/loop.h"
#include "serve/peer.h"
#include "serve/server.h"
#include "serve/start.h"
#include "serve/work.h"
#include "wire/frame.h"

#define TRUNKS_MAX BB_OPT_LIST_MAX
#define NO_TRUNK 255 /* of a link that has sent nothing yet */
_Static_assert(TRUNKS_MAX < NO_TRUNK, "a trunk's number fits in a byte");

/* Why links end: for the log and for `stats`. */
enum ended {
	ENDED_BY_DEVICE, /* closed, reset, or answered after its half-close */
	ENDED_UNREADABLE,
	ENDED_OTHER_PIN,
	ENDED_NO_DEVICE,
	ENDED_FRAMES,
	ENDED_BYTES,
	ENDED_TIME,
	ENDED_HINTS,
	ENDED_BY_DISPATCHER,
	ENDED_SLOW,
	ENDED_QUEUES,
	ENDED_DRAIN,
	ENDED_COUNT
};

/* Why frames go no further. */
enum dropped {
	DROPPED_UNSOUND,
	DROPPED_VERSION,
	DROPPED_NO_DISPATCHER,
	DROPPED_TRUNK_FULL,
	DROPPED_UNKNOWN_LINK,
	DROPPED_FROM_TRUNK, /* unsound, or not for a link of ours */
	DROPPED_HINT,       /* one too many */
	DROPPED_COUNT
};

/* One device.  There are many: each byte counts. */
struct link {
	struct router *router;
	struct bb_peer *peer;
	uint64_t bytes; /* of frames, both ways */
	struct bb_stranger stranger;
	uint32_t id;
	uint32_t pin;
	uint32_t born_s;      /* bb_clock_ms(), rounded up */
	uint16_t part;        /* bytes of a frame that is not whole, or 65535 */
	uint8_t trunk;        /* the one last used */
	uint8_t owed;         /* frames up less frames down, 0 at least */
	uint8_t why;          /* enum ended */
	bool has_pin : 1;     /* it has sent a frame */
	bool asked : 1;       /* an attach has no answer yet */
	bool half_closed : 1; /* it sends no more */
	bool closing : 1;     /* what waits is written, then it ends */
};

struct trunk {
	struct router *router;
	struct bb_dial *dial;        /* NULL: the chain's, or given up */
	struct bb_peer *peer;        /* NULL: not connected */
	char name[BB_ADDR_TEXT_MAX]; /* address, or program of the chain */
	uint8_t number;
	bool ready;      /* its HELLO has come */
	bool tried;      /* it has had its first outcome */
	bool full;       /* links that feed it are not read */
	bool complained; /* since it was ready */
	uint64_t frames_up, frames_down, connects;
};

struct router {
	const struct router_options *options;
	struct bb_loop *loop;
	struct bb_work *work;
	struct bb_server *server; /* NULL until it listens */
	struct bb_timer *sweep;   /* looks for strangers that are late */
	struct bb_chain chain;
	struct bb_timer *grace; /* for the chain's child to end, and say how */
	bool chained;
	bool chain_ended;
	bool single;  /* one connection, on descriptors 0 and 1 */
	bool holding; /* no trunk has had its outcome: links are not read */
	bool draining;
	int status; /* of an end before the server is there */
	uint32_t instance;

	struct link **slots; /* by the low bits of their number, or NULL */
	size_t slots_len;    /* a power of 2 */
	size_t links, links_peak, strangers;
	size_t strangers_part; /* bytes of frames of strangers, not whole */
	uint32_t last_id;

	struct trunk trunks[TRUNKS_MAX];
	struct bb_route_target targets[TRUNKS_MAX];
	size_t trunks_len;

	uint64_t accepted;
	uint64_t frames_up, frames_down, bytes_up, bytes_down;
	uint64_t hints;
	uint64_t ended[ENDED_COUNT];
	uint64_t dropped[DROPPED_COUNT];
};

/* ---- links.c: all of them ---- */

/* NULL with ENOMEM.  The link has an id of its own and stands in the table. */
struct link *links_add(struct router *r);
struct link *links_find(const struct router *r, uint32_t id);
/* Takes it out of the table and frees it. */
void links_remove(struct router *r, struct link *link);
/* Calls for each; the call may remove that link and no other. */
void links_each(struct router *r, void (*call)(struct link *link, void *arg),
    void *arg);

/* ---- link.c: one of them ---- */

/* The server's: takes the descriptors. */
bool link_accepted(void *router, int in, int out);
/* A frame came down for it: borrows the bytes. */
void link_deliver(struct link *link, const struct bb_frame *frame,
    const void *bytes, size_t len);
/* A frame of it has opened. */
void link_prove(struct link *link);
/* So many bytes of a frame that is not whole wait at it. */
void link_note_part(struct link *link, size_t len);
/* Writes what waits, then ends it. */
void link_finish(struct link *link, enum ended why, int64_t linger_ms);
/* Reads it, or not: holding, its trunk is full, the router drains.  arg is not
 * used. */
void link_read(struct link *link, void *arg);
void link_free(struct link *link);
/* A timer's: ends strangers that have had their time. */
void link_sweep(void *router);
const char *link_ended_name(enum ended why);

/* ---- link_up.c ---- */

/* Bytes have come: the peer's callback. */
bool link_input(void *link, struct bb_peer *peer, struct bb_buf *in);

/* ---- trunk.c ---- */

/* Begins to dial each --to.  0, or ends the process: an address is none. */
void trunks_dial(struct router *r);
/* The one trunk of a chain. */
void trunk_chained(struct router *r, const char *name);
/* At once. */
void trunks_free(struct router *r);
/* A device needs one, and none is up: those that are down are dialed now, not
 * only when their back-off is over. */
void trunks_hurry(struct router *r);
/* The trunk that takes this PIN, or NULL: none is up. */
struct trunk *trunk_of(struct router *r, uint32_t pin);
/* Queues a frame.  -1: there is no room, or no connection any more. */
int trunk_send(struct trunk *trunk, const void *bytes, size_t len);
/* No link is left: writes what waits, then closes. */
void trunks_finish(struct router *r);
/* Some are connected. */
bool trunks_there(const struct router *r);
/* Some are ready. */
bool trunks_ready(const struct router *r);

/* ---- stats.c ---- */

bool stats_control(void *router, const char *command, struct bb_buf *out);

/* ---- serve.c ---- */

int serve_run(const struct router_options *options,
    const struct bb_start *start);
/* A trunk is ready, has failed, or has gone. */
void serve_trunk_changed(struct router *r);
/* The connection of the chain has gone, or nothing was said on it. */
void serve_chain_gone(struct router *r, bool silent);
/* A link has left the table; the process of a single one ends with status. */
void serve_link_gone(struct router *r, const uint8_t address[16], int status);

#endif
