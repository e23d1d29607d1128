/* messages-gen - prints what comes from lib/line/messages.def.
 *
 * usage: messages-gen dict    a dictionary for libFuzzer
 *        messages-gen wire    the list of messages for docs/wire.md
 *
 * The tables are the library's own rows, so that nothing is listed that is not
 * checked in the same way. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "line/message.h"
#include "line/table.h"

static const struct {
	const char *where;
	const char *title;
} places[] = {
	{ "ATTACH", "ATTACH, first section" },
	{ "UP", "DATA up; `batch` also the second section of ATTACH" },
	{ "ANSWER", "ANSWER, first section" },
	{ "DOWN", "DATA down; `events` also the second section of ANSWER" },
	{ "NOTICE", "NOTICE" },
	{ "EVENT", "Elements of `events`" },
	{ "RESULT", "Elements of `results`" },
	{ "STEP", "Elements of `trace`" },
};

static const struct {
	enum bb_field_type type;
	const char *about;
} types[] = {
	{ BB_F_STR, "text in UTF-8 without control characters (C0, DEL, C1)" },
	{ BB_F_TEXT, "the same; line feed, carriage return, tab are allowed" },
	{ BB_F_SECRET, "text that is never shown" },
	{ BB_F_INT, "whole number, written without point or exponent" },
	{ BB_F_BOOL, "`true` or `false`" },
	{ BB_F_HEX, "bytes as lower-case hexadecimal digits" },
	{ BB_F_WORD, "one of the words" },
	{ BB_F_OBJ, "object" },
	{ BB_F_LIST, "list of objects" },
};

/* One of each message; tests/unit/line_line_test.c checks them where they stand
 * in the document. */
static const char *const examples[] = {
	/* clang-format off */
	[BB_OP_login] = "{\"op\":\"login\",\"service\":\"local\",\"user\":"
	    "\"alice\",\"password\":\"correct horse\",\"numbering\":"
	    "\"a1a2a3a4a5a6a7a8\",\"have\":0,\"show\":\"available\"}",
	[BB_OP_resume] = "{\"op\":\"resume\",\"service\":\"local\",\"session\":"
	    "\"b1b2b3b4b5b6b7b8\",\"numbering\":\"a1a2a3a4a5a6a7a8\","
	    "\"have\":12}",
	[BB_OP_batch] = "{\"op\":\"batch\",\"msgs\":[{\"op\":\"send\",\"n\":1,"
	    "\"to\":\"bob\",\"text\":\"hi\"}],\"fetch\":true,\"ack\":12}",
	[BB_OP_send] = "{\"op\":\"send\",\"n\":1,\"to\":\"bob\",\"text\":"
	    "\"hi\",\"ack\":12}",
	[BB_OP_presence] = "{\"op\":\"presence\",\"show\":\"away\",\"status\":"
	    "\"at lunch\"}",
	[BB_OP_alive] = "{\"op\":\"alive\",\"coverage\":false}",
	[BB_OP_fetch] = "{\"op\":\"fetch\",\"ack\":12}",
	[BB_OP_logout] = "{\"op\":\"logout\",\"ack\":12}",
	[BB_OP_answer] = "{\"op\":\"answer\",\"result\":\"busy\",\"text\":"
	    "\"Server Busy\",\"retry_after\":60,\"newkid\":"
	    "\"6b1e0d9c8b7a6958\",\"nonce\":"
	    "\"000102030405060708090a0b0c0d0e0f1011121314151617\"}",
	[BB_OP_events] = "{\"op\":\"events\",\"events\":[{\"type\":\"message\","
	    "\"n\":13,\"from\":\"bob\",\"text\":\"hi\"}],\"more\":true,"
	    "\"ack\":1}",
	[BB_OP_bye] = "{\"op\":\"bye\",\"ended\":\"evicted\"}",
	[BB_OP_notice] = "{\"op\":\"notice\",\"code\":\"stale\",\"told\":7,"
	    "\"nonce\":\"000102030405060708090a0b0c0d0e0f1011121314151617\"}",
	[BB_OP_message] = "{\"type\":\"message\",\"n\":13,\"from\":\"bob\","
	    "\"text\":\"hi\",\"time\":1795000000}",
	[BB_OP_result] = "{\"n\":1,\"result\":\"refused\",\"reason\":"
	    "\"no such contact\"}",
	[BB_OP_step] = "{\"step\":3,\"hop\":\"bbdispatch\",\"what\":"
	    "\"opened and inflated the login\",\"us\":412}",
	/* clang-format on */
};
_Static_assert(BB_LEN(examples) == BB_OP_COUNT, "an example of each message");

/* 9223372036854775807 says less than 2^63 - 1. */
static void
print_number(int64_t number)
{
	if (number == INT64_MAX)
		(void)fputs("2^63 - 1", stdout);
	else
		printf("%" PRId64, number);
}

