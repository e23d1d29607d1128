/* Dialing: refused, looked up, again, and how long it waits between. */
#include "serve/dial.h"

#include <netdb.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/listen.h"
#include "serve_rig.h"

#define UPS_MAX 8

static char folder[64];

/* A dial and what became of it. */
struct dialed {
	struct rig *rig;
	struct bb_dial *dial;
	unsigned ups, fails;
	unsigned wanted; /* ups */
	int64_t up_us[UPS_MAX];
	int fd;        /* of the last up */
	char why[128]; /* of the first failure */
	int error;
	bool hang_up;             /* close each but the last wanted at once */
	bool free_it;             /* in the next callback */
	const struct bb_addr *at; /* listened at after the first failure */
	int server;
};

static struct bb_addr
address(const char *text)
{
	const char *clause = "";
	struct bb_addr a;

	RIG_MUST(bb_addr_scan(text, 0, &a, &clause));
	return a;
}

static struct bb_addr
port_address(const struct sockaddr_in *at, const char *host)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s%d", host, ntohs(at->sin_port));
	return address(text);
}

static void
free_dial(struct dialed *d)
{
	bb_dial_free(d->dial);
	d->dial = NULL;
}

static void
up(void *ctx, struct bb_dial *dial, int fd)
{
	struct dialed *d = ctx;

	if (d->ups < UPS_MAX)
		d->up_us[d->ups] = bb_clock_us();
	d->ups++;
	d->fd = fd;
	if (d->free_it) {
		free_dial(d);
	} else if (d->hang_up && d->ups < d->wanted) {
		(void)close(fd);
		bb_dial_again(dial);
	}
}

static void
failed(void *ctx, struct bb_dial *dial, const char *why)
{
	struct dialed *d = ctx;
	char text[BB_LISTEN_WHY_MAX];
	size_t count = 0;

	if (d->fails++ == 0) {
		(void)snprintf(d->why, sizeof(d->why), "%s", why);
		d->error = bb_dial_error(dial);
		if (d->at != NULL)
			RIG_MUST(
			    bb_listen(d->at, &d->server, 1, &count, text) == 0);
	}
	if (d->free_it)
		free_dial(d);
}

static const struct bb_dial_calls calls = { .up = up, .failed = failed };

static void
dial(struct dialed *d, struct rig *rig, struct bb_work *work,
    const struct bb_addr *a)
{
	memset(d, 0, sizeof(*d));
	d->rig = rig;
	d->fd = d->server = -1;
	d->wanted = 1;
	d->dial = bb_dial_new(rig->loop, work, a, &calls, d);
	RIG_MUST(d->dial != NULL);
	TAP_EQ_INT(d->ups + d->fails, 0, "nothing is called from within new");
}

static bool
is_up(void *ctx)
{
	const struct dialed *d = ctx;

	return d->ups >= d->wanted;
}

static bool
has_failed(void *ctx)
{
	const struct dialed *d = ctx;

	return d->fails > 0;
}

static bool
is_freed(void *ctx)
{
	const struct dialed *d = ctx;

	return d->dial == NULL;
}

/* ---- connecting ---- */

static void
test_up(const char *host)
{
	struct sockaddr_in at;
	int server = rig_listen(&at), fd;
	struct bb_addr a = port_address(&at, host);
	struct rig rig;
	struct dialed d;

	rig_open(&rig);
	dial(&d, &rig, NULL, &a);
	tap_ok(rig_until(&rig, is_up, &d), "\"%sPORT\" is dialed", host);
	TAP_EQ_INT(d.fails, 0, "at once, and without workers");
	tap_ok((fcntl(d.fd, F_GETFD) & FD_CLOEXEC) != 0, "no child gets it");
	fd = accept(server, NULL, NULL);
	rig_write(fd, "x");
	(void)close(fd);
	bb_dial_free(d.dial);
	tap_ok(fcntl(d.fd, F_GETFD) != -1, "a dial that is freed leaves what "
					   "it gave");
	(void)close(d.fd);
	(void)close(server);
	rig_close(&rig);
}

static void
test_server_comes(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int server = socket(AF_INET, SOCK_STREAM, 0);
	struct bb_addr a;
	struct rig rig;
	struct dialed d;

	/* Bound, and nobody listens yet: the port stays ours. */
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	RIG_MUST(bind(server, (struct sockaddr *)&at, sizeof(at)) == 0);
	RIG_MUST(getsockname(server, (struct sockaddr *)&at, &len) == 0);
	a = port_address(&at, "");
	rig_open(&rig);
	dial(&d, &rig, NULL, &a);
	tap_ok(rig_until(&rig, has_failed, &d), "nobody listens");
	TAP_EQ_STR(d.why, strerror(ECONNREFUSED), "that is said in words");
	TAP_EQ_INT(d.error, ECONNREFUSED, "and as an errno");
	RIG_MUST(listen(server, 5) == 0);
	tap_ok(rig_until(&rig, is_up, &d), "when somebody does, it is up");
	(void)close(d.fd);
	bb_dial_free(d.dial);
	(void)close(server);
	rig_close(&rig);
}

