/* bbsession session: who is logged in, and the cache of the connectivity
 * information that keeps a session alive while its device comes and goes. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "bbsession.h"
#include "configdb/config.h"
#include "configdb/sessions.h"
#include "out.h"
#include "serve/wake.h"
#include "stores.h"
#include "wire/text.h"

#include "base/cc.h"

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "pin",       .label = "pin",       .column = true },
	{ .member = "user",      .label = "user",      .column = true },
	{ .member = "service",   .label = "service",   .column = true },
	{ .member = "account",   .label = "account",   .column = true },
	{ .member = "state",     .label = "state",     .column = true },
	{ .member = "coverage",  .label = "coverage",  .column = true },
	{ .member = "last_status_ms", .label = "last status",
	    .form = OUT_AGE, .column = true, .none = "before the last start" },
	{ .member = "last_seen_ms", .label = "last seen",
	    .form = OUT_AGE, .none = "before the last start" },
	{ .member = "evictable", .label = "evictable" },
	{ .member = "opened",    .label = "opened" },
	{ .member = "backend",   .label = "back end" },
	{ .member = "contacts_version", .label = "contact list" },
	{ .member = "show",      .label = "presence" },
	{ .member = "status",    .label = "status text" },
	{ .member = "session",   .label = "session" },
	{ .member = "att",       .label = "attach" },
	{ .member = "link",      .label = "link" },
	{ .member = "up_next",   .label = "next up" },
	{ .member = "down_next", .label = "next down" },
	{ .member = "down_acked", .label = "acknowledged" },
	{ .member = "waiting",   .label = "waiting" },
	{ .member = "term",      .label = "term" },
	{ .member = "owner",     .label = "owner" },
	{ .member = "owner_pid", .label = "owner's pid" },
	{ .member = "owner_alive", .label = "owner alive" },
	/* clang-format on */
};
static const struct out_kind kind = { "session", "sessions", fields,
	BB_LEN(fields) };

static const struct bb_opt list_opts[] = {
	/* clang-format off */
	OPT("service", BB_OPT_STR, service, "SERVICE",
	    "only those at this service"),
	OPT("user", BB_OPT_STR, user, "USER", "only those of this user"),
	/* clang-format on */
};
static const struct bb_opt count_opts[] = {
	OPT("service", BB_OPT_STR, service, "SERVICE",
	    "only those at this service"),
};

/* A time of a clock that begins with the system's start: one that lies ahead
 * is from before it. */
static json_t *
age(int64_t then_ms, int64_t now_ms)
{
	return out_number_or_null(then_ms > now_ms ? -1 : now_ms - then_ms);
}

static void
set_link(json_t *json, const struct bb_session_row *row)
{
	char hex[BB_U64_HEX_MAX];

	bb_text_u64_hex(row->session, hex);
	out_set(json, "session", out_text(hex));
	bb_text_u64_hex(row->link, hex);
	out_set(json, "link", out_text(hex));
	out_set(json, "att", out_number(row->att));
	out_set(json, "up_next", out_number((int64_t)row->up_next));
	out_set(json, "down_next", out_number((int64_t)row->down_next));
	out_set(json, "down_acked", out_number((int64_t)row->down_acked));
	out_set(json, "waiting", out_number(row->waiting));
}

static void
set_cache(json_t *json, const struct bb_session_row *row)
{
	out_set(json, "backend", out_text_or_null(row->backend));
	out_set(json, "contacts_version",
	    out_text_or_null(row->contacts_version));
	out_set(json, "show", out_text_or_null(row->show));
	out_set(json, "status", out_text_or_null(row->status));
}

