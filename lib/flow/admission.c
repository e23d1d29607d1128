/* Admission: the table that turns numbers into a verdict. */
#include "flow/admission.h"

#include <stddef.h>

#include "base/cc.h"

static bool
below(int64_t count, int64_t max)
{
	return max == BB_UNLIMITED || count < max;
}

static enum bb_verdict
if_permitted(const struct bb_admission_facts *f, enum bb_verdict v)
{
	return f->permitted ? v : BB_NOT_PERMITTED;
}

/* The maximum is reached.  Without permission nobody is logged out: see
 * docs/decisions/0001-permission-before-eviction.md. */
static struct bb_admission
at_max(const struct bb_admission_facts *f)
{
	struct bb_admission a = { .retry_after_ms = BB_UNLIMITED };
	bool idle_set = f->idle_ms != BB_UNLIMITED;

	a.evict = f->permitted && idle_set && f->evictable > 0;
	if (!idle_set || f->count - f->evictable >= f->max) {
		a.row = BB_ROW_BUSY;
		a.verdict = BB_SERVER_BUSY;
		if (idle_set && f->next_idle_ms > 0)
			a.retry_after_ms = f->next_idle_ms;
	} else if (f->permitted &&
		   !below(f->api_count - f->api_evictable, f->api_max)) {
		a.row = BB_ROW_API;
		a.verdict = BB_FAILED;
	} else {
		a.row = BB_ROW_EVICT;
		a.verdict = if_permitted(f, BB_ADMITTED);
	}
	return a;
}

struct bb_admission
bb_admission_decide(const struct bb_admission_facts *f)
{
	struct bb_admission a = { .retry_after_ms = BB_UNLIMITED };

	if (f->blocked || f->wrong_account) {
		a.row = BB_ROW_BLOCKED;
		a.verdict = BB_NOT_PERMITTED;
	} else if (f->replaces) {
		a.row = BB_ROW_REPLACE;
		a.verdict = if_permitted(f, BB_REPLACED);
	} else if (!below(f->count, f->max)) {
		a = at_max(f);
	} else if (!below(f->api_count, f->api_max)) {
		a.row = BB_ROW_API;
		a.verdict = BB_FAILED;
	} else {
		a.row =
		    f->max == BB_UNLIMITED ? BB_ROW_UNSET : BB_ROW_BELOW_MAX;
		a.verdict = if_permitted(f, BB_ADMITTED);
	}
	return a;
}

static const struct {
	const char *word, *text;
} verdicts[] = {
	[BB_ADMITTED] = { "admitted", "admitted" },
	[BB_REPLACED] = { "replaced", "replaces its own session" },
	[BB_SERVER_BUSY] = { "busy", "Server Busy" },
	[BB_FAILED] = { "failed", "Failed (300)" },
	[BB_NOT_PERMITTED] = { "denied", "not permitted" },
};

const char *
bb_verdict_word(enum bb_verdict v)
{
	return (size_t)v < BB_LEN(verdicts) ? verdicts[v].word : "unknown";
}

const char *
bb_verdict_text(enum bb_verdict v)
{
	return (size_t)v < BB_LEN(verdicts) ? verdicts[v].text : "unknown";
}

static const char *const rows[] = {
	[BB_ROW_BLOCKED] = "the user or the service is blocked, or the account "
			   "is not the user's",
	[BB_ROW_REPLACE] = "the device has a session here already",
	[BB_ROW_BELOW_MAX] = "the maximum of sessions is not reached",
	[BB_ROW_EVICT] = "the maximum of sessions is reached and idle ones "
			 "make room",
	[BB_ROW_BUSY] = "the maximum of sessions is reached and idle ones "
			"make no room",
	[BB_ROW_UNSET] = "no maximum of sessions is set",
	[BB_ROW_API] = "the IM server's API carries no more sessions of this "
		       "process",
};

const char *
bb_admission_row_text(enum bb_admission_row row)
{
	return (size_t)row < BB_LEN(rows) ? rows[row] : "unknown";
}
