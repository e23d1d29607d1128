/* bbsession user: who may log in, and with which local password. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "bbsession.h"
#include "configdb/config.h"
#include "configdb/devices.h"
#include "configdb/sessions.h"
#include "out.h"
#include "secrets.h"
#include "serve/password.h"
#include "stores.h"

#include "base/cc.h"

_Static_assert(BB_PASSWORD_VERIFIER_MAX <= BB_VERIFIER_MAX,
    "a verifier fits the store");

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "user",     .label = "user",     .column = true },
	{ .member = "blocked",  .label = "blocked",  .column = true },
	{ .member = "password", .label = "password", .column = true },
	{ .member = "created",  .label = "created",  .column = true },
	{ .member = "services", .label = "services" },
	{ .member = "sessions", .label = "sessions" },
	/* clang-format on */
};
static const struct out_kind kind = { "user", "users", fields, BB_LEN(fields) };

static const struct bb_opt password_opts[] = {
	/* clang-format off */
	OPT("password-file", BB_OPT_STR, password_file, "FILE",
	    "first line of a file that only its owner can read"),
	OPT_RANGE("password-fd", password_fd, 0, 65535, "N",
	    "one line from an open descriptor"),
	OPT("no-password", BB_OPT_FLAG, no_password, NULL,
	    "no local password: for users of other IM servers"),
	/* clang-format on */
};

static json_t *
user_json(const struct bb_user *user)
{
	json_t *json = out_object();

	out_set(json, "user", out_text(user->name));
	out_set(json, "blocked", out_bool(user->blocked));
	out_set(json, "password", out_bool(user->has_password));
	out_set(json, "created", out_time(user->created_s));
	return json;
}

static bool
user_exists(struct bb_db *db, const char *name)
{
	struct bb_user user;

	return store_found(db, bb_user_get(db, name, &user), "read the user");
}

/* What hashing costs is a limit of the service `local`. */
static int
scrypt_cost(struct bb_db *db)
{
	struct bb_service local;

	if (!store_found(db, bb_service_get(db, "local", &local),
		"read the limits of local"))
		return (int)bb_limits[BB_LIMIT_SCRYPT_COST].default_value;
	return (int)local.limit[BB_LIMIT_SCRYPT_COST];
}

/* The verifier of the password that the options point to.  False: no password.
 * A dry run does not ask a person. */
static bool
make_verifier(const struct args *a, const char *name, int cost,
    char verifier[BB_PASSWORD_VERIFIER_MAX])
{
	enum password_from from = password_source(a);
	struct bb_secret password = { 0 };
	int rc;

	if (from == PASSWORD_NONE || (from == PASSWORD_TERMINAL && a->dry_run))
		return false;
	password_read(a, name, &password);
	rc = bb_password_verifier(&password, cost, verifier);
	bb_secret_clear(&password);
	if (rc == -1)
		bb_die_sys("unable to hash the password of %s", name);
	return true;
}

/* Hashing takes a tenth of a second: it is over before the store is locked, and
 * nobody types a password for a name that is taken. */
static int
user_add(const struct args *a)
{
	const char *name = arg_user(a->operand[0]);
	char verifier[BB_PASSWORD_VERIFIER_MAX];
	struct change c;
	struct bb_db *db;
	enum bb_db_result r;
	bool has;
	int cost;

	(void)password_source(a);
	db = store_open(a, BB_CONFIG_STORE);
	if (user_exists(db, name)) {
		bb_db_close(db);
		return out_no(a, "user \"%s\" is there already", name);
	}
	cost = scrypt_cost(db);
	bb_db_close(db);
	has = make_verifier(a, name, cost, verifier);
	change_begin(&c, a, BB_CONFIG_STORE, "add", "added", "user \"%s\"",
	    name);
	change_note(&c, "user", out_text(name));
	r = bb_user_add(c.db, name, has ? verifier : NULL);
	bb_wipe(verifier, sizeof(verifier));
	return change_end(&c, r);
}

static int
user_passwd(const struct args *a)
{
	const char *name = arg_user(a->operand[0]);
	char verifier[BB_PASSWORD_VERIFIER_MAX];
	bool none = password_source(a) == PASSWORD_NONE, has;
	struct change c;
	struct bb_db *db;
	enum bb_db_result r;
	int cost;

	db = store_open(a, BB_CONFIG_STORE);
	if (!user_exists(db, name)) {
		bb_db_close(db);
		return out_no(a, "there is no user \"%s\"", name);
	}
	cost = scrypt_cost(db);
	bb_db_close(db);
	has = make_verifier(a, name, cost, verifier);
	change_begin(&c, a, BB_CONFIG_STORE, none ? "take" : "set",
	    none ? "took" : "set", "the password of user \"%s\"", name);
	change_note(&c, "user", out_text(name));
	r = bb_user_set_verifier(c.db, name, has ? verifier : NULL);
	bb_wipe(verifier, sizeof(verifier));
	return change_end(&c, r);
}

