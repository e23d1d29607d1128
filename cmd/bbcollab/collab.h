/* The Collaboration Service: what its files share.
 *
 *   main.c      options, then one call
 *   collab.c    starts, joins, ends; the filter
 *   serve.c     the server, and the one connection of the peer form
 *   via.c       one dispatcher's connection, and the way to a device
 *   lines.c     a line comes in: which kind, for whom
 *   attach.c    a login: admission, session, back end
 *   resume.c    a device comes back to its session, from wherever it is
 *   data.c      a live session's messages; ops.c: what each of them does
 *   answer.c    what goes out: answers, notices; push.c: events
 *   backend.c   does what a back end wants; job.c: off the loop
 *   table.c     the sessions in memory; session.c: how one begins and ends
 *   turn.c      one transaction per turn of the loop; output after its commit
 *   stall.c     the store is busy: who waits, and until when
 *   tick.c      timeouts, signs of life, what others did to our sessions
 *   owner.c     this process in the store: registered, forgotten, succeeded
 *   settings.c  services as they are set
 *   control.c   answers at the control socket */
#ifndef BBCOLLAB_COLLAB_H
#define BBCOLLAB_COLLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "configdb/sessions.h"
#include "flow/due.h"
#include "flow/session.h"
#include "im/im.h"
#include "line/line.h"
#include "serve/filter.h"
#include "serve/loop.h"
#include "serve/peer.h"
#include "serve/server.h"
#include "serve/start.h"
#include "serve/wake.h"
#include "serve/work.h"

#define EVENTS_UNDER_WAY 32 /* unacknowledged events towards a device */
#define EVENTS_BYTES 40000  /* of JSON in one section, one event at least */
#define TICK_MS 5000
/* A turn takes no more lines than this, nor lines for longer, but so many of
 * each dispatcher: then it is committed and others have their turn. */
#define TURN_LINES 256
#define TURN_US 5000
#define VIA_LINES 16
#define SWEEP_SESSIONS 1024 /* looked at in one turn */

#define LISTEN_DEFAULT "3200"
#define PORT_DEFAULT 3200

struct collab_options {
	const char *data;
	const char *config_store;
	int64_t finish_ms;
	int64_t confirm_ms;
	int64_t grace_ms;
	int64_t threads;
	int verbose;
	bool filter;
	bool json;
	struct bb_server_options server;
};

/* ---- a dispatcher's connection, or the filter's input and output ---- */
struct via {
	struct via *next;
	struct collab *c;
	struct bb_peer *peer; /* NULL: the filter */
	struct bb_buf held;   /* lines that wait for the commit */
	uint32_t *routers;    /* whose trunks end there */
	size_t routers_len, routers_cap;
	uint64_t line_no;
	uint64_t turn; /* in which it has said turn_lines */
	size_t turn_lines;
	bool skipping; /* the rest of an overlong line */
	bool slow;     /* half of its queue is full: we read no more */
	bool left;     /* whole lines are left in its input */
	bool offered;  /* and will be offered again, at the end of a turn */
	bool ended;    /* has sent its end; perhaps it still reads */
	bool full;     /* what it is owed does not fit: to be closed */
};

/* ---- an attach that is not answered yet, or whose answer waits for the
 * commit ---- */
struct ask {
	struct ask *prev, *next;
	struct via *via;     /* NULL: gone */
	struct bb_line head; /* pin, att, kid, nonce, link */
	json_t *trace;       /* NULL: not asked for */
	struct session *session;
	bool answered;
	bool adopting;              /* no login: one that stands is taken up */
	const char *result;         /* of the answer, for the count */
	int64_t login_us;           /* when the back end was asked */
	char ended[BB_ENDED_MAX];   /* why the session before ended; told */
	char show[32], status[256]; /* presence asked for at login */
};

struct ask_list {
	struct ask *first;
};

enum session_life {
	LIFE_IN,      /* in the table */
	LIFE_DROPPED, /* the store does not know what memory knew: its row
		       * is ended at the next tick */
	LIFE_LEAVING, /* its slot is free; the IM server hears a logout */
	LIFE_OVER     /* freed at the end of the turn */
};

