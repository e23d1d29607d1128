/* Owns the list of verbs of bbdevice, the device's end of the gateway. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/sys.h"
#include "bbdevice.h"
#include "line/message.h"

#include "base/cc.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *about;
} verbs[] = {
	/* clang-format off */
	{ "profile",  verb_profile,  "add, list, show, remove profiles" },
	{ "login",    verb_login,    "log in at an IM service" },
	{ "send",     verb_send,     "send a text to a contact" },
	{ "fetch",    verb_fetch,    "ask for the events that wait" },
	{ "resume",   verb_resume,   "take up the session again" },
	{ "alive",    verb_alive,    "say that the device lives" },
	{ "presence", verb_presence, "set the own presence" },
	{ "logout",   verb_logout,   "end the session" },
	{ "listen",   verb_listen,   "stay, and print events as they come" },
	{ "coverage", verb_coverage, "leave coverage, and return" },
	{ "sessions", verb_sessions, "list the sessions of the profiles" },
	{ "status",   verb_status,   "say how the session stands" },
	{ "read",     verb_read,     "read and print what the gateway answers" },
	/* clang-format on */
};

static int
list_verbs(void)
{
	size_t i;

	(void)printf("usage: bbdevice VERB [options]\n"
		     "The device's end of the gateway; bbdevice VERB --help "
		     "says more.\n\n");
	for (i = 0; i < BB_LEN(verbs); i++)
		(void)printf("  %-10s%s\n", verbs[i].name, verbs[i].about);
	return fflush(stdout) == EOF ? BB_EXIT_TEMP : BB_EXIT_OK;
}

static void BB_NORETURN
unknown_verb(const char *word)
{
	const char *names[BB_LEN(verbs)], *near;
	char shown[64];
	size_t i;

	for (i = 0; i < BB_LEN(verbs); i++)
		names[i] = verbs[i].name;
	near = bb_opt_nearest(word, names, BB_LEN(names));
	(void)bb_log_escape(shown, sizeof(shown), word, strlen(word));
	if (near != NULL)
		bb_die(BB_EXIT_USAGE, "unknown verb '%s'; did you mean %s?",
		    shown, near);
	bb_die(BB_EXIT_USAGE, "unknown verb '%s'; --help lists them", shown);
}

/* A password comes here: no other process of this user may look. */
static void
prepare(void)
{
	bb_log_open("bbdevice");
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || bb_fd_tidy() == -1 ||
	    bb_sys_harden() == -1)
		bb_die_sys("unable to prepare the process");
	bb_json_init();
}

int
main(int argc, char *argv[])
{
	size_t i;

	prepare();
	if (argc < 2)
		bb_die(BB_EXIT_USAGE, "missing verb; --help lists them");
	if (strcmp(argv[1], "--help") == 0)
		return list_verbs();
	if (strcmp(argv[1], "--version") == 0)
		return printf("bbdevice %s\n", BB_VERSION) < 0 ? BB_EXIT_TEMP
							       : BB_EXIT_OK;
	for (i = 0; i < BB_LEN(verbs); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	}
	unknown_verb(argv[1]);
}
