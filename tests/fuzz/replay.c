/*
 * replay.c - gives a fuzz target its corpus, with any compiler.
 *
 * usage: replay_NAME [FILE-OR-FOLDER...]; by default tests/fuzz/corpus/NAME.
 * Prints TAP, one statement for each input: that the target came back.  Its
 * properties are checked by abort(), so a broken one ends the program.
 */
#include "tap.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (4U << 20)
#define PATH_LEN_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* Named by targets with a mutator of their own; not called here.  Its form is
 * libFuzzer's: `data` cannot be const. */
size_t
LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) /* NOLINT */
{
	(void)data;
	(void)max_size;
	return size;
}

static void
replay_bytes(const uint8_t *bytes, size_t len, const char *name)
{
	/* A block of its own length: sanitizers see a byte too far. */
	uint8_t *copy = malloc(len == 0 ? 1 : len);

	if (copy == NULL) {
		tap_ok(false, "%s: out of memory", name);
		return;
	}
	if (len > 0)
		memcpy(copy, bytes, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	tap_ok(true, "%s", name);
}

static void
replay_file(const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t len;

	if (file == NULL) {
		tap_ok(false, "%s can be opened", path);
		return;
	}
	len = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	replay_bytes(bytes, len, path);
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
replay_folder(const char *path)
{
	struct dirent **entries;
	char name[PATH_LEN_MAX];
	int i, count = scandir(path, &entries, is_visible, alphasort);

	if (count == -1) {
		tap_ok(false, "%s can be read", path);
		return;
	}
	for (i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", path,
		    entries[i]->d_name);
		replay_file(name);
		free(entries[i]);
	}
	free(entries);
}

static void
replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		tap_skip("there is no %s", path);
	else if (S_ISDIR(st.st_mode))
		replay_folder(path);
	else
		replay_file(path);
}

static void
replay_own_corpus(const char *program)
{
	const char *mark = strstr(program, "replay_");
	char path[PATH_LEN_MAX];

	(void)snprintf(path, sizeof(path), "tests/fuzz/corpus/%s",
	    mark == NULL ? program : mark + strlen("replay_"));
	replay(path);
}

int
main(int argc, char *argv[])
{
	int i;

	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	replay_bytes((const uint8_t *)"", 0, "no bytes at all");
	for (i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
		replay_own_corpus(argv[0]);
	return tap_done();
}
