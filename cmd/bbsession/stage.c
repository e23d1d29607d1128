/* bbsession stage: asks a running bbrouter, bbdispatch or bbcollab at its
 * control socket. */
#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "bbsession.h"
#include "out.h"
#include "serve/ask.h"

#include "base/cc.h"

#define ANSWER_MAX (4u << 20)

/* The stage's JSON as it is; what it says wrong ends the process. */
static json_t *
ask(const struct args *a, const char *command)
{
	struct bb_buf answer = BB_BUF(ANSWER_MAX);
	const char *place = a->operand[0], *error;
	char why[BB_ASK_WHY_MAX];
	json_error_t at;
	json_t *json;

	if (bb_ask(place, command, &answer, why) == -1)
		bb_die(errno == EINVAL ? BB_EXIT_USAGE : BB_EXIT_TEMP,
		    "unable to ask the stage at %s", why);
	json = json_loadb((const char *)bb_buf_data(&answer),
	    bb_buf_len(&answer), 0, &at);
	bb_buf_clear(&answer);
	if (!json_is_object(json))
		bb_die(BB_EXIT_TEMP, "unable to read what %s answered", place);
	error = json_string_value(json_object_get(json, "error"));
	if (error != NULL)
		bb_die(BB_EXIT_USAGE, "unable to ask %s for \"%s\": %s", place,
		    command, error);
	return json;
}

static int
stage_stats(const struct args *a)
{
	return out_tree(a, ask(a, "stats"));
}

static int
stage_links(const struct args *a)
{
	return out_tree(a, ask(a, "links"));
}

static int
stage_sessions(const struct args *a)
{
	return out_tree(a, ask(a, "sessions"));
}

static int
change(const struct args *a, const char *command, const char *done)
{
	if (a->dry_run)
		return out_yes(a, NULL, "would ask the stage");
	json_decref(ask(a, command));
	return out_yes(a, NULL, done);
}

static int
stage_drain(const struct args *a)
{
	return change(a, "drain", "the stage drains and ends");
}

static int
stage_reload(const struct args *a)
{
	return change(a, "reload", "the stage has reloaded");
}

static const struct verb verbs[] = {
	/* clang-format off */
	{ "stats", "unix:PATH", 1, 1, "shows the counters of a running stage",
	    NULL, 0, stage_stats },
	{ "links", "unix:PATH", 1, 1, "lists the links of a running stage",
	    NULL, 0, stage_links },
	{ "sessions", "unix:PATH", 1, 1,
	    "lists the sessions that a running bbcollab holds",
	    NULL, 0, stage_sessions },
	{ "drain", "unix:PATH", 1, 1,
	    "lets a running stage finish its work and end",
	    NULL, 0, stage_drain },
	{ "reload", "unix:PATH", 1, 1, "lets a running stage reread its settings",
	    NULL, 0, stage_reload },
	/* clang-format on */
};
const struct noun noun_stage = { "stage",
	"Running stages, asked at their --control socket:", verbs,
	BB_LEN(verbs) };
