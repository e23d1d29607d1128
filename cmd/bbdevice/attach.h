/* Frames up, built and noted in the profile.  None of these writes a frame or
 * saves the profile: the caller saves first and then writes. */
#ifndef BBDEVICE_ATTACH_H
#define BBDEVICE_ATTACH_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/secret.h"
#include "profile.h"

/* What an attach is to say besides what the profile says. */
struct attach_ask {
	bool resume; /* else login */
	const struct account *account;
	const struct bb_secret *password; /* login */
	bool out_of_coverage;
	const char *show, *status; /* login; NULL: not given */
	bool trace;
	bool messages; /* carry what is held */
	bool fetch;
};

/* Takes the next attach number and a new ephemeral key, and appends the ATTACH
 * to `out`.  Messages that do not fit wait for the next one: *waiting of
 * them.  0; -1 with a clause in `why` and errno; then the profile must not be
 * saved. */
int attach_build(struct profile *p, const struct attach_ask *ask,
    struct bb_buf *out, size_t *waiting, char why[WHY_MAX]) BB_NODISCARD;

/* Appends one DATA frame of the open session to `out`.  `message` is
 * borrowed.  As above. */
int data_build(struct profile *p, json_t *message, struct bb_buf *out,
    char why[WHY_MAX]) BB_NODISCARD;

/* {"op":"batch"} with what is held, behind the first `from` messages of it, as
 * much as fits one frame.  NULL with ENOMEM. */
json_t *batch_from(const struct profile *p, size_t from, size_t *carried);
/* The same from the first one on; *waiting is how many are left. */
json_t *batch_build(const struct profile *p, size_t *waiting);

#endif
