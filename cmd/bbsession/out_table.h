/* JSON as people read it: aligned columns and lines, on standard output. */
#ifndef BBSESSION_OUT_TABLE_H
#define BBSESSION_OUT_TABLE_H

#include "out.h"

/* The text with control characters, backslashes and what is not UTF-8 as \xNN.
 * The caller frees. */
char *out_escaped(const char *text);
/* One value as text; the caller frees. */
char *out_cell(const json_t *value, enum out_form form, const char *none);
/* A header and a row for each object of the array. */
void out_table_rows(const struct out_kind *kind, const json_t *array);
/* "label: value" for each field of the object. */
void out_table_fields(const struct out_kind *kind, const json_t *object);

#endif
