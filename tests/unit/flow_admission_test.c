/* Admission: each row of the table by name, and all small numbers against the
 * table written down a second time. */
#include <string.h>

#include "flow/admission.h"
#include "tap.h"

#include "base/cc.h"

/* A permitted user, nothing set, nobody there. */
static struct bb_admission_facts
nobody(void)
{
	return (struct bb_admission_facts){ .permitted = true,
		.max = BB_UNLIMITED,
		.idle_ms = BB_UNLIMITED,
		.api_max = BB_UNLIMITED,
		.next_idle_ms = BB_UNLIMITED };
}

/* At its maximum of three, one evictable. */
static struct bb_admission_facts
full(void)
{
	struct bb_admission_facts f = nobody();

	f.max = 3;
	f.count = 3;
	f.idle_ms = 120000;
	f.evictable = 1;
	f.next_idle_ms = 5000;
	return f;
}

static void
expect(const struct bb_admission_facts *f, enum bb_verdict verdict,
    enum bb_admission_row row, bool evict, const char *sentence)
{
	struct bb_admission a = bb_admission_decide(f);

	if (!tap_ok(a.verdict == verdict && a.row == row && a.evict == evict,
		"%s", sentence))
		tap_note("got %s, row %d, evict %d", bb_verdict_word(a.verdict),
		    (int)a.row, (int)a.evict);
}

static void
test_blocked(void)
{
	struct bb_admission_facts f = full();

	f.blocked = true;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_BLOCKED, false,
	    "row 1: a blocked user is not permitted and nobody is out");
	f.replaces = true;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_BLOCKED, false,
	    "row 1: also with a session here already");
	f = full();
	f.wrong_account = true;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_BLOCKED, false,
	    "row 1: somebody else's account is not permitted");
	f.max = 0;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_BLOCKED, false,
	    "row 1: comes before Server Busy");
}

static void
test_replace(void)
{
	struct bb_admission_facts f = full();

	f.replaces = true;
	expect(&f, BB_REPLACED, BB_ROW_REPLACE, false,
	    "row 2: the device's own session is replaced, no limit asked");
	f.max = 0;
	f.api_max = 0;
	expect(&f, BB_REPLACED, BB_ROW_REPLACE, false,
	    "row 2: not even a maximum of 0");
	f.permitted = false;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_REPLACE, false,
	    "row 2: without permission it is not");
}

static void
test_below_max(void)
{
	struct bb_admission_facts f = nobody();

	f.max = 3;
	f.count = 2;
	expect(&f, BB_ADMITTED, BB_ROW_BELOW_MAX, false,
	    "row 3: below the maximum a login is admitted");
	f.evictable = 2;
	f.idle_ms = 1;
	expect(&f, BB_ADMITTED, BB_ROW_BELOW_MAX, false,
	    "row 3: and idle sessions are left alone");
	f.permitted = false;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_BELOW_MAX, false,
	    "row 3: without permission it is not");
}

static void
test_evict(void)
{
	struct bb_admission_facts f = full();

	expect(&f, BB_ADMITTED, BB_ROW_EVICT, true,
	    "row 4: at the maximum idle sessions are logged out for a login");
	f.permitted = false;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_EVICT, false,
	    "row 4: but for nobody without permission");
	f = full();
	f.api_max = 3;
	f.api_count = 3;
	f.api_evictable = 1;
	expect(&f, BB_ADMITTED, BB_ROW_EVICT, true,
	    "row 4: the API counts what is left after that");
	f.api_evictable = 0;
	expect(&f, BB_FAILED, BB_ROW_API, true,
	    "row 4: Failed when its sessions are not among the idle ones");
	f.permitted = false;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_EVICT, false,
	    "row 4: not permitted hides that, and nobody is out");
}

