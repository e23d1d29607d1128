/* Owns finding the holder of a profile, or becoming it; and the asker whose
 * holder is another process. */
#include "role.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "bbdevice.h"
#include "line/message.h"
#include "live.h"
#include "numbers.h"
#include "password.h"
#include "serve/local.h"

#include "base/cc.h"

#define DEFAULT_VIA "127.0.0.1:3101"
#define WAIT_MS 10000 /* for a holder that begins or ends */
#define LOOK_MS 20

/* --- through another process ---------------------------------------------- */

struct other {
	struct asker *a;
	struct bb_loop *loop;
	struct bb_peer *peer;
	bool over;
};

static bool
other_input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct other *o = ctx;
	char why[BB_MESSAGE_WHY_MAX];
	const uint8_t *line, *end;
	json_t *object;

	(void)peer;
	while (bb_buf_len(in) > 0 && !o->a->done) {
		line = bb_buf_data(in);
		end = memchr(line, '\n', bb_buf_len(in));
		if (end == NULL)
			return true;
		object = bb_json_parse(line, (size_t)(end - line), why);
		if (object == NULL)
			bb_die(EXIT_LOCAL_PROTOCOL,
			    "unable to understand the process that holds the "
			    "profile: %s",
			    why);
		asker_take(o->a, object);
		json_decref(object);
		bb_buf_take(in, (size_t)(end - line) + 1);
	}
	bb_buf_cut(in, 0);
	return true;
}

static void
other_closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct other *o = ctx;

	(void)peer;
	(void)why;
	o->peer = NULL;
	bb_loop_stop(o->loop);
}

static void
other_asks(void *ctx, const json_t *request)
{
	struct other *o = ctx;
	size_t len;
	char *line = bb_json_text(request, &len);

	if (o->peer != NULL &&
	    (line == NULL || bb_peer_send(o->peer, line, len) == -1 ||
		bb_peer_send(o->peer, "\n", 1) == -1))
		bb_die_sys("unable to ask the process that holds the profile");
	if (line != NULL)
		bb_json_text_free(line, len);
}

/* What it said that it has is written before we leave. */
static void
other_finished(void *ctx)
{
	struct other *o = ctx;

	if (o->peer != NULL)
		bb_peer_finish(o->peer, 1000);
	else
		bb_loop_stop(o->loop);
}

static void
other_caught(void *ctx, int signo)
{
	struct other *o = ctx;

	if (o->a->verb != ASK_LISTEN)
		show_status(&o->a->show, 128 + signo);
	o->a->done = true;
	bb_loop_stop(o->loop);
}

static void
flush(void *ctx)
{
	(void)ctx;
	bb_peers_flush();
}

static void
other_open(struct other *o, int fd)
{
	static const struct bb_peer_kind kind = { .name = "holder",
		.in_max = LIVE_LINE_MAX,
		.out_max = 4u << 20,
		.secret = true,
		.input = other_input,
		.closed = other_closed };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	size_t i;

	o->loop = bb_loop_new(BB_LOOP_ANY_FD);
	if (o->loop == NULL ||
	    (o->peer = bb_peer_new(o->loop, fd, fd, &kind, o)) == NULL)
		bb_die_sys("unable to begin");
	for (i = 0; i < BB_LEN(signals); i++) {
		if (asker_heeds(signals[i]) &&
		    bb_loop_on_signal(o->loop, signals[i], other_caught, o) ==
			-1)
			bb_die_sys("unable to begin");
	}
	bb_loop_at_turn_end(o->loop, flush, NULL);
}

static void
run_through(struct asker *a, int fd)
{
	struct other o = { .a = a };

	a->ask = other_asks;
	a->finished = other_finished;
	a->ctx = &o; /* cppcheck-suppress autoVariables ; until we return */
	a->shared = true;
	other_open(&o, fd);
	if (asker_open(a, o.loop) == -1)
		bb_die_sys("unable to begin");
	bb_peers_flush(); /* no turn has been before the first wait */
	if (bb_loop_run(o.loop) == -1)
		bb_die_sys("unable to wait");
	asker_close(a);
	a->ctx = NULL;
	bb_peer_free(o.peer);
	bb_loop_free(o.loop);
}

/* --- as the holder -------------------------------------------------------- */

static void
add_via(struct live *l, const char *text)
{
	const char *why;

	if (l->via_len == BB_LEN(l->via))
		return;
	if (!bb_addr_scan(text, VIA_PORT, &l->via[l->via_len++], &why))
		bb_die(BB_EXIT_USAGE, "unable to use the address '%s': %s",
		    text, why);
}

