/* Admission through the configuration store: every row of the table, and what
 * it does to sessions. */
#include "configdb_gateway.h"

#include "base/cc.h"

#define IDLE 120000

static bool
mine_is(uint32_t pin)
{
	return gw_out.mine_len == 1 && gw_out.mine[0] == pin;
}

static bool
has_session(uint32_t pin)
{
	struct bb_session_row row;

	return bb_session_get(gw, pin, gw_now, &row) == BB_DB_OK;
}

static void
test_blocked(void)
{
	struct bb_admit q;
	int64_t me;

	gw_begin("blocked.db");
	me = gw_owner();
	(void)bb_user_block(gw, "u1", true);
	TAP_EQ_STR(gw_login(me, 1), "denied", "a blocked user is denied");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_BLOCKED, "by the first row");
	TAP_EQ_STR(gw_out.reason, "the user is blocked", "for that reason");
	(void)bb_user_block(gw, "u1", false);
	(void)bb_service_block(gw, "im", true);
	TAP_EQ_STR(gw_login(me, 1), "denied", "a blocked service is denied");
	TAP_EQ_STR(gw_out.reason, "the service is blocked", "for that reason");
	(void)bb_service_block(gw, "im", false);
	q = gw_request(me, 1);
	q.account = "u2";
	(void)gw_admit(&q);
	TAP_EQ_INT(gw_out.decision.verdict, BB_NOT_PERMITTED,
	    "another user's account is denied");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_BLOCKED, "by the first row");
	tap_ok(rig_says(gw_out.reason, "is not this user's"),
	    "for that reason");
	(void)bb_permission_remove(gw, "u1", "im");
	(void)bb_permission_add(gw, "u1", "im", "one");
	q.account = "one";
	(void)gw_admit(&q);
	TAP_EQ_INT(gw_out.decision.verdict, BB_ADMITTED,
	    "the permission's account is admitted");
	q = gw_request(me, 1);
	q.account = "u1";
	(void)gw_admit(&q);
	TAP_EQ_INT(gw_out.decision.verdict, BB_NOT_PERMITTED,
	    "and then the user's own name is another account");
	q.service = "nowhere";
	TAP_EQ_INT(gw_admit(&q), BB_DB_NONE, "no service, no verdict");
	TAP_EQ_STR(bb_db_why(gw), "no such service", "but a reason");
	gw_end();
}

static void
test_replace(void)
{
	struct bb_session_row row;
	uint64_t first;
	int64_t me, term;

	gw_begin("replace.db");
	me = gw_owner();
	TAP_EQ_STR(gw_login(me, 1), "admitted", "a first login is admitted");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_UNSET, "as no maximum is set");
	first = gw_out.session;
	term = gw_out.term;
	gw_limit(BB_LIMIT_MAX_SESSIONS, 1);
	TAP_EQ_STR(gw_login(me, 1), "replaced",
	    "at the maximum the device's own session is replaced");
	tap_ok(gw_out.session != first && gw_out.session != 0,
	    "the session has another id");
	tap_ok(gw_out.term > term, "and a later term");
	tap_ok(mine_is(1), "the process is told to log the old one out");
	TAP_EQ_STR(gw_out.ended, "replaced", "the device hears what happened");
	TAP_EQ_INT(gw_open("im"), 1, "there is still one session");
	(void)bb_session_get(gw, 1, gw_now, &row);
	TAP_EQ_STR(row.state, "provisional", "which is provisional");
	tap_ok(row.coverage && row.owner == me && row.link == 77,
	    "and as was asked for");
	TAP_EQ_STR(gw_login(gw_owner(), 1), "replaced",
	    "also when another process does it");
	TAP_EQ_INT(gw_out.mine_len, 0, "which has nothing to log out then");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 0);
	TAP_EQ_STR(gw_login(me, 1), "replaced", "also when nobody may come in");
	(void)bb_permission_remove(gw, "u1", "im");
	TAP_EQ_STR(gw_login(me, 1), "denied", "not without the permission");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_REPLACE, "by the same row");
	TAP_EQ_INT(gw_open("im"), 1, "and the old one stands");
	gw_end();
}

