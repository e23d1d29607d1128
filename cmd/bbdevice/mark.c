/* Owns events: shown first, then marked as had. */
#include <string.h>

#include "bbdevice.h"
#include "numbers.h"
#include "turn.h"

#include "base/cc.h"

void
mark_begin(struct turn *turn)
{
	struct mark *mark = &turn->mark;

	mark->wanted = true;
	mark->att = turn->p->device.att;
	memcpy(mark->numbering, turn->p->numbering.id, NUMBERING_LEN);
	mark->hear = turn->t->hear;
	mark->have = turn->p->numbering.have;
	if (mark->hear == TAKE_RELAYED && turn->t->relayed > mark->have)
		mark->have = turn->t->relayed;
}

/* Nobody listens: the gateway has to send them again when somebody does. */
static void
leave_out(struct turn *turn, const json_t *list)
{
	size_t len = json_array_size(list);
	const json_t *last = len == 0 ? NULL : json_array_get(list, len - 1);

	if ((uint64_t)json_integer_value(json_object_get(last, "n")) >
	    turn->mark.have)
		turn->mark.lost = true;
}

static void
show_events(struct turn *turn, const json_t *list, bool whole)
{
	struct mark *mark = &turn->mark;
	const json_t *event;
	uint64_t n;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		event = json_array_get(list, i);
		n = (uint64_t)json_integer_value(json_object_get(event, "n"));
		switch (bb_device_event_is(mark->have, n, whole)) {
		case BB_EVENT_NEW:
			show_event(&turn->t->show, turn->frame->pin, event);
			mark->have = n;
			break;
		case BB_EVENT_HAD:
			break;
		case BB_EVENT_GAP:
			mark->lost = true;
			turn->t->last.lost = true;
			turn_drop(turn, EXIT_LOCAL_DROPPED,
			    "events before it were lost; they come again");
			return;
		}
	}
}

void
mark_events(struct turn *turn, const json_t *events, bool whole)
{
	const json_t *list = json_object_get(events, "events");
	const json_t *ack = json_object_get(events, "ack");
	struct taken *last = &turn->t->last;
	struct show *show = &turn->t->show;
	struct mark *mark = &turn->mark;

	show_results(show, turn->p, json_object_get(events, "results"));
	if (ack != NULL)
		mark->up_next = (uint64_t)json_integer_value(ack) + 1;
	last->ack = ack != NULL;
	last->events = json_array_size(list);
	last->more = json_is_true(json_object_get(events, "more"));
	if (mark->hear == TAKE_UNHEARD)
		leave_out(turn, list);
	else
		show_events(turn, list, whole);
	if (last->more && !mark->lost)
		show_more(show, turn->frame->pin);
}

static void
apply_mark(const struct mark *mark, struct profile *p)
{
	bool same =
	    memcmp(p->numbering.id, mark->numbering, NUMBERING_LEN) == 0;

	if (same && mark->have > p->numbering.have)
		p->numbering.have = mark->have;
	if (same)
		numbers_acknowledge(&p->numbering, mark->up_next);
	if (mark->seq == 0 || p->device.att != mark->att)
		return;
	(void)bb_device_took(&p->device, mark->seq);
	if (mark->lost)
		bb_device_lost(&p->device);
	(void)profile_step(p, mark->event);
	if (mark->bye)
		(void)profile_step(p, BB_DE_BYE);
}

/* A held profile is in memory: it is written when something is new in it that
 * another process would need. */
void
mark_held(struct turn *turn)
{
	struct profile *p = turn->p;
	size_t held = json_array_size(p->numbering.held);
	bool previous = p->has_previous;
	uint64_t have = p->numbering.have;

	if (turn->mark.hear == TAKE_RELAYED) {
		turn->t->relayed = turn->mark.have;
		turn->mark.have = have;
	}
	apply_mark(&turn->mark, p);
	if (p->numbering.have != have || p->has_previous != previous ||
	    json_array_size(p->numbering.held) != held || turn->mark.bye)
		(void)turn_save(turn);
}

void
mark_note(struct turn *turn)
{
	struct profile loaded, *p = &loaded;
	char why[WHY_MAX];

	if (profile_open(p, turn->t->folder, turn->frame->pin, why) == -1) {
		turn_fail(turn, "mark events in the profile");
	} else {
		turn->p = p;
		apply_mark(&turn->mark, p);
		(void)turn_save(turn);
	}
	profile_close(p);
	turn->p = NULL;
}
