/* Owns zlib and its memory.
 *
 * zlib keeps what passed through it: the window holds the plain text, hash
 * chains and pending output hold traces, and deflateReset wipes none of them.
 * So its memory comes from a pool that is kept for the life of the process and
 * wiped chunk by chunk when zlib gives it back, after every section: no
 * password stays, and nothing is allocated twice.  To make that cheap a short
 * section gets a small window: 30 KiB are wiped instead of 260. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "seal/flate.h"

#include "base/secret.h"
#include "seal/pack.h"

#include "base/cc.h"

#define LEVEL 6
#define WINDOW (-15) /* negative: raw; 2^15 bytes */
#define MEMORY 8
/* The same for dictionary and section together within a window of 2^12, of
 * which zlib keeps 262 bytes (MIN_LOOKAHEAD) out of reach. */
#define SMALL_WINDOW (-12)
#define SMALL_MEMORY 5
#define SMALL_MAX ((1u << 12) - 262)
#define CHUNKS 16 /* zlib asks for 5, 5 and 2 sizes */

static struct chunk {
	void *mem;
	size_t size;
	bool used;
} chunks[CHUNKS];

/* zlib asks for the same sizes again and again: only equal ones are reused. */
static void *
pool_take(void *unused, unsigned items, unsigned size)
{
	size_t i, need = (size_t)items * size;

	(void)unused;
	for (i = 0; i < CHUNKS && chunks[i].mem != NULL; i++) {
		if (!chunks[i].used && chunks[i].size == need) {
			chunks[i].used = true;
			return chunks[i].mem;
		}
	}
	if (i == CHUNKS)
		return NULL;
	chunks[i].mem = malloc(need);
	chunks[i].size = need;
	chunks[i].used = chunks[i].mem != NULL;
	return chunks[i].mem;
}

static void
pool_give(void *unused, void *mem)
{
	size_t i;

	(void)unused;
	for (i = 0; i < CHUNKS; i++) {
		if (chunks[i].mem == mem && chunks[i].used) {
			bb_wipe(mem, chunks[i].size);
			chunks[i].used = false;
		}
	}
}

static z_stream
stream(const void *in, size_t len, uint8_t *out, size_t room)
{
	z_stream z = { .zalloc = pool_take, .zfree = pool_give };

	z.next_in = in;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)room;
	return z;
}

int
bb_deflate(const void *in, size_t len, uint8_t *out, size_t room,
    size_t *out_len)
{
	bool small = bb_pack_dictionary_len + len <= SMALL_MAX;
	z_stream z = stream(in, len, out, room);
	int answer = Z_MEM_ERROR;

	if (deflateInit2(&z, LEVEL, Z_DEFLATED, small ? SMALL_WINDOW : WINDOW,
		small ? SMALL_MEMORY : MEMORY, Z_DEFAULT_STRATEGY) == Z_OK) {
		if (deflateSetDictionary(&z, bb_pack_dictionary,
			(uInt)bb_pack_dictionary_len) == Z_OK)
			answer = deflate(&z, Z_FINISH);
		(void)deflateEnd(&z);
	}
	*out_len = room - z.avail_out;
	if (answer == Z_STREAM_END)
		return 0;
	errno = answer == Z_MEM_ERROR ? ENOMEM : ENOSPC;
	return -1;
}

/* The words for an inflate that did not end as it must; NULL when it did. */
static const char *
fault(int answer, const z_stream *z)
{
	if (answer == Z_STREAM_END)
		return z->avail_in == 0
			   ? NULL
			   : "bytes follow the end of a deflate stream";
	if (answer == Z_BUF_ERROR || answer == Z_OK)
		return z->avail_out == 0
			   ? "a section is too long after inflating"
			   : "a deflate stream is cut off";
	return "a deflate stream is wrong";
}

int
bb_inflate(const void *in, size_t len, uint8_t *out, size_t room,
    size_t *out_len, const char **why)
{
	z_stream z = stream(in, len, out, room);
	int answer = Z_MEM_ERROR;

	*why = NULL;
	if (inflateInit2(&z, WINDOW) == Z_OK) {
		if (inflateSetDictionary(&z, bb_pack_dictionary,
			(uInt)bb_pack_dictionary_len) == Z_OK)
			answer = inflate(&z, Z_FINISH);
		(void)inflateEnd(&z);
	}
	*out_len = room - z.avail_out;
	if (answer == Z_MEM_ERROR) {
		errno = ENOMEM;
		return -1;
	}
	*why = fault(answer, &z);
	if (*why == NULL)
		return 0;
	errno = EPROTO;
	return -1;
}