static void
print_words(const char *words)
{
	const char *sep = "";
	size_t len;

	while (*words != '\0') {
		len = strcspn(words, " ");
		printf("%s`%.*s`", sep, (int)len, words);
		sep = " ";
		words += len + (words[len] == ' ' ? 1 : 0);
	}
}

static void
print_limits(const struct bb_field_row *row)
{
	switch (row->type) {
	case BB_F_WORD:
		print_words(row->words);
		return;
	case BB_F_HEX:
		printf("%" PRId64 " digits", row->min * 2);
		return;
	case BB_F_BOOL:
	case BB_F_OBJ:
		return;
	case BB_F_STR:
	case BB_F_TEXT:
	case BB_F_SECRET:
	case BB_F_INT:
	case BB_F_LIST:
		break;
	}
	print_number(row->min);
	(void)fputs(" .. ", stdout);
	print_number(row->max);
	if (row->type == BB_F_LIST)
		(void)fputs(" elements", stdout);
	else if (row->type != BB_F_INT)
		(void)fputs(" bytes", stdout);
}

static void
print_message(const struct bb_message_row *message)
{
	const struct bb_field_row *row;
	size_t i;

	printf("\n**%s**: %s\n\n", message->word, message->about);
	printf("```json\n%s\n```\n\n", examples[message->op]);
	printf("| member | type | need | limits | meaning |\n"
	       "|---|---|---|---|---|\n");
	for (i = 0; i < bb_field_rows_len; i++) {
		row = &bb_field_rows[i];
		if (row->op != message->op)
			continue;
		printf("| `%s` | %s | %s | ", row->name,
		    bb_field_type_text(row->type), row->must ? "must" : "may");
		print_limits(row);
		printf(" | %s |\n", row->about);
	}
}

static void
print_wire(void)
{
	size_t i, k;

	printf("\n| type | what it is |\n|---|---|\n");
	for (i = 0; i < BB_LEN(types); i++)
		printf("| %s | %s |\n", bb_field_type_text(types[i].type),
		    types[i].about);
	for (k = 0; k < BB_LEN(places); k++) {
		printf("\n### %s\n", places[k].title);
		for (i = 0; i < bb_message_rows_len; i++) {
			if (strcmp(bb_message_rows[i].where, places[k].where) ==
			    0)
				print_message(&bb_message_rows[i]);
		}
	}
	printf("\n");
}

static void
print_entry(const char *before, const char *text, size_t len, const char *after)
{
	printf("\"%s%.*s%s\"\n", before, (int)len, text, after);
}

static void
print_dict(void)
{
	/* What is JSON's own, and the outer members of a line. */
	static const char *const others[] = { "\\\\u0000", "\\\\ud800",
		"\\\\udc00", "\\\\n", "\\xC2\\x9B", "\\xF0\\x9F\\x98\\x80",
		"null", "true", "false", "1e3", "-0", "{}", "[]", "},{",
		"\\\"re\\\":", "\\\"attach\\\"", "\\\"hint\\\"",
		"\\\"hint\\\":", "\\\"pin\\\":", "\\\"att\\\":", "\\\"seq\\\":",
		"\\\"kid\\\":", "\\\"link\\\":", "\\\"d\\\":", "\\\"m\\\":",
		"\\\"type\\\":" };
	const struct bb_field_row *row;
	const char *words;
	size_t i, len;

	for (i = 0; i < BB_LEN(others); i++)
		print_entry("", others[i], strlen(others[i]), "");
	for (i = 0; i < bb_message_rows_len; i++)
		print_entry("\\\"op\\\":\\\"", bb_message_rows[i].word,
		    strlen(bb_message_rows[i].word), "\\\"");
	for (i = 0; i < bb_field_rows_len; i++) {
		row = &bb_field_rows[i];
		print_entry("\\\"", row->name, strlen(row->name), "\\\":");
		if (row->type == BB_F_INT && row->max < INT64_MAX)
			printf("\"%" PRId64 "\"\n", row->max + 1);
		for (words = row->type == BB_F_WORD ? row->words : "";
		     *words != '\0';
		     words += len + (words[len] == ' ' ? 1 : 0)) {
			len = strcspn(words, " ");
			print_entry("\\\"", words, len, "\\\"");
		}
	}
}

int
main(int argc, char *argv[])
{
	if (argc == 2 && strcmp(argv[1], "dict") == 0)
		print_dict();
	else if (argc == 2 && strcmp(argv[1], "wire") == 0)
		print_wire();
	else {
		(void)fputs("usage: messages-gen dict|wire\n", stderr);
		return BB_EXIT_USAGE;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("messages-gen: fatal: unable to write");
		return BB_EXIT_TEMP;
	}
	return BB_EXIT_OK;
}
