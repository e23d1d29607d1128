/* The gateway's end for tests of bbdevice: runs the real tool, opens what it
 * emits as a dispatcher would, and seals what it is to read.  Included by one
 * test each, so that all functions are static. */
#ifndef BB_DEVICE_RIG_H
#define BB_DEVICE_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "line/message.h"
#include "seal/seal.h"
#include "tap.h"
#include "wire/text.h"

#include "base/cc.h"

#define RIG_PIN 0x2100000au
#define RIG_OUTPUT_MAX (1 << 20)
#define RIG_ARGS_MAX 24

/* What the last run left. */
static struct bb_buf rig_out = { .max = RIG_OUTPUT_MAX };
static struct bb_buf rig_err = { .max = RIG_OUTPUT_MAX };
static int rig_status;                 /* exit status, or -signal */
static const char *rig_stdout = "out"; /* where its output goes */
static bool rig_full; /* no file may grow: a disk that is full */

static char rig_dir[PATH_MAX], rig_tool[PATH_MAX];

/* What the gateway knows: the key that the device shall use next, the one that
 * it used, and what its last ATTACH or DATA said. */
static uint8_t rig_base[BB_BASE_LEN], rig_next[BB_BASE_LEN];
static struct bb_frame rig_frame;
static json_t *rig_first, *rig_second;
static uint8_t rig_e_s[BB_EPHEMERAL_LEN];

static inline void
rig_must(bool done, const char *what)
{
	if (done)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- running the tool ------------------------------------------------------
 */

/* Makes descriptor `to` the file `name`. */
static inline void
rig_place(const char *name, int flags, int to)
{
	int fd = open(name, flags | O_CREAT, 0600);

	rig_must(fd != -1 && dup2(fd, to) == to && close(fd) == 0, name);
}

static inline void
rig_child(char *const argv[], const void *in, size_t in_len)
{
	const struct rlimit none = { 0, 0 };

	rig_place("in", O_RDWR | O_TRUNC, 0);
	rig_must(bb_write_all(0, in, in_len) == 0 && lseek(0, 0, SEEK_SET) == 0,
	    "standard input");
	rig_place(rig_stdout, O_WRONLY | O_TRUNC, 1);
	rig_place("err", O_WRONLY | O_TRUNC | O_APPEND, 2);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (rig_full)
		rig_must(setrlimit(RLIMIT_FSIZE, &none) == 0, "setrlimit");
	(void)execv(rig_tool, argv);
	_exit(127);
}

static inline void
rig_keep(struct bb_buf *buf, const char *name)
{
	bb_buf_clear(buf);
	if (*name != '/')
		rig_must(bb_read_file(name, buf) == 0, name);
	rig_must(bb_buf_put(buf, "", 1) == 0, name);
	bb_buf_cut(buf, bb_buf_len(buf) - 1);
}

/* bbdevice, then the words of `words` separated by blanks, then `last` if it is
 * not NULL; `in` is its standard input. */
static inline void
rig_run_with(const void *in, size_t in_len, const char *words, const char *last)
{
	static char copy[1024];
	char *argv[RIG_ARGS_MAX] = { rig_tool };
	int argc = 1, status = 0;
	char *at = copy;
	pid_t pid;

	(void)snprintf(copy, sizeof(copy), "%s", words);
	while (*at != '\0' && argc < RIG_ARGS_MAX - 2) {
		argv[argc++] = at;
		at += strcspn(at, " ");
		if (*at == ' ')
			*at++ = '\0';
	}
	if (last != NULL)
		argv[argc++] = (char *)(uintptr_t)last;
	argv[argc] = NULL;
	(void)fflush(stdout);
	pid = fork();
	rig_must(pid != -1, "fork");
	if (pid == 0)
		rig_child(argv, in, in_len);
	rig_must(waitpid(pid, &status, 0) == pid, "waitpid");
	rig_status =
	    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	rig_keep(&rig_out, rig_stdout);
	rig_keep(&rig_err, "err");
}

static inline void
rig_run(const char *words)
{
	rig_run_with("", 0, words, NULL);
}

static inline const char *
rig_text(const struct bb_buf *buf)
{
	return (const char *)bb_buf_data(buf);
}

/* Standard output or error has these words. */
static inline void
rig_has(const struct bb_buf *buf, const char *words, const char *sentence)
{
	if (!tap_ok(strstr(rig_text(buf), words) != NULL, "%s", sentence))
		tap_note("wanted: %s\ngot: %s%s", words, rig_text(buf),
		    buf == &rig_out ? rig_text(&rig_err) : "");
}

static inline void
rig_has_not(const struct bb_buf *buf, const char *words, const char *sentence)
{
	if (!tap_ok(strstr(rig_text(buf), words) == NULL, "%s", sentence))
		tap_note("got: %s", rig_text(buf));
}

/* --- the world --------------------------------------------------------------
 */

static inline void
rig_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	rig_must(fd != -1 && bb_write_all(fd, bytes, len) == 0 &&
		     close(fd) == 0,
	    name);
}

