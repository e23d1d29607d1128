/* How servers end: signals, drain, sockets that are somebody else's, chains. */
#define _XOPEN_SOURCE 700 /* posix_openpt */

#include "serve/server.h"

#include "serve_stage.h"

static char folder[64], path[108], text[128];

static const char *
unix_text(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	return text;
}

/* A server with one client that keeps it busy. */
static int
busy_client(struct spawn *sp)
{
	int fd;

	spawn(sp);
	await(sp);
	fd = greeted(connect_unix(path));
	RIG_MUST(fd != -1);
	RIG_MUST(strcmp(ask(fd, "busy\n"), "busy") == 0);
	return fd;
}

/* ---- signals ---- */

static void
test_busy(int signo, const char *name)
{
	struct spawn sp = spawn_new(unix_text("busy"));
	char err[4096];
	int fd = busy_client(&sp);

	RIG_MUST(kill(sp.pid, signo) == 0);
	TAP_EQ_STR(line_from(fd), "draining", "peers are told of the end");
	TAP_EQ_INT(connect_unix(path), -1, "nobody else is accepted");
	TAP_EQ_STR(ask(fd, "x\n"), "x", "work goes on");
	TAP_EQ_STR(ask(fd, "idle\n"), "idle", "and ends");
	TAP_EQ_INT(finish_to(&sp, err, sizeof(err)), 0, "then the server does");
	tap_ok(err[0] == '\0', "%s leaves no word (%s)", name, err);
	(void)close(fd);
}

static void
test_second(void)
{
	struct spawn sp = spawn_new(unix_text("second"));
	int fd = busy_client(&sp);

	RIG_MUST(kill(sp.pid, SIGTERM) == 0);
	TAP_EQ_STR(line_from(fd), "draining", "the first SIGTERM drains");
	TAP_EQ_INT(terminate(&sp), 0, "the second ends it with work undone");
	(void)close(fd);
}

static void
test_timeout(void)
{
	struct spawn sp = spawn_new(unix_text("timeout"));
	char err[4096];
	int fd;

	sp.options.drain_ms = 50;
	fd = busy_client(&sp);
	RIG_MUST(kill(sp.pid, SIGTERM) == 0);
	TAP_EQ_INT(finish_to(&sp, err, sizeof(err)), 0, "--drain is a limit");
	tap_ok(strstr(err, "work undone") != NULL, "and it is said: %s", err);
	(void)close(fd);
}

static void
test_hup(void)
{
	struct spawn sp = spawn_new(unix_text("hup"));
	int fd = busy_client(&sp);

	RIG_MUST(kill(sp.pid, SIGHUP) == 0);
	TAP_EQ_STR(line_from(fd), "reload", "SIGHUP reloads");
	RIG_MUST(kill(sp.pid, SIGHUP) == 0);
	TAP_EQ_STR(line_from(fd), "reload", "each time");
	TAP_EQ_STR(ask(fd, "idle\n"), "idle", "and ends nothing");
	TAP_EQ_INT(terminate(&sp), 0, "its end");
	(void)close(fd);
}

/* What a shell without job control starts in the background. */
static void
test_ignored(void)
{
	struct spawn sp = spawn_new(unix_text("ignored"));
	int fd;

	sp.ignore_int = true;
	fd = busy_client(&sp);
	RIG_MUST(kill(sp.pid, SIGINT) == 0 && kill(sp.pid, SIGHUP) == 0);
	TAP_EQ_STR(line_from(fd), "reload", "an ignored SIGINT stays ignored");
	TAP_EQ_STR(ask(fd, "idle\n"), "idle", "(it has not drained)");
	TAP_EQ_INT(terminate(&sp), 0, "SIGTERM is not");
	(void)close(fd);
}

/* ---- terminals ---- */

/* Its standard input is the other end of a pseudo-terminal which is its
 * controlling one.  Returns ours, or -1. */
static int
terminal(struct spawn *sp)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	const char *name;

	if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1 ||
	    (name = ptsname(master)) == NULL)
		return -1;
	(void)snprintf(sp->tty, sizeof(sp->tty), "%s", name);
	sp->ours = master;
	return master;
}

