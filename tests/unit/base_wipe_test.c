/* What secrets leave in memory: nothing.  The test looks through all memory
 * that it can write, and proves first that it would find something. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/secret.h"
#include "base/sys.h"

#include "base/cc.h"

#include "tap.h"

#define CANARY_LEN 24
#define CHUNK 65536
#define MAPPING_MAX (64UL << 20) /* more is a sanitizer's shadow */
#define MASK 0xA5

/* Kept masked, so that this copy is not found. */
static uint8_t masked[CANARY_LEN];

static void
draw(void)
{
	size_t i;

	bb_random(masked, sizeof(masked));
	for (i = 0; i < sizeof(masked); i++)
		masked[i] = (uint8_t)('a' + masked[i] % 26) ^ MASK;
}

static bool
is_at(const uint8_t *at)
{
	size_t i = 0;

	while (i < CANARY_LEN && at[i] == (masked[i] ^ MASK))
		i++;
	return i == CANARY_LEN;
}

/* The window is read anew for each chunk and overlaps by one canary. */
static unsigned
count_in(int mem, uint8_t *window, uint64_t from, uint64_t to)
{
	unsigned found = 0;
	ssize_t got, i;

	while (from < to) {
		got = pread(mem, window, CHUNK, (off_t)from);
		if (got <= 0)
			break;
		if ((uint64_t)got > to - from)
			got = (ssize_t)(to - from);
		for (i = 0; i + CANARY_LEN <= got; i++)
			found += is_at(window + i);
		bb_wipe(window, CHUNK);
		if (got < CANARY_LEN || from + (uint64_t)got == to)
			break;
		from += (uint64_t)got - CANARY_LEN + 1;
	}
	return found;
}

/* How often the canary stands in this process; -1 where that cannot be read. */
static int
count(void)
{
	static uint8_t window[CHUNK];
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned found = 0;
	uint64_t from, to;
	char line[512], *end;

	while (maps != NULL && mem != -1 &&
	       fgets(line, sizeof(line), maps) != NULL) {
		from = strtoull(line, &end, 16);
		to = *end == '-' ? strtoull(end + 1, &end, 16) : 0;
		if (strncmp(end, " rw", 3) == 0 && to - from <= MAPPING_MAX)
			found += count_in(mem, window, from, to);
	}
	if (mem != -1)
		(void)close(mem);
	if (maps == NULL || mem == -1)
		return -1;
	(void)fclose(maps);
	return (int)found;
}

/* Bytes around the canary, so that an allocator's notes do not hit it. */
static int
put_canary(struct bb_buf *buf)
{
	uint8_t *to = bb_buf_reserve(buf, 100 + CANARY_LEN);
	size_t i;

	if (to == NULL)
		return -1;
	memset(to, '.', 100);
	for (i = 0; i < CANARY_LEN; i++)
		to[100 + i] = masked[i] ^ MASK;
	bb_buf_added(buf, 100 + CANARY_LEN);
	return 0;
}

static void
test_control(void)
{
	struct bb_buf buf = BB_BUF(1000);

	if (put_canary(&buf) == -1)
		abort();
	TAP_EQ_INT(count(), 1, "what a buffer holds is found");
	bb_buf_clear(&buf);
	tap_ok(count() == 1,
	    "and after an ordinary buffer was cleared as well");
}

static void
test_buffer(void)
{
	struct bb_buf buf = BB_BUF_SECRET(100000);

	draw();
	if (put_canary(&buf) == -1)
		abort();
	if (bb_buf_reserve(&buf, 3000) == NULL)
		abort();
	TAP_EQ_INT(count(), 1, "a secret buffer that grows leaves no copy");
	bb_buf_clear(&buf);
	TAP_EQ_INT(count(), 0, "nor one that is cleared");
}

/* Through a pipe: what the sender had is wiped before the count. */
static int
pipe_with_canary(bool too_long)
{
	static char line[2000];
	size_t len = too_long ? sizeof(line) : CANARY_LEN, i;
	int pair[2];

	memset(line, '.', sizeof(line));
	for (i = 0; i < CANARY_LEN; i++)
		line[i] = (char)(masked[i] ^ MASK);
	if (pipe(pair) == -1 || bb_write_all(pair[1], line, len) == -1)
		abort();
	bb_wipe(line, sizeof(line));
	(void)close(pair[1]);
	return pair[0];
}

static void
test_secret(void)
{
	struct bb_secret s = { 0 };
	int fd;

	draw();
	fd = pipe_with_canary(false);
	tap_ok(bb_secret_read_fd(&s, fd) == 0 && count() == 1,
	    "a secret that was read stands in one place");
	(void)close(fd);
	if (bb_secret_set(&s, s.text, s.len) == -1)
		abort();
	TAP_EQ_INT(count(), 1, "setting it anew leaves no copy");
	bb_secret_clear(&s);
	TAP_EQ_INT(count(), 0, "clearing it leaves none at all");
	fd = pipe_with_canary(true);
	errno = 0;
	tap_ok(bb_secret_read_fd(&s, fd) == -1 && errno == EMSGSIZE &&
		   count() == 0,
	    "one that is too long leaves none");
	(void)close(fd);
}

int
main(void)
{
	if (count() == -1) {
		tap_skip("this system does not let a process read itself");
		return tap_done();
	}
	draw();
	test_control();
	test_buffer();
	test_secret();
	return tap_done();
}
