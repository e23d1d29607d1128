/* Chain loading: the next stage is the words after --, started once and tied on
 * by a socketpair. */
#ifndef BB_SERVE_CHAIN_H
#define BB_SERVE_CHAIN_H

#include <sys/types.h>

#include "base/cc.h"
#include "serve/loop.h"

#define BB_CHAIN_WHY_MAX 256

struct bb_chain {
	pid_t pid;
	int fd;       /* our end of the socketpair, close-on-exec */
	int ready_fd; /* a newline comes when the child is ready */
};

/* The words of the next stage: what stands behind the first "--" of argv, up to
 * its NULL; there may be none.  argv ends before the "--" then.  NULL: there is
 * no "--". */
char **bb_chain_words(int *argc, char *argv[]);
/* Starts argv[0].  The child has the socketpair as standard input and output,
 * our standard error, BB_READY_FD with a pipe, and no other descriptor; neither
 * LISTEN_* nor NOTIFY_SOCKET nor WATCHDOG_*; an empty mask, and signals as our
 * parent gave them.  That exec failed is known here, before anything is served.
 * 0, or -1 with errno and a clause in why.  Call it before a loop or a thread
 * is made. */
int bb_chain_start(struct bb_chain *chain, char *const argv[],
    char why[BB_CHAIN_WHY_MAX]) BB_NODISCARD;
/* Calls back once, from the loop, when that child has ended: its status as a
 * shell gives it (128 + signal).  Other children are reaped too (we may be
 * process 1).  One chain per process.  0, or -1 with errno. */
int bb_chain_watch(struct bb_chain *chain, struct bb_loop *loop,
    void (*ended)(void *ctx, int status), void *ctx) BB_NODISCARD;

#endif
