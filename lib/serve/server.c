/* A server: its signals, its one or many connections, its end. */
#include "serve/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "serve/address.h"
#include "serve/control.h"
#include "serve/peer.h"
#include "serve/places.h"
#include "serve/ready.h"
#include "serve/tally.h"
#include "wire/addr.h"

#define HANDED_DRAIN_MS 5000  /* newcomers wait for the next process */
#define CHAINED_DRAIN_MS 1000 /* more than the head of the chain takes */

struct bb_server {
	struct bb_loop *loop;
	const struct bb_server_options *options;
	const struct bb_server_calls *calls;
	void *ctx;
	struct bb_places *places;
	int first[BB_LISTEN_MAX]; /* accepted before us, or -1 */
	bool handed;              /* the sockets are somebody else's */
	bool wait;    /* and that is an inetd, which waits for our end */
	bool peer;    /* no socket: one connection */
	bool chained; /* and that is a stage which started us */
	int in, out;  /* of that connection */
	struct bb_tally *tally;
	uint64_t refused;
	struct bb_control *control;
	struct bb_timer *timer; /* drain, or idle exit */
	bool tty;               /* standard input was a terminal */
	bool nohup;             /* hang-ups are not for us */
	bool draining;
	bool over;
	int status;
};

static void
set_timer(struct bb_server *s, int64_t ms)
{
	if (bb_timer_set(s->timer, ms) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

static void
end(struct bb_server *s)
{
	s->over = true;
	bb_loop_stop(s->loop);
}

/* ---- connections ---- */

static void
idle_begins(struct bb_server *s)
{
	if (s->wait && !s->draining && bb_tally_count(s->tally) == 0)
		set_timer(s, s->options->idle_exit_ms);
}

static void
take(struct bb_server *s, int in, int out)
{
	struct bb_address address;
	char text[BB_ADDRESS_TEXT_MAX];

	bb_address_look(in, &address);
	if (!bb_tally_add(s->tally, address.bytes)) {
		bb_log(BB_LOG_INFO, "refused %s: too many connections",
		    bb_address_text(&address, text));
		s->refused++;
		(void)close(in);
		if (out != in)
			(void)close(out);
		return;
	}
	if (s->wait)
		bb_timer_cancel(s->timer);
	if (!s->calls->accepted(s->ctx, in, out))
		bb_server_left(s, address.bytes);
}

/* A connection that is reset at once has no address any more when the stage
 * looks: what accept said counts. */
static void
taken(void *server, int fd, const struct sockaddr_storage *peer)
{
	bb_address_told(fd, peer);
	take(server, fd, fd);
	bb_address_told(-1, NULL);
}

void
bb_server_left(struct bb_server *s, const uint8_t address[16])
{
	bb_tally_remove(s->tally, address);
	if (s->peer && !s->draining)
		bb_server_stop(s, s->status);
	idle_begins(s);
}

/* ---- the end ---- */

static void
drain(struct bb_server *s)
{
	int64_t ms = s->options->drain_ms;

	if (s->draining)
		return;
	s->draining = true;
	bb_ready_stopping();
	if (s->places != NULL)
		bb_places_close(s->places);
	if (s->handed && ms > HANDED_DRAIN_MS)
		ms = HANDED_DRAIN_MS;
	if (s->chained)
		ms += CHAINED_DRAIN_MS;
	set_timer(s, ms);
	if (s->calls->drain != NULL)
		s->calls->drain(s->ctx);
}

void
bb_server_stop(struct bb_server *s, int status)
{
	if (s->status == BB_EXIT_OK)
		s->status = status;
	drain(s);
}

bool
bb_server_draining(const struct bb_server *s)
{
	return s->draining;
}

uint64_t
bb_server_refused(const struct bb_server *s)
{
	return s->refused;
}

static void
timer_fired(void *server)
{
	struct bb_server *s = server;

	if (s->draining) {
		bb_log(BB_LOG_WARN, "ending with work undone");
		end(s);
	} else if (bb_tally_count(s->tally) == 0) {
		bb_server_stop(s, BB_EXIT_OK);
	}
}

/* The terminal that it was started from has gone. */
static bool
hung_up(const struct bb_server *s)
{
	return s->tty && !s->nohup && isatty(STDIN_FILENO) == 0;
}

static void
signalled(void *server, int signo)
{
	struct bb_server *s = server;

	if (signo == SIGHUP && !hung_up(s)) {
		if (s->calls->reload != NULL)
			s->calls->reload(s->ctx);
	} else if (s->draining) {
		end(s);
	} else {
		drain(s);
	}
}

/* In a chain a signal to the whole group reaches us too: the head may still
 * have something for us, and its end is what ends us. */
static bool
may_end(struct bb_server *s)
{
	if (s->chained && bb_tally_count(s->tally) > 0)
		return false;
	return s->calls->busy == NULL || !s->calls->busy(s->ctx);
}

static void
turn_end(void *server)
{
	struct bb_server *s = server;

	if (s->calls->turn_end != NULL)
		s->calls->turn_end(s->ctx);
	bb_peers_flush();
	if (s->draining && !s->over && may_end(s))
		end(s);
}

static bool
control(void *server, const char *command, struct bb_buf *out)
{
	struct bb_server *s = server;

	if (strcmp(command, "drain") == 0) {
		if (bb_buf_puts(out, "{\"v\":1,\"draining\":true}") == -1)
			return false;
		drain(s);
		return true;
	}
	if (strcmp(command, "reload") == 0) {
		if (bb_buf_puts(out, "{\"v\":1,\"reloaded\":true}") == -1)
			return false;
		if (s->calls->reload != NULL)
			s->calls->reload(s->ctx);
		return true;
	}
	return s->calls->control != NULL &&
	       s->calls->control(s->ctx, command, out);
}

/* ---- the beginning ---- */

static int
take_over(struct bb_server *s, const struct bb_start *start,
    char why[BB_SERVER_WHY_MAX])
{
	size_t i;

	s->handed = true;
	for (i = 0; i < start->listening_len; i++) {
		s->wait |= start->listening[i] == STDIN_FILENO;
		s->first[i] = start->first[i];
		if (bb_places_hand_over(s->places, start->listening[i]) == 0)
			continue;
		(void)snprintf(why, BB_SERVER_WHY_MAX,
		    "the socket handed over as %d: %s", start->listening[i],
		    strerror(errno));
		return -1;
	}
	return 0;
}

/* Where `--listen *` is. */
static uint16_t
port_of(const char *default_listen)
{
	struct bb_addr addr = { 0 };
	const char *why;

	if (default_listen == NULL ||
	    !bb_addr_scan(default_listen, 0, &addr, &why))
		return 0;
	return addr.port;
}

static int
open_places(struct bb_server *s, const struct bb_start *start,
    const char *default_listen, char why[BB_SERVER_WHY_MAX])
{
	const struct bb_opt_list *list = &s->options->listen;
	uint16_t port = port_of(default_listen);
	size_t i;

	if ((s->places = bb_places_new(s->loop, taken, s)) == NULL)
		return -1;
	if (start->listening_len > 0)
		return take_over(s, start, why);
	for (i = 0; i < list->len; i++)
		if (bb_places_open(s->places, list->at[i], port, why) == -1)
			return -1;
	if (list->len > 0)
		return 0;
	if (default_listen != NULL)
		return bb_places_open(s->places, default_listen, 0, why);
	(void)snprintf(why, BB_SERVER_WHY_MAX, "no place to listen was given");
	errno = EINVAL;
	return -1;
}

/* A shell without job control starts what stands before an & with SIGINT
 * ignored: a ^C is not meant for it.  nohup(1) ignores hang-ups; then SIGHUP
 * can only be an administrator's. */
static int
open_signals(struct bb_server *s)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction now;
	size_t i;

	for (i = 0; i < BB_LEN(numbers); i++) {
		if (sigaction(numbers[i], NULL, &now) == -1)
			return -1;
		if (now.sa_handler == SIG_IGN && numbers[i] == SIGINT)
			continue;
		if (now.sa_handler == SIG_IGN && numbers[i] == SIGHUP)
			s->nohup = true;
		if (bb_loop_on_signal(s->loop, numbers[i], signalled, s) == -1)
			return -1;
	}
	return 0;
}

static int
open_all(struct bb_server *s, const struct bb_start *start,
    const char *default_listen, char why[BB_SERVER_WHY_MAX])
{
	const struct bb_server_options *o = s->options;

	(void)snprintf(why, BB_SERVER_WHY_MAX, "no memory");
	s->tally = bb_tally_new(o->per_address, o->max_peers);
	s->timer = bb_timer_new(s->loop, timer_fired, s);
	if (s->tally == NULL || s->timer == NULL || open_signals(s) == -1)
		return -1;
	if (start->form == BB_FORM_PEER) {
		s->peer = true;
		s->chained = bb_ready_chained();
		s->in = start->in;
		s->out = start->out;
	} else if (open_places(s, start, default_listen, why) == -1) {
		return -1;
	}
	if (o->control == NULL)
		return 0;
	s->control = bb_control_new(s->loop, o->control, control, s, why);
	return s->control == NULL ? -1 : 0;
}

struct bb_server *
bb_server_new(struct bb_loop *loop, const struct bb_start *start,
    const struct bb_server_options *options, const char *default_listen,
    const struct bb_server_calls *calls, void *ctx, char why[BB_SERVER_WHY_MAX])
{
	struct bb_server *s;
	size_t i;
	int err;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		(void)snprintf(why, BB_SERVER_WHY_MAX, "no memory");
		bb_start_turn_away();
		errno = ENOMEM;
		return NULL;
	}
	s->loop = loop;
	s->options = options;
	s->calls = calls;
	s->ctx = ctx;
	s->tty = isatty(STDIN_FILENO) == 1;
	for (i = 0; i < BB_LEN(s->first); i++)
		s->first[i] = -1;
	if (open_all(s, start, default_listen, why) == 0) {
		bb_loop_at_turn_end(loop, turn_end, s);
		return s;
	}
	err = errno;
	bb_server_free(s);
	bb_start_turn_away();
	errno = err;
	return NULL;
}

