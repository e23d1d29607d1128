/* Asking for a secret on the terminal: echo goes off and comes back, whatever
 * happens in between. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"
#include "base/secret.h"

/* Signals that end or stop a process by default and that a person or a
 * supervisor sends. */
static const int watched[] = { SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM,
	SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2 };

static volatile sig_atomic_t caught;

struct asking {
	int fd;
	struct termios before;
	sigset_t mask; /* as it was */
	struct sigaction actions[BB_LEN(watched)];
};

static void
note_signal(int number)
{
	caught = number;
}

/* The watched signals come only inside pselect: between it and here none can
 * slip through unseen.  Those that were ignored stay ignored. */
static int
watch(struct asking *a)
{
	struct sigaction sa = { .sa_handler = note_signal };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < BB_LEN(watched); i++)
		sigaddset(&set, watched[i]);
	caught = 0;
	if (sigprocmask(SIG_BLOCK, &set, &a->mask) == -1)
		return -1;
	for (i = 0; i < BB_LEN(watched); i++) {
		(void)sigaction(watched[i], NULL, &a->actions[i]);
		if (a->actions[i].sa_handler != SIG_IGN)
			(void)sigaction(watched[i], &sa, NULL);
	}
	return 0;
}

/* A signal that still waits goes to whoever handled it before. */
static void
unwatch(struct asking *a)
{
	size_t i;

	for (i = 0; i < BB_LEN(watched); i++)
		(void)sigaction(watched[i], &a->actions[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &a->mask, NULL);
}

/* Waits for a line.  0, or -1 with errno; EINTR: a signal was caught. */
static int
wait_line(const struct asking *a)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(a->fd, &set);
	while (pselect(a->fd + 1, &set, NULL, NULL, NULL, &a->mask) == -1) {
		if (errno != EINTR || caught != 0)
			return -1;
		FD_ZERO(&set);
		FD_SET(a->fd, &set);
	}
	return 0;
}

static int
ask_quietly(struct bb_secret *s, const struct asking *a, const char *prompt)
{
	struct termios quiet = a->before;
	int err, rc = -1;

	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	if (tcsetattr(a->fd, TCSAFLUSH, &quiet) == -1)
		return -1;
	if (bb_write_all(a->fd, prompt, strlen(prompt)) == 0 &&
	    wait_line(a) == 0)
		rc = bb_secret_read_fd(s, a->fd);
	err = errno;
	/* Flushed, so that half a password is not the shell's next input. */
	(void)tcsetattr(a->fd, TCSAFLUSH, &a->before);
	if (bb_write_all(a->fd, "\n", 1) == -1 && rc == 0) {
		err = errno;
		bb_secret_clear(s);
		rc = -1;
	}
	errno = err;
	return rc;
}

/* A background process changing nothing is stopped by the system until it is
 * in the foreground, as it should be before it turns anything off. */
static int
reach_foreground(int fd, struct termios *before)
{
	do {
		if (tcgetattr(fd, before) == -1)
			return -1;
	} while (tcsetattr(fd, TCSADRAIN, before) == -1 && errno == EINTR);
	if (tcgetpgrp(fd) == getpgrp())
		return 0;
	errno = EIO;
	return -1;
}

/* One go.  A signal that came is delivered again after the terminal is as it
 * was; *stopped says that it was one of job control and we are back. */
static int
ask_once(struct bb_secret *s, int fd, const char *prompt, int *stopped)
{
	struct asking a = { .fd = fd };
	int err, rc, number;

	*stopped = 0;
	if (reach_foreground(fd, &a.before) == -1 || watch(&a) == -1)
		return -1;
	rc = ask_quietly(s, &a, prompt);
	err = errno;
	number = (int)caught;
	unwatch(&a);
	if (number != 0) {
		(void)kill(getpid(), number);
		*stopped =
		    number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
	}
	errno = err;
	return rc;
}

int
bb_secret_ask(struct bb_secret *s, const char *prompt)
{
	int fd, err, stopped, rc;

	bb_secret_clear(s);
	fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd == -1) {
		if (errno == ENXIO || errno == ENOENT || errno == EIO)
			errno = ENOTTY;
		return -1;
	}
	if (fd >= FD_SETSIZE) {
		(void)close(fd);
		errno = EMFILE;
		return -1;
	}
	do {
		rc = ask_once(s, fd, prompt, &stopped);
	} while (rc == -1 && stopped);
	err = errno;
	(void)close(fd);
	errno = err;
	return rc;
}
