/* The process that holds a profile: its link to the gateway, its session, and
 * those that it serves.  Private to the files live*.c.
 *
 *	live.c         begins, ends, and is the loop
 *	live_link.c    connections to the gateway, tried one after the other
 *	live_attach.c  login and resume, and what follows from each frame
 *	live_data.c    what goes up in the session: messages, signs of life
 *	live_serve.c   requests of askers
 *	live_tell.c    what askers are told
 *	live_socket.c  link.sock: askers in other processes */
#ifndef BBDEVICE_LIVE_H
#define BBDEVICE_LIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "asker.h"
#include "attach.h"
#include "flow/live.h"
#include "profile.h"
#include "serve/chain.h"
#include "serve/dial.h"
#include "serve/loop.h"
#include "serve/peer.h"
#include "serve/work.h"
#include "take.h"
#include "wire/addr.h"

#define LIVE_SOCKET "link.sock"
#define LIVE_LINE_MAX 98304
#define CLIENT_WAITS_MAX 64

struct live;

/* One that asks: the asker of this process, or one in another. */
struct client {
	struct client *next;
	struct live *l;
	struct asker *own;    /* or */
	struct bb_peer *peer; /* NULL: it has left */
	bool listens;
	bool attaches;  /* told how the attach went */
	bool fetches;   /* waits for the events */
	bool fetched;   /* they were asked for in this attach */
	bool logs_out;  /* waits for the end of the session */
	bool traces;    /* wants the steps of the attach */
	json_t *queue;  /* volatile messages, not sent yet */
	json_t *unsure; /* ops of those sent before the session was sure */
	uint64_t waits[CLIENT_WAITS_MAX]; /* messages without a result */
	size_t waits_len;
};

struct live {
	const struct emit_options *o;
	struct profile p; /* held */
	struct take take;
	struct bb_loop *loop;
	struct bb_work *work;

	/* The link. */
	struct bb_addr via[BB_OPT_LIST_MAX];
	size_t via_len, via_next;
	struct bb_chain chain; /* chained: the command that is our gateway */
	struct bb_dial *dial;
	struct bb_peer *peer;
	struct bb_peer *leaving; /* is being closed in order */
	struct bb_timer *again;  /* the next attempt, or the same bytes */
	struct bb_timer *answer; /* one is awaited so long */
	int64_t retry_until_ms;  /* before the first session */
	unsigned failures;       /* in a row */
	unsigned at_once;        /* attaches that did not wait, in a row */
	bool copied;             /* somebody sent our ATTACH before us */

	/* The session. */
	struct bb_secret password; /* of `account` */
	const char *show, *status; /* of the next login: in `asked` */
	json_t *asked;             /* the login that was asked for */
	struct bb_buf attach;      /* bytes of the ATTACH under way */
	json_t *said;   /* what the gateway said of the attach: objects */
	uint64_t sent;  /* the last message sent in this attach */
	uint64_t acked; /* the last event whose having was told */
	int64_t resend_ms;
	int64_t opened_us;
	struct bb_timer *alive, *ack, *resend;
	struct bb_secret former_password; /* trial: what holds if it fails */
	struct account former;
	struct account account; /* that is wanted */

	bool ending;
	bool chained;
	bool chain_runs;
	bool connects;  /* a dial is under way */
	bool login;     /* a new one, whatever there is */
	bool resume;    /* no login */
	bool trace;     /* of the next attach */
	bool trial;     /* a login is another process's, and may fail */
	bool covered;   /* else the link is left alone */
	bool was_open;  /* a session, since we began */
	bool sure;      /* a frame has come in this attach */
	bool more;      /* other events wait at the gateway */
	bool fetch_due; /* for a listener who was not there */

	/* Those who ask. */
	int socket; /* or -1 */
	struct bb_io *accepts;
	struct client *clients;
	struct client own;
};

/* Holds l->p already.  Runs to the end of everything; the exit status is that
 * of the asker. */
void live_run(struct live *l, struct asker *a);
/* Ends: askers that wait are told `why` (or nothing, NULL) and `status`. */
void live_end(struct live *l, int status, const char *why);
/* What was waited for at the end did not come: ends without. */
void live_abandon(struct live *l);
void live_save(struct live *l);
void live_timer(struct bb_timer *timer, int64_t ms);
void live_no_memory(void) BB_NORETURN;
/* Appends value, which it takes, to a list that may be NULL yet. */
void live_put(json_t **list, json_t *value);

/* live_link.c: wants a link, if there is none. */
void link_want(struct live *l);
/* Drops it; no other is made until link_want. */
void link_drop(struct live *l);
/* The same, but what waits is written before. */
void link_leave(struct live *l);
/* The last thing that happens: the loop ends when all is written. */
void link_finish(struct live *l);
void link_over(struct live *l);
/* A new one after a while, because of `status` and `why`; ends instead when
 * none was ever open and --retry does not say otherwise. */
void link_later(struct live *l, int status, const char *why);

/* live_attach.c */
void attach_begin(struct live *l);
void attach_timers(struct live *l);
void attach_took(struct live *l, const struct bb_frame *frame);
/* The link is gone. */
void attach_lost(struct live *l, int status, const char *why);
bool attach_open(const struct live *l);

/* live_data.c */
void data_timers(struct live *l);
/* The session is open: confirms it and sends what waits. */
void data_opened(struct live *l);
/* Sends one message, which it takes. */
void data_send(struct live *l, json_t *message);
void data_messages(struct live *l);
/* After each frame of the session. */
void data_took(struct live *l);
/* Acknowledges, and says that the device is out of coverage from now on. */
void data_leave(struct live *l);

/* live_serve.c */
void serve_request(struct client *c, const json_t *request);
/* Sends a message that is not numbered, in the open session. */
void serve_volatile(struct client *c, const json_t *message);
/* Who listens has changed. */
void serve_hear(struct live *l);
/* The answer to `status`. */
json_t *status_of_link(const struct profile *p, const char *state, bool linked);

/* live_tell.c */
void serve_say(struct client *c, const json_t *object);
/* Takes the object. */
void serve_say_new(struct client *c, json_t *object);
void serve_done(struct client *c, const char *op);
void serve_failed(struct client *c, int status, const char *why);
json_t *serve_result(const struct live *l, uint64_t n, const char *word,
    const char *reason, int status);
/* To a listener: which numbers those of the events are. */
void serve_numbering(struct client *c);
/* It waits for something. */
bool serve_waits(const struct client *c);
/* It wants nothing any more. */
void serve_forget(struct client *c);
/* Gets the objects of show.c; what concerns the attach is kept in l->said. */
void serve_sink(void *live, const json_t *object);
/* What the gateway said of the attach, to those who want to know. */
void serve_attach_said(struct live *l);
/* The login that another process asked for was refused. */
void serve_trial_over(struct live *l);
/* The session is open; later: a frame has come in it, so it is sure. */
void serve_opened(struct live *l);
void serve_sure(struct live *l);
/* After each frame. */
void serve_took(struct live *l);
/* What is held was given new numbers; `first` was the first of the old ones. */
void serve_renumbered(struct live *l, uint64_t first);

/* live_socket.c: 0, or -1 with errno. */
int socket_open(struct live *l);
void socket_close(struct live *l);
void socket_say(struct client *c, const json_t *object);

#endif
