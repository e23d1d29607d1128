/* What processes leave to each other: adoption, what is new in the inbox, who
 * has to be told of what. */
#include <signal.h>
#include <sys/wait.h>

#include "configdb/spool.h"
#include "configdb_gateway.h"

#include "base/cc.h"

static uint32_t found[8];
static size_t found_len;

static bool
note_pin(void *ctx, uint32_t pin)
{
	(void)ctx;
	if (found_len < BB_LEN(found))
		found[found_len++] = pin;
	return true;
}

static bool
note_fence(void *ctx, const struct bb_fence *fence)
{
	*(struct bb_fence *)ctx = *fence;
	return note_pin(NULL, fence->pin);
}

static size_t
news(int64_t owner, int64_t *mark)
{
	found_len = 0;
	(void)bb_inbox_news(gw, owner, mark, note_pin, NULL);
	return found_len;
}

static struct bb_fence
log_in(int64_t owner, uint32_t pin)
{
	struct bb_fence f;

	(void)gw_login(owner, pin);
	f = gw_fence(owner, pin);
	(void)bb_session_cache(gw, &f, gw_user(pin), "");
	return f;
}

/* In another process, which is killed: PIN 1 and 2 are logged in, 3 was still
 * logging in, 4 is at a service of another type. */
static void
leave_dead(const char *file, struct bb_fence *first)
{
	int pipes[2] = { -1, -1 }, status = 0;
	struct bb_fence f;
	struct bb_admit q;
	int64_t owner;
	pid_t pid;

	bb_db_close(gw);
	if (pipe(pipes) == -1 || (pid = fork()) == -1) {
		tap_ok(false, "a second process is there");
		return;
	}
	gw = rig_open(BB_CONFIG_STORE, file, BB_DB_EXISTING);
	if (pid == 0) {
		owner = gw_owner();
		*first = log_in(owner, 1);
		(void)log_in(owner, 2);
		(void)gw_login(owner, 3);
		q = gw_request(owner, 4);
		q.service = "far";
		(void)gw_admit(&q);
		f = gw_fence(owner, 4);
		(void)bb_session_cache(gw, &f, "u4", "");
		(void)!write(pipes[1], first, sizeof(*first));
		(void)raise(SIGKILL);
	}
	(void)!read(pipes[0], first, sizeof(*first));
	(void)waitpid(pid, &status, 0);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void
world(const char *file)
{
	gw_begin(file);
	(void)bb_service_add(gw, "far", "xmpp", "", 0);
	(void)bb_permission_add(gw, gw_user(4), "far", NULL);
}

static void
test_adopt(void)
{
	struct bb_session_row row;
	struct bb_fence old = { 0 };
	char ended[BB_ENDED_MAX];
	int64_t me, count = -1;

	world("adopt.db");
	leave_dead("adopt.db", &old);
	me = gw_owner();
	TAP_EQ_INT(bb_owner_adopt(gw, me, "local", gw_now + 1000, &count),
	    BB_DB_OK, "what a killed process left is adopted");
	TAP_EQ_INT(count, 2, "as far as the IM server had accepted it");
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(row.owner == me && row.term > old.term, "in a later term");
	TAP_EQ_STR(row.state, "detached", "detached");
	tap_ok(row.coverage, "with the coverage that it had");
	TAP_EQ_UINT(row.link, 77, "and the link");
	TAP_EQ_INT(bb_session_alive(gw, &old, true, 1, 1), BB_DB_FENCED,
	    "the former owner's fence is closed");
	TAP_EQ_INT(bb_session_get(gw, 3, gw_now, &row), BB_DB_NONE,
	    "one that was logging in has ended");
	TAP_EQ_STR(gw_ended(3), "lost", "and its device will be told");
	(void)bb_session_get(gw, 4, gw_now, &row);
	tap_ok(row.owner != me, "another type's session is not touched");
	TAP_EQ_INT(gw_open("im"), 2, "the slots are kept");
	TAP_EQ_INT(bb_owner_open(gw, me, &count), BB_DB_OK, "the new owner");
	TAP_EQ_INT(count, 2, "has two");
	TAP_EQ_INT(bb_session_check(gw, &old, ended), BB_DB_FENCED,
	    "asked, the fence says so too");
	TAP_EQ_STR(ended, "", "and that the session goes on");
	TAP_EQ_INT(bb_owner_adopt(gw, me, "local", gw_now, &count), BB_DB_OK,
	    "adopting again");
	TAP_EQ_INT(count, 0, "finds nothing");
	gw_end();
}

static void
test_adopt_late(void)
{
	struct bb_fence old = { 0 };
	int64_t me, count = -1;

	world("late.db");
	leave_dead("late.db", &old);
	me = gw_owner();
	(void)bb_owner_adopt(gw, me, "local", gw_now + 30000, &count);
	TAP_EQ_INT(count, 0, "after the lease-grace nothing is adopted");
	gw_limit(BB_LIMIT_LEASE_GRACE, 60000);
	(void)bb_owner_adopt(gw, me, "local", gw_now + 30000, &count);
	TAP_EQ_INT(count, 2, "unless the service has a longer one");
	gw_end();
}

static void
test_adopt_living(void)
{
	struct bb_session_row row;
	struct bb_fence f;
	int64_t me, other, count = -1;

	gw_begin("living.db");
	me = gw_owner();
	other = gw_owner();
	f = log_in(other, 1);
	(void)bb_owner_adopt(gw, me, "local", gw_now, &count);
	TAP_EQ_INT(count, 0, "what a living process has is not adopted");
	TAP_EQ_INT(bb_session_state(gw, &f, "live", 5, 78), BB_DB_OK,
	    "it goes on");
	TAP_EQ_INT(bb_owner_leave(gw, other, gw_now + 5), BB_DB_OK,
	    "a process that ends leaves its sessions");
	(void)bb_session_get(gw, 1, gw_now, &row);
	TAP_EQ_STR(row.state, "detached", "detached");
	TAP_EQ_INT(row.owner, other, "under its name");
	TAP_EQ_INT(bb_owner_open(gw, 999, &count), BB_DB_NONE,
	    "a forgotten owner has no count");
	gw_end();
}

static void
test_check(void)
{
	char ended[BB_ENDED_MAX] = "x";
	struct bb_fence f;
	int64_t me;

	gw_begin("check.db");
	me = gw_owner();
	f = log_in(me, 1);
	TAP_EQ_INT(bb_session_check(gw, &f, ended), BB_DB_OK,
	    "a session that is ours is so");
	(void)bb_session_kill(gw, 1, "killed");
	TAP_EQ_INT(bb_session_check(gw, &f, ended), BB_DB_FENCED,
	    "one that was killed is not");
	TAP_EQ_STR(ended, "killed", "and it is said why");
	gw_end();
}

static void
test_inactive(void)
{
	struct bb_fence f, g = { 0 };
	int64_t me;

	gw_begin("inactive.db");
	me = gw_owner();
	f = log_in(me, 1);
	found_len = 0;
	(void)bb_session_inactive(gw, me, gw_now + 600001, note_fence, &g);
	TAP_EQ_INT(found_len, 0, "without inactivity-timeout none is silent");
	gw_limit(BB_LIMIT_INACTIVITY_TIMEOUT, 600000);
	(void)bb_session_inactive(gw, me, gw_now + 600000, note_fence, &g);
	TAP_EQ_INT(found_len, 0, "nor at its end");
	(void)bb_session_inactive(gw, me, gw_now + 600001, note_fence, &g);
	TAP_EQ_INT(found_len, 1, "after it one is");
	tap_ok(g.pin == 1 && g.owner == me && g.term == f.term,
	    "named by its fence");
	(void)bb_session_inactive(gw, me + 1, gw_now + 600001, note_fence, &g);
	TAP_EQ_INT(found_len, 1, "for its owner alone");
	gw_end();
}

static enum bb_db_result
deliver(int64_t owner, const char *account, struct bb_others *others)
{
	struct bb_delivery d = { .owner = owner,
		.service = "im",
		.account = account,
		.body = "{}",
		.body_len = 2,
		.now_s = 1000,
		.others = others };

	return bb_spool_deliver(gw, &d);
}

static void
test_news(void)
{
	struct bb_others others = { 0 };
	int64_t me, other, mark = 0, theirs = 0;
	struct bb_fence f;
	size_t moved;

	gw_begin("news.db");
	me = gw_owner();
	other = gw_owner();
	f = log_in(me, 1);
	(void)log_in(other, 2);
	TAP_EQ_INT(news(me, &mark), 0, "in an empty inbox nothing is new");
	(void)deliver(other, "u1", &others);
	TAP_EQ_INT(others.len, 1, "who delivers learns whom to wake");
	tap_ok(others.at[0].pin == 1 && others.at[0].owner == me,
	    "by PIN and owner");
	(void)deliver(other, "u2", &others);
	(void)deliver(other, "u3", &others);
	TAP_EQ_INT(others.len, 1,
	    "not himself, and nobody for an account without a session");
	TAP_EQ_INT(news(me, &mark), 1, "the owner finds what is new");
	TAP_EQ_UINT(found[0], 1, "for which device");
	TAP_EQ_INT(news(me, &mark), 0, "once");
	TAP_EQ_INT(news(other, &theirs), 0, "another owner does not");
	(void)bb_inbox_take(gw, &f, 1000, &moved);
	TAP_EQ_INT(moved, 1, "what it takes");
	(void)deliver(other, "u1", &others);
	(void)deliver(other, "u1", NULL);
	TAP_EQ_INT(news(me, &mark), 1, "it is told of later ones again");
	(void)bb_inbox_mark(gw, &theirs);
	TAP_EQ_INT(theirs, mark, "who begins now begins here");
	bb_others_clear(&others);
	gw_end();
}

/* What comes for the account alone: u1 used another account meanwhile. */
static void
test_news_of_account(void)
{
	int64_t me, other, mark = 0;
	struct bb_admit q;
	struct bb_fence f;
	size_t moved;

	gw_begin("account.db");
	me = gw_owner();
	other = gw_owner();
	(void)log_in(me, 1);
	(void)deliver(me, "u1", NULL);
	q = gw_request(other, 5);
	q.user = "u1";
	(void)gw_admit(&q);
	(void)news(me, &mark);
	/* PIN 1 moves to im2 and gives back what waits. */
	q = gw_request(me, 1);
	q.service = "im2";
	(void)gw_admit(&q);
	TAP_EQ_INT(news(other, &mark), 1,
	    "what is given back to an account is news for its other device");
	TAP_EQ_UINT(found[0], 5, "that one");
	f = gw_fence(me, 1);
	TAP_EQ_INT(bb_inbox_take(gw, &f, 1000, &moved), BB_DB_OK,
	    "the first one looks");
	TAP_EQ_INT(moved, 0, "and has nothing to take");
	gw_end();
}

static void
test_others_of_admission(void)
{
	int64_t me, other;

	gw_begin("others.db");
	me = gw_owner();
	other = gw_owner();
	gw_limit(BB_LIMIT_MAX_SESSIONS, 2);
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, 120000);
	(void)log_in(other, 1);
	(void)log_in(me, 2);
	gw_now += 120001;
	TAP_EQ_STR(gw_login(me, 3), "admitted", "two idle sessions give way");
	TAP_EQ_INT(gw_out.mine_len, 1, "one of them is ours");
	TAP_EQ_INT(gw_out.others.len, 1, "the other another's");
	tap_ok(gw_out.others.at[0].pin == 1 &&
		   gw_out.others.at[0].owner == other,
	    "who is named");
	(void)gw_login(other, 3);
	TAP_EQ_INT(gw_out.others.len, 1,
	    "a login elsewhere names who held the session before");
	TAP_EQ_INT(gw_out.others.at[0].owner, me, "which is us");
	gw_end();
}

int
main(void)
{
	rig_begin();
	test_adopt();
	test_adopt_late();
	test_adopt_living();
	test_check();
	test_inactive();
	test_news();
	test_news_of_account();
	test_others_of_admission();
	rig_end();
	return tap_done();
}
