/* Options parsed by a table.  What is printed from the table is in
 * opt_show.c. */
#include "base/opt.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/opt_show.h"

/* One pass over argv.  Operands move to the front as they are met. */
struct parse {
	const struct bb_opt_spec *spec;
	char *into;
	char **argv;
	int argc;
	int at; /* the word that is looked at */
	int operands;
	char shown[80]; /* the option as the user wrote it, without value */
};

/* Written by bytes: the table knows the type, the compiler does not. */
static void
store(const struct parse *p, const struct bb_opt *opt, const void *v,
    size_t len)
{
	memcpy(p->into + opt->offset, v, len);
}

static void
store_count(const struct parse *p, const struct bb_opt *opt)
{
	int v;

	memcpy(&v, p->into + opt->offset, sizeof(v));
	if (v < INT_MAX)
		v++;
	store(p, opt, &v, sizeof(v));
}

static void
store_list(const struct parse *p, const struct bb_opt *opt, const char *text)
{
	struct bb_opt_list list;

	memcpy(&list, p->into + opt->offset, sizeof(list));
	if (list.len == BB_OPT_LIST_MAX)
		bb_die(BB_EXIT_USAGE, "option %s: given more than %d times",
		    p->shown, BB_OPT_LIST_MAX);
	list.at[list.len++] = text;
	store(p, opt, &list, sizeof(list));
}

static void
check_range(const struct parse *p, const struct bb_opt *opt, int64_t v,
    const char *text)
{
	char bound[BB_DURATION_TEXT_MAX];
	bool low = v < opt->min;

	if ((opt->min == 0 && opt->max == 0) || (!low && v <= opt->max))
		return;
	v = low ? opt->min : opt->max;
	if (opt->type == BB_OPT_MS)
		bb_duration_text(v, bound);
	else
		(void)snprintf(bound, sizeof(bound), "%" PRId64, v);
	bb_die(BB_EXIT_USAGE, "option %s: '%s' is %s than %s", p->shown, text,
	    low ? "less" : "more", bound);
}

static void
store_int(const struct parse *p, const struct bb_opt *opt, const char *text)
{
	const char *digits = *text == '-' ? text + 1 : text;
	char *end;
	int64_t v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)*digits) || *end != '\0')
		bb_die(BB_EXIT_USAGE, "option %s: '%s' is not a whole number",
		    p->shown, text);
	if (errno == ERANGE)
		bb_die(BB_EXIT_USAGE, "option %s: '%s' is too large a number",
		    p->shown, text);
	check_range(p, opt, v, text);
	store(p, opt, &v, sizeof(v));
}

static void
store_ms(const struct parse *p, const struct bb_opt *opt, const char *text)
{
	int64_t v;

	if (bb_duration_scan(text, &v) == -1) {
		if (errno == ERANGE)
			bb_die(BB_EXIT_USAGE,
			    "option %s: '%s' is too long a time", p->shown,
			    text);
		bb_die(BB_EXIT_USAGE,
		    "option %s: '%s' is not a time such as 250ms, 30s, 10m, "
		    "4h or 7d",
		    p->shown, text);
	}
	check_range(p, opt, v, text);
	store(p, opt, &v, sizeof(v));
}

static void
store_pin(const struct parse *p, const struct bb_opt *opt, const char *text)
{
	size_t digits = 0;
	uint32_t v;

	while (isxdigit((unsigned char)text[digits]))
		digits++;
	if (digits != 8 || text[digits] != '\0')
		bb_die(BB_EXIT_USAGE,
		    "option %s: '%s' is not 8 hexadecimal digits", p->shown,
		    text);
	v = (uint32_t)strtoul(text, NULL, 16);
	store(p, opt, &v, sizeof(v));
}

static bool
takes_argument(const struct bb_opt *opt)
{
	return opt->type != BB_OPT_FLAG && opt->type != BB_OPT_COUNT;
}

/* text is NULL where the option takes no argument. */
static void
apply(const struct parse *p, const struct bb_opt *opt, const char *text)
{
	const bool yes = true;

	switch (opt->type) {
	case BB_OPT_FLAG:
		store(p, opt, &yes, sizeof(yes));
		break;
	case BB_OPT_COUNT:
		store_count(p, opt);
		break;
	case BB_OPT_STR:
		store(p, opt, &text, sizeof(text));
		break;
	case BB_OPT_LIST:
		store_list(p, opt, text);
		break;
	case BB_OPT_INT:
		store_int(p, opt, text);
		break;
	case BB_OPT_MS:
		store_ms(p, opt, text);
		break;
	case BB_OPT_PIN:
		store_pin(p, opt, text);
		break;
	}
}

