/* Objects whose shape is somebody else's: a line for each value in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "out.h"
#include "out_table.h"

#include "base/cc.h"

#define PATH_BYTES 512 /* of "trunks.1.up"; deeper names are cut */
#define DEPTH_MAX 16

static void print_tree(const json_t *value, const char *path, unsigned depth);

static void
print_member(const json_t *value, const char *path, const char *name,
    unsigned depth)
{
	char longer[PATH_BYTES];

	snprintf(longer, sizeof(longer), "%s%s%s", path,
	    path[0] == '\0' ? "" : ".", name);
	print_tree(value, longer, depth + 1);
}

static void
print_array(const json_t *array, const char *path, unsigned depth)
{
	char index[24];
	size_t i;

	for (i = 0; i < json_array_size(array); i++) {
		snprintf(index, sizeof(index), "%zu", i + 1);
		print_member(json_array_get(array, i), path, index, depth);
	}
}

static void
print_object(const json_t *object, const char *path, unsigned depth)
{
	void *at = json_object_iter((json_t *)(uintptr_t)object);
	const char *name;

	while (at != NULL) {
		name = json_object_iter_key(at);
		/* The version of the answer's form is no news to people. */
		if (depth > 0 || strcmp(name, "v") != 0)
			print_member(json_object_iter_value(at), path, name,
			    depth);
		at = json_object_iter_next((json_t *)(uintptr_t)object, at);
	}
}

static void
print_tree(const json_t *value, const char *path, unsigned depth)
{
	char *text;

	if (json_is_object(value) && depth < DEPTH_MAX) {
		print_object(value, path, depth);
	} else if (json_is_array(value) && depth < DEPTH_MAX) {
		print_array(value, path, depth);
	} else {
		text = out_cell(value, OUT_PLAIN, NULL);
		(void)printf("%s: %s\n", path, text);
		free(text);
	}
}

int
out_tree(const struct args *a, json_t *object)
{
	if (!a->json)
		print_tree(object, "", 0);
	else if (json_dumpf(object, stdout, JSON_COMPACT) == 0)
		(void)putchar('\n');
	json_decref(object);
	return BB_EXIT_OK;
}
