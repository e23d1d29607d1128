/* What goes wrong beneath: no memory at the N-th request of SQLite, no space on
 * the disk, rows that damage made.  The answer is ERROR, the store is sound,
 * and the same works the next time. */
#include "base/fail.h"
#include "configdb/spool.h"
#include "configdb_gateway.h"

#include "base/cc.h"

static sqlite3_mem_methods real;
static long fail_at; /* counts down; negative: never */
static bool fail_once;

static bool
failing(void)
{
	if (fail_at < 0)
		return false;
	if (fail_at > 0) {
		fail_at--;
		return false;
	}
	if (fail_once)
		fail_at = -1;
	return true;
}

static void *
mem_malloc(int size)
{
	return failing() ? NULL : real.xMalloc(size);
}

static void *
mem_realloc(void *mem, int size)
{
	return failing() ? NULL : real.xRealloc(mem, size);
}

static bool
take_over_memory(void)
{
	sqlite3_mem_methods ours;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
		return false;
	ours = real;
	ours.xMalloc = mem_malloc;
	ours.xRealloc = mem_realloc;
	fail_at = -1;
	/* Without it all allocations come through here. */
	return sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK &&
	       sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK;
}

static struct bb_delivery
event(int64_t owner, const char *body, size_t len)
{
	return (struct bb_delivery){ .owner = owner,
		.service = "im",
		.account = "u3",
		.body = body,
		.body_len = len,
		.now_s = 1 };
}

/* The longest way through the room: an eviction, a session, its numbering, an
 * event, an explanation. */
static enum bb_db_result
work(int64_t owner)
{
	struct bb_delivery d = event(owner, "a", 1);
	struct bb_admit q = gw_request(owner, 3);
	struct bb_session_row row;
	struct bb_admitted a;
	enum bb_db_result r;

	r = bb_db_begin(gw, false);
	if (r != BB_DB_OK)
		return r;
	bb_admitted_clear(&gw_out);
	r = bb_admit(gw, &q, &gw_out);
	if (r == BB_DB_OK)
		r = bb_spool_deliver(gw, &d);
	if (r != BB_DB_OK) {
		bb_db_rollback(gw);
		return r;
	}
	r = bb_db_commit(gw);
	if (r == BB_DB_OK)
		r = bb_session_get(gw, 3, gw_now, &row);
	if (r == BB_DB_OK)
		r = bb_admit_explain(gw, "u3", "im", NULL, 3, owner, gw_now,
		    &a);
	return r;
}

/* One session out of coverage holds the only slot. */
static int64_t
set_scene(void)
{
	int64_t owner = rig_query("memory.db", "SELECT max(id) FROM owner");
	struct bb_fence f;

	(void)bb_session_kill(gw, 3, "again");
	(void)gw_login(owner, 1);
	f = gw_fence(owner, 1);
	(void)bb_session_alive(gw, &f, false, gw_now, -1);
	return owner;
}

struct outcome {
	long tried, survived;
	int strange, unsound;
};

/* A fresh connection each time, so that statements are prepared too. */
static bool
fail_the(long n, struct outcome *o)
{
	enum bb_db_result r = BB_DB_ERROR;
	int64_t owner = set_scene();

	bb_db_close(gw);
	fail_at = n;
	gw = rig_try(BB_CONFIG_STORE, "memory.db", BB_DB_EXISTING);
	if (gw != NULL)
		r = work(owner);
	else
		o->strange += rig_status != BB_EXIT_TEMP;
	/* Also closing has to get by. */
	bb_admitted_clear(&gw_out);
	bb_db_close(gw);
	o->tried++;
	o->survived += r == BB_DB_OK;
	o->strange += r != BB_DB_OK && r != BB_DB_ERROR;
	n = fail_at;
	fail_at = -1;
	gw = rig_open(BB_CONFIG_STORE, "memory.db", BB_DB_EXISTING);
	o->unsound += bb_db_check(gw) != BB_DB_OK;
	/* What is left was not asked for: it all fitted. */
	return n > 0;
}

static void
test_memory(bool once)
{
	struct outcome o = { 0 };
	long n;

	for (n = 0; n < 20000; n += 1 + n / 16) {
		fail_once = once;
		if (fail_the(n, &o))
			break;
	}
	tap_note("%ld times, %ld of them without harm", o.tried, o.survived);
	tap_ok(n < 20000 && o.survived < o.tried,
	    "memory that ends %s makes errors", once ? "once" : "for good");
	TAP_EQ_INT(o.strange, 0, "no other answer than ERROR");
	TAP_EQ_INT(o.unsound, 0, "and a sound store");
	TAP_EQ_INT(work(set_scene()), BB_DB_OK,
	    "and goes on when there is some");
}

static void
test_disk_full(void)
{
	static char big[60000];
	struct bb_delivery d;
	enum bb_db_result r = BB_DB_OK;
	int i;

	memset(big, 'x', sizeof(big));
	gw_begin("full.db");
	(void)bb_sql_script(gw, "PRAGMA max_page_count = 120");
	d = event(0, big, sizeof(big));
	for (i = 0; i < 50 && r == BB_DB_OK; i++)
		r = bb_spool_deliver(gw, &d);
	TAP_EQ_INT(r, BB_DB_ERROR, "a full disk is an error");
	tap_ok(rig_says(bb_db_why(gw), "full.db: no space left on its disk"),
	    "and the reason says so");
	tap_ok(!bb_db_in_transaction(gw), "no transaction is left open");
	TAP_EQ_INT(bb_db_begin(gw, false), BB_DB_OK, "within a transaction");
	TAP_EQ_INT(bb_spool_deliver(gw, &d), BB_DB_ERROR, "it is one too");
	TAP_EQ_INT(bb_db_commit(gw), BB_DB_ERROR,
	    "and what is not there is not committed");
	(void)bb_sql_script(gw, "PRAGMA max_page_count = 100000");
	TAP_EQ_INT(bb_spool_deliver(gw, &d), BB_DB_OK,
	    "with more space it goes on");
	gw_end();
}

/* Nobody but damage or a person with sqlite3 makes such rows. */
static void
test_damage(void)
{
	gw_begin("damage.db");
	(void)gw_login(gw_owner(), 1);
	(void)rig_exec("damage.db", "UPDATE service SET open_sessions = 5");
	TAP_EQ_INT(bb_db_check(gw), BB_DB_ERROR, "a wrong counter is found");
	tap_ok(rig_says(bb_db_why(gw), "a counter of open sessions is wrong"),
	    "and the reason says so");
	(void)rig_exec("damage.db", "UPDATE service SET open_sessions ="
				    " (SELECT count(*) FROM session"
				    "  WHERE service = name)");
	(void)rig_exec("damage.db", "DELETE FROM user WHERE name = 'u1'");
	TAP_EQ_INT(bb_db_check(gw), BB_DB_ERROR, "a missing row is found");
	tap_ok(rig_says(bb_db_why(gw), "needs one of user that is missing"),
	    "and the reason says so");
	(void)rig_exec("damage.db", "INSERT INTO user VALUES"
				    " ('u1', 0, NULL, 0)");
	gw_end();
}

int
main(void)
{
	rig_begin();
	if (!take_over_memory()) {
		tap_skip("this SQLite does not let its memory be taken over");
	} else {
		gw_begin("memory.db");
		gw_limit(BB_LIMIT_MAX_SESSIONS, 1);
		gw_limit(BB_LIMIT_IDLE_TIMEOUT, 120000);
		(void)gw_owner();
		test_memory(false);
		test_memory(true);
		gw_end();
	}
	test_disk_full();
	test_damage();
	rig_end();
	return tap_done();
}
