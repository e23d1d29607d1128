/* bbsession limit explain. */
#ifndef BBSESSION_EXPLAIN_H
#define BBSESSION_EXPLAIN_H

#include "bbsession.h"

/* Prints what a login of this user would come to now, and why.  0: it would be
 * admitted; 1: refused. */
int explain(const struct args *a);

#endif