/* The next word.  One that begins with two dashes is rather an option whose
 * predecessor was left without its argument; `--name=--value` says otherwise.
 */
static const char *
next_word(struct parse *p, const struct bb_opt *opt)
{
	const char *word = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;

	if (word == NULL || strncmp(word, "--", 2) == 0)
		bb_die(BB_EXIT_USAGE, "option %s needs an argument: %s",
		    p->shown, opt->arg == NULL ? "VALUE" : opt->arg);
	p->at++;
	return word;
}

static void
show_if_asked(const struct bb_opt_spec *spec, const char *name)
{
	if (strcmp(name, "help") == 0)
		bb_opt_show_help(spec);
	if (strcmp(name, "version") == 0)
		bb_opt_show_version();
	if (strcmp(name, "dump-options") == 0)
		bb_opt_show_table(spec);
}

static const struct bb_opt *
find_name(const struct bb_opt_spec *spec, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < spec->opts_len; i++) {
		if (strlen(spec->opts[i].name) == len &&
		    memcmp(spec->opts[i].name, name, len) == 0)
			return &spec->opts[i];
	}
	return NULL;
}

static const struct bb_opt *
find_letter(const struct bb_opt_spec *spec, char letter)
{
	size_t i;

	for (i = 0; i < spec->opts_len; i++) {
		if (spec->opts[i].letter == letter)
			return &spec->opts[i];
	}
	return NULL;
}

/* Only the name is shown, never what stands behind "=": it may be a password
 * that somebody tried to pass. */
static void
parse_name(struct parse *p, const char *word)
{
	const char *name = word + 2, *value = strchr(word, '=');
	size_t len = value == NULL ? strlen(name) : (size_t)(value - name);
	const struct bb_opt *opt = find_name(p->spec, name, len);

	(void)snprintf(p->shown, sizeof(p->shown), "--%.*s",
	    (int)(len > 70 ? 70 : len), name);
	if (opt == NULL) {
		if (value == NULL)
			show_if_asked(p->spec, name);
		bb_opt_die_unknown(p->spec, p->shown);
	}
	if (takes_argument(opt))
		value = value == NULL ? next_word(p, opt) : value + 1;
	else if (value != NULL)
		bb_die(BB_EXIT_USAGE, "option %s takes no argument", p->shown);
	apply(p, opt, value);
}

/* "-vv", "-p2100000a", "-vp 2100000a". */
static void
parse_letters(struct parse *p, const char *word)
{
	const struct bb_opt *opt;
	const char *at;

	for (at = word + 1; *at != '\0'; at++) {
		(void)snprintf(p->shown, sizeof(p->shown), "-%c", *at);
		opt = find_letter(p->spec, *at);
		if (opt == NULL)
			bb_opt_die_unknown(p->spec, p->shown);
		if (!takes_argument(opt)) {
			apply(p, opt, NULL);
			continue;
		}
		apply(p, opt, at[1] == '\0' ? next_word(p, opt) : at + 1);
		return;
	}
}

static void
keep_operand(struct parse *p, char *word)
{
	if (p->spec->operands_max != -1 && p->operands >= p->spec->operands_max)
		bb_die(BB_EXIT_USAGE, "unexpected operand '%s'", word);
	p->argv[++p->operands] = word;
}

/* Errors found while parsing are to have the form that was asked for, even by
 * a word that stands behind the wrong one. */
static void
look_for_json(const struct bb_opt_spec *spec, int argc, char *argv[])
{
	const struct bb_opt *opt = find_name(spec, "json", 4);
	int i;

	if (opt == NULL || opt->type != BB_OPT_FLAG)
		return;
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			bb_log_json(true);
	}
}

int
bb_opt_parse(const struct bb_opt_spec *spec, void *into, int argc, char *argv[])
{
	struct parse p = { .spec = spec,
		.into = into,
		.argv = argv,
		.argc = argc };
	bool ended = false;
	char *word;

	look_for_json(spec, argc, argv);
	for (p.at = 1; p.at < argc; p.at++) {
		word = argv[p.at];
		if (ended || word[0] != '-' || word[1] == '\0')
			keep_operand(&p, word);
		else if (strcmp(word, "--") == 0)
			ended = true;
		else if (word[1] == '-')
			parse_name(&p, word);
		else
			parse_letters(&p, word);
	}
	if (p.operands < spec->operands_min)
		bb_opt_die_missing(spec, p.operands);
	if (argc > 0)
		argv[p.operands + 1 < argc ? p.operands + 1 : argc] = NULL;
	return p.operands;
}
