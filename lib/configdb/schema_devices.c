/* The tables of the device store. */
#include "configdb/sql.h"

#include "base/cc.h"

/* `since`: when the row was made, or when it became current (wall clock, for
 * people).  `parent` is no foreign key: a key that was made to recover (a later
 * version) descends from one that is stored nowhere. */
static const char version_1[] =
    "CREATE TABLE device ("
    " pin INTEGER PRIMARY KEY CHECK (pin BETWEEN 1 AND 4294967295),"
    " user TEXT NOT NULL"
    "  CHECK (length(CAST(user AS BLOB)) BETWEEN 1 AND 256),"
    " blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1)),"
    " att INTEGER NOT NULL DEFAULT 0 CHECK (att BETWEEN 0 AND 4294967294),"
    " created INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX device_user ON device(user);"

    "CREATE TABLE devkey ("
    " pin INTEGER NOT NULL REFERENCES device(pin) ON DELETE CASCADE,"
    " kid BLOB NOT NULL CHECK (length(kid) = 8),"
    " role TEXT NOT NULL CHECK (role IN ('code', 'current', 'pending')),"
    " parent BLOB CHECK (length(parent) = 8),"
    " att INTEGER CHECK (att BETWEEN 1 AND 4294967294),"
    " e_s BLOB CHECK (length(e_s) = 32),"
    " base BLOB NOT NULL CHECK (length(base) = 32),"
    " service TEXT NOT NULL DEFAULT ''"
    "  CHECK (length(CAST(service AS BLOB)) <= 64),"
    " since INTEGER NOT NULL,"
    " PRIMARY KEY (pin, kid),"
    " CHECK ((role = 'pending') = (parent IS NOT NULL)),"
    " CHECK ((role = 'pending') = (e_s IS NOT NULL)),"
    " CHECK (role <> 'pending' OR att IS NOT NULL)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX devkey_current ON devkey(pin)"
    " WHERE role = 'current';"
    "CREATE UNIQUE INDEX devkey_code ON devkey(pin) WHERE role = 'code';"
    "CREATE UNIQUE INDEX devkey_pending ON devkey(pin, parent)"
    " WHERE role = 'pending';";

static const struct bb_script scripts[] = { { { version_1 } } };

const struct bb_schema bb_schema_devices = {
	.kind = "device store",
	.application_id = 0x42424456, /* "BBDV" */
	.version = (int)BB_LEN(scripts),
	.scripts = scripts,
};
