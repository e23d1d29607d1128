/* How long a frame may be, what it may hold, and what its length tells. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "seal/seal.h"

#include "base/cc.h"

#include "seal_vectors.h"
#include "tap.h"

static int
seal_of(uint8_t type, size_t count, size_t json_len, size_t pad, size_t room)
{
	static char json[BB_PACK_JSON_MAX] = "{";
	struct bb_keys keys = vector_keys(false);
	struct bb_frame frame = { .type = type,
		.pin = VECTOR_PIN,
		.att = 1,
		.seq = type == BB_FRAME_DATA ? 1 : 0 };
	struct bb_section sections[3] = { { json, json_len, true },
		{ json, json_len, true }, { json, json_len, true } };
	struct bb_buf out = BB_BUF(room);
	int rc = bb_seal(&keys, &frame, sections, count, pad, &out);

	if (rc == 0)
		rc = (int)bb_buf_len(&out);
	else
		tap_ok(bb_buf_len(&out) == 0, "nothing is added on failure");
	bb_buf_clear(&out);
	return rc;
}

static void
test_limits(void)
{
	const size_t most = BB_FRAME_PLAIN_MAX - 3, room = BB_FRAME_MAX;

	TAP_EQ_INT(seal_of(BB_FRAME_DATA, 1, most, 1, room), BB_FRAME_MAX,
	    "the longest DATA fills a frame");
	TAP_EQ_INT(seal_of(BB_FRAME_DATA, 1, most + 1, 1, room), -1,
	    "one byte more does not fit");
	TAP_EQ_INT(errno, EMSGSIZE, "and is told as too long");
	TAP_EQ_INT(seal_of(BB_FRAME_DATA, 1, 64 - 3, 64, room),
	    BB_FRAME_OVERHEAD + 64, "DATA is padded as asked");
	TAP_EQ_INT(seal_of(BB_FRAME_DATA, 1, 64 - 2, 64, room),
	    BB_FRAME_OVERHEAD + 128, "to the next multiple");
	TAP_EQ_INT(seal_of(BB_FRAME_ATTACH, 1, 65280 - 3, 1, room),
	    65280 + BB_FRAME_OVERHEAD_E, "the longest padded body fits");
	TAP_EQ_INT(seal_of(BB_FRAME_ATTACH, 1, 65280 - 2, 1, room), -1,
	    "one byte more does not");
	TAP_EQ_INT(errno, EMSGSIZE, "and is told as too long");
	TAP_EQ_INT(seal_of(BB_FRAME_DATA, 1, 10, 1, BB_FRAME_OVERHEAD + 12), -1,
	    "a buffer that is too small is");
	TAP_EQ_INT(errno, ENOBUFS, "told as such");
}

static void
test_shapes(void)
{
	static const struct {
		size_t count, pad;
		const char *sentence;
		uint8_t type;
		bool valid;
	} rows[] = {
		/* clang-format off */
		{ 2, 1, "ATTACH takes two sections",  BB_FRAME_ATTACH,  true },
		{ 3, 1, "but not three",              BB_FRAME_ATTACH,  false },
		{ 2, 0, "ANSWER takes two sections",  BB_FRAME_ANSWER,  true },
		{ 1, 1, "RECOVER takes one section",  BB_FRAME_RECOVER, true },
		{ 2, 1, "DATA does not take two",     BB_FRAME_DATA,    false },
		{ 0, 1, "nor none",                   BB_FRAME_DATA,    false },
		{ 1, 0, "nor a padding of 0",         BB_FRAME_DATA,    false },
		{ 2, 1, "NOTICE does not take two",   BB_FRAME_NOTICE,  false },
		{ 1, 1, "a HINT is not sealed",       BB_FRAME_HINT,    false },
		{ 1, 1, "nor is type 0",              0,                false },
		/* clang-format on */
	};
	size_t i;
	int rc;

	for (i = 0; i < BB_LEN(rows); i++) {
		errno = 0;
		rc = seal_of(rows[i].type, rows[i].count, 20, rows[i].pad,
		    BB_FRAME_MAX);
		tap_ok(rows[i].valid ? rc > 0 && (rc - 108) % 256 == 0
				     : rc == -1 && errno == EINVAL,
		    "%s", rows[i].sentence);
	}
}

/* The length of the frame of a login with this password. */
static size_t
login_len(const char *password, bool stored)
{
	char json[512];
	struct bb_keys keys = vector_keys(false);
	struct bb_frame frame = { .type = BB_FRAME_ATTACH,
		.pin = VECTOR_PIN,
		.att = 1 };
	struct bb_section section;
	struct bb_buf out = BB_BUF(BB_FRAME_MAX);
	size_t len;

	(void)snprintf(json, sizeof(json),
	    "{\"op\":\"login\",\"service\":\"local\",\"user\":\"alice\","
	    "\"password\":\"%s\",\"numbering\":\"a1a2a3a4a5a6a7a8\","
	    "\"have\":0}",
	    password);
	section = (struct bb_section){ json, strlen(json), stored };
	if (bb_seal(&keys, &frame, &section, 1, 1, &out) == -1)
		abort();
	len = bb_buf_len(&out);
	bb_buf_clear(&out);
	return len;
}

/* Passwords of 1 to 100 characters, from one letter again and again (which
 * deflates well) to random ones (which do not), all in one bucket. */
static void
test_login_length(void)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	char password[101];
	size_t len, i, other = 0, first = login_len("x", false);
	uint32_t state = 1;

	TAP_EQ_UINT((first - BB_FRAME_OVERHEAD_E) % BB_PACK_PAD, 0,
	    "the body of a login is a multiple of 256 bytes long");
	for (len = 1; len <= 100; len++) {
		for (i = 0; i < len; i++) {
			state = state * 1664525 + 1013904223;
			password[i] = letters[state >> 26];
		}
		password[len] = '\0';
		other += login_len(password, false) != first;
		memset(password, 'a', len);
		other += login_len(password, false) != first;
		memset(password, 'a', len / 2);
		memset(password + len / 2, 'Z', len - len / 2);
		other += login_len(password, false) != first;
	}
	TAP_EQ_UINT(other, 0,
	    "300 passwords of 1 to 100 characters make frames of one length");
	password[100] = '\0';
	TAP_EQ_UINT(login_len("x", true), first, "so does a stored one");
}

int
main(void)
{
	test_limits();
	test_shapes();
	test_login_length();
	return tap_done();
}