static void
test_unix(void)
{
	char text[128];
	struct bb_addr a;
	struct rig rig;
	struct dialed d;
	int64_t waited;

	(void)snprintf(text, sizeof(text), "unix:%s/server", folder);
	a = address(text);
	rig_open(&rig);
	dial(&d, &rig, NULL, &a);
	d.at = &a;
	waited = bb_clock_us();
	tap_ok(rig_until(&rig, is_up, &d), "a unix socket that comes later");
	TAP_EQ_STR(d.why, strerror(ENOENT), "was not there first");
	tap_ok(d.up_us[0] - waited >= 50000, "it was not tried at once again");
	TAP_EQ_INT(d.fails, 1, "but soon");
	(void)close(d.fd);
	bb_dial_free(d.dial);
	bb_listen_unlink(d.server);
	(void)close(d.server);
	rig_close(&rig);
}

/* A server that does not accept, until its queue is full. */
static void
test_queue_full(void)
{
	char text[128];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	struct bb_addr a;
	struct rig rig;
	struct dialed one, two, three;

	(void)snprintf(text, sizeof(text), "unix:%s/full", folder);
	a = address(text);
	memcpy(un.sun_path, a.path, sizeof(un.sun_path));
	RIG_MUST(bind(server, (struct sockaddr *)&un, sizeof(un)) == 0);
	RIG_MUST(listen(server, 0) == 0);
	rig_open(&rig);
	dial(&one, &rig, NULL, &a);
	(void)rig_until(&rig, is_up, &one);
	dial(&two, &rig, NULL, &a);
	tap_ok(rig_until(&rig, has_failed, &two), "a full queue is a failure");
	TAP_EQ_INT(two.error, EAGAIN, "(EAGAIN)");
	fd = accept(server, NULL, NULL);
	tap_ok(rig_until(&rig, is_up, &two), "which passes");
	(void)close(fd);
	bb_dial_free(two.dial);
	dial(&three, &rig, NULL, &a);
	bb_dial_free(three.dial);
	bb_dial_free(one.dial);
	bb_dial_free(NULL);
	(void)close(one.fd);
	(void)close(two.fd);
	(void)close(server);
	(void)unlink(a.path);
	rig_close(&rig);
}

/* Of two addresses the first refuses. */
static void
test_second_address(void)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback };
	socklen_t len = sizeof(in6);
	int server = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in at;
	struct bb_addr a;
	struct rig rig;
	struct dialed d;

	if (server == -1 ||
	    bind(server, (struct sockaddr *)&in6, sizeof(in6)) == -1) {
		tap_skip("there is no ::1 here");
		return;
	}
	RIG_MUST(listen(server, 5) == 0);
	RIG_MUST(getsockname(server, (struct sockaddr *)&in6, &len) == 0);
	at.sin_port = in6.sin6_port;
	a = port_address(&at, "");
	rig_open(&rig);
	dial(&d, &rig, NULL, &a);
	tap_ok(rig_until(&rig, is_up, &d), "a bare port is ::1 too");
	TAP_EQ_INT(d.fails, 0, "that 127.0.0.1 refused is no failure");
	(void)close(d.fd);
	bb_dial_free(d.dial);
	(void)close(server);
	rig_close(&rig);
}

/* ---- names ---- */

static void
test_names(void)
{
	char text[BB_ADDR_TEXT_MAX];
	struct sockaddr_in at;
	int server = rig_listen(&at);
	struct bb_work *work;
	struct bb_addr a;
	struct rig rig;
	struct dialed d;

	rig_open(&rig);
	work = bb_work_new(rig.loop, 1, 8);
	RIG_MUST(work != NULL);
	a = port_address(&at, "localhost:");
	dial(&d, &rig, work, &a);
	tap_ok(rig_until(&rig, is_up, &d), "a name is looked up");
	TAP_EQ_INT(d.fails, 0, "and each of its addresses tried");
	(void)close(d.fd);
	bb_dial_free(d.dial);

	/* No DNS is asked: a part of it has more than 63 bytes. */
	memset(text, 'a', 70);
	memcpy(text + 70, ":1", 3);
	a = address(text);
	dial(&d, &rig, work, &a);
	tap_ok(rig_until(&rig, has_failed, &d), "a name that is none fails");
	TAP_EQ_STR(d.why, gai_strerror(EAI_NONAME), "in the resolver's words");
	TAP_EQ_INT(d.error, EHOSTUNREACH, "and as an errno");
	bb_dial_free(d.dial);

	dial(&d, &rig, NULL, &a);
	tap_ok(rig_until(&rig, has_failed, &d), "a name without workers fails");
	bb_dial_free(d.dial);
	bb_work_free(work, NULL);
	rig_close(&rig);
	(void)close(server);
}

