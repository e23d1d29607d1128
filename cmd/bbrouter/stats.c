/* What the control socket is told: counts, and which links there are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/json_out.h"
#include "state.h"

#define LINKS_MAX 10000 /* in one answer */

static const char *const dropped_names[] = {
	[DROPPED_UNSOUND] = "unsound",
	[DROPPED_VERSION] = "version",
	[DROPPED_NO_DISPATCHER] = "no_dispatcher",
	[DROPPED_TRUNK_FULL] = "trunk_full",
	[DROPPED_UNKNOWN_LINK] = "unknown_link",
	[DROPPED_FROM_TRUNK] = "from_trunk",
	[DROPPED_HINT] = "hint",
};
_Static_assert(BB_LEN(dropped_names) == DROPPED_COUNT, "each has its name");

static void
stats_links(const struct router *r, struct bb_json_out *out)
{
	int why;

	bb_json_out_object(out, "links");
	bb_json_out_uint(out, "open", r->links);
	bb_json_out_uint(out, "authentic", r->links - r->strangers);
	bb_json_out_uint(out, "peak", r->links_peak);
	bb_json_out_uint(out, "accepted", r->accepted);
	bb_json_out_uint(out, "refused", bb_server_refused(r->server));
	bb_json_out_object_end(out);
	bb_json_out_object(out, "ended");
	for (why = 0; why < ENDED_COUNT; why++)
		bb_json_out_uint(out, link_ended_name((enum ended)why),
		    r->ended[why]);
	bb_json_out_object_end(out);
}

static void
stats_frames(const struct router *r, struct bb_json_out *out)
{
	size_t i;

	bb_json_out_object(out, "up");
	bb_json_out_uint(out, "frames", r->frames_up);
	bb_json_out_uint(out, "bytes", r->bytes_up);
	bb_json_out_object_end(out);
	bb_json_out_object(out, "down");
	bb_json_out_uint(out, "frames", r->frames_down);
	bb_json_out_uint(out, "bytes", r->bytes_down);
	bb_json_out_object_end(out);
	bb_json_out_uint(out, "hints", r->hints);
	bb_json_out_object(out, "dropped");
	for (i = 0; i < DROPPED_COUNT; i++)
		bb_json_out_uint(out, dropped_names[i], r->dropped[i]);
	bb_json_out_object_end(out);
	bb_json_out_uint(out, "waiting", bb_peers_held());
}

static void
stats_trunk(const struct trunk *t, struct bb_json_out *out)
{
	bb_json_out_object(out, NULL);
	bb_json_out_text(out, "to", t->name);
	bb_json_out_bool(out, "ready", t->ready);
	bb_json_out_uint(out, "connects", t->connects);
	bb_json_out_uint(out, "up", t->frames_up);
	bb_json_out_uint(out, "down", t->frames_down);
	bb_json_out_uint(out, "waiting",
	    t->peer == NULL ? 0 : bb_peer_waiting(t->peer));
	bb_json_out_object_end(out);
}

static void
stats(const struct router *r, struct bb_json_out *out)
{
	char instance[9];
	size_t i;

	(void)snprintf(instance, sizeof(instance), "%08" PRIx32, r->instance);
	bb_json_out_text(out, "tool", "bbrouter");
	bb_json_out_text(out, "instance", instance);
	bb_json_out_bool(out, "draining", r->draining);
	stats_links(r, out);
	stats_frames(r, out);
	bb_json_out_list(out, "trunks");
	for (i = 0; i < r->trunks_len; i++)
		stats_trunk(&r->trunks[i], out);
	bb_json_out_list_end(out);
}

struct listing {
	struct bb_json_out *out;
	size_t count;
};

static void
list_link(struct link *link, void *arg)
{
	struct listing *listing = arg;
	struct bb_json_out *out = listing->out;
	char pin[9];

	if (listing->count++ >= LINKS_MAX)
		return;
	bb_json_out_object(out, NULL);
	bb_json_out_uint(out, "id", link->id);
	if (link->has_pin) {
		(void)snprintf(pin, sizeof(pin), "%08" PRIx32, link->pin);
		bb_json_out_text(out, "pin", pin);
	}
	bb_json_out_text(out, "from", bb_peer_name(link->peer));
	bb_json_out_bool(out, "authentic", link->stranger.proved);
	bb_json_out_uint(out, "bytes", link->bytes);
	bb_json_out_uint(out, "waiting", bb_peer_waiting(link->peer));
	bb_json_out_object_end(out);
}

static void
list_links(struct router *r, struct bb_json_out *out)
{
	struct listing listing = { .out = out };

	bb_json_out_list(out, "links");
	links_each(r, list_link, &listing);
	bb_json_out_list_end(out);
	bb_json_out_bool(out, "more", listing.count > LINKS_MAX);
}

bool
stats_control(void *router, const char *command, struct bb_buf *buf)
{
	struct bb_json_out out = bb_json_out_init(buf);
	struct router *r = router;

	bb_json_out_object(&out, NULL);
	bb_json_out_uint(&out, "v", 1);
	if (strcmp(command, "stats") == 0)
		stats(r, &out);
	else if (strcmp(command, "links") == 0)
		list_links(r, &out);
	else
		return false;
	bb_json_out_object_end(&out);
	return !out.bad;
}
