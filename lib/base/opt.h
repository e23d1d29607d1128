/* Options as a table: parsing, --help, usage errors, and the list that man
 * pages and completion are checked against, come from it. */
#ifndef BB_BASE_OPT_H
#define BB_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

enum bb_opt_type {
	BB_OPT_FLAG,  /* bool; no argument */
	BB_OPT_COUNT, /* int; counts how often */
	BB_OPT_STR,   /* const char *; borrows argv */
	BB_OPT_LIST,  /* struct bb_opt_list; repeatable, borrows argv */
	BB_OPT_INT,   /* int64_t within min..max */
	BB_OPT_MS,    /* int64_t milliseconds from a duration text */
	BB_OPT_PIN    /* uint32_t from exactly 8 hexadecimal digits */
};

#define BB_OPT_LIST_MAX 32
struct bb_opt_list {
	const char *at[BB_OPT_LIST_MAX];
	size_t len;
};

struct bb_opt {
	const char *name; /* long name without the dashes */
	char letter;      /* short form, or 0 */
	enum bb_opt_type type;
	size_t offset;    /* of the field in the options struct */
	const char *arg;  /* what --help calls the argument, or NULL */
	const char *help; /* one line */
	int64_t min, max; /* BB_OPT_INT and BB_OPT_MS; both 0: no bound */
};

struct bb_opt_spec {
	const char *tool;     /* "bbsession user add" */
	const char *operands; /* "USER" or ""; shown in the usage line */
	const char *about;    /* one sentence */
	const struct bb_opt *opts;
	size_t opts_len;
	int operands_min, operands_max; /* max -1: any */
};

/* Parses argv[1..] into *into.  "--" ends the options; a first operand that is
 * not an option does not (options may follow operands).  --help prints the
 * table to standard output and exits 0, --version likewise; --dump-options
 * prints one line per option, tab-separated: name, letter, arg, help.  A usage
 * error prints one sentence that names the word and the nearest option name and
 * exits BB_EXIT_USAGE.  Returns how many operands there are; they stand in
 * argv[1..n] afterwards, argv[n+1] is NULL (words after "--" are operands). */
int bb_opt_parse(const struct bb_opt_spec *spec, void *into, int argc,
    char *argv[]);
/* The name nearest to `word` (edit distance at most 3), or NULL. */
const char *bb_opt_nearest(const char *word, const char *const names[],
    size_t len);

#endif
