/* Prints nouns and verbs from their tables. */
#include "help.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

#include "base/cc.h"

#define COLUMN 38

static void
print_verb(FILE *to, const struct noun *noun, const struct verb *verb)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "%s %s%s%s", noun->name, verb->name,
	    *verb->operands == '\0' ? "" : " ", verb->operands);
	(void)fprintf(to, "  %-*s%s%s\n", COLUMN, line,
	    strlen(line) < COLUMN ? "" : "  ", verb->about);
}

static void
print_noun(FILE *to, const struct noun *noun)
{
	size_t i;

	(void)fprintf(to, "%s\n", noun->about);
	for (i = 0; i < noun->verbs_len; i++)
		print_verb(to, noun, &noun->verbs[i]);
}

int
help_print(bool asked, const struct noun *const nouns[], size_t len,
    const struct noun *only)
{
	FILE *to = asked ? stdout : stderr;
	size_t i;

	(void)fprintf(to,
	    "usage: bbsession [--data DIR] [--json] [--dry-run] NOUN VERB ...\n"
	    "`bbsession NOUN VERB --help` lists the options of a verb.\n");
	for (i = 0; i < len; i++) {
		if (only == NULL || only == nouns[i]) {
			(void)fputc('\n', to);
			print_noun(to, nouns[i]);
		}
	}
	return asked ? BB_EXIT_OK : BB_EXIT_USAGE;
}
