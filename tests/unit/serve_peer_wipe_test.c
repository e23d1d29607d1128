/* What a peer of a secret kind leaves in memory: nothing of what was read and
 * written.  The test looks through all memory that it can write, and proves
 * first that it would find something. */
#include <inttypes.h>
#include <signal.h>

#include "base/log.h"
#include "base/secret.h"
#include "base/sys.h"
#include "serve_rig.h"

#define CANARY_LEN 24
#define TEXT_LEN 124
#define CHUNK 65536
#define MAPPING_MAX (64UL << 20) /* more is a sanitizer's shadow */
#define MASK 0xA5

/* Kept masked, so that this copy is not found. */
static uint8_t masked[CANARY_LEN];

/* ---- looking ---- */

static void
draw(void)
{
	size_t i;

	bb_random(masked, sizeof(masked));
	for (i = 0; i < sizeof(masked); i++)
		masked[i] = (uint8_t)('a' + masked[i] % 26) ^ MASK;
}

static void
reveal(char *to)
{
	volatile char *at = to;
	size_t i;

	for (i = 0; i < CANARY_LEN; i++)
		at[i] = (char)(masked[i] ^ MASK);
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
		from += got > CANARY_LEN ? (uint64_t)(got - CANARY_LEN + 1)
					 : (uint64_t)got;
	}
	bb_wipe(window, CHUNK);
	return found;
}

/* -1 where the system does not show it. */
static int
count_everywhere(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), found = 0;
	uint8_t *window = malloc(CHUNK);
	char line[512], *end;
	uint64_t from, to;

	if (maps == NULL || mem == -1 || window == NULL)
		found = -1;
	while (found >= 0 && fgets(line, sizeof(line), maps) != NULL) {
		from = strtoull(line, &end, 16);
		to = strtoull(end + 1, &end, 16);
		if (strncmp(end, " rw", 3) == 0 && to - from <= MAPPING_MAX)
			found += (int)count_in(mem, window, from, to);
	}
	free(window);
	if (maps != NULL)
		(void)fclose(maps);
	if (mem != -1)
		(void)close(mem);
	return found;
}

/* ---- peers ---- */

struct seen {
	unsigned inputs, closes;
	bool take;
};

static bool
input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct seen *seen = ctx;

	(void)peer;
	seen->inputs++;
	if (seen->take)
		bb_buf_take(in, bb_buf_len(in));
	return true;
}

static void
closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct seen *seen = ctx;

	(void)peer;
	(void)why;
	seen->closes++;
}

static bool
was_shown(void *ctx)
{
	const struct seen *seen = ctx;

	return seen->inputs > 0;
}

static bool
was_closed(void *ctx)
{
	const struct seen *seen = ctx;

	return seen->closes > 0;
}

static struct bb_peer_kind kind = {
	.name = "secret",
	.in_max = 10000,
	.out_max = 1 << 20,
	.input = input,
	.closed = closed,
};

/* Bytes before the canary, so that an allocator's notes do not hit it. */
static void
put_canary(char text[TEXT_LEN])
{
	memset(text, '.', TEXT_LEN);
	reveal(text + TEXT_LEN - CANARY_LEN);
}

/* From the far end, which keeps no copy. */
static void
write_canary(int fd)
{
	char text[TEXT_LEN];

	put_canary(text);
	RIG_MUST(write(fd, text, sizeof(text)) == sizeof(text));
	bb_wipe(text, sizeof(text));
}

static void
send_canary(struct bb_peer *peer)
{
	char text[TEXT_LEN];

	put_canary(text);
	RIG_MUST(bb_peer_send(peer, text, sizeof(text)) == 0);
	bb_wipe(text, sizeof(text));
}

/* All ways on which bytes go through a peer; how many are found after. */
static int
found_after(struct rig *rig)
{
	static struct seen seen; /* the rig keeps it */
	struct bb_peer *peer;
	int fds[2], i, found = 0;

	seen = (struct seen){ .take = true };
	rig_unix_pair(fds);
	peer = bb_peer_new(rig->loop, fds[0], fds[0], &kind, &seen);
	RIG_MUST(peer != NULL);
	write_canary(fds[1]);
	(void)rig_until(rig, was_shown, &seen);
	found += count_everywhere();
	/* Left over, in pieces, then ended within. */
	seen.take = false;
	for (i = 0; i < 3; i++) {
		seen.inputs = 0;
		write_canary(fds[1]);
		(void)rig_until(rig, was_shown, &seen);
	}
	send_canary(peer);
	bb_peers_flush();
	send_canary(peer);
	(void)close(fds[1]);
	(void)rig_until(rig, was_closed, &seen);
	found += count_everywhere();
	/* Freed with output that waits. */
	rig_unix_pair(fds);
	peer = bb_peer_new(rig->loop, fds[0], fds[0], &kind, &seen);
	RIG_MUST(peer != NULL);
	send_canary(peer);
	bb_peer_free(peer);
	(void)close(fds[1]);
	return found + count_everywhere();
}

int
main(void)
{
	struct rig rig;
	int found;

	(void)signal(SIGPIPE, SIG_IGN);
	bb_log_open("serve_peer_wipe_test");
	draw();
	rig_open(&rig);
	found = found_after(&rig);
	if (found < 0) {
		tap_skip("memory cannot be looked through here");
		rig_close(&rig);
		return tap_done();
	}
	tap_ok(found > 0, "a kind without secrets leaves some (%d)", found);
	draw();
	kind.secret = true;
	TAP_EQ_INT(found_after(&rig), 0, "a secret kind leaves nothing");
	rig_close(&rig);
	return tap_done();
}