static void
test_terminal(void)
{
	struct spawn sp = spawn_new(unix_text("tty"));
	int master = terminal(&sp), fd;

	if (master == -1) {
		tap_skip("there are no pseudo-terminals here");
		return;
	}
	fd = busy_client(&sp);
	RIG_MUST(kill(sp.pid, SIGHUP) == 0);
	TAP_EQ_STR(line_from(fd), "reload",
	    "started from a terminal, SIGHUP reloads all the same");
	(void)close(master);
	TAP_EQ_STR(line_from(fd), "draining", "when that hangs up it drains");
	rig_write(fd, "idle\n");
	TAP_EQ_INT(finish(&sp), 0, "and ends");
	(void)close(fd);
}

static void
test_nohup(void)
{
	struct spawn sp = spawn_new(unix_text("nohup"));
	int master = terminal(&sp), fd;

	if (master == -1) {
		tap_skip("there are no pseudo-terminals here");
		return;
	}
	sp.nohup = true;
	fd = busy_client(&sp);
	(void)close(master);
	TAP_EQ_STR(line_from(fd), "reload", "with nohup(1) it does not drain");
	TAP_EQ_STR(ask(fd, "idle\n"), "idle", "when its terminal hangs up");
	TAP_EQ_INT(terminate(&sp), 0, "its end");
	(void)close(fd);
}

/* ---- sockets that are somebody else's ---- */

