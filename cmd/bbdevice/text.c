/* Owns reading the text of a message. */
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fd.h"
#include "wire/text.h"

#include "base/cc.h"

/* Standard input to its end, without its last line end, zero-terminated. */
static const char *
read_text(struct bb_buf *buf)
{
	const char *text;
	size_t len;

	if (bb_read_all(STDIN_FILENO, buf) == -1) {
		if (errno == EFBIG)
			bb_die(BB_EXIT_USAGE, "the text has more than %d bytes",
			    TEXT_MAX);
		bb_die_sys("unable to read the text");
	}
	text = (const char *)bb_buf_data(buf);
	len = bb_buf_len(buf);
	if (len > 0 && text[len - 1] == '\n')
		bb_buf_cut(buf, --len);
	if (memchr(text, '\0', len) != NULL)
		bb_die(BB_EXIT_USAGE, "the text has a zero byte");
	if (bb_buf_put(buf, "", 1) == -1)
		bb_die_sys("unable to read the text");
	return (const char *)bb_buf_data(buf);
}

const char *
text_take(const char *operand, struct bb_buf *buf)
{
	const char *text = operand != NULL ? operand : read_text(buf);
	size_t len = strlen(text);

	if (len == 0)
		bb_die(BB_EXIT_USAGE, "the text is empty");
	if (len > TEXT_MAX)
		bb_die(BB_EXIT_USAGE, "the text has more than %d bytes",
		    TEXT_MAX);
	if (!bb_text_utf8(text, len))
		bb_die(BB_EXIT_USAGE, "the text is not UTF-8");
	return text;
}
