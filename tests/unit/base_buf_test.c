/* The growable buffer: its maximum, its order, and its wiping. */
#include "base/buf.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cc.h"
#include "capture.h"
#include "tap.h"

static bool
holds(const struct bb_buf *buf, const char *text)
{
	return bb_buf_len(buf) == strlen(text) &&
	       memcmp(bb_buf_data(buf), text, strlen(text)) == 0;
}

static void
test_order(void)
{
	struct bb_buf buf = BB_BUF(100);

	tap_ok(bb_buf_data(&buf) != NULL && bb_buf_len(&buf) == 0,
	    "an empty buffer has a place and no bytes");
	tap_ok(bb_buf_put(&buf, NULL, 0) == 0, "no bytes can be put from NULL");
	tap_ok(bb_buf_puts(&buf, "abc") == 0 &&
		   bb_buf_printf(&buf, "%d-%s", 42, "x") == 0 &&
		   holds(&buf, "abc42-x"),
	    "what goes in stands in order");
	bb_buf_take(&buf, 3);
	tap_ok(holds(&buf, "42-x"), "bytes are taken from the front");
	bb_buf_cut(&buf, 2);
	tap_ok(holds(&buf, "42"), "bytes are cut from the end");
	bb_buf_cut(&buf, 50);
	tap_ok(holds(&buf, "42"), "cutting to more than there is does nothing");
	bb_buf_take(&buf, 1000);
	tap_ok(holds(&buf, ""), "taking more than there is empties");
	bb_buf_clear(&buf);
	bb_buf_clear(&buf);
	tap_ok(bb_buf_puts(&buf, "again") == 0 && holds(&buf, "again"),
	    "a cleared buffer can be used");
	bb_buf_clear(&buf);
}

static void
test_maximum(void)
{
	struct bb_buf buf = BB_BUF(10);

	TAP_EQ_UINT(bb_buf_room(&buf), 10, "the room is the maximum at first");
	tap_ok(bb_buf_puts(&buf, "12345678") == 0, "below the maximum fits");
	errno = 0;
	tap_ok(bb_buf_puts(&buf, "abc") == -1 && errno == ENOBUFS &&
		   holds(&buf, "12345678"),
	    "above it is ENOBUFS and nothing is added");
	errno = 0;
	tap_ok(bb_buf_printf(&buf, "%03d", 7) == -1 && errno == ENOBUFS &&
		   holds(&buf, "12345678"),
	    "printing above it too");
	tap_ok(bb_buf_reserve(&buf, 3) == NULL && errno == ENOBUFS,
	    "reserving above it too");
	tap_ok(bb_buf_printf(&buf, "%02d", 7) == 0 && holds(&buf, "1234567807"),
	    "a text may end exactly at the maximum");
	TAP_EQ_UINT(bb_buf_room(&buf), 0, "then there is no room");
	bb_buf_take(&buf, 4);
	tap_ok(bb_buf_puts(&buf, "abcd") == 0 && holds(&buf, "567807abcd"),
	    "what was taken makes room");
	bb_buf_clear(&buf);
}

static void
test_no_memory(void)
{
	struct bb_buf buf = BB_BUF(SIZE_MAX);

	tap_ok(bb_buf_puts(&buf, "abc") == 0, "the maximum may be SIZE_MAX");
	errno = 0;
	tap_ok(bb_buf_reserve(&buf, SIZE_MAX / 2) == NULL && errno == ENOMEM &&
		   holds(&buf, "abc"),
	    "more than memory holds is ENOMEM and changes nothing");
	bb_buf_clear(&buf);
}

/* A queue that a slow reader follows: the content is a counter modulo 251. */
static void
test_queue(void)
{
	struct bb_buf buf = BB_BUF(5000);
	unsigned in = 0, out = 0, round, i;
	bool right = true;
	uint8_t *to;
	size_t n;

	for (round = 1; round < 5000; round++) {
		n = round * 37 % 611;
		if (n > bb_buf_room(&buf))
			n = bb_buf_room(&buf);
		to = bb_buf_reserve(&buf, n);
		if (to == NULL)
			break;
		for (i = 0; i < n; i++)
			to[i] = (uint8_t)(in++ % 251);
		bb_buf_added(&buf, n);
		for (i = 0; i < round * 53 % 600 && bb_buf_len(&buf) > 0; i++) {
			right = right && *bb_buf_data(&buf) == out % 251;
			out++;
			bb_buf_take(&buf, 1);
		}
	}
	tap_ok(right && round == 5000,
	    "%u bytes come out as they went in, at any fill", out);
	tap_ok(buf.cap <= 5001, "memory stays at the maximum and a terminator");
	bb_buf_clear(&buf);
}

/* What was taken or cut, or lay where the content was before, is gone. */
static void
test_secret(void)
{
	struct bb_buf buf = BB_BUF_SECRET(300);
	static const uint8_t zero[300];

	tap_ok(bb_buf_puts(&buf, "hunter2-and-more") == 0, "secrets go in");
	bb_buf_take(&buf, 7);
	TAP_EQ_MEM(buf.mem, 7, zero, 7, "a secret that was taken is wiped");
	bb_buf_cut(&buf, 4);
	TAP_EQ_MEM(buf.mem + buf.end, 5, zero, 5,
	    "a secret that was cut is wiped");
	while (bb_buf_room(&buf) > 0) {
		if (bb_buf_put(&buf, "x", 1) == -1)
			break;
	}
	bb_buf_take(&buf, 250);
	tap_ok(bb_buf_put(&buf, "end", 3) == 0 && buf.start == 0,
	    "a full buffer is moved to its front");
	TAP_EQ_MEM(buf.mem + buf.end, 200, zero, 200,
	    "and nothing is left behind it");
	bb_buf_clear(&buf);
}

static void
add_too_much(void *arg)
{
	struct bb_buf buf = BB_BUF(1000);

	(void)arg;
	if (bb_buf_reserve(&buf, 10) != NULL)
		bb_buf_added(&buf, 1000);
}

int
main(void)
{
	struct capture c;

	test_order();
	test_maximum();
	test_no_memory();
	test_queue();
	test_secret();
	capture(&c, add_too_much, NULL);
	TAP_EQ_INT(c.status, -SIGABRT,
	    "adding more than was reserved ends the process");
	return tap_done();
}
