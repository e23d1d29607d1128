/* Owns `bbdevice read`: the stream of frames on standard input. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/opt.h"
#include "bbdevice.h"
#include "out.h"
#include "take.h"
#include "wire/frame.h"

#include "base/cc.h"

#define READ_MAX (2 * BB_FRAME_MAX)

/* Everything borrows argv. */
struct options {
	const char *profiles;
	uint32_t pin;  /* 0: all */
	int64_t count; /* 0: to the end */
	bool json, trace;
};

struct input {
	struct take take;
	uint32_t pin;
	int64_t left; /* frames to read; -1: to the end */
	struct bb_buf buf;
};

static void
look_at(struct input *in, const void *bytes, size_t len)
{
	struct bb_frame frame;
	enum bb_frame_fault fault = bb_frame_read(bytes, len, &frame);

	if (in->pin != 0 && frame.pin != in->pin)
		return;
	if (fault == BB_FRAME_SOUND && frame.dir != BB_FRAME_DOWN)
		fault = BB_FRAME_BAD_DIRECTION;
	if (fault == BB_FRAME_SOUND) {
		take_frame(&in->take, &frame);
		return;
	}
	bb_log(BB_LOG_ERROR, "a frame dropped: it %s",
	    bb_frame_fault_text(fault));
	show_status(&in->take.show, EXIT_LOCAL_PROTOCOL);
}

/* Takes the whole frames that are there.  False when nothing can be read any
 * more, or need not. */
static bool
look_at_all(struct input *in)
{
	enum bb_parse parsed = BB_PARSE_OK;
	size_t len;

	while (in->left != 0) {
		parsed = bb_frame_split(bb_buf_data(&in->buf),
		    bb_buf_len(&in->buf), &len);
		if (parsed != BB_PARSE_OK)
			break;
		look_at(in, bb_buf_data(&in->buf), len);
		bb_buf_take(&in->buf, len);
		if (in->left > 0)
			in->left--;
	}
	if (parsed == BB_PARSE_BAD) {
		bb_log(BB_LOG_ERROR, "the stream is broken: %s",
		    "no frame begins where one should");
		show_status(&in->take.show, EXIT_LOCAL_PROTOCOL);
		bb_buf_clear(&in->buf);
	}
	return in->left != 0 && parsed != BB_PARSE_BAD;
}

static void
read_all(struct input *in)
{
	ssize_t got = 1;
	uint8_t *to;

	while (got > 0 && look_at_all(in)) {
		to = bb_buf_reserve(&in->buf, bb_buf_room(&in->buf));
		if (to == NULL)
			bb_die_sys("unable to read frames");
		got = bb_read_wait(STDIN_FILENO, to, bb_buf_room(&in->buf));
		if (got == -1)
			bb_die_sys("unable to read frames");
		bb_buf_added(&in->buf, (size_t)got);
	}
	if (got == 0 && bb_buf_len(&in->buf) > 0) {
		bb_log(BB_LOG_ERROR, "the stream ends within a frame");
		show_status(&in->take.show, EXIT_LOCAL_PROTOCOL);
	}
}

/* Nothing for us, and nothing wrong that was told already. */
static void
check_silence(struct input *in)
{
	if (in->take.taken > 0 || in->take.show.worst != BB_EXIT_OK)
		return;
	bb_log(BB_LOG_ERROR, "no answer came");
	show_status(&in->take.show, EXIT_LOCAL_DROPPED);
}

int
verb_read(int argc, char *argv[])
{
#define OPT(long_name, opt_type, field, arg_name, text) \
	{ \
		.name = (long_name), .type = (opt_type), \
		.offset = offsetof(struct options, field), .arg = (arg_name), \
		.help = (text) \
	}
	static const struct bb_opt opts[] = {
		OPT("pin", BB_OPT_PIN, pin, "PIN",
		    "pass over the frames of other devices"),
		OPT("profiles", BB_OPT_STR, profiles, "DIR",
		    "folder of the profiles (BB_PROFILES, ~/.config/bbdevice)"),
		{ .name = "count",
		    .type = BB_OPT_INT,
		    .offset = offsetof(struct options, count),
		    .arg = "N",
		    .help = "end after N frames",
		    .min = 1,
		    .max = INT32_MAX },
		OPT("trace", BB_OPT_FLAG, trace, NULL,
		    "say so where no steps were measured"),
		OPT("json", BB_OPT_FLAG, json, NULL,
		    "print one JSON object per line"),
	};
#undef OPT
	static const struct bb_opt_spec spec = { "bbdevice read", "",
		"Read frames from standard input and print what they say.",
		opts, BB_LEN(opts), 0, 0 };
	struct options o = { 0 };
	struct input in = { .buf = BB_BUF(READ_MAX),
		.take = { .show = { .out = BB_BUF_SECRET(OUT_MAX) } } };

	(void)bb_opt_parse(&spec, &o, argc, argv);
	if (isatty(STDIN_FILENO))
		bb_die(BB_EXIT_USAGE,
		    "standard input is a terminal: frames come from bbrouter");
	in.take.folder = profiles_folder(o.profiles);
	in.take.show.json = o.json;
	in.take.show.trace = o.trace;
	in.pin = o.pin;
	in.left = o.count == 0 ? -1 : o.count;
	read_all(&in);
	check_silence(&in);
	bb_buf_clear(&in.buf);
	return in.take.show.worst;
}