static void
begin(struct bb_server *s)
{
	size_t i;

	bb_ready_tell(s->options->ready_fd);
	if (s->peer)
		take(s, s->in, s->out);
	for (i = 0; i < BB_LEN(s->first); i++) {
		if (s->first[i] == -1)
			continue;
		(void)fcntl(s->first[i], F_SETFD, FD_CLOEXEC);
		take(s, s->first[i], s->first[i]);
	}
	idle_begins(s);
}

/* The end of a turn stands before the first one too: what was sent to peers by
 * now is written, and a stop that came before is seen. */
int
bb_server_run(struct bb_server *s)
{
	if (!s->draining)
		begin(s);
	turn_end(s);
	if (!s->over && bb_loop_run(s->loop) == -1) {
		bb_log(BB_LOG_ERROR, "unable to wait for events: %s",
		    strerror(errno));
		if (s->status == BB_EXIT_OK)
			s->status = BB_EXIT_TEMP;
	}
	return s->status;
}

void
bb_server_free(struct bb_server *s)
{
	if (s == NULL)
		return;
	bb_loop_at_turn_end(s->loop, NULL, NULL);
	bb_places_free(s->places);
	bb_control_free(s->control);
	bb_timer_free(s->timer);
	bb_tally_free(s->tally);
	free(s);
}
