/* The configuration store: users, services, permissions, limits. */
#include "base/clock.h"
#include "configdb/config.h"
#include "configdb/sessions.h"
#include "configdb_rig.h"

#include "base/cc.h"

static char listed[512];

static void
list(const char *a, const char *b)
{
	size_t len = strlen(listed);

	(void)snprintf(listed + len, sizeof(listed) - len, "%s%s%s%s",
	    len > 0 ? " " : "", a, b == NULL ? "" : "@", b == NULL ? "" : b);
}

static bool
list_user(void *ctx, const struct bb_user *user)
{
	(void)ctx;
	list(user->name, NULL);
	return true;
}

static bool
list_service(void *ctx, const struct bb_service *service)
{
	(void)ctx;
	list(service->name, NULL);
	return true;
}

static bool
list_permission(void *ctx, const struct bb_permission *permission)
{
	bool *first_only = ctx;

	list(permission->user, permission->service);
	return !*first_only;
}

static void
test_users(struct bb_db *db)
{
	char verifier[BB_VERIFIER_MAX];
	struct bb_user u;

	TAP_EQ_INT(bb_user_add(db, "bob", NULL), BB_DB_OK, "a user is added");
	TAP_EQ_INT(bb_user_add(db, "alice", "scrypt$1"), BB_DB_OK,
	    "a user is added with a verifier");
	TAP_EQ_INT(bb_user_add(db, "bob", NULL), BB_DB_EXISTS,
	    "a name is added once");
	TAP_EQ_INT(bb_user_add(db, "Bob", NULL), BB_DB_OK,
	    "another case is another name");
	TAP_EQ_INT(bb_user_add(db, "", NULL), BB_DB_REFUSED,
	    "an empty name is refused");
	TAP_EQ_INT(bb_user_get(db, "alice", &u), BB_DB_OK, "a user is found");
	tap_ok(u.has_password && !u.blocked && u.created_s > 0,
	    "with a password, not blocked");
	(void)bb_user_get(db, "bob", &u);
	tap_ok(!u.has_password, "another has none");
	TAP_EQ_INT(bb_user_get(db, "x", &u), BB_DB_NONE, "or is none");
	TAP_EQ_INT(bb_user_verifier(db, "alice", verifier), BB_DB_OK,
	    "a verifier is read");
	TAP_EQ_STR(verifier, "scrypt$1", "as it was written");
	TAP_EQ_INT(bb_user_verifier(db, "bob", verifier), BB_DB_NONE,
	    "no password, no verifier");
	TAP_EQ_INT(bb_user_set_verifier(db, "bob", "scrypt$2"), BB_DB_OK,
	    "a password is set");
	(void)bb_user_verifier(db, "bob", verifier);
	TAP_EQ_STR(verifier, "scrypt$2", "and verified from then on");
	TAP_EQ_INT(bb_user_set_verifier(db, "bob", NULL), BB_DB_OK,
	    "a password is taken away");
	TAP_EQ_INT(bb_user_verifier(db, "bob", verifier), BB_DB_NONE,
	    "and no more verified");
	TAP_EQ_INT(bb_user_set_verifier(db, "x", "y"), BB_DB_NONE,
	    "nobody has no password");
	TAP_EQ_INT(bb_user_block(db, "bob", true), BB_DB_OK,
	    "a user is blocked");
	(void)bb_user_get(db, "bob", &u);
	tap_ok(u.blocked, "and shown as blocked");
	(void)bb_user_block(db, "bob", false);
	listed[0] = '\0';
	TAP_EQ_INT(bb_user_each(db, list_user, NULL), BB_DB_OK,
	    "users are listed");
	TAP_EQ_STR(listed, "Bob alice bob", "in order of name");
	TAP_EQ_INT(bb_user_remove(db, "Bob"), BB_DB_OK, "a user is removed");
	TAP_EQ_INT(bb_user_remove(db, "Bob"), BB_DB_NONE, "once");
}

