/* How this process was started, and what every stage does before anything
 * else. */
#include "serve/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "serve/classify.h"

#define FIRST_HANDED 3 /* SD_LISTEN_FDS_START of sd_listen_fds(3) */

/* What descriptors 0 and 1 are, before holes are filled. */
struct standard {
	enum bb_fd_kind in, out;
	bool shared; /* one connection is both */
	int taken;   /* see classify.h */
};

static struct bb_start
refuse(const char *why)
{
	return (struct bb_start){ .form = BB_FORM_REFUSED, .why = why };
}

static struct bb_start
stream(enum bb_form form, int in, int out)
{
	return (struct bb_start){ .form = form, .in = in, .out = out };
}

static bool
is_connection(enum bb_fd_kind kind)
{
	return kind == BB_FD_NET || kind == BB_FD_LOCAL;
}

/* The whole text is a number of at most `max`; else 0. */
static long
number(const char *text, long max)
{
	char *end;
	long v;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	v = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && v <= max ? v : 0;
}

/* How many descriptors from FIRST_HANDED on are meant for this very process.
 * Nobody after us is to take them for his. */
static int
handed_over(void)
{
	long fds = number(getenv("LISTEN_FDS"), 1024);
	bool ours = number(getenv("LISTEN_PID"), LONG_MAX) == (long)getpid();

	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	return ours ? (int)fds : 0;
}

static const char *
bad_input(enum bb_fd_kind kind)
{
	switch (kind) {
	case BB_FD_CLOSED:
		return "standard input is closed";
	case BB_FD_NULL:
		return "standard input is /dev/null: give --listen to serve, "
		       "or connect it to a pipe; --filter when it is meant to "
		       "be empty";
	case BB_FD_BAD:
		return "standard input is no byte stream";
	case BB_FD_LISTEN:
		return "standard input is a listening socket, which a filter "
		       "cannot read";
	case BB_FD_TTY:
	case BB_FD_BYTES:
	case BB_FD_NET:
	case BB_FD_LOCAL:
	case BB_FD_GONE:
		break;
	}
	return NULL;
}

static const char *
bad_output(enum bb_fd_kind kind)
{
	if (kind == BB_FD_CLOSED)
		return "standard output is closed";
	if (kind == BB_FD_BAD || kind == BB_FD_LISTEN)
		return "standard output is no byte stream";
	return NULL;
}

/* --filter: whoever gave it knows that the input is what it is. */
static struct bb_start
forced_filter(const struct standard *std)
{
	const char *why = NULL;

	if (std->in != BB_FD_NULL)
		why = bad_input(std->in);
	if (why == NULL)
		why = bad_output(std->out);
	if (why != NULL)
		return refuse(why);
	return stream(std->in == BB_FD_GONE ? BB_FORM_GONE : BB_FORM_FILTER, 0,
	    1);
}

static struct bb_start
from_input(const struct bb_start_ask *ask, const struct standard *std)
{
	const char *why = bad_input(std->in);

	if (why == NULL && std->in == BB_FD_GONE)
		return stream(BB_FORM_GONE, 0, 1);
	if (why == NULL)
		why = bad_output(std->out);
	if (why != NULL)
		return refuse(why);
	if (ask->has_next || (ask->last_stage && std->shared))
		return stream(BB_FORM_PEER, 0, 1);
	/* ksh makes its pipes of socket pairs: a local connection that goes on
	 * elsewhere is a pipe.  Anything else would open or seal for whoever
	 * is at the other end. */
	if (!ask->last_stage &&
	    (std->shared || std->in == BB_FD_NET || std->out == BB_FD_NET))
		return refuse("standard input or output is a connection, and "
			      "there is no next stage to pass it on to");
	return stream(BB_FORM_FILTER, 0, 1);
}

static struct bb_start
server(const struct bb_start_ask *ask)
{
	if (!ask->has_next && !ask->last_stage)
		return refuse("there is a place to listen on, and no next "
			      "stage to pass connections on to");
	return (struct bb_start){ .form = BB_FORM_SERVER };
}

static struct bb_start
connection_handed(const struct bb_start_ask *ask, int count, int fd)
{
	if (count != 1)
		return refuse("LISTEN_FDS names several connections");
	if (!ask->has_next && !ask->last_stage)
		return refuse("LISTEN_FDS names a connection, and there is no "
			      "next stage to pass it on to");
	return stream(BB_FORM_PEER, fd, fd);
}

