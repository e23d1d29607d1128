/* What is printed from a table of options.  For opt.c only; each of these ends
 * the process. */
#ifndef BB_BASE_OPT_SHOW_H
#define BB_BASE_OPT_SHOW_H

#include "base/opt.h"

/* To standard output, exit 0. */
void bb_opt_show_help(const struct bb_opt_spec *spec) BB_NORETURN;
void bb_opt_show_version(void) BB_NORETURN;
void bb_opt_show_table(const struct bb_opt_spec *spec) BB_NORETURN;
/* "shown" is the word as it was written, "--name" or "-n". */
void bb_opt_die_unknown(const struct bb_opt_spec *spec, const char *shown)
    BB_NORETURN;
/* `index`: of the operand that is not there, from 0. */
void bb_opt_die_missing(const struct bb_opt_spec *spec, int index) BB_NORETURN;

#endif
