/* The growable byte buffer.  One byte more than asked for is always there, so
 * that a terminated text can be written in place. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/secret.h"

#define CAP_MIN 256

void
bb_buf_clear(struct bb_buf *buf)
{
	if (buf->secret && buf->mem != NULL)
		bb_wipe(buf->mem, buf->cap);
	free(buf->mem);
	buf->mem = NULL;
	buf->start = buf->end = buf->cap = 0;
}

size_t
bb_buf_len(const struct bb_buf *buf)
{
	return buf->end - buf->start;
}

const uint8_t *
bb_buf_data(const struct bb_buf *buf)
{
	static const uint8_t none[1];

	return buf->mem == NULL ? none : buf->mem + buf->start;
}

size_t
bb_buf_room(const struct bb_buf *buf)
{
	return buf->max - bb_buf_len(buf);
}

/* Moves what is held to the front of the same memory. */
static void
compact(struct bb_buf *buf)
{
	size_t len = bb_buf_len(buf);

	memmove(buf->mem, buf->mem + buf->start, len);
	if (buf->secret)
		bb_wipe(buf->mem + len, buf->end - len);
	buf->start = 0;
	buf->end = len;
}

/* By hand and not by realloc, which would leave a copy behind. */
static int
move_to(struct bb_buf *buf, size_t cap)
{
	size_t len = bb_buf_len(buf);
	uint8_t *mem = malloc(cap);

	if (mem == NULL)
		return -1;
	if (buf->mem != NULL)
		memcpy(mem, buf->mem + buf->start, len);
	bb_buf_clear(buf);
	buf->mem = mem;
	buf->end = len;
	buf->cap = cap;
	return 0;
}

/* `need` bytes and a terminator from start on. */
static int
fit(struct bb_buf *buf, size_t need)
{
	size_t cap;

	if (need > SIZE_MAX / 2)
		return -1;
	if (buf->mem != NULL && need < buf->cap) {
		if (need < buf->cap - buf->start)
			return 0;
		/* Moving is cheap when it frees at least what it moves. */
		if (buf->start >= bb_buf_len(buf) || buf->cap > buf->max) {
			compact(buf);
			return 0;
		}
	}
	cap = buf->cap > buf->max / 2 ? buf->max : buf->cap * 2;
	if (cap < need)
		cap = need;
	if (cap < CAP_MIN)
		cap = CAP_MIN;
	return move_to(buf, cap + 1);
}

uint8_t *
bb_buf_reserve(struct bb_buf *buf, size_t len)
{
	if (len > bb_buf_room(buf)) {
		errno = ENOBUFS;
		return NULL;
	}
	if (fit(buf, bb_buf_len(buf) + len) == -1) {
		errno = ENOMEM;
		return NULL;
	}
	return buf->mem + buf->end;
}

/* More than was reserved is our own fault and would be an overflow. */
void
bb_buf_added(struct bb_buf *buf, size_t len)
{
	if (len > buf->cap - buf->end || len > bb_buf_room(buf))
		abort();
	buf->end += len;
}

int
bb_buf_put(struct bb_buf *buf, const void *bytes, size_t len)
{
	uint8_t *to;

	if (len == 0)
		return 0;
	to = bb_buf_reserve(buf, len);
	if (to == NULL)
		return -1;
	memcpy(to, bytes, len);
	bb_buf_added(buf, len);
	return 0;
}

int
bb_buf_puts(struct bb_buf *buf, const char *text)
{
	return bb_buf_put(buf, text, strlen(text));
}

int
bb_buf_printf(struct bb_buf *buf, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return -1;
	to = bb_buf_reserve(buf, (size_t)len);
	if (to == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf((char *)to, (size_t)len + 1, fmt, ap);
	va_end(ap);
	bb_buf_added(buf, (size_t)len);
	return 0;
}

void
bb_buf_take(struct bb_buf *buf, size_t len)
{
	if (len > bb_buf_len(buf))
		len = bb_buf_len(buf);
	if (len == 0)
		return;
	if (buf->secret)
		bb_wipe(buf->mem + buf->start, len);
	buf->start += len;
	if (buf->start == buf->end)
		buf->start = buf->end = 0;
}

void
bb_buf_cut(struct bb_buf *buf, size_t len)
{
	size_t over;

	if (len >= bb_buf_len(buf))
		return;
	over = bb_buf_len(buf) - len;
	buf->end -= over;
	if (buf->secret)
		bb_wipe(buf->mem + buf->end, over);
}
