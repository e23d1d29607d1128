/* Sessions in the configuration store: owners (processes), leases, admission,
 * numbers.  Transaction T4 of docs/wire.md: every write of an owner carries its
 * fence, so that an owner whose lease was taken can do no harm. */
#ifndef BB_CONFIGDB_SESSIONS_H
#define BB_CONFIGDB_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "configdb/config.h"
#include "configdb/db.h"
#include "flow/admission.h"

/* A process that owns sessions: host, boot id, process id and start time name
 * it for ever.  Registering also tidies dead owners without sessions.
 * docs/decisions/0003-maintained-counter-and-leases.md says when one is
 * dead. */
enum bb_db_result bb_owner_register(struct bb_db *db, int64_t now_ms,
    int64_t *owner);
/* api_max of this owner for a service (BB_UNLIMITED: none).  Before the first
 * admission for that service; again when it changes.  The service's own api-max
 * holds beside it: the smaller one decides. */
enum bb_db_result bb_owner_serves(struct bb_db *db, int64_t owner,
    const char *service, int64_t api_max);
/* Sign of life, at least every 10 s.  FENCED: the owner is forgotten; register
 * again. */
enum bb_db_result bb_owner_seen(struct bb_db *db, int64_t owner,
    int64_t now_ms);
/* Ends all sessions of this owner with `reason` and forgets it. */
enum bb_db_result bb_owner_release(struct bb_db *db, int64_t owner,
    const char *reason);

/* Takes over what processes that are no more have left at services of `type`,
 * as long as its lease-grace lasts: sessions that the IM server had accepted
 * become detached ones of this owner in a later term (their link and coverage
 * stay); those that were still logging in end with "lost".  *count: how many
 * were taken. */
enum bb_db_result bb_owner_adopt(struct bb_db *db, int64_t owner,
    const char *type, int64_t now_ms, int64_t *count);
/* Leaves all sessions of this owner, detached, to who adopts them once this
 * process is no more. */
enum bb_db_result bb_owner_leave(struct bb_db *db, int64_t owner,
    int64_t now_ms);
/* How many sessions the store has under this owner.  NONE: the owner is
 * forgotten. */
enum bb_db_result bb_owner_open(struct bb_db *db, int64_t owner,
    int64_t *count);

/* Names one session of one owner in one term. */
struct bb_fence {
	uint32_t pin;
	int64_t owner;
	int64_t term;
};

/* Sessions of other processes that a change concerns: who made it wakes them
 * once it is committed (serve/wake.h). */
struct bb_others {
	struct bb_other {
		uint32_t pin;
		int64_t owner;
	} * at;
	size_t len, cap;
};
void bb_others_clear(struct bb_others *others);

struct bb_admit {
	uint32_t pin;
	const char *user; /* verified by the dispatcher */
	const char *service;
	const char *account; /* asked for; NULL or "": the permission's */
	int64_t owner;
	uint32_t att;
	uint64_t link;
	uint64_t numbering; /* the device's numbering id */
	uint64_t have;      /* down acknowledgement under that id */
	bool coverage;
	int64_t now_ms; /* bb_clock_ms() */
	bool take_over; /* a resume: also from another process that lives */
};

#define BB_ENDED_MAX 32
struct bb_admitted {
	struct bb_admission decision;
	struct bb_admission_facts facts;
	char reason[160]; /* a clause for people, names the numbers */
	/* when admitted or replaced: */
	uint64_t session; /* random id */
	int64_t term;
	struct bb_service service; /* limits and type */
	uint64_t up_next;          /* next number that has effect */
	char ended[BB_ENDED_MAX];  /* why the last session ended, or "" */
	/* pins of evicted or ended sessions that this owner holds and must log
	 * out upstream; freed by bb_admitted_clear */
	uint32_t *mine;
	size_t mine_len;
	struct bb_others others; /* those that other processes hold */
	int64_t evicted;         /* how many in all */
};
void bb_admitted_clear(struct bb_admitted *a);

/* One admission in one write transaction (joins an open one): frees dead
 * leases past their grace, gathers the facts, decides, acts.  OK: see
 * decision (a refusal is OK).  NONE with why: no such service; FENCED: the
 * request's owner is forgotten.  An admitted login ends the PIN's session at
 * any other service (reason "moved"); evicted sessions end with reason
 * "evicted", the device's own with "replaced", those of a dead owner with
 * "lost".  The numbering is kept when its id, service and account are the same;
 * else it starts anew and waiting events of the same account are renumbered, of
 * another account given back to its inbox. */
