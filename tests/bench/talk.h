/* What the devices of a gateway do: come, talk, show that they live.  Each
 * checks what it hears; what is lost ends the bench. */
#ifndef TALK_H
#define TALK_H

#include <stddef.h>
#include <stdint.h>

#include "gateway.h"
#include "phase.h"

#define TALKERS 100 /* the first devices: 50 pairs */

/* Devices from .. to - 1 log in, or resume when they have been here; ends when
 * each has had a first DATA frame answered. */
void talk_join(struct gateway *g, size_t from, size_t to);
/* One message at a time between the first two, there and back: a sample is from
 * before it is sealed to when the other has opened it.  to_result: samples of
 * the time until the sender knows what became of it.  How many messages. */
uint64_t talk_pair(struct phase *phase, struct phase *to_result, int64_t ms);
/* TALKERS devices in pairs, 8 messages under way from each.  How many messages
 * were heard. */
uint64_t talk_pairs(struct gateway *g, int64_t ms);
/* They say only that they live, 31 times before each frame that is answered.
 * How many frames. */
uint64_t talk_alive(struct gateway *g, int64_t ms);
/* Messages that the talkers have heard so far. */
uint64_t talk_heard(const struct gateway *g);

#endif
