/* Owns the device's table: state x event -> action, state (docs/wire.md,
 * "States"). */
#include "flow/device.h"

#include <stddef.h>
#include <string.h>

#include "base/cc.h"

/* A cell that is not written is empty: the event has no effect. */
struct cell {
	bool set;
	enum bb_device_act act;
	enum bb_device_state next;
};

/* clang-format off */
static const struct cell table[BB_DEVICE_STATES][BB_DEVICE_EVENTS] = {
	[BB_DEVICE_IDLE] = {
		[BB_DE_ATTACH]        = { true, BB_DA_ATTACH, BB_DEVICE_WAITING },
	},
	[BB_DEVICE_WAITING] = {
		[BB_DE_NO_ANSWER]     = { true, BB_DA_FORGET, BB_DEVICE_IDLE },
		[BB_DE_LINK_LOST]     = { true, BB_DA_FORGET, BB_DEVICE_IDLE },
		[BB_DE_ANSWER_OK]     = { true, BB_DA_ADOPT,  BB_DEVICE_OPEN },
		[BB_DE_ANSWER_NO]     = { true, BB_DA_ADOPT,  BB_DEVICE_IDLE },
		[BB_DE_STALE_AHEAD]   = { true, BB_DA_TOLD,   BB_DEVICE_IDLE },
		[BB_DE_STALE_SAME]    = { true, BB_DA_WAIT,   BB_DEVICE_WAITING },
		[BB_DE_SUPERSEDED]    = { true, BB_DA_ANEW,   BB_DEVICE_IDLE },
		[BB_DE_BUSY]          = { true, BB_DA_AGAIN,  BB_DEVICE_WAITING },
		[BB_DE_UNREACHABLE]   = { true, BB_DA_FORGET, BB_DEVICE_IDLE },
		[BB_DE_BADBODY]       = { true, BB_DA_FORGET, BB_DEVICE_IDLE },
		[BB_DE_HINT]          = { true, BB_DA_SHOW,   BB_DEVICE_IDLE },
	},
	[BB_DEVICE_OPEN] = {
		[BB_DE_SEND]          = { true, BB_DA_SEND,   BB_DEVICE_OPEN },
		[BB_DE_LINK_LOST]     = { true, BB_DA_DETACH, BB_DEVICE_IDLE },
		[BB_DE_DATA_CURRENT]  = { true, BB_DA_ERASE,  BB_DEVICE_OPEN },
		[BB_DE_DATA_PREVIOUS] = { true, BB_DA_TAKE,   BB_DEVICE_OPEN },
		[BB_DE_BYE]           = { true, BB_DA_END,    BB_DEVICE_IDLE },
		[BB_DE_REATTACH]      = { true, BB_DA_DETACH, BB_DEVICE_IDLE },
		[BB_DE_BUSY]          = { true, BB_DA_SHOW,   BB_DEVICE_OPEN },
		[BB_DE_UNREACHABLE]   = { true, BB_DA_SHOW,   BB_DEVICE_OPEN },
		[BB_DE_BADBODY]       = { true, BB_DA_SHOW,   BB_DEVICE_OPEN },
		[BB_DE_HINT]          = { true, BB_DA_SHOW,   BB_DEVICE_OPEN },
	},
};
/* clang-format on */

enum bb_device_act
bb_device_step(struct bb_device *device, enum bb_device_event event)
{
	const struct cell *cell;

	if (event == BB_DE_BUSY && device->state == BB_DEVICE_WAITING &&
	    device->busy++ >= BB_DEVICE_BUSY_MAX)
		event = BB_DE_NO_ANSWER;
	cell = &table[device->state][event];
	if (!cell->set)
		return event == BB_DE_ATTACH || event == BB_DE_SEND
			   ? BB_DA_REFUSE
			   : BB_DA_DROP;
	device->state = cell->next;
	return cell->act;
}

const char *
bb_device_state_word(enum bb_device_state state)
{
	static const char *const words[BB_DEVICE_STATES] = {
		[BB_DEVICE_IDLE] = "idle",
		[BB_DEVICE_WAITING] = "waiting",
		[BB_DEVICE_OPEN] = "open",
	};

	return words[state];
}

static const struct {
	const char *word;
	enum bb_device_event event; /* STALE: by the number that is told */
} notices[BB_NOTICES] = {
	[BB_NOTICE_STALE] = { "stale", BB_DE_OTHER },
	[BB_NOTICE_SUPERSEDED] = { "superseded", BB_DE_SUPERSEDED },
	[BB_NOTICE_BUSY] = { "busy", BB_DE_BUSY },
	[BB_NOTICE_UNREACHABLE] = { "unreachable", BB_DE_UNREACHABLE },
	[BB_NOTICE_REATTACH] = { "reattach", BB_DE_REATTACH },
	[BB_NOTICE_BADBODY] = { "badbody", BB_DE_BADBODY },
};

