/* The dispatcher as a server: what its files share.
 *
 * serve.c: beginning, turns, end; below.c: connections of routers and devices;
 * up.c: what comes up them; links.c: which link is where; sink.c: where what
 * was opened goes; services.c: connections to services; lines.c: what goes
 * through them; stats.c: what the control socket is told.  Nothing here
 * outlives a connection: what a restart must not lose stands in the device
 * store. */
#ifndef BBDISPATCH_SERVER_H
#define BBDISPATCH_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/opt.h"
#include "configdb/db.h"
#include "dispatch.h"
#include "flow/stranger.h"
#include "serve/chain.h"
#include "serve/dial.h"
#include "serve/loop.h"
#include "serve/peer.h"
#include "serve/server.h"
#include "serve/work.h"
#include "wire/addr.h"

#define SERVICES_MAX BB_OPT_LIST_MAX
#define SERVICE_OUT_MAX (16u << 20)
#define LINGER_MS 2000 /* for a peer to take what waits, and to leave */

/* Why nothing is read from below; bits. */
#define HOLD_START 1u   /* the services have not been tried yet */
#define HOLD_STORE 2u   /* an attach waits for the store's lock */
#define HOLD_SERVICE 4u /* a service takes its lines too slowly */
#define HOLD_DRAIN 8u   /* we are ending */

struct serve;

enum below_kind {
	BELOW_NEW, /* nothing whole has come from it yet */
	BELOW_TRUNK,
	BELOW_DEVICE
};

/* A connection of a router or of a device.  Of devices there may be many. */
struct below {
	struct below *next, *prev; /* of all */
	struct below *same;        /* trunk: all; device: in one bucket */
	struct serve *serve;
	struct bb_peer *peer;
	enum below_kind kind;
	uint32_t instance; /* trunk: the router's; device: ours */
	uint32_t id;       /* device: the lower half of its link */
	uint32_t pin;      /* device: of its first frame */
	bool has_pin;
	bool counted;  /* device: the first frame that waits */
	bool sent_end; /* device: it has half-closed */
	bool left;     /* out of the tables; the peer may be writing yet */
	unsigned owed; /* attaches that services have and have not answered */
	struct bb_stranger stranger; /* device */
	uint64_t frames_up, frames_down, dropped;
};

/* What is known of a link of a trunk. */
struct trunk_link {
	uint64_t link; /* 0: a free place */
	struct bb_stranger stranger;
	uint64_t used; /* when, in looks */
	bool closed;   /* LINK_CLOSE was sent */
};

/* A connection to a service. */
struct service {
	struct serve *serve;
	struct bb_dial *dial;         /* NULL: the chain's */
	struct bb_peer *peer;         /* NULL: not connected */
	char name[BB_ADDR_TEXT_MAX];  /* address, or program of the chain */
	char service[BB_SERVICE_MAX]; /* ""; any that no other is named for */
	uint64_t id;                  /* of the name, for routing */
	struct line_source source;
	bool tried;      /* it has had its first outcome */
	bool complained; /* since it was connected */
	bool slow;       /* half of its queue is full */
	unsigned owed;   /* attaches that it has not answered */
	uint64_t lines_up, lines_down, connects;
};

struct serve {
	struct dispatch *d;
	struct bb_loop *loop;
	struct bb_work *work;
	struct bb_server *server; /* NULL until it listens */
	struct bb_timer *store;   /* asks the busy store again */
	struct bb_timer *nudge;   /* makes one more turn */
	struct bb_timer *tick;    /* while draining */
	struct bb_timer *sweep;   /* of keys that are not used any more */
	struct bb_timer *grace;   /* for the chain's child: ready, or ended */
	struct bb_io *ready;      /* of the chain's child */
	struct bb_chain chain;
	bool chained, chain_ready, chain_ended;
	bool single; /* one connection, on descriptors 0 and 1 */
	bool draining, finishing, sweeping;
	unsigned hold;
	int64_t busy_ms;   /* since when the store is busy; 0: it is not */
	uint64_t writes;   /* of the store that succeeded */
	int64_t heard_ms;  /* draining: when a service last said something */
	uint32_t instance; /* of the device links that are ours */
	uint32_t last_id;

	struct below *belows, *trunks;
	struct below **buckets; /* device links, by id */
	struct trunk_link *trunk_links;
	uint64_t looks; /* at trunk links */
	size_t belows_len, trunks_len, devices_len;

	struct service services[SERVICES_MAX];
	size_t services_len;

