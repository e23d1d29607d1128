/* Resumes and numberings: what a device finds when it comes back. */
#include <signal.h>
#include <sys/wait.h>

#include "configdb/spool.h"
#include "configdb_gateway.h"

#include "base/cc.h"

static struct bb_resumed back;

static enum bb_db_result
come_back(int64_t owner, uint32_t pin, uint64_t session)
{
	struct bb_admit q = gw_request(owner, pin);

	return bb_resume(gw, &q, session, &back);
}

static void
test_resume(void)
{
	struct bb_session_row row;
	struct bb_fence held;
	struct bb_admit q;
	uint64_t id;
	int64_t me, other, term;

	gw_begin("resume.db");
	me = gw_owner();
	other = gw_owner();
	(void)gw_login(me, 1);
	id = gw_out.session;
	term = gw_out.term;
	gw_now += 500;
	TAP_EQ_INT(come_back(me, 1, id), BB_DB_OK, "a device resumes");
	TAP_EQ_STR(back.service, "im", "its session at the service");
	TAP_EQ_STR(back.account, "u1", "under its account");
	TAP_EQ_INT(back.term, term, "in the same term");
	TAP_EQ_UINT(back.up_next, 1, "with its numbers");
	(void)bb_session_get(gw, 1, gw_now, &row);
	TAP_EQ_STR(row.state, "provisional", "the session is provisional");
	TAP_EQ_INT(row.last_status_ms, gw_now, "and was heard of just now");
	TAP_EQ_INT(come_back(other, 1, id), BB_DB_NONE,
	    "what still logs in is resumed nowhere else");
	held = gw_fence(me, 1);
	(void)bb_session_cache(gw, &held, "u1", "");
	TAP_EQ_INT(come_back(other, 1, id), BB_DB_FENCED,
	    "not where another process holds it");
	q = gw_request(me, 1);
	q.service = "im2";
	TAP_EQ_INT(bb_resume(gw, &q, id, &back), BB_DB_NONE,
	    "and not at another service");
	TAP_EQ_INT(come_back(me, 1, id + 1), BB_DB_NONE,
	    "another id is no session");
	TAP_EQ_INT(come_back(me, 2, id), BB_DB_NONE, "another PIN has none");
	q = gw_request(me, 1);
	q.att = row.att;
	TAP_EQ_INT(bb_resume(gw, &q, id, &back), BB_DB_STALE,
	    "an attach number that was used is stale");
	q = gw_request(me, 1);
	q.user = "u2";
	TAP_EQ_INT(bb_resume(gw, &q, id, &back), BB_DB_NONE,
	    "another user resumes nothing");
	(void)bb_user_block(gw, "u1", true);
	TAP_EQ_INT(come_back(me, 1, id), BB_DB_NONE,
	    "nor does a user who was blocked");
	(void)bb_user_block(gw, "u1", false);
	(void)bb_session_kill(gw, 1, "evicted");
	TAP_EQ_INT(come_back(me, 1, id), BB_DB_NONE,
	    "a session that was ended is none");
	TAP_EQ_STR(back.ended, "evicted", "and the device is told why");
	TAP_EQ_INT(come_back(me, 1, id), BB_DB_NONE, "also the second time");
	TAP_EQ_STR(back.ended, "evicted", "until it logs in");
	(void)gw_login(me, 1);
	TAP_EQ_STR(gw_out.ended, "evicted", "which tells it");
	(void)come_back(me, 1, gw_out.session);
	TAP_EQ_STR(back.ended, "", "for the last time");
	gw_end();
}

static void
test_take_over(void)
{
	struct bb_session_row row;
	struct bb_fence old;
	int pipes[2] = { -1, -1 }, status = 0;
	uint64_t id = 0;
	int64_t me;
	pid_t pid;

	gw_begin("takeover.db");
	bb_db_close(gw);
	if (pipe(pipes) == -1 || (pid = fork()) == -1) {
		tap_ok(false, "a second process is there");
		return;
	}
	if (pid == 0) {
		gw = rig_open(BB_CONFIG_STORE, "takeover.db", BB_DB_EXISTING);
		(void)gw_login(gw_owner(), 1);
		old = gw_fence(1, 1);
		(void)bb_session_cache(gw, &old, "u1", "");
		(void)!write(pipes[1], &gw_out.session, sizeof(id));
		(void)!write(pipes[1], &old, sizeof(old));
		(void)raise(SIGKILL);
	}
	(void)!read(pipes[0], &id, sizeof(id));
	(void)!read(pipes[0], &old, sizeof(old));
	(void)waitpid(pid, &status, 0);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	gw = rig_open(BB_CONFIG_STORE, "takeover.db", BB_DB_EXISTING);
	me = gw_owner();
	gw_request(me, 1);
	TAP_EQ_INT(come_back(me, 1, id), BB_DB_OK,
	    "a session whose process was killed is taken over");
	tap_ok(back.term > old.term, "in a later term");
	TAP_EQ_INT(back.from, old.owner, "from that process");
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(row.owner == me && row.owner_alive, "by the process that asked");
	TAP_EQ_INT(bb_session_alive(gw, &old, true, 1, 1), BB_DB_FENCED,
	    "the former owner's fence is closed");
	TAP_EQ_INT(gw_open("im"), 1, "it is the same one session");
	TAP_EQ_INT(come_back(9999, 1, id), BB_DB_FENCED,
	    "a process that is not registered takes nothing");
	gw_end();
}

