/* The tables of the configuration store. */
#include "configdb/sql.h"

#include "base/cc.h"

/* NULL in a limit's column is "unset"; bounds stand in limits.c. */
static const char people[] =
    "CREATE TABLE user ("
    " name TEXT PRIMARY KEY"
    "  CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 256),"
    " blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1)),"
    " verifier TEXT CHECK (length(CAST(verifier AS BLOB)) BETWEEN 1 AND 255),"
    " created INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE service ("
    " name TEXT PRIMARY KEY"
    "  CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 64),"
    " type TEXT NOT NULL"
    "  CHECK (length(CAST(type AS BLOB)) BETWEEN 1 AND 64),"
    " host TEXT NOT NULL DEFAULT ''"
    "  CHECK (length(CAST(host AS BLOB)) <= 255),"
    " port INTEGER NOT NULL DEFAULT 0 CHECK (port BETWEEN 0 AND 65535),"
    " blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1)),"
    " max_sessions INTEGER CHECK (max_sessions >= 0),"
    " idle_timeout INTEGER CHECK (idle_timeout > 0),"
    " inactivity_timeout INTEGER CHECK (inactivity_timeout > 0),"
    " status_interval INTEGER CHECK (status_interval > 0),"
    " api_max INTEGER CHECK (api_max >= 0),"
    " lease_grace INTEGER CHECK (lease_grace >= 0),"
    " scrypt_cost INTEGER CHECK (scrypt_cost > 0),"
    /* kept by the triggers of session */
    " open_sessions INTEGER NOT NULL DEFAULT 0 CHECK (open_sessions >= 0)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE permission ("
    " user TEXT NOT NULL REFERENCES user(name) ON DELETE CASCADE,"
    " service TEXT NOT NULL REFERENCES service(name) ON DELETE CASCADE,"
    " account TEXT NOT NULL"
    "  CHECK (length(CAST(account AS BLOB)) BETWEEN 1 AND 256),"
    " PRIMARY KEY (user, service)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX permission_account ON permission(service, account);";

/* `boot`, `pid` and `start` name a process for ever.  `seen` and the times of a
 * session are milliseconds of the clock that counts since boot, `opened` is
 * wall clock.  64 unsigned bits (start, id, link) are kept as the signed number
 * with the same bits. */
static const char sessions[] =
    "CREATE TABLE counter ("
    " name TEXT PRIMARY KEY,"
    " value INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO counter VALUES ('term', 0);"

    "CREATE TABLE owner ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " host TEXT NOT NULL,"
    " boot TEXT NOT NULL,"
    " pid INTEGER NOT NULL,"
    " start INTEGER NOT NULL,"
    " seen INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE owner_service ("
    " owner INTEGER NOT NULL REFERENCES owner(id) ON DELETE CASCADE,"
    " service TEXT NOT NULL REFERENCES service(name) ON DELETE CASCADE,"
    " api_max INTEGER CHECK (api_max >= 0),"
    " open_sessions INTEGER NOT NULL DEFAULT 0 CHECK (open_sessions >= 0),"
    " PRIMARY KEY (owner, service)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX owner_service_service ON owner_service(service);"

    "CREATE TABLE session ("
    " pin INTEGER PRIMARY KEY CHECK (pin BETWEEN 1 AND 4294967295),"
    " id INTEGER NOT NULL,"
    " service TEXT NOT NULL REFERENCES service(name),"
    " user TEXT NOT NULL REFERENCES user(name),"
    " account TEXT NOT NULL,"
    " owner INTEGER NOT NULL REFERENCES owner(id),"
    " term INTEGER NOT NULL,"
    " att INTEGER NOT NULL,"
    " link INTEGER NOT NULL,"
    " state TEXT NOT NULL"
    "  CHECK (state IN ('provisional', 'live', 'detached')),"
    " coverage INTEGER NOT NULL CHECK (coverage IN (0, 1)),"
    " last_status INTEGER NOT NULL,"
    " last_active INTEGER NOT NULL,"
    " opened INTEGER NOT NULL,"
    " backend TEXT NOT NULL DEFAULT '',"
    " contacts_version TEXT NOT NULL DEFAULT '',"
    " show TEXT NOT NULL DEFAULT '',"
    " status TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX session_idle ON session(service, coverage, last_status);"
    "CREATE INDEX session_owner ON session(owner, service);"
    "CREATE INDEX session_user ON session(user);";

