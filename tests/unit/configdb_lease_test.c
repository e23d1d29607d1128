/* Leases: sessions of processes that were killed, taken over, or stand still;
 * the fence; the counters. */
#include <signal.h>
#include <sys/wait.h>

#include "configdb/spool.h"
#include "configdb_gateway.h"

#include "base/cc.h"

#define IDLE 120000
#define GRACE 30000

/* A process that logs in the PINs first..last and is killed at once. */
static void
killed_owner(const char *store, uint32_t first, uint32_t last)
{
	uint32_t pin;
	int64_t owner;
	pid_t pid;
	int status = 0;

	bb_db_close(gw);
	pid = fork();
	if (pid == 0) {
		gw = rig_open(BB_CONFIG_STORE, store, BB_DB_EXISTING);
		owner = gw_owner();
		for (pin = first; pin <= last; pin++)
			(void)gw_login(owner, pin);
		(void)raise(SIGKILL);
	}
	(void)waitpid(pid, &status, 0);
	gw = rig_open(BB_CONFIG_STORE, store, BB_DB_EXISTING);
}

static void
test_dead(void)
{
	struct bb_session_row row;
	int64_t me;

	gw_begin("dead.db");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 2);
	killed_owner("dead.db", 1, 2);
	me = gw_owner();
	TAP_EQ_INT(gw_open("im"), 2, "sessions of a killed process stay open");
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(!row.owner_alive, "and are shown as nobody's");
	tap_ok(!row.evictable, "without an idle-timeout nobody is evictable");
	TAP_EQ_STR(gw_login(me, 3), "busy", "so they hold their slots");
	gw_now += GRACE - 1;
	TAP_EQ_STR(gw_login(me, 3), "busy", "until the grace has passed");
	gw_now += 1;
	TAP_EQ_STR(gw_login(me, 3), "admitted", "then they are freed");
	TAP_EQ_INT(gw_open("im"), 1, "both of them");
	TAP_EQ_STR(gw_ended(2), "lost", "and their devices will hear lost");
	TAP_EQ_INT(rig_query("dead.db", "SELECT count(*) FROM owner"), 1,
	    "the dead process is forgotten");
	gw_end();
}

static void
test_dead_evictable(void)
{
	struct bb_session_row row;
	struct bb_admitted a;
	int64_t me;

	gw_begin("evictable.db");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 2);
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, IDLE);
	killed_owner("evictable.db", 1, 2);
	me = gw_owner();
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(row.evictable,
	    "a killed process's session is evictable at once");
	TAP_EQ_STR(gw_login(me, 3), "admitted", "and gives way to a login");
	TAP_EQ_INT(gw_out.evicted, 2, "with all that are");
	TAP_EQ_STR(gw_ended(1), "evicted", "and is told so");
	killed_owner("evictable.db", 4, 4);
	(void)bb_admit_explain(gw, "u5", "im", NULL, 5, 0, gw_now, &a);
	TAP_EQ_INT(a.decision.row, BB_ROW_EVICT,
	    "explaining counts it as evictable");
	(void)bb_admit_explain(gw, "u5", "im", NULL, 5, 0, gw_now + GRACE, &a);
	TAP_EQ_INT(a.decision.row, BB_ROW_BELOW_MAX,
	    "and after the grace not at all");
	TAP_EQ_INT(a.facts.count, 1, "but the living ones");
	(void)bb_admit_explain(gw, "u4", "im", NULL, 4, 0, gw_now, &a);
	TAP_EQ_INT(a.decision.row, BB_ROW_REPLACE,
	    "its own device would replace it");
	gw_end();
}

static void
test_small_grace(void)
{
	gw_begin("grace.db");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 1);
	gw_limit(BB_LIMIT_LEASE_GRACE, 0);
	killed_owner("grace.db", 1, 1);
	TAP_EQ_STR(gw_login(gw_owner(), 2), "admitted",
	    "with a grace of 0 a dead process's slot is free at once");
	gw_end();
}

