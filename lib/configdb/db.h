/* SQLite as both stores use it: opening, schema versions, transactions, one
 * error vocabulary.  This room alone knows SQL; no sqlite3 type leaves it. */
#ifndef BB_CONFIGDB_DB_H
#define BB_CONFIGDB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

/* Texts as the stores keep them, zero byte included. */
#define BB_NAME_MAX 257 /* user, account */
#define BB_SERVICE_MAX 65

struct bb_db;

enum bb_store { BB_DEVICE_STORE, BB_CONFIG_STORE };

enum bb_db_result {
	BB_DB_OK,
	BB_DB_NONE,    /* no such row */
	BB_DB_EXISTS,  /* the row is there already */
	BB_DB_STALE,   /* compare-and-set failed: the number was used */
	BB_DB_FENCED,  /* owner or term is no longer ours */
	BB_DB_FULL,    /* a bound of ours: spool or inbox */
	BB_DB_REFUSED, /* breaks a rule between rows; bb_db_why says which */
	BB_DB_BUSY,    /* another process held the lock too long */
	BB_DB_ERROR    /* disk, permissions, damage: bb_db_why says which */
};

#define BB_DB_WHY_MAX 512
#define BB_DB_BUSY_MS 2000 /* longest wait for the write lock */

enum bb_db_open {
	BB_DB_EXISTING, /* refuse when missing, older or newer schema */
	BB_DB_CREATE,   /* create (mode 0600); refuse when it exists */
	BB_DB_MIGRATE   /* existing; bring an older schema to ours */
};

/* Opens a store: WAL, foreign keys, secure_delete, trusted_schema off, own
 * jittered busy handler, mode 0600 and not readable by others (refused with a
 * sentence).  A newer schema is refused by name and number.  NULL with `why`
 * filled: a whole clause that names the file ("/x/config.db: no such file; run
 * bbsession db init") and *exit_status from fail.h's numbers. */
struct bb_db *bb_db_open(enum bb_store store, const char *path,
    enum bb_db_open how, char why[BB_DB_WHY_MAX], int *exit_status);
void bb_db_close(struct bb_db *db);
/* A clause about the last result that was not OK; holds no secret and no text
 * of a peer.  Functions named *_each call `each` in one read of the store; it
 * may use the store itself, but not close it. */
const char *bb_db_why(const struct bb_db *db);
/* The file, as it was opened. */
const char *bb_db_path(const struct bb_db *db);
/* Our schema's number for a store, and the number in an open one. */
int bb_db_schema(enum bb_store store);
int bb_db_version(struct bb_db *db);
/* PRAGMA integrity_check and foreign_key_check, and in the configuration store
 * the session counters against counting.  OK, or ERROR with why. */
enum bb_db_result bb_db_check(struct bb_db *db);

/* One write transaction (BEGIN IMMEDIATE).  `durable`: on disk when commit
 * returns (synchronous FULL); else it survives our death but not a power
 * failure.  Functions of this room that write join an open transaction, or make
 * their own.  When one of them answers BUSY or ERROR inside an open
 * transaction, roll back. */
enum bb_db_result bb_db_begin(struct bb_db *db, bool durable);
/* The same, but waits at most `ms` for the lock (0: asks once), for those who
 * have other things to do meanwhile. */
enum bb_db_result bb_db_begin_within(struct bb_db *db, bool durable,
    int64_t ms);
enum bb_db_result bb_db_commit(struct bb_db *db);
void bb_db_rollback(struct bb_db *db);
bool bb_db_in_transaction(const struct bb_db *db);

#endif