static void
test_services(struct bb_db *db)
{
	struct bb_service s;

	TAP_EQ_INT(bb_service_add(db, "local", "local", NULL, 0), BB_DB_OK,
	    "a service is added");
	TAP_EQ_INT(bb_service_add(db, "chat", "xmpp", "chat.example", 5222),
	    BB_DB_OK, "a service is added with host and port");
	TAP_EQ_INT(bb_service_add(db, "chat", "local", "", 0), BB_DB_EXISTS,
	    "once");
	TAP_EQ_INT(bb_service_add(db, "far", "xmpp", "", 65536), BB_DB_REFUSED,
	    "no port is above 65535");
	TAP_EQ_INT(bb_service_get(db, "chat", &s), BB_DB_OK,
	    "a service is found");
	TAP_EQ_STR(s.type, "xmpp", "with its type");
	TAP_EQ_STR(s.host, "chat.example", "its host");
	TAP_EQ_INT(s.port, 5222, "its port");
	TAP_EQ_INT(s.open_sessions, 0, "and nobody there");
	TAP_EQ_INT(s.limit[BB_LIMIT_MAX_SESSIONS], BB_LIMIT_UNSET,
	    "max-sessions is unset");
	TAP_EQ_INT(s.limit[BB_LIMIT_STATUS_INTERVAL], 60000,
	    "status-interval has its default");
	TAP_EQ_INT(s.limit[BB_LIMIT_LEASE_GRACE], 30000,
	    "lease-grace has its default");
	TAP_EQ_INT(bb_service_block(db, "chat", true), BB_DB_OK,
	    "a service is blocked");
	(void)bb_service_get(db, "chat", &s);
	tap_ok(s.blocked, "and shown as blocked");
	TAP_EQ_INT(bb_service_block(db, "x", true), BB_DB_NONE,
	    "an unknown one is not");
	listed[0] = '\0';
	(void)bb_service_each(db, list_service, NULL);
	TAP_EQ_STR(listed, "chat local", "services are listed by name");
	TAP_EQ_INT(bb_service_remove(db, "chat"), BB_DB_OK,
	    "a service is removed");
	TAP_EQ_INT(bb_service_remove(db, "chat"), BB_DB_NONE, "once");
}

static enum bb_db_result
set(struct bb_db *db, enum bb_limit limit, int64_t value)
{
	return bb_limit_set(db, "local", limit, value);
}

static void
test_limits(struct bb_db *db)
{
	struct bb_service s;
	int i, wrong = 0;

	TAP_EQ_INT(set(db, BB_LIMIT_MAX_SESSIONS, 0), BB_DB_OK,
	    "max-sessions may be 0");
	(void)bb_service_get(db, "local", &s);
	TAP_EQ_INT(s.limit[BB_LIMIT_MAX_SESSIONS], 0, "which is not unset");
	TAP_EQ_INT(set(db, BB_LIMIT_MAX_SESSIONS, BB_LIMIT_UNSET), BB_DB_OK,
	    "a limit is unset");
	(void)bb_service_get(db, "local", &s);
	TAP_EQ_INT(s.limit[BB_LIMIT_MAX_SESSIONS], BB_LIMIT_UNSET,
	    "and shown as unset");
	TAP_EQ_INT(set(db, BB_LIMIT_MAX_SESSIONS, -5), BB_DB_REFUSED,
	    "a negative maximum is refused");
	TAP_EQ_INT(set(db, BB_LIMIT_SCRYPT_COST, 63), BB_DB_REFUSED,
	    "a cost that nobody can pay is refused");
	tap_ok(rig_says(bb_db_why(db),
		   "scrypt-cost 63 is not within 10 and 20"),
	    "with the bounds");
	TAP_EQ_INT(bb_limit_set(db, "x", BB_LIMIT_API_MAX, 1), BB_DB_NONE,
	    "an unknown service has no limits");
	for (i = 0; i < BB_LIMIT_COUNT; i++) {
		(void)set(db, (enum bb_limit)i, bb_limits[i].max);
		(void)bb_service_get(db, "local", &s);
		wrong += s.limit[i] != bb_limits[i].max;
		(void)set(db, (enum bb_limit)i, BB_LIMIT_UNSET);
		(void)bb_service_get(db, "local", &s);
		wrong += s.limit[i] != (bb_limits[i].has_default
					       ? bb_limits[i].default_value
					       : BB_LIMIT_UNSET);
	}
	TAP_EQ_INT(wrong, 0, "each limit is set and unset by itself");
}

