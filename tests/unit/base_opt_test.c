/* Options: what is stored, what is refused with which sentence, what is
 * printed. */
#include "base/opt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/log.h"
#include "capture.h"
#include "tap.h"

#define WORDS_MAX 48

struct options {
	bool json;
	int verbose;
	const char *user;
	struct bb_opt_list to;
	int64_t count;
	int64_t any;
	int64_t wait_ms;
	uint32_t pin;
};

static const struct bb_opt table[] = {
	/* clang-format off */
	{ "json",    'j', BB_OPT_FLAG,  offsetof(struct options, json),
	    NULL, "print JSON", 0, 0 },
	{ "verbose", 'v', BB_OPT_COUNT, offsetof(struct options, verbose),
	    NULL, "say more; repeat for debug", 0, 0 },
	{ "user",    'u', BB_OPT_STR,   offsetof(struct options, user),
	    "NAME", "user to log in as", 0, 0 },
	{ "to",      't', BB_OPT_LIST,  offsetof(struct options, to),
	    "ADDR", "next stage", 0, 0 },
	{ "count",   'n', BB_OPT_INT,   offsetof(struct options, count),
	    "N", "how many", 1, 100 },
	{ "any",     0,   BB_OPT_INT,   offsetof(struct options, any),
	    "N", "any number", 0, 0 },
	{ "wait",    'w', BB_OPT_MS,    offsetof(struct options, wait_ms),
	    "TIME", "how long", 1000, 3600000 },
	{ "pin",     'p', BB_OPT_PIN,   offsetof(struct options, pin),
	    "PIN", "the device", 0, 0 },
	{ "a-very-long-name-for-an-option", 0, BB_OPT_STR,
	    offsetof(struct options, user),
	    "WORD", "stands alone", 0, 0 },
	/* clang-format on */
};

static const struct bb_opt_spec spec = {
	.tool = "bbtool noun verb",
	.operands = "USER [SERVICE]",
	.about = "Does what a test needs.",
	.opts = table,
	.opts_len = BB_LEN(table),
	.operands_min = 1,
	.operands_max = 2,
};

static const struct bb_opt_spec any_spec = {
	.tool = "bbtool",
	.operands = "[WORD ...]",
	.about = "Takes anything.",
	.opts = table,
	.opts_len = BB_LEN(table),
	.operands_max = -1,
};

static const struct bb_opt_spec none_spec = {
	.tool = "bbtool",
	.operands = "",
	.about = "Takes nothing.",
};

/* A command line, in words between blanks ("_" stands for an empty word). */
struct line {
	const struct bb_opt_spec *spec;
	char text[400];
	char *argv[WORDS_MAX + 2];
	int argc;
};

static void
cut(struct line *line, const struct bb_opt_spec *s, const char *text)
{
	char *at;

	memset(line, 0, sizeof(*line));
	line->spec = s;
	(void)snprintf(line->text, sizeof(line->text), "%s", text);
	line->argv[line->argc++] = line->text;
	for (at = strchr(line->text, ' '); at != NULL; at = strchr(at, ' ')) {
		*at++ = '\0';
		line->argv[line->argc++] = *at == '_' ? at + 1 : at;
	}
}

static struct options
parse(struct line *line, const struct bb_opt_spec *s, const char *text,
    int *operands)
{
	struct options o = { .any = -1 };

	cut(line, s, text);
	*operands = bb_opt_parse(s, &o, line->argc, line->argv);
	return o;
}

static void
test_types(void)
{
	struct line line;
	struct options o;
	int n;

	o = parse(&line, &spec,
	    "x --json -v --verbose --user alice --to a --to=b -tc --count 7 "
	    "--any=-9223372036854775808 --wait 90s --pin 2100000A bob",
	    &n);
	tap_ok(o.json, "a flag is set");
	TAP_EQ_INT(o.verbose, 2, "a count counts");
	TAP_EQ_STR(o.user, "alice", "a string is the word");
	tap_ok(o.to.len == 3 && strcmp(o.to.at[0], "a") == 0 &&
		   strcmp(o.to.at[1], "b") == 0 && strcmp(o.to.at[2], "c") == 0,
	    "a list holds each word in order");
	TAP_EQ_INT(o.count, 7, "a number is stored");
	TAP_EQ_INT(o.any, INT64_MIN, "a number without bounds may be any");
	TAP_EQ_INT(o.wait_ms, 90000, "a time is milliseconds");
	TAP_EQ_UINT(o.pin, 0x2100000A, "a PIN is its number");
	TAP_EQ_INT(n, 1, "what is left is an operand");
	TAP_EQ_STR(line.argv[1], "bob", "which stands at the front");
	tap_ok(line.argv[2] == NULL, "and NULL behind it");
}

