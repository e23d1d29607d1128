/* Whether the owner of sessions still lives: boot, process id and start time
 * name a process for ever, so a process id that was given away again does not
 * keep sessions alive. */
#include "configdb/lease.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "configdb/sql.h"

#include "base/cc.h"

enum { HOST, BOOT, PID, START, SEEN, NOW, GRACE, LEASE_ARGS };

static const char *
arg_text(sqlite3_value *arg)
{
	const unsigned char *text = sqlite3_value_text(arg);

	return text == NULL ? "" : (const char *)text;
}

/* Not to be told (no descriptor left, say) is not to be dead. */
static bool
process_lives(int64_t pid, uint64_t start)
{
	uint64_t there;

	if (bb_sys_process_start((pid_t)pid, &there) == -1)
		return errno != ESRCH;
	return there == start;
}

/* All that have the store open share its memory, so they run on this kernel:
 * another boot id is an earlier boot.  Another host name under the same boot is
 * another container, whose processes cannot be seen from here: only its sign of
 * life counts. */
static bool
dead(const struct bb_db *db, sqlite3_value **arg)
{
	int64_t age =
	    sqlite3_value_int64(arg[NOW]) - sqlite3_value_int64(arg[SEEN]);

	if (strcmp(arg_text(arg[BOOT]), db->boot) != 0)
		return true;
	if (strcmp(arg_text(arg[HOST]), db->host) != 0)
		return age >= sqlite3_value_int64(arg[GRACE]);
	return !process_lives(sqlite3_value_int64(arg[PID]),
	    (uint64_t)sqlite3_value_int64(arg[START]));
}

static void
sql_dead(sqlite3_context *call, int args, sqlite3_value **arg)
{
	(void)args;
	sqlite3_result_int(call, dead(sqlite3_user_data(call), arg));
}

/* Looks at the clock first: owners that gave a sign of life lately cost no
 * look at their process.  Since an earlier boot at least the time has passed
 * that this one is up. */
static void
sql_lost(sqlite3_context *call, int args, sqlite3_value **arg)
{
	const struct bb_db *db = sqlite3_user_data(call);
	int64_t age = sqlite3_value_int64(arg[NOW]);

	(void)args;
	if (strcmp(arg_text(arg[BOOT]), db->boot) == 0)
		age -= sqlite3_value_int64(arg[SEEN]);
	sqlite3_result_int(call,
	    age >= sqlite3_value_int64(arg[GRACE]) && dead(db, arg));
}

enum bb_db_result
bb_lease_prepare(struct bb_db *db)
{
	const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
	int rc;

	if (bb_sys_boot_id(db->boot) == -1)
		return bb_why(db, BB_DB_ERROR,
		    "unable to read this system's boot id: %s",
		    strerror(errno));
	if (gethostname(db->host, sizeof(db->host) - 1) == -1)
		return bb_why(db, BB_DB_ERROR,
		    "unable to read this system's name: %s", strerror(errno));
	rc = sqlite3_create_function_v2(db->handle, "bb_dead", LEASE_ARGS,
	    flags, db, sql_dead, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db->handle, "bb_lost",
		    LEASE_ARGS, flags, db, sql_lost, NULL, NULL, NULL);
	return rc == SQLITE_OK ? BB_DB_OK : bb_sql_fail(db, rc);
}
