/* What the verbs that send have in common: their options, where the password
 * comes from, and the way from a profile to a frame on standard output. */
#ifndef BBDEVICE_EMIT_H
#define BBDEVICE_EMIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"
#include "base/secret.h"
#include "profile.h"

/* Everything borrows argv. */
struct emit_options {
	const char *profiles;
	uint32_t pin;
	bool emit, in_session, trace;
	const char *user, *service;
	const char *password; /* refused: it would stand in argv */
	const char *password_file;
	int64_t password_fd; /* -1: not given */
	const char *coverage, *show, *status;
	/* Without --emit. */
	struct bb_opt_list via;
	int64_t retry_ms, timeout_ms; /* timeout -1: not given */
	int64_t for_ms, count;        /* listen; 0: for ever */
	bool stay, json;
};
#define EMIT_OPTIONS \
	((struct emit_options){ .password_fd = -1, .timeout_ms = -1 })

/* clang-format off */
#define EMIT_OPT(long_name, opt_type, field, arg_name, text) \
	{ .name = (long_name), .type = (opt_type), \
	  .offset = offsetof(struct emit_options, field), .arg = (arg_name), \
	  .help = (text) }
#define EMIT_OPTS_FRAME \
	EMIT_OPT("pin", BB_OPT_PIN, pin, "PIN", "the device; its profile is used"), \
	EMIT_OPT("profiles", BB_OPT_STR, profiles, "DIR", \
	    "folder of the profiles (BB_PROFILES, ~/.config/bbdevice)"), \
	EMIT_OPT("emit", BB_OPT_FLAG, emit, NULL, \
	    "write one frame to standard output, and end")
#define EMIT_OPTS_LOGIN \
	EMIT_OPT("user", BB_OPT_STR, user, "USER", \
	    "account at the IM server (default: the profile's)"), \
	EMIT_OPT("service", BB_OPT_STR, service, "NAME", \
	    "IM service (default: the profile's)"), \
	EMIT_OPT("password-file", BB_OPT_STR, password_file, "FILE", \
	    "read the password from the first line of a file"), \
	{ .name = "password-fd", .type = BB_OPT_INT, \
	  .offset = offsetof(struct emit_options, password_fd), \
	  .arg = "N", .help = "read it from a descriptor", \
	  .min = 0, .max = INT32_MAX }, \
	EMIT_OPT("password", BB_OPT_STR, password, "-", \
	    "refused: other users can read argument lists"), \
	EMIT_OPT("trace", BB_OPT_FLAG, trace, NULL, \
	    "have the steps measured and printed (with --emit: by bbdevice read)")
#define EMIT_OPTS_LIVE \
	EMIT_OPT("via", BB_OPT_LIST, via, "ADDR", \
	    "router (default: the profile's, or 3101); repeatable"), \
	{ .name = "retry", .type = BB_OPT_MS, \
	  .offset = offsetof(struct emit_options, retry_ms), .arg = "TIME", \
	  .help = "try for so long to reach the gateway at first", \
	  .min = 0, .max = 86400000 }, \
	{ .name = "timeout", .type = BB_OPT_MS, \
	  .offset = offsetof(struct emit_options, timeout_ms), .arg = "TIME", \
	  .help = "give up after TIME (0: never)", \
	  .min = 0, .max = 86400000 }, \
	EMIT_OPT("json", BB_OPT_FLAG, json, NULL, \
	    "print one JSON object per line")
#define EMIT_OPT_COVERAGE \
	EMIT_OPT("coverage", BB_OPT_STR, coverage, "on|off", \
	    "off: the device is about to leave coverage")
#define EMIT_OPT_IN_SESSION \
	EMIT_OPT("in-session", BB_OPT_FLAG, in_session, NULL, \
	    "a DATA frame of the open session, not a new attach")
/* clang-format on */

/* Which account: that of the options, else of the session unless a login is
 * wanted, else the profile's usual one.  Ends the process where none is
 * named. */
void emit_account(const struct profile *p, const struct emit_options *o,
    struct account *account, bool login);
/* Ends the process where --pin is missing, a password was given, or, with
 * --emit, standard output is a terminal. */
void emit_check(const struct emit_options *o);
/* --coverage: true for "off". */
bool emit_out_of_coverage(const struct emit_options *o);

/* One login: reads the password, then the text, holds it for `to` (NULL: no
 * message), and emits an ATTACH.  Returns the exit status. */
struct emit_login {
	const char *to;
	const char *text; /* NULL: standard input has it */
	bool messages;    /* carry what is held */
	bool fetch;
};
int emit_login(const struct emit_options *o, const struct emit_login *login);
/* Emits an ATTACH that takes up the session of the profile. */
int emit_resume(const struct emit_options *o);
/* Emits `message`, which it takes, as DATA.  The acknowledgement of events is
 * added. */
int emit_data(const struct emit_options *o, json_t *message);
/* The same for a text (NULL: standard input has it), with all that is held. */
int emit_data_send(const struct emit_options *o, const char *to,
    const char *text);

#endif
