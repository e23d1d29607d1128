/* A stage that serves: accepting with limits, signals, readiness, the control
 * socket, and the orderly end; the same for sockets of its own, sockets handed
 * over, and one connection on descriptors 0 and 1. */
#ifndef BB_SERVE_SERVER_H
#define BB_SERVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/opt.h"
#include "serve/loop.h"
#include "serve/start.h"

#define BB_SERVER_WHY_MAX 256

struct bb_server;

struct bb_server_options {
	struct bb_opt_list listen; /* --listen ADDR, repeatable */
	int64_t per_address;       /* connections of one address; 0: any */
	int64_t max_peers;         /* 0: what descriptors allow */
	int64_t drain_ms;          /* after SIGTERM, at most */
	int64_t idle_exit_ms;      /* wait form: without a connection */
	int64_t ready_fd;          /* -1: none */
	const char *control;       /* "unix:PATH", or NULL */
};
#define BB_SERVER_DEFAULTS \
	{ \
		.drain_ms = 30000, .idle_exit_ms = 60000, .ready_fd = -1 \
	}

/* Rows for the option table of a stage: `at` is the offset of its struct
 * bb_server_options. */
/* clang-format off */
#define BB_SERVER_OPTS(at) \
	{ "listen", 'l', BB_OPT_LIST, (at) + offsetof(struct bb_server_options, listen), "ADDR", "serve at ADDR: PORT, *[:PORT], HOST[:PORT], unix:PATH; repeatable", 0, 0 }, \
	{ "per-address", 0, BB_OPT_INT, (at) + offsetof(struct bb_server_options, per_address), "N", "connections of one address at most (0: any number)", 0, 1000000 }, \
	{ "max-peers", 0, BB_OPT_INT, (at) + offsetof(struct bb_server_options, max_peers), "N", "connections in all at most (0: what descriptors allow)", 0, 1000000 }, \
	{ "drain", 0, BB_OPT_MS, (at) + offsetof(struct bb_server_options, drain_ms), "TIME", "after SIGTERM finish within TIME (30s)", 0, 86400000 }, \
	{ "idle-exit", 0, BB_OPT_MS, (at) + offsetof(struct bb_server_options, idle_exit_ms), "TIME", "under inetd wait: end after TIME without connections (60s)", 0, 86400000 }, \
	{ "ready-fd", 0, BB_OPT_INT, (at) + offsetof(struct bb_server_options, ready_fd), "FD", "write a newline to FD when ready", 3, 1000000 }, \
	{ "control", 0, BB_OPT_STR, (at) + offsetof(struct bb_server_options, control), "unix:PATH", "answer commands at this socket", 0, 0 }
/* clang-format on */

struct bb_server_calls {
	/* A connection, with descriptors that are now the callee's (the same
	 * for a socket).  False: not taken; they were closed.  True: when it is
	 * gone, bb_server_left is owed.  A peer made here keeps its address
	 * even when the other end has gone already. */
	bool (*accepted)(void *ctx, int in, int out);
	/* The first SIGTERM, SIGINT, control drain, or bb_server_stop: take no
	 * new work, tell links.  The server ends when busy() is false after a
	 * turn, or after drain_ms (5 s at most where sockets were handed over:
	 * newcomers wait for the next process).  A stage that another one
	 * started (BB_READY_FD) ends only when that one has ended its
	 * connection: leave it open here, a signal to the group reaches
	 * both. */
	void (*drain)(void *ctx);
	bool (*busy)(void *ctx);
	void (*reload)(void *ctx); /* SIGHUP, control reload */
	/* The end of a turn of the loop, before peers are written. */
	void (*turn_end)(void *ctx);
	/* Control commands besides drain and reload; see control.h. */
	bool (*control)(void *ctx, const char *command, struct bb_buf *out);
};
/* Any but accepted may be NULL. */

/* Opens what options and start say (default_listen, a text, when neither names
 * a place and the form is SERVER; its port is that of a --listen without one).
 * Sets signals: SIGTERM and SIGINT drain, the second one ends at once; SIGHUP
 * reloads, but drains when standard input was a terminal that has hung up.
 * SIGINT stays ignored where the parent had it so; nohup(1) keeps a hang-up
 * from draining.  A place of port 0 is said on standard output: "listening
 * 127.0.0.1:41234".  Takes the hook at the loop's turn end.  options, calls and
 * ctx are borrowed.  NULL with a clause in why and errno (EINVAL: an address is
 * none); in the wait form bb_start_turn_away was called then. */
struct bb_server *bb_server_new(struct bb_loop *loop,
    const struct bb_start *start, const struct bb_server_options *options,
    const char *default_listen, const struct bb_server_calls *calls, void *ctx,
    char why[BB_SERVER_WHY_MAX]);
/* A connection that accepted() took is closed.  The address is that of its
 * peer (bb_peer_address before it was freed). */
void bb_server_left(struct bb_server *server, const uint8_t address[16]);
/* Begins the drain from within; the process will end with `status`. */
void bb_server_stop(struct bb_server *server, int status);
bool bb_server_draining(const struct bb_server *server);
/* Connections that were turned away by a limit. */
uint64_t bb_server_refused(const struct bb_server *server);
/* Says that it is ready, runs the loop to its end; the exit status: 0, or the
 * first that bb_server_stop gave, or BB_EXIT_TEMP. */
int bb_server_run(struct bb_server *server);
void bb_server_free(struct bb_server *server);

#endif
