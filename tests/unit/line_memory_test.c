/* What becomes of JSON when memory runs out: the n-th piece is refused, for
 * every n until all goes well. */
#include "line/line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cc.h"
#include "tap.h"

#define ROUNDS_MAX 10000

static const char text[] =
    "{\"re\":\"attach\",\"pin\":\"2100000a\",\"user\":\"alice\","
    "\"service\":\"local\",\"att\":1,\"kid\":\"5f0c6f8d8a9e2b11\","
    "\"nonce\":\"000102030405060708090a0b0c0d0e0f1011121314151617\","
    "\"link\":\"0000000000000000\",\"d\":{\"op\":\"login\",\"service\":"
    "\"local\",\"user\":\"alice\",\"password\":\"correct horse\","
    "\"numbering\":\"a1a2a3a4a5a6a7a8\",\"have\":0},\"m\":{\"op\":\"batch\","
    "\"msgs\":[{\"op\":\"send\",\"n\":1,\"to\":\"bob\",\"text\":\"hi\"}]}}";

static json_malloc_t real_malloc;
static json_free_t real_free;
static long left;      /* pieces to give before one is refused; -1: all */
static long held;      /* pieces given and not given back */
static unsigned wrong; /* failures that were not said as ENOMEM */

static void *
counting_malloc(size_t len)
{
	if (left == 0) {
		errno = ENOMEM;
		return NULL;
	}
	if (left > 0)
		left--;
	held++;
	return real_malloc(len);
}

static void
counting_free(void *mem)
{
	if (mem != NULL)
		held--;
	real_free(mem);
}

static bool
parse_and_write(void)
{
	struct bb_buf out = BB_BUF(BB_LINE_MAX);
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_line line;
	bool done = false;

	errno = 0;
	if (bb_line_parse(text, strlen(text), true, &line, why) == -1) {
		if (errno != ENOMEM || strstr(why, "memory") == NULL)
			wrong++;
		return false;
	}
	errno = 0;
	if (bb_line_write(&line, true, &out) == 0)
		done = true;
	else if (errno != ENOMEM || bb_buf_len(&out) != 0)
		wrong++;
	bb_line_clear(&line);
	bb_buf_clear(&out);
	return done;
}

/* `line` is parsed while there is memory. */
static bool
mask_and_text(const json_t *json)
{
	json_t *masked;
	char *shown;
	size_t len;

	errno = 0;
	masked = bb_message_masked(json);
	if (masked == NULL) {
		if (errno != ENOMEM)
			wrong++;
		return false;
	}
	shown = bb_json_text(masked, &len);
	if (shown == NULL && errno != ENOMEM)
		wrong++;
	bb_json_text_free(shown, len);
	json_decref(masked);
	return shown != NULL;
}

static bool
add_steps(void)
{
	static const struct bb_step step = { 3, "bbdispatch", "opened", 12 };
	json_t *trace = NULL;
	bool done = true;
	size_t i;

	for (i = 0; i < 3 && done; i++) {
		errno = 0;
		done = bb_step_add(&trace, &step) == 0;
		if (!done && errno != ENOMEM)
			wrong++;
		if (json_array_size(trace) != i + (done ? 1 : 0))
			wrong++;
	}
	json_decref(trace);
	return done;
}

enum work { LINES, MASKS, STEPS };

static void
test_work(enum work work, const json_t *json, const char *name)
{
	long round, before, leaked = 0;
	bool done = false;

	wrong = 0;
	for (round = 0; round < ROUNDS_MAX && !done; round++) {
		before = held;
		left = round;
		if (work == LINES)
			done = parse_and_write();
		else if (work == MASKS)
			done = mask_and_text(json);
		else
			done = add_steps();
		left = -1;
		leaked += held - before;
	}
	tap_ok(done && round > 3, "%s goes well in the end", name);
	TAP_EQ_UINT(wrong, 0, "until then it says that memory is missing");
	TAP_EQ_INT(leaked, 0, "and keeps none");
}

int
main(void)
{
	char why[BB_MESSAGE_WHY_MAX];
	json_t *json;

	bb_json_init();
	json_get_alloc_funcs(&real_malloc, &real_free);
	json_set_alloc_funcs(counting_malloc, counting_free);
	left = -1;
	json = bb_json_parse(text, strlen(text), why);
	test_work(LINES, NULL, "a line that is parsed and written");
	test_work(MASKS, json, "a message that is masked");
	test_work(STEPS, NULL, "a trace that is made");
	json_decref(json);
	TAP_EQ_INT(held, 0, "all memory is given back");
	return tap_done();
}
