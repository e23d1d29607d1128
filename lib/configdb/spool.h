/* Events that wait for devices: the spool of a PIN, numbered and bounded, and
 * the inbox, where other processes leave events for a PIN that they do not own
 * or for an account without a device. */
#ifndef BB_CONFIGDB_SPOOL_H
#define BB_CONFIGDB_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "configdb/sessions.h"

#define BB_SPOOL_COUNT_MAX 1000 /* events of one device */
#define BB_SPOOL_BYTES_MAX (4 << 20)
#define BB_SPOOL_BODY_MAX 65533    /* one section of a frame */
#define BB_SPOOL_AGE_S (7 * 86400) /* events older than this are dropped */

/* What bb_spool_deliver is asked, and answers in pins. */
struct bb_delivery {
	int64_t owner; /* of the caller */
	const char *service;
	const char *account;
	const char *body; /* the event's JSON object without "n" */
	size_t body_len;  /* at most BB_SPOOL_BODY_MAX, else REFUSED */
	int64_t now_s;    /* bb_clock_wall_s() */
	uint32_t *pins;   /* the caller's; NULL: nobody asks */
	size_t pins_max;
	size_t pins_len;          /* set: how many pins of `owner` have it */
	struct bb_others *others; /* those of other processes that have it are
				   * added; NULL: nobody asks */
};
/* An event for an account of a `local` service: one copy for each device that
 * is known to have used the account (into the spool of those that `owner`
 * owns, else into the inbox), or one in the account's inbox when there is none
 * yet.  NONE: nobody may use that account there.  FULL: a bound is reached for
 * every device of the account.  But for OK nothing was stored. */
enum bb_db_result bb_spool_deliver(struct bb_db *db, struct bb_delivery *d);
/* An event from an IM server for the session's own device.  When the spool is
 * full the oldest give way: *dropped counts them. */
enum bb_db_result bb_spool_put(struct bb_db *db, const struct bb_fence *f,
    const char *body, size_t body_len, int64_t now_s, size_t *dropped);
/* Moves what waits in the inbox for this session's PIN or account to its
 * spool, in order.  *moved counts. */
enum bb_db_result bb_inbox_take(struct bb_db *db, const struct bb_fence *f,
    int64_t now_s, size_t *moved);
/* Calls `each` for sessions of `owner` that have got something into their inbox
 * since *mark (0: ever), and moves *mark.  Costs as much as is new. */
enum bb_db_result bb_inbox_news(struct bb_db *db, int64_t owner, int64_t *mark,
    bool (*each)(void *ctx, uint32_t pin), void *ctx);
/* Where the mark of one that begins now is. */
enum bb_db_result bb_inbox_mark(struct bb_db *db, int64_t *mark);
/* The PIN is no device any more (bbsession device remove): what waits for it
 * goes back to the inbox of its account, its numbers are forgotten.  OK also
 * when there is nothing; REFUSED while it has a session. */
enum bb_db_result bb_spool_forget(struct bb_db *db, uint32_t pin);
/* The device has everything up to `have`. */
enum bb_db_result bb_spool_ack(struct bb_db *db, const struct bb_fence *f,
    uint64_t have);
/* Calls `each` for waiting events after number `after`, in order, until it
 * returns false. */
enum bb_db_result bb_spool_each(struct bb_db *db, uint32_t pin, uint64_t after,
    bool (*each)(void *ctx, uint64_t n, const char *body, size_t len),
    void *ctx);

#endif
