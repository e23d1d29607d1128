/* The device's table and numbers (lib/flow/device.c).
 *
 * The input is a schedule: four bytes each, what happens and with which
 * numbers. The service sends events 1, 2, 3 .. in frames of two or none, and
 * sends from the first that is not marked at each attach; frames are lost,
 * doubled and reordered as the schedule says.  Properties: the state is one of
 * the table; the attach number never falls; nothing is taken but in an open
 * session, under a key, of this attach, once; an event is marked only when all
 * before it were; frames count as whole if and only if every one before was
 * taken.
 * fuzz: -max_len=4096 */
#include "flow/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/cc.h"

#define SEQ_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct bb_device device;
	uint64_t have;       /* last event marked */
	uint64_t base;       /* have when the attach began */
	bool taken[SEQ_MAX]; /* DATA frames of this attach */
	bool left_out;       /* events behind a gap, in this attach */
};

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
all_taken_before(const struct world *w, uint32_t seq)
{
	uint32_t i;

	for (i = 1; i < seq; i++) {
		if (!w->taken[i])
			return false;
	}
	return seq != 0;
}

/* Frame `seq` of this attach holds two events, every third none. */
static void
take_events(struct world *w, uint32_t seq, bool whole)
{
	uint64_t n = w->base + 2 * ((uint64_t)seq - 1 - (seq - 1) / 3) + 1;
	int i;

	for (i = seq % 3 == 0 ? 2 : 0; i < 2; i++, n++) {
		switch (bb_device_event_is(w->have, n, whole)) {
		case BB_EVENT_NEW:
			must(n == w->have + 1);
			w->have = n;
			break;
		case BB_EVENT_HAD:
			must(n <= w->have);
			break;
		case BB_EVENT_GAP:
			must(n > w->have + 1);
			w->left_out = true;
			bb_device_lost(&w->device);
			return;
		}
	}
}

static void
data_frame(struct world *w, const uint8_t *p)
{
	struct bb_device_frame frame = { .type = BB_FRAME_DATA,
		.att = w->device.att - (p[1] % 7 == 0),
		.seq = p[2],
		.key = (enum bb_device_key)(p[3] % 3) };
	enum bb_device_state state = w->device.state;
	enum bb_device_event event;
	const char *why;
	bool whole;

	event = bb_device_see(&w->device, &frame, &why);
	must((event == BB_DE_OTHER) == (why != NULL));
	if (event == BB_DE_OTHER)
		return;
	must(state == BB_DEVICE_OPEN && frame.att == w->device.att &&
	     frame.key != BB_KEY_NONE && frame.seq != 0 &&
	     !w->taken[frame.seq]);
	whole = bb_device_whole(&w->device, frame.seq);
	must(whole == (!w->left_out && all_taken_before(w, frame.seq)));
	(void)bb_device_step(&w->device, event);
	must(bb_device_took(&w->device, frame.seq));
	must(!bb_device_took(&w->device, frame.seq));
	w->taken[frame.seq] = true;
	take_events(w, frame.seq, whole);
}

static bool
same(const struct bb_device *a, const struct bb_device *b)
{
	return a->state == b->state && a->att == b->att &&
	       a->down.highest == b->down.highest &&
	       a->down.seen == b->down.seen && a->whole == b->whole &&
	       a->lost == b->lost && a->busy == b->busy;
}

static void
other_frame(struct world *w, const uint8_t *p)
{
	static const uint8_t types[] = { BB_FRAME_ANSWER, BB_FRAME_NOTICE,
		BB_FRAME_HINT, BB_FRAME_ATTACH };
	const struct bb_device before = w->device;
	struct bb_device_frame frame = { .type = types[p[1] % 4],
		.att = w->device.att + (p[1] >> 2) % 3 - 1,
		.key = (enum bb_device_key)(p[2] % 3),
		.nonce_mine = (p[2] & 4) != 0,
		.newkid_fits = (p[2] & 8) != 0,
		.ok = (p[2] & 16) != 0,
		.notice = (enum bb_device_notice)(p[3] % (BB_NOTICES + 1)),
		.told = before.att + (p[3] >> 4) - 4 };
	enum bb_device_event event;
	const char *why;

	event = bb_device_see(&w->device, &frame, &why);
	must((event == BB_DE_OTHER) == (why != NULL));
	must(same(&before, &w->device));
	switch (bb_device_step(&w->device, event)) {
	case BB_DA_ADOPT:
		must(before.state == BB_DEVICE_WAITING &&
		     frame.type == BB_FRAME_ANSWER && frame.att == before.att &&
		     frame.key == BB_KEY_CURRENT && frame.nonce_mine &&
		     frame.newkid_fits);
		break;
	case BB_DA_TOLD:
		must(frame.told > before.att && frame.nonce_mine &&
		     frame.key != BB_KEY_NONE);
		bb_device_attached(&w->device, frame.told);
		break;
	case BB_DA_ATTACH:
	case BB_DA_SEND:
	case BB_DA_REFUSE:
	case BB_DA_ERASE:
	case BB_DA_TAKE:
	case BB_DA_END:
		abort(); /* no such frame does that */
	case BB_DA_DROP:
		must(w->device.state == before.state);
		break;
	case BB_DA_FORGET:
	case BB_DA_ANEW:
	case BB_DA_AGAIN:
	case BB_DA_WAIT:
	case BB_DA_SHOW:
	case BB_DA_DETACH:
		must(event != BB_DE_OTHER);
		break;
	}
}

static void
attach(struct world *w)
{
	if (bb_device_step(&w->device, BB_DE_ATTACH) != BB_DA_ATTACH) {
		must(w->device.state != BB_DEVICE_IDLE);
		return;
	}
	bb_device_attached(&w->device, w->device.att + 1);
	memset(w->taken, 0, sizeof(w->taken));
	w->left_out = false;
	w->base = w->have;
}

static void
own_event(struct world *w, const uint8_t *p)
{
	enum bb_device_event event =
	    (enum bb_device_event)(p[1] % BB_DEVICE_EVENTS);

	if (event == BB_DE_ATTACH)
		attach(w);
	else
		(void)bb_device_step(&w->device, event);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .device = { .att = 1000 } };
	uint32_t att;

	for (; size >= 4; data += 4, size -= 4) {
		att = w.device.att;
		if (data[0] % 8 < 5)
			data_frame(&w, data);
		else if (data[0] % 8 == 5)
			other_frame(&w, data);
		else if (data[0] % 8 == 6)
			attach(&w);
		else
			own_event(&w, data);
		must(w.device.state < BB_DEVICE_STATES && w.device.att >= att);
		must(bb_device_state_word(w.device.state) != NULL);
	}
	return 0;
}
