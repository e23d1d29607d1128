/* Lines between dispatcher and Collaboration Service (lib/line/line.c).
 *
 * Properties: a line ends at the same place whether its bytes come at once or
 * one by one; a line that is taken can be written and is then the same line,
 * member for member, and has no control character but its newline; written
 * twice it is the same bytes.
 * fuzz: -max_len=100000 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "line/line.h"

#include "base/cc.h"

/* Up to here bytes come one by one, behind it in larger steps. */
#define SINGLE_BYTES 512
#define STEP 1009

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
must_split_alike(const uint8_t *data, size_t size, enum bb_parse want,
    size_t want_len)
{
	enum bb_parse got = BB_PARSE_MORE;
	size_t n = 0, len = 0;

	for (;;) {
		got = bb_line_split(data, n, &len);
		if (got != BB_PARSE_MORE || n == size)
			break;
		n += n < SINGLE_BYTES ? 1 : STEP;
		if (n > size)
			n = size;
	}
	must(got == want);
	must(got != BB_PARSE_OK || len == want_len);
}

static void
must_skip(const uint8_t *data, size_t size)
{
	const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
	bool done;
	size_t skipped = bb_line_skip(data, size, &done);

	must(done == (end != NULL));
	must(skipped == (done ? (size_t)(end - data) + 1 : size));
}

static void
must_equal(const struct bb_line *a, const struct bb_line *b)
{
	must(a->kind == b->kind && a->pin == b->pin && a->att == b->att);
	must(a->seq == b->seq && a->link == b->link && a->hint == b->hint);
	must(a->has_reply == b->has_reply);
	must(a->router == b->router && a->up == b->up);
	must(memcmp(a->kid, b->kid, sizeof(a->kid)) == 0);
	must(memcmp(a->nonce, b->nonce, sizeof(a->nonce)) == 0);
	must(json_equal(a->json, b->json));
}

static void
must_be_one_line(const uint8_t *text, size_t len)
{
	size_t i;

	must(len > 0 && len <= BB_LINE_MAX && text[len - 1] == '\n');
	for (i = 0; i + 1 < len; i++)
		must(text[i] >= 0x20);
}

static void
as_line(const uint8_t *data, size_t size, bool up)
{
	struct bb_buf out = BB_BUF(BB_LINE_MAX), twice = BB_BUF(BB_LINE_MAX);
	char why[BB_MESSAGE_WHY_MAX] = "";
	struct bb_line line, again;

	if (bb_line_parse(data, size, up, &line, why) == -1) {
		must(why[0] != '\0' && line.json == NULL);
		return;
	}
	/* A number such as 1e300 is longer when written out. */
	if (bb_line_write(&line, up, &out) == -1) {
		must(errno == EMSGSIZE && bb_buf_len(&out) == 0);
		goto out;
	}
	must_be_one_line(bb_buf_data(&out), bb_buf_len(&out));
	must(bb_line_parse(bb_buf_data(&out), bb_buf_len(&out), up, &again,
		 why) == 0);
	must_equal(&line, &again);
	must(bb_line_write(&again, up, &twice) == 0);
	must(bb_buf_len(&out) == bb_buf_len(&twice));
	must(memcmp(bb_buf_data(&out), bb_buf_data(&twice), bb_buf_len(&out)) ==
	     0);
	bb_line_clear(&again);
out:
	bb_line_clear(&line);
	bb_buf_clear(&out);
	bb_buf_clear(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum bb_parse found;
	size_t len = 0;

	bb_json_init();
	must_skip(data, size);
	for (;;) {
		found = bb_line_split(data, size, &len);
		must_split_alike(data, size, found, len);
		if (found != BB_PARSE_OK)
			break;
		must(len > 0 && len <= size && data[len - 1] == '\n');
		as_line(data, len, true);
		as_line(data, len, false);
		data += len;
		size -= len;
	}
	/* The last line may lack its newline. */
	if (found == BB_PARSE_MORE) {
		as_line(data, size, true);
		as_line(data, size, false);
	}
	return 0;
}
