/* Chain loading: what the child gets, and how its end is told.  The child is
 * this test itself, which reports what it found. */
#include "serve/chain.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/log.h"
#include "serve/start.h"
#include "serve_rig.h"

#define REPORT_MAX 4096

static char self[4096];

/* ---- the child ---- */

static void
report_environment(FILE *out)
{
	static const char *const names[] = { "LISTEN_FDS", "LISTEN_PID",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC",
		"WATCHDOG_PID", "BB_CHAIN_TEST" };
	const char *value;
	size_t i;

	for (i = 0; i < BB_LEN(names); i++)
		if ((value = getenv(names[i])) != NULL)
			(void)fprintf(out, "env %s=%s\n", names[i], value);
}

static void
report_signals(FILE *out)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE,
		SIGTERM, SIGCHLD, SIGXFSZ, SIGUSR1, SIGALRM };
	struct sigaction now;
	sigset_t mask;
	size_t i;

	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	for (i = 0; i < BB_LEN(numbers); i++) {
		(void)sigaction(numbers[i], NULL, &now);
		if (now.sa_handler == SIG_IGN)
			(void)fprintf(out, "ignored %d\n", numbers[i]);
		if (sigismember(&mask, numbers[i]) == 1)
			(void)fprintf(out, "blocked %d\n", numbers[i]);
	}
}

/* Every open descriptor but that of the folder. */
static void
report_descriptors(FILE *out, int ready)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	long fd;

	/* cppcheck-suppress readdirCalled */
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		fd = strtol(entry->d_name, NULL, 10);
		if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd > 2 &&
		    fd != ready)
			(void)fprintf(out, "leaked %ld\n", fd);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Reports, says that it is ready, waits for the end of its input, says so. */
static int
child_main(const char *mode)
{
	const char *number = getenv("BB_READY_FD");
	int ready = number == NULL ? -1 : (int)strtol(number, NULL, 10);
	char text[REPORT_MAX] = "", byte;
	FILE *out = fmemopen(text, sizeof(text), "w");

	if (strcmp(mode, "quick") == 0)
		return 100;
	if (out == NULL)
		return 1;
	report_environment(out);
	report_signals(out);
	report_descriptors(out, ready);
	(void)fclose(out);
	if (bb_write_all(1, text, strlen(text)) == -1 ||
	    bb_write_all(ready, "\n", 1) == -1)
		return 2;
	(void)close(ready);
	while (bb_read_some(0, &byte, 1) == 1)
		;
	return bb_write_all(1, "bye", 3) == 0 ? 7 : 3;
}

/* ---- the parent ---- */

struct watched {
	struct bb_chain chain;
	struct rig rig;
	int ended, status;
};

static void
start(struct bb_chain *chain, const char *mode)
{
	char word[16], *argv[] = { self, word, NULL };
	char why[BB_CHAIN_WHY_MAX] = "";

	(void)snprintf(word, sizeof(word), "%s", mode);
	if (bb_chain_start(chain, argv, why) == -1) {
		printf("Bail out! %s\n", why);
		exit(1);
	}
}

