/* How many connections there are, in all and of each address: may one more be
 * taken? */
#ifndef BB_SERVE_TALLY_H
#define BB_SERVE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cc.h"

struct bb_tally;

/* Limits of 0: none.  NULL with ENOMEM. */
struct bb_tally *bb_tally_new(int64_t per_address, int64_t in_all);
void bb_tally_free(struct bb_tally *tally);
/* Counts one more of this address, or says false: a limit is reached, or there
 * is no memory.  All zeros (unix, pipe) has no limit of its own.  An IPv6
 * address counts by its first 64 bits: every subscriber has a network. */
bool bb_tally_add(struct bb_tally *tally, const uint8_t address[16])
    BB_NODISCARD;
/* Counts one less; an address that was not added changes nothing. */
void bb_tally_remove(struct bb_tally *tally, const uint8_t address[16]);
size_t bb_tally_count(const struct bb_tally *tally);

#endif
