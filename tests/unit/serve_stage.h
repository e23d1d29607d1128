/* A small stage that serves, in a process of its own, and what tests need to
 * talk with it.  It takes lines: "busy", "idle" (what busy() answers), "stop
 * N", "turns" (answered with how many there were); anything else comes back. It
 * greets whoever connects. */
#ifndef BB_SERVE_STAGE_H
#define BB_SERVE_STAGE_H

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "serve/ready.h"
#include "serve/server.h"
#include "serve_rig.h"

#define STAGE_PEERS 256

struct stage {
	struct bb_server *server;
	struct bb_peer *peers[STAGE_PEERS];
	unsigned turns, count;
	bool busy;
	int slow_ms; /* accepted() waits so long for the connection's reset */
};

static inline void
stage_say(struct stage *s, const struct bb_peer *peer, const char *words)
{
	size_t i;

	for (i = 0; i < STAGE_PEERS; i++)
		if (s->peers[i] != NULL &&
		    (peer == NULL || s->peers[i] == peer))
			RIG_MUST(bb_peer_send(s->peers[i], words,
				     strlen(words)) == 0);
}

static inline void
stage_command(struct stage *s, const struct bb_peer *peer, const char *line)
{
	char number[64];

	if (strcmp(line, "busy\n") == 0)
		s->busy = true;
	if (strcmp(line, "idle\n") == 0)
		s->busy = false;
	if (strncmp(line, "stop ", 5) == 0)
		bb_server_stop(s->server, (int)strtol(line + 5, NULL, 10));
	if (strcmp(line, "turns\n") != 0) {
		stage_say(s, peer, line);
		return;
	}
	(void)snprintf(number, sizeof(number), "%u\n", s->turns);
	stage_say(s, peer, number);
}

static inline bool
stage_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	const uint8_t *end;
	char line[128];
	size_t len;

	while (bb_buf_len(in) > 0 &&
	       (end = memchr(bb_buf_data(in), '\n', bb_buf_len(in))) != NULL) {
		len = (size_t)(end - bb_buf_data(in)) + 1;
		if (len >= sizeof(line))
			return false;
		memcpy(line, bb_buf_data(in), len);
		line[len] = '\0';
		bb_buf_take(in, len);
		stage_command(ctx, peer, line);
	}
	return true;
}

static inline void
stage_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct stage *s = ctx;
	uint8_t address[16];
	size_t i;

	(void)why;
	for (i = 0; i < STAGE_PEERS; i++)
		if (s->peers[i] == peer)
			s->peers[i] = NULL;
	s->count--;
	bb_peer_address(peer, address);
	bb_server_left(s->server, address);
}

static const struct bb_peer_kind stage_kind = {
	.name = "test",
	.in_max = 128,
	.out_max = 100000,
	.input = stage_input,
	.closed = stage_closed,
};

static struct bb_loop *stage_loop;

static inline bool
stage_accepted(void *ctx, int in, int out)
{
	struct pollfd reset = { .fd = in };
	struct stage *s = ctx;
	size_t i = 0;

	while (i < STAGE_PEERS && s->peers[i] != NULL)
		i++;
	RIG_MUST(i < STAGE_PEERS);
	if (s->slow_ms > 0) {
		rig_write(STDERR_FILENO, "accepted\n");
		(void)poll(&reset, 1, s->slow_ms);
	}
	s->peers[i] = bb_peer_new(stage_loop, in, out, &stage_kind, s);
	if (s->peers[i] == NULL)
		return false;
	s->count++;
	stage_say(s, s->peers[i], "hello\n");
	return true;
}

static inline void
stage_drain(void *ctx)
{
	stage_say(ctx, NULL, "draining\n");
}

static inline bool
stage_busy(void *ctx)
{
	const struct stage *s = ctx;

	return s->busy;
}

static inline void
stage_reload(void *ctx)
{
	stage_say(ctx, NULL, "reload\n");
}

static inline void
stage_turn_end(void *ctx)
{
	struct stage *s = ctx;

	s->turns++;
}

static inline bool
stage_control(void *ctx, const char *command, struct bb_buf *out)
{
	const struct stage *s = ctx;

	return strcmp(command, "count") == 0 &&
	       bb_buf_printf(out, "{\"count\":%u}", s->count) == 0;
}

