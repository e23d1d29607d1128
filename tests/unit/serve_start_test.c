/* How a stage was started: every kind of descriptor, every cell of the table in
 * docs/composition.md. */
#include "serve/start.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "serve/classify.h"
#include "tap.h"

/* --- descriptors to look at ------------------------------------------------
 *
 * Each maker returns a descriptor; what else it opens stays open to the end of
 * the test. */

static int
null_fd(void)
{
	return open("/dev/null", O_RDWR);
}

static int
tty_fd(void)
{
	return open("/dev/ptmx", O_RDWR | O_NOCTTY);
}

static int
pipe_fd(void)
{
	int fds[2];

	return pipe(fds) == -1 ? -1 : fds[0];
}

static int
file_fd(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int
zero_fd(void)
{
	return open("/dev/zero", O_RDWR);
}

static int
folder_fd(void)
{
	return open("/tmp", O_RDONLY);
}

static int
pair_fd(int type)
{
	int fds[2];

	return socketpair(AF_UNIX, type, 0, fds) == -1 ? -1 : fds[0];
}

static int
local_fd(void)
{
	return pair_fd(SOCK_STREAM);
}

static int
datagram_fd(void)
{
	return pair_fd(SOCK_DGRAM);
}

static int
packet_fd(void)
{
	return pair_fd(SOCK_SEQPACKET);
}

static int
udp_fd(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int
unbound_fd(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
tcp_bound(struct sockaddr_in *own)
{
	socklen_t len = sizeof(*own);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(own, 0, sizeof(*own));
	own->sin_family = AF_INET;
	own->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 ||
	    bind(fd, (const struct sockaddr *)own, sizeof(*own)) == -1 ||
	    listen(fd, 5) == -1 ||
	    getsockname(fd, (struct sockaddr *)own, &len) == -1)
		abort();
	return fd;
}

static int
listening_fd(void)
{
	struct sockaddr_in own;

	return tcp_bound(&own);
}

/* The accepted end; *other is the client's. */
static int
tcp_pair(int *other)
{
	struct sockaddr_in own;
	int server = tcp_bound(&own), fd;

	*other = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(*other, (const struct sockaddr *)&own, sizeof(own)) == -1)
		abort();
	fd = accept(server, NULL, NULL);
	(void)close(server);
	return fd;
}

static int
net_fd(void)
{
	int other;

	return tcp_pair(&other);
}

/* The peer has said all it will, and may still listen. */
static int
half_closed_fd(void)
{
	int other, fd = tcp_pair(&other);

	(void)shutdown(other, SHUT_WR);
	return fd;
}

/* The peer's reset has arrived before anybody looked. */
static int
reset_fd(void)
{
	const struct linger at_once = { .l_onoff = 1 };
	int other, fd = tcp_pair(&other);
	char byte;

	if (setsockopt(other, SOL_SOCKET, SO_LINGER, &at_once,
		sizeof(at_once)) == -1)
		abort();
	(void)close(other);
	/* Waits for it. */
	(void)recv(fd, &byte, 1, MSG_PEEK);
	return fd;
}

static int
unix_bound(bool listening)
{
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(own.sun_path, sizeof(own.sun_path),
	    "/tmp/bb-start.%ld.%d", (long)getpid(), fd);
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) == -1 ||
	    (listening && listen(fd, 5) == -1))
		abort();
	(void)unlink(own.sun_path);
	return fd;
}

static int
unix_listening_fd(void)
{
	return unix_bound(true);
}

static int
unix_not_listening_fd(void)
{
	return unix_bound(false);
}

static int
closed_fd(void)
{
	return -1;
}

