/* The configuration store: users, services, permissions, limits.  The
 * Collaboration Service and bbsession open it, the dispatcher never. */
#ifndef BB_CONFIGDB_CONFIG_H
#define BB_CONFIGDB_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "configdb/db.h"

#define BB_VERIFIER_MAX 256 /* scrypt verifier text, zero byte included */
#define BB_HOST_MAX 256

struct bb_user {
	char name[BB_NAME_MAX];
	bool blocked;
	bool has_password; /* for services of type local */
	int64_t created_s;
};

enum bb_db_result bb_user_add(struct bb_db *db, const char *name,
    const char *verifier); /* verifier NULL: no local password */
enum bb_db_result bb_user_get(struct bb_db *db, const char *name,
    struct bb_user *out);
enum bb_db_result bb_user_each(struct bb_db *db,
    bool (*each)(void *ctx, const struct bb_user *user), void *ctx);
enum bb_db_result bb_user_block(struct bb_db *db, const char *name,
    bool blocked);
enum bb_db_result bb_user_set_verifier(struct bb_db *db, const char *name,
    const char *verifier);
/* NONE: no such user, or no password. */
enum bb_db_result bb_user_verifier(struct bb_db *db, const char *name,
    char out[BB_VERIFIER_MAX]);
/* REFUSED while sessions of the user are open.  Permissions go too. */
enum bb_db_result bb_user_remove(struct bb_db *db, const char *name);

/* Limits of a service.  Durations are milliseconds. */
enum bb_limit {
	BB_LIMIT_MAX_SESSIONS,       /* unset, 0 or more */
	BB_LIMIT_IDLE_TIMEOUT,       /* acts only when the maximum is reached */
	BB_LIMIT_INACTIVITY_TIMEOUT, /* acts always */
	BB_LIMIT_STATUS_INTERVAL,    /* told to devices; default 60 s */
	BB_LIMIT_API_MAX,            /* per process; unset: what the type has */
	BB_LIMIT_LEASE_GRACE,        /* dead process's slots; default 30 s */
	BB_LIMIT_SCRYPT_COST,        /* log2 N of new local passwords; 15 */
	BB_LIMIT_COUNT
};
struct bb_limit_info {
	const char *name; /* "max-sessions" */
	bool duration;
	bool has_default;
	int64_t default_value, min, max;
	const char *help;
};
extern const struct bb_limit_info bb_limits[BB_LIMIT_COUNT];

#define BB_LIMIT_UNSET (-1)

struct bb_service {
	char name[BB_SERVICE_MAX];
	char type[BB_SERVICE_MAX]; /* "local", later "xmpp" ... */
	char host[BB_HOST_MAX];    /* "" where the type needs none */
	int port;                  /* 0: the type's default */
	bool blocked;
	int64_t limit[BB_LIMIT_COUNT]; /* BB_LIMIT_UNSET, or the value;
					* defaults are filled in */
	int64_t open_sessions;         /* the maintained counter */
};

enum bb_db_result bb_service_add(struct bb_db *db, const char *name,
    const char *type, const char *host, int port);
enum bb_db_result bb_service_get(struct bb_db *db, const char *name,
    struct bb_service *out);
enum bb_db_result bb_service_each(struct bb_db *db,
    bool (*each)(void *ctx, const struct bb_service *service), void *ctx);
enum bb_db_result bb_service_block(struct bb_db *db, const char *name,
    bool blocked);
/* REFUSED while sessions are open. */
enum bb_db_result bb_service_remove(struct bb_db *db, const char *name);
/* value BB_LIMIT_UNSET unsets.  REFUSED with why: idle-timeout below two
 * status intervals (in either order of setting), value out of its bounds. */
enum bb_db_result bb_limit_set(struct bb_db *db, const char *service,
    enum bb_limit limit, int64_t value);

struct bb_permission {
	char user[BB_NAME_MAX];
	char service[BB_SERVICE_MAX];
	char account[BB_NAME_MAX]; /* the name at the IM server */
};
/* account NULL: the user's own name.  EXISTS; NONE with why when user or
 * service is missing; REFUSED when another user has that account there. */
enum bb_db_result bb_permission_add(struct bb_db *db, const char *user,
    const char *service, const char *account);
enum bb_db_result bb_permission_get(struct bb_db *db, const char *user,
    const char *service, struct bb_permission *out);
/* user or service NULL: any. */
enum bb_db_result bb_permission_each(struct bb_db *db, const char *user,
    const char *service,
    bool (*each)(void *ctx, const struct bb_permission *permission), void *ctx);
enum bb_db_result bb_permission_remove(struct bb_db *db, const char *user,
    const char *service);

#endif
