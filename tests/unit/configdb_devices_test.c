/* The device store: devices, and keys by the transactions T1 to T3. */
#include "configdb/devices.h"
#include "configdb/sql.h"
#include "configdb_rig.h"

#include "base/cc.h"

#define A 0x2100000aU
#define B 0x2100000bU
#define C 0xfffffffeU

/* Key ids and bases are one byte, repeated: kid 3 belongs to base 3. */
static const uint8_t *
bytes(uint8_t of)
{
	static uint8_t mem[256][BB_BASE_KEY_LEN];

	memset(mem[of], of, sizeof(mem[of]));
	return mem[of];
}

static enum bb_db_result
attach(struct bb_db *db, uint32_t pin, uint32_t att, uint8_t kid, uint8_t next,
    uint32_t *told)
{
	struct bb_attach_row row = { .pin = pin,
		.att = att,
		.service = "local" };

	memset(row.kid, kid, sizeof(row.kid));
	memset(row.next_kid, next, sizeof(row.next_kid));
	memset(row.next_base, next, sizeof(row.next_base));
	memset(row.e_s, next + 100, sizeof(row.e_s));
	return bb_devkey_attach(db, &row, told);
}

/* One attach in a transaction of its own. */
static enum bb_db_result
attach_alone(struct bb_db *db, uint32_t pin, uint32_t att, uint8_t kid,
    uint8_t next)
{
	uint32_t told;
	enum bb_db_result r = bb_db_begin(db, true);

	if (r == BB_DB_OK)
		r = attach(db, pin, att, kid, next, &told);
	if (r == BB_DB_OK)
		r = bb_db_commit(db);
	else
		bb_db_rollback(db);
	return r;
}

/* The rows of a PIN, as "role kid parent" with ids of one digit, in order of
 * kid: "current1 pending2<1". */