/* Owner rows of other boots, hosts and processes, put in by hand. */
static void
test_identity(void)
{
	int64_t me;

	gw_begin("identity.db");
	gw_limit(BB_LIMIT_MAX_SESSIONS, 1);
	me = gw_owner();
	(void)gw_login(me, 1);
	gw_now += 10 * GRACE;
	TAP_EQ_STR(gw_login(gw_owner(), 2), "busy",
	    "a process that lives keeps its sessions though it says nothing");
	(void)rig_exec("identity.db", "UPDATE owner SET start = start + 1"
				      " WHERE id = 1");
	TAP_EQ_STR(gw_login(gw_owner(), 2), "admitted",
	    "its number given to another process keeps nothing");
	(void)rig_exec("identity.db", "UPDATE owner SET boot = 'other', "
				      "seen = 9000000000000");
	TAP_EQ_STR(gw_login(gw_owner(), 3), "admitted",
	    "nor does a process of an earlier boot, whatever it has seen");
	(void)rig_exec("identity.db", "UPDATE owner SET host = 'other'");
	TAP_EQ_STR(gw_login(gw_owner(), 4), "busy",
	    "a process in another container keeps its sessions");
	gw_now += GRACE;
	TAP_EQ_STR(gw_login(gw_owner(), 4), "admitted",
	    "as long as it gives signs of life");
	gw_end();
}

static void
test_owner(void)
{
	int64_t me, other;

	gw_begin("owner.db");
	me = gw_owner();
	other = gw_owner();
	tap_ok(me > 0 && other > me,
	    "each registration is an owner of its own");
	(void)gw_login(me, 1);
	(void)gw_login(me, 2);
	(void)gw_login(other, 3);
	TAP_EQ_INT(bb_owner_seen(gw, me, gw_now + 5), BB_DB_OK,
	    "an owner gives a sign of life");
	TAP_EQ_INT(rig_query("owner.db", "SELECT seen FROM owner WHERE id = 1"),
	    gw_now + 5, "which is noted");
	TAP_EQ_INT(bb_owner_release(gw, me, "shutdown"), BB_DB_OK,
	    "an owner leaves");
	TAP_EQ_INT(gw_open("im"), 1, "its sessions are ended");
	TAP_EQ_STR(gw_ended(2), "shutdown", "for the reason it gave");
	TAP_EQ_INT(bb_owner_seen(gw, me, gw_now), BB_DB_FENCED,
	    "and it is no owner any more");
	TAP_EQ_INT(bb_owner_release(gw, me, "again"), BB_DB_OK,
	    "leaving again is fine");
	gw_end();
}

static void
test_fence(void)
{
	struct bb_session_row row;
	struct bb_fence f, wrong;
	struct bb_db *other;
	int64_t me;
	size_t n;

	gw_begin("fence.db");
	me = gw_owner();
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	wrong = f;
	wrong.term++;
	TAP_EQ_INT(bb_session_alive(gw, &wrong, false, 1, 1), BB_DB_FENCED,
	    "another term writes nothing");
	TAP_EQ_INT(bb_session_state(gw, &f, "live", 5, 6), BB_DB_OK,
	    "the right one writes the state");
	TAP_EQ_INT(bb_session_alive(gw, &f, false, gw_now + 7, -1), BB_DB_OK,
	    "and the sign of life");
	TAP_EQ_INT(bb_session_cache(gw, &f, "alice@im.example", NULL), BB_DB_OK,
	    "and what the server said");
	TAP_EQ_INT(bb_session_presence(gw, &f, "away", "at lunch"), BB_DB_OK,
	    "and the presence");
	TAP_EQ_INT(bb_session_up_next(gw, &f, 12), BB_DB_OK,
	    "and the next number");
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(strcmp(row.state, "live") == 0 && row.att == 5 && row.link == 6,
	    "the state is there");
	tap_ok(!row.coverage && row.last_status_ms == gw_now + 7 &&
		   row.last_active_ms == gw_now,
	    "a status message is no activity");
	TAP_EQ_STR(row.backend, "alice@im.example", "the handle is there");
	TAP_EQ_STR(row.status, "at lunch", "the presence is there");
	TAP_EQ_UINT(row.up_next, 12, "the number is there");
	TAP_EQ_INT(bb_session_state(gw, &f, "asleep", 5, 6), BB_DB_REFUSED,
	    "a state that is none is refused");
	other = rig_open(BB_CONFIG_STORE, "fence.db", BB_DB_EXISTING);
	TAP_EQ_INT(bb_session_kill(other, 1, "killed"), BB_DB_OK,
	    "somebody else ends the session");
	bb_db_close(other);
	TAP_EQ_INT(bb_session_alive(gw, &f, true, 1, 1), BB_DB_FENCED,
	    "then its owner's sign of life is fenced");
	TAP_EQ_INT(bb_session_offer(gw, &f, 9, 9), BB_DB_FENCED, "its offers");
	TAP_EQ_INT(bb_session_up_next(gw, &f, 99), BB_DB_FENCED, "its numbers");
	TAP_EQ_INT(rig_query("fence.db", "SELECT up_next FROM numbering"), 12,
	    "which stay as they were");
	TAP_EQ_INT(bb_inbox_take(gw, &f, 0, &n), BB_DB_FENCED, "its spool");
	TAP_EQ_INT(bb_session_end(gw, &f, "x"), BB_DB_FENCED, "and its end");
	TAP_EQ_STR(gw_ended(1), "killed", "which was another");
	TAP_EQ_INT(bb_session_kill(gw, 1, "x"), BB_DB_NONE,
	    "a session is killed once");
	gw_end();
}

