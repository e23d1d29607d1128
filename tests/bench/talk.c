/* What devices do under load. */
#include "talk.h"

#include <stdbool.h>
#include <string.h>

#include "base/cc.h"

#define AT_ONCE 50    /* attaches under way */
#define WINDOW 8      /* messages under way from each of a pair */
#define TEXT_LEN 128  /* some 200 bytes of JSON */
#define ALIVES 31     /* before each frame that is answered */
#define WAIT_MS 20000 /* longer means that something is lost */

static void
turn(struct gateway *g, const char *what)
{
	if (!client_turn(&g->client, WAIT_MS))
		bench_fail("lost: %s", what);
}

static void
hear(struct gateway *g, void (*heard)(void *ctx, struct conn *conn), void *ctx)
{
	g->client.heard = heard;
	g->client.ctx = ctx;
}

/* --- logins and resumes ----------------------------------------------------
 */

struct joining {
	struct client *client;
	size_t next, end; /* devices that have not begun yet */
	size_t live;
};

static void
join_next(struct joining *j)
{
	struct conn *conn;

	if (j->next == j->end)
		return;
	conn = &j->client->conns[j->next++];
	conn->joined = false;
	client_connect(j->client, conn);
	device_attach(conn->device, client_out(j->client, conn));
}

static void
join_heard(void *ctx, struct conn *conn)
{
	struct joining *j = ctx;

	if (conn->device->state != DEVICE_LIVE || conn->joined)
		return;
	conn->joined = true;
	j->live++;
	join_next(j);
}

void
talk_join(struct gateway *g, size_t from, size_t to)
{
	struct joining j = { &g->client, from, to, 0 };
	size_t i;

	hear(g, join_heard, &j);
	for (i = 0; i < AT_ONCE; i++)
		join_next(&j);
	while (j.live < to - from)
		turn(g, "an answer to an attach");
	hear(g, NULL, NULL);
}

/* --- one pair --------------------------------------------------------------
 */

static void
send_one(struct client *client, struct conn *from, const struct conn *to)
{
	device_send(from->device, to->device->number, TEXT_LEN,
	    client_out(client, from));
}

static void
pair_once(struct phase *phase, struct phase *to_result, struct conn *a,
    const struct conn *b)
{
	uint64_t heard = b->device->heard, known = a->device->results;
	bool there = false, told = false;
	int64_t start = bench_now();

	send_one(&phase->g->client, a, b);
	while (!there || !told) {
		turn(phase->g, "a message or its result");
		if (!there && b->device->heard > heard) {
			phase_sample(phase, bench_now() - start);
			there = true;
		}
		if (!told && a->device->results > known) {
			phase_sample(to_result, bench_now() - start);
			told = true;
		}
	}
}

uint64_t
talk_pair(struct phase *phase, struct phase *to_result, int64_t ms)
{
	int64_t end = bench_now() + ms * 1000000;
	struct conn *conns = phase->g->client.conns;
	uint64_t count = 0;

	for (; bench_now() < end; count++)
		pair_once(phase, to_result, &conns[count % 2],
		    &conns[(count + 1) % 2]);
	return count;
}

/* --- fifty pairs -----------------------------------------------------------
 */

struct talking {
	struct client *client;
	int64_t end;
};

static struct conn *
partner(const struct client *client, const struct conn *conn)
{
	return &client->conns[(conn - client->conns) ^ 1];
}

/* What it has sent and its partner has not, or has and it does not know. */
static uint64_t
under_way(const struct client *client, const struct conn *conn)
{
	uint64_t known = conn->device->results;
	uint64_t there = partner(client, conn)->device->heard;

	return conn->device->sent - (known < there ? known : there);
}

static void
talk_on(const struct talking *t, struct conn *conn)
{
	if (bench_now() >= t->end)
		return;
	while (under_way(t->client, conn) < WINDOW)
		send_one(t->client, conn, partner(t->client, conn));
}

static void
pairs_heard(void *ctx, struct conn *conn)
{
	const struct talking *t = ctx;

	talk_on(t, conn);
	talk_on(t, partner(t->client, conn));
}

static bool
all_there(const struct client *client)
{
	size_t i;

	for (i = 0; i < TALKERS; i++)
		if (under_way(client, &client->conns[i]) > 0)
			return false;
	return true;
}

uint64_t
talk_heard(const struct gateway *g)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < TALKERS; i++)
		sum += g->devices[i].heard;
	return sum;
}

uint64_t
talk_pairs(struct gateway *g, int64_t ms)
{
	struct talking t = { &g->client, bench_now() + ms * 1000000 };
	uint64_t before = talk_heard(g);
	size_t i;

	hear(g, pairs_heard, &t);
	for (i = 0; i < TALKERS; i++)
		talk_on(&t, &g->client.conns[i]);
	while (!all_there(&g->client))
		turn(g, "messages or their results");
	hear(g, NULL, NULL);
	return talk_heard(g) - before;
}

/* --- what is not stored ----------------------------------------------------
 */

struct living {
	struct client *client;
	int64_t end;
	uint64_t said;
	size_t waiting;
	uint64_t reports[TALKERS]; /* that each device will have had */
};

static void
live_on(struct living *l, struct conn *conn)
{
	static const char alive[] = "{\"op\":\"alive\"}";
	struct bb_buf *out;
	size_t i;

	if (bench_now() >= l->end)
		return;
	out = client_out(l->client, conn);
	for (i = 0; i < ALIVES; i++)
		device_say(conn->device, alive, sizeof(alive) - 1, out);
	device_ask(conn->device, out);
	l->said += ALIVES + 1;
	l->waiting++;
	l->reports[conn - l->client->conns]++;
}

static void
alive_heard(void *ctx, struct conn *conn)
{
	struct living *l = ctx;

	if (conn->device->reports < l->reports[conn - l->client->conns])
		return;
	l->waiting--;
	live_on(l, conn);
}

uint64_t
talk_alive(struct gateway *g, int64_t ms)
{
	struct living l = { .client = &g->client,
		.end = bench_now() + ms * 1000000 };
	size_t i;

	hear(g, alive_heard, &l);
	for (i = 0; i < TALKERS; i++) {
		l.reports[i] = g->devices[i].reports;
		live_on(&l, &g->client.conns[i]);
	}
	while (l.waiting > 0)
		turn(g, "an answer");
	hear(g, NULL, NULL);
	return l.said;
}
