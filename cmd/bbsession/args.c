/* Words of the command line that name something: each is checked before any
 * store is opened. */
#include "base/fail.h"
#include "bbsession.h"
#include "configdb/db.h"
#include "wire/text.h"

#include "base/cc.h"

const char *
arg_name(const char *what, const char *text, size_t size)
{
	if (!bb_text_name(text, size - 1))
		bb_die(BB_EXIT_USAGE,
		    "'%s' is no name for %s: it must have 1 to %zu bytes of "
		    "UTF-8, no control characters, no blanks at either end",
		    text, what, size - 1);
	return text;
}

const char *
arg_user(const char *text)
{
	return arg_name("a user", text, BB_NAME_MAX);
}

const char *
arg_service(const char *text)
{
	return arg_name("a service", text, BB_SERVICE_MAX);
}

uint32_t
arg_pin(const char *text)
{
	uint32_t pin;

	if (!bb_text_pin_scan(text, &pin))
		bb_die(BB_EXIT_USAGE,
		    "'%s' is no PIN: it must be 8 hexadecimal digits", text);
	if (pin == 0)
		bb_die(BB_EXIT_USAGE, "the PIN 00000000 names no device");
	return pin;
}

const char *
arg_user_or_null(const char *text)
{
	return text == NULL ? NULL : arg_user(text);
}

const char *
arg_service_or_null(const char *text)
{
	return text == NULL ? NULL : arg_service(text);
}