static void
test_below_max(void)
{
	int64_t me;

	gw_begin("below.db");
	me = gw_owner();
	gw_limit(BB_LIMIT_MAX_SESSIONS, 2);
	(void)bb_permission_remove(gw, "u3", "im");
	TAP_EQ_STR(gw_login(me, 1), "admitted", "the first of two slots");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_BELOW_MAX, "is below");
	TAP_EQ_STR(gw_login(me, 3), "denied", "without permission none is had");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_BELOW_MAX, "by the same row");
	TAP_EQ_STR(gw_out.reason, "the user has no permission for this service",
	    "for that reason");
	TAP_EQ_STR(gw_login(me, 2), "admitted", "the second");
	TAP_EQ_STR(gw_login(me, 4), "busy", "there is no third");
	TAP_EQ_STR(gw_login(me, 3), "busy",
	    "who has no permission hears the same");
	TAP_EQ_STR(gw_login(me, 77), "busy", "who is unknown too");
	TAP_EQ_INT(gw_open("im"), 2, "two are open");
	gw_end();
}

static void
test_evict(void)
{
	struct bb_fence f;
	int64_t me;

	gw_begin("evict.db");
	me = gw_owner();
	gw_limit(BB_LIMIT_MAX_SESSIONS, 2);
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, IDLE);
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	(void)bb_session_alive(gw, &f, false, gw_now, gw_now);
	(void)gw_login(me, 2);
	(void)bb_permission_remove(gw, "u3", "im");
	TAP_EQ_STR(gw_login(me, 3), "denied",
	    "without permission nobody is logged out");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_EVICT,
	    "though there would be room");
	tap_ok(has_session(1), "the idle session stands");
	TAP_EQ_STR(gw_login(me, 4), "admitted",
	    "a session out of coverage makes room");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_EVICT, "by eviction");
	TAP_EQ_INT(gw_out.evicted, 1, "of one");
	tap_ok(mine_is(1), "which the process has to log out");
	TAP_EQ_STR(gw_out.reason,
	    "2 of at most 2 sessions are open, 1 idle: logged out",
	    "the reason counts");
	TAP_EQ_STR(gw_ended(1), "evicted", "the device is told on its return");
	TAP_EQ_INT(bb_session_alive(gw, &f, true, gw_now, -1), BB_DB_FENCED,
	    "the evicted session's owner is fenced");
	TAP_EQ_INT(gw_open("im"), 2, "two are open again");
	gw_now += IDLE;
	TAP_EQ_STR(gw_login(me, 5), "busy",
	    "silence of just the idle-timeout is not too long");
	TAP_EQ_INT(gw_out.decision.retry_after_ms, 1, "but almost");
	gw_now++;
	TAP_EQ_STR(gw_login(me, 5), "admitted", "a moment later it is");
	TAP_EQ_INT(gw_out.evicted, 2, "all that were silent are out");
	TAP_EQ_INT(gw_open("im"), 1, "one is open");
	gw_end();
}

static void
test_busy(void)
{
	struct bb_fence f;
	int64_t me;
	uint32_t i;

	gw_begin("busy.db");
	me = gw_owner();
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, IDLE);
	for (i = 1; i <= 4; i++) {
		(void)gw_login(me, i);
		gw_now += 1000;
	}
	gw_limit(BB_LIMIT_MAX_SESSIONS, 4);
	TAP_EQ_STR(gw_login(me, 5), "busy", "nobody idle: busy");
	TAP_EQ_INT(gw_out.decision.retry_after_ms, IDLE - 4000 + 1,
	    "until the first could be");
	TAP_EQ_STR(gw_out.reason, "4 of at most 4 sessions are open, none idle",
	    "the reason counts");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 2);
	(void)gw_login(me, 4);
	f = gw_fence(me, 4);
	(void)bb_session_alive(gw, &f, false, gw_now, -1);
	(void)bb_permission_remove(gw, "u6", "im");
	TAP_EQ_STR(gw_login(me, 6), "busy", "too few idle: busy");
	TAP_EQ_INT(gw_out.evicted, 0, "without permission nobody is out");
	TAP_EQ_STR(gw_login(me, 5), "busy", "with permission busy too");
	TAP_EQ_INT(gw_out.evicted, 1, "but the idle one is out");
	TAP_EQ_STR(gw_out.reason, "4 of at most 2 sessions are open, 1 idle",
	    "the reason counts");
	TAP_EQ_INT(gw_open("im"), 3, "three are left");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 0);
	gw_now += 2 * IDLE;
	TAP_EQ_STR(gw_login(me, 5), "busy", "a maximum of 0 is always busy");
	TAP_EQ_INT(gw_open("im"), 0, "and lets all idle ones go");
	TAP_EQ_STR(gw_login(me, 5), "busy", "and stays so");
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, BB_LIMIT_UNSET);
	TAP_EQ_STR(gw_login(me, 5), "busy", "also without an idle-timeout");
	TAP_EQ_INT(gw_out.decision.retry_after_ms, BB_UNLIMITED,
	    "then no time is told");
	gw_end();
}