/* A fresh device with its first key; files are those of the test's folder. */
static inline void
rig_device(void)
{
	memset(rig_base, 0x11, sizeof(rig_base));
	rig_file("key", rig_base, sizeof(rig_base));
	rig_file("pw", "correct horse\n", 14);
	rig_run("profile remove 2100000a");
	rig_run("profile add --pin 2100000a --key-file key --user alice");
	rig_must(rig_status == 0, "profile add");
}

/* The folder of the program that runs is BUILD/tests/unit. */
static inline void
rig_find_tool(const char *argv0)
{
	const char *bin = getenv("BB_BIN"), *slash = strrchr(argv0, '/');
	char cwd[PATH_MAX / 2];

	rig_must(getcwd(cwd, sizeof(cwd)) != NULL && slash != NULL, "getcwd");
	if (bin != NULL)
		(void)snprintf(rig_tool, sizeof(rig_tool), "%s/bbdevice", bin);
	else
		(void)snprintf(rig_tool, sizeof(rig_tool),
		    "%s/%.*s/../../bbdevice", *argv0 == '/' ? "" : cwd,
		    (int)(slash - argv0), argv0);
}

/* False, after a skip, where the tool was not built. */
static inline bool
rig_begin(const char *argv0)
{
	const char *tmp = getenv("TMPDIR");

	rig_find_tool(argv0);
	if (access(rig_tool, X_OK) == -1) {
		tap_skip("bbdevice is not built");
		return false;
	}
	(void)snprintf(rig_dir, sizeof(rig_dir), "%s/bb-device-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	rig_must(mkdtemp(rig_dir) != NULL && chdir(rig_dir) == 0 &&
		     setenv("BB_PROFILES", "profiles", 1) == 0,
	    "folder");
	bb_json_init();
	return true;
}

