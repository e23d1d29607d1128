/* Owns standard output. */
#include "out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/secret.h"
#include "line/message.h"
#include "wire/text.h"

#include "base/cc.h"

#define PART_MAX 1024
#define ESCAPED 4 /* bytes that one byte becomes: \xNN */

static void
put(struct bb_buf *out, const void *bytes, size_t len)
{
	if (bb_buf_put(out, bytes, len) == -1)
		bb_die_sys("unable to gather the output");
}

void
out_printf(struct bb_buf *out, const char *fmt, ...)
{
	char part[PART_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(part)) {
		errno = EMSGSIZE;
		bb_die_sys("unable to gather the output");
	}
	put(out, part, (size_t)n);
	bb_wipe(part, sizeof(part));
}

void
out_peer(struct bb_buf *out, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);
	size_t room = len * ESCAPED + ESCAPED;
	char *to = (char *)bb_buf_reserve(out, room);

	if (to == NULL)
		bb_die_sys("unable to gather the output");
	(void)bb_log_escape(to, room, text == NULL ? "" : text, len);
	bb_buf_added(out, strlen(to));
}

json_t *
out_object(uint32_t pin, const char *kind)
{
	char text[BB_PIN_TEXT_MAX];

	bb_text_pin(pin, text);
	return json_pack("{s:i, s:s, s:s}", "v", 1, "pin", text, "kind", kind);
}

void
out_set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) == -1) {
		errno = ENOMEM;
		bb_die_sys("unable to gather the output");
	}
}

void
out_json(struct bb_buf *out, json_t *json)
{
	char *text = NULL;
	size_t len;

	if (json != NULL)
		text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(json);
	if (text == NULL) {
		errno = ENOMEM;
		bb_die_sys("unable to gather the output");
	}
	len = strlen(text);
	put(out, text, len);
	put(out, "\n", 1);
	bb_json_text_free(text, len);
}

void
out_flush(struct bb_buf *out)
{
	if (bb_write_all(STDOUT_FILENO, bb_buf_data(out), bb_buf_len(out)) ==
	    -1)
		bb_die_sys("unable to write to standard output");
	bb_buf_clear(out);
}
