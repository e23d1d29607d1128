/* Secrets read from outside, and the wiping and comparing that all secrets
 * need.  Asking on a terminal is in secret_ask.c. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"
#include "base/sys.h"

/* All secrets take the same memory: freeing needs no length then. */
#define SECRET_MEM (BB_SECRET_MAX + 1)

void
bb_wipe(void *mem, size_t len)
{
	/* The compiler cannot know what a volatile pointer points to. */
	static void *(*const volatile set)(void *, int, size_t) = memset;

	if (len > 0)
		(void)set(mem, 0, len);
}

bool
bb_equal_ct(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *pa = a, *pb = b;
	unsigned differ = 0;
	size_t i;

	for (i = 0; i < len; i++)
		differ |= (unsigned)pa[i] ^ pb[i];
	return differ == 0;
}

void
bb_secret_clear(struct bb_secret *s)
{
	if (s->text != NULL) {
		bb_wipe(s->text, SECRET_MEM);
		bb_sys_secret_free(s->text, SECRET_MEM);
	}
	s->text = NULL;
	s->len = 0;
}

/* Takes `mem`, which holds len bytes, in place of the former content. */
static void
adopt(struct bb_secret *s, char *mem, size_t len)
{
	bb_secret_clear(s);
	mem[len] = '\0';
	s->text = mem;
	s->len = len;
}

int
bb_secret_set(struct bb_secret *s, const void *bytes, size_t len)
{
	char *mem;

	if (len > BB_SECRET_MAX) {
		bb_secret_clear(s);
		errno = EMSGSIZE;
		return -1;
	}
	if (len > 0 && memchr(bytes, '\0', len) != NULL) {
		bb_secret_clear(s);
		errno = EINVAL;
		return -1;
	}
	mem = bb_sys_secret_alloc(SECRET_MEM);
	if (mem == NULL) {
		bb_secret_clear(s);
		errno = ENOMEM;
		return -1;
	}
	if (len > 0)
		memcpy(mem, bytes, len);
	adopt(s, mem, len);
	return 0;
}

/* Reads the line into mem (SECRET_MEM bytes).  Its length, or -1 with errno. */
static ssize_t
read_line(int fd, char *mem)
{
	size_t len = 0;
	ssize_t got;
	char c = '\0';

	while ((got = bb_read_wait(fd, &c, 1)) == 1 && c != '\n') {
		if (len == BB_SECRET_MAX) {
			errno = EMSGSIZE;
			len = 0;
			got = -1;
			break;
		}
		mem[len++] = c;
	}
	c = '\0';
	bb_wipe(&c, sizeof(c));
	if (got == -1)
		return -1;
	if (got == 1 && len > 0 && mem[len - 1] == '\r')
		len--;
	if (len == 0)
		errno = ENODATA;
	else if (memchr(mem, '\0', len) != NULL)
		errno = EINVAL;
	else
		return (ssize_t)len;
	return -1;
}

int
bb_secret_read_fd(struct bb_secret *s, int fd)
{
	char *mem;
	ssize_t len;
	int err;

	bb_secret_clear(s);
	mem = bb_sys_secret_alloc(SECRET_MEM);
	if (mem == NULL)
		return -1;
	len = read_line(fd, mem);
	if (len == -1) {
		err = errno;
		bb_wipe(mem, SECRET_MEM);
		bb_sys_secret_free(mem, SECRET_MEM);
		errno = err;
		return -1;
	}
	adopt(s, mem, (size_t)len);
	return 0;
}

/* A terminal or another device has the mode that its kind has; a regular file
 * or a named pipe has the one that its owner gave it. */
static const char *
mode_fault(const struct stat *st)
{
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return NULL;
	if ((st->st_mode & (S_IRGRP | S_IROTH)) != 0)
		return "is readable by others; chmod 600 it";
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "is writable by others; chmod 600 it";
	return NULL;
}

int
bb_secret_read_file(struct bb_secret *s, const char *path, const char **why)
{
	struct stat st;
	int fd, err, rc = -1;

	*why = NULL;
	bb_secret_clear(s);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		goto out;
	*why = mode_fault(&st);
	if (*why != NULL) {
		errno = EACCES;
		goto out;
	}
	rc = bb_secret_read_fd(s, fd);
out:
	err = errno;
	(void)close(fd);
	errno = err;
	return rc;
}
