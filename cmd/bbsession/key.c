/* Key files: a device's first base key, put in place by hand. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fd.h"
#include "secrets.h"
#include "wire/text.h"

#include "base/cc.h"

#define HEX_LEN (2 * BB_BASE_LEN)
#define FILE_MAX (HEX_LEN + 2) /* with a line end of two bytes */

static const char *
mode_fault(const struct stat *st)
{
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return "is no file with a key";
	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return "can be used by others; chmod 600 it";
	return NULL;
}

/* The sentence goes with the name of the file: never what is in it. */
static const char *
scan(const char *bytes, size_t len, uint8_t base[BB_BASE_LEN])
{
	static const uint8_t zero[BB_BASE_LEN];
	char digits[HEX_LEN + 1];

	if (len == BB_BASE_LEN) {
		memcpy(base, bytes, BB_BASE_LEN);
	} else {
		if (len > HEX_LEN && bytes[len - 1] == '\n')
			len--;
		if (len > HEX_LEN && bytes[len - 1] == '\r')
			len--;
		if (len != HEX_LEN)
			return "has neither 32 bytes nor 64 hexadecimal digits";
		memcpy(digits, bytes, HEX_LEN);
		digits[HEX_LEN] = '\0';
		if (!bb_text_hex_scan(digits, base, BB_BASE_LEN)) {
			bb_wipe(digits, sizeof(digits));
			return "has 64 characters, but not all are "
			       "hexadecimal digits";
		}
		bb_wipe(digits, sizeof(digits));
	}
	if (bb_equal_ct(base, zero, BB_BASE_LEN))
		return "has nothing but zeros: that is no key";
	return NULL;
}

void
key_read(const char *path, uint8_t base[BB_BASE_LEN])
{
	struct bb_buf buf = BB_BUF_SECRET(FILE_MAX);
	const char *fault = NULL;
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd == -1 || fstat(fd, &st) == -1)
		bb_die_sys("unable to read the key file %s", path);
	fault = mode_fault(&st);
	if (fault == NULL && bb_read_all(fd, &buf) == -1) {
		if (errno != EFBIG)
			bb_die_sys("unable to read the key file %s", path);
		fault = "is longer than a key";
	}
	(void)close(fd);
	if (fault == NULL)
		fault = scan((const char *)bb_buf_data(&buf), bb_buf_len(&buf),
		    base);
	bb_buf_clear(&buf);
	if (fault != NULL)
		bb_die(BB_EXIT_USAGE, "unable to read the key file %s: it %s",
		    path, fault);
}