static void
test_take_from_living(void)
{
	struct bb_fence old;
	struct bb_admit q;
	int64_t me, other;

	gw_begin("takeliving.db");
	me = gw_owner();
	other = gw_owner();
	(void)gw_login(me, 1);
	old = gw_fence(me, 1);
	(void)bb_session_cache(gw, &old, "u1", "");
	q = gw_request(other, 1);
	q.take_over = true;
	TAP_EQ_INT(bb_resume(gw, &q, gw_out.session, &back), BB_DB_OK,
	    "who asks for it takes a session from a process that lives");
	TAP_EQ_INT(back.from, me, "and learns from which");
	tap_ok(back.term > old.term, "it is a later term");
	TAP_EQ_INT(bb_session_up_next(gw, &old, 9), BB_DB_FENCED,
	    "the fence of the former owner is closed");
	q = gw_request(other, 1);
	q.take_over = true;
	TAP_EQ_INT(bb_resume(gw, &q, gw_out.session, &back), BB_DB_OK,
	    "the new owner resumes its own");
	TAP_EQ_INT(back.from, 0, "and takes it from nobody");
	gw_end();
}

/* --- Numberings ----------------------------------------------------------- */

static char waiting[256];

static bool
add_waiting(void *ctx, uint64_t n, const char *body, size_t len)
{
	size_t at = strlen(waiting);

	(void)ctx;
	(void)snprintf(waiting + at, sizeof(waiting) - at, "%s%u:%.*s",
	    at > 0 ? " " : "", (unsigned)n, (int)len, body);
	return true;
}

/* What is in a spool: "3:a 4:b". */
static const char *
spool(uint32_t pin)
{
	waiting[0] = '\0';
	(void)bb_spool_each(gw, pin, 0, add_waiting, NULL);
	return waiting;
}

/* Events a, b and c wait for PIN 1 under the numbers 1 to 3. */
static struct bb_fence
three_waiting(int64_t owner)
{
	struct bb_fence f;
	size_t dropped;

	(void)gw_login(owner, 1);
	f = gw_fence(owner, 1);
	(void)bb_spool_put(gw, &f, "a", 1, 1, &dropped);
	(void)bb_spool_put(gw, &f, "b", 1, 1, &dropped);
	(void)bb_spool_put(gw, &f, "c", 1, 1, &dropped);
	(void)bb_session_up_next(gw, &f, 8);
	return f;
}

static void
test_numbering_kept(void)
{
	struct bb_session_row row;
	struct bb_admit q;
	struct bb_fence f;
	int64_t me;

	gw_begin("kept.db");
	me = gw_owner();
	f = three_waiting(me);
	(void)bb_session_end(gw, &f, "logout");
	q = gw_request(me, 1);
	q.have = 1;
	(void)gw_admit(&q);
	TAP_EQ_UINT(gw_out.up_next, 8,
	    "under the same numbering id the numbers go on");
	TAP_EQ_STR(spool(1), "2:b 3:c", "and what the device has is gone");
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(row.down_next == 4 && row.down_acked == 1 && row.waiting == 2,
	    "the store counts the same");
	q = gw_request(me, 1);
	(void)gw_admit(&q);
	(void)bb_session_get(gw, 1, gw_now, &row);
	TAP_EQ_UINT(row.down_acked, 1,
	    "a device that says it has less changes nothing");
	q = gw_request(me, 1);
	q.have = 10;
	(void)gw_admit(&q);
	TAP_EQ_STR(spool(1), "", "one that has more has all of it");
	(void)bb_session_get(gw, 1, gw_now, &row);
	TAP_EQ_UINT(row.down_next, 11, "and the store goes on above");
	q = gw_request(me, 1);
	q.have = UINT64_MAX;
	TAP_EQ_INT(gw_admit(&q), BB_DB_OK,
	    "a number that cannot be is no failure");
	f = gw_fence(me, 1);
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(row.down_next > 10, "the numbers stay in range");
	gw_end();
}

