/* Asking on a terminal: echo is off while a secret is typed and on again after
 * it, whatever ends the asking. */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/secret.h"
#include "tap.h"

#define PROMPT "Password: "
#define PATIENCE_MS 20000

/* How the process that asks ends. */
enum {
	ENDED_RIGHT = 10, /* with the secret "hunter2" */
	ENDED_WRONG = 11,
	ENDED_ERRNO = 20 /* plus one of: */
};
static const int errnos[] = { ENODATA, EINTR, EMSGSIZE, ENOTTY, EINVAL };

struct terminal {
	int master, slave;
	pid_t shell;
	char seen[4096]; /* what the terminal showed */
	size_t seen_len;
};

static void
on_signal(int number)
{
	(void)number;
}

/* The asking process.  `handles`: it has its own way with SIGTERM. */
static void
ask(bool handles)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct bb_secret s = { 0 };
	size_t i;

	sigemptyset(&sa.sa_mask);
	if (handles)
		(void)sigaction(SIGTERM, &sa, NULL);
	if (bb_secret_ask(&s, PROMPT) == 0)
		_exit(s.len == 7 && strcmp(s.text, "hunter2") == 0
			  ? ENDED_RIGHT
			  : ENDED_WRONG);
	for (i = 0; i < BB_LEN(errnos); i++) {
		if (errno == errnos[i])
			_exit(ENDED_ERRNO + (int)i);
	}
	_exit(ENDED_WRONG);
}

/* What a shell does: a job of its own in the foreground, and when it stops, the
 * state of the terminal is looked at and the job goes on.  The status of the
 * job is passed on; a signal as 100 + its number. */
static void
be_shell(const char *name, bool handles, bool foreground)
{
	struct termios tio;
	int status = 0, tty;
	pid_t job;

	(void)setsid();
	tty = open(name, O_RDWR);
	(void)signal(SIGTTOU, SIG_IGN);
	job = fork();
	if (job == 0) {
		(void)setpgid(0, 0);
		if (foreground)
			(void)tcsetpgrp(tty, getpgrp());
		(void)signal(SIGTTOU, SIG_DFL);
		ask(handles);
	}
	if (job == -1)
		_exit(ENDED_WRONG);
	(void)setpgid(job, job);
	while (waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
		(void)tcgetattr(tty, &tio);
		(void)!write(tty,
		    (tio.c_lflag & ECHO) != 0 ? "[stopped]"
					      : "[stopped noecho]",
		    (tio.c_lflag & ECHO) != 0 ? 9 : 16);
		(void)tcsetpgrp(tty, job);
		(void)kill(-job, SIGCONT);
	}
	_exit(
	    WIFSIGNALED(status) ? 100 + WTERMSIG(status) : WEXITSTATUS(status));
}

static bool
start(struct terminal *t, bool handles, bool foreground)
{
	char name[128];

	memset(t, 0, sizeof(*t));
	t->master = posix_openpt(O_RDWR | O_NOCTTY);
	if (t->master == -1 || grantpt(t->master) == -1 ||
	    unlockpt(t->master) == -1 || ptsname(t->master) == NULL)
		return false;
	(void)snprintf(name, sizeof(name), "%s", ptsname(t->master));
	t->slave = open(name, O_RDWR | O_NOCTTY);
	(void)fflush(stdout);
	t->shell = fork();
	if (t->shell == 0)
		be_shell(name, handles, foreground);
	return t->slave != -1 && t->shell != -1;
}

/* Reads what the terminal shows until it shows `text` once more. */
static bool
see(struct terminal *t, const char *text)
{
	struct pollfd p = { .fd = t->master, .events = POLLIN };
	char *at;
	ssize_t got;

	for (;;) {
		t->seen[t->seen_len] = '\0';
		at = strstr(t->seen, text);
		if (at != NULL) {
			memset(at, '.', strlen(text));
			return true;
		}
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			return false;
		got = read(t->master, t->seen + t->seen_len,
		    sizeof(t->seen) - 1 - t->seen_len);
		if (got <= 0)
			return false;
		t->seen_len += (size_t)got;
	}
}

static bool
echoes(const struct terminal *t)
{
	struct termios tio;

	return tcgetattr(t->slave, &tio) == 0 && (tio.c_lflag & ECHO) != 0;
}

/* To the job in the foreground; the master side knows it on any system. */
static void
send_signal(const struct terminal *t, int number)
{
	pid_t job = tcgetpgrp(t->master);

	if (job <= 1 || kill(-job, number) == -1)
		tap_note("unable to send signal %d", number);
}

static void
type(const struct terminal *t, const char *text)
{
	if (write(t->master, text, strlen(text)) == -1)
		tap_note("unable to type");
}

