/* Lines: what dispatcher and Collaboration Service send each other, one JSON
 * object per line.  The outer members are the dispatcher's (up) or the
 * service's (down); the device's own object is nested under "d" and can claim
 * nothing.  docs/wire.md, "Line". */
#ifndef BB_LINE_LINE_H
#define BB_LINE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/parse.h"
#include "line/message.h"
#include "wire/frame.h"

#define BB_LINE_MAX 98304 /* bytes, newline included */

/* Finds one line: OK with its length, newline included (it may be empty); MORE;
 * BAD when BB_LINE_MAX bytes hold no newline: then bb_line_skip. */
enum bb_parse bb_line_split(const void *bytes, size_t len, size_t *line_len);
/* How many bytes to drop of an overlong line: up to and including its newline,
 * or all of `len` (*done false: go on skipping with the next bytes). */
size_t bb_line_skip(const void *bytes, size_t len, bool *done);

enum bb_line_kind {
	BB_LINE_ATTACH, /* up: "re":"attach" with service */
	BB_LINE_DATA,   /* up or down: no "re" */
	BB_LINE_ANSWER, /* down: "re":"attach" without service */
	BB_LINE_NOTICE, /* "re":"notice" */
	BB_LINE_HINT,   /* "re":"hint" */
	BB_LINE_TRUNK,  /* up: "re":"trunk": router and up; no device's */
	BB_LINE_DOWN    /* up: "re":"down": pin and link; the link is gone */
};

/* Times of a step, for --trace. */
struct bb_step {
	int step;         /* number in the seeds' flow */
	const char *hop;  /* "bbdispatch" */
	const char *what; /* "opened and inflated the login" */
	int64_t us;
};

/* One line in memory.  Strings and objects are owned by `json` and die with
 * bb_line_clear.  Which members are set depends on the kind. */
struct bb_line {
	enum bb_line_kind kind;
	uint32_t pin;
	uint32_t att;
	uint32_t seq; /* DATA */
	uint64_t link;
	bool has_reply; /* kid and nonce are set: all but DATA down and HINT */
	uint8_t kid[BB_KID_LEN];
	uint8_t nonce[BB_NONCE_LEN];
	const char *user;    /* up: verified, from the device store */
	const char *service; /* up */
	int hint;            /* HINT: enum bb_hint_code */
	uint32_t router;     /* TRUNK: the router's instance, not 0 */
	bool up;             /* TRUNK: a trunk of it ends at the dispatcher */
	json_t *d;           /* device's object, or ours down */
	json_t *m;           /* second section, or NULL */
	json_t *trace;       /* array of steps, or NULL */
	json_t *json;        /* the whole line */
};

/* Parses one line (newline optional).  Direction `up`: for the service, d and m
 * are checked against the table by the place that the kind says; down: for the
 * dispatcher, only the outer members, op and size matter.  0, or -1 with
 * EINVAL, or ENOMEM when it is memory that is missing, and a clause in why. */
int bb_line_parse(const void *text, size_t len, bool up, struct bb_line *line,
    char why[BB_MESSAGE_WHY_MAX]) BB_NODISCARD;
void bb_line_clear(struct bb_line *line);

/* Appends the text of a line and a newline to out: members in the documented
 * order; d, m and trace are borrowed.  0, or -1 with EMSGSIZE (over
 * BB_LINE_MAX), ENOBUFS, ENOMEM, or EINVAL (the kind does not go in that
 * direction, or lacks what it must have); then nothing was added. */
int bb_line_write(const struct bb_line *line, bool up, struct bb_buf *out)
    BB_NODISCARD;
/* Appends a step to an array of steps (made when *trace is NULL).  0, or -1
 * with ENOBUFS (there are as many as a trace may have) or ENOMEM; then the
 * steps stay as they are. */
int bb_step_add(json_t **trace, const struct bb_step *step) BB_NODISCARD;

#endif
