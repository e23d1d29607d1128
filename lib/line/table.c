/* Owns the rows that messages.def expands to. */
#include "line/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cc.h"

/* clang-format off */
#define MSG(op, where, about) { BB_OP_##op, #op, #where, about },
#define FIELD(op, name, type, need, min, max, about)
#define WORDS(op, name, words)
const struct bb_message_row bb_message_rows[] = {
#include "line/messages.def"
};
#undef MSG
#undef FIELD
#undef WORDS

/* A WORD without WORDS does not compile. */
#define MSG(op, where, about)
#define FIELD(op, name, type, need, min, max, about)
#define WORDS(op, name, words) static const char words_##op##_##name[] = words;
#include "line/messages.def"
#undef FIELD
#undef WORDS

#define WORDS_STR(op, name)    NULL
#define WORDS_TEXT(op, name)   NULL
#define WORDS_SECRET(op, name) NULL
#define WORDS_INT(op, name)    NULL
#define WORDS_BOOL(op, name)   NULL
#define WORDS_HEX(op, name)    NULL
#define WORDS_WORD(op, name)   words_##op##_##name
#define WORDS_OBJ(op, name)    NULL
#define WORDS_LIST(op, name)   NULL
#define NEED_MUST true
#define NEED_MAY  false
#define FIELD(op, name, type, need, min, max, about)                    \
	{ BB_OP_##op, #name, BB_F_##type, NEED_##need, min, max,        \
	    WORDS_##type(op, name), about },
#define WORDS(op, name, words)
const struct bb_field_row bb_field_rows[] = {
#include "line/messages.def"
};
#undef MSG
#undef FIELD
#undef WORDS
/* clang-format on */

const size_t bb_message_rows_len = BB_LEN(bb_message_rows);
const size_t bb_field_rows_len = BB_LEN(bb_field_rows);

/* bb_op_word and others use an op as the number of its row. */
_Static_assert(BB_LEN(bb_message_rows) == BB_OP_COUNT, "a row for each op");

const char *
bb_op_word(enum bb_op op)
{
	return (size_t)op < bb_message_rows_len ? bb_message_rows[op].word : "";
}

const struct bb_field_row *
bb_field_find(enum bb_op op, const char *name)
{
	size_t i;

	for (i = 0; i < bb_field_rows_len; i++) {
		if (bb_field_rows[i].op == op &&
		    strcmp(bb_field_rows[i].name, name) == 0)
			return &bb_field_rows[i];
	}
	return NULL;
}

bool
bb_field_secret(const char *name)
{
	size_t i;

	for (i = 0; i < bb_field_rows_len; i++) {
		if (bb_field_rows[i].type == BB_F_SECRET &&
		    strcmp(bb_field_rows[i].name, name) == 0)
			return true;
	}
	return false;
}

enum bb_op
bb_op_find(const char *word, const char *where)
{
	size_t i;

	for (i = 0; i < bb_message_rows_len; i++) {
		if (strcmp(bb_message_rows[i].where, where) == 0 &&
		    strcmp(bb_message_rows[i].word, word) == 0)
			return bb_message_rows[i].op;
	}
	return BB_OP_COUNT;
}

bool
bb_word_in(const char *words, const char *word)
{
	size_t len, word_len = strlen(word);

	while (*words != '\0') {
		len = strcspn(words, " ");
		if (len == word_len && memcmp(words, word, len) == 0)
			return true;
		words += len + (words[len] == ' ' ? 1 : 0);
	}
	return false;
}

const char *
bb_field_type_text(enum bb_field_type type)
{
	static const char *const texts[] = {
		[BB_F_STR] = "STR",
		[BB_F_TEXT] = "TEXT",
		[BB_F_SECRET] = "SECRET",
		[BB_F_INT] = "INT",
		[BB_F_BOOL] = "BOOL",
		[BB_F_HEX] = "HEX",
		[BB_F_WORD] = "WORD",
		[BB_F_OBJ] = "OBJ",
		[BB_F_LIST] = "LIST",
	};

	return texts[type];
}
