/* What the transactions cost: T1 alone and in groups, key look-ups, admission,
 * and a message's way through the spool. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bench.h"
#include "configdb/devices.h"
#include "configdb/sessions.h"
#include "configdb/spool.h"
#include "micro.h"

#include "base/cc.h"

#define DEVICES 1000u
#define FIRST_PIN 0x21000000u

static struct bb_db *devices, *config;
static uint32_t att[DEVICES];
static struct bb_fence fences[DEVICES];
static uint64_t sent; /* messages delivered to each of the first two */
static uint64_t at;   /* which device is next */
static uint64_t drawn;
static int64_t owner;

static void
must(const struct bb_db *db, enum bb_db_result r)
{
	if (r != BB_DB_OK)
		bench_fail("the store: %s", bb_db_why(db));
}

static void
draw(uint8_t *bytes, size_t len)
{
	memset(bytes, 0, len);
	drawn++;
	memcpy(bytes, &drawn, sizeof(drawn) < len ? sizeof(drawn) : len);
}

static uint32_t
next_device(void)
{
	return (uint32_t)(at++ % DEVICES);
}

/* --- the device store ------------------------------------------------------
 */

static void
attach_one(uint32_t i, const uint8_t kid[BB_KID_LEN],
    uint8_t next_kid[BB_KID_LEN])
{
	struct bb_attach_row row = { .pin = FIRST_PIN + i, .service = "local" };
	uint32_t told;

	row.att = ++att[i];
	memcpy(row.kid, kid, BB_KID_LEN);
	draw(row.next_kid, sizeof(row.next_kid));
	draw(row.next_base, sizeof(row.next_base));
	draw(row.e_s, sizeof(row.e_s));
	memcpy(next_kid, row.next_kid, BB_KID_LEN);
	must(devices, bb_devkey_attach(devices, &row, &told));
}

static void
kid_of(uint32_t i, uint8_t kid[BB_KID_LEN])
{
	struct bb_devkey key;

	must(devices, bb_devkey_current(devices, FIRST_PIN + i, &key));
	memcpy(kid, key.kid, BB_KID_LEN);
}

/* n attaches, `group` in each transaction; each finds its row first, as in
 * life. */
static void
attach_groups(int64_t n, int64_t group)
{
	uint8_t kid[BB_KID_LEN], next[BB_KID_LEN];
	int64_t i, done;

	for (done = 0; done < n; done += group) {
		must(devices, bb_db_begin(devices, true));
		for (i = 0; i < group; i++) {
			uint32_t device = next_device();

			kid_of(device, kid);
			attach_one(device, kid, next);
		}
		must(devices, bb_db_commit(devices));
	}
}

static void
attach_1(int64_t n)
{
	attach_groups(n, 1);
}

static void
attach_8(int64_t n)
{
	attach_groups(n, 8);
}

static void
attach_32(int64_t n)
{
	attach_groups(n, 32);
}

/* T1 and T2. */
static void
attach_confirm(int64_t n)
{
	uint8_t kid[BB_KID_LEN], next[BB_KID_LEN];
	uint32_t i;

	while (n-- > 0) {
		i = next_device();
		kid_of(i, kid);
		must(devices, bb_db_begin(devices, true));
		attach_one(i, kid, next);
		must(devices, bb_db_commit(devices));
		must(devices, bb_devkey_promote(devices, FIRST_PIN + i, next));
	}
}

static void
key_find(int64_t n)
{
	static uint8_t kids[DEVICES][BB_KID_LEN];
	struct bb_devkey key;
	uint32_t i;

	for (i = 0; i < DEVICES && i < n; i++)
		kid_of(i, kids[i]);
	while (n-- > 0) {
		i = (uint32_t)n % DEVICES;
		must(devices,
		    bb_devkey_find(devices, FIRST_PIN + i, kids[i], &key));
	}
}

/* --- the configuration store -----------------------------------------------
 */

static void
name_of(uint32_t i, char name[BB_NAME_MAX])
{
	(void)snprintf(name, BB_NAME_MAX, "user%04u", (unsigned)i);
}

static void
admit_one(uint32_t i)
{
	char name[BB_NAME_MAX];
	struct bb_admit ask = { .pin = FIRST_PIN + i,
		.user = name,
		.service = "local",
		.owner = owner,
		.att = ++att[i],
		.numbering = 1,
		.coverage = true,
		.now_ms = bb_clock_ms() };
	struct bb_admitted out;

	name_of(i, name);
	must(config, bb_admit(config, &ask, &out));
	if (out.decision.verdict != BB_ADMITTED &&
	    out.decision.verdict != BB_REPLACED)
		bench_fail("not admitted: %s", out.reason);
	fences[i] = (struct bb_fence){ FIRST_PIN + i, owner, out.term };
	bb_admitted_clear(&out);
}

/* All of them hold a session: it is replaced. */
static void
admit(int64_t n)
{
	while (n-- > 0)
		admit_one(next_device());
}

