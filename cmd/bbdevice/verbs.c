/* Owns the verbs that send: their options and operands. */
#include <jansson.h>

#include "base/fail.h"
#include "bbdevice.h"
#include "emit.h"
#include "wire/text.h"

#include "base/cc.h"

/* Parses, and checks what all these verbs need. */
static int
parse(const struct bb_opt_spec *spec, struct emit_options *o, int argc,
    char *argv[])
{
	int operands = bb_opt_parse(spec, o, argc, argv);

	emit_check(o);
	return operands;
}

int
verb_login(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		EMIT_OPTS_FRAME,
		EMIT_OPTS_LOGIN,
		EMIT_OPT_COVERAGE,
		EMIT_OPT("show", BB_OPT_STR, show, "WORD",
		    "presence: available, away, busy or invisible"),
		EMIT_OPT("status", BB_OPT_STR, status, "TEXT", "presence text"),
	};
	static const struct bb_opt_spec spec = { "bbdevice login", "",
		"Log in at an IM service.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;

	(void)parse(&spec, &o, argc, argv);
	return emit_login(&o, &(struct emit_login){ 0 });
}

int
verb_send(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPT_COVERAGE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice send", "TO [TEXT]",
		"Send a text, by default from standard input, to a contact.",
		opts, BB_LEN(opts), 1, 2 };
	struct emit_options o = EMIT_OPTIONS;
	struct emit_login login = { .messages = true };
	int operands = parse(&spec, &o, argc, argv);

	login.to = argv[1];
	if (!bb_text_name(login.to, USER_MAX))
		bb_die(BB_EXIT_USAGE,
		    "TO must have 1 to %d bytes of UTF-8, no control "
		    "characters, no blanks at either end",
		    USER_MAX);
	login.text = operands > 1 ? argv[2] : NULL;
	return o.in_session ? emit_data_send(&o, login.to, login.text)
			    : emit_login(&o, &login);
}

int
verb_fetch(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPT_COVERAGE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice fetch", "",
		"Ask for the events that wait.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;

	(void)parse(&spec, &o, argc, argv);
	if (o.in_session)
		return emit_data(&o, json_pack("{s:s}", "op", "fetch"));
	return emit_login(&o,
	    &(struct emit_login){ .messages = true, .fetch = true });
}

int
verb_resume(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		EMIT_OPTS_FRAME,
		EMIT_OPT_COVERAGE,
		EMIT_OPT("trace", BB_OPT_FLAG, trace, NULL,
		    "have the steps measured; bbdevice read prints them"),
	};
	static const struct bb_opt_spec spec = { "bbdevice resume", "",
		"Take up the session again.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;

	(void)parse(&spec, &o, argc, argv);
	return emit_resume(&o);
}

int
verb_alive(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME,
		EMIT_OPT_COVERAGE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice alive", "",
		"Say that the device lives.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;
	json_t *message;

	(void)parse(&spec, &o, argc, argv);
	message = json_pack("{s:s}", "op", "alive");
	if (o.coverage != NULL)
		(void)json_object_set_new(message, "coverage",
		    json_boolean(!emit_out_of_coverage(&o)));
	return emit_data(&o, message);
}

int
verb_presence(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME,
		EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice presence",
		"SHOW [TEXT]",
		"Set the own presence: available, away, busy or invisible.",
		opts, BB_LEN(opts), 1, 2 };
	struct emit_options o = EMIT_OPTIONS;
	int operands = parse(&spec, &o, argc, argv);
	json_t *message;

	message = json_pack("{s:s, s:s}", "op", "presence", "show", argv[1]);
	if (operands > 1 &&
	    json_object_set_new(message, "status", json_string(argv[2])) == -1)
		bb_die(BB_EXIT_USAGE, "TEXT is not UTF-8");
	return emit_data(&o, message);
}

int
verb_logout(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME,
		EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice logout", "",
		"End the session.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;

	(void)parse(&spec, &o, argc, argv);
	return emit_data(&o, json_pack("{s:s}", "op", "logout"));
}
