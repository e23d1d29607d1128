/* Spool and inbox: order, bounds, ages, who gets what. */
#include "configdb/spool.h"

#include "configdb_gateway.h"

#include "base/cc.h"

#define DAY 86400
#define NOW_S (1000 * DAY)

static char text[512];
static uint32_t told[4];
static size_t told_len;

static bool
add_event(void *ctx, uint64_t n, const char *body, size_t len)
{
	unsigned *most = ctx;
	size_t at = strlen(text);

	(void)snprintf(text + at, sizeof(text) - at, "%s%u:%.*s",
	    at > 0 ? " " : "", (unsigned)n, (int)len, body);
	return --*most > 0;
}

static const char *
spool(uint32_t pin)
{
	unsigned most = 99;

	text[0] = '\0';
	(void)bb_spool_each(gw, pin, 0, add_event, &most);
	return text;
}

static enum bb_db_result
deliver(int64_t owner, const char *account, const char *body, int64_t now_s)
{
	struct bb_delivery d = { .owner = owner,
		.service = "im",
		.account = account,
		.body = body,
		.body_len = strlen(body),
		.now_s = now_s,
		.pins = told,
		.pins_max = BB_LEN(told) };
	enum bb_db_result r = bb_spool_deliver(gw, &d);

	told_len = d.pins_len;
	return r;
}

static enum bb_db_result
put(const struct bb_fence *f, const char *body, size_t *dropped)
{
	return bb_spool_put(gw, f, body, strlen(body), NOW_S, dropped);
}

static int64_t
count(const char *what)
{
	char sql[200];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", what);
	return rig_query("spool.db", sql);
}

/* Logs u1 in on another PIN. */
static struct bb_fence
second_device(int64_t owner, uint32_t pin)
{
	struct bb_admit q = gw_request(owner, pin);

	q.user = "u1";
	(void)gw_admit(&q);
	return gw_fence(owner, pin);
}

static void
fresh(void)
{
	if (gw != NULL) {
		TAP_EQ_INT(bb_db_check(gw), BB_DB_OK,
		    "the store is sound after all");
		bb_db_close(gw);
		(void)unlink(rig_path("spool.db"));
	}
	gw_begin("spool.db");
}

static void
test_offline(void)
{
	struct bb_fence f;
	size_t moved = 99;
	int64_t me;

	fresh();
	me = gw_owner();
	TAP_EQ_INT(deliver(me, "u1", "a", NOW_S), BB_DB_OK,
	    "an event for an account without a device is kept");
	TAP_EQ_INT(told_len, 0, "for nobody here");
	(void)deliver(me, "u1", "b", NOW_S);
	TAP_EQ_INT(deliver(me, "nobody", "x", NOW_S), BB_DB_NONE,
	    "one for an account that nobody may use is not");
	(void)gw_login(me, 2);
	f = gw_fence(me, 2);
	TAP_EQ_INT(bb_inbox_take(gw, &f, NOW_S, &moved), BB_DB_OK,
	    "another account takes its inbox");
	TAP_EQ_INT(moved, 0, "which is empty");
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	TAP_EQ_INT(bb_inbox_take(gw, &f, NOW_S, &moved), BB_DB_OK,
	    "the account takes its own");
	TAP_EQ_INT(moved, 2, "with both events");
	TAP_EQ_STR(spool(1), "1:a 2:b", "in order");
	(void)bb_inbox_take(gw, &f, NOW_S, &moved);
	TAP_EQ_INT(moved, 0, "once");
}