static void
test_forms(void)
{
	struct line line;
	struct options o;
	int n;

	o = parse(&line, &spec, "x -vvjp0000000f -u alice bob", &n);
	tap_ok(o.verbose == 2 && o.json && o.pin == 0xF &&
		   strcmp(o.user, "alice") == 0,
	    "letters can be bundled, the last with its argument");
	o = parse(&line, &spec, "x --user= bob", &n);
	TAP_EQ_STR(o.user, "", "an argument may be empty after =");
	o = parse(&line, &spec, "x --user _ bob", &n);
	TAP_EQ_STR(o.user, "", "or be an empty word");
	o = parse(&line, &spec, "x --user=a=b bob", &n);
	TAP_EQ_STR(o.user, "a=b", "an argument may hold =");
	o = parse(&line, &spec, "x --user=--json bob", &n);
	tap_ok(strcmp(o.user, "--json") == 0 && !o.json,
	    "after = it may begin with dashes");
	o = parse(&line, &spec, "x --user - --any -5 bob", &n);
	tap_ok(strcmp(o.user, "-") == 0 && o.any == -5,
	    "one dash begins an argument as well");
	o = parse(&line, &spec, "x --user a -ub bob", &n);
	TAP_EQ_STR(o.user, "b", "of repeated options the last wins");
	errno = ERANGE;
	o = parse(&line, &spec, "x --count 1 --wait 1h bob", &n);
	tap_ok(o.count == 1 && o.wait_ms == 3600000,
	    "a bound is within the bounds");
}

static void
test_operands(void)
{
	struct line line;
	struct options o;
	int n;

	o = parse(&line, &spec, "x bob --json local -v", &n);
	tap_ok(n == 2 && strcmp(line.argv[1], "bob") == 0 &&
		   strcmp(line.argv[2], "local") == 0 && line.argv[3] == NULL &&
		   o.json && o.verbose == 1,
	    "options may follow operands");
	o = parse(&line, &spec, "x -- --json -v", &n);
	tap_ok(n == 2 && strcmp(line.argv[1], "--json") == 0 &&
		   strcmp(line.argv[2], "-v") == 0 && !o.json,
	    "after -- all are operands");
	(void)parse(&line, &any_spec, "x -j -- bbdispatch -v -- bbcollab", &n);
	tap_ok(n == 4 && strcmp(line.argv[1], "bbdispatch") == 0 &&
		   strcmp(line.argv[3], "--") == 0 &&
		   strcmp(line.argv[4], "bbcollab") == 0 &&
		   line.argv[5] == NULL,
	    "a second -- is one as well");
	(void)parse(&line, &any_spec, "x - _", &n);
	tap_ok(n == 2 && strcmp(line.argv[1], "-") == 0 &&
		   *line.argv[2] == '\0',
	    "a dash and an empty word are operands");
	(void)parse(&line, &any_spec, "x", &n);
	tap_ok(n == 0 && line.argv[1] == NULL, "there may be none");
	(void)parse(&line, &none_spec, "x --", &n);
	TAP_EQ_INT(n, 0, "-- alone is no operand");
}

static void
run_line(void *arg)
{
	struct line *line = arg;
	struct options o = { 0 };

	bb_log_open("bbtool");
	bb_log_json(false);
	(void)bb_opt_parse(line->spec, &o, line->argc, line->argv);
	_exit(42);
}

