/* Owns the verbs that speak to the gateway: their options and operands, and the
 * two forms of each, one frame (--emit) or a link. */
#include <jansson.h>
#include <string.h>

#include "asker.h"
#include "base/fail.h"
#include "base/log.h"
#include "bbdevice.h"
#include "emit.h"
#include "out.h"
#include "role.h"
#include "text.h"
#include "wire/text.h"

#include "base/cc.h"

/* The command behind the first "--", or NULL; with --emit that word only ends
 * the options. */
static char **
take_command(int *argc, char *argv[])
{
	int i;

	for (i = 1; i < *argc && strcmp(argv[i], "--emit") != 0; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		if (i + 1 == *argc)
			bb_die(BB_EXIT_USAGE, "a command is missing after --");
		argv[i] = NULL;
		*argc = i;
		return argv + i + 1;
	}
	return NULL;
}

/* Parses, and checks what all these verbs need. */
static int
parse(const struct bb_opt_spec *spec, struct emit_options *o, int argc,
    char *argv[])
{
	int operands = bb_opt_parse(spec, o, argc, argv);

	bb_log_json(o->json);
	emit_check(o);
	return operands;
}

static int
live(struct asker *a, const struct emit_options *o, char **command)
{
	int status;

	if (command != NULL && o->via.len > 0)
		bb_die(BB_EXIT_USAGE,
		    "--via and a command after -- exclude each other");
	a->o = o;
	a->events = o->count == 0 ? -1 : o->count;
	a->show.json = o->json;
	a->show.out = OUT_BUF;
	a->line = BB_BUF(2 * TEXT_MAX + 4);
	status = role_run(a, command);
	asker_clear(a);
	return status;
}

static int
live_message(const struct emit_options *o, char **command, json_t *message)
{
	struct asker a = { .verb = ASK_MESSAGE, .message = message };

	if (message == NULL)
		bb_die(BB_EXIT_USAGE, "a text is not UTF-8");
	return live(&a, o, command);
}

int
verb_login(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		EMIT_OPTS_FRAME,
		EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE,
		EMIT_OPT("stay", BB_OPT_FLAG, stay, NULL,
		    "stay, and print events as they come"),
		EMIT_OPT_COVERAGE,
		EMIT_OPT("show", BB_OPT_STR, show, "WORD",
		    "presence: available, away, busy or invisible"),
		EMIT_OPT("status", BB_OPT_STR, status, "TEXT", "presence text"),
	};
	static const struct bb_opt_spec spec = { "bbdevice login", "",
		"Log in at an IM service.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);

	(void)parse(&spec, &o, argc, argv);
	if (o.emit)
		return emit_login(&o, &(struct emit_login){ 0 });
	return live(&(struct asker){ .verb = o.stay ? ASK_LISTEN : ASK_LOGIN },
	    &o, command);
}

int
verb_send(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE, EMIT_OPT_COVERAGE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice send", "TO [TEXT]",
		"Send a text, by default from standard input, to a contact.",
		opts, BB_LEN(opts), 1, 2 };
	struct emit_options o = EMIT_OPTIONS;
	struct emit_login login = { .messages = true };
	char **command = take_command(&argc, argv);
	struct asker a = { .verb = ASK_SEND };
	int operands = parse(&spec, &o, argc, argv);

	login.to = argv[1];
	if (!bb_text_name(login.to, USER_MAX))
		bb_die(BB_EXIT_USAGE,
		    "TO must have 1 to %d bytes of UTF-8, no control "
		    "characters, no blanks at either end",
		    USER_MAX);
	login.text = operands > 1 ? argv[2] : NULL;
	if (!o.emit) {
		a.to = login.to;
		if (login.text != NULL)
			a.text = text_take(login.text, NULL);
		return live(&a, &o, command);
	}
	return o.in_session ? emit_data_send(&o, login.to, login.text)
			    : emit_login(&o, &login);
}

