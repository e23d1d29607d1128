/* Owns what the state of a device is in terms of its profile, and its keys. */
#include "profile.h"

#include <string.h>

#include "base/secret.h"

#include "base/cc.h"

void
profile_settle(struct profile *p)
{
	if (p->has_outstanding)
		p->device.state = BB_DEVICE_WAITING;
	else if (p->has_session && p->session.open)
		p->device.state = BB_DEVICE_OPEN;
	else
		p->device.state = BB_DEVICE_IDLE;
}

void
profile_forget_attach(struct profile *p)
{
	bb_wipe(&p->outstanding, sizeof(p->outstanding));
	p->has_outstanding = false;
}

/* A hint is not sealed and changes nothing that is stored: the profile goes on
 * waiting although the device, had it a link, would not. */
enum bb_device_act
profile_step(struct profile *p, enum bb_device_event event)
{
	enum bb_device_act act = bb_device_step(&p->device, event);

	switch (act) {
	case BB_DA_FORGET:
	case BB_DA_TOLD:
	case BB_DA_ANEW:
		profile_forget_attach(p);
		break;
	case BB_DA_DETACH:
		p->session.open = false;
		break;
	case BB_DA_END:
		p->session = (struct session){ 0 };
		p->has_session = false;
		break;
	case BB_DA_ERASE:
		bb_wipe(p->previous, sizeof(p->previous));
		p->has_previous = false;
		break;
	case BB_DA_DROP:
	case BB_DA_REFUSE:
	case BB_DA_ATTACH:
	case BB_DA_SEND:
	case BB_DA_ADOPT:
	case BB_DA_AGAIN:
	case BB_DA_WAIT:
	case BB_DA_SHOW:
	case BB_DA_TAKE:
		break;
	}
	return act;
}

int
profile_keys(const struct profile *p, enum bb_device_key which,
    struct bb_keys *keys)
{
	return bb_keys_expand(which == BB_KEY_PREVIOUS ? p->previous
						       : p->current,
	    p->pin, keys);
}

int
profile_find_key(const struct profile *p, const uint8_t kid[BB_KID_LEN],
    enum bb_device_key *which, struct bb_keys *keys)
{
	*which = BB_KEY_CURRENT;
	if (profile_keys(p, *which, keys) == -1)
		return -1;
	if (memcmp(keys->kid, kid, BB_KID_LEN) == 0)
		return 0;
	*which = BB_KEY_PREVIOUS;
	if (p->has_previous && profile_keys(p, *which, keys) == -1)
		return -1;
	if (p->has_previous && memcmp(keys->kid, kid, BB_KID_LEN) == 0)
		return 0;
	bb_wipe(keys, sizeof(*keys));
	*which = BB_KEY_NONE;
	return 0;
}