/* A service as it is set; lives as long as the process. */
struct settings {
	struct settings *next;
	struct bb_service service;
	const struct bb_im_type *type; /* NULL: unknown here */
	bool served;                   /* the store was told our api_max */
	int64_t api_max;
};

struct session {
	struct session *next; /* in its bucket, or in gone */
	struct session *next_touched;
	enum session_life life;
	struct bb_session_core core;
	struct bb_fence fence;
	uint64_t id;
	struct settings *settings;
	struct bb_im *im;
	struct ask *ask;   /* the attach in progress, or NULL */
	struct via *via;   /* where its device was heard last, or NULL */
	struct bb_due due; /* for confirmation, or after the loss of the link */
	uint64_t checked;  /* the turn in which its fence was seen to hold */
	uint64_t up_next;
	json_t *queue; /* numbered messages to work on, in order; or NULL */
	size_t queue_at;
	json_t *results;  /* of those, since the last output; or NULL */
	uint64_t sending; /* n under way at the back end; 0: none */
	uint64_t acked;   /* events the device has */
	uint64_t sent;    /* events sent in this attach */
	int64_t last_status_ms, last_active_ms;
	int64_t stored_ms; /* the last_status_ms that the store knows */
	int64_t leaving_ms;
	struct job *jobs;
	bool logged_in;
	bool touched;  /* by this turn: what if it is not committed */
	bool working;  /* data_work is further up the stack */
	bool fetch;    /* the device asked for what waits */
	bool report;   /* it is owed an acknowledgement */
	bool waiting;  /* its spool may hold events beyond `sent` */
	bool inbox;    /* and its inbox some for which there was no room */
	bool coverage; /* the device can be reached */
	bool no_way;   /* the grace is for want of a way to its link */
	const char *account; /* within names */
	char names[];        /* user as the dispatcher verified it; account */
};

struct table {
	struct session **at;
	size_t size; /* a power of 2 */
	size_t len;
};

/* When a PIN without a session here was last told to attach again. */
#define TOLD_MAX 256
#define TOLD_MS 5000
struct told {
	uint32_t pin;
	int64_t ms;
};

/* How many of each since the start. */
struct tallies {
	uint64_t lines_in, lines_bad, lines_out;
	uint64_t commits, failed_turns, stalls;
	uint64_t spooled, evicted, taken_over, adopted, lost;
};

struct collab {
	const struct collab_options *options;
	enum bb_form form;
	bool lasting; /* sessions outlive the connection, and this process */
	struct bb_loop *loop;
	struct bb_filter *filter;
	struct bb_server *server;
	struct bb_work *work;
	struct bb_timer *tick;
	struct bb_timer *again; /* what was left goes on in the next turn */
	struct bb_timer *retry; /* the store is asked again */
	struct bb_db *db;
	struct bb_wake *wake;
	struct table table;
	struct session *gone; /* LIFE_DROPPED and later */
	size_t dropped;       /* of these, with a row in the store */
	struct session *touched;
	struct ask_list asks; /* to be answered */
	struct ask_list done; /* whose answers wait for the commit */
	struct via *vias;
	struct bb_due_queue confirm, grace;
	struct settings *settings;
	struct told told[TOLD_MAX];
	struct tallies tallies;
	uint64_t results[16]; /* by the rows of answer.c */
	int status;

	/* owner.c */
	int64_t owner;      /* 0: not registered yet */
	int64_t unloaded;   /* rows of ours that are not in memory */
	int64_t inbox_mark; /* what came to the inbox before is known */

	/* turn.c */
	uint64_t turn;
	size_t turn_lines;
	int64_t turn_us; /* when it took its first line; 0: none yet */
	bool turn_failed;
	bool ending_turn;         /* nothing may begin a transaction now */
	int64_t said_ms;          /* when a failure was last told */
	struct bb_others wake_up; /* processes to wake after the commit */

	/* stall.c */
	bool stalled;
	bool retrying;
	int64_t stalled_ms;   /* since when */
	int64_t giving_up_ms; /* until then nobody waits for the store */
	struct job *jobs_done;

