/* What lib/seal leaves in memory: nothing of a text that was sealed or opened,
 * and nothing of a key.  The test looks through all its own memory. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/sys.h"
#include "seal/seal.h"

#include "base/cc.h"

#include "tap.h"

#define SECRET_LEN 24
#define MAPPING_MAX (64UL << 20) /* more is a sanitizer's shadow */
#define MASK 0xa5

/* The secret is kept masked, so that this copy is not found. */
struct masked {
	uint8_t bytes[SECRET_LEN];
};

/* Letters for a password; any bytes for a key. */
static struct masked
draw(bool letters)
{
	struct masked secret = { .bytes = { 0 } };
	size_t i;

	bb_random(secret.bytes, SECRET_LEN);
	for (i = 0; i < SECRET_LEN; i++) {
		if (letters)
			secret.bytes[i] = (uint8_t)('a' + secret.bytes[i] % 26);
		secret.bytes[i] ^= MASK;
	}
	return secret;
}

static void
reveal(const struct masked *secret, volatile uint8_t *to)
{
	size_t i;

	for (i = 0; i < SECRET_LEN; i++)
		to[i] = secret->bytes[i] ^ MASK;
}

static bool
is_at(const struct masked *secret, const uint8_t *at)
{
	size_t i = 0;

	while (i < SECRET_LEN && at[i] == (uint8_t)(secret->bytes[i] ^ MASK))
		i++;
	return i == SECRET_LEN;
}

/* How often the secret stands in one range of this process's memory. */
static unsigned
count_in(int mem, const struct masked *secret, uint64_t from, uint64_t to)
{
	uint8_t *copy = malloc((size_t)(to - from));
	ssize_t got;
	unsigned found = 0;
	ssize_t i;

	if (copy == NULL)
		return 0;
	got = pread(mem, copy, (size_t)(to - from), (off_t)from);
	for (i = 0; i + SECRET_LEN <= got; i++) {
		if (is_at(secret, copy + i))
			found++;
	}
	bb_wipe(copy, (size_t)(to - from));
	free(copy);
	return found;
}

/* Looks through everything that can be written to; -1 where the system does
 * not show it. */
static int
count_everywhere(const struct masked *secret)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512], *end;
	uint64_t from, to;
	int found = 0;

	if (maps == NULL || mem == -1)
		found = -1;
	while (found >= 0 && fgets(line, sizeof(line), maps) != NULL) {
		from = strtoull(line, &end, 16);
		to = strtoull(end + 1, &end, 16);
		if (strncmp(end, " rw", 3) == 0 && to - from <= MAPPING_MAX)
			found += (int)count_in(mem, secret, from, to);
	}
	if (maps != NULL)
		(void)fclose(maps);
	if (mem != -1)
		(void)close(mem);
	return found;
}

/* Uses the stack that the calls before have used. */
static void
overwrite_stack(void)
{
	volatile uint8_t junk[16384];
	size_t i;

	for (i = 0; i < sizeof(junk); i++)
		junk[i] = 0;
}

/* A login whose password is the secret, in memory that is wiped. */
static void
put_login(struct bb_buf *json, const struct masked *secret)
{
	uint8_t *at;

	if (bb_buf_puts(json,
		"{\"op\":\"login\",\"user\":\"alice\",\"password\":\"") == -1)
		abort();
	at = bb_buf_reserve(json, SECRET_LEN);
	if (at == NULL)
		abort();
	reveal(secret, at);
	bb_buf_added(json, SECRET_LEN);
	if (bb_buf_puts(json, "\",\"have\":0}") == -1)
		abort();
}