static json_t *
session_json(const struct bb_session_row *row, int64_t now_ms)
{
	int64_t seen_ms = row->last_active_ms > row->last_status_ms
			      ? row->last_active_ms
			      : row->last_status_ms;
	json_t *json = out_object();

	out_set(json, "pin", out_pin(row->pin));
	out_set(json, "user", out_text(row->user));
	out_set(json, "service", out_text(row->service));
	out_set(json, "account", out_text(row->account));
	out_set(json, "state", out_text(row->state));
	out_set(json, "coverage", out_bool(row->coverage));
	out_set(json, "evictable", out_bool(row->evictable));
	out_set(json, "last_status_ms", age(row->last_status_ms, now_ms));
	out_set(json, "last_active_ms", age(row->last_active_ms, now_ms));
	out_set(json, "last_seen_ms", age(seen_ms, now_ms));
	out_set(json, "opened", out_time(row->opened_s));
	set_cache(json, row);
	set_link(json, row);
	out_set(json, "term", out_number(row->term));
	out_set(json, "owner", out_number(row->owner));
	out_set(json, "owner_pid", out_number(row->owner_pid));
	out_set(json, "owner_alive", out_bool(row->owner_alive));
	return json;
}

struct listing {
	json_t *array;
	int64_t now_ms;
};

static bool
add_session(void *ctx, const struct bb_session_row *row)
{
	const struct listing *l = ctx;

	out_append(l->array, session_json(row, l->now_ms));
	return true;
}

static int
session_list(const struct args *a)
{
	const char *service = arg_service_or_null(a->service);
	const char *user = arg_user_or_null(a->user);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	struct listing l = { out_array(), bb_clock_ms() };

	(void)store_found(db,
	    bb_session_each(db, service, user, l.now_ms, add_session, &l),
	    "list the sessions");
	bb_db_close(db);
	return out_list(a, &kind, l.array);
}

static int
session_show(const struct args *a)
{
	uint32_t pin = arg_pin(a->operand[0]);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	struct bb_session_row row;
	int64_t now_ms = bb_clock_ms();
	bool found;

	found = store_found(db, bb_session_get(db, pin, now_ms, &row),
	    "read the session");
	bb_db_close(db);
	if (!found)
		return out_no(a, "device %08x has no session", (unsigned)pin);
	return out_show(a, &kind, session_json(&row, now_ms));
}

static bool
sum_sessions(void *ctx, const struct bb_service *service)
{
	int64_t *count = ctx;

	*count += service->open_sessions;
	return true;
}

/* The counter that admission goes by; db check compares it with the rows. */
static int
session_count(const struct args *a)
{
	const char *name = arg_service_or_null(a->service);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	struct bb_service service;
	int64_t count = 0;
	bool found = true;

	if (name == NULL) {
		(void)store_found(db, bb_service_each(db, sum_sessions, &count),
		    "count the sessions");
	} else {
		found = store_found(db, bb_service_get(db, name, &service),
		    "count the sessions");
		count = found ? service.open_sessions : 0;
	}
	bb_db_close(db);
	if (!found)
		return out_no(a, "there is no service \"%s\"", name);
	return out_value(a, "count", out_number(count), OUT_PLAIN, NULL);
}

/* The owner is woken, so that it logs out at the IM server now and not when it
 * looks next. */
static int
session_kill(const struct args *a)
{
	uint32_t pin = arg_pin(a->operand[0]);
	struct bb_session_row row = { 0 };
	char store[PATH_MAX];
	struct change c;
	int status;

	change_begin(&c, a, BB_CONFIG_STORE, "kill", "killed",
	    "session of device %08x", (unsigned)pin);
	change_note(&c, "pin", out_pin(pin));
	(void)snprintf(store, sizeof(store), "%s", bb_db_path(c.db));
	(void)bb_session_get(c.db, pin, bb_clock_ms(), &row);
	status = change_end(&c, bb_session_kill(c.db, pin, "killed"));
	if (status == BB_EXIT_OK && !a->dry_run && row.owner_alive)
		(void)bb_wake_send(store, row.owner, &pin, 1);
	return status;
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "list", "", 0, 0, "lists the open sessions",
	    OPTS(list_opts), session_list },
	{ "show", "PIN", 1, 1, "shows a session and what is cached of it",
	    NULL, 0, session_show },
	{ "count", "", 0, 0, "prints how many sessions are open",
	    OPTS(count_opts), session_count },
	{ "kill", "PIN", 1, 1, "logs a session out",
	    NULL, 0, session_kill },
	/* clang-format on */
};
const struct noun noun_session = { "session",
	"Sessions of the configuration store:", verbs, BB_LEN(verbs) };
