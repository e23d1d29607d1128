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
	mark->att = turn->p.device.att;
	memcpy(mark->numbering, turn->p.numbering.id, NUMBERING_LEN);
	mark->have = turn->p.numbering.have;
}

void
mark_events(struct turn *turn, const json_t *events, bool whole)
{
	const json_t *list = json_object_get(events, "events"), *event;
	const json_t *ack = json_object_get(events, "ack");
	struct show *show = &turn->t->show;
	struct mark *mark = &turn->mark;
	uint64_t n;
	size_t i;

	show_results(show, &turn->p, json_object_get(events, "results"));
	if (ack != NULL)
		mark->up_next = (uint64_t)json_integer_value(ack) + 1;
	for (i = 0; i < json_array_size(list); i++) {
		event = json_array_get(list, i);
		n = (uint64_t)json_integer_value(json_object_get(event, "n"));
		switch (bb_device_event_is(mark->have, n, whole)) {
		case BB_EVENT_NEW:
			show_event(show, turn->frame->pin, event);
			mark->have = n;
			break;
		case BB_EVENT_HAD:
			break;
		case BB_EVENT_GAP:
			mark->lost = true;
			turn_drop(turn, EXIT_LOCAL_DROPPED,
			    "events before it were lost; they come again");
			return;
		}
	}
	if (json_is_true(json_object_get(events, "more")))
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

void
mark_note(struct turn *turn)
{
	struct profile *p = &turn->p;
	char why[WHY_MAX];

	if (profile_open(p, turn->t->folder, turn->frame->pin, why) == -1) {
		turn_fail(turn, "mark events in the profile");
	} else {
		apply_mark(&turn->mark, p);
		(void)turn_save(turn);
	}
	profile_close(p);
}