/* Waits for the end; closes the terminal. */
static int
end(struct terminal *t)
{
	int status = 0;

	(void)waitpid(t->shell, &status, 0);
	(void)close(t->master);
	(void)close(t->slave);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_answer(void)
{
	struct terminal t;

	tap_ok(start(&t, false, true) && see(&t, PROMPT),
	    "the prompt is shown on the terminal");
	tap_ok(!echoes(&t), "echo is off while it waits");
	type(&t, "hunterx\x7f"
		 "2\n");
	tap_ok(see(&t, "\n"), "the line ends on the terminal");
	(void)waitpid(t.shell, NULL, WNOHANG | WNOWAIT);
	tap_ok(strstr(t.seen, "hunter") == NULL, "the answer is not shown");
	TAP_EQ_INT(end(&t), ENDED_RIGHT, "what was typed and mended is read");
}

static void
test_errors(void)
{
	static char big[BB_SECRET_MAX + 20];
	static const struct {
		const char *text;
		int err;
		const char *sentence;
	} rows[] = {
		{ "\n", ENODATA, "an empty answer is ENODATA" },
		{ "\x04", ENODATA, "an end of file is ENODATA" },
		{ big, EMSGSIZE, "an answer that is too long is EMSGSIZE" },
	};
	struct terminal t;
	size_t i;
	int status;

	memset(big, 'b', sizeof(big) - 2);
	big[sizeof(big) - 2] = '\n';
	for (i = 0; i < BB_LEN(rows); i++) {
		if (!start(&t, false, true) || !see(&t, PROMPT)) {
			tap_ok(false, "the prompt is shown");
			continue;
		}
		type(&t, rows[i].text);
		(void)see(&t, "\n");
		status = 0;
		(void)waitpid(t.shell, &status, 0);
		tap_ok(WIFEXITED(status) &&
			   WEXITSTATUS(status) >= ENDED_ERRNO &&
			   errnos[WEXITSTATUS(status) - ENDED_ERRNO] ==
			       rows[i].err,
		    "%s", rows[i].sentence);
		tap_ok(echoes(&t), "and echo is on again");
		(void)close(t.master);
		(void)close(t.slave);
	}
}

/* The job's process group is the terminal's foreground one. */
static void
test_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP,
		SIGALRM };
	struct terminal t;
	size_t i;
	int status;

	for (i = 0; i < BB_LEN(numbers); i++) {
		if (!start(&t, false, true) || !see(&t, PROMPT)) {
			tap_ok(false, "the prompt is shown");
			continue;
		}
		type(&t, "hunt");
		send_signal(&t, numbers[i]);
		status = 0;
		(void)waitpid(t.shell, &status, 0);
		TAP_EQ_INT(WEXITSTATUS(status), 100 + numbers[i],
		    "a signal ends the process as ever");
		tap_ok(echoes(&t), "but echo is on before");
		(void)close(t.master);
		(void)close(t.slave);
	}
}

static void
test_interrupt_key(void)
{
	struct terminal t;

	tap_ok(start(&t, false, true) && see(&t, PROMPT), "a prompt is shown");
	type(&t, "hunt\x03");
	TAP_EQ_INT(end(&t), 100 + SIGINT, "the interrupt key works");
}

static void
test_handled(void)
{
	struct terminal t;

	tap_ok(start(&t, true, true) && see(&t, PROMPT), "a prompt is shown");
	send_signal(&t, SIGTERM);
	TAP_EQ_INT(end(&t), ENDED_ERRNO + 1,
	    "a signal that the caller handles is EINTR");
}

static void
test_stop(void)
{
	struct terminal t;

	tap_ok(start(&t, false, true) && see(&t, PROMPT), "a prompt is shown");
	type(&t, "half\x1a");
	tap_ok(see(&t, "[stopped]"), "when stopped, echo is on");
	tap_ok(see(&t, PROMPT), "when it goes on, it asks again");
	tap_ok(!echoes(&t), "with echo off");
	type(&t, "hunter2\n");
	(void)see(&t, "\n");
	TAP_EQ_INT(end(&t), ENDED_RIGHT, "and what was typed before is gone");
}

static void
test_background(void)
{
	struct terminal t;

	tap_ok(start(&t, false, false) && see(&t, "[stopped]"),
	    "in the background it is stopped with echo on");
	tap_ok(see(&t, PROMPT), "and asks when it is brought to the front");
	type(&t, "hunter2\n");
	(void)see(&t, "\n");
	TAP_EQ_INT(end(&t), ENDED_RIGHT, "and reads the answer");
}

static void
test_no_terminal(void)
{
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		ask(false);
	}
	(void)waitpid(pid, &status, 0);
	TAP_EQ_INT(WEXITSTATUS(status), ENDED_ERRNO + 3,
	    "without a terminal it is ENOTTY");
}

int
main(void)
{
	int probe = posix_openpt(O_RDWR | O_NOCTTY);

	(void)signal(SIGTTOU, SIG_IGN);
	/* Ends all when one does not answer: the others lose the terminal. */
	(void)alarm(120);
	test_no_terminal();
	if (probe == -1) {
		tap_skip("there are no pseudo terminals here");
		return tap_done();
	}
	(void)close(probe);
	test_answer();
	test_errors();
	test_signals();
	test_interrupt_key();
	test_handled();
	test_stop();
	test_background();
	return tap_done();
}
