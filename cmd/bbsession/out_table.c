/* Tables for people, made from the JSON that scripts get. */
#include "out_table.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"

#include "base/cc.h"

#define GAP 2 /* blanks between columns */
#define NUMBER_MAX 32

static void *
must(void *mem)
{
	if (mem == NULL)
		bb_die(BB_EXIT_TEMP, "unable to make the answer: no memory");
	return mem;
}

char *
out_escaped(const char *text)
{
	size_t len = strlen(text), size = 4 * len + 1; /* \xNN each */
	char *out = must(malloc(size));

	(void)bb_log_escape(out, size, text, len);
	return out;
}

/* "12s ago", "3m ago": the largest unit of which there are two. */
static void
age_text(int64_t ms, char out[NUMBER_MAX])
{
	int64_t s = ms / 1000;

	if (s < 120)
		(void)snprintf(out, NUMBER_MAX, "%" PRId64 "s ago", s);
	else if (s < 7200)
		(void)snprintf(out, NUMBER_MAX, "%" PRId64 "m ago", s / 60);
	else if (s < 172800)
		(void)snprintf(out, NUMBER_MAX, "%" PRId64 "h ago", s / 3600);
	else
		(void)snprintf(out, NUMBER_MAX, "%" PRId64 "d ago", s / 86400);
}

static char *
number_cell(int64_t value, enum out_form form)
{
	char text[BB_DURATION_TEXT_MAX + NUMBER_MAX];

	if (form == OUT_DURATION)
		bb_duration_text(value, text);
	else if (form == OUT_AGE)
		age_text(value, text);
	else
		(void)snprintf(text, sizeof(text), "%" PRId64, value);
	return must(strdup(text));
}

/* Elements joined by ", ". */
static char *
list_cell(const json_t *array, enum out_form form, const char *none)
{
	char *text = must(strdup("")), *part;
	size_t i, len = 0, more;

	for (i = 0; i < json_array_size(array); i++) {
		part = out_cell(json_array_get(array, i), form, none);
		more = strlen(part) + 3;
		text = must(realloc(text, len + more));
		(void)snprintf(text + len, more, "%s%s", i == 0 ? "" : ", ",
		    part);
		len += strlen(text + len);
		free(part);
	}
	return text;
}

char *
out_cell(const json_t *value, enum out_form form, const char *none)
{
	if (json_is_array(value) && json_array_size(value) > 0)
		return list_cell(value, form, none);
	if (json_is_string(value))
		return out_escaped(json_string_value(value));
	if (json_is_boolean(value))
		return must(strdup(json_is_true(value) ? "yes" : "no"));
	if (json_is_integer(value))
		return number_cell((int64_t)json_integer_value(value), form);
	return must(strdup(none == NULL ? "-" : none));
}

/* Characters, as far as a terminal shows one in each column: cells are
 * well-formed UTF-8, whose characters have one byte that is no continuation. */
static size_t
width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xC0) != 0x80 ? 1 : 0;
	return n;
}

static void
pad(size_t have, size_t want)
{
	(void)printf("%*s", (int)(want - have + GAP), "");
}

/* The cells of a table, row by row; the first row is the header. */
struct grid {
	char **cell;
	size_t rows, cols;
};

static char *
header_cell(const char *label)
{
	char *text = must(strdup(label)), *p;

	for (p = text; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return text;
}

static void
fill(struct grid *g, const struct out_kind *kind, const json_t *array)
{
	const struct out_field *f;
	size_t row, i, at = 0;
	const json_t *value;

	for (row = 0; row < g->rows; row++) {
		for (i = 0; i < kind->fields_len; i++) {
			f = &kind->fields[i];
			if (!f->column)
				continue;
			if (row == 0) {
				g->cell[at++] = header_cell(f->label);
				continue;
			}
			value = json_object_get(json_array_get(array, row - 1),
			    f->member);
			g->cell[at++] = out_cell(value, f->form, f->none);
		}
	}
}

static size_t
column_width(const struct grid *g, size_t col)
{
	size_t row, w, widest = 0;

	for (row = 0; row < g->rows; row++) {
		w = width(g->cell[row * g->cols + col]);
		if (w > widest)
			widest = w;
	}
	return widest;
}

/* The last column is not padded: no blanks at the end of a line. */
static void
print_grid(const struct grid *g)
{
	size_t *widths = must(calloc(g->cols, sizeof(*widths)));
	size_t row, col;
	const char *cell;

	for (col = 0; col < g->cols; col++)
		widths[col] = column_width(g, col);
	for (row = 0; row < g->rows; row++) {
		for (col = 0; col < g->cols; col++) {
			cell = g->cell[row * g->cols + col];
			(void)fputs(cell, stdout);
			if (col + 1 < g->cols)
				pad(width(cell), widths[col]);
		}
		(void)putchar('\n');
	}
	free(widths);
}

void
out_table_rows(const struct out_kind *kind, const json_t *array)
{
	struct grid g = { .rows = json_array_size(array) + 1 };
	size_t i;

	for (i = 0; i < kind->fields_len; i++)
		g.cols += kind->fields[i].column ? 1 : 0;
	if (g.cols == 0)
		bb_die(BB_EXIT_BUG, "%s are no list", kind->many);
	g.cell = must(calloc(g.rows * g.cols, sizeof(*g.cell)));
	fill(&g, kind, array);
	print_grid(&g);
	for (i = 0; i < g.rows * g.cols; i++)
		free(g.cell[i]);
	free(g.cell);
}

void
out_table_fields(const struct out_kind *kind, const json_t *object)
{
	const struct out_field *f;
	size_t i, w, widest = 0;
	char *cell;

	for (i = 0; i < kind->fields_len; i++) {
		w = width(kind->fields[i].label);
		if (w > widest)
			widest = w;
	}
	for (i = 0; i < kind->fields_len; i++) {
		f = &kind->fields[i];
		cell = out_cell(json_object_get(object, f->member), f->form,
		    f->none);
		(void)printf("%s:", f->label);
		pad(width(f->label), widest);
		(void)printf("%s\n", cell);
		free(cell);
	}
}
