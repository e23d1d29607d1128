/* Numbered messages: those that the gateway has not acknowledged are held in
 * the profile, and travel in each attach that carries a batch. */
#ifndef BBDEVICE_NUMBERS_H
#define BBDEVICE_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cc.h"
#include "profile.h"

bool account_equal(const struct account *a, const struct account *b);
/* The lowest number that is not acknowledged; `next` where all are. */
uint64_t numbers_first(const struct numbering *n);
/* Messages below `up_next` have had their effect: they are held no more. */
void numbers_acknowledge(struct numbering *n, uint64_t up_next);
/* How many messages wait for another account to be attached. */
size_t numbers_elsewhere(const struct profile *p);

/* Before an attach: makes the numbering that of this account.  Another account
 * than before, or a store that was restored, asks for a new id: what is held
 * for this account is then numbered from 1, and what is held for another waits
 * until that one is attached.  The former numbering is kept until the answer.
 * 0, or -1 with ENOMEM. */
int numbers_begin(struct profile *p, const struct account *account)
    BB_NODISCARD;
/* After an attach that was refused before anything was begun for it: the
 * gateway still has the former numbering, so a mistyped name doubles nothing.
 * 0, or -1 with ENOMEM. */
int numbers_refused(struct profile *p) BB_NODISCARD;
/* After an accepted attach; up_next 0: the answer did not say.  0, or -1 with
 * ENOMEM. */
int numbers_accepted(struct profile *p, uint64_t up_next) BB_NODISCARD;
/* Takes one message more.  0, or -1 with ENOSPC (HELD_MAX, HELD_TEXT_MAX,
 * numbers used up) or ENOMEM (also when it is not UTF-8). */
int numbers_hold(struct profile *p, const char *to, const char *text)
    BB_NODISCARD;

#endif