static void
test_idle(struct bb_db *db)
{
	struct bb_service s;

	TAP_EQ_INT(set(db, BB_LIMIT_IDLE_TIMEOUT, 119999), BB_DB_REFUSED,
	    "idle-timeout below two default status intervals is refused");
	tap_ok(rig_says(bb_db_why(db), "status-interval 1m"),
	    "and names the default");
	TAP_EQ_INT(set(db, BB_LIMIT_IDLE_TIMEOUT, 120000), BB_DB_OK,
	    "of just two it is not");
	TAP_EQ_INT(set(db, BB_LIMIT_STATUS_INTERVAL, 61000), BB_DB_REFUSED,
	    "then a longer status-interval is refused");
	tap_ok(rig_says(bb_db_why(db),
		   "idle-timeout 2m would be less than two status intervals "
		   "(status-interval 61s)"),
	    "and names both");
	(void)bb_service_get(db, "local", &s);
	TAP_EQ_INT(s.limit[BB_LIMIT_STATUS_INTERVAL], 60000,
	    "what is refused changes nothing");
	TAP_EQ_INT(set(db, BB_LIMIT_STATUS_INTERVAL, 1000), BB_DB_OK,
	    "a shorter status-interval is fine");
	TAP_EQ_INT(set(db, BB_LIMIT_IDLE_TIMEOUT, 2000), BB_DB_OK,
	    "then also a shorter idle-timeout");
	TAP_EQ_INT(set(db, BB_LIMIT_STATUS_INTERVAL, BB_LIMIT_UNSET),
	    BB_DB_REFUSED, "back to the default it may not go");
	TAP_EQ_INT(set(db, BB_LIMIT_IDLE_TIMEOUT, BB_LIMIT_UNSET), BB_DB_OK,
	    "before idle-timeout is unset");
	TAP_EQ_INT(set(db, BB_LIMIT_STATUS_INTERVAL, BB_LIMIT_UNSET), BB_DB_OK,
	    "but after");
}

static void
test_permissions(struct bb_db *db)
{
	bool all = false, first = true;
	struct bb_permission p;

	TAP_EQ_INT(bb_permission_add(db, "alice", "local", NULL), BB_DB_OK,
	    "a permission is added");
	TAP_EQ_INT(bb_permission_get(db, "alice", "local", &p), BB_DB_OK,
	    "and found");
	TAP_EQ_STR(p.account, "alice", "by default for the user's own name");
	TAP_EQ_INT(bb_permission_add(db, "alice", "local", "b"), BB_DB_EXISTS,
	    "there is one for a user and a service");
	TAP_EQ_INT(bb_permission_add(db, "bob", "local", "alice"),
	    BB_DB_REFUSED, "an account has one user");
	tap_ok(rig_says(bb_db_why(db), "another user has that account"),
	    "the reason says so");
	TAP_EQ_INT(bb_permission_add(db, "x", "local", NULL), BB_DB_NONE,
	    "an unknown user gets none");
	TAP_EQ_STR(bb_db_why(db), "no such user", "the reason says so");
	TAP_EQ_INT(bb_permission_add(db, "bob", "x", NULL), BB_DB_NONE,
	    "nor is there one for an unknown service");
	TAP_EQ_STR(bb_db_why(db), "no such service", "the reason says so");
	TAP_EQ_INT(bb_permission_add(db, "bob", "local", "robert"), BB_DB_OK,
	    "an account may have another name");
	(void)bb_service_add(db, "chat", "xmpp", "", 0);
	(void)bb_permission_add(db, "bob", "chat", NULL);
	listed[0] = '\0';
	(void)bb_permission_each(db, NULL, NULL, list_permission, &all);
	TAP_EQ_STR(listed, "alice@local bob@chat bob@local",
	    "permissions are listed");
	listed[0] = '\0';
	(void)bb_permission_each(db, "bob", NULL, list_permission, &all);
	TAP_EQ_STR(listed, "bob@chat bob@local", "of a user");
	listed[0] = '\0';
	(void)bb_permission_each(db, NULL, "local", list_permission, &all);
	TAP_EQ_STR(listed, "alice@local bob@local", "of a service");
	listed[0] = '\0';
	(void)bb_permission_each(db, NULL, NULL, list_permission, &first);
	TAP_EQ_STR(listed, "alice@local", "a list can be left");
	TAP_EQ_INT(bb_permission_remove(db, "bob", "chat"), BB_DB_OK,
	    "a permission is removed");
	TAP_EQ_INT(bb_permission_remove(db, "bob", "chat"), BB_DB_NONE, "once");
	(void)bb_user_add(db, "carol", NULL);
	(void)bb_permission_add(db, "carol", "local", NULL);
	TAP_EQ_INT(bb_user_remove(db, "carol"), BB_DB_OK, "a user is removed");
	TAP_EQ_INT(bb_permission_get(db, "carol", "local", &p), BB_DB_NONE,
	    "with its permissions");
}

