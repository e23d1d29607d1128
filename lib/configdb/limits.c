/* The limits of a service: their names, bounds and defaults, and the rules
 * between them. */
#include <stdio.h>

#include "base/clock.h"
#include "configdb/config.h"
#include "configdb/sql.h"

#include "base/cc.h"

#define S 1000LL
#define MIN (60 * S)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)

/* The longest admissible spans bound what arithmetic on them can reach.  The
 * shortest ones are for tests of the gateway as a whole. */
/* clang-format off */
const struct bb_limit_info bb_limits[BB_LIMIT_COUNT] = {
	[BB_LIMIT_MAX_SESSIONS] = { "max-sessions", false,
	    false, 0, 0, 1000000,
	    "most sessions of the service at a time; 0 admits nobody" },
	[BB_LIMIT_IDLE_TIMEOUT] = { "idle-timeout", true,
	    false, 0, 200, 30 * DAY,
	    "silence after which a session may be logged out for another" },
	[BB_LIMIT_INACTIVITY_TIMEOUT] = { "inactivity-timeout", true,
	    false, 0, 200, 365 * DAY,
	    "time without anything but status messages that ends a session" },
	[BB_LIMIT_STATUS_INTERVAL] = { "status-interval", true,
	    true, 60 * S, 100, DAY,
	    "how often devices are told to send a status message" },
	[BB_LIMIT_API_MAX] = { "api-max", false,
	    false, 0, 0, 1000000,
	    "sessions that the IM server's API carries per process" },
	[BB_LIMIT_LEASE_GRACE] = { "lease-grace", true,
	    true, 30 * S, 0, HOUR,
	    "how long sessions of a dead process wait for its restart" },
	[BB_LIMIT_SCRYPT_COST] = { "scrypt-cost", false,
	    true, 15, 10, 20,
	    "log2 N of scrypt for new local passwords" },
};
/* clang-format on */

#define SET(column) "UPDATE service SET " column " = ?2 WHERE name = ?1"

static const char *const sql[BB_LIMIT_COUNT] = {
	[BB_LIMIT_MAX_SESSIONS] = SET("max_sessions"),
	[BB_LIMIT_IDLE_TIMEOUT] = SET("idle_timeout"),
	[BB_LIMIT_INACTIVITY_TIMEOUT] = SET("inactivity_timeout"),
	[BB_LIMIT_STATUS_INTERVAL] = SET("status_interval"),
	[BB_LIMIT_API_MAX] = SET("api_max"),
	[BB_LIMIT_LEASE_GRACE] = SET("lease_grace"),
	[BB_LIMIT_SCRYPT_COST] = SET("scrypt_cost"),
};
static const struct bb_sql_table table = { BB_SQL_LIMITS, BB_LIMIT_COUNT, sql };

static void
value_text(const struct bb_limit_info *info, int64_t value,
    char out[BB_DURATION_TEXT_MAX])
{
	if (info->duration)
		bb_duration_text(value, out);
	else
		(void)snprintf(out, BB_DURATION_TEXT_MAX, "%lld",
		    (long long)value);
}

static enum bb_db_result
check_bounds(struct bb_db *db, const struct bb_limit_info *info, int64_t value)
{
	char is[BB_DURATION_TEXT_MAX], min[BB_DURATION_TEXT_MAX];
	char max[BB_DURATION_TEXT_MAX];

	if (value >= info->min && value <= info->max)
		return BB_DB_OK;
	value_text(info, value, is);
	value_text(info, info->min, min);
	value_text(info, info->max, max);
	return bb_why(db, BB_DB_REFUSED, "%s %s is not within %s and %s",
	    info->name, is, min, max);
}

/* A device that misses one status message is not idle yet. */
static enum bb_db_result
check_idle(struct bb_db *db, const struct bb_service *service)
{
	int64_t idle = service->limit[BB_LIMIT_IDLE_TIMEOUT];
	int64_t status = service->limit[BB_LIMIT_STATUS_INTERVAL];
	char idle_text[BB_DURATION_TEXT_MAX], status_text[BB_DURATION_TEXT_MAX];

	if (idle == BB_LIMIT_UNSET || idle >= 2 * status)
		return BB_DB_OK;
	bb_duration_text(idle, idle_text);
	bb_duration_text(status, status_text);
	return bb_why(db, BB_DB_REFUSED,
	    "idle-timeout %s would be less than two status intervals "
	    "(status-interval %s)",
	    idle_text, status_text);
}

static enum bb_db_result
set(struct bb_db *db, const char *name, enum bb_limit limit, int64_t value)
{
	const struct bb_limit_info *info = &bb_limits[limit];
	struct bb_service service;
	enum bb_db_result r = bb_service_get(db, name, &service);

	if (r != BB_DB_OK)
		return r;
	if (value == BB_LIMIT_UNSET)
		service.limit[limit] =
		    info->has_default ? info->default_value : BB_LIMIT_UNSET;
	else {
		r = check_bounds(db, info, value);
		service.limit[limit] = value;
	}
	if (r == BB_DB_OK)
		r = check_idle(db, &service);
	if (r == BB_DB_OK)
		r = bb_sql_run(db, &table, (int)limit,
		    BB_ARGS(BB_T(name), BB_I_OR_NULL(value)));
	return r;
}

enum bb_db_result
bb_limit_set(struct bb_db *db, const char *service, enum bb_limit limit,
    int64_t value)
{
	struct bb_scope scope;
	enum bb_db_result r = bb_sql_enter(db, true, &scope);

	if (r != BB_DB_OK)
		return r;
	r = set(db, service, limit, value);
	return bb_sql_leave(db, &scope, r);
}
