/* Schema versions: what a store is, and how an older one becomes ours. */
#include <stdio.h>

#include "configdb/sql.h"

#include "base/cc.h"

const struct bb_schema *
bb_schema_of(enum bb_store store)
{
	return store == BB_DEVICE_STORE ? &bb_schema_devices
					: &bb_schema_config;
}

int
bb_db_schema(enum bb_store store)
{
	return bb_schema_of(store)->version;
}

int
bb_db_version(struct bb_db *db)
{
	return db->version;
}

static enum bb_db_result
run_script(struct bb_db *db, const struct bb_script *script)
{
	enum bb_db_result r = BB_DB_OK;
	int i;

	for (i = 0; i < BB_SCRIPT_TEXTS && r == BB_DB_OK; i++) {
		if (script->text[i] != NULL)
			r = bb_sql_script(db, script->text[i]);
	}
	return r;
}

static enum bb_db_result
run_missing(struct bb_db *db, const struct bb_script scripts[], int len)
{
	char set[64];
	enum bb_db_result r = BB_DB_OK;
	int v;

	for (v = db->version; v < len && r == BB_DB_OK; v++)
		r = run_script(db, &scripts[v]);
	if (r != BB_DB_OK)
		return r;
	(void)snprintf(set, sizeof(set), "PRAGMA user_version = %d", len);
	return bb_sql_script(db, set);
}

enum bb_db_result
bb_db_migrate_with(struct bb_db *db, const struct bb_script scripts[], int len)
{
	enum bb_db_result r;

	if (db->version >= len)
		return BB_DB_OK;
	r = bb_db_begin(db, true);
	if (r != BB_DB_OK)
		return r;
	r = run_missing(db, scripts, len);
	if (r != BB_DB_OK) {
		bb_db_rollback(db);
		return r;
	}
	r = bb_db_commit(db);
	if (r == BB_DB_OK)
		db->version = len;
	return r;
}
