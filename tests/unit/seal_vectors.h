/* The published test vectors, docs/wire-vectors.txt, for the tests of lib/seal.
 * seal_vectors.py computed them, without the library. */
#ifndef BB_SEAL_VECTORS_H
#define BB_SEAL_VECTORS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal/keys.h"
#include "wire/text.h"

#include "base/cc.h"

#include "tap.h"

#define VECTORS_PATH "docs/wire-vectors.txt"
#define VECTOR_PIN 0x2100000a
#define VECTOR_NAME_MAX 64
#define VECTOR_LINE_MAX 8192

struct vector {
	uint8_t bytes[VECTOR_LINE_MAX / 2];
	size_t len;
};

/* The vector of this name.  Without it no statement of the test can be made:
 * the test says so and ends. */
static inline struct vector
vector(const char *name)
{
	FILE *file = fopen(VECTORS_PATH, "r");
	char line[VECTOR_LINE_MAX];
	size_t name_len = strlen(name);
	struct vector v = { .len = 0 };

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, name, name_len) != 0 || line[name_len] != ' ')
			continue;
		v.len = strlen(line + name_len + 1) / 2;
		if (!bb_text_hex_scan(line + name_len + 1, v.bytes, v.len))
			v.len = 0;
	}
	if (file != NULL)
		(void)fclose(file);
	if (v.len == 0) {
		tap_ok(false, "%s has %s", VECTORS_PATH, name);
		exit(tap_done());
	}
	return v;
}

/* A vector whose name is made of two parts: "attach" and "-frame". */
static inline struct vector
vector_of(const char *name, const char *part)
{
	char whole[VECTOR_NAME_MAX];

	(void)snprintf(whole, sizeof(whole), "%s%s", name, part);
	return vector(whole);
}

/* A vector of a known length, copied. */
static inline void
vector_copy(const char *name, void *to, size_t len)
{
	struct vector v = vector(name);

	if (v.len != len) {
		tap_ok(false, "%s is %zu bytes long", name, len);
		exit(tap_done());
	}
	memcpy(to, v.bytes, len);
}

/* The keys of the vectors' base key, or of the next one. */
static inline struct bb_keys
vector_keys(bool next)
{
	uint8_t base[BB_BASE_LEN];
	struct bb_keys keys;

	vector_copy(next ? "next-base" : "base", base, sizeof(base));
	if (bb_keys_expand(base, VECTOR_PIN, &keys) == -1) {
		tap_ok(false, "a base key expands");
		exit(tap_done());
	}
	return keys;
}

#endif