/* COUNT(*) over 10 000 sessions would cost every login; these cost two rows. */
static const char counters[] =
    "CREATE TRIGGER session_opens AFTER INSERT ON session BEGIN"
    " UPDATE service SET open_sessions = open_sessions + 1"
    "  WHERE name = NEW.service;"
    " INSERT INTO owner_service (owner, service, open_sessions)"
    "  VALUES (NEW.owner, NEW.service, 1)"
    "  ON CONFLICT DO UPDATE SET open_sessions = open_sessions + 1;"
    "END;"
    "CREATE TRIGGER session_ends AFTER DELETE ON session BEGIN"
    " UPDATE service SET open_sessions = open_sessions - 1"
    "  WHERE name = OLD.service;"
    " UPDATE owner_service SET open_sessions = open_sessions - 1"
    "  WHERE owner = OLD.owner AND service = OLD.service;"
    "END;"
    "CREATE TRIGGER session_is_taken_over AFTER UPDATE OF owner ON session"
    " WHEN NEW.owner <> OLD.owner BEGIN"
    " UPDATE owner_service SET open_sessions = open_sessions - 1"
    "  WHERE owner = OLD.owner AND service = OLD.service;"
    " INSERT INTO owner_service (owner, service, open_sessions)"
    "  VALUES (NEW.owner, NEW.service, 1)"
    "  ON CONFLICT DO UPDATE SET open_sessions = open_sessions + 1;"
    "END;"
    "CREATE TRIGGER session_stays BEFORE UPDATE OF pin, service ON session"
    " BEGIN SELECT RAISE(ABORT, 'a session never changes its service'); END;";

/* A numbering outlives its sessions: see docs/wire.md, "Numbers".  What waits
 * for an account goes with the permission to use it, so that the next holder of
 * the same account does not read it. */
static const char events[] =
    "CREATE TABLE numbering ("
    " pin INTEGER PRIMARY KEY CHECK (pin BETWEEN 1 AND 4294967295),"
    " id INTEGER NOT NULL,"
    " service TEXT NOT NULL REFERENCES service(name) ON DELETE CASCADE,"
    " account TEXT NOT NULL,"
    " up_next INTEGER NOT NULL DEFAULT 1 CHECK (up_next > 0),"
    " down_next INTEGER NOT NULL DEFAULT 1 CHECK (down_next > 0),"
    " down_acked INTEGER NOT NULL DEFAULT 0 CHECK (down_acked >= 0),"
    " ended TEXT NOT NULL DEFAULT ''"
    ") STRICT;"
    "CREATE INDEX numbering_account ON numbering(service, account);"

    "CREATE TABLE spool ("
    " pin INTEGER NOT NULL REFERENCES numbering(pin) ON DELETE CASCADE,"
    " n INTEGER NOT NULL CHECK (n > 0),"
    " body BLOB NOT NULL,"
    " created INTEGER NOT NULL,"
    " PRIMARY KEY (pin, n)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE inbox ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " pin INTEGER," /* NULL: for the account */
    " service TEXT NOT NULL REFERENCES service(name) ON DELETE CASCADE,"
    " account TEXT NOT NULL,"
    " body BLOB NOT NULL,"
    " created INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX inbox_account ON inbox(service, account, pin);"

    "CREATE TRIGGER permission_ends AFTER DELETE ON permission BEGIN"
    " DELETE FROM inbox"
    "  WHERE service = OLD.service AND account = OLD.account;"
    " DELETE FROM spool WHERE pin IN (SELECT pin FROM numbering"
    "  WHERE service = OLD.service AND account = OLD.account);"
    "END;";

static const struct bb_script scripts[] = {
	{ { people, sessions, counters, events } },
};

const struct bb_schema bb_schema_config = {
	.kind = "configuration store",
	.application_id = 0x42424346, /* "BBCF" */
	.version = (int)BB_LEN(scripts),
	.scripts = scripts,
};