static void
test_online(void)
{
	struct bb_fence mine, other;
	int64_t me, them;
	size_t moved;

	fresh();
	me = gw_owner();
	them = gw_owner();
	(void)gw_login(me, 1);
	mine = gw_fence(me, 1);
	other = second_device(them, 5);
	TAP_EQ_INT(deliver(me, "u1", "a", NOW_S), BB_DB_OK,
	    "an event for an account with two devices");
	tap_ok(told_len == 1 && told[0] == 1,
	    "is told to the one that is held here");
	TAP_EQ_STR(spool(1), "1:a", "is in its spool");
	TAP_EQ_STR(spool(5), "", "and not in the other's");
	(void)bb_inbox_take(gw, &other, NOW_S, &moved);
	TAP_EQ_STR(spool(5), "1:a", "which takes its own copy");
	(void)deliver(them, "u1", "b", NOW_S);
	TAP_EQ_STR(spool(1), "1:a", "what the other process leaves");
	(void)deliver(me, "u1", "c", NOW_S);
	TAP_EQ_STR(spool(1), "1:a 2:b 3:c", "comes before what is newer");
	(void)bb_session_end(gw, &mine, "logout");
	(void)deliver(me, "u1", "d", NOW_S);
	TAP_EQ_STR(spool(1), "1:a 2:b 3:c", "for a device without a session");
	(void)gw_login(me, 1);
	mine = gw_fence(me, 1);
	(void)bb_inbox_take(gw, &mine, NOW_S, &moved);
	TAP_EQ_STR(spool(1), "1:a 2:b 3:c 4:d", "it waits in the inbox");
}

static void
test_acks(void)
{
	struct bb_session_row row;
	struct bb_fence f;
	size_t dropped;
	unsigned most = 2;
	int64_t me;

	fresh();
	me = gw_owner();
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	(void)put(&f, "a", &dropped);
	(void)put(&f, "b", &dropped);
	(void)put(&f, "c", &dropped);
	(void)put(&f, "d", &dropped);
	text[0] = '\0';
	(void)bb_spool_each(gw, 1, 1, add_event, &most);
	TAP_EQ_STR(text, "2:b 3:c", "events after a number, as many as wanted");
	TAP_EQ_INT(bb_spool_ack(gw, &f, 2), BB_DB_OK, "two are acknowledged");
	TAP_EQ_STR(spool(1), "3:c 4:d", "and gone");
	TAP_EQ_INT(bb_spool_ack(gw, &f, 1), BB_DB_OK, "an old acknowledgement");
	(void)bb_session_get(gw, 1, gw_now, &row);
	TAP_EQ_UINT(row.down_acked, 2, "changes nothing");
	TAP_EQ_INT(bb_spool_ack(gw, &f, UINT64_MAX), BB_DB_OK,
	    "one of more than was sent");
	(void)bb_session_get(gw, 1, gw_now, &row);
	tap_ok(row.down_acked == 4 && row.down_next == 5 && row.waiting == 0,
	    "acknowledges what was");
	(void)put(&f, "e", &dropped);
	TAP_EQ_STR(spool(1), "5:e", "and no number is given twice");
	TAP_EQ_INT(put(&f, "", &dropped), BB_DB_REFUSED,
	    "an event of nothing is refused");
}

/* Many small ones in one transaction; how many were stored. */
static int
fill(int64_t owner, const struct bb_fence *f, const char *body, int n)
{
	size_t dropped;
	int i, stored = 0;

	(void)bb_db_begin(gw, false);
	for (i = 0; i < n; i++)
		stored += (f == NULL ? deliver(owner, "u1", body, NOW_S)
				     : put(f, body, &dropped)) == BB_DB_OK;
	(void)bb_db_commit(gw);
	return stored;
}

static void
test_count_bound(void)
{
	struct bb_fence f;
	size_t dropped, moved;
	int64_t me;

	fresh();
	me = gw_owner();
	TAP_EQ_INT(fill(me, NULL, "x", BB_SPOOL_COUNT_MAX), BB_SPOOL_COUNT_MAX,
	    "an inbox takes a thousand events");
	TAP_EQ_INT(deliver(me, "u1", "y", NOW_S), BB_DB_FULL, "and no more");
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	(void)put(&f, "first", &dropped);
	TAP_EQ_INT(bb_inbox_take(gw, &f, NOW_S, &moved), BB_DB_OK,
	    "a spool with one event");
	TAP_EQ_INT(moved, BB_SPOOL_COUNT_MAX - 1,
	    "takes as many as it has room for");
	TAP_EQ_INT(deliver(me, "u1", "y", NOW_S), BB_DB_FULL,
	    "a full spool takes no more");
	(void)bb_spool_ack(gw, &f, 1);
	TAP_EQ_INT(deliver(me, "u1", "y", NOW_S), BB_DB_FULL,
	    "nor overtakes it what is still in the inbox");
	(void)bb_inbox_take(gw, &f, NOW_S, &moved);
	TAP_EQ_INT(moved, 1, "which comes when there is room");
	TAP_EQ_INT(put(&f, "y", &dropped), BB_DB_OK,
	    "an IM server's event is taken");
	TAP_EQ_INT(dropped, 1, "and the oldest gives way");
	TAP_EQ_INT(count("spool"), BB_SPOOL_COUNT_MAX, "the bound holds");
	TAP_EQ_INT(rig_query("spool.db", "SELECT min(n) FROM spool"), 3,
	    "the second is the oldest now");
	(void)bb_session_end(gw, &f, "logout");
	TAP_EQ_INT(deliver(me, "u1", "y", NOW_S), BB_DB_FULL,
	    "spool and inbox of a device away share the bound");
	(void)second_device(me, 5);
	TAP_EQ_INT(deliver(me, "u1", "z", NOW_S), BB_DB_OK,
	    "one full device is no reason when another has room");
	TAP_EQ_STR(spool(5), "1:z", "which has it");
}