	/* tick.c */
	int64_t ticked_ms;
	int64_t silent_ms; /* when rows without memory were looked at */
	bool tick_due;     /* waits for the store */
	bool tick_failed;  /* the store did, when last asked */
	bool sweeping;
	bool sweep_fences; /* the next sweep looks at fences too */
	size_t sweep_at;
	uint32_t woken[BB_WAKE_PINS]; /* sessions that others have changed */
	size_t woken_len;
	bool woken_any;     /* there was a wake-up */
	bool sweeps_fences; /* this one does */
};

/* ---- turn.c ---- */
/* The turn's write transaction, begun when first needed.  False: the database
 * is busy or broken (said so in the log); the turn will fail. */
bool turn_begin(struct collab *c);
/* The same in little time, for who can do without for now. */
enum bb_db_result turn_try(struct collab *c, int64_t ms);
/* Notes a result inside the turn: true when it was OK.  FENCED marks the
 * session as lost; BUSY and ERROR fail the turn. */
bool turn_ok(struct collab *c, struct session *s, enum bb_db_result result);
/* The turn will not be committed. */
bool turn_fail(struct collab *c);
/* True when the session is ours in the store as in memory: before an effect
 * that must not happen without it.  Begins the transaction. */
bool turn_holds(struct collab *c, struct session *s);
/* The turn changes what memory knows of the session. */
void turn_touch(struct collab *c, struct session *s);
/* Another process is woken after the commit. */
void turn_wake(struct collab *c, const struct bb_others *others);
/* Counts a line.  False: the turn has taken as many as it may. */
bool turn_has_room(struct collab *c, struct via *via);
void turn_end(void *collab);

/* ---- stall.c ---- */
/* Whoever is about to need the store asks here first.  False: it is busy; leave
 * things as they are, they are taken up again. */
bool stall_gate(struct collab *c);
/* What was left over is taken up in the next turn. */
void stall_again(struct collab *c);
void stall_on_again(void *collab);
void stall_on_retry(void *collab);

/* ---- via.c ---- */
extern const struct bb_peer_kind via_kind;
/* peer NULL: the filter.  NULL with ENOMEM. */
struct via *via_new(struct collab *c, struct bb_peer *peer);
/* Out of the list; whoever remembers it forgets it, and sessions without
 * another way begin their grace. */
void via_free(struct via *via);
/* "line 3", "line 3 of unix": for the log. */
const char *via_place(const struct via *via);
/* At once, whatever becomes of the turn. */
void via_send(struct via *via, const void *bytes, size_t len);
/* After the commit. */
void vias_release(struct collab *c);
/* Instead of that. */
void vias_discard(struct collab *c);
/* Reads from those that may be read from, and from no others. */
void vias_watch(struct collab *c);
/* Offers what was left in their input again. */
void vias_offer(struct collab *c);
/* Closes those that have sent their end and are owed nothing. */
void vias_finish(struct collab *c);
/* Whether something still waits to be written. */
bool vias_waiting(const struct collab *c);
void via_trunk(struct via *via, uint32_t router, bool up);
/* A way to a link of that router, or NULL. */
struct via *via_to(const struct collab *c, uint64_t link);
/* Where lines for a session go: where its device was heard, or else any way to
 * its link; NULL: nowhere now. */
struct via *via_of(struct collab *c, struct session *s);
/* The device was heard over this one. */
void via_heard(struct collab *c, struct session *s, struct via *via);
/* The link of a PIN is gone, as this dispatcher says. */
void via_link_down(struct via *via, uint32_t pin, uint64_t link);

/* ---- lines.c ---- */
/* Takes whole lines out of `in` until the turn is full or the store is busy;
 * what is left is to be offered again. */
void lines_take(struct via *via, struct bb_buf *in);
/* The input has ended with these bytes. */
void lines_end(struct via *via, const struct bb_buf *in);

/* ---- attach.c ---- */
/* Takes what it keeps out of the line. */
void attach_line(struct via *via, struct bb_line *line);
/* Everything that the attach asked for is done: answers it. */
void attach_complete(struct collab *c, struct session *s);
/* The IM server did not take the login: answers, and frees the slot. */
void attach_failed(struct collab *c, struct session *s, const char *result,
    const char *text, const char *reason);
void attach_request(struct bb_admit *r, const struct bb_line *line,
    int64_t owner);
