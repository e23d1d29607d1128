/* Descriptors and files: whole or not at all, whatever interrupts. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cc.h"
#include "capture.h"
#include "tap.h"

#define STREAM_LEN 1000000

static char folder[] = "/tmp/bb-fd-test-XXXXXX";
static int folder_fd;
static volatile sig_atomic_t alarms;

static void
on_alarm(int number)
{
	(void)number;
	alarms++;
}

/* Every call that can be interrupted is, again and again. */
static void
interrupt(bool on)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 300 }, { 0, 300 } },
			 never = { { 0, 0 }, { 0, 0 } };

	sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGALRM, &sa, NULL);
	(void)setitimer(ITIMER_REAL, on ? &often : &never, NULL);
}

/* Reads or writes slowly at the other end of the pipe. */
static void
slow_peer(int fd, int other, bool writes)
{
	static uint8_t chunk[7001];
	const struct timespec pause = { 0, 200000 };
	size_t done = 0, i, len;
	ssize_t n = 1;

	(void)close(other);
	while (done < STREAM_LEN && n > 0) {
		len = STREAM_LEN - done < sizeof(chunk) ? STREAM_LEN - done
							: sizeof(chunk);
		for (i = 0; i < len; i++)
			chunk[i] = (uint8_t)((done + i) % 251);
		n = writes ? write(fd, chunk, len) : read(fd, chunk, len);
		for (i = 0; n > 0 && i < (size_t)n; i++) {
			if (chunk[i] != (done + i) % 251)
				_exit(1);
		}
		done += n > 0 ? (size_t)n : 0;
		(void)nanosleep(&pause, NULL);
	}
	_exit(done == STREAM_LEN ? 0 : 2);
}

static int
start_peer(bool writes, bool nonblock, pid_t *pid)
{
	int pair[2], ours, theirs, flags;

	(void)fflush(stdout);
	if (pipe(pair) == -1)
		abort();
	ours = pair[writes ? 0 : 1];
	theirs = pair[writes ? 1 : 0];
	*pid = fork();
	if (*pid == 0)
		slow_peer(theirs, ours, writes);
	(void)close(theirs);
	flags = fcntl(ours, F_GETFL);
	if (nonblock)
		(void)fcntl(ours, F_SETFL, flags | O_NONBLOCK);
	return ours;
}

static int
end_peer(int fd, pid_t pid)
{
	int status = 0;

	(void)close(fd);
	(void)waitpid(pid, &status, 0);
	return status;
}

static void
test_streams(bool nonblock)
{
	static uint8_t bytes[STREAM_LEN];
	struct bb_buf buf = BB_BUF(STREAM_LEN);
	const char *how = nonblock ? "non-blocking" : "blocking";
	size_t i;
	pid_t pid;
	int fd, rc;

	for (i = 0; i < STREAM_LEN; i++)
		bytes[i] = (uint8_t)(i % 251);
	fd = start_peer(false, nonblock, &pid);
	interrupt(true);
	rc = bb_write_all(fd, bytes, sizeof(bytes));
	interrupt(false);
	tap_ok(rc == 0 && end_peer(fd, pid) == 0,
	    "all is written to a slow %s pipe, with interruptions", how);
	fd = start_peer(true, nonblock, &pid);
	interrupt(true);
	rc = bb_read_all(fd, &buf);
	interrupt(false);
	tap_ok(rc == 0 && bb_buf_len(&buf) == STREAM_LEN &&
		   memcmp(bb_buf_data(&buf), bytes, STREAM_LEN) == 0,
	    "all is read from a slow %s pipe, with interruptions", how);
	(void)end_peer(fd, pid);
	bb_buf_clear(&buf);
	tap_ok(alarms > 0, "there were interruptions");
}

static void
test_write_errors(void)
{
	int pair[2], full = open("/dev/full", O_WRONLY);

	if (pipe(pair) == -1)
		abort();
	(void)close(pair[0]);
	errno = 0;
	tap_ok(bb_write_all(pair[1], "x", 1) == -1 && errno == EPIPE,
	    "a reader that left is EPIPE");
	(void)close(pair[1]);
	errno = 0;
	tap_ok(bb_write_all(pair[1], "x", 1) == -1 && errno == EBADF,
	    "a closed descriptor is EBADF");
	if (full == -1) {
		tap_skip("there is no /dev/full");
		return;
	}
	errno = 0;
	tap_ok(bb_write_all(full, "x", 1) == -1 && errno == ENOSPC,
	    "a full disk is ENOSPC");
	(void)close(full);
}

