/* Listening sockets: both loopbacks, unix sockets stale, live and foreign. */
#include "serve/listen.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "serve_rig.h"

#define MAX 8

static char folder[64];
static char why[BB_LISTEN_WHY_MAX];

static struct bb_addr
address(const char *text)
{
	const char *clause = "";
	struct bb_addr a;

	RIG_MUST(bb_addr_scan(text, 0, &a, &clause));
	return a;
}

static struct bb_addr
unix_address(const char *name)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "unix:%s/%s", folder, name);
	return address(text);
}

/* How many descriptors are open. */
static int
open_count(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	RIG_MUST(dir != NULL);
	/* cppcheck-suppress readdirCalled */
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

static int
listen_at(const struct bb_addr *a, int fds[MAX], size_t *count)
{
	*count = 0;
	why[0] = '\0';
	return bb_listen(a, fds, MAX, count, why);
}

static void
close_all(const int fds[], size_t count)
{
	while (count > 0)
		(void)close(fds[--count]);
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in6 at;
	socklen_t len = sizeof(at);

	RIG_MUST(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	return ntohs(at.sin6_port); /* at the same place in IPv4 */
}

/* The error of a connection to a loopback address, or 0. */
static int
try_in(int family, uint16_t port)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = in6addr_loopback };
	int fd = socket(family, SOCK_STREAM, 0), err = 0;

	if (fd == -1)
		return errno;
	if ((family == AF_INET
		    ? connect(fd, (struct sockaddr *)&in4, sizeof(in4))
		    : connect(fd, (struct sockaddr *)&in6, sizeof(in6))) == -1)
		err = errno;
	(void)close(fd);
	return err;
}

