/* Owns reading a key file. */
#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/secret.h"
#include "wire/text.h"

#include "base/cc.h"

#define HEX_LEN (2 * (size_t)BB_BASE_LEN)

static int
refuse(const char **why, int err, const char *clause)
{
	*why = clause;
	errno = err;
	return -1;
}

static int
refuse_sys(const char **why)
{
	int err = errno;

	return refuse(why, err, strerror(err));
}

static int
check_mode(int fd, const char **why)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return refuse_sys(why);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return refuse(why, EINVAL, "is neither a file nor a pipe");
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return refuse(why, EACCES,
		    "can be used by others; chmod 600 it");
	return 0;
}

static int
scan_hex(const char *text, size_t len, uint8_t base[BB_BASE_LEN],
    const char **why)
{
	char digits[HEX_LEN + 1];
	bool good;

	while (
	    len > HEX_LEN && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len != HEX_LEN)
		return refuse(why, EINVAL,
		    "has neither 32 bytes nor 64 hexadecimal digits");
	memcpy(digits, text, HEX_LEN);
	digits[HEX_LEN] = '\0';
	good = bb_text_hex_scan(digits, base, BB_BASE_LEN);
	bb_wipe(digits, sizeof(digits));
	if (!good)
		return refuse(why, EINVAL,
		    "has 64 characters, of which some are no hexadecimal "
		    "digits");
	return 0;
}

static int
scan(const struct bb_buf *buf, uint8_t base[BB_BASE_LEN], const char **why)
{
	static const uint8_t zero[BB_BASE_LEN];
	const char *text = (const char *)bb_buf_data(buf);

	if (bb_buf_len(buf) == BB_BASE_LEN)
		memcpy(base, text, BB_BASE_LEN);
	else if (scan_hex(text, bb_buf_len(buf), base, why) == -1)
		return -1;
	if (bb_equal_ct(base, zero, BB_BASE_LEN))
		return refuse(why, EINVAL, "is all zeros, which is no key");
	return 0;
}

int
key_file_read(const char *path, uint8_t base[BB_BASE_LEN], const char **why)
{
	struct bb_buf buf = BB_BUF_SECRET(HEX_LEN + 2);
	int fd, err, rc = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd == -1)
		return refuse_sys(why);
	if (check_mode(fd, why) == -1)
		goto out;
	if (bb_read_all(fd, &buf) == -1)
		(void)(errno == EFBIG
			   ? refuse(why, EINVAL, "is longer than a key")
			   : refuse_sys(why));
	else
		rc = scan(&buf, base, why);
out:
	err = errno;
	bb_buf_clear(&buf);
	(void)close(fd);
	errno = err;
	return rc;
}
