/* Owns the messages of one `send`: lines of standard input, those under way,
 * and what became of them. */
#include "asker_send.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "text.h"
#include "wire/text.h"

#include "base/cc.h"

#define FLYING_MAX 32

static void
no_memory(void)
{
	errno = ENOMEM;
	bb_die_sys("unable to send");
}

static void
settle(struct asker *a)
{
	if (!a->input_ended || json_array_size(a->flying) > 0 || a->done)
		return;
	a->done = true;
	a->finished(a->ctx);
}

static void
send_text(struct asker *a, const char *text, size_t len)
{
	json_t *message = json_pack("{s:s, s:s, s:s%}", "op", "send", "to",
	    a->to, "text", text, len);

	if (message == NULL || json_array_append(a->flying, message) == -1)
		no_memory();
	a->ask(a->ctx, message);
	json_decref(message);
}

/* What was read before the fault is sent all the same. */
static void
bad_line(struct asker *a, const char *why)
{
	bb_log(BB_LOG_ERROR, "unable to read a text: a line %s", why);
	show_status(&a->show, BB_EXIT_USAGE);
	bb_buf_clear(&a->line);
	a->input_ended = true;
}

static void
take_line(struct asker *a, const char *line, size_t len)
{
	if (len == 0)
		return;
	if (len > TEXT_MAX)
		bad_line(a, "is too long");
	else if (memchr(line, '\0', len) != NULL)
		bad_line(a, "has a zero byte");
	else if (!bb_text_utf8(line, len))
		bad_line(a, "is not UTF-8");
	else
		send_text(a, line, len);
}

/* One line of those that were read; false when there is none. */
static bool
next_line(struct asker *a)
{
	const char *line = (const char *)bb_buf_data(&a->line), *end;
	size_t len = bb_buf_len(&a->line);

	if (a->input_ended || len == 0)
		return false;
	end = memchr(line, '\n', len);
	if (end == NULL) {
		if (len > TEXT_MAX)
			bad_line(a, "is too long");
		return false;
	}
	len = (size_t)(end - line);
	take_line(a, line, len);
	if (!a->input_ended)
		bb_buf_take(&a->line, len + 1);
	return !a->input_ended;
}

/* As many as may be under way; then no more is read until results have come. */
static void
send_lines(struct asker *a)
{
	while (json_array_size(a->flying) < FLYING_MAX && next_line(a))
		;
	if (a->in == NULL)
		return;
	if (bb_io_want(a->in,
		!a->input_ended && json_array_size(a->flying) < FLYING_MAX
		    ? BB_READ
		    : 0) == -1)
		bb_die_sys("unable to read the texts");
}

static void
input_over(struct asker *a)
{
	size_t len = bb_buf_len(&a->line);

	if (len > 0)
		take_line(a, (const char *)bb_buf_data(&a->line), len);
	bb_buf_clear(&a->line);
	a->input_ended = true;
}

static void
input_ready(void *asker, unsigned what)
{
	struct asker *a = asker;
	uint8_t *to = bb_buf_reserve(&a->line, TEXT_MAX + 2);
	ssize_t got;

	(void)what;
	if (to == NULL)
		bb_die_sys("unable to read the texts");
	got = bb_read_some(STDIN_FILENO, to, TEXT_MAX + 2);
	if (got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (got == -1)
		bb_die_sys("unable to read the texts");
	bb_buf_added(&a->line, (size_t)got);
	if (got == 0)
		input_over(a);
	send_lines(a);
	settle(a);
}

/* --- a holder ------------------------------------------------------------- */

static void
ask_again(struct asker *a)
{
	json_t *message, *request;
	size_t i;

	for (i = 0; i < json_array_size(a->flying); i++) {
		message = json_array_get(a->flying, i);
		request = json_deep_copy(message);
		if (request == NULL ||
		    (i < a->kept && json_object_set_new(request, "op",
					json_string("await")) == -1))
			no_memory();
		if (i < a->kept)
			(void)json_object_del(request, "text");
		a->ask(a->ctx, request);
		json_decref(request);
	}
}

int
asker_send_open(struct asker *a, struct bb_loop *loop)
{
	bool first = a->flying == NULL;

	if (first && (a->flying = json_array()) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	ask_again(a);
	if (first && a->text != NULL) {
		a->input_ended = true;
		send_text(a, a->text, strlen(a->text));
	}
	if (a->input_ended)
		return 0;
	a->in = bb_io_new(loop, STDIN_FILENO, input_ready, a);
	if (a->in == NULL)
		return -1;
	send_lines(a);
	settle(a);
	return 0;
}

static void
set_number(json_t *message, const json_t *from)
{
	if (json_object_set(message, "n", json_object_get(from, "n")) == -1 ||
	    json_object_set(message, "numbering",
		json_object_get(from, "numbering")) == -1)
		no_memory();
}

/* Among those that have a number; a->kept where there is none. */
static size_t
find_number(const struct asker *a, const json_t *n)
{
	const json_t *message;
	size_t i;

	for (i = 0; i < a->kept; i++) {
		message = json_array_get(a->flying, i);
		if (json_equal(json_object_get(message, "n"), n))
			break;
	}
	return i;
}

void
asker_send_kept(struct asker *a, const json_t *kept)
{
	json_t *message = json_array_get(a->flying, a->kept);

	if (message == NULL)
		return;
	set_number(message, kept);
	a->kept++;
}

void
asker_send_renumbered(struct asker *a, const json_t *renumbered)
{
	size_t i = find_number(a, json_object_get(renumbered, "was"));

	if (i < a->kept)
		set_number(json_array_get(a->flying, i), renumbered);
}

void
asker_send_result(struct asker *a, const json_t *result)
{
	size_t i = find_number(a, json_object_get(result, "n"));

	if (i < a->kept) {
		(void)json_array_remove(a->flying, i);
		a->kept--;
	}
	if (a->verb != ASK_SEND)
		return;
	send_lines(a);
	settle(a);
}
