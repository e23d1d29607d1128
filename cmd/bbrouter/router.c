/* What the router is this time: a filter or a server. */
#include "router.h"

#include <stddef.h>

#include "base/cc.h"
#include "base/fail.h"
#include "base/log.h"
#include "serve/start.h"
#include "state.h"

BB_NORETURN static void
refuse(const char *why)
{
	bb_start_turn_away();
	bb_die(BB_EXIT_USAGE, "unable to start: %s", why);
}

int
router_run(const struct router_options *options)
{
	const struct bb_start_ask ask = {
		.listen = options->server.listen.len > 0,
		.has_next = options->to.len > 0 || options->chain != NULL,
		.filter = options->filter,
	};
	struct bb_start start;

	if (options->to.len > 0 && options->chain != NULL)
		refuse("--to and words after -- exclude each other");
	if (options->chain != NULL && options->chain[0] == NULL)
		refuse("no words follow --");
	if (options->filter && ask.has_next)
		refuse("a filter has no next stage");
	start = bb_start_look(&ask);
	switch (start.form) {
	case BB_FORM_FILTER:
		return filter_run(start.in, start.out);
	case BB_FORM_GONE:
		bb_log(BB_LOG_DEBUG, "the peer has left already");
		return BB_EXIT_OK;
	case BB_FORM_REFUSED:
		refuse(start.why);
	case BB_FORM_SERVER:
	case BB_FORM_PEER:
		break;
	}
	return serve_run(options, &start);
}