uint64_t attach_hex(const json_t *d, const char *name);
/* An end that the device did not bring about itself. */
bool attach_worth_telling(const char *ended);

/* ---- resume.c ---- */
/* s: the session in memory, or NULL. */
void resume_line(struct collab *c, struct ask *ask, struct session *s,
    const struct bb_line *line);

/* ---- data.c ---- */
/* Whether a line of a session's device will need the store. */
bool data_needs_store(const struct session *s, const struct bb_line *line);
/* s: the session of the line's PIN, or NULL. */
void data_line(struct via *via, struct session *s, struct bb_line *line);
/* The device has events up to `have`. */
void data_ack(struct collab *c, struct session *s, uint64_t have);
/* Queues the messages of a batch (borrowed) and notes fetch and ack. */
void data_batch(struct collab *c, struct session *s, const json_t *batch);
void data_queue(struct collab *c, struct session *s, json_t *msg);
/* Works on the queue until a message is under way or it is empty, then answers
 * what is owed. */
void data_work(struct collab *c, struct session *s);
/* The back end is done with the message under way; the caller goes on with
 * data_work. */
void data_sent(struct collab *c, struct session *s, enum bb_im_status status,
    const char *reason);
/* The queue of another numbering is worth nothing. */
void data_forget(struct session *s);

/* ---- ops.c ---- */
/* Does what a checked object of a live session asks for, its ack apart. */
void ops_take(struct collab *c, struct session *s, json_t *d);

/* ---- answer.c ---- */
struct ask *ask_new(struct via *via, struct bb_line *line);
/* No answer any more. */
void ask_free(struct collab *c, struct ask *ask);
/* All take d and m (which may be NULL). */
void answer_ask(struct collab *c, struct ask *ask, json_t *d, json_t *m);
void answer_data(struct collab *c, struct session *s, json_t *d);
void answer_notice(struct via *via, const struct bb_line *to, const char *code);
/* An ask is answered with a refusal in one call. */
void answer_refuse(struct collab *c, struct ask *ask, const char *result,
    const char *text, const char *reason);
/* The same, for want of a commit: whatever was answered before is not. */
void answer_undo(struct collab *c);
/* After the commit. */
void answer_settle(struct collab *c);
/* Tells a live device that its session has ended, if there is a way. */
void answer_bye(struct collab *c, struct session *s, const char *reason);
void answer_step(struct ask *ask, int step, const char *what, int64_t us);
/* The word and count of row i; NULL behind the last. */
const char *answer_result(const struct collab *c, size_t i, uint64_t *count);

/* ---- push.c ---- */
/* The next section of events, or NULL when none wait; moves s->sent.  limit:
 * events at most. */
json_t *push_events(struct collab *c, struct session *s, size_t limit);
/* An event from the IM server: into the spool, then pushed. */
void push_store(struct collab *c, struct session *s, const char *body,
    size_t len);
/* Something is in the spool that was not there before. */
void push_new(struct collab *c, struct session *s);
/* What was sent and is not acknowledged is sent again. */
void push_again(struct collab *c, struct session *s);
/* Sends a live session what waits, as far as the window allows, and what it is
 * owed. */
void push(struct collab *c, struct session *s);
/* The results of numbered messages since the last output, or NULL. */
json_t *push_results(struct session *s);
/* Moves what other processes have left for it into its spool. */
void push_inbox(struct collab *c, struct session *s);

/* ---- backend.c, job.c ---- */
/* Asks the back end, then does all that it wants. */
int backend_request(struct collab *c, struct session *s,
    const struct bb_request *request);
void backend_pump(struct collab *c, struct session *s);
/* Gives the back end what the world did. */
void backend_give(struct collab *c, struct session *s, struct bb_input *in);
/* How many sessions one process can hold, by type and setting. */
int64_t backend_api_max(const struct bb_im_type *type,
    const struct bb_service *service);
void job_do(struct collab *c, struct session *s, const struct bb_want *w);
/* Sessions whose jobs are under way no longer care for them. */
void jobs_forget(struct session *s);
/* Jobs that were done while the store was busy. */
void jobs_go_on(struct collab *c);
void jobs_free(struct collab *c);
/* For bb_work_free: a job that never ran. */
void job_dropped(void *job);

