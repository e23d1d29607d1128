/* A server: its sockets, its signals, its end. */
#include "serve/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "serve/listen.h"
#include "serve/peer.h"
#include "serve/ready.h"
#include "serve/tally.h"

#define ACCEPTS_PER_TURN 64
#define NO_DESCRIPTORS_MS 100 /* then accepting is tried again */
#define HANDED_DRAIN_MS 5000  /* newcomers wait for the next process */
#define LOOP_OF_ERRORS_MS 1000

struct place {
	struct bb_server *server;
	struct bb_io *io;
	int fd;
	int flags; /* of a handed-over socket, put back at the end */
};

struct bb_server {
	struct bb_loop *loop;
	const struct bb_server_options *options;
	const struct bb_server_calls *calls;
	void *ctx;
	struct place places[BB_LISTEN_MAX];
	size_t places_len;
	bool handed; /* the sockets are somebody else's */
	bool wait;   /* and that is an inetd, which waits for our end */
	bool peer;   /* no socket: one connection */
	int in, out; /* of that connection; -1: given away */
	struct bb_tally *tally;
	uint64_t refused;
	struct bb_control *control;
	struct bb_timer *timer; /* drain, idle exit, accepting again */
	bool draining;
	bool paused; /* no descriptors */
	bool over;
	int status;
};

/* ---- accepting ---- */

static void
watch_places(struct bb_server *s, bool on)
{
	size_t i;

	for (i = 0; i < s->places_len; i++)
		if (s->places[i].io != NULL &&
		    bb_io_want(s->places[i].io, on ? BB_READ : 0) == -1)
			bb_log(BB_LOG_ERROR, "unable to listen: %s",
			    strerror(errno));
}

static void
set_timer(struct bb_server *s, int64_t ms)
{
	if (bb_timer_set(s->timer, ms) == -1)
		bb_log(BB_LOG_ERROR, "unable to set a timer: %s",
		    strerror(errno));
}

static void
idle_begins(struct bb_server *s)
{
	int64_t ms = s->options->idle_exit_ms;

	if (s->wait && !s->draining && bb_tally_count(s->tally) == 0)
		set_timer(s, ms);
}

static void
take(struct bb_server *s, int fd)
{
	struct bb_address address;
	char text[BB_ADDRESS_TEXT_MAX];

	bb_address_look(fd, &address);
	if (!bb_tally_add(s->tally, address.bytes)) {
		bb_log(BB_LOG_INFO, "refused %s: too many connections",
		    bb_address_text(&address, text));
		s->refused++;
		close(fd);
		return;
	}
	if (s->wait)
		bb_timer_cancel(s->timer);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    !s->calls->accepted(s->ctx, fd, fd))
		bb_server_left(s, address.bytes);
}

/* Without descriptors the queue stays where it is; trying at once again would
 * spin. */
static void
accept_failed(struct bb_server *s, int err)
{
	if (err == EAGAIN || err == EWOULDBLOCK || err == EINTR ||
	    err == ECONNABORTED)
		return;
	bb_log(BB_LOG_WARN, "unable to accept a connection: %s", strerror(err));
	watch_places(s, false);
	s->paused = true;
	set_timer(s, NO_DESCRIPTORS_MS);
}

static void
place_ready(void *place, unsigned what)
{
	struct place *p = place;
	struct bb_server *s = p->server;
	int fd, i;

	(void)what;
	for (i = 0; i < ACCEPTS_PER_TURN && !s->draining; i++) {
		if ((fd = accept(p->fd, NULL, NULL)) == -1) {
			accept_failed(s, errno);
			return;
		}
		take(s, fd);
	}
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
close_places(struct bb_server *s)
{
	struct place *p;
	size_t i;

	for (i = 0; i < s->places_len; i++) {
		p = &s->places[i];
		bb_io_free(p->io);
		p->io = NULL;
		if (p->fd == -1)
			continue;
		if (s->handed) {
			(void)fcntl(p->fd, F_SETFL, p->flags);
		} else {
			bb_listen_unlink(p->fd);
			close(p->fd);
		}
		p->fd = -1;
	}
}

static void
drain(struct bb_server *s)
{
	int64_t ms = s->options->drain_ms;

	if (s->draining)
		return;
	s->draining = true;
	bb_ready_stopping();
	close_places(s);
	if (s->handed && ms > HANDED_DRAIN_MS)
		ms = HANDED_DRAIN_MS;
	set_timer(s, ms);
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
server_timer(void *server)
{
	struct bb_server *s = server;

	if (s->draining) {
		bb_log(BB_LOG_INFO, "ending with work undone");
		s->over = true;
		bb_loop_stop(s->loop);
	} else if (s->paused) {
		s->paused = false;
		watch_places(s, true);
		idle_begins(s);
	} else if (s->wait && bb_tally_count(s->tally) == 0) {
		bb_server_stop(s, BB_EXIT_OK);
	}
}

static void
server_signal(void *server, int signo)
{
	struct bb_server *s = server;

	if (signo == SIGHUP) {
		s->calls->reload(s->ctx);
	} else if (s->draining) {
		s->over = true;
		bb_loop_stop(s->loop);
	} else {
		drain(s);
	}
}

static void
server_turn_end(void *server)
{
	struct bb_server *s = server;

	if (s->calls->turn_end != NULL)
		s->calls->turn_end(s->ctx);
	bb_peers_flush();
	if (s->draining && !s->over && !s->calls->busy(s->ctx)) {
		s->over = true;
		bb_loop_stop(s->loop);
	}
}

static bool
server_control(void *server, const char *command, struct bb_buf *out)
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
		s->calls->reload(s->ctx);
		return true;
	}
	return s->calls->control(s->ctx, command, out);
}