static bool
is_looking(void *ctx)
{
	struct bb_work *work = ctx;

	return bb_work_pending(work) > 0;
}

static bool
is_idle(void *ctx)
{
	struct bb_work *work = ctx;

	return bb_work_pending(work) == 0;
}

/* The answer comes to nobody: after the dial, or after the workers. */
static void
test_forgotten(void)
{
	struct bb_addr a = address("localhost:1");
	struct bb_work *work;
	struct dialed d, e;
	struct rig rig;

	rig_open(&rig);
	work = bb_work_new(rig.loop, 1, 8);
	RIG_MUST(work != NULL);
	dial(&d, &rig, work, &a);
	(void)rig_until(&rig, is_looking, work);
	bb_dial_free(d.dial);
	tap_ok(rig_until(&rig, is_idle, work),
	    "a dial can be freed while its name is looked up");
	TAP_EQ_INT(d.ups + d.fails, 0, "and hears no more of it");
	dial(&d, &rig, work, &a);
	dial(&e, &rig, work, &a);
	(void)rig_until(&rig, is_looking, work);
	bb_dial_free(d.dial);
	bb_dial_free(e.dial);
	bb_work_free(work, NULL);
	rig_close(&rig);
}

/* ---- again ---- */

/* The server's queue takes what it never accepts: each connection is up, and
 * is closed at once. */
static void
test_back_off(void)
{
	struct sockaddr_in at;
	int server = rig_listen(&at);
	struct bb_addr a = port_address(&at, "");
	struct rig rig;
	struct dialed d;
	int64_t gap, least = 50000;
	unsigned i;

	rig_open(&rig);
	dial(&d, &rig, NULL, &a);
	d.hang_up = true;
	d.wanted = 5;
	tap_ok(rig_until(&rig, is_up, &d), "what is closed is dialed again");
	TAP_EQ_INT(d.fails, 0, "and each time it is up");
	for (i = 1; i < 5; i++, least *= 2) {
		gap = d.up_us[i] - d.up_us[i - 1];
		tap_ok(gap >= least, "time %u it waits %d ms or more", i,
		    (int)(least / 1000));
	}
	(void)close(d.fd);
	bb_dial_free(d.dial);
	(void)close(server);
	rig_close(&rig);
}

static bool
has_failed_often(void *ctx)
{
	const struct dialed *d = ctx;

	return d->fails >= d->wanted;
}

static void
run_for(struct rig *rig, int64_t ms)
{
	RIG_MUST(bb_timer_set(rig->guard, ms) == 0);
	RIG_MUST(bb_loop_run(rig->loop) == 0);
}

/* After five failures it waits 0.8 s or more. */
static void
test_hurry(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int server = socket(AF_INET, SOCK_STREAM, 0);
	struct bb_addr a;
	struct rig rig;
	struct dialed d;
	int64_t since;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	RIG_MUST(bind(server, (struct sockaddr *)&at, sizeof(at)) == 0);
	RIG_MUST(getsockname(server, (struct sockaddr *)&at, &len) == 0);
	a = port_address(&at, "127.0.0.1:");
	rig_open(&rig);
	dial(&d, &rig, NULL, &a);
	d.wanted = 5;
	RIG_MUST(rig_until(&rig, has_failed_often, &d));
	bb_dial_hurry(d.dial);
	d.wanted = 1;
	RIG_MUST(listen(server, 5) == 0);
	run_for(&rig, 150);
	TAP_EQ_INT(d.ups, 0, "who has only just tried does not hurry");
	since = bb_clock_us();
	bb_dial_hurry(d.dial);
	tap_ok(rig_until(&rig, is_up, &d) && d.up_us[0] - since < 500000,
	    "a long wait is cut short for who needs it now");
	bb_dial_hurry(d.dial);
	run_for(&rig, 50);
	TAP_EQ_INT(d.ups, 1, "what is up is left alone");
	(void)close(d.fd);
	bb_dial_free(d.dial);
	(void)close(server);
	rig_close(&rig);
}

