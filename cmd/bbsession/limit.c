/* bbsession limit: the numbers that admission goes by, per service.  What they
 * come to for one user is in explain.c. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "bbsession.h"
#include "configdb/config.h"
#include "explain.h"
#include "out.h"
#include "stores.h"

#include "base/cc.h"

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "limit",        .label = "limit",   .column = true },
	{ .member = "text",         .label = "value",   .column = true },
	{ .member = "default_text", .label = "default", .column = true },
	{ .member = "help",         .label = "meaning", .column = true },
	/* clang-format on */
};
static const struct out_kind kind = { "limit", "limits", fields,
	BB_LEN(fields) };

static const struct bb_opt service_opts[] = {
	OPT("service", BB_OPT_STR, service, "SERVICE", "whose limits"),
};
static const struct bb_opt explain_opts[] = {
	/* clang-format off */
	OPT("service", BB_OPT_STR, service, "SERVICE", "where to log in"),
	OPT("pin", BB_OPT_PIN, pin, "PIN",
	    "from this device; else from one that has no session"),
	OPT("account", BB_OPT_STR, account, "NAME",
	    "as this account; else the one of the permission"),
	/* clang-format on */
};

static void
value_text(const struct bb_limit_info *info, int64_t value,
    char out[BB_DURATION_TEXT_MAX])
{
	if (value == BB_LIMIT_UNSET)
		(void)snprintf(out, BB_DURATION_TEXT_MAX, "unset");
	else if (info->duration)
		bb_duration_text(value, out);
	else
		(void)snprintf(out, BB_DURATION_TEXT_MAX, "%" PRId64, value);
}

static json_t *
limit_json(enum bb_limit limit, int64_t value)
{
	const struct bb_limit_info *info = &bb_limits[limit];
	int64_t usual =
	    info->has_default ? info->default_value : BB_LIMIT_UNSET;
	char text[BB_DURATION_TEXT_MAX];
	json_t *json = out_object();

	out_set(json, "limit", out_text(info->name));
	out_set(json, "value", out_number_or_null(value));
	out_set(json, "unit", out_text(info->duration ? "ms" : "count"));
	value_text(info, value, text);
	out_set(json, "text", out_text(text));
	out_set(json, "default", out_number_or_null(usual));
	value_text(info, usual, text);
	out_set(json, "default_text", out_text(text));
	out_set(json, "help", out_text(info->help));
	return json;
}

static enum bb_limit
arg_limit(const char *name)
{
	const char *names[BB_LIMIT_COUNT], *near;
	int i;

	for (i = 0; i < BB_LIMIT_COUNT; i++) {
		if (strcmp(bb_limits[i].name, name) == 0)
			return (enum bb_limit)i;
		names[i] = bb_limits[i].name;
	}
	near = bb_opt_nearest(name, names, BB_LIMIT_COUNT);
	if (near != NULL)
		bb_die(BB_EXIT_USAGE,
		    "there is no limit '%s'; did you mean "
		    "'%s'?",
		    name, near);
	bb_die(BB_EXIT_USAGE,
	    "there is no limit '%s'; bbsession limit get lists them", name);
}

/* At most 18 digits: they fit. */
static bool
count_scan(const char *text, int64_t *value)
{
	size_t i;

	*value = 0;
	for (i = 0; isdigit((unsigned char)text[i]); i++)
		*value = i < 18 ? *value * 10 + (text[i] - '0') : INT64_MAX;
	return i > 0 && text[i] == '\0';
}

/* Bounds stand in a table and are a matter of the command line; the rules
 * between limits are the store's. */
static int64_t
arg_value(const struct bb_limit_info *info, const char *text)
{
	char min[BB_DURATION_TEXT_MAX], max[BB_DURATION_TEXT_MAX];
	int64_t value = INT64_MAX;

	if (info->duration && bb_duration_scan(text, &value) == -1)
		bb_die(BB_EXIT_USAGE,
		    "%s must be a time such as 250ms, 30s, 10m, 4h or 7d, not "
		    "'%s'",
		    info->name, text);
	if (!info->duration && !count_scan(text, &value))
		bb_die(BB_EXIT_USAGE, "%s must be a number, not '%s'",
		    info->name, text);
	value_text(info, info->min, min);
	value_text(info, info->max, max);
	if (value < info->min || value > info->max)
		bb_die(BB_EXIT_USAGE, "%s must be from %s to %s, not %s",
		    info->name, min, max, text);
	return value;
}

static const char *
need_service(const struct args *a)
{
	if (a->service == NULL)
		bb_die(BB_EXIT_USAGE, "limits need --service SERVICE");
	return arg_service(a->service);
}

static int
limit_get(const struct args *a)
{
	const char *name = need_service(a);
	enum bb_limit one =
	    a->operands == 0 ? BB_LIMIT_COUNT : arg_limit(a->operand[0]);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	char text[BB_DURATION_TEXT_MAX];
	struct bb_service service;
	json_t *array;
	bool found;
	int i;

	found = store_found(db, bb_service_get(db, name, &service),
	    "read the limits");
	bb_db_close(db);
	if (!found)
		return out_no(a, "there is no service \"%s\"", name);
	if (one != BB_LIMIT_COUNT && a->json)
		return out_show(a, &kind, limit_json(one, service.limit[one]));
	if (one != BB_LIMIT_COUNT) {
		value_text(&bb_limits[one], service.limit[one], text);
		out_say(a, "%s", text);
		return BB_EXIT_OK;
	}
	array = out_array();
	for (i = 0; i < BB_LIMIT_COUNT; i++)
		out_append(array,
		    limit_json((enum bb_limit)i, service.limit[i]));
	return out_list(a, &kind, array);
}

static int
change_limit(const struct args *a, enum bb_limit limit, int64_t value)
{
	const char *service = need_service(a);
	const struct bb_limit_info *info = &bb_limits[limit];
	char text[BB_DURATION_TEXT_MAX];
	struct change c;
	enum bb_db_result r;

	value_text(info, value, text);
	if (value == BB_LIMIT_UNSET)
		change_begin(&c, a, BB_CONFIG_STORE, "unset", "unset",
		    "%s of service \"%s\"", info->name, service);
	else
		change_begin(&c, a, BB_CONFIG_STORE, "set", "set",
		    "%s of service \"%s\" to %s", info->name, service, text);
	change_note(&c, "service", out_text(service));
	change_note(&c, "limit", out_text(info->name));
	change_note(&c, "value", out_number_or_null(value));
	r = bb_limit_set(c.db, service, limit, value);
	return change_end_why(&c, r);
}

static int
limit_set(const struct args *a)
{
	enum bb_limit limit = arg_limit(a->operand[0]);

	return change_limit(a, limit,
	    arg_value(&bb_limits[limit], a->operand[1]));
}

static int
limit_unset(const struct args *a)
{
	return change_limit(a, arg_limit(a->operand[0]), BB_LIMIT_UNSET);
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "get", "[NAME]", 0, 1, "prints a limit, or all of a service",
	    OPTS(service_opts), limit_get },
	{ "set", "NAME VALUE", 2, 2, "sets a limit: 20, 30s, 10m",
	    OPTS(service_opts), limit_set },
	{ "unset", "NAME", 1, 1, "goes back to the default, or to no limit",
	    OPTS(service_opts), limit_unset },
	{ "explain", "USER", 1, 1, "says what a login would come to, and why",
	    OPTS(explain_opts), explain },
	/* clang-format on */
};
const struct noun noun_limit = { "limit",
	"Limits of a service, and what they come to:", verbs, BB_LEN(verbs) };
