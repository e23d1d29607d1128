/* Owns `bbdevice profile`: profiles made, listed, shown and removed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/secret.h"
#include "bbdevice.h"
#include "key_file.h"
#include "out.h"
#include "profile_show.h"
#include "wire/addr.h"
#include "wire/text.h"

#include "base/cc.h"

/* Everything borrows argv. */
struct options {
	const char *profiles;
	uint32_t pin;
	const char *key_file, *user, *service;
	struct bb_opt_list via;
	bool json, dry_run;
};

/* clang-format off */
#define OPT(long_name, opt_type, field, arg_name, text) \
	{ .name = (long_name), .type = (opt_type), \
	  .offset = offsetof(struct options, field), .arg = (arg_name), \
	  .help = (text) }
#define OPT_PROFILES \
	OPT("profiles", BB_OPT_STR, profiles, "DIR", \
	    "folder of the profiles (BB_PROFILES, ~/.config/bbdevice)")
#define OPT_JSON \
	OPT("json", BB_OPT_FLAG, json, NULL, "answer in JSON")
#define OPT_VIA \
	OPT("via", BB_OPT_LIST, via, "ADDR", \
	    "router (127.0.0.1:3101); repeatable")
#define OPT_DRY_RUN \
	OPT("dry-run", BB_OPT_FLAG, dry_run, NULL, \
	    "say what would be done and do not do it")
/* clang-format on */

static uint32_t
scan_pin(const char *text)
{
	char shown[64];
	uint32_t pin;

	if (bb_text_pin_scan(text, &pin) && pin != 0)
		return pin;
	bb_die(BB_EXIT_USAGE,
	    "'%s' is no PIN: it must have 8 hexadecimal digits, not all 0",
	    bb_log_escape(shown, sizeof(shown), text, strlen(text)));
}

static void
take_name(const char *option, const char *name, char *out, size_t size)
{
	if (name == NULL)
		return;
	if (!bb_text_name(name, size - 1))
		bb_die(BB_EXIT_USAGE,
		    "option --%s: it must have 1 to %zu bytes of UTF-8, no "
		    "control characters, no blanks at either end",
		    option, size - 1);
	memcpy(out, name, strlen(name) + 1);
}

/* The addresses as given, or NULL for none: then port 3101 of this host. */
static json_t *
take_via(const struct bb_opt_list *given)
{
	json_t *via = given->len == 0 ? NULL : json_array();
	struct bb_addr addr;
	const char *why;
	size_t i;

	for (i = 0; i < given->len; i++) {
		if (!bb_addr_scan(given->at[i], VIA_PORT, &addr, &why))
			bb_die(BB_EXIT_USAGE, "option --via: %s", why);
		if (json_array_append_new(via, json_string(given->at[i])) == -1)
			bb_die_sys("unable to keep the address");
	}
	return via;
}

static int
say_done(const struct options *o, uint32_t pin, const char *done)
{
	struct bb_buf out = OUT_BUF;
	json_t *json;

	if (o->json) {
		json = out_object(pin, "done");
		out_set(json, "what", json_string(done));
		out_set(json, "dry_run", json_boolean(o->dry_run));
		out_json(&out, json);
	} else {
		out_printf(&out, "%08x: %s%s\n", (unsigned)pin,
		    o->dry_run ? "would be " : "", done);
	}
	out_flush(&out);
	return BB_EXIT_OK;
}

/* --- add ------------------------------------------------------------------ */

static void
try_add(struct profile *p, const struct options *o)
{
	const char *folder = profiles_folder(o->profiles);
	struct profile there;
	char why[WHY_MAX];

	if (!o->dry_run) {
		if (profile_create(p, folder, why) == -1)
			bb_die(bb_errno_exit(errno),
			    "unable to add the profile of %08x: %s",
			    (unsigned)p->pin, why);
		return;
	}
	if (profile_open(&there, folder, p->pin, why) == 0)
		bb_die(BB_EXIT_USAGE,
		    "unable to add the profile of %08x: there is one already",
		    (unsigned)p->pin);
	profile_close(&there);
}

static int
add(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		OPT("pin", BB_OPT_PIN, pin, "PIN", "the device"),
		OPT("key-file", BB_OPT_STR, key_file, "FILE",
		    "its first key: 32 bytes or 64 hexadecimal digits"),
		OPT("user", BB_OPT_STR, user, "USER", "usual account"),
		OPT("service", BB_OPT_STR, service, "NAME",
		    "usual IM service (local)"),
		OPT_VIA,
		OPT_PROFILES,
		OPT_JSON,
		OPT_DRY_RUN,
	};
	static const struct bb_opt_spec spec = { "bbdevice profile add", "",
		"Add the profile of a device.", opts, BB_LEN(opts), 0, 0 };
	struct options o = { 0 };
	struct profile p = { .folder = -1,
		.lock = -1,
		.usual = { .service = "local" } };
	const char *why;

	(void)bb_opt_parse(&spec, &o, argc, argv);
	if (o.pin == 0)
		bb_die(BB_EXIT_USAGE, "missing option --pin");
	if (o.key_file == NULL)
		bb_die(BB_EXIT_USAGE, "missing option --key-file");
	p.pin = o.pin;
	take_name("user", o.user, p.usual.user, sizeof(p.usual.user));
	take_name("service", o.service, p.usual.service,
	    sizeof(p.usual.service));
	p.via = take_via(&o.via);
	if (key_file_read(o.key_file, p.current, &why) == -1)
		bb_die(bb_errno_exit(errno),
		    "unable to read the key file %s: %s", o.key_file, why);
	try_add(&p, &o);
	profile_close(&p);
	return say_done(&o, o.pin, "added");
}