static const struct bb_server_calls stage_calls = {
	.accepted = stage_accepted,
	.drain = stage_drain,
	.busy = stage_busy,
	.reload = stage_reload,
	.turn_end = stage_turn_end,
	.control = stage_control,
};

/* ---- the process ---- */

/* What a stage is started with. */
struct spawn {
	struct bb_start start;
	struct bb_server_options options;
	const char *listen; /* --listen; NULL: default_listen */
	const char *default_listen;
	int fd0; /* becomes its descriptor 0; -1: /dev/null */
	int slow_ms;
	int limit;       /* on descriptors, from the start; 0: none */
	int descriptors; /* so many more than it has; 0: no such limit */
	int ours;        /* a descriptor that it must not have, or -1 */
	const char *notify;
	bool chained; /* BB_READY_FD is `ready` */
	bool ignore_int, nohup;
	char tty[64]; /* its standard input and controlling terminal, or "" */

	pid_t pid;
	int out, err, ready; /* its standard output and error; readiness */
};

static inline struct spawn
spawn_new(const char *listen)
{
	struct spawn sp = { .options = BB_SERVER_DEFAULTS,
		.listen = listen,
		.fd0 = -1,
		.ours = -1,
		.ready = -1 };

	sp.start.form = BB_FORM_SERVER;
	return sp;
}