static inline int
rig_end(void)
{
	char rm[] = "rm", options[] = "-rf";
	char *const argv[] = { rm, options, rig_dir, NULL };
	pid_t pid;

	json_decref(rig_first);
	json_decref(rig_second);
	bb_buf_clear(&rig_out);
	bb_buf_clear(&rig_err);
	rig_must(chdir("/") == 0, "chdir");
	pid = fork();
	if (pid == 0) {
		(void)execvp("rm", argv);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
	return tap_done();
}

/* --- the gateway ------------------------------------------------------------
 */

static inline json_t *
rig_parse(const struct bb_buf *section)
{
	char why[BB_MESSAGE_WHY_MAX] = "";
	json_t *json;

	json = bb_json_parse(bb_buf_data(section), bb_buf_len(section), why);
	rig_must(json != NULL, why);
	return json;
}

/* Opens the frame that was emitted; false when it does not open under this
 * base. */
static inline bool
rig_open(const uint8_t base[BB_BASE_LEN])
{
	struct bb_buf sections[BB_PACK_SECTIONS] = {
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
		BB_BUF_SECRET(BB_PACK_JSON_MAX),
	};
	struct bb_keys keys;
	const char *why;
	size_t count = 0, len = 0;
	bool opened;

	json_decref(rig_first);
	json_decref(rig_second);
	rig_first = rig_second = NULL;
	opened = bb_frame_split(bb_buf_data(&rig_out), bb_buf_len(&rig_out),
		     &len) == BB_PARSE_OK &&
		 len == bb_buf_len(&rig_out) &&
		 bb_frame_read(bb_buf_data(&rig_out), len, &rig_frame) ==
		     BB_FRAME_SOUND &&
		 bb_keys_expand(base, RIG_PIN, &keys) == 0 &&
		 memcmp(keys.kid, rig_frame.kid, BB_KID_LEN) == 0 &&
		 bb_open(&keys, &rig_frame, sections, &count, &why) == 0;
	if (count > 0)
		rig_first = rig_parse(&sections[0]);
	if (count > 1)
		rig_second = rig_parse(&sections[1]);
	bb_buf_clear(&sections[0]);
	bb_buf_clear(&sections[1]);
	return opened;
}

/* Opens an ATTACH under the present base and makes the next. */
static inline bool
rig_attach(void)
{
	struct bb_roll roll = { .pin = RIG_PIN };
	uint8_t priv[BB_EPHEMERAL_LEN];

	if (!rig_open(rig_base) || rig_frame.type != BB_FRAME_ATTACH)
		return false;
	roll.att = rig_frame.att;
	memcpy(roll.kid, rig_frame.kid, sizeof(roll.kid));
	memcpy(roll.e_d, rig_frame.e, sizeof(roll.e_d));
	return bb_keys_ephemeral(priv, rig_e_s) == 0 &&
	       memcpy(roll.e_s, rig_e_s, sizeof(roll.e_s)) != NULL &&
	       bb_keys_roll(rig_base, priv, true, &roll, rig_next) == 0;
}

static inline void
rig_set_hex(json_t *json, const char *name, const void *bytes, size_t len)
{
	char text[2 * BB_NONCE_LEN + 1];

	bb_text_hex(bytes, len, text);
	if (json_object_get(json, name) == NULL)
		(void)json_object_set_new(json, name, json_string(text));
}

/* Appends a frame down, made from JSON texts; more NULL: one section. */
static inline void
rig_seal(struct bb_buf *to, const uint8_t base[BB_BASE_LEN],
    struct bb_frame *frame, json_t *first, const char *more)
{
	struct bb_section sections[BB_PACK_SECTIONS] = { { 0 } };
	struct bb_keys keys;
	size_t len;
	char *text = bb_json_text(first, &len);

	frame->dir = BB_FRAME_DOWN;
	frame->pin = RIG_PIN;
	sections[0] = (struct bb_section){ .json = text, .len = len };
	if (more != NULL)
		sections[1] =
		    (struct bb_section){ .json = more, .len = strlen(more) };
	rig_must(bb_keys_expand(base, RIG_PIN, &keys) == 0 &&
		     bb_seal(&keys, frame, sections, more == NULL ? 1 : 2, 1,
			 to) == 0,
	    "seal");
	bb_json_text_free(text, len);
	json_decref(first);
}

static inline json_t *
rig_json(const char *text)
{
	char why[BB_MESSAGE_WHY_MAX] = "";
	json_t *json = bb_json_parse(text, strlen(text), why);

	rig_must(json != NULL, why);
	return json;
}

/* An ANSWER to the last ATTACH; `text` has its members but newkid and nonce,
 * unless it is to have false ones. */
static inline void
rig_answer(struct bb_buf *to, const char *text, const char *events)
{
	struct bb_frame frame = { .type = BB_FRAME_ANSWER,
		.att = rig_frame.att };
	struct bb_keys next;
	json_t *json = rig_json(text);

	memcpy(frame.e, rig_e_s, sizeof(frame.e));
	rig_must(bb_keys_expand(rig_next, RIG_PIN, &next) == 0, "keys");
	rig_set_hex(json, "newkid", next.kid, sizeof(next.kid));
	rig_set_hex(json, "nonce", rig_frame.nonce, sizeof(rig_frame.nonce));
	rig_seal(to, rig_base, &frame, json, events);
}

/* DATA of an attach under a base. */
static inline void
rig_data(struct bb_buf *to, const uint8_t base[BB_BASE_LEN], uint32_t att,
    uint32_t seq, const char *text)
{
	struct bb_frame frame = { .type = BB_FRAME_DATA,
		.att = att,
		.seq = seq };

	rig_seal(to, base, &frame, rig_json(text), NULL);
}

/* A NOTICE about the last frame, under the key that it named. */
static inline void
rig_notice(struct bb_buf *to, const uint8_t base[BB_BASE_LEN], const char *text)
{
	struct bb_frame frame = { .type = BB_FRAME_NOTICE,
		.att = rig_frame.att };
	json_t *json = rig_json(text);

	rig_set_hex(json, "nonce", rig_frame.nonce, sizeof(rig_frame.nonce));
	rig_seal(to, base, &frame, json, NULL);
}

static inline void
rig_hint(struct bb_buf *to, uint8_t code, const uint8_t *nonce)
{
	uint8_t hint[BB_HINT_LEN];
	size_t len = bb_frame_write_hint(0, RIG_PIN, code, nonce, hint);

	rig_must(bb_buf_put(to, hint, len) == 0, "hint");
}

/* Feeds it to `bbdevice read WORDS` and empties it. */
static inline void
rig_read(struct bb_buf *frames, const char *words)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "read%s%s",
	    *words == '\0' ? "" : " ", words);
	rig_run_with(bb_buf_data(frames), bb_buf_len(frames), line, NULL);
	bb_buf_clear(frames);
}