static const struct {
	const char *line, *text;
} errors[] = {
	/* clang-format off */
	{ "x --usr a b", "unknown option --usr; did you mean --user?" },
	{ "x --jsno b", "unknown option --jsno; did you mean --json?" },
	{ "x --helpp", "unknown option --helpp; did you mean --help?" },
	{ "x --password=hunter2",
	    "unknown option --password; --help lists them" },
	{ "x -x b", "unknown option -x; --help lists them" },
	{ "x -vx b", "unknown option -x; --help lists them" },
	{ "x ---json b", "unknown option ---json; did you mean --json?" },
	{ "x --=a b", "unknown option --; --help lists them" },
	{ "x --help=a b", "unknown option --help; did you mean --help?" },
	{ "x --user", "option --user needs an argument: NAME" },
	{ "x -u", "option -u needs an argument: NAME" },
	{ "x --user --verbose b", "option --user needs an argument: NAME" },
	{ "x --json=yes b", "option --json takes no argument" },
	{ "x --count 0 b", "option --count: '0' is less than 1" },
	{ "x -n 101 b", "option -n: '101' is more than 100" },
	{ "x --count seven b",
	    "option --count: 'seven' is not a whole number" },
	{ "x --count 7x b", "option --count: '7x' is not a whole number" },
	{ "x --count= b", "option --count: '' is not a whole number" },
	{ "x --count=+7 b", "option --count: '+7' is not a whole number" },
	{ "x --any 9223372036854775808 b",
	    "option --any: '9223372036854775808' is too large a number" },
	{ "x --wait 1ms b", "option --wait: '1ms' is less than 1s" },
	{ "x --wait 2h b", "option --wait: '2h' is more than 1h" },
	{ "x --wait soon b",
	    "option --wait: 'soon' is not a time such as 250ms, 30s, "
	    "10m, 4h or 7d" },
	{ "x --wait 999999999999999999999 b",
	    "option --wait: '999999999999999999999' is too long a time" },
	{ "x --pin 2100000 b",
	    "option --pin: '2100000' is not 8 hexadecimal digits" },
	{ "x --pin 2100000ab b",
	    "option --pin: '2100000ab' is not 8 hexadecimal digits" },
	{ "x -p 0x100000 b",
	    "option -p: '0x100000' is not 8 hexadecimal digits" },
	{ "x", "missing operand USER" },
	{ "x a b c", "unexpected operand 'c'" },
	{ "x a -- b --c", "unexpected operand '--c'" },
	{ "x a\tb\x1b[1m c d", "unexpected operand 'd'" },
	{ "x a b c\x1b[1m", "unexpected operand 'c\\x1b[1m'" },
	/* clang-format on */
};

static void
test_errors(void)
{
	char want[300];
	struct capture c;
	struct line line;
	size_t i;

	for (i = 0; i < BB_LEN(errors); i++) {
		cut(&line, &spec, errors[i].line);
		capture(&c, run_line, &line);
		(void)snprintf(want, sizeof(want), "bbtool: fatal: %s\n",
		    errors[i].text);
		TAP_EQ_STR(c.err, want, "a usage error is one sentence");
		tap_ok(c.status == 100 && *c.out == '\0', "with status 100: %s",
		    errors[i].line);
	}
}

static void
test_more_errors(void)
{
	static char again[] = "-ta";
	struct capture c;
	struct line line;
	int i;

	cut(&line, &spec, "x a --usr --json");
	capture(&c, run_line, &line);
	TAP_EQ_STR(c.err,
	    "{\"v\":1,\"level\":\"error\",\"tool\":\"bbtool\",\"text\":"
	    "\"unknown option --usr; did you mean --user?\"}\n",
	    "with --json anywhere a usage error is JSON");
	cut(&line, &none_spec, "x --x");
	capture(&c, run_line, &line);
	TAP_EQ_STR(c.err,
	    "bbtool: fatal: unknown option --x; --help lists them\n",
	    "a tool without options knows --help");
	cut(&line, &any_spec, "x");
	for (i = 0; i < BB_OPT_LIST_MAX; i++)
		line.argv[line.argc++] = again;
	capture(&c, run_line, &line);
	TAP_EQ_INT(c.status, 42, "a list holds its maximum");
	line.argv[line.argc++] = again;
	capture(&c, run_line, &line);
	TAP_EQ_STR(c.err,
	    "bbtool: fatal: option -t: given more than 32 times\n",
	    "and not one more");
}