/* --- set ------------------------------------------------------------------ */

static int
set(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		OPT("user", BB_OPT_STR, user, "USER", "usual account"),
		OPT("service", BB_OPT_STR, service, "NAME", "usual IM service"),
		OPT_VIA,
		OPT_PROFILES,
		OPT_JSON,
		OPT_DRY_RUN,
	};
	static const struct bb_opt_spec spec = { "bbdevice profile set", "PIN",
		"Change what a profile takes when an option is not given.",
		opts, BB_LEN(opts), 1, 1 };
	struct options o = { 0 };
	struct profile p;
	char why[WHY_MAX];

	(void)bb_opt_parse(&spec, &o, argc, argv);
	if (o.user == NULL && o.service == NULL && o.via.len == 0)
		bb_die(BB_EXIT_USAGE,
		    "nothing to set: give --user, --service or --via");
	if (profile_open(&p, profiles_folder(o.profiles), scan_pin(argv[1]),
		why) == -1)
		bb_die(bb_errno_exit(errno),
		    "unable to change the profile of %08x: %s", (unsigned)p.pin,
		    why);
	take_name("user", o.user, p.usual.user, sizeof(p.usual.user));
	take_name("service", o.service, p.usual.service,
	    sizeof(p.usual.service));
	if (o.via.len > 0) {
		json_decref(p.via);
		p.via = take_via(&o.via);
	}
	if (!o.dry_run && profile_save(&p) == -1)
		bb_die_sys("unable to save the profile of %08x",
		    (unsigned)p.pin);
	o.pin = p.pin;
	profile_close(&p);
	return say_done(&o, o.pin, "changed");
}

/* --- list ----------------------------------------------------------------- */

static int
list(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { OPT_PROFILES, OPT_JSON };
	static const struct bb_opt_spec spec = { "bbdevice profile list", "",
		"List the profiles.", opts, BB_LEN(opts), 0, 0 };
	struct bb_buf out = OUT_BUF;
	struct options o = { 0 };
	struct profile p;
	char why[WHY_MAX];
	const char *folder;
	pid_t holder;
	uint32_t *pins;
	size_t i, len;
	int status = BB_EXIT_OK;

	(void)bb_opt_parse(&spec, &o, argc, argv);
	folder = profiles_folder(o.profiles);
	pins = profile_pins(folder, &len);
	for (i = 0; i < len; i++) {
		if (profile_look(&p, folder, pins[i], &holder, why) == 0) {
			profile_show_row(&out, &p, holder, o.json);
		} else if (errno != ENOENT) {
			status = bb_errno_exit(errno);
			bb_log(BB_LOG_ERROR,
			    "unable to read the profile of %08x: %s",
			    (unsigned)pins[i], why);
		}
		profile_close(&p);
	}
	free(pins);
	out_flush(&out);
	return status;
}

/* --- show and remove ------------------------------------------------------ */

static int
show(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { OPT_PROFILES, OPT_JSON };
	static const struct bb_opt_spec spec = { "bbdevice profile show", "PIN",
		"Show a profile, without its keys.", opts, BB_LEN(opts), 1, 1 };
	struct bb_buf out = OUT_BUF;
	struct options o = { 0 };
	struct profile p;
	char why[WHY_MAX];
	pid_t holder;

	(void)bb_opt_parse(&spec, &o, argc, argv);
	if (profile_look(&p, profiles_folder(o.profiles), scan_pin(argv[1]),
		&holder, why) == -1)
		bb_die(bb_errno_exit(errno),
		    "unable to read the profile of %08x: %s", (unsigned)p.pin,
		    why);
	profile_show(&out, &p, holder, o.json);
	profile_close(&p);
	out_flush(&out);
	return BB_EXIT_OK;
}

static int
remove_profile(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { OPT_PROFILES, OPT_JSON,
		OPT_DRY_RUN };
	static const struct bb_opt_spec spec = { "bbdevice profile remove",
		"PIN", "Remove a profile, with its keys.", opts, BB_LEN(opts),
		1, 1 };
	struct options o = { 0 };
	struct profile p;
	char why[WHY_MAX];
	const char *folder;
	uint32_t pin;
	int rc;

	(void)bb_opt_parse(&spec, &o, argc, argv);
	folder = profiles_folder(o.profiles);
	pin = scan_pin(argv[1]);
	if (o.dry_run) {
		rc = profile_open(&p, folder, pin, why);
		profile_close(&p);
	} else {
		rc = profile_remove(folder, pin, why);
	}
	if (rc == -1)
		bb_die(bb_errno_exit(errno),
		    "unable to remove the profile of %08x: %s", (unsigned)pin,
		    why);
	return say_done(&o, pin, "removed");
}

int
verb_profile(int argc, char *argv[])
{
	static const struct {
		const char *name;
		int (*run)(int argc, char *argv[]);
	} verbs[] = {
		{ "add", add },
		{ "set", set },
		{ "list", list },
		{ "show", show },
		{ "remove", remove_profile },
	};
	size_t i;

	for (i = 0; argc > 1 && i < BB_LEN(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	}
	bb_die(BB_EXIT_USAGE,
	    "bbdevice profile is followed by add, set, list, show or remove");
}
