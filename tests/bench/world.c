/* Writes both stores for a bench. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/sys.h"
#include "bench.h"
#include "configdb/config.h"
#include "configdb/devices.h"
#include "serve/password.h"

#include "base/cc.h"

static void
must(const struct bb_db *db, enum bb_db_result r)
{
	if (r != BB_DB_OK)
		bench_fail("the store: %s", bb_db_why(db));
}

static struct bb_db *
begin(enum bb_store store, const char *dir, const char *name)
{
	char path[2 * BENCH_PATH_MAX], why[BB_DB_WHY_MAX];
	struct bb_db *db;
	int status;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	db = bb_db_open(store, path, BB_DB_CREATE, why, &status);
	if (db == NULL)
		bench_fail("%s", why);
	must(db, bb_db_begin(db, true));
	return db;
}

static void
end(struct bb_db *db)
{
	must(db, bb_db_commit(db));
	bb_db_close(db);
}

static void
make_devices(const char *dir, struct device *devices, uint32_t count)
{
	struct bb_db *db = begin(BB_DEVICE_STORE, dir, "devices.db");
	char name[DEVICE_NAME_MAX];
	struct bb_keys keys;
	uint32_t i;

	for (i = 0; i < count; i++) {
		devices[i].number = i;
		bb_random(devices[i].base, sizeof(devices[i].base));
		if (bb_keys_expand(devices[i].base, device_pin(&devices[i]),
			&keys) == -1)
			bench_fail("unable to expand a key");
		device_name(i, name);
		must(db, bb_device_add(db, device_pin(&devices[i]), name,
			     keys.kid, devices[i].base));
	}
	end(db);
}

/* The cheapest verifier that is taken: what hashing costs is told apart. */
static void
make_users(const char *dir, uint32_t count)
{
	struct bb_db *db = begin(BB_CONFIG_STORE, dir, "config.db");
	char verifier[BB_PASSWORD_VERIFIER_MAX], name[DEVICE_NAME_MAX];
	struct bb_secret password = { 0 };
	enum bb_db_result r;
	uint32_t i;

	if (bb_secret_set(&password, DEVICE_PASSWORD,
		strlen(DEVICE_PASSWORD)) == -1 ||
	    bb_password_verifier(&password, BB_SCRYPT_COST_MIN, verifier) == -1)
		bench_fail("unable to hash: %s", strerror(errno));
	bb_secret_clear(&password);
	r = bb_service_add(db, "local", "local", "", 0);
	if (r != BB_DB_EXISTS)
		must(db, r);
	for (i = 0; i < count; i++) {
		device_name(i, name);
		must(db, bb_user_add(db, name, verifier));
		must(db, bb_permission_add(db, name, "local", NULL));
	}
	end(db);
}

struct device *
world_make(const char *dir, uint32_t count)
{
	struct device *devices = calloc(count, sizeof(*devices));

	if (devices == NULL)
		bench_fail("no memory");
	make_devices(dir, devices, count);
	make_users(dir, count);
	return devices;
}