static void
find_via(struct live *l)
{
	const struct bb_opt_list *given = &l->o->via;
	size_t i;

	for (i = 0; i < given->len; i++)
		add_via(l, given->at[i]);
	for (i = 0; given->len == 0 && i < json_array_size(l->p.via); i++)
		add_via(l, json_string_value(json_array_get(l->p.via, i)));
	if (l->via_len == 0)
		add_via(l, DEFAULT_VIA);
}

static void
begin_chain(struct live *l, char *const command[])
{
	char why[BB_CHAIN_WHY_MAX];

	l->chain.fd = -1;
	if (command == NULL) {
		find_via(l);
		return;
	}
	if (bb_chain_start(&l->chain, command, why) == -1)
		bb_die(BB_EXIT_USAGE, "unable to start %s", why);
	(void)close(l->chain.ready_fd);
	l->chained = l->chain_runs = true;
}

static void
run_holding(struct live *l, struct asker *a, char *const command[])
{
	l->account = a->account;
	l->resume = a->verb == ASK_RESUME;
	l->o = a->o;
	if (a->password.text != NULL &&
	    bb_secret_set(&l->password, a->password.text, a->password.len) ==
		-1)
		bb_die_sys("unable to keep the password");
	begin_chain(l, command);
	live_run(l, a);
}

/* --- which of them -------------------------------------------------------- */

/* Paths from here on are those within the profile: a socket's must be short. */
static void
enter_folder(const struct profile *p)
{
	if (fchdir(p->folder) == -1)
		bb_die_sys("unable to enter the folder of the profile");
}

static void BB_NORETURN
die_profile(uint32_t pin, const char *why)
{
	bb_die(bb_errno_exit(errno), "unable to use the profile of %08x: %s",
	    (unsigned)pin, why);
}

static void
look_again(int64_t until_ms, const char *why)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

	if (bb_clock_ms() > until_ms)
		bb_die(BB_EXIT_TEMP,
		    "unable to use the profile: %s, and does not answer", why);
	(void)nanosleep(&pause, NULL);
}

/* One holder: our own life as such, or that of another.  False: try again. */
static bool
run_once(struct asker *a, const char *folder, char *const command[],
    char why[WHY_MAX])
{
	struct live l = { .socket = -1, .chain = { .fd = -1 } };
	int fd;

	if (profile_hold(&l.p, folder, a->o->pin, why) == 0) {
		enter_folder(&l.p);
		run_holding(&l, a, command);
		profile_close(&l.p);
		return true;
	}
	if (errno != EBUSY && errno != EINPROGRESS)
		die_profile(a->o->pin, why);
	if (errno == EBUSY) {
		enter_folder(&l.p);
		fd = bb_local_connect(LIVE_SOCKET);
		profile_close(&l.p);
		if (fd == -1)
			return false;
		run_through(a, fd);
		return true;
	}
	profile_close(&l.p);
	return false;
}

static int
absolute(const char *folder, char path[PATH_MAX])
{
	char here[PATH_MAX];
	int n;

	if (folder[0] == '/')
		n = snprintf(path, PATH_MAX, "%s", folder);
	else if (getcwd(here, sizeof(here)) == NULL)
		return -1;
	else
		n = snprintf(path, PATH_MAX, "%s/%s", here, folder);
	if (n >= 0 && n < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* A password is asked for before the profile is held: that can take long. */
static void
prepare(struct asker *a, const char *folder)
{
	const struct emit_options *o = a->o;
	bool given = o->password_file != NULL || o->password_fd != -1;
	char why[WHY_MAX];
	struct profile p;
	pid_t holder;
	bool fits;

	if (profile_look(&p, folder, o->pin, &holder, why) == -1)
		die_profile(o->pin, why);
	if (a->verb == ASK_STATUS) {
		if (holder == 0) {
			asker_say(a, status_of_link(&p, "not linked", false));
			a->done = true;
		}
		profile_close(&p);
		return;
	}
	emit_account(&p, o, &a->account, a->verb == ASK_LOGIN || o->stay);
	fits = p.has_session && p.session.has_id && !p.numbering.anew &&
	       account_equal(&p.session.account, &a->account);
	profile_close(&p);
	if (a->verb == ASK_RESUME)
		return;
	if (a->verb == ASK_LOGIN || o->stay || given || (!fits && holder == 0))
		password_read(o, &a->account, &a->password);
}

int
role_run(struct asker *a, char *const command[])
{
	char folder[PATH_MAX], why[WHY_MAX];
	int64_t until_ms;

	if (absolute(profiles_folder(a->o->profiles), folder) == -1)
		bb_die_sys("unable to find the profiles");
	prepare(a, folder);
	until_ms = bb_clock_ms() + WAIT_MS;
	while (!a->done) {
		if (run_once(a, folder, command, why))
			until_ms = bb_clock_ms() + WAIT_MS;
		else
			look_again(until_ms, why);
	}
	return a->show.worst;
}