	struct bb_buf text;  /* a line on its way up */
	struct bb_buf frame; /* a frame on its way down */

	uint64_t accepted;
	uint64_t frames_up[256], frames_down[256]; /* by type */
	uint64_t foreign; /* dropped: links of another instance */
	uint64_t hints, hints_kept, notices, links_closed, links_down;
	uint64_t nowhere; /* lines down for links that are not here */
	uint64_t unreachable;
	uint64_t busy; /* times that the store was asked in vain */
};

/* ---- serve.c ---- */

/* Reading from below stops, goes on. */
void serve_hold(struct serve *s, unsigned why);
void serve_release(struct serve *s, unsigned why);
/* The store was asked in vain: asks again later. */
void serve_store_busy(struct serve *s);
/* The chain's connection is gone. */
void serve_chain_left(struct serve *s);

/* ---- sink.c ---- */

extern const struct sink serve_sink;

/* ---- below.c ---- */

/* The server's: takes the descriptors. */
bool below_accepted(void *serve, int in, int out);
/* Stops or goes on reading all of them, as s->hold says. */
void below_pause_all(struct serve *s);
/* Writes what waits for them, then ends them. */
void below_finish_all(struct serve *s);
void below_free_all(struct serve *s);
/* It gets what waits for it, and is gone for everybody else at once. */
void below_end(struct below *b);
/* The same, with a clause about what it did. */
void below_refuse(struct below *b, const char *why);
/* The router is told to close a link; what comes up it until then is thrown
 * away. */
void below_close_link(struct below *trunk, uint64_t link,
    enum bb_link_close code);
/* Queues a frame. */
void below_send(struct below *b, const void *bytes, size_t len);
/* An attach of this connection was passed on, or answered. */
void below_owed(struct below *b, int change);
/* A HINT is due on this link: may it be said?  Closes links that caused too
 * many. */
bool below_hint(struct serve *s, uint64_t link, uint32_t pin);
/* A frame of this link is authentic. */
void below_opened(struct serve *s, const struct bb_frame *frame);

/* ---- up.c ---- */

/* Of its peer. */
bool below_input(void *below, struct bb_peer *peer, struct bb_buf *in);

/* ---- links.c ---- */

/* 0, or -1 with ENOMEM. */
int links_init(struct serve *s);
void links_free(struct serve *s);
/* Into the table, with a new id. */
void links_add_device(struct serve *s, struct below *b);
void links_remove_device(struct serve *s, struct below *b);
void links_add_trunk(struct serve *s, struct below *b);
void links_remove_trunk(struct serve *s, struct below *b);
struct below *links_trunk(const struct serve *s, uint32_t instance);
/* The connection that a link is on, or NULL.  pin: whose frame or line it is; a
 * device link carries one PIN only. */
struct below *links_find(const struct serve *s, uint64_t link, uint32_t pin);
/* What is known of a link of a trunk; a new one takes the place of that which
 * was not looked at for longest.  Borrowed until the next look. */
struct trunk_link *links_known(struct serve *s, uint64_t link);
void links_forget(struct serve *s, uint64_t link);

/* ---- lines.c ---- */

/* Is there anybody for an IM service? */
bool lines_reachable(const struct serve *s, const char *service);
/* Sends a line of a device to the service that has its user.  0; -1 with errno
 * of bb_line_write, or EHOSTUNREACH. */
int lines_send(struct serve *s, const struct bb_line *line);
/* Tells a service which routers are here. */
void lines_tell_here(struct service *v);
/* Tells all services that a trunk begins or ends here. */
void lines_tell_trunk(struct serve *s, uint32_t router, bool up);
/* Tells all that a link is gone. */
void lines_tell_down(struct serve *s, uint32_t pin, uint64_t link);
/* Of a service's peer. */
bool service_input(void *service, struct bb_peer *peer, struct bb_buf *in);

/* ---- services.c ---- */

/* Begins to dial each --to; ends the process when one is no address. */
void services_dial(struct serve *s);
/* The one service of a chain. */
void services_chained(struct serve *s);
/* Attaches that they have and have not answered. */
unsigned services_owed(const struct serve *s);
/* Some are connected. */
bool services_there(const struct serve *s);
void services_finish(struct serve *s);
void services_free(struct serve *s);
/* Its peer is gone, or goes at once, for a reason in words. */
void service_left(struct service *v, const char *why);
/* Half of its queue is full, or it is empty again. */
void service_slow(struct service *v, bool slow);

/* ---- stats.c ---- */

bool stats_control(void *serve, const char *command, struct bb_buf *out);

#endif