static void
test_classify(void)
{
	static const struct {
		const char *name;
		int (*make)(void);
		enum bb_fd_kind kind;
	} rows[] = {
		/* clang-format off */
		{ "a closed descriptor", closed_fd,	BB_FD_CLOSED },
		{ "/dev/null",		null_fd,	BB_FD_NULL },
		{ "a terminal",		tty_fd,		BB_FD_TTY },
		{ "a pipe",		pipe_fd,	BB_FD_BYTES },
		{ "a file",		file_fd,	BB_FD_BYTES },
		{ "another device",	zero_fd,	BB_FD_BYTES },
		{ "a TCP connection",	net_fd,		BB_FD_NET },
		{ "a half-closed one",	half_closed_fd,	BB_FD_NET },
		{ "a socket pair",	local_fd,	BB_FD_LOCAL },
		{ "a listening socket",	listening_fd,	BB_FD_LISTEN },
		{ "a listening Unix socket", unix_listening_fd, BB_FD_LISTEN },
		{ "a reset connection",	reset_fd,	BB_FD_GONE },
		{ "a folder",		folder_fd,	BB_FD_BAD },
		{ "a UDP socket",	udp_fd,		BB_FD_BAD },
		{ "a datagram pair",	datagram_fd,	BB_FD_BAD },
		{ "a packet pair",	packet_fd,	BB_FD_BAD },
		{ "an unbound socket",	unbound_fd,	BB_FD_BAD },
		{ "a bound Unix socket", unix_not_listening_fd, BB_FD_BAD },
		/* clang-format on */
	};
	size_t i;

	for (i = 0; i < BB_LEN(rows); i++) {
		int fd = rows[i].make();
		enum bb_fd_kind kind = bb_fd_classify(fd);

		if (!tap_ok(kind == rows[i].kind, "%s is known", rows[i].name))
			tap_note("expected %d, got %d", rows[i].kind, kind);
		(void)close(fd);
	}
}

static void
test_by_accept(void)
{
	int (*const no[])(
	    void) = { net_fd, local_fd, unbound_fd, unix_not_listening_fd };
	struct sockaddr_in own;
	int fd = tcp_bound(&own), taken, client, flags;
	size_t i;

	tap_ok(bb_fd_listens_by_accept(fd, &taken) && taken == -1,
	    "accept tells that a socket listens");
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (const struct sockaddr *)&own, sizeof(own)) == -1)
		abort();
	tap_ok(bb_fd_listens_by_accept(fd, &taken) && taken != -1,
	    "and what it took is kept");
	TAP_EQ_INT(bb_fd_classify(taken), BB_FD_NET, "it is the connection");
	(void)close(client);
	(void)close(taken);
	(void)close(fd);
	for (i = 0; i < BB_LEN(no); i++) {
		fd = no[i]();
		flags = fcntl(fd, F_GETFL);
		tap_ok(!bb_fd_listens_by_accept(fd, &taken) && taken == -1,
		    "accept tells that socket %zu does not listen", i);
		TAP_EQ_INT(fcntl(fd, F_GETFL), flags, "its flags are restored");
		(void)close(fd);
	}
}

/* --- the table -------------------------------------------------------------
 *
 * Each cell is a process of its own with the descriptors 0 and 1 (and 3 ..)
 * of the row. */

struct result {
	struct bb_start start;
	char why[160];
	bool env_left;
	bool holes; /* 0, 1 or 2 is closed afterwards */
};

struct world {
	int (*in)(void);
	int (*out)(void); /* NULL: the same descriptor */
	int (*handed)(void);
	int handed_count;
	const char *fds, *pid; /* other text of LISTEN_FDS, LISTEN_PID */
};

static void
put(int fd, int at)
{
	if (fd == -1)
		(void)close(at);
	else if (dup2(fd, at) != at)
		abort();
}

static void
place(int (*make)(void), int at)
{
	put(make(), at);
}

/* Both are made before a hole can be filled by one of them. */
static void
place_standard(const struct world *world)
{
	int in = world->in(), out = world->out == NULL ? in : world->out();

	put(in, 0);
	put(out, 1);
}

static void
hand_over(const struct world *world)
{
	char text[32];
	int i;

	for (i = 0; i < world->handed_count; i++)
		place(world->handed, 3 + i);
	if (world->handed_count == 0 && world->fds == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%d", world->handed_count);
	(void)setenv("LISTEN_FDS", world->fds ? world->fds : text, 1);
	(void)snprintf(text, sizeof(text), "%ld", (long)getpid());
	(void)setenv("LISTEN_PID", world->pid ? world->pid : text, 1);
}

static void
look_in_child(const struct world *world, const struct bb_start_ask *ask,
    int report)
{
	struct result result;
	int fd;

	memset(&result, 0, sizeof(result));
	/* Out of the way of what is placed. */
	for (fd = 3; fd < 20; fd++) {
		if (fd != report)
			(void)close(fd);
	}
	place_standard(world);
	hand_over(world);
	result.start = bb_start_look(ask);
	if (result.start.why != NULL)
		(void)snprintf(result.why, sizeof(result.why), "%s",
		    result.start.why);
	result.env_left =
	    getenv("LISTEN_FDS") != NULL || getenv("LISTEN_PID") != NULL;
	for (fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			result.holes = true;
	}
	if (write(report, &result, sizeof(result)) != sizeof(result))
		abort();
	_exit(0);
}

static struct result
look(const struct world *world, const struct bb_start_ask *ask)
{
	struct result result = { .start.form = BB_FORM_REFUSED };
	int fds[2];
	pid_t pid;

	if (pipe(fds) == -1)
		abort();
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (dup2(fds[1], 100) != 100)
			abort();
		look_in_child(world, ask, 100);
	}
	(void)close(fds[1]);
	if (read(fds[0], &result, sizeof(result)) != sizeof(result))
		tap_ok(false, "the child reports");
	(void)close(fds[0]);
	(void)waitpid(pid, NULL, 0);
	return result;
}

