/* bbsession limit explain: the verdict on a login that nobody asked for, the
 * row of the admission table that gives it, and the numbers it went by. */
#include "explain.h"

#include "base/clock.h"
#include "base/fail.h"
#include "configdb/config.h"
#include "configdb/sessions.h"
#include "flow/admission.h"
#include "out.h"
#include "stores.h"

#include "base/cc.h"

static const struct out_field fields[] = {
	/* clang-format off */
	{ .member = "text",            .label = "verdict" },
	{ .member = "why",             .label = "why" },
	{ .member = "reason",          .label = "numbers" },
	{ .member = "row",             .label = "row" },
	{ .member = "evict",           .label = "logs out the idle" },
	{ .member = "retry_after_ms",  .label = "retry after",
	    .form = OUT_DURATION },
	{ .member = "blocked",         .label = "blocked" },
	{ .member = "wrong_account",   .label = "wrong account" },
	{ .member = "permitted",       .label = "permitted" },
	{ .member = "replaces",        .label = "replaces its own" },
	{ .member = "count",           .label = "sessions" },
	{ .member = "max_sessions",    .label = "max-sessions",
	    .none = "unset" },
	{ .member = "evictable",       .label = "evictable" },
	{ .member = "idle_timeout_ms", .label = "idle-timeout",
	    .form = OUT_DURATION, .none = "unset" },
	{ .member = "next_idle_ms",    .label = "next idle in",
	    .form = OUT_DURATION },
	{ .member = "api_max",         .label = "api-max", .none = "unset" },
	{ .member = "api_count",       .label = "sessions of the process" },
	{ .member = "api_evictable",   .label = "evictable of these" },
	/* clang-format on */
};
static const struct out_kind kind = { "explanation", "explanations", fields,
	BB_LEN(fields) };

/* The words for scripts; in the order of the table. */
static const char *const rows[] = {
	[BB_ROW_BLOCKED] = "blocked",
	[BB_ROW_REPLACE] = "replace",
	[BB_ROW_BELOW_MAX] = "below-max",
	[BB_ROW_EVICT] = "evict",
	[BB_ROW_BUSY] = "busy",
	[BB_ROW_UNSET] = "unset",
	[BB_ROW_API] = "api",
};

static void
set_facts(json_t *json, const struct bb_admission_facts *f)
{
	out_set(json, "blocked", out_bool(f->blocked));
	out_set(json, "wrong_account", out_bool(f->wrong_account));
	out_set(json, "permitted", out_bool(f->permitted));
	out_set(json, "replaces", out_bool(f->replaces));
	out_set(json, "count", out_number(f->count));
	out_set(json, "max_sessions", out_number_or_null(f->max));
	out_set(json, "evictable", out_number(f->evictable));
	out_set(json, "idle_timeout_ms", out_number_or_null(f->idle_ms));
	out_set(json, "next_idle_ms", out_number_or_null(f->next_idle_ms));
	out_set(json, "api_max", out_number_or_null(f->api_max));
	out_set(json, "api_count", out_number(f->api_count));
	out_set(json, "api_evictable", out_number(f->api_evictable));
}

static json_t *
explanation(const struct bb_admitted *is)
{
	const struct bb_admission *d = &is->decision;
	json_t *json = out_object();

	out_set(json, "verdict", out_text(bb_verdict_word(d->verdict)));
	out_set(json, "text", out_text(bb_verdict_text(d->verdict)));
	out_set(json, "row", out_text(rows[d->row]));
	out_set(json, "why", out_text(bb_admission_row_text(d->row)));
	out_set(json, "reason", out_text_or_null(is->reason));
	out_set(json, "evict", out_bool(d->evict));
	out_set(json, "retry_after_ms", out_number_or_null(d->retry_after_ms));
	set_facts(json, &is->facts);
	return json;
}

int
explain(const struct args *a)
{
	const char *user = arg_user(a->operand[0]), *service, *account = NULL;
	struct bb_admitted is = { 0 };
	enum bb_verdict verdict;
	struct bb_db *db;
	json_t *json;

	if (a->service == NULL)
		bb_die(BB_EXIT_USAGE, "limit explain needs --service SERVICE");
	service = arg_service(a->service);
	if (a->account != NULL)
		account = arg_name("an account", a->account, BB_NAME_MAX);
	db = store_open(a, BB_CONFIG_STORE);
	if (!store_found(db,
		bb_admit_explain(db, user, service, account, a->pin, 0,
		    bb_clock_ms(), &is),
		"explain the login")) {
		bb_db_close(db);
		return out_no(a, "there is no service \"%s\"", service);
	}
	json = explanation(&is);
	verdict = is.decision.verdict;
	bb_admitted_clear(&is);
	bb_db_close(db);
	(void)out_show(a, &kind, json);
	return verdict == BB_ADMITTED || verdict == BB_REPLACED
		   ? BB_EXIT_OK
		   : BB_EXIT_REFUSED;
}
