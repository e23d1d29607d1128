/* bbsession device: PINs, their users and their first keys. */
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "bbsession.h"
#include "configdb/config.h"
#include "configdb/devices.h"
#include "configdb/sessions.h"
#include "configdb/spool.h"
#include "out.h"
#include "seal/keys.h"
#include "secrets.h"
#include "stores.h"
#include "wire/text.h"

#include "base/cc.h"

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "pin",       .label = "pin",       .column = true },
	{ .member = "user",      .label = "user",      .column = true },
	{ .member = "blocked",   .label = "blocked",   .column = true },
	{ .member = "att",       .label = "att",       .column = true },
	{ .member = "kid",       .label = "kid",       .column = true },
	{ .member = "key_since", .label = "key since", .column = true },
	{ .member = "created",   .label = "created" },
	/* clang-format on */
};
static const struct out_kind kind = { "device", "devices", fields,
	BB_LEN(fields) };

static const struct bb_opt add_opts[] = {
	/* clang-format off */
	OPT("user", BB_OPT_STR, user, "USER", "whose device it is"),
	OPT("key-file", BB_OPT_STR, key_file, "FILE",
	    "its first key: 32 bytes, or 64 hexadecimal digits"),
	OPT("no-user-check", BB_OPT_FLAG, no_user_check, NULL,
	    "the users are in a store on another host"),
	/* clang-format on */
};
static const struct bb_opt list_opts[] = {
	OPT("user", BB_OPT_STR, user, "USER", "only devices of this user"),
};

static json_t *
device_json(const struct bb_device *device)
{
	json_t *json = out_object();
	bool has_key = device->key_s != 0;

	out_set(json, "pin", out_pin(device->pin));
	out_set(json, "user", out_text(device->user));
	out_set(json, "blocked", out_bool(device->blocked));
	out_set(json, "att", out_number(device->att));
	out_set(json, "kid",
	    has_key ? out_hex(device->kid, sizeof(device->kid))
		    : out_text_or_null(""));
	out_set(json, "key_since", out_time(device->key_s));
	out_set(json, "created", out_time(device->created_s));
	return json;
}

/* True when the user is known, or nobody can tell on this host. */
static bool
user_known(const struct args *a, const char *user)
{
	struct bb_user found;
	struct bb_db *db;
	bool known;

	if (a->no_user_check)
		return true;
	db = store_open_if_here(a, BB_CONFIG_STORE);
	if (db == NULL)
		return true;
	known = store_found(db, bb_user_get(db, user, &found), "read the user");
	bb_db_close(db);
	return known;
}

/* The kid that the file's key has for this PIN; base is a secret of the
 * caller. */
static void
read_key(const struct args *a, uint32_t pin, uint8_t base[BB_BASE_LEN],
    uint8_t kid[BB_KID_LEN])
{
	struct bb_keys keys;

	key_read(a->key_file, base);
	if (bb_keys_expand(base, pin, &keys) == -1)
		bb_die_sys("unable to derive the keys of %s", a->operand[0]);
	memcpy(kid, keys.kid, BB_KID_LEN);
	bb_wipe(&keys, sizeof(keys));
}

static int
device_add(const struct args *a)
{
	uint32_t pin = arg_pin(a->operand[0]);
	uint8_t base[BB_BASE_LEN], kid[BB_KID_LEN];
	struct change c;
	enum bb_db_result r;
	const char *user;

	if (a->user == NULL || a->key_file == NULL)
		bb_die(BB_EXIT_USAGE, "device add needs --user USER and "
				      "--key-file FILE");
	user = arg_user(a->user);
	if (!user_known(a, user))
		return out_no(a,
		    "there is no user \"%s\" in the configuration store "
		    "(--no-user-check: it is on another host)",
		    user);
	read_key(a, pin, base, kid);
	change_begin(&c, a, BB_DEVICE_STORE, "add", "added", "device %08x",
	    (unsigned)pin);
	change_note(&c, "pin", out_pin(pin));
	change_note(&c, "user", out_text(user));
	change_note(&c, "kid", out_hex(kid, sizeof(kid)));
	r = bb_device_add(c.db, pin, user, kid, base);
	bb_wipe(base, sizeof(base));
	return change_end(&c, r);
}