static void
test_api(void)
{
	struct bb_fence f;
	int64_t me, other;

	gw_begin("api.db");
	me = gw_owner();
	other = gw_owner();
	TAP_EQ_INT(bb_owner_serves(gw, me, "im", 2), BB_DB_OK,
	    "a process carries two sessions");
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	(void)gw_login(me, 2);
	TAP_EQ_STR(gw_login(me, 3), "failed", "its third is Failed");
	TAP_EQ_INT(gw_out.decision.row, BB_ROW_API, "by the API");
	tap_ok(rig_says(gw_out.reason, "carries 2 sessions of this process and "
				       "2 are open"),
	    "the reason counts");
	TAP_EQ_STR(gw_login(other, 3), "admitted",
	    "another process has its own");
	TAP_EQ_STR(gw_login(me, 2), "replaced", "what is there is replaced");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 9);
	TAP_EQ_STR(gw_login(me, 4), "failed", "below a maximum as well");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 3);
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, IDLE);
	(void)bb_session_alive(gw, &f, false, gw_now, -1);
	TAP_EQ_STR(gw_login(me, 4), "admitted",
	    "at the maximum eviction makes room for the API too");
	f = (struct bb_fence){ 3, other, 0 };
	f.term = rig_query("api.db", "SELECT term FROM session WHERE pin = 3");
	(void)bb_session_alive(gw, &f, false, gw_now, -1);
	TAP_EQ_STR(gw_login(me, 5), "failed",
	    "evicting another process's session does not");
	TAP_EQ_INT(gw_out.evicted, 1, "it is out all the same");
	TAP_EQ_INT(gw_out.mine_len, 0, "and its owner will notice");
	(void)bb_owner_serves(gw, me, "im", BB_UNLIMITED);
	TAP_EQ_STR(gw_login(me, 5), "admitted", "an API may have no bound");
	gw_limit(BB_LIMIT_API_MAX, 1);
	gw_limit(BB_LIMIT_MAX_SESSIONS, BB_LIMIT_UNSET);
	TAP_EQ_STR(gw_login(me, 6), "failed", "or the store may set one");
	TAP_EQ_STR(gw_login(other, 6), "admitted", "for each process");
	gw_end();
}

static void
test_moved(void)
{
	struct bb_admit q;
	int64_t me;

	gw_begin("moved.db");
	me = gw_owner();
	(void)gw_login(me, 1);
	q = gw_request(me, 1);
	q.service = "im2";
	(void)gw_admit(&q);
	TAP_EQ_INT(gw_out.decision.verdict, BB_ADMITTED,
	    "a device logs in at another service");
	TAP_EQ_INT(gw_open("im"), 0, "its session at the first is ended");
	TAP_EQ_INT(gw_open("im2"), 1, "there is one at the second");
	tap_ok(mine_is(1), "the process has to log the first out");
	TAP_EQ_STR(gw_out.ended, "moved", "the device hears what happened");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 0);
	TAP_EQ_STR(gw_login(me, 1), "busy", "a login that is refused");
	TAP_EQ_INT(gw_open("im2"), 1, "ends nothing");
	gw_end();
}

