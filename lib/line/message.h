/* Messages: the JSON objects of the device link, checked against
 * messages.def.  With line.h the only users of jansson besides command output:
 * all JSON memory is wiped when freed, for a password passes through it. */
#ifndef BB_LINE_MESSAGE_H
#define BB_LINE_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

#define BB_MESSAGE_DEPTH 16
#define BB_MESSAGE_WHY_MAX 200

/* Makes jansson wipe what it frees.  Once, before the first JSON call. */
void bb_json_init(void);

/* Parses exactly one JSON object: UTF-8, no duplicate members, depth at most
 * BB_MESSAGE_DEPTH, nothing behind it but white space, no zero characters.
 * NULL with EINVAL, or ENOMEM when it is memory that is missing, and a clause
 * in `why` that never quotes the text; the caller owns the result
 * (json_decref). */
json_t *bb_json_parse(const void *text, size_t len,
    char why[BB_MESSAGE_WHY_MAX]);
/* Compact text, members in the order they were put in.  NULL with ENOMEM.  The
 * caller wipes and frees it through bb_json_text_free. */
char *bb_json_text(const json_t *json, size_t *len);
void bb_json_text_free(char *text, size_t len);

enum bb_message_place {
	BB_PLACE_ATTACH,
	BB_PLACE_ATTACH_MORE, /* second section of ATTACH: "batch" */
	BB_PLACE_UP,
	BB_PLACE_ANSWER,
	BB_PLACE_ANSWER_MORE, /* second section of ANSWER: "events" */
	BB_PLACE_DOWN,
	BB_PLACE_NOTICE
};

enum bb_op {
#define MSG(op, where, about) BB_OP_##op,
#define FIELD(op, name, type, need, min, max, about)
#define WORDS(op, name, words)
#include "line/messages.def"
#undef MSG
#undef FIELD
#undef WORDS
	BB_OP_COUNT
};

/* Checks an object against the table, elements of its lists included, and says
 * which message it is.  0, or -1 with a clause that names the member ("member
 * \"to\" of \"send\" is missing"), never its value. */
int bb_message_check(const json_t *json, enum bb_message_place place,
    enum bb_op *op, char why[BB_MESSAGE_WHY_MAX]) BB_NODISCARD;
/* Only which message it is: the first half of the check. */
int bb_message_op(const json_t *json, enum bb_message_place place,
    enum bb_op *op, char why[BB_MESSAGE_WHY_MAX]) BB_NODISCARD;
/* The word of an op: "login". */
const char *bb_op_word(enum bb_op op);
/* A deep copy with every SECRET member replaced by "***": for logs and people.
 * Also knows lines (their d and m).  NULL with ENOMEM. */
json_t *bb_message_masked(const json_t *json);
/* One readable line for people, secrets masked, texts escaped: "login
 * service=local user=alice password=***".  Returns out. */
const char *bb_message_text(const json_t *json, char *out, size_t out_size);
/* Checks a list of steps (the member "trace" of a line or an answer). */
int bb_trace_check(const json_t *trace, char why[BB_MESSAGE_WHY_MAX])
    BB_NODISCARD;
/* True when the events of an "events" object come from more than one author,
 * so that the section must be stored, not deflated. */
bool bb_message_mixed_authors(const json_t *events);

/* The table itself, for generators (dictionary, docs). */
enum bb_field_type {
	BB_F_STR,
	BB_F_TEXT,
	BB_F_SECRET,
	BB_F_INT,
	BB_F_BOOL,
	BB_F_HEX,
	BB_F_WORD,
	BB_F_OBJ,
	BB_F_LIST
};
struct bb_field_row {
	enum bb_op op;
	const char *name;
	enum bb_field_type type;
	bool must;
	int64_t min, max;
	const char *words; /* WORD: the words, separated by spaces */
	const char *about;
};
struct bb_message_row {
	enum bb_op op;
	const char *word;
	const char *where; /* "ATTACH" ... */
	const char *about;
};
extern const struct bb_message_row bb_message_rows[];
extern const size_t bb_message_rows_len;
extern const struct bb_field_row bb_field_rows[];
extern const size_t bb_field_rows_len;

#endif
