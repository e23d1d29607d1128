/* Secrets: what is taken, what is refused, what is wiped. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cc.h"
#include "capture.h"
#include "tap.h"

static void
test_wipe_and_equal(void)
{
	uint8_t a[40], b[40];
	size_t i;
	bool all = true;

	memset(a, 'x', sizeof(a));
	bb_wipe(a + 1, 38);
	tap_ok(a[0] == 'x' && a[1] == 0 && a[38] == 0 && a[39] == 'x',
	    "wiping wipes just what it is told to");
	bb_wipe(NULL, 0);
	memset(a, 7, sizeof(a));
	memset(b, 7, sizeof(b));
	tap_ok(bb_equal_ct(a, b, sizeof(a)), "equal bytes are equal");
	tap_ok(bb_equal_ct(a, b, 0), "no bytes are equal");
	for (i = 0; i < sizeof(a) * 8; i++) {
		b[i / 8] ^= (uint8_t)(1u << (i % 8));
		all = all && !bb_equal_ct(a, b, sizeof(a));
		b[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	tap_ok(all, "any single bit makes a difference");
}

static void
test_set(void)
{
	static char big[BB_SECRET_MAX + 1];
	struct bb_secret s = { 0 };

	memset(big, 'b', sizeof(big));
	tap_ok(bb_secret_set(&s, "hunter2", 7) == 0 && s.len == 7 &&
		   strcmp(s.text, "hunter2") == 0,
	    "a secret is copied and terminated");
	tap_ok(bb_secret_set(&s, s.text + 3, 4) == 0 &&
		   strcmp(s.text, "ter2") == 0,
	    "it may be set from itself");
	tap_ok(bb_secret_set(&s, big, BB_SECRET_MAX) == 0 &&
		   strlen(s.text) == BB_SECRET_MAX,
	    "the longest secret is taken");
	errno = 0;
	tap_ok(bb_secret_set(&s, big, sizeof(big)) == -1 && errno == EMSGSIZE &&
		   s.text == NULL && s.len == 0,
	    "a longer one is EMSGSIZE and the former is gone");
	tap_ok(bb_secret_set(&s, "", 0) == 0 && s.text != NULL && s.len == 0,
	    "an empty secret is one");
	errno = 0;
	tap_ok(bb_secret_set(&s, "a\0b", 3) == -1 && errno == EINVAL &&
		   s.text == NULL,
	    "one with a zero byte is EINVAL");
	bb_secret_clear(&s);
	bb_secret_clear(&s);
	tap_ok(s.text == NULL && s.len == 0, "clearing twice does no harm");
}

/* What lies in a pipe; the caller closes it. */
static int
pipe_with(const void *bytes, size_t len)
{
	int pair[2];

	if (pipe(pair) == -1 || write(pair[1], bytes, len) != (ssize_t)len)
		abort();
	(void)close(pair[1]);
	return pair[0];
}

static void
test_read_fd(void)
{
	static char big[BB_SECRET_MAX + 2];
	static const struct {
		const char *bytes;
		size_t len;
		const char *want; /* NULL: err */
		int err;
		const char *sentence;
	} rows[] = {
		/* clang-format off */
		{ "abc\nrest", 8, "abc", 0, "a line is read" },
		{ "abc", 3, "abc", 0, "a line without an end is read" },
		{ "abc\r\n", 5, "abc", 0, "CR LF is a line end" },
		{ "abc\r", 4, "abc\r", 0, "CR alone is none" },
		{ "\r\r\n", 3, "\r", 0, "only one CR is of the line end" },
		{ " a b \n", 6, " a b ", 0, "blanks belong to the secret" },
		{ "", 0, NULL, ENODATA, "no bytes are ENODATA" },
		{ "\n", 1, NULL, ENODATA, "an empty line is ENODATA" },
		{ "\r\n", 2, NULL, ENODATA, "so it is with CR LF" },
		{ "a\0b\n", 4, NULL, EINVAL, "a zero byte is EINVAL" },
		{ big, BB_SECRET_MAX + 1, NULL, EMSGSIZE,
		    "a long line is EMSGSIZE" },
		/* clang-format on */
	};
	struct bb_secret s = { 0 };
	int fd, rc;
	size_t i;

	memset(big, 'b', sizeof(big));
	for (i = 0; i < BB_LEN(rows); i++) {
		if (bb_secret_set(&s, "former", 6) == -1)
			abort();
		fd = pipe_with(rows[i].bytes, rows[i].len);
		errno = 0;
		rc = bb_secret_read_fd(&s, fd);
		if (rows[i].want != NULL)
			tap_ok(rc == 0 && strcmp(s.text, rows[i].want) == 0 &&
				   s.len == strlen(rows[i].want),
			    "%s", rows[i].sentence);
		else
			tap_ok(rc == -1 && errno == rows[i].err &&
				   s.text == NULL,
			    "%s", rows[i].sentence);
		(void)close(fd);
	}
	bb_secret_clear(&s);
}