static int
listen_blocking(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(un.sun_path, path, sizeof(un.sun_path));
	RIG_MUST(bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	RIG_MUST(listen(fd, 5) == 0);
	return fd;
}

static void
hand_over(struct spawn *sp, int fd)
{
	*sp = spawn_new(NULL);
	sp->start.listening[0] = fd;
	sp->start.first[0] = -1;
	sp->start.listening_len = 1;
}

static void
test_handed(void)
{
	struct spawn sp;
	int server, flags, fd, next;

	(void)unix_text("handed");
	server = listen_blocking();
	flags = fcntl(server, F_GETFL);
	hand_over(&sp, server);
	spawn(&sp);
	await(&sp);
	fd = greeted(connect_unix(path));
	tap_ok(fd != -1, "a socket that is handed over is served");
	TAP_EQ_STR(ask(fd, "busy\n"), "busy", "there is work to do");
	RIG_MUST(kill(sp.pid, SIGTERM) == 0);
	TAP_EQ_STR(line_from(fd), "draining", "the end begins");
	TAP_EQ_INT(fcntl(server, F_GETFL), flags,
	    "then the socket has its flags back");
	next = connect_unix(path);
	tap_ok(next != -1, "newcomers wait in the queue");
	rig_write(fd, "idle\n");
	TAP_EQ_INT(finish(&sp), 0, "the process ends");
	TAP_EQ_INT(access(path, F_OK), 0, "its file is left");
	/* Another process takes over. */
	(void)close(fd);
	hand_over(&sp, server);
	spawn(&sp);
	TAP_EQ_INT(greeted(next), next, "and the next one serves them");
	(void)close(next);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
	TAP_EQ_INT(fcntl(server, F_GETFL), flags, "leaves the flags again");
	(void)close(server);
	(void)unlink(path);
}

/* Some systems tell only by accepting that a socket listens. */
static void
test_first(void)
{
	struct spawn sp;
	int server, fds[2];

	(void)unix_text("first");
	server = listen_blocking();
	rig_unix_pair(fds);
	hand_over(&sp, server);
	sp.start.first[0] = fds[1];
	sp.ours = fds[0];
	spawn(&sp);
	(void)close(fds[1]);
	TAP_EQ_INT(greeted(fds[0]), fds[0],
	    "who was accepted by looking is served");
	(void)close(fds[0]);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
	(void)close(server);
	(void)unlink(path);
}

/* The socket is descriptor 0: inetd waits for our end. */
static void
wait_form(struct spawn *sp, int server)
{
	hand_over(sp, 0);
	sp->fd0 = server;
	sp->options.idle_exit_ms = 60;
}

static void
test_wait(void)
{
	struct spawn sp;
	int server, flags, fd;
	int64_t until;

	(void)unix_text("wait");
	server = listen_blocking();
	flags = fcntl(server, F_GETFL);
	wait_form(&sp, server);
	spawn(&sp);
	fd = greeted(connect_unix(path));
	tap_ok(fd != -1, "under inetd's wait connections are served");
	until = bb_clock_ms() + 200;
	while (bb_clock_ms() < until && strcmp(ask(fd, "x\n"), "x") == 0)
		;
	TAP_EQ_STR(ask(fd, "y\n"), "y", "as long as there are any");
	(void)close(fd);
	TAP_EQ_INT(finish(&sp), 0, "--idle-exit after the last it ends");
	TAP_EQ_INT(fcntl(server, F_GETFL), flags,
	    "and the socket has its flags back");
	wait_form(&sp, server);
	spawn(&sp);
	TAP_EQ_INT(finish(&sp), 0, "also when nobody came at all");
	(void)close(server);
	(void)unlink(path);
}

/* The timer that ends an idle process is not the one that accepts again. */
static void
test_wait_no_descriptors(void)
{
	struct spawn sp;
	int server, fds[2];

	(void)unix_text("few");
	server = listen_blocking();
	wait_form(&sp, server);
	sp.descriptors = 1;
	sp.options.idle_exit_ms = 3600000;
	spawn(&sp);
	fds[0] = greeted(connect_unix(path));
	fds[1] = connect_unix(path);
	tap_ok(strstr(line_from(sp.err), "unable to accept") != NULL,
	    "under wait descriptors can be used up too");
	(void)close(fds[0]);
	TAP_EQ_INT(greeted(fds[1]), fds[1],
	    "the next is served when the last has left");
	(void)close(fds[1]);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
	(void)close(server);
	(void)unlink(path);
}

/* With connections in the queue inetd would start it again at once. */
static void
test_wait_error(void)
{
	struct spawn sp;
	int server, fd;
	int64_t begun;

	(void)unix_text("error");
	server = listen_blocking();
	wait_form(&sp, server);
	sp.options.control = "none";
	fd = connect_unix(path);
	begun = bb_clock_ms();
	spawn(&sp);
	TAP_EQ_STR(line_from(fd), "",
	    "an error under wait turns away who came");
	TAP_EQ_INT(finish(&sp), BB_EXIT_USAGE, "and ends the process");
	tap_ok(bb_clock_ms() - begun >= 1000, "after a second");
	TAP_EQ_INT(fcntl(server, F_GETFL) & O_NONBLOCK, 0,
	    "the socket has its flags back");
	(void)close(fd);
	(void)close(server);
	(void)unlink(path);
}

/* ---- chains ---- */

/* A signal to the group reaches a stage and the head that started it. */
static void
test_chained(void)
{
	struct spawn sp = spawn_new(NULL);
	int fds[2];

	rig_unix_pair(fds);
	sp.start = (struct bb_start){ .form = BB_FORM_PEER,
		.in = fds[1],
		.out = fds[1] };
	sp.ours = fds[0];
	sp.chained = true;
	sp.options.ready_fd = -1;
	spawn(&sp);
	(void)close(fds[1]);
	await(&sp);
	TAP_EQ_STR(line_from(fds[0]), "hello", "a stage that another started");
	RIG_MUST(kill(sp.pid, SIGTERM) == 0);
	TAP_EQ_STR(line_from(fds[0]), "draining", "begins its end");
	TAP_EQ_STR(ask(fds[0], "x\n"), "x", "and does not leave");
	TAP_EQ_STR(ask(fds[0], "y\n"), "y", "although it has nothing to do");
	(void)close(fds[0]);
	TAP_EQ_INT(finish(&sp), 0, "before the head does");
}

static void
test_not_chained(void)
{
	struct spawn sp = spawn_new(NULL);
	int fds[2];

	rig_unix_pair(fds);
	sp.start = (struct bb_start){ .form = BB_FORM_PEER,
		.in = fds[1],
		.out = fds[1] };
	sp.ours = fds[0];
	spawn(&sp);
	(void)close(fds[1]);
	TAP_EQ_STR(line_from(fds[0]), "hello", "a stage that inetd started");
	TAP_EQ_INT(terminate(&sp), 0, "does not wait for its peer");
	TAP_EQ_STR(line_from(fds[0]), "draining", "which is told");
	(void)close(fds[0]);
}

int
main(void)
{
	rig_folder(folder, sizeof(folder));
	test_busy(SIGTERM, "SIGTERM");
	test_busy(SIGINT, "SIGINT");
	test_second();
	test_timeout();
	test_hup();
	test_ignored();
	test_terminal();
	test_nohup();
	test_handed();
	test_first();
	test_wait();
	test_wait_no_descriptors();
	test_wait_error();
	test_chained();
	test_not_chained();
	TAP_EQ_INT(rmdir(folder), 0, "no file is left");
	return tap_done();
}
