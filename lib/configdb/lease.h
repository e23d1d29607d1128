/* Inside of this room: does the process that an owner row names still live? */
#ifndef BB_CONFIGDB_LEASE_H
#define BB_CONFIGDB_LEASE_H

#include "configdb/db.h"

/* Finds out who we are and gives SQL two functions, both of (host, boot, pid,
 * start, seen, now_ms, grace_ms):
 *   bb_dead: the process is no more;
 *   bb_lost: and has been so for the grace. */
enum bb_db_result bb_lease_prepare(struct bb_db *db);

/* The columns of owner that they take, for the texts of statements. */
#define BB_LEASE_COLUMNS "host, boot, pid, start, seen"

#endif
