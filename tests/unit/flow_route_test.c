/* Which target takes a key. */
#include "flow/route.h"
#include "tap.h"

#define TARGETS 5
#define KEYS 20000

static struct bb_route_target targets[TARGETS];

static void
make_targets(void)
{
	uint8_t i;

	for (i = 0; i < TARGETS; i++) {
		targets[i].id = bb_route_hash(&i, 1);
		targets[i].healthy = true;
	}
}

static int
pick(uint32_t key)
{
	return bb_route_pick(targets, TARGETS,
	    bb_route_hash(&key, sizeof(key)));
}

static void
test_share(void)
{
	int count[TARGETS] = { 0 };
	uint32_t key;
	size_t i;

	for (key = 0; key < KEYS; key++)
		count[pick(key)]++;
	for (i = 0; i < TARGETS; i++)
		tap_ok(count[i] > KEYS / TARGETS * 9 / 10 &&
			   count[i] < KEYS / TARGETS * 11 / 10,
		    "target %zu takes its share within a tenth", i);
}

static void
test_failure_moves_only_its_own(void)
{
	int before, moved = 0, strangers = 0, back = 0;
	uint32_t key;

	for (key = 0; key < KEYS; key++) {
		targets[2].healthy = true;
		before = pick(key);
		targets[2].healthy = false;
		if (pick(key) != before) {
			moved++;
			strangers += before != 2;
		}
		targets[2].healthy = true;
		back += pick(key) == before;
	}
	tap_ok(moved > 0, "a target that fails gives its keys away");
	TAP_EQ_INT(strangers, 0, "no other target loses a key");
	TAP_EQ_INT(back, KEYS, "and it gets them back when it returns");
}

static void
test_none(void)
{
	size_t i;

	for (i = 0; i < TARGETS; i++)
		targets[i].healthy = false;
	TAP_EQ_INT(pick(1), -1, "with nobody healthy nobody takes a key");
	TAP_EQ_INT(bb_route_pick(NULL, 0, 1), -1, "nor with no targets at all");
}

int
main(void)
{
	make_targets();
	test_share();
	test_failure_moves_only_its_own();
	test_none();
	return tap_done();
}
