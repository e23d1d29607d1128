/* Eight processes log in at random against a small maximum, and are killed -9
 * in the middle of it: at every commit no more sessions than slots, and no slot
 * lost. */
#include <signal.h>
#include <sys/wait.h>

#include "configdb_gateway.h"

#include "base/cc.h"

#define STORE "contention.db"
#define PROCESSES 8
#define LOGINS 60
#define MAX 3

static unsigned
draw(unsigned below)
{
	uint32_t r;

	bb_random(&r, sizeof(r));
	return r % below;
}

/* Logs in and out.  One in three processes is killed, outside of a transaction
 * or with one open. */
static void
process(void)
{
	unsigned i, killed_at = draw(3) == 0 ? draw(LOGINS) : LOGINS;
	struct bb_fence f;
	int64_t me;
	uint32_t pin;

	gw = rig_open(BB_CONFIG_STORE, STORE, BB_DB_EXISTING);
	gw_now = bb_clock_ms();
	me = gw_owner();
	for (i = 0; i < LOGINS; i++) {
		gw_now = bb_clock_ms();
		pin = 1 + draw(9);
		if (i == killed_at && draw(2) == 0)
			(void)bb_db_begin(gw, false);
		if (strcmp(gw_login(me, pin), "no verdict") == 0)
			_exit(1);
		if (i == killed_at)
			(void)raise(SIGKILL);
		f = gw_fence(me, pin);
		if (gw_out.term != 0 && draw(3) == 0)
			(void)bb_session_end(gw, &f, "logout");
	}
	bb_db_close(gw);
	_exit(0);
}

static bool
add_up(void *ctx, const struct bb_session_row *row)
{
	int64_t *n = ctx;

	(void)row;
	(*n)++;
	return true;
}

/* Looks at the store while the others work; false when it is wrong. */
static bool
look(void)
{
	struct bb_scope scope;
	int64_t n = 0, open;

	if (bb_sql_enter_read(gw, &scope) != BB_DB_OK)
		return false;
	(void)bb_session_each(gw, "im", NULL, gw_now, add_up, &n);
	open = gw_open("im");
	bb_sql_leave_read(gw, &scope);
	if (n <= MAX && n == open)
		return true;
	tap_note("%lld sessions, the counter says %lld", (long long)n,
	    (long long)open);
	return false;
}

static void
test_contention(void)
{
	unsigned i, left = PROCESSES, looks = 0, wrong = 0, failed = 0;
	pid_t pids[PROCESSES], pid;
	int status;

	gw_begin(STORE);
	gw_limit(BB_LIMIT_MAX_SESSIONS, MAX);
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, 120000);
	bb_db_close(gw);
	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			process();
	}
	gw = rig_open(BB_CONFIG_STORE, STORE, BB_DB_EXISTING);
	while (left > 0) {
		wrong += !look();
		looks++;
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0) {
			left--;
			failed += WIFEXITED(status) && WEXITSTATUS(status) != 0;
		}
	}
	tap_note("looked %u times", looks);
	TAP_EQ_INT(wrong, 0, "there are never more sessions than slots");
	TAP_EQ_INT(failed, 0, "every login had a verdict");
}

static void
test_no_slot_lost(void)
{
	int64_t me;
	uint32_t pin;

	gw_now = bb_clock_ms() + 30000;
	gw_limit(BB_LIMIT_IDLE_TIMEOUT, BB_LIMIT_UNSET);
	me = gw_owner();
	for (pin = 1; pin <= MAX; pin++)
		TAP_EQ_STR(gw_login(me, pin), "admitted",
		    "after the grace a slot is free again");
	TAP_EQ_STR(gw_login(me, 9), "busy", "and no more than there are");
	TAP_EQ_INT(rig_query(STORE, "SELECT count(*) FROM owner"), 1,
	    "and nobody else is left");
}

int
main(void)
{
	rig_begin();
	test_contention();
	test_no_slot_lost();
	gw_end();
	rig_end();
	return tap_done();
}
