/* Owns `bbdevice sessions`: the sessions of all profiles, as far as these know
 * of them. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/log.h"
#include "base/opt.h"
#include "bbdevice.h"
#include "out.h"
#include "profile.h"
#include "wire/text.h"

#include "base/cc.h"

/* Everything borrows argv. */
struct options {
	const char *profiles;
	bool json;
};

static json_t *
session_json(const struct profile *p, pid_t holder)
{
	const struct session *s = &p->session;
	json_t *json = out_object(p->pin, "session");
	char id[2 * SESSION_ID_LEN + 1];

	bb_text_hex(s->id, SESSION_ID_LEN, id);
	out_set(json, "session", s->has_id ? json_string(id) : json_null());
	out_set(json, "service", json_string(s->account.service));
	out_set(json, "user", json_string(s->account.user));
	out_set(json, "att", json_integer((json_int_t)s->att));
	out_set(json, "resume", json_boolean(s->resume));
	out_set(json, "holder",
	    holder == 0 ? json_null() : json_integer(holder));
	return json;
}

static void
print_session(struct bb_buf *out, const struct profile *p, pid_t holder)
{
	const struct session *s = &p->session;
	char id[2 * SESSION_ID_LEN + 1];

	bb_text_hex(s->id, SESSION_ID_LEN, id);
	out_printf(out, "%08x  %s  ", (unsigned)p->pin, s->has_id ? id : "-");
	out_peer(out, s->account.user);
	out_printf(out, " at ");
	out_peer(out, s->account.service);
	if (holder != 0)
		out_printf(out, "  held by process %ld", (long)holder);
	out_printf(out, "\n");
}

int
verb_sessions(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		{ .name = "profiles",
		    .type = BB_OPT_STR,
		    .offset = offsetof(struct options, profiles),
		    .arg = "DIR",
		    .help = "folder of the profiles (BB_PROFILES, "
			    "~/.config/bbdevice)" },
		{ .name = "json",
		    .type = BB_OPT_FLAG,
		    .offset = offsetof(struct options, json),
		    .help = "print one JSON object per line" },
	};
	static const struct bb_opt_spec spec = { "bbdevice sessions", "",
		"List the sessions that the profiles know of.", opts,
		BB_LEN(opts), 0, 0 };
	struct bb_buf out = OUT_BUF;
	struct options o = { 0 };
	int status = BB_EXIT_OK;
	const char *folder;
	char why[WHY_MAX];
	struct profile p;
	uint32_t *pins;
	pid_t holder;
	size_t i, len;

	(void)bb_opt_parse(&spec, &o, argc, argv);
	bb_log_json(o.json);
	folder = profiles_folder(o.profiles);
	pins = profile_pins(folder, &len);
	for (i = 0; i < len; i++) {
		if (profile_look(&p, folder, pins[i], &holder, why) == -1 &&
		    errno != ENOENT) {
			status = bb_errno_exit(errno);
			bb_log(BB_LOG_ERROR,
			    "unable to read the profile of %08x: %s",
			    (unsigned)pins[i], why);
		} else if (p.has_session && o.json) {
			out_json(&out, session_json(&p, holder));
		} else if (p.has_session) {
			print_session(&out, &p, holder);
		}
		profile_close(&p);
	}
	free(pins);
	out_flush(&out);
	return status;
}
