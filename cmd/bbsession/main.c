/* bbsession: the administrator's tool.  Finds noun and verb, reads their
 * options, and calls the one function that does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "bbsession.h"
#include "help.h"
#include "out.h"

#include "base/cc.h"

#define DATA_DEFAULT "/var/lib/bb"
#define WORDS_MAX 16
#define TOOL_MAX 64

static const struct noun *const nouns[] = { &noun_db, &noun_user, &noun_device,
	&noun_service, &noun_permission, &noun_limit, &noun_session,
	&noun_stage };

static const struct bb_opt every_verb[] = {
	/* clang-format off */
	OPT("data", BB_OPT_STR, data, "DIR",
	    "folder of both stores (BB_DATA, else " DATA_DEFAULT ")"),
	OPT("device-store", BB_OPT_STR, device_store, "FILE",
	    "the device store, instead of DIR/devices.db"),
	OPT("config-store", BB_OPT_STR, config_store, "FILE",
	    "the configuration store, instead of DIR/config.db"),
	OPT("json", BB_OPT_FLAG, json, NULL,
	    "answers and errors as JSON objects"),
	OPT("dry-run", BB_OPT_FLAG, dry_run, NULL,
	    "say what would be done and change nothing"),
	/* clang-format on */
};

/* Where the words of the command line stand that are no options. */
struct words {
	int noun, verb; /* indexes in argv; 0: not there */
};

/* How many words an option in front of the verb takes; 0: it is not one of
 * every verb, and what a word behind it means cannot be known there. */
static int
option_words(const char *word)
{
	size_t i, len = strcspn(word, "=");

	for (i = 0; i < BB_LEN(every_verb); i++) {
		if (len != strlen(every_verb[i].name) + 2 ||
		    strncmp(word + 2, every_verb[i].name, len - 2) != 0)
			continue;
		if (every_verb[i].type == BB_OPT_STR && word[len] == '\0')
			return 2;
		return 1;
	}
	return 0;
}

static struct words
find_words(int argc, char *argv[])
{
	struct words w = { 0, 0 };
	int i = 1, step;

	while (i < argc && w.verb == 0) {
		if (argv[i][0] == '-' && argv[i][1] != '\0') {
			step = option_words(argv[i]);
			if (step == 0)
				break;
			i += step;
		} else {
			*(w.noun == 0 ? &w.noun : &w.verb) = i++;
		}
	}
	return w;
}

/* `lacks`: "there is no noun", "user has no verb". */
static void BB_NORETURN
die_unknown(const char *lacks, const char *word, const char *const names[],
    size_t len)
{
	const char *near = bb_opt_nearest(word, names, len);

	if (near != NULL)
		bb_die(BB_EXIT_USAGE, "%s '%s'; did you mean '%s'?", lacks,
		    word, near);
	bb_die(BB_EXIT_USAGE, "%s '%s'; bbsession help lists them", lacks,
	    word);
}

static const struct noun *
find_noun(const char *word)
{
	const char *names[BB_LEN(nouns) + 1] = { "help" };
	size_t i;

	for (i = 0; i < BB_LEN(nouns); i++) {
		if (strcmp(nouns[i]->name, word) == 0)
			return nouns[i];
		names[i + 1] = nouns[i]->name;
	}
	die_unknown("there is no noun", word, names, BB_LEN(names));
}

static const struct verb *
find_verb(const struct noun *noun, const char *word)
{
	const char *names[WORDS_MAX];
	char lacks[TOOL_MAX];
	size_t i, len = 0;

	for (i = 0; i < noun->verbs_len; i++) {
		if (strcmp(noun->verbs[i].name, word) == 0)
			return &noun->verbs[i];
		if (len < WORDS_MAX)
			names[len++] = noun->verbs[i].name;
	}
	(void)snprintf(lacks, sizeof(lacks), "%s has no verb", noun->name);
	die_unknown(lacks, word, names, len);
}

/* The error may come before the options are parsed. */
static void
look_for_json(int argc, char *argv[])
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			bb_log_json(true);
	}
}

/* Without a verb there is nothing to do: --help and --version end here, `help`
 * and `help NOUN` answer, anything else is a mistake that the list of verbs
 * mends. */
static int
without_verb(struct args *a, int argc, char *argv[])
{
	const struct bb_opt_spec spec = { .tool = "bbsession",
		.operands = "NOUN VERB ...",
		.about = "Users, devices, services, permissions, limits and "
			 "sessions; bbsession help lists the verbs.",
		.opts = every_verb,
		.opts_len = BB_LEN(every_verb),
		.operands_max = -1 };
	int n = bb_opt_parse(&spec, a, argc, argv);
	bool help = n > 0 && strcmp(argv[1], "help") == 0;
	const struct noun *only = NULL;

	if (n > (help ? 1 : 0))
		only = find_noun(argv[help ? 2 : 1]);
	return help_print(help, nouns, BB_LEN(nouns), only);
}

/* Takes noun and verb out of argv, so that what is left are options and
 * operands. */
static int
run_verb(struct args *a, const struct words *w, int argc, char *argv[])
{
	const struct noun *noun = find_noun(argv[w->noun]);
	const struct verb *verb = find_verb(noun, argv[w->verb]);
	struct bb_opt opts[BB_LEN(every_verb) + VERB_OPTS_MAX];
	char tool[TOOL_MAX];
	struct bb_opt_spec spec = { .tool = tool,
		.operands = verb->operands,
		.about = verb->about,
		.opts = opts,
		.opts_len = BB_LEN(every_verb) + verb->opts_len,
		.operands_min = verb->operands_min,
		.operands_max = verb->operands_max };
	int i, n = 0;

	if (verb->opts_len > VERB_OPTS_MAX)
		bb_die(BB_EXIT_BUG, "too many options in a table");
	memcpy(opts, every_verb, sizeof(every_verb));
	if (verb->opts_len > 0)
		memcpy(opts + BB_LEN(every_verb), verb->opts,
		    verb->opts_len * sizeof(opts[0]));
	(void)snprintf(tool, sizeof(tool), "bbsession %s %s", noun->name,
	    verb->name);
	for (i = 0; i < argc; i++) {
		if (i != w->noun && i != w->verb)
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	a->operands = bb_opt_parse(&spec, a, n, argv);
	a->operand = argv + 1;
	return verb->run(a);
}

static void
prepare(struct args *a, int argc, char *argv[])
{
	const char *data = getenv("BB_DATA");

	bb_log_open("bbsession");
	look_for_json(argc, argv);
	*a = (struct args){
		.data = data == NULL || *data == '\0' ? DATA_DEFAULT : data,
		.password_fd = -1,
	};
	(void)umask(077);
	if (bb_fd_tidy() == -1 || bb_sys_harden() == -1)
		bb_die_sys("unable to prepare the process");
}

int
main(int argc, char *argv[])
{
	struct args args;
	struct words w;
	int status;

	prepare(&args, argc, argv);
	w = find_words(argc, argv);
	if (w.verb == 0 || strcmp(argv[w.noun], "help") == 0)
		status = without_verb(&args, argc, argv);
	else
		status = run_verb(&args, &w, argc, argv);
	out_end();
	return status;
}
