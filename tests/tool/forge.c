/* forge: seals any bytes under a device's key and opens what was sealed, for
 * tests of what a dispatcher does with authentic nonsense.  Never installed.
 *
 *	forge kid KEYFILE PIN                       the key's id
 *	forge seal KEYFILE PIN TYPE DIR ATT SEQ [E] body in, frame out
 *	forge open KEYFILE                          frame in, body out
 *
 * The body is what stands under the seal: sections and padding, taken as they
 * come.  TYPE is a number; E 64 digits (else random bytes, where there is one).
 * KEYFILE has the 64 digits of a base key. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "seal/keys.h"
#include "seal/xaes.h"
#include "wire/frame.h"
#include "wire/text.h"

#include "base/cc.h"

#define KEY_FILE_MAX 128

static unsigned long
number(const char *text)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (errno != 0 || *text == '\0' || *end != '\0')
		bb_die(BB_EXIT_USAGE, "%s is not a number", text);
	return n;
}

static uint32_t
scan_pin(const char *text)
{
	uint32_t pin;

	if (!bb_text_pin_scan(text, &pin))
		bb_die(BB_EXIT_USAGE, "%s is not a PIN", text);
	return pin;
}

static struct bb_keys
read_keys(const char *path, uint32_t pin)
{
	struct bb_buf buf = BB_BUF_SECRET(KEY_FILE_MAX);
	char text[2 * BB_BASE_LEN + 1] = "";
	uint8_t base[BB_BASE_LEN];
	struct bb_keys keys;

	if (bb_read_file(path, &buf) == -1)
		bb_die_sys("unable to read %s", path);
	if (bb_buf_len(&buf) >= 2 * BB_BASE_LEN)
		memcpy(text, bb_buf_data(&buf), 2 * BB_BASE_LEN);
	bb_buf_clear(&buf);
	if (!bb_text_hex_scan(text, base, sizeof(base)))
		bb_die(BB_EXIT_USAGE, "%s has no key", path);
	if (bb_keys_expand(base, pin, &keys) == -1)
		bb_die_sys("unable to expand the key");
	return keys;
}

/* Reads standard input to its end. */
static struct bb_buf
read_input(void)
{
	struct bb_buf in = BB_BUF(1 << 20);

	if (bb_read_all(0, &in) == -1)
		bb_die_sys("unable to read");
	return in;
}

static void
write_output(const void *bytes, size_t len)
{
	if (bb_write_all(1, bytes, len) == -1)
		bb_die_sys("unable to write");
}

static int
print_kid(char *argv[])
{
	struct bb_keys keys = read_keys(argv[2], scan_pin(argv[3]));
	char text[2 * BB_KID_LEN + 1];

	bb_text_hex(keys.kid, sizeof(keys.kid), text);
	return puts(text) == EOF;
}

static int
seal(int argc, char *argv[])
{
	struct bb_frame frame = {
		.version = BB_FRAME_VERSION,
		.pin = scan_pin(argv[3]),
		.type = (uint8_t)number(argv[4]),
		.dir = (uint8_t)number(argv[5]),
		.att = (uint32_t)number(argv[6]),
		.seq = (uint32_t)number(argv[7]),
	};
	struct bb_keys keys = read_keys(argv[2], frame.pin);
	uint8_t head[BB_FRAME_OVERHEAD_E], aad[BB_AAD_MAX], *sealed;
	struct bb_buf body = read_input();
	size_t len = bb_buf_len(&body), head_len;

	memcpy(frame.kid, keys.kid, sizeof(frame.kid));
	bb_random(frame.nonce, sizeof(frame.nonce));
	bb_random(frame.e, sizeof(frame.e));
	if (argc > 8 && !bb_text_hex_scan(argv[8], frame.e, sizeof(frame.e)))
		bb_die(BB_EXIT_USAGE, "%s is not 32 bytes", argv[8]);
	if ((sealed = malloc(len + BB_XAES_TAG)) == NULL)
		bb_die_sys("unable to seal");
	head_len = bb_frame_write_head(&frame, len + BB_XAES_TAG, head);
	if (bb_xaes_seal(frame.dir == BB_FRAME_UP ? keys.up : keys.down,
		frame.nonce, aad, bb_frame_aad(&frame, aad), bb_buf_data(&body),
		len, sealed) == -1)
		bb_die_sys("unable to seal");
	write_output(head, head_len);
	write_output(sealed, len + BB_XAES_TAG);
	free(sealed);
	bb_buf_clear(&body);
	return 0;
}

static int
open_frame(char *argv[])
{
	struct bb_buf in = read_input();
	uint8_t aad[BB_AAD_MAX], *plain;
	struct bb_frame frame;
	struct bb_keys keys;
	size_t len;

	if (bb_frame_split(bb_buf_data(&in), bb_buf_len(&in), &len) !=
		BB_PARSE_OK ||
	    len != bb_buf_len(&in) ||
	    bb_frame_read(bb_buf_data(&in), len, &frame) != BB_FRAME_SOUND ||
	    frame.cipher == NULL)
		bb_die(BB_EXIT_PROTO, "this is not one sealed frame");
	keys = read_keys(argv[2], frame.pin);
	if ((plain = malloc(frame.cipher_len)) == NULL)
		bb_die_sys("unable to open");
	if (bb_xaes_open(frame.dir == BB_FRAME_UP ? keys.up : keys.down,
		frame.nonce, aad, bb_frame_aad(&frame, aad), frame.cipher,
		frame.cipher_len, plain) == -1)
		bb_die_sys("unable to open");
	write_output(plain, frame.cipher_len - BB_XAES_TAG);
	free(plain);
	bb_buf_clear(&in);
	return 0;
}

int
main(int argc, char *argv[])
{
	bb_log_open("forge");
	if (argc == 4 && strcmp(argv[1], "kid") == 0)
		return print_kid(argv);
	if ((argc == 8 || argc == 9) && strcmp(argv[1], "seal") == 0)
		return seal(argc, argv);
	if (argc == 3 && strcmp(argv[1], "open") == 0)
		return open_frame(argv);
	bb_die(BB_EXIT_USAGE, "kid, seal or open: see tests/tool/forge.c");
}