static bool
add_device(void *ctx, const struct bb_device *device)
{
	out_append(ctx, device_json(device));
	return true;
}

static int
device_list(const struct args *a)
{
	const char *user = arg_user_or_null(a->user);
	struct bb_db *db = store_open(a, BB_DEVICE_STORE);
	json_t *array = out_array();

	(void)store_found(db, bb_device_each(db, user, add_device, array),
	    "list the devices");
	bb_db_close(db);
	return out_list(a, &kind, array);
}

static int
device_show(const struct args *a)
{
	uint32_t pin = arg_pin(a->operand[0]);
	struct bb_db *db = store_open(a, BB_DEVICE_STORE);
	struct bb_device device;
	bool found;

	found =
	    store_found(db, bb_device_get(db, pin, &device), "read the device");
	bb_db_close(db);
	if (!found)
		return out_no(a, "there is no device %08x", (unsigned)pin);
	return out_show(a, &kind, device_json(&device));
}

/* The device's session outlives its key: whoever ends the one wants to know of
 * the other.  NULL: it has none, or there is no configuration store here. */
static json_t *
session_left(const struct args *a, uint32_t pin)
{
	struct bb_db *db = store_open_if_here(a, BB_CONFIG_STORE);
	struct bb_session_row row;
	json_t *service = NULL;

	if (db == NULL)
		return NULL;
	if (store_found(db, bb_session_get(db, pin, bb_clock_ms(), &row),
		"read the session"))
		service = out_text(row.service);
	bb_db_close(db);
	return service;
}

/* What waits for a removed device goes back to its account, for the account's
 * other devices. */
static void
give_back_spool(const struct args *a, uint32_t pin)
{
	struct bb_db *db = store_open_if_here(a, BB_CONFIG_STORE);

	if (db == NULL)
		return;
	(void)store_found(db, bb_spool_forget(db, pin),
	    "give back what waits for the device");
	bb_db_close(db);
}

static int
end_device(const struct args *a, bool remove)
{
	uint32_t pin = arg_pin(a->operand[0]);
	json_t *service = session_left(a, pin);
	struct change c;
	int status;

	change_begin(&c, a, BB_DEVICE_STORE, remove ? "remove" : "block",
	    remove ? "removed" : "blocked", "device %08x", (unsigned)pin);
	change_note(&c, "pin", out_pin(pin));
	if (service != NULL)
		change_note(&c, "session_left", json_incref(service));
	status = change_end(&c, remove ? bb_device_remove(c.db, pin)
				       : bb_device_block(c.db, pin, true));
	if (status == BB_EXIT_OK && remove && service == NULL && !a->dry_run)
		give_back_spool(a, pin);
	if (status == BB_EXIT_OK && service != NULL)
		out_say(a,
		    "its session at \"%s\" is left: bbsession session "
		    "kill %08x",
		    json_string_value(service), (unsigned)pin);
	json_decref(service);
	return status;
}

static int
device_block(const struct args *a)
{
	return end_device(a, false);
}

static int
device_remove(const struct args *a)
{
	return end_device(a, true);
}

static int
device_unblock(const struct args *a)
{
	uint32_t pin = arg_pin(a->operand[0]);
	struct change c;

	change_begin(&c, a, BB_DEVICE_STORE, "unblock", "unblocked",
	    "device %08x", (unsigned)pin);
	change_note(&c, "pin", out_pin(pin));
	return change_end(&c, bb_device_block(c.db, pin, false));
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "add", "PIN", 1, 1, "adds a device with its first key",
	    OPTS(add_opts), device_add },
	{ "list", "", 0, 0, "lists the devices", OPTS(list_opts), device_list },
	{ "show", "PIN", 1, 1, "shows a device and its key's id",
	    NULL, 0, device_show },
	{ "block", "PIN", 1, 1, "opens no more frames of a device",
	    NULL, 0, device_block },
	{ "unblock", "PIN", 1, 1, "opens its frames again",
	    NULL, 0, device_unblock },
	{ "remove", "PIN", 1, 1, "removes a device and erases its keys",
	    NULL, 0, device_remove },
	/* clang-format on */
};
const struct noun noun_device = { "device",
	"Devices of the device store:", verbs, BB_LEN(verbs) };