static const char *
path_of(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool
file_is(const char *name, const char *want)
{
	struct bb_buf buf = BB_BUF(1000);
	bool same = bb_read_file(path_of(name), &buf) == 0 &&
		    bb_buf_len(&buf) == strlen(want) &&
		    memcmp(bb_buf_data(&buf), want, strlen(want)) == 0;

	bb_buf_clear(&buf);
	return same;
}

static void
test_read_file(void)
{
	struct bb_buf buf = BB_BUF(9);

	if (bb_replace_at(folder_fd, "seven", "1234567", 7) == -1)
		abort();
	tap_ok(bb_buf_puts(&buf, "ab") == 0 &&
		   bb_read_file(path_of("seven"), &buf) == 0 &&
		   bb_buf_len(&buf) == 9,
	    "a file that fills the room is read");
	bb_buf_take(&buf, 1);
	errno = 0;
	tap_ok(bb_read_file(path_of("seven"), &buf) == -1 && errno == EFBIG &&
		   bb_buf_len(&buf) == 8 &&
		   memcmp(bb_buf_data(&buf), "b1234567", 8) == 0,
	    "a larger one is EFBIG and the buffer is as it was");
	errno = 0;
	tap_ok(bb_read_file(path_of("none"), &buf) == -1 && errno == ENOENT,
	    "a file that is not there is ENOENT");
	errno = 0;
	tap_ok(bb_read_file(folder, &buf) == -1 && errno == EISDIR,
	    "a folder is EISDIR");
	bb_buf_clear(&buf);
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	return stat(path_of(name), &st) == -1 ? 0 : st.st_mode & 07777;
}

static void
test_replace(void)
{
	char longest[300];
	FILE *left;

	tap_ok(bb_replace_at(folder_fd, "key", "old", 3) == 0 &&
		   file_is("key", "old"),
	    "a new file is made");
	TAP_EQ_INT(mode_of("key"), 0600, "readable by its owner only");
	(void)chmod(path_of("key"), 0644);
	left = fopen(path_of(".key.new"), "w");
	if (left == NULL || fputs("a longer leftover of a crash", left) < 0 ||
	    fclose(left) != 0)
		abort();
	(void)chmod(path_of(".key.new"), 0666);
	tap_ok(bb_replace_at(folder_fd, "key", "new", 3) == 0 &&
		   file_is("key", "new"),
	    "an old file is replaced, over what a crash left");
	TAP_EQ_INT(mode_of("key"), 0600, "and its mode is right again");
	tap_ok(access(path_of(".key.new"), F_OK) == -1,
	    "no temporary file stays");
	tap_ok(bb_replace_at(folder_fd, "key", NULL, 0) == 0 &&
		   file_is("key", ""),
	    "a file can be made empty");
	errno = 0;
	tap_ok(bb_replace_at(folder_fd, "../key", "x", 1) == -1 &&
		   errno == EINVAL,
	    "a name is no path");
	memset(longest, 'n', sizeof(longest));
	longest[299] = '\0';
	errno = 0;
	tap_ok(bb_replace_at(folder_fd, longest, "x", 1) == -1 &&
		   errno == ENAMETOOLONG,
	    "a name has a longest length");
	errno = 0;
	tap_ok(bb_replace_at(-1, "key", "x", 1) == -1 && errno == EBADF,
	    "a folder that is not open is EBADF");
}

/* Neither a symbolic link nor a folder in the way of the temporary file. */
static void
test_replace_obstacles(void)
{
	if (bb_replace_at(folder_fd, "victim", "safe", 4) == -1 ||
	    symlinkat("victim", folder_fd, ".a.new") == -1 ||
	    mkdirat(folder_fd, ".b.new", 0700) == -1)
		abort();
	errno = 0;
	tap_ok(bb_replace_at(folder_fd, "a", "x", 1) == -1 && errno == ELOOP &&
		   file_is("victim", "safe"),
	    "a symbolic link in the place of the temporary file is refused");
	errno = 0;
	tap_ok(bb_replace_at(folder_fd, "b", "x", 1) == -1 && errno == EISDIR,
	    "a folder there too");
	(void)unlinkat(folder_fd, ".a.new", 0);
	(void)unlinkat(folder_fd, ".b.new", AT_REMOVEDIR);
}

static void
replace_on_full_disk(void *arg)
{
	const struct rlimit small = { 1000, 1000 };
	static char bytes[5000];

	(void)arg;
	(void)signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &small) == -1)
		_exit(3);
	if (bb_replace_at(folder_fd, "kept", bytes, sizeof(bytes)) == 0)
		_exit(1);
	_exit(errno == EFBIG ? 0 : 2);
}