static void
admit_end(int64_t n)
{
	uint32_t i;

	while (n-- > 0) {
		i = next_device();
		must(config, bb_session_end(config, &fences[i], "logout"));
		admit_one(i);
	}
}

static bool
seen(void *ctx, uint64_t n, const char *body, size_t len)
{
	uint64_t *highest = ctx;

	(void)body;
	(void)len;
	*highest = n;
	return true;
}

/* A message of device 0 to device 1, whose last one it acknowledges: what the
 * service writes and reads for it. */
static void
message(uint64_t *up_next)
{
	uint32_t pins[4];
	struct bb_delivery delivery = { .owner = owner,
		.service = "local",
		.account = "user0001",
		.body = micro_message,
		.body_len = MICRO_MESSAGE_LEN,
		.now_s = bb_clock_wall_s(),
		.pins = pins,
		.pins_max = BB_LEN(pins) };
	char ended[BB_ENDED_MAX];

	must(config, bb_session_check(config, &fences[0], ended));
	must(config, bb_session_check(config, &fences[1], ended));
	must(config, bb_spool_deliver(config, &delivery));
	must(config, bb_session_up_next(config, &fences[0], ++*up_next));
	must(config, bb_spool_ack(config, &fences[1], sent));
}

static void
messages(int64_t n, int64_t group)
{
	static uint64_t up_next = 1;
	uint64_t highest;
	int64_t i, done;

	for (done = 0; done < n; done += group) {
		must(config, bb_db_begin(config, false));
		for (i = 0; i < group; i++) {
			message(&up_next);
			must(config, bb_spool_each(config, fences[1].pin, sent,
					 seen, &highest));
			sent = highest;
		}
		must(config, bb_db_commit(config));
	}
}

static void
message_1(int64_t n)
{
	messages(n, 1);
}

static void
message_16(int64_t n)
{
	messages(n, 16);
}

static void
message_64(int64_t n)
{
	messages(n, 64);
}

/* --- beginning and end -----------------------------------------------------
 */

static struct bb_db *
open_store(enum bb_store store, const char *dir, const char *name)
{
	char path[2 * BENCH_PATH_MAX], why[BB_DB_WHY_MAX];
	struct bb_db *db;
	int status;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	db = bb_db_open(store, path, BB_DB_CREATE, why, &status);
	if (db == NULL)
		bench_fail("%s", why);
	return db;
}

void
micro_store_begin(const char *dir)
{
	uint8_t kid[BB_KID_LEN], base[BB_BASE_KEY_LEN];
	char name[BB_NAME_MAX];
	uint32_t i;

	devices = open_store(BB_DEVICE_STORE, dir, "devices.db");
	config = open_store(BB_CONFIG_STORE, dir, "config.db");
	must(devices, bb_db_begin(devices, true));
	must(config, bb_db_begin(config, true));
	must(config, bb_service_add(config, "local", "local", "", 0));
	for (i = 0; i < DEVICES; i++) {
		name_of(i, name);
		draw(kid, sizeof(kid));
		draw(base, sizeof(base));
		must(devices,
		    bb_device_add(devices, FIRST_PIN + i, name, kid, base));
		must(config, bb_user_add(config, name, NULL));
		must(config, bb_permission_add(config, name, "local", NULL));
	}
	must(devices, bb_db_commit(devices));
	must(config, bb_db_commit(config));
	must(config, bb_owner_register(config, bb_clock_ms(), &owner));
	must(config, bb_owner_serves(config, owner, "local", BB_UNLIMITED));
	must(config, bb_db_begin(config, false));
	for (i = 0; i < DEVICES; i++)
		admit_one(i);
	must(config, bb_db_commit(config));
}

void
micro_store_end(void)
{
	bb_db_close(devices);
	bb_db_close(config);
}

/* clang-format off */
const struct micro micro_stores[] = {
	{ "store: find a key (for each frame)",              "key_find",     NULL,            key_find },
	{ "store: attach, T1 synced, alone",                 "attach_1",     "ref_admission", attach_1 },
	{ "store: attach, T1, 8 in a transaction",           "attach_8",     "ref_admission", attach_8 },
	{ "store: attach, T1, 32 in a transaction",          "attach_32",    "ref_admission", attach_32 },
	{ "store: attach and confirm, T1 and T2",            "attach_t1_t2", "ref_admission", attach_confirm },
	{ "store: admission, own session replaced",          "admit",        "ref_admission", admit },
	{ "store: logout and admission",                     "admit_end",    "ref_admission", admit_end },
	{ "store: message in and out of the spool, alone",   "message_1",    "ref_admission", message_1 },
	{ "store: message, 16 in a transaction",             "message_16",   "ref_admission", message_16 },
	{ "store: message, 64 in a transaction",             "message_64",   "ref_admission", message_64 },
};
/* clang-format on */
const size_t micro_stores_len = BB_LEN(micro_stores);