/* ---- the beginning ---- */

static int
add_place(struct bb_server *s, int fd)
{
	struct place *p = &s->places[s->places_len++];

	p->server = s;
	p->fd = fd;
	p->flags = fcntl(fd, F_GETFL);
	if (p->flags == -1 || fcntl(fd, F_SETFL, p->flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return -1;
	p->io = bb_io_new(s->loop, fd, place_ready, p);
	return p->io == NULL ? -1 : bb_io_want(p->io, BB_READ);
}

static int
open_own(struct bb_server *s, const char *text, char why[BB_SERVER_WHY_MAX])
{
	char at[BB_ADDR_TEXT_MAX];
	int fds[BB_LISTEN_MAX];
	struct bb_addr addr;
	const char *clause;
	size_t count = 0, i;

	if (!bb_addr_scan(text, 0, &addr, &clause)) {
		snprintf(why, BB_SERVER_WHY_MAX, "%.100s: %s", text, clause);
		return -1;
	}
	if (bb_listen(&addr, fds, BB_LISTEN_MAX - s->places_len, &count, why) ==
	    -1)
		return -1;
	for (i = 0; i < count; i++) {
		if (add_place(s, fds[i]) == -1) {
			snprintf(why, BB_SERVER_WHY_MAX, "%s", strerror(errno));
			return -1;
		}
		if (addr.kind != BB_ADDR_UNIX && addr.port == 0)
			printf("listening %s\n", bb_listen_text(fds[i], at));
	}
	return fflush(stdout) == EOF ? -1 : 0;
}

static int
open_places(struct bb_server *s, const struct bb_start *start,
    const char *default_listen, char why[BB_SERVER_WHY_MAX])
{
	size_t i;

	snprintf(why, BB_SERVER_WHY_MAX, "unable to watch a socket");
	s->handed = start->listening_len > 0;
	for (i = 0; i < start->listening_len; i++) {
		s->wait |= start->listening[i] == 0;
		if (add_place(s, start->listening[i]) == -1)
			return -1;
	}
	for (i = 0; i < s->options->listen.len; i++)
		if (open_own(s, s->options->listen.at[i], why) == -1)
			return -1;
	if (s->places_len == 0)
		return open_own(s, default_listen, why);
	return 0;
}

/* In the wait form leaving a connection in the queue makes the super-server
 * start us again at once, for ever. */
static void
calm_the_super_server(const struct bb_start *start)
{
	struct pollfd pause = { .fd = -1 };
	size_t i;
	int fd;

	for (i = 0; i < start->listening_len; i++)
		if (start->listening[i] == 0) {
			(void)fcntl(0, F_SETFL, O_NONBLOCK);
			while ((fd = accept(0, NULL, NULL)) != -1)
				close(fd);
			(void)poll(&pause, 0, LOOP_OF_ERRORS_MS);
		}
}

static int
open_signals(struct bb_server *s)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	size_t i;

	for (i = 0; i < BB_LEN(numbers); i++)
		if (bb_loop_on_signal(s->loop, numbers[i], server_signal, s) ==
		    -1)
			return -1;
	return 0;
}

static int
open_all(struct bb_server *s, const struct bb_start *start,
    const char *default_listen, char why[BB_SERVER_WHY_MAX])
{
	const struct bb_server_options *o = s->options;

	snprintf(why, BB_SERVER_WHY_MAX, "no memory");
	s->tally = bb_tally_new(o->per_address, o->max_peers);
	s->timer = bb_timer_new(s->loop, server_timer, s);
	if (s->tally == NULL || s->timer == NULL || open_signals(s) == -1)
		return -1;
	if (start->form == BB_FORM_PEER) {
		s->peer = true;
		s->in = start->in;
		s->out = start->out;
	} else if (open_places(s, start, default_listen, why) == -1) {
		return -1;
	}
	if (o->control != NULL &&
	    (s->control = bb_control_new(s->loop, o->control, server_control, s,
		 why)) == NULL)
		return -1;
	return 0;
}

struct bb_server *
bb_server_new(struct bb_loop *loop, const struct bb_start *start,
    const struct bb_server_options *options, const char *default_listen,
    const struct bb_server_calls *calls, void *ctx, char why[BB_SERVER_WHY_MAX])
{
	struct bb_server *s;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		snprintf(why, BB_SERVER_WHY_MAX, "no memory");
		return NULL;
	}
	s->loop = loop;
	s->options = options;
	s->calls = calls;
	s->ctx = ctx;
	if (open_all(s, start, default_listen, why) == 0) {
		bb_loop_at_turn_end(loop, server_turn_end, s);
		return s;
	}
	calm_the_super_server(start);
	bb_server_free(s);
	return NULL;
}

/* The one connection of the PEER form comes like an accepted one. */
static void
take_peer(struct bb_server *s)
{
	struct bb_address address;

	bb_address_look(s->in, &address);
	bb_tally_add(s->tally, address.bytes);
	if (!s->calls->accepted(s->ctx, s->in, s->out))
		bb_server_left(s, address.bytes);
}

int
bb_server_run(struct bb_server *s)
{
	bb_ready_tell(s->options->ready_fd);
	if (s->peer)
		take_peer(s);
	idle_begins(s);
	if (!s->over && bb_loop_run(s->loop) == -1 && s->status == BB_EXIT_OK)
		s->status = BB_EXIT_TEMP;
	return s->status;
}

void
bb_server_free(struct bb_server *s)
{
	if (s == NULL)
		return;
	close_places(s);
	bb_control_free(s->control);
	bb_timer_free(s->timer);
	bb_tally_free(s->tally);
	free(s);
}
