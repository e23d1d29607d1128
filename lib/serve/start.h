/* How a stage was started: looked up once, from what descriptors 0 and 1 and
 * the options are, never from a name or a variable that only hints.
 * docs/composition.md has the table. */
#ifndef BB_SERVE_START_H
#define BB_SERVE_START_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cc.h"

enum bb_fd_kind {
	BB_FD_CLOSED,
	BB_FD_NULL, /* /dev/null */
	BB_FD_TTY,
	BB_FD_BYTES,  /* pipe, file, other character device */
	BB_FD_NET,    /* connected AF_INET or AF_INET6 stream */
	BB_FD_LOCAL,  /* connected AF_UNIX stream */
	BB_FD_LISTEN, /* listening stream socket */
	BB_FD_GONE,   /* a connection that was reset before we looked */
	BB_FD_BAD     /* datagram, unbound, directory ... */
};

enum bb_form {
	BB_FORM_SERVER,
	BB_FORM_PEER,   /* one peer's server; replies on the same stream */
	BB_FORM_FILTER, /* one way */
	BB_FORM_GONE,   /* nothing to do: exit 0 */
	BB_FORM_REFUSED /* why says what is missing: exit 100 */
};

#define BB_LISTEN_MAX 8

/* Descriptors are borrowed: of a socket that was handed over only the flags may
 * change. */
struct bb_start {
	enum bb_form form;
	int in, out;                  /* PEER and FILTER */
	int listening[BB_LISTEN_MAX]; /* SERVER: handed-over sockets */
	/* a connection that looking had to accept from listening[i] (systems
	 * that do not tell otherwise that a socket listens), or -1: serve it
	 * first */
	int first[BB_LISTEN_MAX];
	size_t listening_len;
	const char *why; /* REFUSED: a sentence */
};

struct bb_start_ask {
	bool listen;     /* --listen was given */
	bool has_next;   /* --to, or words after -- */
	bool last_stage; /* bbcollab: needs no next stage */
	bool filter;     /* --filter: be one, whatever 0 and 1 are */
};

/* Classifies 0 and 1, fills holes among 0 to 2 with /dev/null, decides.  Takes
 * LISTEN_FDS when LISTEN_PID is ours and removes both from the environment. */
struct bb_start bb_start_look(const struct bb_start_ask *ask);
/* Before leaving with an error: where descriptor 0 is a listening socket (inetd
 * `wait`), the super-server would start us again at once and for ever, because
 * of the connections that still wait.  Closes them and lets a second pass. Does
 * nothing where 0 is anything else, nor the second time.  bb_die does it by
 * itself after bb_start_process; a stage that returns from main calls it. */
void bb_start_turn_away(void);
enum bb_fd_kind bb_fd_classify(int fd);

/* What every stage does first, after bb_log_open and before bb_start_look:
 * SIGPIPE and SIGXFSZ ignored, SIGCHLD not, signal mask cleared, undumpable,
 * soft descriptor limit raised to the hard one; logging to syslog and /dev/null
 * on descriptor 2 when that is the peer's or listens; descriptors >= 3
 * close-on-exec; bb_start_turn_away before bb_die ends the process.  Leaves
 * holes among 0 to 2 for bb_start_look to see. */
void bb_start_process(void);

#endif