static void
test_end(void)
{
	struct bb_fence f;
	int64_t me, term;

	gw_begin("end.db");
	me = gw_owner();
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	term = gw_out.term;
	TAP_EQ_STR(gw_out.ended, "", "a first login has no history");
	TAP_EQ_INT(bb_session_end(gw, &f, "logout"), BB_DB_OK,
	    "a session ends");
	TAP_EQ_INT(gw_open("im"), 0, "and is gone");
	(void)gw_login(me, 1);
	TAP_EQ_STR(gw_out.ended, "logout", "the next login hears why");
	tap_ok(gw_out.term > term, "its term is later");
	f = gw_fence(me, 1);
	(void)bb_session_end(gw, &f, "a reason that is longer than ended is");
	(void)gw_login(me, 1);
	TAP_EQ_STR(gw_out.ended, "a reason that is longer than en",
	    "a long reason is cut");
	gw_end();
}

/* Random sessions of two processes at two services; the counters must say what
 * counting says. */
static void
test_counters(void)
{
	int64_t owners[2];
	struct bb_admit q;
	unsigned i, at, state = 12345, wrong = 0;
	int64_t is;

	gw_begin("counters.db");
	owners[0] = gw_owner();
	owners[1] = gw_owner();
	gw_limit(BB_LIMIT_MAX_SESSIONS, 5);
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, IDLE);
	for (i = 0; i < 400; i++) {
		state = state * 1103515245U + 12345U;
		at = (state >> 16) & 0xffff;
		gw_now += at % 7919;
		q = gw_request(owners[at & 1], 1 + (at >> 1) % 9);
		if ((at & 256) != 0)
			q.service = "im2";
		if (at % 11 == 0)
			(void)bb_session_kill(gw, q.pin, "killed");
		else if (at % 97 == 0)
			(void)bb_owner_release(gw, q.owner, "left");
		else
			(void)gw_admit(&q);
		if (at % 97 == 0)
			owners[at & 1] = gw_owner();
		is = rig_query("counters.db", "SELECT count(*) FROM session"
					      " WHERE service = 'im'");
		wrong += gw_open("im") != is || is > 5;
		wrong += bb_db_check(gw) != BB_DB_OK;
	}
	TAP_EQ_INT(wrong, 0,
	    "the counters say what counting says, never above the maximum");
	gw_end();
}

int
main(void)
{
	rig_begin();
	test_dead();
	test_dead_evictable();
	test_small_grace();
	test_identity();
	test_owner();
	test_fence();
	test_end();
	test_counters();
	rig_end();
	return tap_done();
}