static void
test_read_fd_exactly(void)
{
	static char line[BB_SECRET_MAX + 1];
	struct bb_secret s = { 0 };
	char rest[16] = { 0 };
	int fd = pipe_with("first\nsecond", 12);

	tap_ok(bb_secret_read_fd(&s, fd) == 0 &&
		   read(fd, rest, sizeof(rest)) == 6 &&
		   strcmp(rest, "second") == 0,
	    "nothing behind the line is consumed");
	(void)close(fd);
	memset(line, 'b', sizeof(line));
	line[BB_SECRET_MAX] = '\n';
	fd = pipe_with(line, sizeof(line));
	tap_ok(bb_secret_read_fd(&s, fd) == 0 && s.len == BB_SECRET_MAX,
	    "the longest line is read");
	(void)close(fd);
	errno = 0;
	tap_ok(bb_secret_read_fd(&s, fd) == -1 && errno == EBADF &&
		   s.text == NULL,
	    "a closed descriptor is EBADF");
}

/* A pipe that its other user made non-blocking, and a slow writer. */
static void
test_nonblocking(void)
{
	const struct timespec pause = { 0, 20000000 };
	struct bb_secret s = { 0 };
	int pair[2];
	pid_t pid;

	(void)fflush(stdout);
	if (pipe(pair) == -1)
		abort();
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid == 0) {
		(void)nanosleep(&pause, NULL);
		(void)!write(pair[1], "ab", 2);
		(void)nanosleep(&pause, NULL);
		(void)!write(pair[1], "c\n", 2);
		_exit(0);
	}
	tap_ok(bb_secret_read_fd(&s, pair[0]) == 0 &&
		   strcmp(s.text, "abc") == 0,
	    "a non-blocking descriptor is waited for");
	(void)waitpid(pid, NULL, 0);
	(void)close(pair[0]);
	(void)close(pair[1]);
	bb_secret_clear(&s);
}

static void
make_file(const char *path, mode_t mode)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs("from-file\n", file) < 0 ||
	    fclose(file) != 0 || chmod(path, mode) == -1)
		abort();
}

static void
test_read_file(void)
{
	char folder[] = "/tmp/bb-secret-test-XXXXXX", path[64];
	static const struct {
		mode_t mode;
		const char *why;
	} rows[] = {
		{ 0600, NULL },
		{ 0400, NULL },
		{ 0640, "is readable by others; chmod 600 it" },
		{ 0604, "is readable by others; chmod 600 it" },
		{ 0620, "is writable by others; chmod 600 it" },
		{ 0602, "is writable by others; chmod 600 it" },
	};
	struct bb_secret s = { 0 };
	const char *why = "unset";
	size_t i;
	int rc;

	if (mkdtemp(folder) == NULL)
		abort();
	(void)snprintf(path, sizeof(path), "%s/f", folder);
	for (i = 0; i < BB_LEN(rows); i++) {
		make_file(path, rows[i].mode);
		errno = 0;
		rc = bb_secret_read_file(&s, path, &why);
		TAP_EQ_STR(why, rows[i].why, "the mode of the file decides");
		tap_ok(rows[i].why == NULL
			   ? rc == 0 && strcmp(s.text, "from-file") == 0
			   : rc == -1 && errno == EACCES && s.text == NULL,
		    "mode %03o is %s", (unsigned)rows[i].mode,
		    rows[i].why == NULL ? "taken" : "EACCES");
	}
	(void)unlink(path);
	errno = 0;
	tap_ok(bb_secret_read_file(&s, path, &why) == -1 && errno == ENOENT &&
		   why == NULL,
	    "a file that is not there is ENOENT without a sentence");
	errno = 0;
	tap_ok(bb_secret_read_file(&s, folder, &why) == -1 && errno == EISDIR,
	    "a folder is EISDIR");
	(void)rmdir(folder);
	bb_secret_clear(&s);
}

/* As `--password-file <(command)` hands it over. */
static void
test_read_pipe_by_name(void)
{
	struct bb_secret s = { 0 };
	const char *why;
	char path[64];
	int fd = pipe_with("by-name\n", 8);

	(void)snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	if (access(path, R_OK) == -1)
		tap_skip("there is no /dev/fd");
	else
		tap_ok(bb_secret_read_file(&s, path, &why) == 0 &&
			   strcmp(s.text, "by-name") == 0,
		    "a pipe can be read by its name");
	(void)close(fd);
	bb_secret_clear(&s);
}

int
main(void)
{
	test_wipe_and_equal();
	test_set();
	test_read_fd();
	test_read_fd_exactly();
	test_nonblocking();
	test_read_file();
	test_read_pipe_by_name();
	return tap_done();
}