static bool
add_user(void *ctx, const struct bb_user *user)
{
	out_append(ctx, user_json(user));
	return true;
}

static int
user_list(const struct args *a)
{
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	json_t *array = out_array();

	(void)store_found(db, bb_user_each(db, add_user, array),
	    "list the users");
	bb_db_close(db);
	return out_list(a, &kind, array);
}

static bool
add_permission(void *ctx, const struct bb_permission *permission)
{
	out_append(ctx, out_text(permission->service));
	return true;
}

static bool
add_session(void *ctx, const struct bb_session_row *row)
{
	out_append(ctx, out_pin(row->pin));
	return true;
}

static int
user_show(const struct args *a)
{
	const char *name = arg_user(a->operand[0]);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	json_t *json, *services, *sessions;
	struct bb_user user;

	if (!store_found(db, bb_user_get(db, name, &user), "read the user")) {
		bb_db_close(db);
		return out_no(a, "there is no user \"%s\"", name);
	}
	services = out_array();
	sessions = out_array();
	(void)store_found(db,
	    bb_permission_each(db, name, NULL, add_permission, services),
	    "list the permissions");
	(void)store_found(db,
	    bb_session_each(db, NULL, name, bb_clock_ms(), add_session,
		sessions),
	    "list the sessions");
	bb_db_close(db);
	json = user_json(&user);
	out_set(json, "services", services);
	out_set(json, "sessions", sessions);
	return out_show(a, &kind, json);
}

static int
set_blocked(const struct args *a, bool blocked)
{
	const char *name = arg_user(a->operand[0]);
	struct change c;

	change_begin(&c, a, BB_CONFIG_STORE, blocked ? "block" : "unblock",
	    blocked ? "blocked" : "unblocked", "user \"%s\"", name);
	change_note(&c, "user", out_text(name));
	return change_end(&c, bb_user_block(c.db, name, blocked));
}

static int
user_block(const struct args *a)
{
	return set_blocked(a, true);
}

static int
user_unblock(const struct args *a)
{
	return set_blocked(a, false);
}

static bool
add_pin(void *ctx, const struct bb_device *device)
{
	out_append(ctx, out_pin(device->pin));
	return true;
}

/* The PINs of the user's devices, or NULL where there is no device store. */
static json_t *
devices_of(const struct args *a, const char *name)
{
	struct bb_db *db = store_open_if_here(a, BB_DEVICE_STORE);
	json_t *array;

	if (db == NULL)
		return NULL;
	array = out_array();
	(void)store_found(db, bb_device_each(db, name, add_pin, array),
	    "list the devices");
	bb_db_close(db);
	return array;
}

static int
user_remove(const struct args *a)
{
	const char *name = arg_user(a->operand[0]);
	json_t *devices = devices_of(a, name);
	const char *pin;
	struct change c;
	size_t i;
	int status;

	change_begin(&c, a, BB_CONFIG_STORE, "remove", "removed", "user \"%s\"",
	    name);
	change_note(&c, "user", out_text(name));
	if (devices != NULL)
		change_note(&c, "devices_left", json_incref(devices));
	status = change_end(&c, bb_user_remove(c.db, name));
	if (status == BB_EXIT_OK) {
		for (i = 0; i < json_array_size(devices); i++) {
			pin = json_string_value(json_array_get(devices, i));
			out_say(a,
			    "device %s is left: bbsession device remove %s",
			    pin, pin);
		}
	}
	json_decref(devices);
	return status;
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "add", "USER", 1, 1, "adds a user and asks for a local password",
	    OPTS(password_opts), user_add },
	{ "passwd", "USER", 1, 1, "sets the local password",
	    OPTS(password_opts), user_passwd },
	{ "list", "", 0, 0, "lists the users", NULL, 0, user_list },
	{ "show", "USER", 1, 1, "shows a user with services and sessions",
	    NULL, 0, user_show },
	{ "block", "USER", 1, 1, "refuses further logins of a user",
	    NULL, 0, user_block },
	{ "unblock", "USER", 1, 1, "allows logins again",
	    NULL, 0, user_unblock },
	{ "remove", "USER", 1, 1, "removes a user with all permissions",
	    NULL, 0, user_remove },
	/* clang-format on */
};
const struct noun noun_user = { "user",
	"Users of the configuration store:", verbs, BB_LEN(verbs) };
