/* Owns the way from a profile to one frame on standard output: on disk first,
 * then written. */
#include "emit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "base/fail.h"
#include "base/fd.h"
#include "base/log.h"
#include "bbdevice.h"
#include "numbers.h"
#include "password.h"
#include "text.h"
#include "wire/text.h"

#include "base/cc.h"

void
emit_check(const struct emit_options *o)
{
	if (o->password != NULL)
		bb_die(BB_EXIT_USAGE,
		    "a password is not taken from the command line, where "
		    "others can read it; use --password-file or --password-fd");
	if (o->pin == 0)
		bb_die(BB_EXIT_USAGE, "missing option --pin");
	if (o->emit && isatty(STDOUT_FILENO))
		bb_die(BB_EXIT_USAGE,
		    "standard output is a terminal and a frame is binary: "
		    "pipe it into bbrouter, or into a file");
}

bool
emit_out_of_coverage(const struct emit_options *o)
{
	if (o->coverage == NULL || strcmp(o->coverage, "on") == 0)
		return false;
	if (strcmp(o->coverage, "off") != 0)
		bb_die(BB_EXIT_USAGE,
		    "option --coverage: '%s' is neither on "
		    "nor off",
		    o->coverage);
	return true;
}

static void BB_NORETURN
die_profile(const struct profile *p, const char *why)
{
	bb_die(bb_errno_exit(errno), "unable to use the profile of %08x: %s",
	    (unsigned)p->pin, why);
}

static void
open_profile(struct profile *p, const struct emit_options *o)
{
	char why[WHY_MAX];

	if (profile_open(p, profiles_folder(o->profiles), o->pin, why) == -1)
		die_profile(p, why);
}

/* On disk before it leaves: a number is never used twice, whatever happens. */
static int
save_and_write(struct profile *p, struct bb_buf *frame, size_t waiting)
{
	unsigned pin = p->pin;

	if (profile_save(p) == -1)
		bb_die_sys("unable to save the profile of %08x", pin);
	profile_close(p);
	if (bb_write_all(STDOUT_FILENO, bb_buf_data(frame),
		bb_buf_len(frame)) == -1)
		bb_die_sys("unable to write the frame");
	bb_buf_clear(frame);
	if (waiting > 0)
		bb_log(BB_LOG_WARN,
		    "messages of %08x that wait for a next send or fetch: %zu",
		    pin, waiting);
	return BB_EXIT_OK;
}

/* The status of a refusal that is the profile's: EPERM. */
static void BB_NORETURN
die_build(struct profile *p, const char *what, const char *why)
{
	int status = errno == EPERM ? EXIT_LOCAL_REFUSED : bb_errno_exit(errno);
	unsigned pin = p->pin;

	profile_close(p);
	bb_die(status, "unable to %s for %08x: %s", what, pin, why);
}

static void
hold(struct profile *p, const char *to, const char *text)
{
	const char *why;

	if (numbers_hold(p, to, text) == 0)
		return;
	why =
	    errno == ENOSPC ? "too many are not acknowledged" : strerror(errno);
	errno = errno == ENOSPC ? EPERM : errno;
	die_build(p, "keep the message", why);
}

/* --- login ---------------------------------------------------------------- */

static void
take_name(const char *what, const char *given, const char *usual, char *out,
    size_t size)
{
	const char *name = given != NULL ? given : usual;

	if (*name == '\0')
		bb_die(BB_EXIT_USAGE,
		    "missing option --%s: the profile names none", what);
	if (!bb_text_name(name, size - 1))
		bb_die(BB_EXIT_USAGE,
		    "option --%s: it must have 1 to %zu bytes of UTF-8, no "
		    "control characters, no blanks at either end",
		    what, size - 1);
	memcpy(out, name, strlen(name) + 1);
}

static void
find_account(const struct profile *p, const struct emit_options *o,
    struct account *account)
{
	take_name("service", o->service, p->usual.service, account->service,
	    sizeof(account->service));
	take_name("user", o->user, p->usual.user, account->user,
	    sizeof(account->user));
}