#define RIG_FRAMES BB_BUF(RIG_OUTPUT_MAX)
#define RIG_LOGIN "login --pin 2100000a --password-file pw --emit"
#define RIG_OK \
	"{\"op\":\"answer\",\"result\":\"ok\",\"text\":\"logged in\"," \
	"\"session\":\"b1b2b3b4b5b6b7b8\",\"resume\":false,\"up_next\":1," \
	"\"status_interval\":60}"

/* Emits with `words`, accepts with `answer`, and the device has read it: the
 * gateway's base is then the device's current key. */
static inline bool
rig_accepted(const char *words, const char *last, const char *answer,
    const char *events)
{
	struct bb_buf frames = RIG_FRAMES;

	rig_run_with("", 0, words, last);
	if (!tap_ok(rig_status == 0 && rig_attach(), "an attach is emitted")) {
		tap_note("status %d: %s", rig_status, rig_text(&rig_err));
		return false;
	}
	rig_answer(&frames, answer, events);
	memcpy(rig_base, rig_next, sizeof(rig_base));
	rig_read(&frames, "");
	return true;
}

/* A member of the profile, as `profile show --json` prints it. */
static inline const char *
rig_shown(const char *name)
{
	static char text[256];
	json_t *json, *value;

	rig_run("profile show 2100000a --json");
	json = rig_json(rig_text(&rig_out));
	value = json_object_get(json, name);
	(void)snprintf(text, sizeof(text), "%s",
	    json_is_string(value) ? json_string_value(value)
	    : json_is_null(value) ? "null"
				  : "");
	if (json_is_integer(value))
		(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
	json_decref(json);
	return text;
}

static inline const char *
rig_member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text == NULL ? "" : text;
}

static inline long long
rig_number(const json_t *json, const char *name)
{
	return (long long)json_integer_value(json_object_get(json, name));
}

#endif
