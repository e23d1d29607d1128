/* A configuration store with users u1 .. u9, who may all use the services im
 * and im2, and logins in one line each. */
#ifndef BB_CONFIGDB_GATEWAY_H
#define BB_CONFIGDB_GATEWAY_H

#include "base/clock.h"
#include "configdb/sessions.h"
#include "configdb/sql.h"
#include "configdb_rig.h"

#include "base/cc.h"

/* Long since boot, so that no age below is before it. */
#define GW_NOW INT64_C(1000000000)

static struct bb_db *gw;
static struct bb_admitted gw_out;
static int64_t gw_now = GW_NOW;

static inline const char *
gw_user(uint32_t pin)
{
	static char name[4][BB_NAME_MAX];
	static unsigned at;
	char *to = name[at++ % 4];

	(void)snprintf(to, BB_NAME_MAX, "u%u", (unsigned)pin);
	return to;
}

/* A store of its own in the file `name`. */
static inline void
gw_begin(const char *name)
{
	uint32_t i;

	gw = rig_open(BB_CONFIG_STORE, name, BB_DB_CREATE);
	gw_now = GW_NOW;
	(void)bb_service_add(gw, "im", "local", "", 0);
	(void)bb_service_add(gw, "im2", "local", "", 0);
	for (i = 1; i <= 9; i++) {
		(void)bb_user_add(gw, gw_user(i), NULL);
		(void)bb_permission_add(gw, gw_user(i), "im", NULL);
		(void)bb_permission_add(gw, gw_user(i), "im2", NULL);
	}
}

static inline void
gw_end(void)
{
	bb_admitted_clear(&gw_out);
	TAP_EQ_INT(bb_db_check(gw), BB_DB_OK, "the store is sound after all");
	bb_db_close(gw);
	gw = NULL;
}

static inline int64_t
gw_owner(void)
{
	int64_t owner = 0;

	if (bb_owner_register(gw, gw_now, &owner) != BB_DB_OK)
		tap_ok(false, "a process is registered: %s", bb_db_why(gw));
	return owner;
}

static inline void
gw_limit(enum bb_limit limit, int64_t value)
{
	if (bb_limit_set(gw, "im", limit, value) != BB_DB_OK)
		tap_ok(false, "a limit is set: %s", bb_db_why(gw));
}

/* User uN on PIN N, in coverage, under numbering N. */
static inline struct bb_admit
gw_request(int64_t owner, uint32_t pin)
{
	static uint32_t att;

	att++;
	return (struct bb_admit){ .pin = pin,
		.user = gw_user(pin),
		.service = "im",
		.account = NULL,
		.owner = owner,
		.att = att,
		.link = 77,
		.numbering = pin,
		.coverage = true,
		.now_ms = gw_now };
}

static inline enum bb_db_result
gw_admit(const struct bb_admit *q)
{
	enum bb_db_result r;

	bb_admitted_clear(&gw_out);
	r = bb_admit(gw, q, &gw_out);
	if (r != BB_DB_OK)
		tap_note("admission: %s", bb_db_why(gw));
	return r;
}

/* The verdict's word of a login; gw_out has the rest. */
static inline const char *
gw_login(int64_t owner, uint32_t pin)
{
	struct bb_admit q = gw_request(owner, pin);

	if (gw_admit(&q) != BB_DB_OK)
		return "no verdict";
	return bb_verdict_word(gw_out.decision.verdict);
}

static inline struct bb_fence
gw_fence(int64_t owner, uint32_t pin)
{
	return (struct bb_fence){ pin, owner, gw_out.term };
}

static inline int64_t
gw_open(const char *service)
{
	struct bb_service s = { .open_sessions = -1 };

	(void)bb_service_get(gw, service, &s);
	return s.open_sessions;
}

static inline const char *
gw_ended(uint32_t pin)
{
	static char ended[BB_ENDED_MAX];
	char sql[100];
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;

	ended[0] = '\0';
	(void)snprintf(sql, sizeof(sql),
	    "SELECT ended FROM numbering WHERE pin = %u", (unsigned)pin);
	if (sqlite3_open(gw->path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		(void)snprintf(ended, sizeof(ended), "%s",
		    (const char *)sqlite3_column_text(stmt, 0));
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return ended;
}

#endif