/* All to the end. */
static size_t
read_text(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 &&
	       (n = bb_read_some(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return len;
}

static void
end_chain(struct bb_chain *chain)
{
	(void)close(chain->fd);
	(void)close(chain->ready_fd);
	(void)waitpid(chain->pid, NULL, 0);
}

/* The words of a text, as argv; how many. */
static int
split(char *text, char *argv[])
{
	int argc = 0;
	char *at = text;

	while (at != NULL && *at != '\0') {
		argv[argc++] = at;
		if ((at = strchr(at, ' ')) != NULL)
			*at++ = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

static void
test_words(void)
{
	char with[] = "a -v -- b -- c", without[] = "a -v", none[] = "a --";
	char *argv[8], **words;
	int argc = split(with, argv);

	words = bb_chain_words(&argc, argv);
	TAP_EQ_INT(argc, 2, "options end before the first --");
	tap_ok(argv[2] == NULL, "with a NULL");
	tap_ok(words == argv + 3, "the words of the next stage follow it");
	TAP_EQ_STR(words[1], "--", "with all that is theirs");
	argc = split(without, argv);
	tap_ok(bb_chain_words(&argc, argv) == NULL, "there may be none");
	TAP_EQ_INT(argc, 2, "then argv is as it was");
	argc = split(none, argv);
	words = bb_chain_words(&argc, argv);
	tap_ok(words != NULL && words[0] == NULL, "or nothing behind the --");
}

static void
test_no_exec(void)
{
	char missing[] = "bb-no-such-stage", folder[] = "/tmp", *argv[4];
	char want[BB_CHAIN_WHY_MAX], why[BB_CHAIN_WHY_MAX];
	struct bb_chain chain;
	int fd = dup(0), again;

	(void)snprintf(want, sizeof(want), "bb-no-such-stage: %s",
	    strerror(ENOENT));
	(void)split(missing, argv);
	TAP_EQ_INT(bb_chain_start(&chain, argv, why), -1,
	    "a stage that is not there is known at once");
	TAP_EQ_INT(errno, ENOENT, "with its errno");
	TAP_EQ_STR(why, want, "and in words");
	(void)split(folder, argv);
	TAP_EQ_INT(bb_chain_start(&chain, argv, why), -1, "as is a folder");
	TAP_EQ_INT(errno, EACCES, "with another errno");
	TAP_EQ_INT(waitpid(-1, NULL, WNOHANG), -1, "no zombie is left");
	(void)close(fd);
	again = dup(0);
	TAP_EQ_INT(again, fd, "and no descriptor");
	(void)close(again);
}

static void
set_environment(void)
{
	RIG_MUST(setenv("LISTEN_FDS", "1", 1) == 0);
	RIG_MUST(setenv("LISTEN_PID", "1", 1) == 0);
	RIG_MUST(setenv("LISTEN_FDNAMES", "x", 1) == 0);
	RIG_MUST(setenv("NOTIFY_SOCKET", "/x", 1) == 0);
	RIG_MUST(setenv("WATCHDOG_USEC", "1", 1) == 0);
	RIG_MUST(setenv("WATCHDOG_PID", "1", 1) == 0);
	RIG_MUST(setenv("BB_CHAIN_TEST", "kept", 1) == 0);
}

/* Started by a process that has set all that a child must not have. */
static void
test_child(void)
{
	struct bb_chain chain;
	char text[REPORT_MAX], byte = 0;
	sigset_t term, before;

	set_environment();
	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, &before);
	start(&chain, "report");
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	TAP_EQ_INT(read(chain.ready_fd, &byte, 1), 1, "the child is ready");
	TAP_EQ_INT(byte, '\n', "and says so with a newline");
	TAP_EQ_INT(read(chain.ready_fd, &byte, 1), 0, "and nothing more");
	tap_ok((fcntl(chain.fd, F_GETFD) & FD_CLOEXEC) != 0 &&
		   (fcntl(chain.ready_fd, F_GETFD) & FD_CLOEXEC) != 0,
	    "our ends are not for other children");
	RIG_MUST(shutdown(chain.fd, SHUT_WR) == 0);
	(void)read_text(chain.fd, text, sizeof(text));
	TAP_EQ_STR(text, "env BB_CHAIN_TEST=kept\nbye",
	    "it has our environment without what was for us, default signals, "
	    "no descriptor too many, and outlives half an end");
	end_chain(&chain);
	TAP_EQ_STR(getenv("LISTEN_FDS"), "1", "our environment is as it was");
}

static void
test_nohup(void)
{
	struct bb_chain chain;
	char text[REPORT_MAX], want[64];

	(void)signal(SIGHUP, SIG_IGN);
	start(&chain, "report");
	(void)signal(SIGHUP, SIG_DFL);
	RIG_MUST(shutdown(chain.fd, SHUT_WR) == 0);
	(void)read_text(chain.fd, text, sizeof(text));
	(void)snprintf(want, sizeof(want), "ignored %d\n", SIGHUP);
	tap_ok(strstr(text, want) != NULL, "what nohup ignores stays ignored");
	end_chain(&chain);
}

/* In a child, because 0 to 2 are the test's own. */
static void
test_holes(void)
{
	struct bb_chain chain;
	int status = -1;
	char byte;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	RIG_MUST(pid != -1);
	if (pid == 0) {
		(void)close(0);
		(void)close(1);
		(void)close(2);
		start(&chain, "report");
		_exit(chain.fd > 2 && chain.ready_fd > 2 &&
			      fcntl(0, F_GETFD) == -1 &&
			      fcntl(1, F_GETFD) == -1 &&
			      read(chain.ready_fd, &byte, 1) == 1
			  ? 0
			  : 1);
	}
	RIG_MUST(waitpid(pid, &status, 0) == pid);
	TAP_EQ_INT(status, 0, "closed standard descriptors stay what they are");
}

/* ---- its end ---- */

static void
ended(void *ctx, int status)
{
	struct watched *w = ctx;

	w->ended++;
	w->status = status;
}

static bool
has_ended(void *ctx)
{
	const struct watched *w = ctx;

	return w->ended > 0;
}

static void
watch(struct watched *w, const char *mode, bool let_it_end)
{
	siginfo_t info;

	memset(w, 0, sizeof(*w));
	start(&w->chain, mode);
	rig_open(&w->rig);
	if (let_it_end)
		RIG_MUST(waitid(P_PID, (id_t)w->chain.pid, &info,
			     WEXITED | WNOWAIT) == 0);
	TAP_EQ_INT(bb_chain_watch(&w->chain, w->rig.loop, ended, w), 0,
	    "a child is watched");
	TAP_EQ_INT(w->ended, 0, "nothing is said from within that");
}

static void
unwatch(struct watched *w)
{
	(void)close(w->chain.fd);
	(void)close(w->chain.ready_fd);
	rig_close(&w->rig);
}

static void
test_killed(void)
{
	struct watched w;
	char text[REPORT_MAX], byte;

	watch(&w, "report", false);
	RIG_MUST(read(w.chain.ready_fd, &byte, 1) == 1);
	RIG_MUST(kill(w.chain.pid, SIGKILL) == 0);
	(void)read_text(w.chain.fd, text, sizeof(text));
	tap_ok(strstr(text, "bye") == NULL,
	    "a child that is killed is seen as the end of its stream");
	tap_ok(rig_until(&w.rig, has_ended, &w), "and told");
	TAP_EQ_INT(w.status, 128 + SIGKILL, "with the signal");
	TAP_EQ_INT(waitpid(w.chain.pid, NULL, 0), -1, "it is no zombie");
	unwatch(&w);
}

static void
test_status(void)
{
	struct watched w;

	watch(&w, "quick", true);
	tap_ok(rig_until(&w.rig, has_ended, &w),
	    "a child that had ended before is told too");
	TAP_EQ_INT(w.status, 100, "with its status");
	unwatch(&w);
	watch(&w, "report", false);
	RIG_MUST(shutdown(w.chain.fd, SHUT_WR) == 0);
	tap_ok(rig_until(&w.rig, has_ended, &w), "its input ends");
	TAP_EQ_INT(w.status, 7, "then it does, with its status");
	TAP_EQ_INT(w.ended, 1, "told once");
	unwatch(&w);
}

static bool
gone(void *ctx)
{
	const pid_t *pid = ctx;

	return kill(*pid, 0) == -1 && errno == ESRCH;
}

/* As process 1 gets them: children that it did not start. */
static void
test_others(void)
{
	struct watched w;
	pid_t pid;

	watch(&w, "report", false);
	pid = fork();
	RIG_MUST(pid != -1);
	if (pid == 0)
		_exit(3);
	/* Something to wait for while the signal comes. */
	tap_ok(rig_until(&w.rig, gone, &pid), "other children are reaped");
	TAP_EQ_INT(w.ended, 0, "and are not taken for ours");
	RIG_MUST(kill(w.chain.pid, SIGKILL) == 0);
	tap_ok(rig_until(&w.rig, has_ended, &w), "which is told of later");
	unwatch(&w);
}

int
main(int argc, char *argv[])
{
	ssize_t len;

	if (argc > 1)
		return child_main(argv[1]);
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	RIG_MUST(len > 0);
	bb_log_open("serve_chain_test");
	bb_start_process();
	test_words();
	test_no_exec();
	test_child();
	test_nohup();
	test_holes();
	test_killed();
	test_status();
	test_others();
	return tap_done();
}
