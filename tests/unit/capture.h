/* Runs a function in a child and keeps what it printed and how it ended: for
 * code that ends the process. */
#ifndef BB_CAPTURE_H
#define BB_CAPTURE_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPTURE_MAX 16384

struct capture {
	char out[CAPTURE_MAX]; /* standard output, zero-terminated */
	char err[CAPTURE_MAX]; /* standard error */
	int status;            /* exit status, or -signal */
};

static inline size_t
capture_read(int fd, char *text, size_t len)
{
	ssize_t got = read(fd, text + len, CAPTURE_MAX - 1 - len);

	return got > 0 ? len + (size_t)got : len;
}

/* Both at once, so that neither pipe fills up.  Ends when both are closed. */
static inline void
capture_drain(struct capture *c, int out, int err)
{
	struct pollfd p[2] = { { .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN } };
	char *text[2] = { c->out, c->err };
	size_t len[2] = { 0, 0 }, now;
	int i;

	while (p[0].fd != -1 || p[1].fd != -1) {
		if (poll(p, 2, -1) == -1)
			continue;
		for (i = 0; i < 2; i++) {
			if (p[i].fd == -1 || p[i].revents == 0)
				continue;
			now = capture_read(p[i].fd, text[i], len[i]);
			if (now == len[i]) {
				(void)close(p[i].fd);
				p[i].fd = -1;
			}
			len[i] = now;
		}
	}
	c->out[len[0]] = c->err[len[1]] = '\0';
}

/* A function that comes back ends the child with status 0. */
static inline void
capture(struct capture *c, void (*run)(void *), void *arg)
{
	int out[2], err[2], status = 0;
	pid_t pid;

	(void)fflush(stdout);
	if (pipe(out) == -1 || pipe(err) == -1)
		abort();
	pid = fork();
	if (pid == -1)
		abort();
	if (pid == 0) {
		(void)dup2(out[1], STDOUT_FILENO);
		(void)dup2(err[1], STDERR_FILENO);
		(void)close(out[0]);
		(void)close(out[1]);
		(void)close(err[0]);
		(void)close(err[1]);
		run(arg);
		_exit(0);
	}
	(void)close(out[1]);
	(void)close(err[1]);
	capture_drain(c, out[0], err[0]);
	(void)waitpid(pid, &status, 0);
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
