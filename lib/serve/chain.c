/* Chain loading: fork, exec, and the end of the child. */
#include "serve/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cc.h"

static struct {
	struct bb_chain *chain;
	void (*ended)(void *ctx, int status);
	void *ctx;
} watched;

char **
bb_chain_words(int *argc, char *argv[])
{
	int i;

	for (i = 1; i < *argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			argv[i] = NULL;
			*argc = i;
			return argv + i + 1;
		}
	return NULL;
}

static int
cloexec(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Numbers 0 to 2 may be free: how this process was started is looked at after
 * the chain has been.  Close-on-exec, so that the child has what is meant for
 * it and nothing else. */
static int
move_up(int *fd)
{
	int up;

	if (*fd > STDERR_FILENO)
		return cloexec(*fd);
	if ((up = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)) == -1)
		return -1;
	(void)close(*fd);
	*fd = up;
	return 0;
}

/* socketpair, ready pipe, exec pipe. */
static int
open_pairs(int fds[6])
{
	size_t i;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == -1 ||
	    pipe(fds + 2) == -1 || pipe(fds + 4) == -1)
		return -1;
	for (i = 0; i < 6; i++)
		if (move_up(&fds[i]) == -1)
			return -1;
	return 0;
}

static void
child_environment(int ready)
{
	static const char *const drop[] = { "LISTEN_FDS", "LISTEN_PID",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC",
		"WATCHDOG_PID" };
	char text[16];
	size_t i;

	for (i = 0; i < BB_LEN(drop); i++)
		unsetenv(drop[i]);
	snprintf(text, sizeof(text), "%d", ready);
	setenv("BB_READY_FD", text, 1);
}

/* What bb_start_process has set.  What the parent had ignored before (nohup, a
 * shell's background) stays so. */
static void
child_signals(void)
{
	static const int back[] = { SIGPIPE, SIGXFSZ, SIGCHLD };
	sigset_t none;
	size_t i;

	for (i = 0; i < BB_LEN(back); i++)
		(void)signal(back[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Never returns: what fails is told through the pipe as an errno. */
static void
child(char *const argv[], int sock, int ready, int failed)
{
	int err;

	child_environment(ready);
	child_signals();
	if (dup2(sock, 0) != -1 && dup2(sock, 1) != -1 &&
	    fcntl(ready, F_SETFD, 0) != -1)
		execvp(argv[0], argv);
	err = errno;
	while (write(failed, &err, sizeof(err)) == -1 && errno == EINTR)
		;
	_exit(127);
}

/* What exec said: 0, or its errno. */
static int
exec_result(int fd)
{
	int err = 0;
	ssize_t n;

	do {
		n = read(fd, &err, sizeof(err));
	} while (n == -1 && errno == EINTR);
	return n == (ssize_t)sizeof(err) ? err : 0;
}

static int
start(struct bb_chain *chain, char *const argv[], int sock[2], int ready[2],
    int failed[2])
{
	int err;

	chain->pid = fork();
	if (chain->pid == -1)
		return -1;
	if (chain->pid == 0)
		child(argv, sock[1], ready[1], failed[1]);
	close(failed[1]);
	failed[1] = -1;
	if ((err = exec_result(failed[0])) == 0)
		return 0;
	while (waitpid(chain->pid, NULL, 0) == -1 && errno == EINTR)
		;
	errno = err;
	return -1;
}

static void
close_all(int fds[], size_t count)
{
	int saved = errno;
	size_t i;

	for (i = 0; i < count; i++)
		if (fds[i] != -1)
			close(fds[i]);
	errno = saved;
}

int
bb_chain_start(struct bb_chain *chain, char *const argv[],
    char why[BB_CHAIN_WHY_MAX])
{
	int fds[6] = { -1, -1, -1, -1, -1, -1 };

	if (open_pairs(fds) == -1 ||
	    start(chain, argv, fds, fds + 2, fds + 4) == -1) {
		close_all(fds, BB_LEN(fds));
		snprintf(why, BB_CHAIN_WHY_MAX, "%.150s: %.90s", argv[0],
		    strerror(errno));
		return -1;
	}
	chain->fd = fds[0];
	chain->ready_fd = fds[2];
	fds[0] = fds[2] = -1;
	close_all(fds, BB_LEN(fds));
	return 0;
}

static void
reap(void *ctx, int signo)
{
	int status;
	pid_t pid;

	(void)ctx;
	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (watched.chain == NULL || pid != watched.chain->pid)
			continue;
		watched.chain = NULL;
		watched.ended(watched.ctx, WIFEXITED(status)
					       ? WEXITSTATUS(status)
					       : 128 + WTERMSIG(status));
	}
}

int
bb_chain_watch(struct bb_chain *chain, struct bb_loop *loop,
    void (*ended)(void *ctx, int status), void *ctx)
{
	watched.chain = chain;
	watched.ended = ended;
	watched.ctx = ctx;
	if (bb_loop_on_signal(loop, SIGCHLD, reap, NULL) == -1)
		return -1;
	/* It may have ended already: then it is found in the first turn. */
	return raise(SIGCHLD) == 0 ? 0 : -1;
}