static void
test_freed_inside(void)
{
	struct sockaddr_in at;
	int server = rig_listen(&at);
	struct bb_addr a = port_address(&at, ""), b = address("unix:/no/such");
	struct rig rig;
	struct dialed d;

	rig_open(&rig);
	dial(&d, &rig, NULL, &a);
	d.free_it = true;
	tap_ok(rig_until(&rig, is_freed, &d), "a dial can be freed when up");
	(void)close(d.fd);
	dial(&d, &rig, NULL, &b);
	d.free_it = true;
	tap_ok(rig_until(&rig, is_freed, &d), "and when it has failed");
	TAP_EQ_INT(bb_loop_run(rig.loop), 0, "nothing of it is left");
	(void)close(server);
	rig_close(&rig);
}

/* ---- what takes five seconds: in a child, beside the other tests ---- */

static void
stood(void *ctx)
{
	struct dialed *d = ctx;

	(void)close(d->fd);
	d->up_us[0] = bb_clock_us();
	bb_dial_again(d->dial);
}

static bool
both_done(void *ctx)
{
	struct dialed *two = ctx;

	return two[0].ups >= 5 && two[1].fails > 0;
}

/* Whoever fills the queue of a server that does not accept waits for an
 * answer that never comes. */
static struct bb_addr
black_hole(struct sockaddr_in *at)
{
	int server = rig_listen(at), fd, i;

	RIG_MUST(listen(server, 0) == 0);
	for (i = 0; i < 8; i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		RIG_MUST(fd != -1 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
		(void)connect(fd, (struct sockaddr *)at, sizeof(*at));
	}
	return port_address(at, "127.0.0.1:");
}

/* The exit status is a set of what was not so. */
static int
slow(void)
{
	struct sockaddr_in at, hole;
	int server = rig_listen(&at), bad = 0;
	struct bb_addr a = port_address(&at, ""), b = black_hole(&hole);
	struct bb_timer *timer;
	struct dialed d[2];
	struct rig rig;
	int64_t begun = bb_clock_us();

	rig_open(&rig);
	memset(d, 0, sizeof(d));
	d[0].dial = bb_dial_new(rig.loop, NULL, &a, &calls, &d[0]);
	d[1].dial = bb_dial_new(rig.loop, NULL, &b, &calls, &d[1]);
	timer = bb_timer_new(rig.loop, stood, &d[0]);
	/* Closed three times at once, then it stands. */
	d[0].hang_up = true;
	d[0].wanted = 4;
	RIG_MUST(timer != NULL && bb_timer_set(timer, 6500) == 0);
	if (!rig_until(&rig, both_done, d))
		bad |= 1;
	/* Not after the 400 ms that it had come to. */
	if (d[0].up_us[4] - d[0].up_us[0] > 390000)
		bad |= 2;
	if (strcmp(d[1].why, "timed out") != 0 || d[1].error != ETIMEDOUT)
		bad |= 4;
	if (bb_clock_us() - begun < 5000000 || server == -1)
		bad |= 8;
	return bad;
}

static void
test_far(void)
{
	static const struct {
		const char *text;
		bool far;
	} cases[] = {
		{ "3101", false },
		{ "unix:/x", false },
		{ "127.0.0.1:1", false },
		{ "127.9.9.9:1", false },
		{ "[::1]:1", false },
		{ "[::ffff:127.0.0.1]:1", false },
		{ "localhost:1", false },
		{ "example:1", false },
		{ "10.0.0.1:1", true },
		{ "0.0.0.0:1", true },
		{ "[::2]:1", true },
		{ "[::ffff:10.0.0.1]:1", true },
		{ "[2001:db8::1]:1", true },
	};
	struct bb_addr a;
	size_t i;

	for (i = 0; i < BB_LEN(cases); i++) {
		a = address(cases[i].text);
		tap_ok(bb_dial_is_far(&a) == cases[i].far, "%s is %s",
		    cases[i].text, cases[i].far ? "far" : "not known to be");
	}
}

int
main(void)
{
	int status = -1;
	pid_t pid;

	bb_log_open("serve_dial_test");
	rig_folder(folder, sizeof(folder));
	(void)fflush(stdout);
	pid = fork();
	RIG_MUST(pid != -1);
	if (pid == 0)
		_exit(slow());
	test_far();
	test_up("");
	test_up("127.0.0.1:");
	test_up("*:");
	test_server_comes();
	test_unix();
	test_queue_full();
	test_second_address();
	test_names();
	test_forgotten();
	test_back_off();
	test_hurry();
	test_freed_inside();
	TAP_EQ_INT(rmdir(folder), 0, "no file is left");
	RIG_MUST(waitpid(pid, &status, 0) == pid);
	TAP_EQ_INT(status, 0,
	    "what stood for 5 s is dialed again at once; an attempt without an "
	    "answer times out after 5 s");
	return tap_done();
}