static void
test_busy(void)
{
	struct bb_admission_facts f = full();

	f.evictable = 0;
	expect(&f, BB_SERVER_BUSY, BB_ROW_BUSY, false,
	    "row 5: at the maximum and nobody idle: Server Busy");
	TAP_EQ_INT(bb_admission_decide(&f).retry_after_ms, 5000,
	    "row 5: with the time until one could be");
	f.next_idle_ms = BB_UNLIMITED;
	TAP_EQ_INT(bb_admission_decide(&f).retry_after_ms, BB_UNLIMITED,
	    "row 5: none when there is no such time");
	f = full();
	f.idle_ms = BB_UNLIMITED;
	expect(&f, BB_SERVER_BUSY, BB_ROW_BUSY, false,
	    "row 5: without an idle-timeout nobody is logged out");
	TAP_EQ_INT(bb_admission_decide(&f).retry_after_ms, BB_UNLIMITED,
	    "row 5: and no time is told");
	f = full();
	f.count = 5;
	expect(&f, BB_SERVER_BUSY, BB_ROW_BUSY, true,
	    "row 5: too few idle: Server Busy, and they are out all the same");
	f.permitted = false;
	expect(&f, BB_SERVER_BUSY, BB_ROW_BUSY, false,
	    "row 5: a user without permission hears it too, nobody is out");
	f = nobody();
	f.max = 0;
	expect(&f, BB_SERVER_BUSY, BB_ROW_BUSY, false,
	    "row 5: a maximum of 0 admits nobody");
	f = full();
	f.max = 0;
	f.count = 1;
	f.api_max = 0;
	expect(&f, BB_SERVER_BUSY, BB_ROW_BUSY, true,
	    "row 5: a maximum of 0 lets the idle ones go");
}

static void
test_unset(void)
{
	struct bb_admission_facts f = nobody();

	f.count = 1000000;
	expect(&f, BB_ADMITTED, BB_ROW_UNSET, false,
	    "row 6: without a maximum a login is admitted");
	f.api_max = 4;
	f.api_count = 3;
	expect(&f, BB_ADMITTED, BB_ROW_UNSET, false,
	    "row 6: as long as the API carries it");
	f.permitted = false;
	expect(&f, BB_NOT_PERMITTED, BB_ROW_UNSET, false,
	    "row 6: without permission it is not");
}

static void
test_api(void)
{
	struct bb_admission_facts f = nobody();

	f.api_max = 4;
	f.api_count = 4;
	f.count = 4;
	expect(&f, BB_FAILED, BB_ROW_API, false,
	    "row 7: no maximum and the API full: Failed");
	f.idle_ms = 1;
	f.evictable = 4;
	f.api_evictable = 4;
	expect(&f, BB_FAILED, BB_ROW_API, false,
	    "row 7: and nobody is logged out for it");
	f.max = 9;
	expect(&f, BB_FAILED, BB_ROW_API, false, "row 7: also below a maximum");
	f.permitted = false;
	expect(&f, BB_FAILED, BB_ROW_API, false,
	    "row 7: a user without permission hears it too");
	TAP_EQ_INT(bb_admission_decide(&f).retry_after_ms, BB_UNLIMITED,
	    "row 7: no time is told");
}

static void
test_words(void)
{
	TAP_EQ_STR(bb_verdict_word(BB_ADMITTED), "admitted", "wire: admitted");
	TAP_EQ_STR(bb_verdict_word(BB_REPLACED), "replaced", "wire: replaced");
	TAP_EQ_STR(bb_verdict_word(BB_SERVER_BUSY), "busy", "wire: busy");
	TAP_EQ_STR(bb_verdict_word(BB_FAILED), "failed", "wire: failed");
	TAP_EQ_STR(bb_verdict_word(BB_NOT_PERMITTED), "denied", "wire: denied");
	TAP_EQ_STR(bb_verdict_text(BB_SERVER_BUSY), "Server Busy",
	    "people read Server Busy");
	TAP_EQ_STR(bb_verdict_text(BB_FAILED), "Failed (300)",
	    "people read Failed (300)");
	tap_ok(strstr(bb_admission_row_text(BB_ROW_UNSET), "no maximum") !=
		   NULL,
	    "a row has a clause of its own");
}

/* --- The table a second time, as a list of cases and what they say -------- */

struct rule {
	bool applies, evict;
	enum bb_admission_row row;
	enum bb_verdict permitted, other;
};

