/* Owns reading the password of a login. */
#include "password.h"

#include <errno.h>
#include <stdio.h>

#include "base/fail.h"

#include "base/cc.h"

static void BB_NORETURN
die_reading(const char *from)
{
	if (errno == EMSGSIZE)
		bb_die(BB_EXIT_USAGE,
		    "unable to read the password from %s: more than %d bytes",
		    from, BB_SECRET_MAX);
	if (errno == ENODATA)
		bb_die(BB_EXIT_USAGE,
		    "unable to read the password from %s: nothing is there",
		    from);
	if (errno == EINVAL)
		bb_die(BB_EXIT_USAGE,
		    "unable to read the password from %s: it has a zero byte",
		    from);
	if (errno == ENOTTY)
		bb_die(BB_EXIT_USAGE,
		    "unable to ask for the password: there is no terminal; "
		    "use --password-file or --password-fd");
	bb_die_sys("unable to read the password from %s", from);
}

static void
ask(const struct account *account, struct bb_secret *password)
{
	char prompt[USER_MAX + SERVICE_MAX + 32];

	(void)snprintf(prompt, sizeof(prompt),
	    "Password of %s at %s: ", account->user, account->service);
	if (bb_secret_ask(password, prompt) == -1)
		die_reading("the terminal");
}

void
password_read(const struct emit_options *o, const struct account *account,
    struct bb_secret *password)
{
	const char *why = NULL;
	char from[32];

	if (o->password_file != NULL && o->password_fd != -1)
		bb_die(BB_EXIT_USAGE,
		    "give --password-file or --password-fd, not both");
	if (o->password_file != NULL) {
		if (bb_secret_read_file(password, o->password_file, &why) == 0)
			return;
		if (why != NULL)
			bb_die(BB_EXIT_USAGE,
			    "unable to read the password from %s: it %s",
			    o->password_file, why);
		die_reading(o->password_file);
	}
	if (o->password_fd == -1) {
		ask(account, password);
		return;
	}
	(void)snprintf(from, sizeof(from), "descriptor %d",
	    (int)o->password_fd);
	if (bb_secret_read_fd(password, (int)o->password_fd) == -1)
		die_reading(from);
}
