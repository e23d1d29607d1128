/* The Collaboration Service: what its files share.
 *
 *   lines.c    a line comes in: which kind, for whom
 *   attach.c   login and resume: admission, session, back end
 *   data.c     a live session's messages
 *   answer.c   what goes out: answers, events, notices
 *   backend.c  does what a back end wants
 *   session.c  the table of sessions, and how one ends
 *   turn.c     one transaction per turn of the loop; output after its commit
 *   collab.c   starts, joins, ends */
#ifndef BBCOLLAB_COLLAB_H
#define BBCOLLAB_COLLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "configdb/sessions.h"
#include "flow/session.h"
#include "im/im.h"
#include "line/line.h"
#include "serve/filter.h"
#include "serve/loop.h"
#include "serve/work.h"

#define SESSION_BUCKETS 1024
#define EVENTS_UNDER_WAY 32 /* unacknowledged events towards a device */
#define EVENTS_BYTES 40000  /* of JSON in one section, one event at least */
#define TICK_MS 5000

struct collab_options {
	const char *data;
	const char *config_store;
	int64_t finish_ms;
	int64_t threads;
	int verbose;
	bool filter;
	bool json;
};

/* An attach that is not answered yet, or whose answer waits for the commit. */
struct ask {
	struct ask *next;
	struct bb_line head; /* pin, att, kid, nonce, link */
	json_t *trace;       /* NULL: not asked for */
	struct session *session;
	bool answered;
	int64_t login_us; /* when the back end was asked */
};

enum session_life {
	LIFE_IN,      /* in the table */
	LIFE_DROPPED, /* the store does not know what memory knew: its row
		       * is ended at the next tick */
	LIFE_LEAVING, /* its slot is free; the IM server hears a logout */
	LIFE_OVER     /* freed at the end of the turn */
};

struct session {
	struct session *next; /* in its bucket, or in gone */
	enum session_life life;
	struct bb_session_core core;
	struct bb_fence fence;
	uint64_t id;
	char user[BB_NAME_MAX]; /* as the dispatcher verified it */
	struct bb_service service;
	const struct bb_im_type *type;
	struct bb_im *im;
	struct ask *ask; /* the attach in progress, or NULL */
	bool logged_in;
	bool touched; /* by this turn: what if it is not committed */
	uint64_t up_next;
	json_t *queue; /* numbered messages to work on, in order */
	size_t queue_at;
	bool working;     /* data_work is further up the stack */
	json_t *results;  /* of those, since the last output */
	uint64_t sending; /* n under way at the back end; 0: none */
	bool fetch;       /* the device asked for what waits */
	bool report;      /* it is owed an acknowledgement */
	uint64_t acked;   /* events the device has */
	uint64_t sent;    /* events sent in this attach */
	bool coverage;
	char ended[BB_ENDED_MAX];   /* why the one before ended; told once */
	char show[32], status[256]; /* presence asked for at login */
	int64_t last_status_ms, last_active_ms, stored_ms;
	int64_t leaving_ms;
	struct job *jobs;
};

/* What the store was told of a service; told again when it changes. */
#define SERVED_MAX 16
struct served {
	char service[BB_SERVICE_MAX];
	int64_t api_max;
};

/* When a PIN without a session here was last told to attach again. */
#define TOLD_MAX 256
#define TOLD_MS 5000
struct told {
	uint32_t pin;
	int64_t ms;
};

struct collab {
	const struct collab_options *options;
	struct bb_loop *loop;
	struct bb_filter *filter;
	struct bb_work *work;
	struct bb_timer *tick;
	struct bb_db *db;
	int64_t owner; /* 0: not registered yet */
	int64_t seen_ms;
	struct session *table[SESSION_BUCKETS];
	struct session *gone; /* LIFE_DROPPED and later */
	struct ask *asks;
	struct served served[SERVED_MAX];
	size_t served_len;
	struct told told[TOLD_MAX];
	struct bb_buf held; /* lines that wait for the commit */
	bool turn_failed;
	bool skipping; /* the rest of an overlong line */
	uint64_t line_no;
	int status;
};

/* ---- turn.c ---- */
/* The turn's write transaction, begun when first needed.  False: the database
 * is busy or broken (said so in the log); the turn will fail. */
