/* The dispatcher: what its files share.
 *
 * dispatch.c looks how it was started; filter.c is one way of being a
 * dispatcher, serve.c (server.h) the other.  Both open with open.c, attach.c
 * and tell.c, which say what they have to say to a sink, and seal with seal.c;
 * keys.c spares a server the expanding of keys. */
#ifndef BBDISPATCH_DISPATCH_H
#define BBDISPATCH_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "configdb/devices.h"
#include "line/line.h"
#include "seal/keys.h"
#include "seal/pack.h"
#include "serve/server.h"
#include "serve/start.h"
#include "wire/frame.h"

/* Bytes up to the end of the nonce: what a HINT answers has at least these. */
#define ANSWERABLE_MIN 60

struct dispatch_options {
	struct bb_server_options server;
	struct bb_opt_list to; /* services: [SERVICE=]ADDR */
	char **chain;          /* words of the next stage, or NULL */
	const char *data;
	const char *device_store;
	bool filter;
	bool json;
	int verbose;
};

/* An attach that was opened, checked and rolled, and waits for its commit. */
struct attach {
	struct bb_frame frame; /* its header; borrows no bytes */
	struct bb_devkey key;  /* whose base was rolled */
	struct bb_attach_row row;
	json_t *d, *m; /* owned; row.service points into d */
	size_t text_len;
	int64_t found_us, opened_us; /* durations */
	enum bb_db_result result;
	uint32_t told;
};

/* Attaches that share one transaction: one sync of the disk for all. */
#define GROUP_MAX 32
struct group {
	struct attach at[GROUP_MAX];
	size_t len;
	size_t text_len; /* bytes that their lines will have */
};

/* Where lines come from. */
struct line_source {
	const char *name; /* of a server's service; of a filter NULL */
	uint64_t line_no;
	bool skipping; /* within an overlong line */
};

struct dispatch;

/* Where what was opened goes: the output of a filter, or the links of a
 * server. */
struct sink {
	/* A line of a device, or one of our own in answer to a frame (NOTICE,
	 * HINT).  0, or -1 with errno of bb_line_write. */
	int (*line)(struct dispatch *d, const struct bb_line *line);
	/* The frame is authentic. */
	void (*opened)(struct dispatch *d, const struct bb_frame *frame);
	/* The frame is not sound, or none that a device sends. */
	void (*dropped)(struct dispatch *d, const struct bb_frame *frame,
	    const char *why);
	/* Is there anybody who takes lines for this IM service? */
	bool (*reachable)(struct dispatch *d, const char *service);
};

/* Since the start. */
struct counts {
	uint64_t opened, unopened, dropped;
	uint64_t attaches;           /* taken (T1) */
	uint64_t commits;            /* transactions that took them */
	uint64_t confirmed;          /* T2 */
	uint64_t sealed, unsealed;   /* unsealed: lines without a key */
	uint64_t expanded, recalled; /* keys, where there is a cache */
};

struct dispatch {
	const struct dispatch_options *options;
	const struct sink *sink;
	void *owner; /* the filter or the server */
	struct bb_db *db;
	int64_t wait_ms; /* for the store's lock, within one call */
	bool give_up;    /* a busy store is told to the device, and not waited
			  * for by asking again */
	bool again;      /* the frame at hand waits for the store */
	bool serving;    /* complaints have no end: they get a rate */
	const struct line_source *source; /* of the line at hand */
	int status; /* what the end of a filter will say */
	uint64_t complaints, unsaid;
	int64_t complained_ms;
	struct bb_buf sections[BB_PACK_SECTIONS];
	struct group group;
	struct key_cache *cache; /* or NULL */
	struct counts counts;
};

/* Returns the exit status, or ends the process. */
int dispatch_run(const struct dispatch_options *options);
/* Ends the process when there is no store to open. */
void dispatch_open_store(struct dispatch *d);

/* An error line.  Of a filter: after a hundred they are only counted, and it
 * ends with `status` unless something was wrong before.  Of a server: one a
 * second in the long run. */
void complain(struct dispatch *d, int status, const char *fmt, ...)
    BB_PRINTF(3, 4);

/* NULL with ENOMEM. */
struct key_cache *key_cache_new(void);
/* Wipes it.  NULL is legal. */
void key_cache_free(struct key_cache *cache);
/* How many keys are in it.  NULL is legal. */
size_t key_cache_count(const struct key_cache *cache);
/* Wipes those that were not used for a minute. */
void key_cache_sweep(struct key_cache *cache);
/* bb_keys_expand, or what is known of it.  Wipe `out` after use. */
int keys_expand(struct dispatch *d, const struct bb_devkey *key,
    struct bb_keys *out) BB_NODISCARD;

int filter_run(struct dispatch *d, int in, int out);
int serve_run(struct dispatch *d, const struct bb_start *start);

/* Takes a whole frame, which bb_frame_read (or _trunk) found to be such; it is
 * borrowed.  False: the store is busy and d->give_up is not set; nothing was
 * done, show it again. */
bool open_frame(struct dispatch *d, const struct bb_frame *frame,
    enum bb_frame_fault fault, size_t len);

/* Takes an ATTACH that `key` opened, whose sections are in d->sections.  The
 * group has room. */
void attach_take(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key, int64_t found_us, int64_t start_us);
bool group_has(const struct group *group, uint32_t pin);
/* Commits what waits (T1), then passes it on.  False: as open_frame. */
bool group_commit(struct dispatch *d);

/* Lines that we say ourselves, in answer to a frame.  `text` and `told` with
 * the codes that have them; else NULL and 0. */
void tell_hint(struct dispatch *d, const struct bb_frame *frame, int code);
void tell_notice(struct dispatch *d, const struct bb_frame *frame,
    const char *code, const char *text, uint32_t told);
void tell_unreachable(struct dispatch *d, const struct bb_frame *frame,
    const char *service);

/* Appends the frame that a line comes to; nothing when it cannot be sealed,
 * which was said.  What the dispatcher adds, it adds to the line.  start_us:
 * when the line was taken. */
void seal_line(struct dispatch *d, struct bb_line *line, int64_t start_us,
    struct bb_buf *out);
/* How long the first whole line in `in` is; 0: none is there.  Overlong lines
 * are refused and taken away. */
size_t seal_next(struct dispatch *d, struct line_source *source,
    struct bb_buf *in);
/* The line at hand cannot be read or sealed: a clause about it. */
void seal_refuse(struct dispatch *d, const char *why);

#endif