int
verb_fetch(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE, EMIT_OPT_COVERAGE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice fetch", "",
		"Ask for the events that wait.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);

	(void)parse(&spec, &o, argc, argv);
	if (!o.emit)
		return live(&(struct asker){ .verb = ASK_FETCH }, &o, command);
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
		EMIT_OPTS_LIVE,
		EMIT_OPT_COVERAGE,
		EMIT_OPT("trace", BB_OPT_FLAG, trace, NULL,
		    "have the steps measured and printed (with --emit: by "
		    "bbdevice read)"),
	};
	static const struct bb_opt_spec spec = { "bbdevice resume", "",
		"Take up the session again.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);

	(void)parse(&spec, &o, argc, argv);
	if (!o.emit)
		return live(&(struct asker){ .verb = ASK_RESUME }, &o, command);
	return emit_resume(&o);
}

int
verb_alive(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE, EMIT_OPT_COVERAGE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice alive", "",
		"Say that the device lives.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);
	json_t *message;

	(void)parse(&spec, &o, argc, argv);
	message = json_pack("{s:s}", "op", "alive");
	if (o.coverage != NULL)
		(void)json_object_set_new(message, "coverage",
		    json_boolean(!emit_out_of_coverage(&o)));
	if (!o.emit)
		return live_message(&o, command, message);
	return emit_data(&o, message);
}

int
verb_presence(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice presence",
		"SHOW [TEXT]",
		"Set the own presence: available, away, busy or invisible.",
		opts, BB_LEN(opts), 1, 2 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);
	int operands = parse(&spec, &o, argc, argv);
	json_t *message;

	message = json_pack("{s:s, s:s}", "op", "presence", "show", argv[1]);
	if (operands > 1 &&
	    json_object_set_new(message, "status", json_string(argv[2])) == -1)
		bb_die(BB_EXIT_USAGE, "TEXT is not UTF-8");
	if (!o.emit)
		return live_message(&o, command, message);
	return emit_data(&o, message);
}

int
verb_logout(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE, EMIT_OPT_IN_SESSION };
	static const struct bb_opt_spec spec = { "bbdevice logout", "",
		"End the session.", opts, BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);
	json_t *message = json_pack("{s:s}", "op", "logout");

	(void)parse(&spec, &o, argc, argv);
	if (!o.emit)
		return live_message(&o, command, message);
	return emit_data(&o, message);
}

/* --- only over a link ----------------------------------------------------- */

int
verb_listen(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		EMIT_OPTS_FRAME,
		EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE,
		{ .name = "count",
		    .type = BB_OPT_INT,
		    .offset = offsetof(struct emit_options, count),
		    .arg = "N",
		    .help = "end after N events",
		    .min = 1,
		    .max = INT32_MAX },
		{ .name = "for",
		    .type = BB_OPT_MS,
		    .offset = offsetof(struct emit_options, for_ms),
		    .arg = "TIME",
		    .help = "end after TIME",
		    .min = 1,
		    .max = INT32_MAX },
	};
	static const struct bb_opt_spec spec = { "bbdevice listen", "",
		"Stay connected, and print events as they come.", opts,
		BB_LEN(opts), 0, 0 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);

	(void)parse(&spec, &o, argc, argv);
	return live(&(struct asker){ .verb = ASK_LISTEN }, &o, command);
}

int
verb_coverage(int argc, char *argv[])
{
	static const struct bb_opt opts[] = { EMIT_OPTS_FRAME, EMIT_OPTS_LOGIN,
		EMIT_OPTS_LIVE };
	static const struct bb_opt_spec spec = { "bbdevice coverage", "off|on",
		"Leave coverage, and return.", opts, BB_LEN(opts), 1, 1 };
	struct emit_options o = EMIT_OPTIONS;
	char **command = take_command(&argc, argv);

	(void)parse(&spec, &o, argc, argv);
	o.coverage = argv[1];
	return live_message(&o, command,
	    json_pack("{s:s, s:b}", "op", "alive", "coverage",
		(int)!emit_out_of_coverage(&o)));
}

int
verb_status(int argc, char *argv[])
{
	static const struct bb_opt opts[] = {
		EMIT_OPTS_FRAME,
		EMIT_OPT("json", BB_OPT_FLAG, json, NULL,
		    "print one JSON object"),
	};
	static const struct bb_opt_spec spec = { "bbdevice status", "",
		"Say how the session and the link stand.", opts, BB_LEN(opts),
		0, 0 };
	struct emit_options o = EMIT_OPTIONS;

	(void)parse(&spec, &o, argc, argv);
	return live(&(struct asker){ .verb = ASK_STATUS }, &o, NULL);
}
