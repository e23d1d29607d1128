/* Inside of this room: what waits, counted and moved; shared by those who
 * deliver and those who take. */
#ifndef BB_CONFIGDB_WAITING_H
#define BB_CONFIGDB_WAITING_H

#include "configdb/rows.h"
#include "configdb/spool.h"

/* An event on its way to an account; borrows all of it. */
struct bb_event {
	const char *service;
	const char *account;
	const char *body;
	size_t len;
	int64_t now_s;
};

/* How much waits somewhere. */
struct bb_used {
	int64_t count;
	int64_t bytes;
};
bool bb_spool_has_room(const struct bb_used *used, size_t len);
/* Both add to *used. */
enum bb_db_result bb_spool_used(struct bb_db *db, uint32_t pin,
    struct bb_used *used);
/* who: a PIN, or BB_T(NULL) for what waits for the account alone. */
enum bb_db_result bb_inbox_used(struct bb_db *db, const struct bb_event *e,
    struct bb_arg who, struct bb_used *used);

/* Drop what is too old. */
enum bb_db_result bb_spool_expire(struct bb_db *db, uint32_t pin,
    int64_t now_s);
enum bb_db_result bb_inbox_expire(struct bb_db *db, const struct bb_event *e);

/* Gives the event the next number of the device. */
enum bb_db_result bb_spool_append(struct bb_db *db, uint32_t pin,
    const struct bb_event *e);
/* Moves from the inbox of device and account (of e) to the device's spool what
 * has room there, in order.  *left: not all had. */
enum bb_db_result bb_inbox_move(struct bb_db *db, uint32_t pin,
    const struct bb_event *e, size_t *moved, bool *left);

/* The account of the session under a fence.  FENCED: there is none. */
enum bb_db_result bb_event_account(struct bb_db *db, const struct bb_fence *f,
    char service[BB_SERVICE_MAX], char account[BB_NAME_MAX]);

#endif
