/* Answers as JSON: building it, and printing it or what out_table.c makes of
 * it. */
#include "out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "out_table.h"
#include "wire/text.h"

#include "base/cc.h"

#define SENTENCE_MAX 2048

static json_t *
must(json_t *json)
{
	if (json == NULL)
		bb_die(BB_EXIT_TEMP, "unable to make the answer: no memory");
	return json;
}

json_t *
out_object(void)
{
	return must(json_object());
}

json_t *
out_array(void)
{
	return must(json_array());
}

void
out_set(json_t *object, const char *member, json_t *value)
{
	if (json_object_set_new(object, member, must(value)) == -1)
		must(NULL);
}

void
out_append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, must(value)) == -1)
		must(NULL);
}

/* A store that somebody wrote by hand may hold what is not UTF-8. */
json_t *
out_text(const char *text)
{
	char *safe;
	json_t *json;

	if (bb_text_utf8(text, strlen(text)))
		return must(json_string(text));
	safe = out_escaped(text);
	json = must(json_string(safe));
	free(safe);
	return json;
}

json_t *
out_text_or_null(const char *text)
{
	return *text == '\0' ? must(json_null()) : out_text(text);
}

json_t *
out_number(int64_t value)
{
	return must(json_integer((json_int_t)value));
}

json_t *
out_number_or_null(int64_t value)
{
	return value < 0 ? must(json_null()) : out_number(value);
}

json_t *
out_bool(bool value)
{
	return must(json_boolean(value));
}

json_t *
out_pin(uint32_t pin)
{
	char text[BB_PIN_TEXT_MAX];

	bb_text_pin(pin, text);
	return out_text(text);
}

json_t *
out_time(int64_t wall_s)
{
	char text[BB_CLOCK_TEXT_MAX];

	if (wall_s == 0)
		return must(json_null());
	bb_clock_text(wall_s, text);
	return out_text(text);
}

json_t *
out_hex(const void *bytes, size_t len)
{
	char text[2 * 64 + 1];

	bb_text_hex(bytes, len < 64 ? len : 64, text);
	return out_text(text);
}

/* Whether it was written shows when all is: out_end. */
static void
print_json(json_t *json)
{
	if (json_dumpf(json, stdout, JSON_COMPACT) == 0)
		(void)putchar('\n');
	json_decref(json);
}

static json_t *
answer(void)
{
	json_t *json = out_object();

	out_set(json, "v", out_number(1));
	return json;
}

int
out_list(const struct args *a, const struct out_kind *kind, json_t *array)
{
	json_t *json;

	if (a->json) {
		json = answer();
		out_set(json, kind->many, array);
		print_json(json);
	} else {
		out_table_rows(kind, array);
		json_decref(array);
	}
	return BB_EXIT_OK;
}

int
out_show(const struct args *a, const struct out_kind *kind, json_t *object)
{
	json_t *json;

	if (a->json) {
		json = answer();
		out_set(json, kind->one, object);
		print_json(json);
	} else {
		out_table_fields(kind, object);
		json_decref(object);
	}
	return BB_EXIT_OK;
}

int
out_value(const struct args *a, const char *member, json_t *value,
    enum out_form form, const char *none)
{
	json_t *json;
	char *text;

	if (a->json) {
		json = answer();
		out_set(json, member, value);
		print_json(json);
	} else {
		text = out_cell(value, form, none);
		(void)printf("%s\n", text);
		free(text);
		json_decref(value);
	}
	return BB_EXIT_OK;
}

int
out_yes(const struct args *a, json_t *more, const char *text)
{
	json_t *json;

	if (a->json) {
		json = answer();
		out_set(json, "answer", out_text("yes"));
		out_set(json, "dry_run", out_bool(a->dry_run));
		out_set(json, "what", out_text(text));
		if (more != NULL && json_object_update(json, more) == -1)
			must(NULL);
		print_json(json);
	} else {
		out_say(a, "%s", text);
	}
	json_decref(more);
	return BB_EXIT_OK;
}

int
out_no(const struct args *a, const char *fmt, ...)
{
	char text[SENTENCE_MAX], *safe;
	json_t *json;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (a->json) {
		json = answer();
		out_set(json, "answer", out_text("no"));
		out_set(json, "why", out_text(text));
		print_json(json);
	} else {
		safe = out_escaped(text);
		(void)fprintf(stderr, "%s: %s\n", bb_prog, safe);
		free(safe);
	}
	return BB_EXIT_REFUSED;
}

void
out_say(const struct args *a, const char *fmt, ...)
{
	char text[SENTENCE_MAX], *safe;
	va_list ap;

	if (a->json)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = out_escaped(text);
	(void)printf("%s\n", safe);
	free(safe);
}

void
out_end(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	if (errno == 0)
		errno = EIO;
	bb_die(BB_EXIT_TEMP, "unable to write the answer: %s", strerror(errno));
}
