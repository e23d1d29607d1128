/* bbsession service: the IM services that users may be let to. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "bbsession.h"
#include "configdb/config.h"
#include "im/im.h"
#include "out.h"
#include "stores.h"

#include "base/cc.h"

#define TYPES_TEXT_MAX 256

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "service",  .label = "service",  .column = true },
	{ .member = "type",     .label = "type",     .column = true },
	{ .member = "host",     .label = "host",     .column = true },
	{ .member = "port",     .label = "port",     .column = true },
	{ .member = "blocked",  .label = "blocked",  .column = true },
	{ .member = "sessions", .label = "sessions", .column = true },
	/* clang-format on */
};
static const struct out_kind kind = { "service", "services", fields,
	BB_LEN(fields) };

static const struct bb_opt add_opts[] = {
	/* clang-format off */
	OPT("type", BB_OPT_STR, type, "TYPE", "which kind of IM server it is"),
	OPT("host", BB_OPT_STR, host, "HOST", "name or address of the server"),
	OPT_RANGE("port", port, 1, 65535, "N",
	    "its port, where it is not the type's usual one"),
	/* clang-format on */
};

/* The port that is used: the type's where none is set. */
static int
port_of(const struct bb_service *service)
{
	const struct bb_im_type *type = bb_im_find(service->type);

	return service->port != 0 || type == NULL ? service->port : type->port;
}

static json_t *
service_json(const struct bb_service *service)
{
	int port = port_of(service);
	json_t *json = out_object();

	out_set(json, "service", out_text(service->name));
	out_set(json, "type", out_text(service->type));
	out_set(json, "host", out_text_or_null(service->host));
	out_set(json, "port", out_number_or_null(port == 0 ? -1 : port));
	out_set(json, "blocked", out_bool(service->blocked));
	out_set(json, "sessions", out_number(service->open_sessions));
	return json;
}

static void
types_text(char out[TYPES_TEXT_MAX])
{
	size_t i, len = 0;

	out[0] = '\0';
	for (i = 0; bb_im_types[i] != NULL && len < TYPES_TEXT_MAX; i++) {
		(void)snprintf(out + len, TYPES_TEXT_MAX - len, "%s%s",
		    i == 0 ? "" : ", ", bb_im_types[i]->name);
		len += strlen(out + len);
	}
}

static const struct bb_im_type *
arg_type(const char *name)
{
	char known[TYPES_TEXT_MAX];
	const struct bb_im_type *type;

	types_text(known);
	if (name == NULL)
		bb_die(BB_EXIT_USAGE,
		    "service add needs --type TYPE; there are: %s", known);
	type = bb_im_find(name);
	if (type == NULL)
		bb_die(BB_EXIT_USAGE, "there is no type '%s'; there are: %s",
		    name, known);
	return type;
}

/* A host name or an address: it is looked up when a session is opened. */
static void
check_host(const char *host)
{
	const char *p;

	for (p = host; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) &&
		    strchr(".-_:[]%", *p) == NULL)
			break;
	}
	if (*host == '\0' || *p != '\0' || strlen(host) >= BB_HOST_MAX)
		bb_die(BB_EXIT_USAGE,
		    "'%s' is neither a host name nor an address", host);
}

/* A type without a port of its own has no server. */
static void
check_server(const struct args *a, const struct bb_im_type *type)
{
	if (type->port == 0 && (a->host != NULL || a->port != 0))
		bb_die(BB_EXIT_USAGE,
		    "services of type %s have no server: leave out --host and "
		    "--port",
		    type->name);
	if (type->port != 0 && a->host == NULL)
		bb_die(BB_EXIT_USAGE, "services of type %s need --host HOST",
		    type->name);
	if (a->host != NULL)
		check_host(a->host);
}

static int
service_add(const struct args *a)
{
	const char *name = arg_service(a->operand[0]);
	const struct bb_im_type *type = arg_type(a->type);
	struct change c;

	check_server(a, type);
	change_begin(&c, a, BB_CONFIG_STORE, "add", "added", "service \"%s\"",
	    name);
	change_note(&c, "service", out_text(name));
	return change_end(&c,
	    bb_service_add(c.db, name, type->name,
		a->host == NULL ? "" : a->host, (int)a->port));
}

static bool
add_service(void *ctx, const struct bb_service *service)
{
	out_append(ctx, service_json(service));
	return true;
}

static int
service_list(const struct args *a)
{
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	json_t *array = out_array();

	(void)store_found(db, bb_service_each(db, add_service, array),
	    "list the services");
	bb_db_close(db);
	return out_list(a, &kind, array);
}

static int
service_show(const struct args *a)
{
	const char *name = arg_service(a->operand[0]);
	struct bb_db *db = store_open(a, BB_CONFIG_STORE);
	struct bb_service service;
	bool found;

	found = store_found(db, bb_service_get(db, name, &service),
	    "read the service");
	bb_db_close(db);
	if (!found)
		return out_no(a, "there is no service \"%s\"", name);
	return out_show(a, &kind, service_json(&service));
}

static int
set_blocked(const struct args *a, bool blocked)
{
	const char *name = arg_service(a->operand[0]);
	struct change c;

	change_begin(&c, a, BB_CONFIG_STORE, blocked ? "block" : "unblock",
	    blocked ? "blocked" : "unblocked", "service \"%s\"", name);
	change_note(&c, "service", out_text(name));
	return change_end(&c, bb_service_block(c.db, name, blocked));
}

static int
service_block(const struct args *a)
{
	return set_blocked(a, true);
}

static int
service_unblock(const struct args *a)
{
	return set_blocked(a, false);
}

static int
service_remove(const struct args *a)
{
	const char *name = arg_service(a->operand[0]);
	struct change c;

	change_begin(&c, a, BB_CONFIG_STORE, "remove", "removed",
	    "service \"%s\"", name);
	change_note(&c, "service", out_text(name));
	return change_end(&c, bb_service_remove(c.db, name));
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "add", "SERVICE", 1, 1, "adds an IM service",
	    OPTS(add_opts), service_add },
	{ "list", "", 0, 0, "lists the services", NULL, 0, service_list },
	{ "show", "SERVICE", 1, 1, "shows a service", NULL, 0, service_show },
	{ "block", "SERVICE", 1, 1, "refuses further logins at a service",
	    NULL, 0, service_block },
	{ "unblock", "SERVICE", 1, 1, "allows logins again",
	    NULL, 0, service_unblock },
	{ "remove", "SERVICE", 1, 1, "removes a service with its limits",
	    NULL, 0, service_remove },
	/* clang-format on */
};
const struct noun noun_service = { "service",
	"IM services of the configuration store:", verbs, BB_LEN(verbs) };
