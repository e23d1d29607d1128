/* What the files of bbdevice share: the verbs, and the exit codes of DESIGN:
 * hop and class, 11 to 59. */
#ifndef BBDEVICE_H
#define BBDEVICE_H

#include "base/fail.h"

/* Tens: where; units: what.  docs/man/bbdevice.1, EXIT STATUS. */
enum device_exit {
	EXIT_LOCAL_UNREACHABLE = 11, /* the device is out of coverage */
	EXIT_LOCAL_REFUSED = 12,     /* the profile does not allow it */
	EXIT_LOCAL_UNOPENED = 14,    /* a frame does not open */
	EXIT_LOCAL_PROTOCOL = 15,    /* a frame or the stream is wrong */
	EXIT_LOCAL_DROPPED = 19,     /* no answer came */
	EXIT_ROUTER_UNREACHABLE = 21,
	EXIT_ROUTER_REFUSED = 22,  /* the connection was */
	EXIT_ROUTER_TIMEOUT = 23,  /* connecting, or no answer came */
	EXIT_ROUTER_PROTOCOL = 25, /* what came is no frame */
	EXIT_ROUTER_DROPPED = 29,  /* it closed the connection */
	EXIT_COLLAB_DROPPED = 49,  /* the session is gone */
	EXIT_IM_UNKNOWN = 59       /* nobody knows whether it was sent */
};

/* Each takes argv as bb_opt_parse wants it (the verb is argv[0]) and returns
 * an exit status, or ends the process with a sentence. */
int verb_login(int argc, char *argv[]);
int verb_send(int argc, char *argv[]);
int verb_fetch(int argc, char *argv[]);
int verb_resume(int argc, char *argv[]);
int verb_alive(int argc, char *argv[]);
int verb_presence(int argc, char *argv[]);
int verb_logout(int argc, char *argv[]);
int verb_listen(int argc, char *argv[]);
int verb_sessions(int argc, char *argv[]);
int verb_status(int argc, char *argv[]);
int verb_coverage(int argc, char *argv[]);
int verb_read(int argc, char *argv[]);
int verb_profile(int argc, char *argv[]);

#endif
