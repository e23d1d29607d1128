/* The device store: devices, their users and their keys.  Dispatcher and
 * bbsession open it, the Collaboration Service never.  Transactions T0 to T3 of
 * docs/wire.md. */
#ifndef BB_CONFIGDB_DEVICES_H
#define BB_CONFIGDB_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "configdb/db.h"
#include "wire/frame.h"

#define BB_BASE_KEY_LEN 32

struct bb_device {
	uint32_t pin;
	char user[BB_NAME_MAX];
	bool blocked;
	uint32_t att;      /* last attach number that was taken */
	int64_t created_s; /* wall clock */
	int64_t key_s;     /* when the current key became current; 0: none */
	uint8_t kid[BB_KID_LEN]; /* of the current key; zero: none */
};

enum bb_key_role { BB_KEY_CODE, BB_KEY_CURRENT, BB_KEY_PENDING };

/* One key row and what the dispatcher needs beside it.  Wipe `base`. */
struct bb_devkey {
	uint32_t pin;
	char user[BB_NAME_MAX];
	uint8_t kid[BB_KID_LEN];
	enum bb_key_role role;
	uint8_t parent[BB_KID_LEN];    /* pending: the base that was rolled */
	uint32_t att;                  /* pending: the attach that made it */
	uint8_t e_s[BB_EPHEMERAL_LEN]; /* pending */
	uint8_t base[BB_BASE_KEY_LEN];
	char service[BB_SERVICE_MAX]; /* of the attach that made it, or "" */
};

/* T0 without activation: a device with its first key in role current. */
enum bb_db_result bb_device_add(struct bb_db *db, uint32_t pin,
    const char *user, const uint8_t kid[BB_KID_LEN],
    const uint8_t base[BB_BASE_KEY_LEN]);
enum bb_db_result bb_device_get(struct bb_db *db, uint32_t pin,
    struct bb_device *out);
/* Calls `each` in order of PIN until it returns false.  `user`: only that
 * user's devices; NULL: all. */
enum bb_db_result bb_device_each(struct bb_db *db, const char *user,
    bool (*each)(void *ctx, const struct bb_device *device), void *ctx);
enum bb_db_result bb_device_block(struct bb_db *db, uint32_t pin, bool blocked);
enum bb_db_result bb_device_remove(struct bb_db *db, uint32_t pin);

/* The row that a frame names.  NONE: unknown PIN, unknown kid or a blocked
 * device: the caller treats all three alike. */
enum bb_db_result bb_devkey_find(struct bb_db *db, uint32_t pin,
    const uint8_t kid[BB_KID_LEN], struct bb_devkey *out);

struct bb_attach_row {
	uint32_t pin;
	uint32_t att;
	uint8_t kid[BB_KID_LEN]; /* the base that sealed the ATTACH */
	uint8_t next_kid[BB_KID_LEN];
	uint8_t next_base[BB_BASE_KEY_LEN];
	uint8_t e_s[BB_EPHEMERAL_LEN];
	const char *service;
};
/* T1, inside a durable transaction that the caller opened (several attaches
 * share one).  OK; STALE: *told is the last number taken, nothing was changed;
 * NONE: the key row is gone; EXISTS: next_kid is taken, draw another. */
enum bb_db_result bb_devkey_attach(struct bb_db *db,
    const struct bb_attach_row *row, uint32_t *told);
/* T2: the pending key becomes current by line of descent.  OK also when it is
 * current already. */
enum bb_db_result bb_devkey_promote(struct bb_db *db, uint32_t pin,
    const uint8_t kid[BB_KID_LEN]);
/* T3: the pending row of this attach and its parent's row, which is the base
 * that the ANSWER is sealed under.  NONE: superseded. */
enum bb_db_result bb_devkey_answer(struct bb_db *db, uint32_t pin, uint32_t att,
    struct bb_devkey *pending, struct bb_devkey *parent);
/* The device's current key, to seal DATA.  NONE as for find. */
enum bb_db_result bb_devkey_current(struct bb_db *db, uint32_t pin,
    struct bb_devkey *out);

#endif