/* Seals and opens a login of `pad` more bytes, stored or deflated. */
static void
round_trip(const struct masked *secret, size_t pad, bool stored)
{
	static const uint8_t base[BB_BASE_LEN] = { 4 };
	struct bb_frame frame = { .type = BB_FRAME_ATTACH, .pin = 1, .att = 1 };
	struct bb_buf json = BB_BUF_SECRET(BB_PACK_JSON_MAX);
	struct bb_buf out = BB_BUF(BB_FRAME_MAX);
	struct bb_buf sections[BB_PACK_SECTIONS] = {
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
	};
	struct bb_section section;
	struct bb_keys keys;
	const char *why;
	size_t count;

	put_login(&json, secret);
	while (pad-- > 0) {
		if (bb_buf_puts(&json, " ") == -1)
			abort();
	}
	section = (struct bb_section){ bb_buf_data(&json), bb_buf_len(&json),
		stored };
	if (bb_keys_expand(base, 1, &keys) == -1 ||
	    bb_seal(&keys, &frame, &section, 1, 1, &out) == -1 ||
	    bb_frame_read(bb_buf_data(&out), bb_buf_len(&out), &frame) !=
		BB_FRAME_SOUND ||
	    bb_open(&keys, &frame, sections, &count, &why) == -1 ||
	    bb_buf_len(&sections[0]) != bb_buf_len(&json))
		abort();
	bb_buf_clear(&json);
	bb_buf_clear(&out);
	bb_buf_clear(&sections[0]);
}

static void
test_found(void)
{
	struct masked secret = draw(true);
	uint8_t *plain = malloc(SECRET_LEN);

	if (plain == NULL)
		abort();
	reveal(&secret, plain);
	tap_ok(count_everywhere(&secret) >= 1,
	    "a password that stands in memory is found");
	bb_wipe(plain, SECRET_LEN);
	overwrite_stack();
	TAP_EQ_INT(count_everywhere(&secret), 0,
	    "one that was wiped is not found");
	free(plain);
}

static void
test_password(size_t pad, bool stored, const char *sentence)
{
	struct masked secret = draw(true);

	round_trip(&secret, pad, stored);
	overwrite_stack();
	TAP_EQ_INT(count_everywhere(&secret), 0, sentence);
}

static void
use_base(const struct masked *secret, const struct masked *half)
{
	uint8_t base[BB_BASE_LEN] = { 0 }, next[BB_BASE_LEN];
	uint8_t priv[BB_EPHEMERAL_LEN];
	struct bb_roll roll = { .pin = 1, .att = 1 };
	struct bb_keys keys;

	reveal(secret, base);
	if (bb_keys_expand(base, 1, &keys) == -1 ||
	    bb_keys_ephemeral(priv, roll.e_d) == -1 ||
	    bb_keys_ephemeral(priv, roll.e_s) == -1)
		abort();
	reveal(half, priv);
	if (bb_keys_roll(base, priv, true, &roll, next) == -1)
		abort();
	bb_wipe(base, sizeof(base));
	bb_wipe(next, sizeof(next));
	bb_wipe(priv, sizeof(priv));
	bb_wipe(&keys, sizeof(keys));
}

/* The message key must be gone when its structure is. */
static void
use_key(const struct masked *secret)
{
	struct bb_keys keys = { .kid = { 1 } };
	struct bb_frame frame = { .type = BB_FRAME_DATA,
		.pin = 1,
		.att = 1,
		.seq = 1 };
	struct bb_section section = { "{}", 2, true };
	struct bb_buf out = BB_BUF(BB_FRAME_MAX);

	reveal(secret, keys.up);
	reveal(secret, keys.nonce_up);
	if (bb_seal(&keys, &frame, &section, 1, 1, &out) == -1)
		abort();
	bb_buf_clear(&out);
	bb_wipe(&keys, sizeof(keys));
}

static void
test_keys(void)
{
	struct masked secret = draw(false), half = draw(false);

	use_base(&secret, &half);
	overwrite_stack();
	TAP_EQ_INT(count_everywhere(&secret), 0,
	    "a base key that was expanded and rolled is nowhere");
	TAP_EQ_INT(count_everywhere(&half), 0,
	    "nor is the private half that rolled it");
	secret = draw(false);
	use_key(&secret);
	overwrite_stack();
	TAP_EQ_INT(count_everywhere(&secret), 0,
	    "a key that has sealed is nowhere");
}

int
main(void)
{
	struct masked none = draw(true);

	if (count_everywhere(&none) == -1) {
		tap_skip("this system does not show a process its memory");
		return tap_done();
	}
	test_found();
	test_password(0, true, "a password sealed stored is nowhere");
	test_password(0, false, "a password sealed deflated is nowhere");
	test_password(5000, false,
	    "nor is one that went through the large window");
	test_keys();
	return tap_done();
}