static void
test_full_disk(void)
{
	struct capture c;

	if (bb_replace_at(folder_fd, "kept", "precious", 8) == -1)
		abort();
	capture(&c, replace_on_full_disk, NULL);
	TAP_EQ_INT(c.status, 0, "a replacement that does not fit fails");
	tap_ok(file_is("kept", "precious"), "and the old file stands");
	tap_ok(access(path_of(".kept.new"), F_OK) == -1,
	    "and no temporary file stays");
}

#define WRITERS 4
#define BLOCK 30000

static void
replace_often(int number)
{
	static char bytes[BLOCK];
	int i;

	memset(bytes, 'a' + number, sizeof(bytes));
	for (i = 0; i < 100; i++) {
		if (bb_replace_at(folder_fd, "shared", bytes, BLOCK) == -1)
			_exit(1);
	}
	_exit(0);
}

static bool
is_whole(struct bb_buf *buf)
{
	const uint8_t *p;
	size_t i;

	if (bb_read_file(path_of("shared"), buf) == -1 ||
	    bb_buf_len(buf) != BLOCK)
		return false;
	p = bb_buf_data(buf);
	for (i = 1; i < BLOCK; i++) {
		if (p[i] != p[0])
			return false;
	}
	bb_buf_take(buf, BLOCK);
	return true;
}

static void
test_many_writers(void)
{
	struct bb_buf buf = BB_BUF(BLOCK);
	int i, status, ended = 0, good = 0;
	bool whole;
	pid_t pid;

	(void)fflush(stdout);
	if (bb_replace_at(folder_fd, "shared", "", 0) == -1)
		abort();
	for (i = 0; i < WRITERS; i++) {
		if (fork() == 0)
			replace_often(i);
	}
	do {
		whole = is_whole(&buf);
	} while (!whole && bb_buf_len(&buf) == 0);
	while (ended < WRITERS) {
		whole = whole && is_whole(&buf);
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0) {
			ended++;
			good += status == 0;
		}
	}
	TAP_EQ_INT(good, WRITERS, "several processes may replace one file");
	tap_ok(whole && is_whole(&buf), "and each reader finds a whole one");
	bb_buf_clear(&buf);
}

static void
tidy(void *arg)
{
	int high = dup2(folder_fd, 300), i;

	(void)arg;
	(void)close(STDIN_FILENO);
	(void)close(STDERR_FILENO);
	if (bb_fd_tidy() == -1)
		_exit(1);
	for (i = 0; i < 3; i++) {
		if ((fcntl(i, F_GETFD) & FD_CLOEXEC) != 0)
			_exit(10 + i);
	}
	if ((fcntl(folder_fd, F_GETFD) & FD_CLOEXEC) == 0 || high != 300 ||
	    (fcntl(high, F_GETFD) & FD_CLOEXEC) == 0)
		_exit(2);
	if (read(STDIN_FILENO, &i, 1) != 0)
		_exit(3);
	_exit(write(STDERR_FILENO, "x", 1) == 1 ? 0 : 4);
}

static void
test_tidy(void)
{
	struct capture c;

	(void)fcntl(folder_fd, F_SETFD, 0);
	capture(&c, tidy, NULL);
	TAP_EQ_INT(c.status, 0,
	    "0 to 2 are open, to nothing if need be, the others are not "
	    "inherited");
	TAP_EQ_STR(c.out, "", "and nothing is printed");
}

static void
remove_folder(void)
{
	static const char *const names[] = { "seven", "key", "victim", "kept",
		"shared" };
	size_t i;

	for (i = 0; i < BB_LEN(names); i++)
		(void)unlinkat(folder_fd, names[i], 0);
	tap_ok(rmdir(folder) == 0, "replacing files left nothing else behind");
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		return 1;
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
	test_streams(false);
	test_streams(true);
	test_write_errors();
	test_read_file();
	test_replace();
	test_replace_obstacles();
	test_full_disk();
	test_many_writers();
	test_tidy();
	remove_folder();
	return tap_done();
}
