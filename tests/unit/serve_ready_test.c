/* Readiness as supervisors and the heads of chains hear it.  Each case is a
 * child of its own, because readiness is told once in a process. */
#include "serve/ready.h"

#include <stddef.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/log.h"
#include "capture.h"
#include "serve_rig.h"

static char folder[64];

/* What a child is given and does. */
struct telling {
	const char *ready_fd;   /* BB_READY_FD; "%d": the pipe */
	const char *notify;     /* NOTIFY_SOCKET */
	int pipe[2];            /* of BB_READY_FD */
	int64_t option;         /* --ready-fd; -2: opened too late */
	bool stop_first, again; /* again: everything twice */
};

static void
say(const char *what, bool holds)
{
	if (holds)
		(void)dprintf(STDOUT_FILENO, "%s\n", what);
}

/* In the child: says on standard output what it found. */
static void
tell(void *arg)
{
	const struct telling *t = arg;
	char number[16];
	int64_t option = t->option;
	int late = -1;

	bb_log_open("t");
	(void)snprintf(number, sizeof(number), "%d", t->pipe[1]);
	if (t->ready_fd != NULL)
		RIG_MUST(
		    setenv("BB_READY_FD",
			strcmp(t->ready_fd, "%d") == 0 ? number : t->ready_fd,
			1) == 0);
	if (t->notify != NULL)
		RIG_MUST(setenv("NOTIFY_SOCKET", t->notify, 1) == 0);
	bb_ready_take();
	say("environment",
	    getenv("BB_READY_FD") != NULL || getenv("NOTIFY_SOCKET") != NULL);
	say("chained", bb_ready_chained());
	say("inherited", t->ready_fd != NULL && bb_ready_chained() &&
			     (fcntl(t->pipe[1], F_GETFD) & FD_CLOEXEC) == 0);
	if (option == -2)
		option = late = dup(t->pipe[1]);
	if (t->stop_first)
		bb_ready_stopping();
	bb_ready_tell(option);
	if (t->again) {
		bb_ready_tell(option);
		bb_ready_stopping();
	}
	say("open", fcntl(t->pipe[1], F_GETFD) != -1);
	say("late one closed", late != -1 && fcntl(late, F_GETFD) == -1);
}

/* What came through the pipe, newlines shown as !. */
static const char *
piped(struct telling *t)
{
	static char text[16];
	ssize_t n, i;

	(void)close(t->pipe[1]);
	n = read(t->pipe[0], text, sizeof(text) - 1);
	(void)close(t->pipe[0]);
	RIG_MUST(n >= 0);
	text[n] = '\0';
	for (i = 0; i < n; i++)
		if (text[i] == '\n')
			text[i] = '!';
	return text;
}

static void
run(struct telling *t, struct capture *c)
{
	RIG_MUST(pipe(t->pipe) == 0);
	capture(c, tell, t);
	TAP_EQ_INT(c->status, 0, "the process ends in order");
}

static void
test_chain(void)
{
	static struct capture c;
	struct telling t = { .ready_fd = "%d", .option = -1, .again = true };

	run(&t, &c);
	TAP_EQ_STR(c.out, "chained\n",
	    "BB_READY_FD says that there is a head, is closed once told, and "
	    "is no child's");
	TAP_EQ_STR(piped(&t), "!", "the head gets one newline");
	t = (struct telling){ .ready_fd = "%d",
		.option = -1,
		.stop_first = true };
	run(&t, &c);
	TAP_EQ_STR(piped(&t), "", "nothing after the end has begun");
}

static void
test_bad_numbers(void)
{
	static const char *const bad[] = { "", "x", "2", "-1", "+3", "4x",
		"99999999999999999999", "1000" };
	static struct capture c;
	struct telling t;
	size_t i;

	for (i = 0; i < BB_LEN(bad); i++) {
		t = (struct telling){ .ready_fd = bad[i], .option = -1 };
		run(&t, &c);
		tap_ok(strcmp(c.out, "open\n") == 0,
		    "BB_READY_FD=\"%s\" is passed over (%s)", bad[i], c.out);
		(void)piped(&t);
	}
}

