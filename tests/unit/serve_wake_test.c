/* Wake-ups: who is woken, by what, and what is left behind. */
#include "serve/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cc.h"
#include "tap.h"

static char dir[PATH_MAX], store[PATH_MAX];
static struct bb_loop *loop;
static uint32_t pins[BB_WAKE_PINS + 1];
static size_t len, calls, stop_after;

static const char *
file(const char *name)
{
	static char path[2 * PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool
is_there(const char *name)
{
	return access(file(name), F_OK) == 0;
}

static void
woken(void *ctx, const uint32_t got[], size_t count)
{
	(void)ctx;
	len = count;
	if (count > 0)
		memcpy(pins, got, count * sizeof(*got));
	if (++calls == stop_after)
		bb_loop_stop(loop);
}

/* Runs until so many wake-ups have come. */
static void
wait_for(size_t count)
{
	calls = 0;
	stop_after = count;
	(void)bb_loop_run(loop);
}

static struct bb_wake *
wake_of(int64_t owner)
{
	struct bb_wake *w = bb_wake_new(loop, store, owner, woken, NULL);

	if (w == NULL)
		tap_ok(false, "a wake-up socket is made: %s", strerror(errno));
	return w;
}

static void
test_send(void)
{
	struct bb_wake *w = wake_of(7);
	uint32_t some[BB_WAKE_PINS + 1];
	struct stat st;
	size_t i;

	for (i = 0; i < BB_LEN(some); i++)
		some[i] = 0x2100000a + (uint32_t)i;
	tap_ok(stat(file("config.db-wake.7"), &st) == 0 &&
		   (st.st_mode & 0777) == 0600,
	    "the socket lies beside the store, for its user alone");
	TAP_EQ_INT(bb_wake_send(store, 7, some, 2), 0, "it can be sent to");
	wait_for(1);
	TAP_EQ_UINT(len, 2, "both PINs come");
	tap_ok(pins[0] == 0x2100000a && pins[1] == 0x2100000b, "as they were");
	(void)bb_wake_send(store, 7, some, BB_WAKE_PINS);
	wait_for(1);
	TAP_EQ_UINT(len, BB_WAKE_PINS, "64 fit");
	TAP_EQ_UINT(pins[63], 0x2100000a + 63, "to the last");
	(void)bb_wake_send(store, 7, some, BB_WAKE_PINS + 1);
	wait_for(1);
	TAP_EQ_UINT(len, 0, "more are said as all");
	for (i = 0; i < 5; i++)
		(void)bb_wake_send(store, 7, some, i);
	wait_for(5);
	TAP_EQ_UINT(calls, 5, "each is heard");
	bb_wake_free(w);
	tap_ok(!is_there("config.db-wake.7"), "a socket that ends is removed");
	TAP_EQ_INT(bb_wake_send(store, 7, some, 1), -1, "then nobody is there");
	TAP_EQ_INT(errno, ENOENT, "which is said");
}

static int
raw(const char *path, bool listen_there)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	int rc;

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	rc = listen_there
		 ? bind(fd, (const struct sockaddr *)&at, sizeof(at))
		 : connect(fd, (const struct sockaddr *)&at, sizeof(at));
	if (rc == -1)
		tap_note("%s: %s", path, strerror(errno));
	return fd;
}

static void
test_stale(void)
{
	int living = raw(file("config.db-wake.1"), true);
	struct bb_wake *w;

	(void)close(raw(file("config.db-wake.2"), true));
	(void)close(raw(file("config.db-wake.3"), true));
	(void)close(open(file("config.db-wake.txt"), O_CREAT | O_WRONLY, 0600));
	TAP_EQ_INT(bb_wake_send(store, 3, NULL, 0), -1,
	    "what a killed process left refuses");
	tap_ok(!is_there("config.db-wake.3"), "and is removed by who finds it");
	w = wake_of(9);
	tap_ok(!is_there("config.db-wake.2"), "and by the next that begins");
	tap_ok(is_there("config.db-wake.1"), "one that lives stays");
	tap_ok(is_there("config.db-wake.txt"), "and a file that is no socket");
	bb_wake_free(w);
	(void)close(living);
	(void)unlink(file("config.db-wake.1"));
	(void)unlink(file("config.db-wake.txt"));
}

static void
test_strange(void)
{
	struct bb_wake *w = wake_of(7);
	int fd = raw(file("config.db-wake.7"), false);

	(void)!send(fd, "hello", 5, 0);
	wait_for(1);
	TAP_EQ_UINT(len, 0, "a datagram of somebody else means all");
	(void)!send(fd, "bbw1\x21\x00\x00\x0a\x21", 9, 0);
	wait_for(1);
	TAP_EQ_UINT(len, 1, "half a PIN is none");
	(void)close(fd);
	bb_wake_free(w);
}

/* Who does not read does not hold up who writes. */
static void
test_full(void)
{
	struct bb_wake *w = wake_of(7);
	int i;

	for (i = 0; i < 100000; i++)
		if (bb_wake_send(store, 7, NULL, 0) == -1)
			break;
	tap_ok(i > 0 && i < 100000 && errno == EAGAIN,
	    "a full socket is said at once");
	bb_wake_free(w);
}

static void
test_paths(void)
{
	char link[2 * PATH_MAX], far[PATH_MAX];
	struct bb_wake *w = wake_of(7);
	size_t at;

	(void)snprintf(link, sizeof(link), "%s/link.db", dir);
	if (symlink(store, link) == -1)
		tap_ok(false, "a link is made");
	TAP_EQ_INT(bb_wake_send(link, 7, NULL, 0), 0,
	    "who has the store by another name finds the same socket");
	wait_for(1);
	(void)unlink(link);
	bb_wake_free(w);
	at = (size_t)snprintf(far, sizeof(far), "%s/", dir);
	memset(far + at, 'x', 120);
	far[at + 120] = '\0';
	(void)close(open(far, O_CREAT | O_WRONLY, 0600));
	tap_ok(bb_wake_new(loop, far, 7, woken, NULL) == NULL &&
		   errno == ENAMETOOLONG,
	    "a path that fits no socket address is refused");
	TAP_EQ_INT(bb_wake_send(far, 7, NULL, 0), -1, "in both directions");
	(void)unlink(far);
	tap_ok(bb_wake_new(loop, file("none.db"), 7, woken, NULL) == NULL &&
		   errno == ENOENT,
	    "as is a store that is not there");
}

int
main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/bb-wake-XXXXXX");
	if (mkdtemp(dir) == NULL ||
	    (loop = bb_loop_new(BB_LOOP_SOCKETS)) == NULL)
		return 1;
	(void)snprintf(store, sizeof(store), "%s", file("config.db"));
	(void)close(open(store, O_CREAT | O_WRONLY, 0600));
	test_send();
	test_stale();
	test_strange();
	test_full();
	test_paths();
	(void)unlink(store);
	TAP_EQ_INT(rmdir(dir), 0, "nothing is left behind");
	bb_loop_free(loop);
	return tap_done();
}