#define SERVER BB_FORM_SERVER
#define PEER BB_FORM_PEER
#define FILTER BB_FORM_FILTER
#define GONE BB_FORM_GONE
#define REFUSED BB_FORM_REFUSED

static const struct row {
	const char *name;
	struct world world;
	bool listen;
	/* no next stage; --to or --; last stage; --filter */
	enum bb_form wanted[4];
} table[] = {
	/* clang-format off */
	{ "--listen, stdin a pipe", { pipe_fd, file_fd, 0, 0, 0, 0 }, true,
	    { REFUSED, SERVER, SERVER, REFUSED } },
	{ "--listen, stdin /dev/null", { null_fd, null_fd, 0, 0, 0, 0 }, true,
	    { REFUSED, SERVER, SERVER, REFUSED } },
	{ "--listen, stdin listens", { listening_fd, 0, 0, 0, 0, 0 }, true,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "--listen and LISTEN_FDS",
	    { null_fd, null_fd, listening_fd, 1, 0, 0 }, true,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "LISTEN_FDS and stdin listens",
	    { listening_fd, 0, listening_fd, 1, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "LISTEN_FDS, one", { null_fd, null_fd, listening_fd, 1, 0, 0 }, false,
	    { REFUSED, SERVER, SERVER, FILTER } },
	{ "LISTEN_FDS, three of a Unix socket",
	    { null_fd, null_fd, unix_listening_fd, 3, 0, 0 }, false,
	    { REFUSED, SERVER, SERVER, FILTER } },
	{ "LISTEN_FDS, more than there is room for",
	    { null_fd, null_fd, listening_fd, 9, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, FILTER } },
	{ "LISTEN_FDS, one connection",
	    { null_fd, null_fd, net_fd, 1, 0, 0 }, false,
	    { REFUSED, PEER, PEER, FILTER } },
	{ "LISTEN_FDS, two connections",
	    { null_fd, null_fd, net_fd, 2, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, FILTER } },
	{ "LISTEN_FDS, a connection that is gone",
	    { null_fd, null_fd, reset_fd, 1, 0, 0 }, false,
	    { GONE, GONE, GONE, FILTER } },
	{ "LISTEN_FDS, a pipe", { null_fd, null_fd, pipe_fd, 1, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, FILTER } },
	{ "LISTEN_FDS of another process",
	    { pipe_fd, pipe_fd, listening_fd, 1, 0, "1" }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "LISTEN_FDS that is no number",
	    { pipe_fd, pipe_fd, listening_fd, 1, "1x", 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "LISTEN_FDS negative",
	    { pipe_fd, pipe_fd, listening_fd, 1, "-1", 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "stdin listens (TCP)", { listening_fd, 0, 0, 0, 0, 0 }, false,
	    { REFUSED, SERVER, SERVER, REFUSED } },
	{ "stdin listens (Unix)", { unix_listening_fd, 0, 0, 0, 0, 0 }, false,
	    { REFUSED, SERVER, SERVER, REFUSED } },
	{ "one TCP connection", { net_fd, 0, 0, 0, 0, 0 }, false,
	    { REFUSED, PEER, PEER, FILTER } },
	{ "one local connection", { local_fd, 0, 0, 0, 0, 0 }, false,
	    { REFUSED, PEER, PEER, FILTER } },
	{ "stdin TCP, stdout a pipe", { net_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, PEER, FILTER, FILTER } },
	{ "stdin a pipe, stdout TCP", { pipe_fd, net_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, PEER, FILTER, FILTER } },
	{ "stdin local, stdout TCP", { local_fd, net_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, PEER, FILTER, FILTER } },
	{ "two local connections (ksh93)", { local_fd, local_fd, 0, 0, 0, 0 },
	    false, { FILTER, PEER, FILTER, FILTER } },
	{ "stdin local, stdout a pipe", { local_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "stdin a pipe, stdout local", { pipe_fd, local_fd, 0, 0, 0, 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "two pipes", { pipe_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "a file", { file_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "a terminal", { tty_fd, 0, 0, 0, 0, 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "stdout /dev/null", { pipe_fd, null_fd, 0, 0, 0, 0 }, false,
	    { FILTER, PEER, FILTER, FILTER } },
	{ "a connection that is gone", { reset_fd, 0, 0, 0, 0, 0 }, false,
	    { GONE, GONE, GONE, GONE } },
	{ "stdin /dev/null", { null_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, FILTER } },
	{ "stdin closed", { closed_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "stdout closed", { pipe_fd, closed_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "stdin a folder", { folder_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "stdin UDP", { udp_fd, 0, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "stdin a datagram pair", { datagram_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "stdin an unbound socket", { unbound_fd, pipe_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "stdout a datagram pair", { pipe_fd, datagram_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	{ "stdout listens", { pipe_fd, listening_fd, 0, 0, 0, 0 }, false,
	    { REFUSED, REFUSED, REFUSED, REFUSED } },
	/* clang-format on */
};

static void
check_cell(const struct row *row, size_t role)
{
	static const char *const roles[] = { "no next stage", "a next stage",
		"the last stage", "--filter" };
	const struct bb_start_ask ask = { .listen = row->listen,
		.has_next = role == 1,
		.last_stage = role == 2,
		.filter = role == 3 };
	struct result result = look(&row->world, &ask);

	if (!tap_ok(result.start.form == row->wanted[role] &&
			(result.start.form == REFUSED) ==
			    (result.why[0] != '\0') &&
			!result.env_left && !result.holes,
		"%s; %s", row->name, roles[role]))
		tap_note("expected form %d, got %d (%s)%s%s", row->wanted[role],
		    result.start.form, result.why,
		    result.env_left ? ", LISTEN_* left" : "",
		    result.holes ? ", holes left" : "");
}

static void
test_table(void)
{
	size_t i, role;

	for (i = 0; i < BB_LEN(table); i++) {
		for (role = 0; role < 4; role++)
			check_cell(&table[i], role);
	}
}

static void
test_descriptors(void)
{
	const struct bb_start_ask last = { .last_stage = true };
	struct world one = { null_fd, null_fd, net_fd, 1, NULL, NULL };
	struct world three = { null_fd, null_fd, listening_fd, 3, NULL, NULL };
	struct world wait = { .in = listening_fd };
	struct world pipes = { .in = pipe_fd, .out = pipe_fd };
	struct result result = look(&one, &last);

	tap_ok(result.start.in == 3 && result.start.out == 3,
	    "a connection that was handed over is read and written");
	result = look(&three, &last);
	TAP_EQ_INT(result.start.listening_len, 3, "three sockets are three");
	tap_ok(result.start.listening[0] == 3 && result.start.listening[2] == 5,
	    "in their order");
	TAP_EQ_INT(result.start.first[0], -1, "no connection was taken");
	result = look(&wait, &last);
	tap_ok(result.start.listening_len == 1 &&
		   result.start.listening[0] == 0,
	    "a listening standard input is the socket to listen on");
	result = look(&pipes, &last);
	tap_ok(result.start.in == 0 && result.start.out == 1,
	    "a filter reads 0 and writes 1");
}

static void
test_why(void)
{
	const struct bb_start_ask none = { 0 };
	struct world null = { .in = null_fd, .out = pipe_fd };
	struct world net = { .in = net_fd };
	struct world closed = { .in = closed_fd, .out = pipe_fd };
	struct result result = look(&null, &none);

	tap_ok(strstr(result.why, "/dev/null") != NULL,
	    "the sentence names /dev/null");
	result = look(&net, &none);
	tap_ok(strstr(result.why, "no next stage") != NULL,
	    "the sentence says that a next stage is missing");
	result = look(&closed, &none);
	tap_ok(strstr(result.why, "closed") != NULL,
	    "the sentence says that standard input is closed");
}

/* --- what every stage does first -------------------------------------------
 */

enum second { SECOND_PEER, SECOND_OWN_SOCKET, SECOND_LISTENS, SECOND_NET };

static int
place_second(enum second second)
{
	switch (second) {
	case SECOND_PEER:
		return dup2(0, 2);
	case SECOND_OWN_SOCKET:
		place(local_fd, 2);
		return 2;
	case SECOND_LISTENS:
		place(unix_listening_fd, 2);
		return 2;
	case SECOND_NET:
		place(net_fd, 2);
		return 2;
	}
	return -1;
}

/* Exit status: 1 when descriptor 2 is /dev/null afterwards. */
static void
second_in_child(enum second second)
{
	place(local_fd, 0);
	(void)dup2(0, 1);
	(void)place_second(second);
	bb_start_process();
	_exit(bb_fd_classify(2) == BB_FD_NULL ? 1 : 0);
}

static int
in_child(void (*run)(enum second), enum second second)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		run(second);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void
test_second(void)
{
	TAP_EQ_INT(in_child(second_in_child, SECOND_PEER), 1,
	    "a standard error that is the peer's connection is left");
	TAP_EQ_INT(in_child(second_in_child, SECOND_LISTENS), 1,
	    "one that listens too");
	TAP_EQ_INT(in_child(second_in_child, SECOND_NET), 1,
	    "and a connection of its own to another host");
	TAP_EQ_INT(in_child(second_in_child, SECOND_OWN_SOCKET), 0,
	    "a local socket of its own (the journal's) is kept");
}

/* Exit status: bits of what is not as it should be. */
static void
process_in_child(enum second second)
{
	struct rlimit limit;
	struct sigaction action;
	sigset_t mask;
	int extra = open("/dev/null", O_RDONLY), wrong = 0;

	(void)second;
	(void)sigfillset(&mask);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)close(0);
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		_exit(99);
	limit.rlim_cur = 64;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	bb_start_process();
	(void)sigaction(SIGPIPE, NULL, &action);
	wrong |= action.sa_handler == SIG_IGN ? 0 : 1;
	(void)sigaction(SIGCHLD, NULL, &action);
	wrong |= action.sa_handler == SIG_DFL ? 0 : 2;
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	wrong |= sigismember(&mask, SIGTERM) == 0 ? 0 : 4;
	wrong |= fcntl(extra, F_GETFD) == FD_CLOEXEC ? 0 : 8;
	wrong |= getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
			 limit.rlim_cur == limit.rlim_max
		     ? 0
		     : 16;
	wrong |=
	    getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 ? 0 : 32;
	wrong |= fcntl(0, F_GETFD) == -1 && errno == EBADF ? 0 : 64;
	_exit(wrong);
}

static void
turn_away_in_child(enum second second)
{
	struct sockaddr_in own;
	int listening = tcp_bound(&own), clients[3], i, wrong = 0;
	int64_t start;
	char byte;

	(void)second;
	for (i = 0; i < 3; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(clients[i], (const struct sockaddr *)&own,
			sizeof(own)) == -1)
			_exit(99);
	}
	(void)dup2(listening, 0);
	/* The second time it must not take a second more. */
	bb_start_turn_away();
	start = bb_clock_ms();
	bb_start_turn_away();
	wrong |= bb_clock_ms() - start < 500 ? 0 : 8;
	for (i = 0; i < 3; i++) {
		if (recv(clients[i], &byte, 1, 0) > 0)
			wrong |= 1;
	}
	wrong |= (fcntl(0, F_GETFL) & O_NONBLOCK) == 0 ? 0 : 2;
	wrong |= bb_fd_classify(0) == BB_FD_LISTEN ? 0 : 4;
	_exit(wrong);
}

/* As for a wrong option, which no stage sees. */
static void
die_in_child(enum second second)
{
	struct sockaddr_in own;
	int listening = tcp_bound(&own), client, status = 0, wrong = 0;
	char byte;
	pid_t pid;

	(void)second;
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (const struct sockaddr *)&own, sizeof(own)) == -1)
		_exit(99);
	if ((pid = fork()) == 0) {
		(void)dup2(listening, 0);
		bb_start_process();
		(void)dup2(open("/dev/null", O_WRONLY), 2);
		bb_die(BB_EXIT_USAGE, "unable to understand");
	}
	wrong |= recv(client, &byte, 1, 0) == 0 ? 0 : 1;
	wrong |= waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
			 WEXITSTATUS(status) == 100
		     ? 0
		     : 2;
	_exit(wrong);
}

int
main(void)
{
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(100);
	(void)unsetenv("LISTEN_FDS");
	bb_log_open("start_test");
	test_classify();
	test_by_accept();
	test_table();
	test_descriptors();
	test_why();
	test_second();
	TAP_EQ_INT(in_child(process_in_child, SECOND_PEER), 0,
	    "signals, limits and descriptors are as a stage needs them");
	TAP_EQ_INT(in_child(turn_away_in_child, SECOND_PEER), 0,
	    "connections that wait are closed before a failed start is left");
	TAP_EQ_INT(in_child(die_in_child, SECOND_PEER), 0,
	    "and so they are by whatever ends the process with a sentence");
	return tap_done();
}
