/* Descriptors and files: whole reads, whole writes, whole replacements. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/sys.h"

#define READ_CHUNK 16384

/* An inherited descriptor may have O_NONBLOCK, set by whoever shares it. */
static int
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	while (poll(&p, 1, -1) == -1) {
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

int
bb_write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	ssize_t put;

	while (len > 0) {
		put = write(fd, p, len);
		if (put >= 0) {
			p += put;
			len -= (size_t)put;
		} else if (errno == EAGAIN) {
			if (wait_for(fd, POLLOUT) == -1)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

ssize_t
bb_read_some(int fd, void *bytes, size_t len)
{
	ssize_t got;

	do {
		got = read(fd, bytes, len);
	} while (got == -1 && errno == EINTR);
	return got;
}

ssize_t
bb_read_wait(int fd, void *bytes, size_t len)
{
	ssize_t got;

	while ((got = bb_read_some(fd, bytes, len)) == -1) {
		if (errno != EAGAIN || wait_for(fd, POLLIN) == -1)
			return -1;
	}
	return got;
}

/* One chunk: bytes added, 0 at the end, -1. */
static ssize_t
read_chunk(int fd, struct bb_buf *buf)
{
	size_t room = bb_buf_room(buf);
	uint8_t *to, over;
	ssize_t got;

	if (room == 0) {
		got = bb_read_wait(fd, &over, 1);
		if (got == 1) {
			errno = EFBIG;
			got = -1;
		}
		return got;
	}
	if (room > READ_CHUNK)
		room = READ_CHUNK;
	to = bb_buf_reserve(buf, room);
	if (to == NULL)
		return -1;
	got = bb_read_wait(fd, to, room);
	if (got > 0)
		bb_buf_added(buf, (size_t)got);
	return got;
}

int
bb_read_all(int fd, struct bb_buf *buf)
{
	size_t before = bb_buf_len(buf);
	ssize_t got;

	do {
		got = read_chunk(fd, buf);
	} while (got > 0);
	if (got == -1)
		bb_buf_cut(buf, before);
	return got == -1 ? -1 : 0;
}

int
bb_read_file(const char *path, struct bb_buf *buf)
{
	int fd, err, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd == -1)
		return -1;
	rc = bb_read_all(fd, buf);
	err = errno;
	(void)close(fd);
	errno = err;
	return rc;
}

/* Locks the temporary file against other processes that replace the same
 * name.  0; -1 with errno; EAGAIN: it was renamed meanwhile, open it again. */
static int
lock_temp(int dirfd, const char *temp, int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat ours, named;

	while (fcntl(fd, F_SETLKW, &lock) == -1) {
		if (errno != EINTR)
			return -1;
	}
	if (fstat(fd, &ours) == -1)
		return -1;
	if (fstatat(dirfd, temp, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
		return 0;
	errno = EAGAIN;
	return -1;
}

/* A name that is always the same: what a crash leaves behind, which may hold a
 * key, is overwritten by the next replacement and does not pile up. */
static int
open_temp(int dirfd, const char *temp)
{
	int fd, err;

	for (;;) {
		fd = openat(dirfd, temp,
		    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		    0600);
		if (fd == -1)
			return -1;
		if (lock_temp(dirfd, temp, fd) == 0)
			return fd;
		err = errno;
		(void)close(fd);
		errno = err;
		if (err != EAGAIN)
			return -1;
	}
}

/* Some file systems cannot sync a folder and say EINVAL: their rename is as
 * durable as they make it. */
static int
sync_folder(int dirfd)
{
	return fsync(dirfd) == -1 && errno != EINVAL ? -1 : 0;
}

int
bb_replace_at(int dirfd, const char *name, const void *bytes, size_t len)
{
	char temp[256];
	int fd, err, rc = -1, n;

	n = snprintf(temp, sizeof(temp), ".%s.new", name);
	if (n < 0 || (size_t)n >= sizeof(temp) || *name == '\0' ||
	    strchr(name, '/') != NULL) {
		errno = n >= (int)sizeof(temp) ? ENAMETOOLONG : EINVAL;
		return -1;
	}
	fd = open_temp(dirfd, temp);
	if (fd == -1)
		return -1;
	if (ftruncate(fd, 0) == -1 || fchmod(fd, 0600) == -1 ||
	    bb_write_all(fd, bytes, len) == -1 || fsync(fd) == -1 ||
	    renameat(dirfd, temp, dirfd, name) == -1) {
		err = errno;
		(void)unlinkat(dirfd, temp, 0);
		errno = err;
	} else {
		rc = sync_folder(dirfd);
	}
	err = errno;
	(void)close(fd);
	errno = err;
	return rc;
}

int
bb_fd_tidy(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF)
			continue;
		/* The lowest free number is this one. */
		if (open("/dev/null", O_RDWR | O_NOCTTY) != fd)
			return -1;
	}
	return bb_sys_cloexec_from(3);
}
