/* The sentence that goes with a verdict: which numbers met which row. */
#include <inttypes.h>
#include <stdio.h>

#include "configdb/rows.h"

#include "base/cc.h"

static const char *
why_blocked(const struct bb_case *c, const struct bb_admitted *out)
{
	if (c->user_blocked)
		return "the user is blocked";
	if (out->service.blocked)
		return "the service is blocked";
	return "the account asked for is not this user's";
}

static void
say_open(struct bb_admitted *out, const char *tail)
{
	const struct bb_admission_facts *f = &out->facts;

	(void)snprintf(out->reason, sizeof(out->reason),
	    "%" PRId64 " of at most %" PRId64 " sessions are open%s", f->count,
	    f->max, tail);
}

static void
say_busy(struct bb_admitted *out)
{
	const struct bb_admission_facts *f = &out->facts;
	char tail[64] = ", none idle";

	if (f->idle_ms == BB_UNLIMITED)
		(void)snprintf(tail, sizeof(tail), ", no idle-timeout is set");
	else if (f->evictable > 0)
		(void)snprintf(tail, sizeof(tail), ", %" PRId64 " idle",
		    f->evictable);
	say_open(out, tail);
}

static void
say_evict(struct bb_admitted *out)
{
	char tail[64];

	(void)snprintf(tail, sizeof(tail), ", %" PRId64 " idle: logged out",
	    out->facts.evictable);
	say_open(out, tail);
}

static void
say(struct bb_admitted *out, const char *text)
{
	(void)snprintf(out->reason, sizeof(out->reason), "%s", text);
}

void
bb_admit_reason(const struct bb_case *c, struct bb_admitted *out)
{
	const struct bb_admission_facts *f = &out->facts;

	if (out->decision.row == BB_ROW_BLOCKED) {
		say(out, why_blocked(c, out));
		return;
	}
	if (out->decision.verdict == BB_NOT_PERMITTED) {
		say(out, c->user_known
			     ? "the user has no permission for this service"
			     : "there is no such user");
		return;
	}
	switch (out->decision.row) {
	case BB_ROW_BELOW_MAX:
		say_open(out, "");
		break;
	case BB_ROW_EVICT:
		say_evict(out);
		break;
	case BB_ROW_BUSY:
		say_busy(out);
		break;
	case BB_ROW_UNSET:
		(void)snprintf(out->reason, sizeof(out->reason),
		    "no maximum is set, %" PRId64 " sessions are open",
		    f->count);
		break;
	case BB_ROW_API:
		(void)snprintf(out->reason, sizeof(out->reason),
		    "the API of the service carries %" PRId64
		    " sessions of this process and %" PRId64 " are open",
		    f->api_max, f->api_count);
		break;
	case BB_ROW_REPLACE:
	case BB_ROW_BLOCKED:
	default:
		say(out, bb_admission_row_text(out->decision.row));
		break;
	}
}
