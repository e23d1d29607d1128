/* The dispatcher: what its files share.
 *
 * dispatch.c joins and decides the direction; open.c takes frames, attach.c the
 * attaches among them, seal.c takes lines; tell.c writes what devices are told
 * by us. */
#ifndef BBDISPATCH_DISPATCH_H
#define BBDISPATCH_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "configdb/devices.h"
#include "line/line.h"
#include "seal/pack.h"
#include "wire/frame.h"

struct dispatch_options {
	const char *data;
	const char *device_store;
	bool filter;
	bool json;
	int verbose;
};

/* An attach that was opened, checked and rolled, and waits for its commit. */
struct attach {
	struct bb_frame frame; /* its header; borrows no bytes */
	struct bb_devkey key;  /* whose base was rolled */
	struct bb_attach_row row;
	json_t *d, *m; /* owned; row.service points into d */
	size_t text_len;
	int64_t found_us, opened_us; /* durations */
	enum bb_db_result result;
	uint32_t told;
};

/* Attaches that share one transaction: one sync of the disk for all. */
#define GROUP_MAX 32
struct group {
	struct attach at[GROUP_MAX];
	size_t len;
	size_t text_len; /* bytes that their lines will have */
};

enum way { WAY_UNKNOWN, WAY_OPEN, WAY_SEAL };

struct dispatch {
	const struct dispatch_options *options;
	struct bb_db *db;
	enum way way;
	int status;       /* what the end will say */
	uint64_t offset;  /* opening: of what was not taken, in the stream */
	uint64_t line_no; /* sealing */
	bool skipping;    /* sealing: within an overlong line */
	uint64_t complaints;
	struct bb_buf sections[BB_PACK_SECTIONS];
	struct group group;
};

/* Returns the exit status, or ends the process. */
int dispatch_run(const struct dispatch_options *options);

/* An error line; after a hundred of them they are only counted.  `status` is
 * what the filter ends with, unless something was wrong before. */
void complain(struct dispatch *d, int status, const char *fmt, ...)
    BB_PRINTF(3, 4);

/* Callbacks of the filter, one pair for each direction.  What is wrong with one
 * frame or line does not end the input: 0; or an exit status, when it cannot be
 * read on. */
int open_input(struct dispatch *d, struct bb_buf *in, struct bb_buf *out);
void open_end(struct dispatch *d, const struct bb_buf *in);
int seal_input(struct dispatch *d, struct bb_buf *in, struct bb_buf *out);
void seal_end(struct dispatch *d, const struct bb_buf *in);

/* Takes an ATTACH that `key` opened, whose sections are in d->sections.  The
 * group may have to be committed first; what it says goes to out. */
void attach_take(struct dispatch *d, const struct bb_frame *frame,
    const struct bb_devkey *key, int64_t found_us, int64_t start_us,
    struct bb_buf *out);
bool group_has(const struct group *group, uint32_t pin);
/* Commits what waits (T1), then writes its lines. */
void group_commit(struct dispatch *d, struct bb_buf *out);

/* Lines that we say ourselves, in answer to a frame.  `text` and `told` with
 * the codes that have them; else NULL and 0. */
void tell_hint(struct dispatch *d, const struct bb_frame *frame, int code,
    struct bb_buf *out);
void tell_notice(struct dispatch *d, const struct bb_frame *frame,
    const char *code, const char *text, uint32_t told, struct bb_buf *out);

#endif
