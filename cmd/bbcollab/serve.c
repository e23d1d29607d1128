/* The server, and the server of one connection on descriptors 0 and 1: lines
 * come from dispatchers that connect. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "collab.h"
#include "wire/addr.h"

static const char no_tls[] =
    "lines between hosts need TLS, which this version has not";

/* ---- what the server asks ---- */

static bool
serve_accepted(void *collab, int in, int out)
{
	struct collab *c = collab;
	struct bb_peer *peer;
	struct via *via;

	peer = bb_peer_new(c->loop, in, out, &via_kind, NULL);
	if (peer == NULL) {
		bb_log(BB_LOG_WARN, "unable to take a connection: %s",
		    strerror(errno));
		return false;
	}
	if (!bb_peer_local(peer)) {
		bb_log(BB_LOG_WARN, "refused the dispatcher at %s: %s",
		    bb_peer_name(peer), no_tls);
		bb_peer_free(peer);
		if (c->form == BB_FORM_PEER)
			c->status = BB_EXIT_USAGE;
		return false;
	}
	if ((via = via_new(c, peer)) == NULL) {
		bb_peer_free(peer);
		return false;
	}
	bb_peer_set_ctx(peer, via);
	bb_log(BB_LOG_INFO, "a dispatcher at %s", bb_peer_name(peer));
	return true;
}

/* One connection is read on to its end: whoever has the other end has his own
 * drain, and lets go when it is over. */
static void
serve_drain(void *collab)
{
	struct collab *c = collab;

	if (c->lasting)
		vias_watch(c);
}

static bool
serve_busy(void *collab)
{
	const struct collab *c = collab;

	if (c->lasting)
		return c->asks.first != NULL || vias_waiting(c);
	return c->vias != NULL;
}

static void
serve_reload(void *collab)
{
	settings_reload(collab);
	bb_log(BB_LOG_INFO, "read the services again");
}

static const struct bb_server_calls calls = {
	.accepted = serve_accepted,
	.drain = serve_drain,
	.busy = serve_busy,
	.reload = serve_reload,
	.turn_end = turn_end,
	.control = control_answer,
};

/* ---- where it listens ---- */

/* A name may come to mean another address: only what can be seen to be this
 * host is. */
static bool
is_this_host(const struct bb_addr *addr)
{
	return addr->kind == BB_ADDR_LOOPBACK || addr->kind == BB_ADDR_UNIX ||
	       (addr->kind == BB_ADDR_HOST &&
		   (strcmp(addr->host, "localhost") == 0 ||
		       strcmp(addr->host, "::1") == 0 ||
		       strncmp(addr->host, "127.", 4) == 0));
}

static void
check_listen(const struct bb_server_options *options)
{
	const char *why = no_tls;
	struct bb_addr addr;
	size_t i;

	for (i = 0; i < options->listen.len; i++)
		if (!bb_addr_scan(options->listen.at[i], PORT_DEFAULT, &addr,
			&why) ||
		    !is_this_host(&addr))
			bb_die(BB_EXIT_USAGE, "unable to listen at %s: %s",
			    options->listen.at[i], why);
}

int
serve(struct collab *c, const struct bb_start *start)
{
	char why[BB_SERVER_WHY_MAX];
	int status;

	check_listen(&c->options->server);
	if (c->lasting)
		owner_adopt(c);
	c->server = bb_server_new(c->loop, start, &c->options->server,
	    LISTEN_DEFAULT, &calls, c, why);
	if (c->server == NULL)
		bb_die(BB_EXIT_USAGE, "unable to serve: %s", why);
	status = bb_server_run(c->server);
	collab_give_up(c, "the gateway ends");
	owner_leave(c);
	bb_peers_flush();
	return status == BB_EXIT_OK ? c->status : status;
}
