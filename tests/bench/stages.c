/* Starts and measures stages. */
#include "stages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#include "base/cc.h"

extern char **environ;

#define READY_FD 3
#define STARTED_MAX 16

/* What must not stay when the bench ends, however it ends. */
static struct stage *started[STARTED_MAX];

static void
end_all(void)
{
	size_t i;

	/* The first one last: it is what the others are connected to. */
	for (i = STARTED_MAX; i-- > 0;)
		if (started[i] != NULL)
			stage_end(started[i]);
}

/* Signal-safe: the rest is gone with the process. */
static void
kill_all(int signo)
{
	size_t i;

	for (i = 0; i < STARTED_MAX; i++)
		if (started[i] != NULL)
			(void)kill(started[i]->pid, SIGKILL);
	_exit(128 + signo);
}

static void
hook(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM };
	struct sigaction act = { .sa_handler = kill_all };
	static bool hooked;
	size_t i;

	if (hooked)
		return;
	hooked = true;
	if (atexit(end_all) != 0)
		bench_fail("no memory");
	(void)sigemptyset(&act.sa_mask);
	for (i = 0; i < BB_LEN(signals); i++)
		(void)sigaction(signals[i], &act, NULL);
}

static void
remember(struct stage *stage)
{
	size_t i;

	hook();
	for (i = 0; i < STARTED_MAX && started[i] != NULL; i++)
		continue;
	if (i == STARTED_MAX)
		bench_fail("too many stages");
	started[i] = stage;
}

static void
forget(const struct stage *stage)
{
	size_t i;

	for (i = 0; i < STARTED_MAX; i++)
		if (started[i] == stage)
			started[i] = NULL;
}

static void
make_pipe(int fds[2])
{
	if (pipe(fds) == -1 || fcntl(fds[0], F_SETFD, FD_CLOEXEC) == -1 ||
	    fcntl(fds[1], F_SETFD, FD_CLOEXEC) == -1)
		bench_fail("pipe: %s", strerror(errno));
}

static void
path_of(const char *name, char path[BENCH_PATH_MAX])
{
	const char *bin = getenv("BB_BIN");

	if (strchr(name, '/') != NULL)
		(void)snprintf(path, BENCH_PATH_MAX, "%s", name);
	else
		(void)snprintf(path, BENCH_PATH_MAX, "%s/%s",
		    bin == NULL ? "build" : bin, name);
}

static void
arguments(const char *name, char *const words[], bool ready,
    char *argv[STAGE_WORDS])
{
	static char option[] = "--ready-fd", fd[] = "3";
	size_t n = 0;

	argv[n++] = (char *)(uintptr_t)name;
	if (ready) {
		argv[n++] = option;
		argv[n++] = fd;
	}
	while (*words != NULL && n + 1 < STAGE_WORDS)
		argv[n++] = *words++;
	argv[n] = NULL;
}

static void
await(const struct stage *stage, int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n == -1 && errno == EINTR);
	if (n != 1)
		bench_fail("%s did not become ready", stage->name);
	(void)close(fd);
}

void
stage_start(struct stage *stage, const char *name, char *const words[], int in,
    int both, int ready)
{
	char path[BENCH_PATH_MAX], *argv[STAGE_WORDS];
	int said[2] = { -1, -1 }, out[2] = { -1, -1 }, err;
	posix_spawn_file_actions_t acts;

	path_of(name, path);
	arguments(name, words, ready, argv);
	posix_spawn_file_actions_init(&acts);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&acts, in, 0);
	else
		posix_spawn_file_actions_addopen(&acts, 0, "/dev/null",
		    O_RDONLY, 0);
	if (!both)
		make_pipe(out);
	posix_spawn_file_actions_adddup2(&acts, both ? in : out[1], 1);
	if (ready) {
		make_pipe(said);
		/* Moved out of the way, so that the copy is no copy onto
		 * itself, which would stay close-on-exec. */
		if (said[1] == READY_FD) {
			said[1] = fcntl(READY_FD, F_DUPFD_CLOEXEC, 10);
			(void)close(READY_FD);
		}
		posix_spawn_file_actions_adddup2(&acts, said[1], READY_FD);
	}
	err = posix_spawn(&stage->pid, path, &acts, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&acts);
	if (err != 0)
		bench_fail("%s: %s", path, strerror(err));
	remember(stage);
	stage->name = name;
	stage->out = out[0];
	if (out[1] != -1)
		(void)close(out[1]);
	if (ready) {
		(void)close(said[1]);
		await(stage, said[0]);
	}
}

int
stage_port(const struct stage *stage)
{
	char line[128];
	const char *colon;
	size_t len = 0;

	while (len + 1 < sizeof(line) && read(stage->out, line + len, 1) == 1 &&
	       line[len] != '\n')
		len++;
	line[len] = '\0';
	if ((colon = strrchr(line, ':')) == NULL)
		bench_fail("%s does not say its port", stage->name);
	return (int)strtol(colon + 1, NULL, 10);
}

static int
reap(struct stage *stage)
{
	int status = 0;

	while (waitpid(stage->pid, &status, 0) == -1 && errno == EINTR)
		continue;
	if (stage->out != -1)
		(void)close(stage->out);
	stage->pid = 0;
	forget(stage);
	return status;
}

void
stage_end(struct stage *stage)
{
	if (stage->pid == 0)
		return;
	(void)kill(stage->pid, SIGKILL);
	(void)reap(stage);
}

void
stage_await_end(struct stage *stage)
{
	int status = reap(stage);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_fail("%s has ended badly", stage->name);
}

void
stage_mark(struct stage *stage)
{
	stage->cpu = bench_cpu_of(stage->pid);
	stage->first = bench_cpu_of_first(stage->pid);
	stage->pss = bench_pss(stage->pid);
	if (stage->cpu == -1)
		bench_fail("%s has ended", stage->name);
}

int64_t
stage_cpu(const struct stage *stage)
{
	return bench_cpu_of(stage->pid) - stage->cpu;
}

int64_t
stage_first(const struct stage *stage)
{
	return bench_cpu_of_first(stage->pid) - stage->first;
}

int64_t
stage_pss(const struct stage *stage)
{
	return bench_pss(stage->pid) - stage->pss;
}
