/* Who holds the profile: this process, or another one that is asked. */
#ifndef BBDEVICE_ROLE_H
#define BBDEVICE_ROLE_H

#include "asker.h"

/* Runs an asker whose verb and texts are set to its end, as the holder or
 * through it; `command` (NULL-terminated, or NULL) is started to reach the
 * gateway.  The exit status. */
int role_run(struct asker *a, char *const command[]);

#endif