const char *
bb_device_notice_word(enum bb_device_notice notice)
{
	return notice < BB_NOTICES ? notices[notice].word : NULL;
}

enum bb_device_notice
bb_device_notice_find(const char *word)
{
	unsigned i;

	for (i = 0; i < BB_NOTICES; i++) {
		if (strcmp(notices[i].word, word) == 0)
			return (enum bb_device_notice)i;
	}
	return BB_NOTICES;
}

static enum bb_device_event
other(const char **why, const char *clause)
{
	*why = clause;
	return BB_DE_OTHER;
}

/* Step 4 of the attach. */
static enum bb_device_event
see_answer(const struct bb_device *device, const struct bb_device_frame *frame,
    const char **why)
{
	if (device->state != BB_DEVICE_WAITING)
		return other(why, "answers no attach that is under way");
	if (frame->att != device->att)
		return other(why, "answers another attach");
	if (frame->key != BB_KEY_CURRENT)
		return other(why, "does not open under the current key");
	if (!frame->nonce_mine)
		return other(why, "names the nonce of another attach");
	if (!frame->newkid_fits)
		return other(why, "names another key than the one agreed on");
	return frame->ok ? BB_DE_ANSWER_OK : BB_DE_ANSWER_NO;
}

static bool
seen(const struct bb_window *window, uint32_t seq)
{
	uint32_t back = window->highest - seq;

	if (seq > window->highest || back >= BB_WINDOW_BITS)
		return false;
	return (window->seen >> back & 1) != 0;
}

static enum bb_device_event
see_data(const struct bb_device *device, const struct bb_device_frame *frame,
    const char **why)
{
	struct bb_window window = device->down;

	if (device->state != BB_DEVICE_OPEN)
		return other(why, "belongs to no open session");
	if (frame->att != device->att)
		return other(why, "belongs to another attach");
	if (!bb_window_take(&window, frame->seq))
		return other(why, "came before, or is too old");
	return frame->key == BB_KEY_CURRENT ? BB_DE_DATA_CURRENT
					    : BB_DE_DATA_PREVIOUS;
}

/* While waiting the nonce says that it is about the ATTACH; in an open session
 * several DATA frames may be under way, and the attach number decides. */
static enum bb_device_event
see_notice(const struct bb_device *device, const struct bb_device_frame *frame,
    const char **why)
{
	if (frame->notice >= BB_NOTICES)
		return other(why, "says nothing that is known here");
	if (device->state == BB_DEVICE_WAITING ? !frame->nonce_mine
					       : frame->att != device->att)
		return other(why, "is about another frame");
	if (frame->notice != BB_NOTICE_STALE)
		return notices[frame->notice].event;
	if (frame->told < device->att)
		return other(why, "tells a number that is past");
	return frame->told > device->att ? BB_DE_STALE_AHEAD : BB_DE_STALE_SAME;
}

enum bb_device_event
bb_device_see(const struct bb_device *device,
    const struct bb_device_frame *frame, const char **why)
{
	*why = NULL;
	if (frame->type == BB_FRAME_HINT)
		return frame->nonce_mine ? BB_DE_HINT
					 : other(why, "is about another frame");
	if (frame->key == BB_KEY_NONE)
		return other(why, "does not open");
	switch (frame->type) {
	case BB_FRAME_ANSWER:
		return see_answer(device, frame, why);
	case BB_FRAME_DATA:
		return see_data(device, frame, why);
	case BB_FRAME_NOTICE:
		return see_notice(device, frame, why);
	default:
		return other(why, "is not for a device");
	}
}

void
bb_device_attached(struct bb_device *device, uint32_t att)
{
	device->att = att;
	device->down = (struct bb_window){ 0 };
	device->whole = 0;
	device->lost = false;
	device->busy = 0;
}

bool
bb_device_whole(const struct bb_device *device, uint32_t seq)
{
	return !device->lost && seq != 0 && seq - 1 <= device->whole;
}

void
bb_device_lost(struct bb_device *device)
{
	device->lost = true;
}

bool
bb_device_took(struct bb_device *device, uint32_t seq)
{
	if (!bb_window_take(&device->down, seq))
		return false;
	while (seen(&device->down, device->whole + 1))
		device->whole++;
	return true;
}

enum bb_device_event_is
bb_device_event_is(uint64_t have, uint64_t n, bool whole)
{
	if (n <= have)
		return BB_EVENT_HAD;
	return whole || n - 1 == have ? BB_EVENT_NEW : BB_EVENT_GAP;
}

/* Behind: the gateway does not know what it has acknowledged.  Ahead: it knows
 * messages that this device never sent (a profile was restored), and would
 * acknowledge the next ones without effect. */
enum bb_device_numbers
bb_device_numbers(uint64_t first, uint64_t next, uint64_t up_next)
{
	return up_next < first || up_next > next ? BB_NUMBERS_ANEW
						 : BB_NUMBERS_FIT;
}
