/* The list of nouns and verbs. */
#ifndef BBSESSION_HELP_H
#define BBSESSION_HELP_H

#include <stdbool.h>
#include <stddef.h>

#include "bbsession.h"

/* Prints the verbs of `only`, or of all when it is NULL: to standard output
 * when it was asked for (status 0), else to standard error, as what a command
 * without a verb lacks (status 100). */
int help_print(bool asked, const struct noun *const nouns[], size_t len,
    const struct noun *only);

#endif
