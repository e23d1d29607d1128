/* Passwords of `local` accounts: where they come from. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "secrets.h"

#include "base/cc.h"

#define PROMPT_MAX 512

enum password_from
password_source(const struct args *a)
{
	int given = (a->password_file != NULL) + (a->password_fd != -1) +
		    (a->no_password ? 1 : 0);

	if (given > 1)
		bb_die(BB_EXIT_USAGE,
		    "give one of --password-file, --password-fd and "
		    "--no-password");
	if (a->password_file != NULL)
		return PASSWORD_FILE;
	if (a->password_fd != -1)
		return PASSWORD_FD;
	return a->no_password ? PASSWORD_NONE : PASSWORD_TERMINAL;
}

static void BB_NORETURN
die_reading(const char *where)
{
	if (errno == EMSGSIZE)
		bb_die(BB_EXIT_USAGE,
		    "unable to read the password from %s: it has more than %d "
		    "bytes",
		    where, BB_SECRET_MAX);
	if (errno == ENODATA)
		bb_die(BB_EXIT_USAGE,
		    "unable to read the password from %s: it is empty", where);
	if (errno == EINVAL)
		bb_die(BB_EXIT_USAGE,
		    "unable to read the password from %s: it contains a zero "
		    "byte",
		    where);
	bb_die_sys("unable to read the password from %s", where);
}

static void
ask(const char *prompt, struct bb_secret *s)
{
	if (bb_secret_ask(s, prompt) == 0)
		return;
	if (errno == ENOTTY)
		bb_die(BB_EXIT_USAGE,
		    "unable to ask for the password: there is no terminal; use "
		    "--password-file or --password-fd");
	die_reading("the terminal");
}

static void
ask_twice(const char *user, struct bb_secret *password)
{
	struct bb_secret again = { 0 };
	char prompt[PROMPT_MAX];
	bool equal;

	(void)snprintf(prompt, sizeof(prompt), "New password of %s: ", user);
	ask(prompt, password);
	ask("The same again: ", &again);
	equal = password->len == again.len &&
		bb_equal_ct(password->text, again.text, again.len);
	bb_secret_clear(&again);
	if (!equal) {
		bb_secret_clear(password);
		bb_die(BB_EXIT_USAGE,
		    "unable to take the password: the two are not the same");
	}
}

void
password_read(const struct args *a, const char *user,
    struct bb_secret *password)
{
	const char *why = NULL;
	char where[32];

	switch (password_source(a)) {
	case PASSWORD_FILE:
		if (bb_secret_read_file(password, a->password_file, &why) == 0)
			return;
		if (why != NULL)
			bb_die(BB_EXIT_USAGE,
			    "unable to read the password from %s: it %s",
			    a->password_file, why);
		die_reading(a->password_file);
	case PASSWORD_FD:
		(void)snprintf(where, sizeof(where), "descriptor %d",
		    (int)a->password_fd);
		if (bb_secret_read_fd(password, (int)a->password_fd) == -1)
			die_reading(where);
		return;
	case PASSWORD_TERMINAL:
		ask_twice(user, password);
		return;
	case PASSWORD_NONE:
		return;
	}
}