enum bb_db_result bb_admit(struct bb_db *db, const struct bb_admit *request,
    struct bb_admitted *out);
/* The same verdict without acting, from the store alone; pin 0: some device
 * that has no session; owner 0: a process that has no session yet. */
enum bb_db_result bb_admit_explain(struct bb_db *db, const char *user,
    const char *service, const char *account, uint32_t pin, int64_t owner,
    int64_t now_ms, struct bb_admitted *out);

/* A resume: the session must exist, be of the request's service, its id match
 * and owner be ours (then the att and link are offered and OK), or belong to
 * nobody that lives, or the request take_over (then it is taken over: owner, a
 * later term).  NONE: unknown or ended (ended says why), another user's, still
 * logging in elsewhere, or user or service is blocked by now.  FENCED: it lives
 * in another process.  STALE: att not above the session's. */
struct bb_resumed {
	char service[BB_SERVICE_MAX];
	char user[BB_NAME_MAX];
	char account[BB_NAME_MAX];
	int64_t term;
	int64_t from; /* the owner that it was taken from, or 0 */
	uint64_t up_next;
	char ended[BB_ENDED_MAX];
};
enum bb_db_result bb_resume(struct bb_db *db, const struct bb_admit *request,
    uint64_t session, struct bb_resumed *out);

/* Session states as stored: see flow/session.h. */
struct bb_session_row {
	uint32_t pin;
	uint64_t session;
	char service[BB_SERVICE_MAX];
	char user[BB_NAME_MAX];
	char account[BB_NAME_MAX];
	int64_t owner;
	int64_t owner_pid;
	bool owner_alive;
	int64_t term;
	uint32_t att;
	uint64_t link;
	char state[16]; /* "provisional", "live", "detached" */
	bool coverage;
	bool evictable;         /* by this service's idle-timeout, now */
	int64_t last_status_ms; /* ages against bb_clock_ms() */
	int64_t last_active_ms;
	int64_t opened_s; /* wall clock */
	uint64_t up_next, down_next, down_acked;
	int64_t waiting; /* events in the spool */
	/* the cache of the connectivity information */
	char backend[BB_HOST_MAX]; /* handle at the IM server, for people */
	char contacts_version[64];
	char show[32], status[256]; /* last presence */
};

/* All of these: OK, FENCED (the session is lost: drop it without output), BUSY,
 * ERROR. */
enum bb_db_result bb_session_offer(struct bb_db *db, const struct bb_fence *f,
    uint32_t att, uint64_t link);
enum bb_db_result bb_session_state(struct bb_db *db, const struct bb_fence *f,
    const char *state, uint32_t att, uint64_t link);
/* last_active_ms < 0: this line was a status message, leave it. */
enum bb_db_result bb_session_alive(struct bb_db *db, const struct bb_fence *f,
    bool coverage, int64_t last_status_ms, int64_t last_active_ms);
enum bb_db_result bb_session_cache(struct bb_db *db, const struct bb_fence *f,
    const char *backend, const char *contacts_version);
enum bb_db_result bb_session_presence(struct bb_db *db,
    const struct bb_fence *f, const char *show, const char *status);
enum bb_db_result bb_session_up_next(struct bb_db *db, const struct bb_fence *f,
    uint64_t up_next);
enum bb_db_result bb_session_end(struct bb_db *db, const struct bb_fence *f,
    const char *reason);
/* Reads only.  FENCED: ended says why the session ended, or "" when it goes on
 * in another process or term.  Within the transaction of an effect that must
 * not happen without the session, before it. */
enum bb_db_result bb_session_check(struct bb_db *db, const struct bb_fence *f,
    char ended[BB_ENDED_MAX]);
/* Sessions of an owner that have been silent for longer than their service's
 * inactivity-timeout, as far as the store knows; 256 at most. */
enum bb_db_result bb_session_inactive(struct bb_db *db, int64_t owner,
    int64_t now_ms, bool (*each)(void *ctx, const struct bb_fence *fence),
    void *ctx);

/* For administrators. */
enum bb_db_result bb_session_get(struct bb_db *db, uint32_t pin, int64_t now_ms,
    struct bb_session_row *out);
/* service, user NULL: any. */
enum bb_db_result bb_session_each(struct bb_db *db, const char *service,
    const char *user, int64_t now_ms,
    bool (*each)(void *ctx, const struct bb_session_row *row), void *ctx);
/* Ends a session whoever owns it; the owner notices by its fence. */
enum bb_db_result bb_session_kill(struct bb_db *db, uint32_t pin,
    const char *reason);

#endif