static void
test_numbering_anew(void)
{
	struct bb_admit q;
	struct bb_fence f;
	int64_t me;

	gw_begin("anew.db");
	me = gw_owner();
	f = three_waiting(me);
	(void)bb_spool_ack(gw, &f, 1);
	q = gw_request(me, 1);
	q.numbering = 99;
	(void)gw_admit(&q);
	TAP_EQ_UINT(gw_out.up_next, 1,
	    "under another numbering id messages start anew");
	TAP_EQ_STR(spool(1), "1:b 2:c", "and events are renumbered in order");
	f = gw_fence(me, 1);
	(void)bb_spool_put(gw, &f, "d", 1, 1, &(size_t){ 0 });
	TAP_EQ_STR(spool(1), "1:b 2:c 3:d", "the next one follows");
	q = gw_request(me, 1);
	q.numbering = 0;
	q.have = 0;
	(void)gw_admit(&q);
	f = gw_fence(me, 1);
	(void)bb_session_up_next(gw, &f, 5);
	(void)gw_admit(&q);
	TAP_EQ_UINT(gw_out.up_next, 1, "id 0 always starts anew");
	TAP_EQ_STR(spool(1), "1:b 2:c 3:d", "but keeps what waits");
	q = gw_request(me, 1);
	q.numbering = 77;
	q.have = 40;
	(void)gw_admit(&q);
	TAP_EQ_STR(spool(1), "41:b 42:c 43:d",
	    "a device that has 40 under an unknown id loses nothing that "
	    "waits");
	f = gw_fence(me, 1);
	(void)bb_spool_put(gw, &f, "e", 1, 1, &(size_t){ 0 });
	TAP_EQ_STR(spool(1), "41:b 42:c 43:d 44:e", "and it goes on above");
	gw_end();
}

static void
test_numbering_elsewhere(void)
{
	struct bb_delivery d = { .service = "im",
		.account = "u1",
		.body = "d",
		.body_len = 1,
		.now_s = 1 };
	struct bb_admit q;
	struct bb_fence f;
	size_t moved;
	int64_t me;

	gw_begin("elsewhere.db");
	me = gw_owner();
	f = three_waiting(me);
	(void)bb_spool_ack(gw, &f, 2);
	(void)bb_session_end(gw, &f, "logout");
	(void)bb_spool_deliver(gw, &d);
	q = gw_request(me, 1);
	q.service = "im2";
	(void)gw_admit(&q);
	TAP_EQ_UINT(gw_out.up_next, 1, "another service has other numbers");
	TAP_EQ_STR(spool(1), "", "and other events");
	f = gw_fence(me, 1);
	(void)bb_inbox_take(gw, &f, 1, &moved);
	TAP_EQ_INT(moved, 0, "those of the first are not its");
	q = gw_request(me, 2);
	q.user = "u1";
	(void)gw_admit(&q);
	f = gw_fence(me, 2);
	(void)bb_inbox_take(gw, &f, 1, &moved);
	TAP_EQ_STR(spool(2), "1:c 2:d",
	    "they wait for the next device of the account");
	(void)bb_permission_remove(gw, "u1", "im");
	TAP_EQ_STR(spool(2), "", "and go with the permission to read them");
	gw_end();
}

static void
test_forget(void)
{
	struct bb_fence f;
	size_t moved;
	int64_t me;

	gw_begin("forget.db");
	me = gw_owner();
	f = three_waiting(me);
	TAP_EQ_INT(bb_spool_forget(gw, 1), BB_DB_REFUSED,
	    "a device with a session is not forgotten");
	(void)bb_session_end(gw, &f, "logout");
	TAP_EQ_INT(bb_spool_forget(gw, 1), BB_DB_OK, "one without is");
	TAP_EQ_INT(rig_query("forget.db", "SELECT count(*) FROM numbering"), 0,
	    "with its numbers");
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	(void)bb_inbox_take(gw, &f, 1, &moved);
	TAP_EQ_STR(spool(1), "1:a 2:b 3:c", "what waited is the account's");
	TAP_EQ_INT(bb_spool_forget(gw, 77), BB_DB_OK,
	    "an unknown device is forgotten already");
	gw_end();
}

int
main(void)
{
	rig_begin();
	test_resume();
	test_take_over();
	test_take_from_living();
	test_numbering_kept();
	test_numbering_anew();
	test_numbering_elsewhere();
	test_forget();
	rig_end();
	return tap_done();
}
