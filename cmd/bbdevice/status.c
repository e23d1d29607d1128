/* Owns the tables of exit codes: tens are the hop (1 device, 2 router, 3
 * dispatcher, 4 Collaboration Service, 5 IM server), units the class (1
 * unreachable, 2 refused, 3 time-out, 4 cannot open, 5 protocol, 6 busy, 7
 * failed, 8 not permitted, 9 dropped).  docs/man/bbdevice.1, EXIT STATUS. */
#include "status.h"

#include <stddef.h>
#include <string.h>

#include "base/fail.h"
#include "wire/frame.h"

#include "base/cc.h"

struct row {
	const char *word;
	int status;
	const char *text;
};

/* clang-format off */
static const struct row answers[] = {
	{ "ok",              BB_EXIT_OK, NULL },
	{ "busy",            46, NULL },
	{ "failed",          47, NULL },
	{ "denied",          48, NULL },
	{ "badlogin",        58, NULL },
	{ "unavailable",     51, NULL },
	{ "unknown-session", 49, NULL },
	{ "badrequest",      45, NULL },
};

static const struct row results[] = {
	{ "sent",    BB_EXIT_OK, NULL },
	{ "refused", 52, NULL },
	{ "unknown", 59, NULL },
};

static const struct row ends[] = {
	{ "logout",   BB_EXIT_OK, "logged out" },
	{ "finished", BB_EXIT_OK, "ended with its connection" },
	{ "evicted",  49, "logged out while idle, to make room" },
	{ "replaced", 49, "replaced by a new login" },
	{ "moved",    49, "moved to another service" },
	{ "inactive", 49, "logged out after a time without activity" },
	{ "killed",   49, "ended by an administrator" },
	{ "lost",     49, "lost with its Collaboration Service" },
	{ "refused",  52, "ended by the IM server" },
};

static const struct row notices[] = {
	{ "stale",       32, "the attach number was used before" },
	{ "superseded",  32, "a later attach overtook this one" },
	{ "busy",        36, "the device store is busy" },
	{ "unreachable", 41, "no Collaboration Service for this IM service" },
	{ "reattach",    49, "the session goes on after a new attach" },
	{ "badbody",     35, "the frame was authentic, but not understood" },
};
/* clang-format on */

static const struct {
	uint8_t code;
	int status;
	const char *text;
} hints[] = {
	{ BB_HINT_VERSION, 35, "the gateway speaks another version" },
	{ BB_HINT_CANNOT_OPEN, 34,
	    "PIN unknown here, or this device's key is no longer valid" },
	{ BB_HINT_NO_DISPATCHER, 31, "the router cannot reach a dispatcher" },
};

static const struct row *
find(const struct row *rows, size_t len, const char *word)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (strcmp(rows[i].word, word) == 0)
			return &rows[i];
	}
	return NULL;
}

static int
status_in(const struct row *rows, size_t len, const char *word, int otherwise)
{
	const struct row *row = find(rows, len, word);

	return row == NULL ? otherwise : row->status;
}

int
status_of_answer(const char *result)
{
	return status_in(answers, BB_LEN(answers), result, 47);
}

int
status_of_result(const char *result)
{
	return status_in(results, BB_LEN(results), result, 57);
}

int
status_of_ended(const char *ended)
{
	return status_in(ends, BB_LEN(ends), ended, 49);
}

int
status_of_notice(const char *code)
{
	return status_in(notices, BB_LEN(notices), code, 37);
}

const char *
text_of_ended(const char *ended)
{
	const struct row *row = find(ends, BB_LEN(ends), ended);

	return row == NULL ? ended : row->text;
}

const char *
text_of_notice(const char *code)
{
	const struct row *row = find(notices, BB_LEN(notices), code);

	return row == NULL ? code : row->text;
}

int
status_of_hint(uint8_t code)
{
	size_t i;

	for (i = 0; i < BB_LEN(hints); i++) {
		if (hints[i].code == code)
			return hints[i].status;
	}
	return 35;
}

const char *
text_of_hint(uint8_t code)
{
	size_t i;

	for (i = 0; i < BB_LEN(hints); i++) {
		if (hints[i].code == code)
			return hints[i].text;
	}
	return "for a reason that this version does not know";
}