static void
test_in_use(struct bb_db *db)
{
	struct bb_admit q = { .pin = 1,
		.user = "alice",
		.service = "local",
		.att = 1,
		.now_ms = bb_clock_ms() };
	struct bb_admitted a;

	(void)bb_owner_register(db, q.now_ms, &q.owner);
	TAP_EQ_INT(bb_admit(db, &q, &a), BB_DB_OK, "a session is open");
	bb_admitted_clear(&a);
	TAP_EQ_INT(bb_user_remove(db, "alice"), BB_DB_REFUSED,
	    "a user with an open session is not removed");
	tap_ok(rig_says(bb_db_why(db), "has open sessions (1)"),
	    "the reason says so");
	TAP_EQ_INT(bb_service_remove(db, "local"), BB_DB_REFUSED,
	    "nor a service");
	tap_ok(rig_says(bb_db_why(db), "has open sessions (1)"),
	    "the reason says so");
	TAP_EQ_INT(bb_session_kill(db, 1, "killed"), BB_DB_OK,
	    "the session is ended");
	TAP_EQ_INT(bb_service_remove(db, "local"), BB_DB_OK,
	    "then the service goes");
	TAP_EQ_INT(bb_user_remove(db, "alice"), BB_DB_OK, "and the user");
}

/* What a function refuses within the caller's transaction, others do not
 * feel. */
static void
test_joined(struct bb_db *db)
{
	struct bb_user u;

	(void)bb_db_begin(db, true);
	TAP_EQ_INT(bb_user_add(db, "dave", NULL), BB_DB_OK,
	    "a user is added in a transaction");
	TAP_EQ_INT(bb_user_add(db, "dave", NULL), BB_DB_EXISTS,
	    "the same again is refused");
	TAP_EQ_INT(bb_user_add(db, "erin", NULL), BB_DB_OK, "another is added");
	TAP_EQ_INT(bb_db_commit(db), BB_DB_OK, "the transaction goes on");
	tap_ok(bb_user_get(db, "dave", &u) == BB_DB_OK &&
		   bb_user_get(db, "erin", &u) == BB_DB_OK,
	    "and both are there");
}

int
main(void)
{
	struct bb_db *db;

	rig_begin();
	db = rig_open(BB_CONFIG_STORE, "config.db", BB_DB_CREATE);
	test_users(db);
	test_services(db);
	test_limits(db);
	test_idle(db);
	test_permissions(db);
	test_in_use(db);
	test_joined(db);
	TAP_EQ_INT(bb_db_check(db), BB_DB_OK, "the store is sound after all");
	bb_db_close(db);
	rig_end();
	return tap_done();
}