/* ---- table.c ---- */
/* 0, or -1 with ENOMEM. */
int table_init(struct table *t);
struct session *session_find(const struct collab *c, uint32_t pin);
/* 0, or -1 with ENOMEM. */
int table_add(struct table *t, struct session *s);
void table_remove(struct table *t, struct session *s);
/* Any session that is there, or NULL. */
struct session *table_any(const struct table *t);
/* Calls `each` for all; it may take the one that it is called for out. */
void table_each(struct collab *c,
    void (*each)(struct collab *c, struct session *s, void *ctx), void *ctx);

/* ---- session.c ---- */
struct session_seed {
	struct settings *settings;
	uint32_t pin;
	const char *user, *account;
	uint64_t id;
	int64_t term;
	uint64_t up_next;
	uint64_t have;
	bool coverage;
};
/* A session that the store has under our fence; takes its place in the table.
 * NULL with errno. */
struct session *session_new(struct collab *c, const struct session_seed *seed);
/* Its row is gone from the store (or goes with this turn): out of the table,
 * logged out at the IM server once the turn is committed. */
void session_leave(struct collab *c, struct session *s);
/* The store has it no more under our fence: tells the device why, if it was
 * ended and not taken over, and leaves. */
void session_lost(struct collab *c, struct session *s);
/* What memory knows is worth nothing: the commit failed. */
void session_drop(struct collab *c, struct session *s);
/* Ends the row with a reason, tells a live device, and leaves. */
void session_end(struct collab *c, struct session *s, const char *reason);
void session_line_seen(struct session *s, bool status_message);
/* The store has not heard of its last sign of life for long, or for so long
 * that it cannot wait for the next sweep. */
bool session_is_untold(const struct session *s, int64_t now);
bool session_tell_now(const struct session *s);
void session_tell(struct collab *c, struct session *s);
/* The device is in coverage, or about to leave it. */
void session_coverage(struct collab *c, struct session *s, bool coverage);
/* Its link is gone, or its confirmation did not come. */
void session_detach(struct collab *c, struct session *s);
/* After a commit: logs out those that leave, frees those that are over. */
void sessions_settle(struct collab *c);
/* Ends the rows of sessions that a failed commit left behind. */
void sessions_end_dropped(struct collab *c);
/* The turn in which that was done is not committed. */
void sessions_undo(struct collab *c);
void sessions_free(struct collab *c);

/* ---- tick.c ---- */
void tick(void *collab);
/* Sets the timer to what comes first. */
void tick_set(struct collab *c);
/* What waited for the store, and the next slice of a sweep. */
void tick_go_on(struct collab *c);
/* Other processes have changed something (0 PINs: they do not say what). */
void tick_woken(void *collab, const uint32_t pins[], size_t len);

/* ---- owner.c ---- */
/* Registers this process in the store; joins no transaction. */
enum bb_db_result owner_ready(struct collab *c, int64_t ms);
/* Takes over what our predecessor left.  For the server, at its start. */
void owner_adopt(struct collab *c);
/* Sign of life; looks whether the store has what memory has. */
void owner_tick(struct collab *c, int64_t now);
/* What has come to the inbox goes to the sessions in memory. */
void owner_news(struct collab *c);
/* The end: sessions that outlive us are left to a successor, others end. */
void owner_leave(struct collab *c);

/* ---- settings.c ---- */
/* As the store has it, or had it when last read; NULL: there is no such
 * service (or the store failed: turn_failed). */
struct settings *settings_get(struct collab *c, const char *service);
/* What was just read of it. */
struct settings *settings_put(struct collab *c,
    const struct bb_service *service);
void settings_reload(struct collab *c);
void settings_free(struct collab *c);

/* ---- control.c ---- */
bool control_answer(void *collab, const char *command, struct bb_buf *out);

/* ---- serve.c ---- */
/* Serves connections until the end; the exit status. */
int serve(struct collab *c, const struct bb_start *start);

/* ---- collab.c ---- */
/* Whether answers are owed, or lines wait to be taken. */
bool collab_busy(const struct collab *c);
/* The IM servers took too long: says so to whoever still waits. */
void collab_give_up(struct collab *c, const char *reason);
int collab_run(const struct collab_options *options);

#endif
