/* Inside of this room: what admission, sessions, owners and spool share. */
#ifndef BB_CONFIGDB_ROWS_H
#define BB_CONFIGDB_ROWS_H

#include "configdb/sessions.h"
#include "configdb/sql.h"

/* The longest time that an owner of another container is believed to live
 * without a sign of life, where no service's lease-grace is at hand. */
#define BB_OWNER_GRACE_MS 30000

/* Numbers of messages and events never come near overflow: what a device says
 * is cut at this. */
#define BB_N_MAX ((int64_t)1 << 62)
int64_t bb_n(uint64_t n);

/* Sessions, gathered before they are worked on. */
struct bb_pins {
	struct {
		uint32_t pin;
		int64_t owner;
	} * at;
	size_t len, cap;
	bool no_memory;
};
/* ctx is a struct bb_pins; false, and no_memory, when there is none. */
bool bb_pins_add(void *ctx, uint32_t pin, int64_t owner);
/* The same from a row of pin and owner. */
bool bb_pins_row(void *ctx, sqlite3_stmt *row);
void bb_pins_clear(struct bb_pins *pins);

/* BB_DB_ERROR when there is no memory.  NULL: nobody asks. */
enum bb_db_result bb_others_add(struct bb_db *db, struct bb_others *others,
    uint32_t pin, int64_t owner);

/* Which row of the table an admission meets, and from what. */
struct bb_case {
	const struct bb_admit *request;
	bool explain; /* nothing is freed or counted out before */
	bool user_known;
	bool user_blocked;
	char account[BB_NAME_MAX]; /* the permission's, else the user's */
	/* the PIN's session, wherever */
	bool has_session;
	char session_service[BB_SERVICE_MAX];
	int64_t session_owner;
};
/* Fills c, out->service and out->facts.  NONE: no such service; FENCED: the
 * request's owner is gone. */
enum bb_db_result bb_facts_gather(struct bb_db *db, struct bb_case *c,
    struct bb_admitted *out);
/* Calls `each` for all evictable sessions of the case's service. */
enum bb_db_result bb_facts_evictable(struct bb_db *db, const struct bb_case *c,
    const struct bb_service *service,
    bool (*each)(void *ctx, uint32_t pin, int64_t owner), void *ctx);
/* Writes out->reason from out->decision and out->facts. */
void bb_admit_reason(const struct bb_case *c, struct bb_admitted *out);

/* Ends the session of a PIN, if there is one; notes why in its numbering. */
enum bb_db_result bb_session_close(struct bb_db *db, uint32_t pin,
    const char *reason);
/* A term that no session ever had. */
enum bb_db_result bb_term_next(struct bb_db *db, int64_t *term);
/* Forgets owners that are dead and own nothing. */
enum bb_db_result bb_owner_tidy(struct bb_db *db, int64_t now_ms);

/* The numbering of the request's PIN for this service and account: goes on or
 * starts anew, takes the request's `have`, gives back and clears `ended`. */
enum bb_db_result bb_numbering_take(struct bb_db *db,
    const struct bb_admit *request, const char *service, const char *account,
    uint64_t *up_next, char ended[BB_ENDED_MAX]);
/* Gives what waits for a PIN back to the account, and forgets its numbering. */
enum bb_db_result bb_numbering_forget(struct bb_db *db, uint32_t pin);
/* Why the last session of a PIN ended; "" when nothing is known. */
enum bb_db_result bb_numbering_ended(struct bb_db *db, uint32_t pin,
    char ended[BB_ENDED_MAX]);

#endif