static struct bb_start
from_launcher(const struct bb_start_ask *ask, int count)
{
	struct bb_start start = server(ask);
	enum bb_fd_kind kind;
	int fd, taken;

	if (count > BB_LISTEN_MAX)
		return refuse("LISTEN_FDS names more than 8 sockets");
	for (fd = FIRST_HANDED; fd < FIRST_HANDED + count; fd++) {
		kind = bb_fd_classify_taking(fd, &taken);
		if (is_connection(kind))
			return connection_handed(ask, count, fd);
		if (kind == BB_FD_GONE)
			return stream(BB_FORM_GONE, fd, fd);
		if (kind != BB_FD_LISTEN)
			return refuse("LISTEN_FDS names something that is no "
				      "stream socket");
		start.listening[start.listening_len] = fd;
		start.first[start.listening_len++] = taken;
	}
	return start;
}

static struct bb_start
from_listening_input(const struct bb_start_ask *ask, const struct standard *std)
{
	struct bb_start start = server(ask);

	start.listening[0] = 0;
	start.first[0] = std->taken;
	start.listening_len = 1;
	return start;
}

struct bb_start
bb_start_look(const struct bb_start_ask *ask)
{
	struct standard std;
	int handed;

	std.in = bb_fd_classify_taking(0, &std.taken);
	std.out = bb_fd_classify(1);
	std.shared = is_connection(std.in) && bb_fd_same(0, 1);
	handed = handed_over();
	if (bb_fd_tidy() == -1)
		return refuse("unable to open /dev/null");
	if (ask->filter && ask->listen)
		return refuse("--filter and --listen exclude each other");
	if (ask->filter)
		return forced_filter(&std);
	if (ask->listen + (handed > 0) + (std.in == BB_FD_LISTEN) > 1)
		return refuse("there are two places to listen on");
	if (ask->listen)
		return server(ask);
	if (handed > 0)
		return from_launcher(ask, handed);
	if (std.in == BB_FD_LISTEN)
		return from_listening_input(ask, &std);
	return from_input(ask, &std);
}

void
bb_start_turn_away(void)
{
	static bool done;
	const struct timespec second = { .tv_sec = 1 };
	int taken, flags;

	if (done || bb_fd_classify_taking(0, &taken) != BB_FD_LISTEN)
		return;
	done = true;
	flags = fcntl(0, F_GETFL);
	if (flags == -1 || fcntl(0, F_SETFL, flags | O_NONBLOCK) == -1)
		return;
	do {
		if (taken != -1)
			(void)close(taken);
		taken = accept(0, NULL, NULL);
	} while (taken != -1 || errno == ECONNABORTED || errno == EINTR);
	(void)fcntl(0, F_SETFL, flags);
	(void)nanosleep(&second, NULL);
}

/* Not "any socket": the journal of systemd and the standard error that sshd
 * gives are sockets too. */
static bool
is_peers(int fd)
{
	struct stat st;
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int yes = 0;

	if (fstat(fd, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	if (bb_fd_same(fd, 0) || bb_fd_same(fd, 1))
		return true;
	if (getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	    (own.ss_family == AF_INET || own.ss_family == AF_INET6))
		return true;
	len = sizeof(yes);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 &&
	       yes != 0;
}

/* A log line must not get into the peer's stream; written to a listening socket
 * it would be a SIGPIPE. */
static void
keep_off_peer(void)
{
	int null;

	if (!is_peers(STDERR_FILENO))
		return;
	bb_log_to_syslog();
	null = open("/dev/null", O_RDWR | O_NOCTTY);
	if (null == -1)
		return;
	(void)dup2(null, STDERR_FILENO);
	if (null != STDERR_FILENO)
		(void)close(null);
}

/* A launcher's soft limit may be 1024, each device costs a descriptor. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void
bb_start_process(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	sigset_t none;

	keep_off_peer();
	bb_die_after(bb_start_turn_away);
	(void)sigaction(SIGPIPE, &action, NULL);
	(void)sigaction(SIGXFSZ, &action, NULL);
	/* A parent may have ignored it: then children could not be waited
	 * for. */
	action.sa_handler = SIG_DFL;
	(void)sigaction(SIGCHLD, &action, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (bb_sys_harden() == -1)
		bb_log(BB_LOG_WARN, "unable to forbid core files: %s",
		    strerror(errno));
	raise_descriptor_limit();
	if (bb_sys_cloexec_from(FIRST_HANDED) == -1)
		bb_log(BB_LOG_WARN, "unable to mark descriptors: %s",
		    strerror(errno));
}