static const char *
keys(uint32_t pin)
{
	static char text[256];
	char sql[256];
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	size_t at = 0;

	text[0] = '\0';
	(void)snprintf(sql, sizeof(sql),
	    "SELECT role || (0 + substr(hex(kid), 1, 2)) ||"
	    " iif(parent IS NULL, '', '<' || (0 + substr(hex(parent), 1, 2)))"
	    " FROM devkey WHERE pin = %u ORDER BY kid",
	    (unsigned)pin);
	if (sqlite3_open(rig_path("device.db"), &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
		while (sqlite3_step(stmt) == SQLITE_ROW)
			at += (size_t)snprintf(text + at, sizeof(text) - at,
			    "%s%s", at > 0 ? " " : "",
			    (const char *)sqlite3_column_text(stmt, 0));
	}
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return text;
}

static bool
count_device(void *ctx, const struct bb_device *device)
{
	uint32_t *last = ctx;
	bool rising = device->pin > *last;

	*last = device->pin;
	return rising;
}

static bool
first_device(void *ctx, const struct bb_device *device)
{
	uint32_t *last = ctx;

	*last = device->pin;
	return false;
}

static void
test_devices(struct bb_db *db)
{
	struct bb_device d;
	uint32_t last = 0;

	TAP_EQ_INT(bb_device_add(db, A, "alice", bytes(1), bytes(1)), BB_DB_OK,
	    "a device is added");
	TAP_EQ_INT(bb_device_add(db, A, "bob", bytes(2), bytes(2)),
	    BB_DB_EXISTS, "a PIN is added once");
	TAP_EQ_INT(bb_device_add(db, C, "carol", bytes(3), bytes(3)), BB_DB_OK,
	    "a PIN may have its highest bit set");
	TAP_EQ_INT(bb_device_add(db, B, "bob", bytes(2), bytes(2)), BB_DB_OK,
	    "another device is added");
	TAP_EQ_INT(bb_device_add(db, 0, "bob", bytes(2), bytes(2)),
	    BB_DB_REFUSED, "PIN 0 is no device's");
	TAP_EQ_INT(bb_device_get(db, A, &d), BB_DB_OK, "a device is found");
	TAP_EQ_STR(d.user, "alice", "with its user");
	TAP_EQ_INT(d.att, 0, "and no attach yet");
	TAP_EQ_MEM(d.kid, sizeof(d.kid), bytes(1), BB_KID_LEN,
	    "and its current key's id");
	tap_ok(d.key_s > 0 && d.key_s == d.created_s,
	    "which became current when the device was added");
	TAP_EQ_INT(bb_device_each(db, NULL, count_device, &last), BB_DB_OK,
	    "all devices are listed");
	TAP_EQ_UINT(last, C, "in order of PIN");
	TAP_EQ_INT(bb_device_each(db, NULL, first_device, &last), BB_DB_OK,
	    "a list can be left");
	TAP_EQ_UINT(last, A, "after its first");
	last = 0;
	(void)bb_device_each(db, "bob", count_device, &last);
	TAP_EQ_UINT(last, B, "or those of one user");
	TAP_EQ_INT(bb_device_get(db, 7, &d), BB_DB_NONE,
	    "an unknown device is none");
	TAP_EQ_INT(bb_device_remove(db, C), BB_DB_OK, "a device is removed");
	TAP_EQ_STR(keys(C), "", "with its keys");
	TAP_EQ_INT(bb_device_remove(db, C), BB_DB_NONE, "only once");
}

static void
test_block(struct bb_db *db)
{
	struct bb_devkey k, parent;

	TAP_EQ_INT(bb_devkey_find(db, A, bytes(1), &k), BB_DB_OK,
	    "a key is found by its id");
	TAP_EQ_STR(k.user, "alice", "with the device's user");
	TAP_EQ_INT(k.role, BB_KEY_CURRENT, "and its role");
	TAP_EQ_MEM(k.base, sizeof(k.base), bytes(1), BB_BASE_KEY_LEN,
	    "and the base");
	TAP_EQ_INT(bb_devkey_find(db, A, bytes(9), &k), BB_DB_NONE,
	    "an unknown id is none");
	TAP_EQ_MEM(k.base, sizeof(k.base), bytes(0), BB_BASE_KEY_LEN,
	    "and leaves no key behind");
	(void)attach_alone(db, A, 1, 1, 4);
	TAP_EQ_INT(bb_device_block(db, A, true), BB_DB_OK,
	    "a device is blocked");
	TAP_EQ_INT(bb_devkey_find(db, A, bytes(1), &k), BB_DB_NONE,
	    "a blocked device has no key to open with");
	TAP_EQ_INT(bb_devkey_current(db, A, &k), BB_DB_NONE, "nor to seal");
	TAP_EQ_INT(bb_devkey_answer(db, A, 1, &k, &parent), BB_DB_NONE,
	    "nor to answer");
	TAP_EQ_INT(bb_devkey_promote(db, A, bytes(4)), BB_DB_NONE,
	    "its pending key is not promoted");
	TAP_EQ_INT(attach_alone(db, A, 2, 1, 5), BB_DB_NONE,
	    "and it does not attach");
	TAP_EQ_INT(bb_device_block(db, A, false), BB_DB_OK,
	    "a device is unblocked");
	TAP_EQ_INT(bb_devkey_find(db, A, bytes(1), &k), BB_DB_OK,
	    "then its keys are as before");
	TAP_EQ_INT(bb_device_block(db, 7, true), BB_DB_NONE,
	    "an unknown device is not blocked");
}

static void
test_attach(struct bb_db *db)
{
	struct bb_devkey k, parent;
	struct bb_device d;
	uint32_t told = 99;

	TAP_EQ_INT(attach(db, B, 1, 2, 3, &told), BB_DB_ERROR,
	    "an attach without a transaction is an error");
	TAP_EQ_INT(attach_alone(db, B, 5, 2, 3), BB_DB_OK,
	    "an attach may skip numbers");
	TAP_EQ_STR(keys(B), "current2 pending3<2",
	    "it leaves the current key and makes a pending one");
	(void)bb_device_get(db, B, &d);
	TAP_EQ_INT(d.att, 5, "its number is taken");
	TAP_EQ_INT(bb_devkey_answer(db, B, 5, &k, &parent), BB_DB_OK,
	    "the answer finds its rows by number");
	TAP_EQ_MEM(k.e_s, sizeof(k.e_s), bytes(103), BB_EPHEMERAL_LEN,
	    "the pending one with the ephemeral key");
	TAP_EQ_MEM(parent.base, sizeof(parent.base), bytes(2), BB_BASE_KEY_LEN,
	    "and the base that it is sealed under");
	TAP_EQ_STR(k.service, "local", "and the service of the attach");
	TAP_EQ_INT(bb_devkey_answer(db, B, 4, &k, &parent), BB_DB_NONE,
	    "another number has no answer");
	TAP_EQ_INT(attach_alone(db, B, 6, 2, 4), BB_DB_OK,
	    "a second attach under the same key");
	TAP_EQ_STR(keys(B), "current2 pending4<2", "replaces its pending key");
	TAP_EQ_INT(bb_devkey_answer(db, B, 5, &k, &parent), BB_DB_NONE,
	    "and supersedes the first answer");
	TAP_EQ_INT(attach_alone(db, B, 7, 4, 5), BB_DB_OK,
	    "an attach under the pending key");
	TAP_EQ_STR(keys(B), "current4 pending5<4",
	    "promotes it and erases what it was rolled from");
	TAP_EQ_INT(attach_alone(db, B, 8, 2, 6), BB_DB_NONE,
	    "the erased key attaches no more");
	(void)bb_device_get(db, B, &d);
	TAP_EQ_INT(d.att, 7, "and takes no number");
}

static void
test_stale(struct bb_db *db)
{
	uint32_t told = 0;

	(void)bb_db_begin(db, true);
	TAP_EQ_INT(attach(db, B, 7, 4, 6, &told), BB_DB_STALE,
	    "a number that was used is stale");
	TAP_EQ_INT(told, 7, "the last one is told");
	TAP_EQ_INT(attach(db, B, 3, 4, 6, &told), BB_DB_STALE,
	    "so is a lower one");
	TAP_EQ_INT(attach(db, B, 8, 4, 5, &told), BB_DB_EXISTS,
	    "a key id that the PIN has is refused");
	TAP_EQ_INT(attach(db, B, 8, 4, 4, &told), BB_DB_EXISTS,
	    "also the attach's own");
	TAP_EQ_INT(attach(db, 7, 1, 1, 2, &told), BB_DB_NONE,
	    "an unknown device attaches not");
	TAP_EQ_INT(attach(db, B, 8, 4, 6, &told), BB_DB_OK,
	    "refused ones took nothing: the number is free");
	(void)bb_db_commit(db);
	TAP_EQ_STR(keys(B), "current4 pending6<4",
	    "and the pending key is the last one's");
	TAP_EQ_INT(attach_alone(db, B, 0xffffffffU, 4, 7), BB_DB_REFUSED,
	    "the number above the last is refused");
}

static void
test_group(struct bb_db *db)
{
	uint32_t told;
	int i;

	for (i = 1; i <= 3; i++)
		(void)bb_device_add(db, (uint32_t)i, "group", bytes(1),
		    bytes(1));
	(void)bb_db_begin(db, true);
	TAP_EQ_INT(attach(db, 1, 1, 1, 2, &told), BB_DB_OK,
	    "the first of three attaches in one transaction");
	TAP_EQ_INT(attach(db, 2, 1, 9, 2, &told), BB_DB_NONE,
	    "the second names no key");
	TAP_EQ_INT(attach(db, 3, 1, 1, 2, &told), BB_DB_OK, "the third");
	TAP_EQ_INT(bb_db_commit(db), BB_DB_OK, "are committed together");
	TAP_EQ_STR(keys(1), "current1 pending2<1", "the first stands");
	TAP_EQ_STR(keys(2), "current1", "the second left nothing");
	TAP_EQ_STR(keys(3), "current1 pending2<1", "the third stands");
	(void)bb_db_begin(db, true);
	(void)attach(db, 1, 2, 1, 3, &told);
	bb_db_rollback(db);
	TAP_EQ_STR(keys(1), "current1 pending2<1",
	    "what is rolled back never was");
}

static void
test_promote(struct bb_db *db)
{
	struct bb_devkey k;

	TAP_EQ_INT(bb_devkey_promote(db, 1, bytes(2)), BB_DB_OK,
	    "a pending key is promoted");
	TAP_EQ_STR(keys(1), "current2", "and is the only one");
	TAP_EQ_INT(bb_devkey_promote(db, 1, bytes(2)), BB_DB_OK,
	    "promoting again changes nothing");
	TAP_EQ_INT(bb_devkey_current(db, 1, &k), BB_DB_OK, "it is current");
	TAP_EQ_STR(k.service, "local", "and remembers its attach's service");
	TAP_EQ_INT(bb_devkey_promote(db, 1, bytes(1)), BB_DB_NONE,
	    "the erased one is not promoted");
}

/* Code keys and recovery come later: their rows are put in by hand, to see that
 * promotion goes by the line of descent. */
static void
put_key(const char *role, int kid, int parent)
{
	char sql[400], from[64] = "NULL, NULL, NULL";

	if (parent != 0)
		(void)snprintf(from, sizeof(from),
		    "%d, zeroblob(32), x'%02d%02d%02d%02d%02d%02d%02d%02d'",
		    kid, parent, parent, parent, parent, parent, parent, parent,
		    parent);
	(void)snprintf(sql, sizeof(sql),
	    "INSERT INTO devkey (pin, kid, role, base, since, att, e_s, parent)"
	    " VALUES (9, x'%02d%02d%02d%02d%02d%02d%02d%02d', '%s',"
	    " zeroblob(32), 0, %s)",
	    kid, kid, kid, kid, kid, kid, kid, kid, role, from);
	if (!rig_exec("device.db", sql))
		tap_ok(false, "a row is put in by hand: %s", sql);
}

static void
put_family(struct bb_db *db)
{
	(void)bb_device_remove(db, 9);
	(void)bb_device_add(db, 9, "family", bytes(1), bytes(1));
	put_key("pending", 2, 1);
	put_key("code", 3, 0);
	put_key("pending", 4, 3);
	put_key("pending", 6, 5);
}

static void
test_descent(struct bb_db *db)
{
	put_family(db);
	TAP_EQ_STR(keys(9), "current1 pending2<1 code3 pending4<3 pending6<5",
	    "a PIN has keys of three lines");
	(void)bb_devkey_promote(db, 9, bytes(2));
	TAP_EQ_STR(keys(9), "current2 code3 pending4<3 pending6<5",
	    "a child of the current key ends its own line only");
	put_family(db);
	(void)bb_devkey_promote(db, 9, bytes(4));
	TAP_EQ_STR(keys(9), "current4",
	    "a child of the code ends all other keys");
	put_family(db);
	(void)bb_devkey_promote(db, 9, bytes(6));
	TAP_EQ_STR(keys(9), "code3 pending4<3 current6",
	    "a child of a recovery ends the current line, not the code's");
	TAP_EQ_INT(bb_devkey_promote(db, 9, bytes(3)), BB_DB_NONE,
	    "a code itself is never promoted");
	TAP_EQ_INT(attach_alone(db, 9, 1, 3, 7), BB_DB_OK,
	    "an attach under the code");
	TAP_EQ_STR(keys(9), "code3 current6 pending7<3",
	    "gives the code a new child");
}

/* Whether a base stands anywhere in the file. */
static bool
in_file(uint8_t base)
{
	static uint8_t file[1 << 20];
	const uint8_t *at, *end;
	size_t len;
	FILE *f;

	f = fopen(rig_path("device.db"), "rb");
	len = f == NULL ? 0 : fread(file, 1, sizeof(file), f);
	if (f != NULL)
		(void)fclose(f);
	end = file + (len < BB_BASE_KEY_LEN ? 0 : len - BB_BASE_KEY_LEN);
	for (at = file; at < end; at++) {
		if (memcmp(at, bytes(base), BB_BASE_KEY_LEN) == 0)
			return true;
	}
	return false;
}

static void
test_erased(struct bb_db *db)
{
	(void)bb_device_add(db, 20, "erase", bytes(0xE1), bytes(0xE1));
	(void)attach_alone(db, 20, 1, 0xE1, 0xE2);
	(void)bb_sql_script(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	tap_ok(in_file(0xE1) && in_file(0xE2), "two bases stand in the file");
	(void)bb_devkey_promote(db, 20, bytes(0xE2));
	(void)bb_sql_script(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	tap_ok(!in_file(0xE1) && in_file(0xE2),
	    "the one that was rolled away is there no more");
	(void)bb_device_remove(db, 20);
	(void)bb_sql_script(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	tap_ok(!in_file(0xE2), "nor the other when its device is removed");
}

int
main(void)
{
	struct bb_db *db;

	rig_begin();
	db = rig_open(BB_DEVICE_STORE, "device.db", BB_DB_CREATE);
	test_devices(db);
	test_block(db);
	test_attach(db);
	test_stale(db);
	test_group(db);
	test_promote(db);
	test_descent(db);
	test_erased(db);
	TAP_EQ_INT(bb_db_check(db), BB_DB_OK, "the store is sound after all");
	bb_db_close(db);
	rig_end();
	return tap_done();
}
