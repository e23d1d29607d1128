/* What the control socket is told: counts, and which links there are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cc.h"
#include "base/json_out.h"
#include "server.h"
#include "wire/text.h"

#define LINKS_MAX 10000 /* in one answer */

static void
write_types(struct bb_json_out *out, const char *name,
    const uint64_t by_type[256])
{
	int type;

	bb_json_out_object(out, name);
	for (type = 0; type < 256; type++)
		if (by_type[type] > 0)
			bb_json_out_uint(out, bb_frame_type_text((uint8_t)type),
			    by_type[type]);
	bb_json_out_object_end(out);
}

static void
write_frames(const struct serve *s, struct bb_json_out *out)
{
	const struct counts *counts = &s->d->counts;

	write_types(out, "frames_up", s->frames_up);
	write_types(out, "frames_down", s->frames_down);
	bb_json_out_uint(out, "opened", counts->opened);
	bb_json_out_uint(out, "unopened", counts->unopened);
	bb_json_out_uint(out, "dropped", counts->dropped);
	bb_json_out_uint(out, "foreign", s->foreign);
	bb_json_out_uint(out, "attaches", counts->attaches);
	bb_json_out_uint(out, "commits", counts->commits);
	bb_json_out_uint(out, "confirmed", counts->confirmed);
	bb_json_out_uint(out, "sealed", counts->sealed);
	bb_json_out_uint(out, "unsealed", counts->unsealed);
	bb_json_out_uint(out, "keys_held", key_cache_count(s->d->cache));
	bb_json_out_uint(out, "keys_expanded", counts->expanded);
	bb_json_out_uint(out, "keys_recalled", counts->recalled);
	bb_json_out_uint(out, "hints", s->hints);
	bb_json_out_uint(out, "hints_kept", s->hints_kept);
	bb_json_out_uint(out, "notices", s->notices);
	bb_json_out_uint(out, "unreachable", s->unreachable);
	bb_json_out_uint(out, "store_busy", s->busy);
}

static void
write_instance(struct bb_json_out *out, uint32_t instance)
{
	char text[BB_U64_HEX_MAX];

	bb_text_pin(instance, text);
	bb_json_out_text(out, "instance", text);
}

static void
write_trunks(const struct serve *s, struct bb_json_out *out)
{
	const struct below *b;

	bb_json_out_list(out, "trunks");
	for (b = s->trunks; b != NULL; b = b->same) {
		bb_json_out_object(out, NULL);
		write_instance(out, b->instance);
		bb_json_out_text(out, "peer", bb_peer_name(b->peer));
		bb_json_out_uint(out, "frames_up", b->frames_up);
		bb_json_out_uint(out, "frames_down", b->frames_down);
		bb_json_out_uint(out, "dropped", b->dropped);
		bb_json_out_uint(out, "waiting", bb_peer_waiting(b->peer));
		bb_json_out_object_end(out);
	}
	bb_json_out_list_end(out);
}

static void
write_services(const struct serve *s, struct bb_json_out *out)
{
	const struct service *v;

	bb_json_out_list(out, "services");
	for (v = s->services; v < s->services + s->services_len; v++) {
		bb_json_out_object(out, NULL);
		bb_json_out_text(out, "to", v->name);
		if (v->service[0] != '\0')
			bb_json_out_text(out, "service", v->service);
		bb_json_out_bool(out, "up", v->peer != NULL);
		bb_json_out_uint(out, "connects", v->connects);
		bb_json_out_uint(out, "lines_up", v->lines_up);
		bb_json_out_uint(out, "lines_down", v->lines_down);
		bb_json_out_uint(out, "owed", v->owed);
		bb_json_out_uint(out, "waiting",
		    v->peer == NULL ? 0 : bb_peer_waiting(v->peer));
		bb_json_out_object_end(out);
	}
	bb_json_out_list_end(out);
}

static void
write_stats(const struct serve *s, struct bb_json_out *out)
{
	bb_json_out_bool(out, "draining", s->draining);
	write_instance(out, s->instance);
	bb_json_out_uint(out, "accepted", s->accepted);
	bb_json_out_uint(out, "refused", bb_server_refused(s->server));
	bb_json_out_uint(out, "devices", s->devices_len);
	write_frames(s, out);
	bb_json_out_uint(out, "links_closed", s->links_closed);
	bb_json_out_uint(out, "links_down", s->links_down);
	bb_json_out_uint(out, "nowhere", s->nowhere);
	bb_json_out_uint(out, "held", bb_peers_held());
	write_trunks(s, out);
	write_services(s, out);
}

static void
write_device(struct bb_json_out *out, const struct below *b)
{
	char link[BB_U64_HEX_MAX], pin[BB_U64_HEX_MAX];

	bb_text_u64_hex((uint64_t)b->instance << 32 | b->id, link);
	bb_json_out_object(out, NULL);
	bb_json_out_text(out, "link", link);
	if (b->has_pin) {
		bb_text_pin(b->pin, pin);
		bb_json_out_text(out, "pin", pin);
	}
	bb_json_out_text(out, "peer", bb_peer_name(b->peer));
	bb_json_out_bool(out, "authentic", b->stranger.proved);
	bb_json_out_uint(out, "frames_up", b->frames_up);
	bb_json_out_uint(out, "frames_down", b->frames_down);
	bb_json_out_uint(out, "waiting", bb_peer_waiting(b->peer));
	bb_json_out_object_end(out);
}

/* Links of trunks are the routers' to tell. */
static void
write_links(const struct serve *s, struct bb_json_out *out)
{
	const struct below *b;
	size_t count = 0;

	bb_json_out_list(out, "links");
	for (b = s->belows; b != NULL && count < LINKS_MAX; b = b->next) {
		if (b->kind != BELOW_DEVICE || b->left)
			continue;
		write_device(out, b);
		count++;
	}
	bb_json_out_list_end(out);
	bb_json_out_bool(out, "more", count < s->devices_len);
	write_trunks(s, out);
}

bool
stats_control(void *serve, const char *command, struct bb_buf *buf)
{
	const struct serve *s = serve;
	bool links = strcmp(command, "links") == 0;
	struct bb_json_out out = bb_json_out_init(buf);

	if (!links && strcmp(command, "stats") != 0)
		return false;
	bb_json_out_object(&out, NULL);
	bb_json_out_uint(&out, "v", 1);
	bb_json_out_text(&out, "tool", "bbdispatch");
	if (links)
		write_links(s, &out);
	else
		write_stats(s, &out);
	bb_json_out_object_end(&out);
	return !out.bad;
}
