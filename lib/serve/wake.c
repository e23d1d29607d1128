/* Being woken by other processes that share the store. */
#include "serve/wake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cc.h"
#include "serve/wake_path.h"

#define READS_PER_TURN 64

struct bb_wake {
	struct bb_io *io;
	int fd;
	struct sockaddr_un at;
	void (*woken)(void *ctx, const uint32_t pins[], size_t len);
	void *ctx;
};

/* A datagram that is not one of ours is as good as "all": whoever can write
 * here may write the store. */
static void
take(struct bb_wake *w, const uint8_t *bytes, size_t len)
{
	uint32_t pins[BB_WAKE_PINS];
	size_t count = 0, at;

	if (len >= BB_WAKE_MAGIC_LEN &&
	    memcmp(bytes, BB_WAKE_MAGIC, BB_WAKE_MAGIC_LEN) == 0)
		for (at = BB_WAKE_MAGIC_LEN;
		     at + BB_WAKE_PIN_LEN <= len && count < BB_WAKE_PINS;
		     at += BB_WAKE_PIN_LEN)
			pins[count++] = (uint32_t)bytes[at] << 24 |
					(uint32_t)bytes[at + 1] << 16 |
					(uint32_t)bytes[at + 2] << 8 |
					bytes[at + 3];
	w->woken(w->ctx, pins, count);
}

static void
readable(void *wake, unsigned what)
{
	uint8_t bytes[BB_WAKE_MAGIC_LEN + BB_WAKE_PINS * BB_WAKE_PIN_LEN];
	struct bb_wake *w = wake;
	ssize_t n;
	int i;

	(void)what;
	for (i = 0; i < READS_PER_TURN; i++) {
		n = recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n == -1 && errno != EINTR)
			return;
		if (n >= 0)
			take(w, bytes, (size_t)n);
	}
}

/* A socket that nobody has open refuses. */
static bool
is_stale(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;
	bool stale;
	int fd;

	if (strlen(path) >= sizeof(at.sun_path) || lstat(path, &st) == -1 ||
	    !S_ISSOCK(st.st_mode))
		return false;
	memcpy(at.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1)
		return false;
	stale = connect(fd, (const struct sockaddr *)&at, sizeof(at)) == -1 &&
		errno == ECONNREFUSED;
	(void)close(fd);
	return stale;
}

/* prefix: a path, changed and put back. */
static void
remove_stale(char prefix[PATH_MAX])
{
	char *slash = strrchr(prefix, '/');
	const char *base = slash + 1;
	size_t base_len = strlen(base), dir_len = (size_t)(base - prefix);
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	*slash = '\0';
	dir = opendir(slash == prefix ? "/" : prefix);
	*slash = '/';
	/* cppcheck-suppress readdirCalled ; the threads do not list folders */
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, base, base_len) != 0 ||
		    dir_len + strlen(entry->d_name) >= sizeof(path))
			continue;
		memcpy(path, prefix, dir_len);
		memcpy(path + dir_len, entry->d_name,
		    strlen(entry->d_name) + 1);
		if (is_stale(path))
			(void)unlink(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static int
open_socket(struct bb_wake *w)
{
	mode_t mask;
	int rc;

	if ((w->fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1)
		return -1;
	if (fcntl(w->fd, F_SETFD, FD_CLOEXEC) == -1)
		return -1;
	mask = umask(0177);
	rc = bind(w->fd, (const struct sockaddr *)&w->at, sizeof(w->at));
	(void)umask(mask);
	if (rc == -1)
		w->at.sun_path[0] = '\0'; /* not ours to remove */
	return rc;
}

struct bb_wake *
bb_wake_new(struct bb_loop *loop, const char *store, int64_t owner,
    void (*woken)(void *ctx, const uint32_t pins[], size_t len), void *ctx)
{
	char prefix[PATH_MAX];
	struct bb_wake *w;
	int saved;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->fd = -1;
	w->woken = woken;
	w->ctx = ctx;
	if (bb_wake_prefix(store, prefix) == -1)
		goto fail;
	remove_stale(prefix);
	if (bb_wake_address(prefix, owner, &w->at) == -1) {
		w->at.sun_path[0] = '\0';
		goto fail;
	}
	if (open_socket(w) == -1)
		goto fail;
	w->io = bb_io_new(loop, w->fd, readable, w);
	if (w->io != NULL && bb_io_want(w->io, BB_READ) == 0)
		return w;
fail:
	saved = errno;
	bb_wake_free(w);
	errno = saved;
	return NULL;
}

void
bb_wake_free(struct bb_wake *w)
{
	if (w == NULL)
		return;
	bb_io_free(w->io);
	if (w->fd != -1)
		(void)close(w->fd);
	if (w->at.sun_path[0] != '\0')
		(void)unlink(w->at.sun_path);
	free(w);
}