void
emit_account(const struct profile *p, const struct emit_options *o,
    struct account *account, bool login)
{
	if (!login && p->has_session && o->user == NULL && o->service == NULL)
		*account = p->session.account;
	else
		find_account(p, o, account);
}

int
emit_login(const struct emit_options *o, const struct emit_login *login)
{
	struct bb_secret password = { 0 };
	struct bb_buf frame = BB_BUF(BB_FRAME_MAX), text = TEXT_BUF;
	struct attach_ask ask = { .password = &password,
		.out_of_coverage = emit_out_of_coverage(o),
		.show = o->show,
		.status = o->status,
		.trace = o->trace,
		.messages = login->messages,
		.fetch = login->fetch };
	const char *message;
	struct account account;
	struct profile p;
	char why[WHY_MAX];
	size_t waiting = 0;
	int rc;

	/* Twice: whoever is asked for a password can take a long time. */
	open_profile(&p, o);
	find_account(&p, o, &account);
	profile_close(&p);
	password_read(o, &account, &password);
	message = login->to == NULL ? NULL : text_take(login->text, &text);
	open_profile(&p, o);
	ask.account = &account;
	if (numbers_begin(&p, &account) == -1)
		die_build(&p, "number the messages", strerror(errno));
	if (login->to != NULL)
		hold(&p, login->to, message);
	rc = attach_build(&p, &ask, &frame, &waiting, why);
	bb_secret_clear(&password);
	bb_buf_clear(&text);
	if (rc == -1)
		die_build(&p, "log in", why);
	return save_and_write(&p, &frame, waiting);
}

int
emit_resume(const struct emit_options *o)
{
	struct bb_buf frame = BB_BUF(BB_FRAME_MAX);
	struct attach_ask ask = { .resume = true,
		.out_of_coverage = emit_out_of_coverage(o),
		.trace = o->trace };
	struct account account;
	struct profile p;
	char why[WHY_MAX];
	size_t waiting = 0;

	open_profile(&p, o);
	errno = EPERM;
	if (!p.has_session || !p.session.has_id)
		die_build(&p, "resume", "it has no session: log in first");
	account = p.session.account;
	if (p.numbering.anew || !account_equal(&p.numbering.account, &account))
		die_build(&p, "resume",
		    "its numbers have to begin anew: log in");
	ask.account = &account;
	if (attach_build(&p, &ask, &frame, &waiting, why) == -1)
		die_build(&p, "resume", why);
	return save_and_write(&p, &frame, 0);
}

/* --- in the session ------------------------------------------------------- */

static int
finish_data(struct profile *p, json_t *message, size_t waiting)
{
	struct bb_buf frame = BB_BUF(BB_FRAME_MAX);
	char why[WHY_MAX];
	int rc;

	if (message == NULL ||
	    json_object_set_new(message, "ack",
		json_integer((json_int_t)p->numbering.have)) == -1) {
		errno = EINVAL;
		die_build(p, "build the message", "a text is not UTF-8");
	}
	rc = data_build(p, message, &frame, why);
	json_decref(message);
	if (rc == -1)
		die_build(p, "send", why);
	return save_and_write(p, &frame, waiting);
}

int
emit_data(const struct emit_options *o, json_t *message)
{
	struct profile p;

	open_profile(&p, o);
	return finish_data(&p, message, 0);
}

int
emit_data_send(const struct emit_options *o, const char *to, const char *text)
{
	struct bb_buf buf = TEXT_BUF;
	const char *message = text_take(text, &buf);
	struct profile p;
	json_t *batch;
	size_t waiting;

	open_profile(&p, o);
	if (p.numbering.anew) {
		errno = EPERM;
		die_build(&p, "send",
		    "its numbers have to begin anew: attach again");
	}
	hold(&p, to, message);
	bb_buf_clear(&buf);
	batch = batch_build(&p, &waiting);
	return finish_data(&p, batch, waiting);
}