static struct bb_admission
by_the_table(const struct bb_admission_facts *f)
{
	bool set = f->max >= 0, reached = set && f->count >= f->max;
	bool idle = f->idle_ms >= 0, api = f->api_max >= 0;
	bool api_full = api && f->api_count >= f->api_max;
	bool api_after = api && f->api_count - f->api_evictable >= f->api_max;
	bool makes_room = idle && f->count - f->evictable < f->max;
	/* clang-format off */
	const struct rule rules[] = {
		{ f->blocked || f->wrong_account, false, BB_ROW_BLOCKED,
		    BB_NOT_PERMITTED, BB_NOT_PERMITTED },
		{ f->replaces, false, BB_ROW_REPLACE,
		    BB_REPLACED, BB_NOT_PERMITTED },
		{ set && !reached && !api_full, false, BB_ROW_BELOW_MAX,
		    BB_ADMITTED, BB_NOT_PERMITTED },
		{ reached && makes_room && api_after && f->permitted, true,
		    BB_ROW_API, BB_FAILED, BB_FAILED },
		{ reached && makes_room, true, BB_ROW_EVICT,
		    BB_ADMITTED, BB_NOT_PERMITTED },
		{ reached, idle && f->evictable > 0, BB_ROW_BUSY,
		    BB_SERVER_BUSY, BB_SERVER_BUSY },
		{ !set && !api_full, false, BB_ROW_UNSET,
		    BB_ADMITTED, BB_NOT_PERMITTED },
		{ api_full, false, BB_ROW_API, BB_FAILED, BB_FAILED },
	};
	/* clang-format on */
	struct bb_admission a = { .retry_after_ms = BB_UNLIMITED };
	size_t i = 0;

	while (!rules[i].applies)
		i++;
	a.row = rules[i].row;
	a.verdict = f->permitted ? rules[i].permitted : rules[i].other;
	a.evict = rules[i].evict && f->permitted;
	if (a.row == BB_ROW_BUSY && idle && f->next_idle_ms > 0)
		a.retry_after_ms = f->next_idle_ms;
	return a;
}

struct tally {
	unsigned long cases, wrong;
	unsigned long verdicts[5], rows[7];
};

static void
compare(const struct bb_admission_facts *f, struct tally *t)
{
	struct bb_admission is = bb_admission_decide(f);
	struct bb_admission want = by_the_table(f);

	t->cases++;
	t->verdicts[is.verdict]++;
	t->rows[is.row]++;
	if (is.verdict == want.verdict && is.row == want.row &&
	    is.evict == want.evict && is.retry_after_ms == want.retry_after_ms)
		return;
	if (t->wrong++ == 0)
		tap_note("max %d count %d evictable %d api %d/%d: got row %d",
		    (int)f->max, (int)f->count, (int)f->evictable,
		    (int)f->api_count, (int)f->api_max, (int)is.row);
}

static void
all_flags(struct bb_admission_facts f, struct tally *t)
{
	unsigned bits;

	for (bits = 0; bits < 64; bits++) {
		f.blocked = (bits & 1) != 0;
		f.wrong_account = (bits & 2) != 0;
		f.permitted = (bits & 4) != 0;
		f.replaces = (bits & 8) != 0;
		f.idle_ms = (bits & 16) != 0 ? 7 : BB_UNLIMITED;
		f.next_idle_ms = (bits & 32) != 0 ? 5 : BB_UNLIMITED;
		compare(&f, t);
	}
}

static void
all_api(struct bb_admission_facts f, struct tally *t)
{
	for (f.api_max = BB_UNLIMITED; f.api_max <= 3; f.api_max++)
		for (f.api_count = 0; f.api_count <= f.count; f.api_count++)
			for (f.api_evictable = 0;
			     f.api_evictable <= f.api_count &&
			     f.api_evictable <= f.evictable;
			     f.api_evictable++)
				all_flags(f, t);
}

static void
test_all(void)
{
	struct bb_admission_facts f = nobody();
	struct tally t = { 0 };
	size_t i;

	for (f.max = BB_UNLIMITED; f.max <= 3; f.max++)
		for (f.count = 0; f.count <= 4; f.count++)
			for (f.evictable = 0; f.evictable <= f.count;
			     f.evictable++)
				all_api(f, &t);
	TAP_EQ_INT(t.wrong, 0, "all small numbers agree with the table");
	for (i = 0; i < BB_LEN(t.rows); i++)
		tap_ok(t.rows[i] > 0, "row %zu was met", i + 1);
	for (i = 0; i < BB_LEN(t.verdicts); i++)
		tap_ok(t.verdicts[i] > 0, "verdict %s was met",
		    bb_verdict_word((enum bb_verdict)i));
	tap_note("%lu cases", t.cases);
}

int
main(void)
{
	test_blocked();
	test_replace();
	test_below_max();
	test_evict();
	test_busy();
	test_unset();
	test_api();
	test_words();
	test_all();
	return tap_done();
}