/* The lowest number that is free now, and some more. */
static inline void
limit_descriptors(int more)
{
	struct rlimit limit;
	int fd = dup(0);

	RIG_MUST(fd != -1 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
	(void)close(fd);
	limit.rlim_cur = (rlim_t)fd + (rlim_t)more;
	RIG_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static inline int
stage_run(struct spawn *sp)
{
	char why[BB_SERVER_WHY_MAX];
	struct stage s = { .slow_ms = sp->slow_ms };
	int status;

	const struct rlimit limit = { (rlim_t)sp->limit, (rlim_t)sp->limit };

	bb_log_open("stage");
	if (sp->limit > 0)
		RIG_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	bb_ready_take();
	if (sp->listen != NULL)
		sp->options.listen.at[sp->options.listen.len++] = sp->listen;
	stage_loop = bb_loop_new(BB_LOOP_SOCKETS);
	RIG_MUST(stage_loop != NULL);
	s.server = bb_server_new(stage_loop, &sp->start, &sp->options,
	    sp->default_listen, &stage_calls, &s, why);
	if (s.server == NULL) {
		bb_log(BB_LOG_ERROR, "%s", why);
		return bb_errno_exit(errno);
	}
	if (sp->descriptors > 0)
		limit_descriptors(sp->descriptors);
	status = bb_server_run(s.server);
	while (s.count > 0) {
		size_t i;

		for (i = 0; i < STAGE_PEERS; i++)
			if (s.peers[i] != NULL)
				s.count--;
		for (i = 0; i < STAGE_PEERS; i++)
			bb_peer_free(s.peers[i]);
	}
	bb_server_free(s.server);
	bb_loop_free(stage_loop);
	return status;
}

/* In the child: what a launcher does. */
static inline void
spawn_child(struct spawn *sp, int out, int err, int ready)
{
	char number[16];
	int null = open("/dev/null", O_RDWR), tty;

	(void)dup2(sp->fd0 == -1 ? null : sp->fd0, 0);
	(void)close(null);
	if (sp->tty[0] != '\0') {
		(void)setsid();
		(void)close(0);
		tty = open(sp->tty, O_RDWR);
		RIG_MUST(tty == 0);
	}
	if (sp->start.form != BB_FORM_PEER || sp->start.out != 1)
		(void)dup2(out, 1);
	(void)dup2(err, 2);
	(void)close(out);
	(void)close(err);
	if (sp->ours != -1)
		(void)close(sp->ours);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGINT, sp->ignore_int ? SIG_IGN : SIG_DFL);
	(void)signal(SIGHUP, sp->nohup ? SIG_IGN : SIG_DFL);
	(void)snprintf(number, sizeof(number), "%d", ready);
	if (sp->chained)
		RIG_MUST(setenv("BB_READY_FD", number, 1) == 0);
	else
		sp->options.ready_fd = ready;
	if (sp->notify != NULL)
		RIG_MUST(setenv("NOTIFY_SOCKET", sp->notify, 1) == 0);
	exit(stage_run(sp));
}

static inline void
spawn(struct spawn *sp)
{
	int out[2], err[2], ready[2];

	RIG_MUST(pipe(out) == 0 && pipe(err) == 0 && pipe(ready) == 0);
	(void)fflush(stdout);
	sp->pid = fork();
	RIG_MUST(sp->pid != -1);
	if (sp->pid == 0) {
		(void)close(out[0]);
		(void)close(err[0]);
		(void)close(ready[0]);
		spawn_child(sp, out[1], err[1], ready[1]);
	}
	(void)close(out[1]);
	(void)close(err[1]);
	(void)close(ready[1]);
	sp->out = out[0];
	sp->err = err[0];
	sp->ready = ready[0];
}

/* A line, without its line feed, within the time that tests have; "" at the
 * end, "(late)" when it does not come. */
static inline const char *
line_from(int fd)
{
	static char lines[4][256];
	static unsigned turn;
	char *line = lines[turn++ % 4];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;

	while (len < sizeof(lines[0]) - 1) {
		if (poll(&p, 1, RIG_MS) <= 0)
			return "(late)";
		if (read(fd, line + len, 1) != 1 || line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';
	return line;
}

/* Waits until it is ready. */
static inline void
await(struct spawn *sp)
{
	struct pollfd p = { .fd = sp->ready, .events = POLLIN };
	char byte;

	RIG_MUST(poll(&p, 1, RIG_MS) == 1 && read(sp->ready, &byte, 1) == 1);
}

/* Its exit status, or -signal; what it wrote to standard error is in err. */
static inline int
finish_to(struct spawn *sp, char *err, size_t size)
{
	struct pollfd p = { .fd = sp->err, .events = POLLIN };
	int status = 0;
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < size - 1) {
		if (poll(&p, 1, RIG_MS) <= 0) {
			(void)kill(sp->pid, SIGKILL);
			break;
		}
		n = read(sp->err, err + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	err[len] = '\0';
	RIG_MUST(waitpid(sp->pid, &status, 0) == sp->pid);
	(void)close(sp->out);
	(void)close(sp->err);
	(void)close(sp->ready);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline int
finish(struct spawn *sp)
{
	char err[4096];

	return finish_to(sp, err, sizeof(err));
}

static inline int
terminate(struct spawn *sp)
{
	RIG_MUST(kill(sp->pid, SIGTERM) == 0);
	return finish(sp);
}

/* ---- its clients ---- */

/* The port that it said first on standard output. */
static inline struct sockaddr_in
port_of(struct spawn *sp)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	const char *line = line_from(sp->out), *colon = strrchr(line, ':');

	RIG_MUST(strncmp(line, "listening 127.0.0.1:", 20) == 0);
	at.sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return at;
}

static inline struct sockaddr_un
unix_at(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	memcpy(un.sun_path, path, strlen(path) + 1);
	return un;
}

static inline int
connect_unix(const char *path)
{
	struct sockaddr_un un = unix_at(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), err;

	RIG_MUST(fd != -1);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	err = errno;
	(void)close(fd);
	errno = err;
	return -1;
}

/* A client that was greeted, or -1: it was sent away. */
static inline int
greeted(int fd)
{
	if (strcmp(line_from(fd), "hello") == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* A client that is greeted in the end: the end of another may not have been
 * seen yet.  -1: it never was. */
static inline int
greeted_later(const struct sockaddr *at, socklen_t len)
{
	int64_t until = bb_clock_ms() + RIG_MS;
	int fd = -1;

	while (fd == -1 && bb_clock_ms() < until) {
		fd = socket(at->sa_family, SOCK_STREAM, 0);
		RIG_MUST(fd != -1 && connect(fd, at, len) == 0);
		fd = greeted(fd);
	}
	return fd;
}

static inline const char *
ask(int fd, const char *words)
{
	rig_write(fd, words);
	return line_from(fd);
}

#endif