static void
test_bytes_bound(void)
{
	static char big[60001];
	struct bb_fence f;
	size_t dropped, moved;
	int64_t me;
	const int fit = BB_SPOOL_BYTES_MAX / 60000;

	memset(big, 'x', sizeof(big) - 1);
	fresh();
	me = gw_owner();
	TAP_EQ_INT(fill(me, NULL, big, 100), fit,
	    "an inbox takes four mebibytes");
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	(void)bb_inbox_take(gw, &f, NOW_S, &moved);
	TAP_EQ_INT(moved, fit, "which go to the spool");
	TAP_EQ_INT(deliver(me, "u1", big, NOW_S), BB_DB_FULL,
	    "the spool takes no more");
	TAP_EQ_INT(deliver(me, "u1", "small", NOW_S), BB_DB_OK,
	    "but something small");
	TAP_EQ_INT(put(&f, big, &dropped), BB_DB_OK,
	    "an IM server's event is taken");
	TAP_EQ_INT(dropped, 1, "for an old one");
	TAP_EQ_INT(bb_spool_put(gw, &f, big, BB_SPOOL_BODY_MAX + 1, NOW_S,
		       &dropped),
	    BB_DB_REFUSED, "longer than a frame carries is refused");
}

static void
test_age(void)
{
	struct bb_fence f;
	size_t moved;
	int64_t me;

	fresh();
	me = gw_owner();
	(void)deliver(me, "u1", "a", NOW_S - 8 * DAY);
	(void)deliver(me, "u1", "b", NOW_S - 6 * DAY);
	(void)gw_login(me, 1);
	f = gw_fence(me, 1);
	(void)bb_inbox_take(gw, &f, NOW_S, &moved);
	TAP_EQ_STR(spool(1), "1:b", "what waited for a week is dropped");
	(void)deliver(me, "u1", "c", NOW_S + 2 * DAY);
	TAP_EQ_STR(spool(1), "2:c", "also from the spool");
}

/* One who may use an account after another does not read the other's. */
static void
test_privacy(void)
{
	struct bb_fence f;
	int64_t me;

	fresh();
	me = gw_owner();
	(void)deliver(me, "u1", "secret", NOW_S);
	(void)gw_login(me, 2);
	f = gw_fence(me, 2);
	(void)deliver(me, "u2", "secret", NOW_S);
	(void)bb_session_end(gw, &f, "logout");
	(void)bb_user_remove(gw, "u1");
	(void)bb_permission_remove(gw, "u2", "im");
	TAP_EQ_INT(count("inbox") + count("spool"), 0,
	    "what waits for an account goes with the permission to use it");
	TAP_EQ_INT(deliver(me, "u1", "x", NOW_S), BB_DB_NONE,
	    "and nothing new is taken for it");
	(void)bb_permission_add(gw, "u3", "im2", "u1");
	(void)bb_service_remove(gw, "im2");
	TAP_EQ_INT(bb_db_check(gw), BB_DB_OK, "a service goes with its own");
}

int
main(void)
{
	rig_begin();
	test_offline();
	test_online();
	test_acks();
	test_count_bound();
	test_bytes_bound();
	test_age();
	test_privacy();
	gw_end();
	rig_end();
	return tap_done();
}