static bool
same_verdict(int64_t owner, uint32_t pin, const char *word)
{
	struct bb_admitted a;
	int64_t before = rig_query("explain.db",
	    "SELECT count(*) + total(ended <> '') FROM session, numbering");
	bool same;

	same = bb_admit_explain(gw, gw_user(pin), "im", NULL, pin, owner,
		   gw_now, &a) == BB_DB_OK &&
	       strcmp(bb_verdict_word(a.decision.verdict), word) == 0;
	if (!same)
		tap_note("explained: %s, %s",
		    bb_verdict_word(a.decision.verdict), a.reason);
	same = same && before == rig_query("explain.db",
				     "SELECT count(*) + total(ended <> '') "
				     "FROM session, numbering");
	return same && strcmp(gw_login(owner, pin), word) == 0 &&
	       strcmp(a.reason, gw_out.reason) == 0;
}

static void
test_explain(void)
{
	struct bb_admitted a;
	struct bb_fence f;
	int64_t me;

	gw_begin("explain.db");
	me = gw_owner();
	gw_limit(BB_LIMIT_MAX_SESSIONS, 1);
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, IDLE);
	tap_ok(same_verdict(me, 1, "admitted"),
	    "explaining says what admission says: admitted");
	f = gw_fence(me, 1);
	tap_ok(same_verdict(me, 2, "busy"), "busy");
	(void)bb_session_alive(gw, &f, false, gw_now, -1);
	tap_ok(same_verdict(me, 2, "admitted"), "admitted by eviction");
	tap_ok(same_verdict(me, 2, "replaced"), "replaced");
	tap_ok(same_verdict(me, 77, "busy"), "an unknown user is told busy");
	TAP_EQ_INT(bb_admit_explain(gw, "u3", "im", NULL, 0, 0, gw_now, &a),
	    BB_DB_OK, "some device and no process are explained");
	TAP_EQ_INT(a.decision.verdict, BB_SERVER_BUSY, "with a verdict");
	TAP_EQ_INT(a.facts.api_max, BB_UNLIMITED, "no API stands in the way");
	TAP_EQ_INT(bb_admit_explain(gw, "u3", "x", NULL, 0, 0, gw_now, &a),
	    BB_DB_NONE, "no service, no explanation");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 9);
	(void)bb_admit_explain(gw, "u3", "im", "u4", 0, 0, gw_now, &a);
	TAP_EQ_INT(a.decision.row, BB_ROW_BLOCKED, "an account is explained");
	tap_ok(!bb_db_in_transaction(gw), "and no transaction is left open");
	gw_end();
}

/* A caller's transaction takes several admissions or none. */
static void
test_joined(void)
{
	struct bb_admit q;
	int64_t me;

	gw_begin("joined.db");
	me = gw_owner();
	gw_limit(BB_LIMIT_MAX_SESSIONS, 2);
	(void)bb_db_begin(gw, false);
	TAP_EQ_STR(gw_login(me, 1), "admitted", "a login in a transaction");
	q = gw_request(me, 2);
	q.service = "nowhere";
	TAP_EQ_INT(gw_admit(&q), BB_DB_NONE, "one without a service");
	TAP_EQ_STR(gw_login(me, 3), "admitted", "another login");
	TAP_EQ_STR(gw_login(me, 4), "busy", "and one too many");
	TAP_EQ_INT(bb_db_commit(gw), BB_DB_OK, "are committed together");
	TAP_EQ_INT(gw_open("im"), 2, "two sessions are open");
	(void)bb_db_begin(gw, false);
	(void)gw_login(me, 1);
	bb_db_rollback(gw);
	TAP_EQ_INT(gw_open("im"), 2, "a rollback undoes an admission");
	q = gw_request(9999, 5);
	TAP_EQ_INT(gw_admit(&q), BB_DB_FENCED,
	    "a process that is not registered is fenced");
	gw_end();
}

int
main(void)
{
	rig_begin();
	test_blocked();
	test_replace();
	test_below_max();
	test_evict();
	test_busy();
	test_api();
	test_moved();
	test_explain();
	test_joined();
	rig_end();
	return tap_done();
}