/* A socket of IPv6 at a port, or -1 where there is no IPv6. */
static int
in6_at(uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd != -1 && (bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == -1 ||
			    listen(fd, 1) == -1)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static bool
have_in6(void)
{
	int fd = in6_at(0);

	if (fd != -1)
		(void)close(fd);
	return fd != -1;
}

/* ---- loopback ---- */

static void
test_flags(int fd)
{
	tap_ok((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "it does not block");
	tap_ok((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "no child gets it");
}

static void
test_free_port(void)
{
	struct bb_addr a = address("0");
	char text[BB_ADDR_TEXT_MAX], want[64];
	size_t count, i;
	int fds[MAX];

	TAP_EQ_INT(listen_at(&a, fds, &count), 0, "port 0 is any free one");
	tap_ok(port_of(fds[0]) != 0, "(%d)", port_of(fds[0]));
	test_flags(fds[0]);
	TAP_EQ_INT(try_in(AF_INET, port_of(fds[0])), 0, "127.0.0.1 answers");
	(void)snprintf(want, sizeof(want), "127.0.0.1:%d", port_of(fds[0]));
	TAP_EQ_STR(bb_listen_text(fds[0], text), want, "and has a text");
	if (!have_in6()) {
		tap_skip("there is no IPv6 here");
		close_all(fds, count);
		return;
	}
	TAP_EQ_UINT(count, 2, "so is ::1");
	TAP_EQ_INT(port_of(fds[1]), port_of(fds[0]), "with the same port");
	TAP_EQ_INT(try_in(AF_INET6, port_of(fds[0])), 0, "and it answers");
	(void)snprintf(want, sizeof(want), "[::1]:%d", port_of(fds[0]));
	TAP_EQ_STR(bb_listen_text(fds[1], text), want, "and has a text");
	close_all(fds, count);
	/* A port that is free in one of them only is met now and then. */
	for (i = 0; i < 50; i++) {
		RIG_MUST(listen_at(&a, fds, &count) == 0);
		if (count != 2 || port_of(fds[0]) != port_of(fds[1]))
			break;
		close_all(fds, count);
	}
	TAP_EQ_UINT(i, 50, "every time");
}

static void
test_taken(void)
{
	struct sockaddr_in at;
	char text[16], want[BB_LISTEN_WHY_MAX];
	int fds[MAX], fd = rig_listen(&at);
	struct bb_addr a;
	size_t count;

	(void)snprintf(text, sizeof(text), "%d", ntohs(at.sin_port));
	(void)snprintf(want, sizeof(want), "%s: %s", text,
	    strerror(EADDRINUSE));
	a = address(text);
	TAP_EQ_INT(listen_at(&a, fds, &count), -1, "a port that is taken");
	TAP_EQ_INT(errno, EADDRINUSE, "(EADDRINUSE)");
	TAP_EQ_STR(why, want, "is named, and why");
	TAP_EQ_UINT(count, 0, "nothing is added");
	(void)close(fd);
}

/* Not one of those that the system gives to whoever asks for any: it would be
 * another's between two uses. */
static void
test_again(void)
{
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	int before, tries = 100, fds[MAX], fd;
	struct bb_addr a;
	char text[16];
	size_t count;

	do {
		(void)snprintf(text, sizeof(text), "%d", ++port);
		a = address(text);
	} while (listen_at(&a, fds, &count) == -1 && --tries > 0);
	TAP_EQ_INT(try_in(AF_INET, port), 0, "a fixed port answers");
	close_all(fds, count);
	TAP_EQ_INT(listen_at(&a, fds, &count), 0,
	    "at once again, whatever connections it had");
	close_all(fds, count);
	if ((fd = in6_at(port)) == -1) {
		tap_skip("there is no IPv6 here");
		return;
	}
	before = open_count();
	TAP_EQ_INT(listen_at(&a, fds, &count), -1,
	    "a port that is taken in IPv6 alone is taken");
	TAP_EQ_INT(errno, EADDRINUSE, "(EADDRINUSE)");
	TAP_EQ_INT(open_count(), before, "and nothing stays open");
	(void)close(fd);
}

/* ---- any, hosts ---- */

static void
test_any(void)
{
	struct bb_addr a = address("*:0");
	size_t count;
	int fds[MAX];

	TAP_EQ_INT(listen_at(&a, fds, &count), 0, "every address");
	TAP_EQ_UINT(count, 1, "is one socket");
	TAP_EQ_INT(try_in(AF_INET, port_of(fds[0])), 0, "127.0.0.1 answers");
	if (have_in6())
		TAP_EQ_INT(try_in(AF_INET6, port_of(fds[0])), 0, "::1 too");
	else
		tap_skip("there is no IPv6 here");
	close_all(fds, count);
}

static void
test_hosts(void)
{
	static const struct {
		const char *text;
		int family;
	} hosts[] = {
		{ "127.0.0.1:0", AF_INET },
		{ "localhost:0", AF_INET },
		{ "[::1]:0", AF_INET6 },
	};
	struct bb_addr a;
	size_t count, i, j;
	int fds[MAX], err;

	for (i = 0; i < BB_LEN(hosts); i++) {
		if (hosts[i].family == AF_INET6 && !have_in6()) {
			tap_skip("there is no IPv6 here");
			continue;
		}
		a = address(hosts[i].text);
		tap_ok(listen_at(&a, fds, &count) == 0 && count > 0,
		    "%s can be listened at", hosts[i].text);
		for (j = 0, err = -1; j < count && err != 0; j++)
			err = try_in(hosts[i].family, port_of(fds[j]));
		tap_ok(err == 0, "and answers");
		close_all(fds, count);
	}
	a = address("192.0.2.1:0");
	TAP_EQ_INT(listen_at(&a, fds, &count), -1, "an address of another");
	tap_ok(strcmp(why, "192.0.2.1:0: ") > 0 &&
		   strstr(why, strerror(EADDRNOTAVAIL)) != NULL,
	    "is refused (%s)", why);
}

/* A name that no DNS is asked for: a part of it has more than 63 bytes. */
static void
test_no_name(void)
{
	char text[BB_ADDR_TEXT_MAX];
	struct bb_addr a;
	size_t count;
	int fds[MAX];

	memset(text, 'a', 70);
	memcpy(text + 70, ":0", 3);
	a = address(text);
	TAP_EQ_INT(listen_at(&a, fds, &count), -1, "a name that is none");
	tap_ok(strncmp(why, text, 70) == 0 && strlen(why) > 74,
	    "is refused with the words of the resolver (%s)", why + 70);
}

static void
test_too_many(void)
{
	struct bb_addr a = unix_address("many");
	size_t count = 3;
	int before = open_count(), fds[3];

	TAP_EQ_INT(bb_listen(&a, fds, 3, &count, why), -1, "one place more");
	tap_ok(strstr(why, "too many") != NULL, "is too many (%s)", why);
	TAP_EQ_UINT(count, 3, "the others stay");
	TAP_EQ_INT(open_count(), before, "nothing stays open");
	TAP_EQ_INT(access(a.path, F_OK), -1, "and no file is left");
}

/* ---- unix sockets ---- */

static int
try_unix(const struct bb_addr *a)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), err = 0;

	memcpy(un.sun_path, a->path, sizeof(un.sun_path));
	RIG_MUST(fd != -1 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1)
		err = errno;
	if (err == 0)
		return fd;
	(void)close(fd);
	errno = err;
	return -1;
}

static void
test_unix(void)
{
	struct bb_addr a = unix_address("plain");
	char text[BB_ADDR_TEXT_MAX], want[BB_ADDR_TEXT_MAX];
	mode_t mask = umask(0);
	struct stat st = { 0 };
	size_t count;
	int fds[MAX], fd;

	TAP_EQ_INT(listen_at(&a, fds, &count), 0, "a unix socket");
	TAP_EQ_UINT(count, 1, "is one place");
	TAP_EQ_INT(stat(a.path, &st), 0, "it has a file");
	TAP_EQ_INT(st.st_mode & 07777, 0600, "of mode 0600");
	TAP_EQ_INT(umask(mask), 0, "the mask is as it was");
	test_flags(fds[0]);
	(void)snprintf(want, sizeof(want), "unix:%s", a.path);
	TAP_EQ_STR(bb_listen_text(fds[0], text), want, "it has a text");
	fd = try_unix(&a);
	tap_ok(fd != -1, "and answers");
	(void)close(fd);
	bb_listen_unlink(fds[0]);
	TAP_EQ_INT(access(a.path, F_OK), -1, "its file can be removed");
	(void)close(fds[0]);
}

static void
test_stale(void)
{
	struct bb_addr a = unix_address("stale");
	size_t count;
	int fds[MAX], fd;

	RIG_MUST(listen_at(&a, fds, &count) == 0);
	(void)close(fds[0]);
	TAP_EQ_INT(access(a.path, F_OK), 0, "a killed process leaves a file");
	TAP_EQ_INT(listen_at(&a, fds, &count), 0, "which is replaced");
	fd = try_unix(&a);
	tap_ok(fd != -1, "by one that answers");
	(void)close(fd);
	bb_listen_unlink(fds[0]);
	(void)close(fds[0]);
}

/* Its queue is filled up: whoever asks whether it lives must not wait for
 * room. */
static void
test_live(void)
{
	struct bb_addr a = unix_address("live");
	char want[BB_LISTEN_WHY_MAX];
	int fds[MAX], more[MAX], full[BB_LISTEN_BACKLOG * 2], used = 0, fd;
	size_t count, none;

	RIG_MUST(listen_at(&a, fds, &count) == 0);
	TAP_EQ_INT(listen_at(&a, more, &none), -1, "a live one is refused");
	(void)snprintf(want, sizeof(want), "unix:%s: %s", a.path,
	    strerror(EADDRINUSE));
	TAP_EQ_STR(why, want, "(reason)");
	RIG_MUST(listen(fds[0], 1) == 0);
	while (used < BB_LISTEN_BACKLOG * 2 && (fd = try_unix(&a)) != -1)
		full[used++] = fd;
	TAP_EQ_INT(errno, EAGAIN, "one whose queue is full");
	TAP_EQ_INT(listen_at(&a, more, &none), -1, "is refused at once");
	while (used > 0)
		(void)close(full[--used]);
	while ((fd = accept(fds[0], NULL, NULL)) != -1)
		(void)close(fd);
	fd = try_unix(&a);
	tap_ok(fd != -1, "and goes on answering");
	(void)close(fd);
	bb_listen_unlink(fds[0]);
	(void)close(fds[0]);
}

static void
test_other_files(void)
{
	struct bb_addr a = unix_address("file"), b = unix_address("no/folder");
	int fds[MAX], fd = open(a.path, O_CREAT | O_WRONLY, 0644);
	size_t count;

	RIG_MUST(fd != -1 && write(fd, "text", 4) == 4);
	TAP_EQ_INT(listen_at(&a, fds, &count), -1, "a file is in the way");
	TAP_EQ_INT(lseek(fd, 0, SEEK_END), 4, "and stays as it is");
	TAP_EQ_INT(access(a.path, F_OK), 0, "where it is");
	(void)close(fd);
	(void)unlink(a.path);
	TAP_EQ_INT(listen_at(&b, fds, &count), -1, "a folder is missing");
	tap_ok(strstr(why, strerror(ENOENT)) != NULL, "(%s)", why);
}

/* Whoever removes must be sure that it is his. */
static void
test_foreign(void)
{
	struct bb_addr a = unix_address("foreign");
	int fds[MAX], other[MAX], status = -1;
	size_t count;
	pid_t pid;

	RIG_MUST(listen_at(&a, fds, &count) == 0);
	(void)fflush(stdout);
	pid = fork();
	RIG_MUST(pid != -1);
	if (pid == 0) {
		bb_listen_unlink(fds[0]);
		_exit(0);
	}
	RIG_MUST(waitpid(pid, &status, 0) == pid);
	TAP_EQ_INT(access(a.path, F_OK), 0, "a child removes nothing of ours");
	/* Removed by hand, and started anew beside us. */
	RIG_MUST(unlink(a.path) == 0 && listen_at(&a, other, &count) == 0);
	bb_listen_unlink(fds[0]);
	TAP_EQ_INT(access(a.path, F_OK), 0, "what replaced ours is not ours");
	bb_listen_unlink(fds[0]);
	bb_listen_unlink(other[0]);
	TAP_EQ_INT(access(a.path, F_OK), -1, "its owner removes it");
	(void)close(fds[0]);
	(void)close(other[0]);
}

int
main(void)
{
	rig_folder(folder, sizeof(folder));
	test_free_port();
	test_taken();
	test_again();
	test_any();
	test_hosts();
	test_no_name();
	test_too_many();
	test_unix();
	test_stale();
	test_live();
	test_other_files();
	test_foreign();
	TAP_EQ_INT(rmdir(folder), 0, "no file is left");
	return tap_done();
}
