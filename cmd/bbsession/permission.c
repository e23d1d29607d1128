/* bbsession permission: which user may use which service, as which account. */
#include <string.h>

#include "base/fail.h"
#include "bbsession.h"
#include "configdb/config.h"
#include "out.h"
#include "stores.h"

#include "base/cc.h"

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "user",    .label = "user",    .column = true },
	{ .member = "service", .label = "service", .column = true },
	{ .member = "account", .label = "account", .column = true },
	/* clang-format on */
};
static const struct out_kind kind = { "permission", "permissions", fields,
	BB_LEN(fields) };

static const struct bb_opt add_opts[] = {
	OPT("account", BB_OPT_STR, account, "NAME",
	    "the user's name at the IM server, where it differs"),
};
static const struct bb_opt list_opts[] = {
	/* clang-format off */
	OPT("user", BB_OPT_STR, user, "USER", "only those of this user"),
	OPT("service", BB_OPT_STR, service, "SERVICE",
	    "only those for this service"),
	/* clang-format on */
};

static json_t *
permission_json(const struct bb_permission *permission)
{
	json_t *json = out_object();

	out_set(json, "user", out_text(permission->user));
	out_set(json, "service", out_text(permission->service));
	out_set(json, "account", out_text(permission->account));
	return json;
}

static void
change_permission(struct change *c, const struct args *a, const char *verb,
    const char *done)
{
	const char *user = arg_user(a->operand[0]);
	const char *service = arg_service(a->operand[1]);

	change_begin(c, a, BB_CONFIG_STORE, verb, done,
	    "permission of user \"%s\" for service \"%s\"", user, service);
	change_note(c, "user", out_text(user));
	change_note(c, "service", out_text(service));
}

static int
permission_add(const struct args *a)
{
	const char *account = NULL;
	struct change c;

	if (a->account != NULL)
		account = arg_name("an account", a->account, BB_NAME_MAX);
	change_permission(&c, a, "add", "added");
	change_note(&c, "account",
	    out_text(account == NULL ? a->operand[0] : account));
	return change_end_why(&c,
	    bb_permission_add(c.db, a->operand[0], a->operand[1], account));
}

static bool
add_permission(void *ctx, const struct bb_permission *permission)
{
	out_append(ctx, permission_json(permission));
	return true;
}

static int
permission_list(const struct args *a)
{
	const char *user = arg_user_or_null(a->user);
	const char *service = arg_service_or_null(a->service);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	json_t *array = out_array();

	(void)store_found(db,
	    bb_permission_each(db, user, service, add_permission, array),
	    "list the permissions");
	bb_db_close(db);
	return out_list(a, &kind, array);
}

static int
permission_show(const struct args *a)
{
	const char *user = arg_user(a->operand[0]);
	const char *service = arg_service(a->operand[1]);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	struct bb_permission permission;
	bool found;

	found =
	    store_found(db, bb_permission_get(db, user, service, &permission),
		"read the permission");
	bb_db_close(db);
	if (!found)
		return out_no(a,
		    "user \"%s\" has no permission for service \"%s\"", user,
		    service);
	return out_show(a, &kind, permission_json(&permission));
}

static int
permission_remove(const struct args *a)
{
	struct change c;

	change_permission(&c, a, "remove", "removed");
	return change_end(&c,
	    bb_permission_remove(c.db, a->operand[0], a->operand[1]));
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "add", "USER SERVICE", 2, 2, "lets a user use a service",
	    OPTS(add_opts), permission_add },
	{ "list", "", 0, 0, "lists the permissions",
	    OPTS(list_opts), permission_list },
	{ "show", "USER SERVICE", 2, 2, "says whether, and as which account",
	    NULL, 0, permission_show },
	{ "remove", "USER SERVICE", 2, 2, "takes a permission back",
	    NULL, 0, permission_remove },
	/* clang-format on */
};
const struct noun noun_permission = { "permission",
	"Who may use which service, as which account:", verbs, BB_LEN(verbs) };