static void
test_output(void)
{
	struct capture c;
	struct line line;

	cut(&line, &spec, "x --help");
	capture(&c, run_line, &line);
	TAP_EQ_STR(c.out,
	    "usage: bbtool noun verb [options] USER [SERVICE]\n"
	    "Does what a test needs.\n"
	    "\n"
	    "  -j, --json       print JSON\n"
	    "  -v, --verbose    say more; repeat for debug\n"
	    "  -u, --user NAME  user to log in as\n"
	    "  -t, --to ADDR    next stage\n"
	    "  -n, --count N    how many\n"
	    "      --any N      any number\n"
	    "  -w, --wait TIME  how long\n"
	    "  -p, --pin PIN    the device\n"
	    "      --a-very-long-name-for-an-option WORD\n"
	    "                   stands alone\n"
	    "      --help       print this and exit\n"
	    "      --version    print the version and exit\n",
	    "--help prints usage, purpose and an aligned table");
	tap_ok(c.status == 0 && *c.err == '\0', "and exits 0");
	cut(&line, &none_spec, "x --help");
	capture(&c, run_line, &line);
	TAP_EQ_STR(c.out,
	    "usage: bbtool [options]\n"
	    "Takes nothing.\n"
	    "\n"
	    "      --help     print this and exit\n"
	    "      --version  print the version and exit\n",
	    "a tool without operands has none in its usage");
	cut(&line, &spec, "x --version");
	capture(&c, run_line, &line);
	tap_ok(c.status == 0 && strncmp(c.out, "bbtool ", 7) == 0 &&
		   strchr(c.out, '\n') == c.out + strlen(c.out) - 1,
	    "--version prints one line");
	cut(&line, &spec, "x --dump-options");
	capture(&c, run_line, &line);
	tap_ok(c.status == 0 &&
		   strncmp(c.out,
		       "json\tj\t\tprint JSON\n"
		       "verbose\tv\t\tsay more; repeat for debug\n"
		       "user\tu\tNAME\tuser to log in as\n",
		       80) == 0 &&
		   strstr(c.out, "\nany\t\tN\tany number\n") != NULL &&
		   strstr(c.out, "\nhelp\t\t\tprint this and exit\n") != NULL,
	    "--dump-options prints the table with tabs");
}

static void
help_to_closed_pipe(void *arg)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close(STDOUT_FILENO);
	run_line(arg);
}

static void
test_output_errors(void)
{
	struct capture c;
	struct line line;

	cut(&line, &spec, "x --help");
	capture(&c, help_to_closed_pipe, &line);
	tap_ok(c.status == 100 &&
		   strstr(c.err, "unable to write to standard output") != NULL,
	    "help that cannot be written is an error");
}

static void
test_nearest(void)
{
	static const char *const names[] = { "list", "show", "block",
		"remove" };
	static const struct {
		const char *word, *near;
	} rows[] = {
		{ "lst", "list" },
		{ "lits", "list" },
		{ "sohw", "show" },
		{ "LIST", NULL },
		{ "remov", "remove" },
		{ "rmv", "remove" },
		{ "delete", NULL },
		{ "list", "list" },
		{ "", NULL },
		{ "l", "list" },
		{ "x", NULL },
		{ "unblock", "block" },
		{ "a-word-that-is-longer-than-any-name-could-ever-be", NULL },
	};
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++)
		TAP_EQ_STR(bb_opt_nearest(rows[i].word, names, BB_LEN(names)),
		    rows[i].near, "the nearest name is found, or none");
	TAP_EQ_STR(bb_opt_nearest("ot", (const char *const[]){ "to" }, 1), "to",
	    "letters that changed places count once");
	tap_ok(bb_opt_nearest("x", NULL, 0) == NULL,
	    "of no names none is near");
}

int
main(void)
{
	test_types();
	test_forms();
	test_operands();
	test_errors();
	test_more_errors();
	test_output();
	test_output_errors();
	test_nearest();
	return tap_done();
}