/* An old variable may name what is a socket by now. */
static void
test_no_pipe(void)
{
	static struct capture c;
	struct telling t = { .option = -1 };
	char number[16], byte;
	int fds[2];

	rig_unix_pair(fds);
	(void)snprintf(number, sizeof(number), "%d", fds[0]);
	t.ready_fd = number;
	run(&t, &c);
	TAP_EQ_STR(c.out, "open\n", "BB_READY_FD that is no pipe is none");
	TAP_EQ_INT(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1,
	    "and nothing is written to it");
	(void)piped(&t);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
test_option(void)
{
	static struct capture c;
	struct telling t = { .again = true };

	RIG_MUST(pipe(t.pipe) == 0);
	t.option = t.pipe[1];
	capture(&c, tell, &t);
	TAP_EQ_STR(c.out, "", "--ready-fd is closed once told");
	TAP_EQ_STR(piped(&t), "!", "and gets one newline");

	t = (struct telling){ .option = -2 };
	run(&t, &c);
	TAP_EQ_STR(c.out, "open\n",
	    "one that was not there from the beginning is left alone");
	TAP_EQ_STR(piped(&t), "", "nothing is written to it");
	tap_ok(strstr(c.err, "not handed over") != NULL, "and it is said: %s",
	    c.err);
	t = (struct telling){ .option = 900 };
	run(&t, &c);
	tap_ok(strstr(c.err, "descriptor 900 ") != NULL, "%s", c.err);
	(void)piped(&t);
}

static int
notify_socket(struct sockaddr_un *un, size_t len)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	RIG_MUST(
	    fd != -1 && bind(fd, (struct sockaddr *)un,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					len)) == 0);
	return fd;
}

static void
test_notify(const char *path, const char *what)
{
	static struct capture c;
	struct telling t = { .notify = path, .option = -1, .again = true };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char text[64] = "";
	int fd;

	memcpy(un.sun_path, path, strlen(path));
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	fd = notify_socket(&un, strlen(path));
	run(&t, &c);
	TAP_EQ_STR(c.out, "open\n", "NOTIFY_SOCKET is not for children");
	RIG_MUST(recv(fd, text, sizeof(text), MSG_DONTWAIT) >= 0);
	tap_ok(strcmp(text, "READY=1") == 0, "%s: READY=1 comes", what);
	memset(text, 0, sizeof(text));
	RIG_MUST(recv(fd, text, sizeof(text), MSG_DONTWAIT) >= 0);
	TAP_EQ_STR(text, "STOPPING=1", "then STOPPING=1");
	TAP_EQ_INT(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1,
	    "and no more");
	(void)piped(&t);
	(void)close(fd);
}

/* A supervisor that is busy or gone stops nobody. */
static void
test_notify_deaf(void)
{
	static struct capture c;
	struct telling t = { .option = -1, .again = true };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[108];
	int fd, full = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)snprintf(path, sizeof(path), "%s/deaf", folder);
	memcpy(un.sun_path, path, strlen(path));
	t.notify = path;
	run(&t, &c);
	TAP_EQ_STR(c.err, "", "nobody at NOTIFY_SOCKET is no reason to speak");
	(void)piped(&t);
	fd = notify_socket(&un, strlen(path) + 1);
	while (sendto(full, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&un,
		   sizeof(un)) == 1)
		;
	TAP_EQ_INT(errno, EAGAIN, "one whose queue is full");
	run(&t, &c);
	TAP_EQ_STR(c.err, "", "is not waited for");
	(void)piped(&t);
	(void)close(fd);
	(void)close(full);
	(void)unlink(path);
}

int
main(void)
{
	char path[108];

	rig_folder(folder, sizeof(folder));
	test_chain();
	test_bad_numbers();
	test_no_pipe();
	test_option();
	(void)snprintf(path, sizeof(path), "%s/notify", folder);
	test_notify(path, "a path");
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "@bb-ready-%ld", (long)getpid());
	test_notify(path, "an abstract name");
	test_notify_deaf();
	TAP_EQ_INT(rmdir(folder), 0, "no file is left");
	return tap_done();
}