bool turn_begin(struct collab *c);
/* Notes a result inside the turn: true when it was OK.  FENCED marks the
 * session as lost; BUSY and ERROR fail the turn. */
bool turn_ok(struct collab *c, struct session *s, enum bb_db_result result);
void turn_end(void *collab);

/* ---- lines.c ---- */
int lines_input(void *collab, struct bb_buf *in, struct bb_buf *out);
int lines_end(void *collab, struct bb_buf *in, struct bb_buf *out);

/* ---- attach.c ---- */
/* Takes what it keeps out of the line. */
void attach_line(struct collab *c, struct bb_line *line);
/* Everything that the attach asked for is done: answers it. */
void attach_complete(struct collab *c, struct session *s);
/* The IM server did not take the login: answers, and frees the slot. */
void attach_failed(struct collab *c, struct session *s, const char *result,
    const char *text, const char *reason);

/* ---- data.c ---- */
void data_line(struct collab *c, struct bb_line *line);
/* The device has events up to `have`. */
void data_ack(struct collab *c, struct session *s, uint64_t have);
/* Queues the messages of a batch (borrowed) and notes fetch and ack. */
void data_batch(struct collab *c, struct session *s, const json_t *batch);
/* Works on the queue until a message is under way or it is empty, then answers
 * what is owed. */
void data_work(struct collab *c, struct session *s);
/* The back end is done with the message under way; the caller goes on with
 * data_work. */
void data_sent(struct collab *c, struct session *s, enum bb_im_status status,
    const char *reason);

/* ---- answer.c ---- */
/* Both take d and m (which may be NULL). */
void answer_ask(struct collab *c, struct ask *ask, json_t *d, json_t *m);
void answer_data(struct collab *c, struct session *s, json_t *d);
void answer_notice(struct collab *c, const struct bb_line *to,
    const char *code);
/* An ask is answered with a refusal in one call. */
void answer_refuse(struct collab *c, struct ask *ask, const char *result,
    const char *text, const char *reason);
/* The next section of events, or NULL when none wait; moves s->sent.  limit:
 * events at most. */
json_t *answer_events(struct collab *c, struct session *s, size_t limit);
/* An event from the IM server: into the spool, then pushed. */
void answer_store_event(struct collab *c, struct session *s, const char *body,
    size_t len);
/* Sends a live session what waits, as far as the window allows, and what it is
 * owed. */
void answer_push(struct collab *c, struct session *s);
/* The results of numbered messages since the last output, or NULL. */
json_t *answer_results(struct session *s);
void answer_step(struct ask *ask, int step, const char *what, int64_t us);
void ask_free(struct ask *ask);

/* ---- backend.c ---- */
/* Asks the back end, then does all that it wants. */
int backend_request(struct collab *c, struct session *s,
    const struct bb_request *request);
void backend_pump(struct collab *c, struct session *s);
/* Sessions whose jobs are under way no longer care for them. */
void backend_forget_jobs(struct session *s);
/* For bb_work_free: a job that never ran. */
void backend_job_dropped(void *job);
/* How many sessions one process can hold, by type and setting. */
int64_t backend_api_max(const struct bb_im_type *type,
    const struct bb_service *service);

/* ---- session.c ---- */
struct session *session_find(const struct collab *c, uint32_t pin);
/* A session that was just admitted; takes its place in the table.  NULL with
 * errno. */
struct session *session_new(struct collab *c, const struct bb_admitted *a,
    const struct bb_admit *request, const struct bb_im_type *type);
/* Its row is gone from the store (or goes with this turn): out of the table,
 * logged out at the IM server once the turn is committed. */
void session_leave(struct collab *c, struct session *s);
/* What memory knows is worth nothing: the commit failed. */
void session_drop(struct collab *c, struct session *s);
/* Ends the row with a reason, tells a live device, and leaves. */
void session_end(struct collab *c, struct session *s, const char *reason);
void session_line_seen(struct session *s, bool status_message);
/* After a commit: logs out those that leave, frees those that are over. */
void sessions_settle(struct collab *c);
/* Timeouts, signs of life, fences. */
void sessions_tick(void *collab);
void sessions_free(struct collab *c);

/* ---- collab.c ---- */
int collab_run(const struct collab_options *options);

#endif
