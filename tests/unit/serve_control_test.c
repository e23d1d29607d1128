/* The control socket: commands, answers, askers that misbehave. */
#include "serve/control.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "serve_rig.h"

#define ASKERS 16 /* control.c takes no more at a time */

static char folder[64], path[108], address[128];
static char why[BB_CONTROL_WHY_MAX];

struct asked {
	char last[300];
	unsigned commands;
	size_t big; /* bytes of the next answer */
};

static bool
answer(void *ctx, const char *command, struct bb_buf *out)
{
	struct asked *asked = ctx;
	size_t i;

	(void)snprintf(asked->last, sizeof(asked->last), "%s", command);
	asked->commands++;
	if (strcmp(command, "nothing") == 0)
		return true;
	if (strncmp(command, "get ", 4) == 0)
		return bb_buf_printf(out, "{\"got\":\"%s\"}", command + 4) == 0;
	for (i = 0; strcmp(command, "big") == 0 && i < asked->big; i++)
		RIG_MUST(bb_buf_put(out, "b", 1) == 0);
	return asked->big > 0;
}

static int
ask(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(un.sun_path, path, strlen(path));
	RIG_MUST(fd != -1);
	RIG_MUST(connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	return fd;
}

static struct bb_control *
open_control(struct rig *rig, struct asked *asked)
{
	struct bb_control *c;

	memset(asked, 0, sizeof(*asked));
	rig_open(rig);
	c = bb_control_new(rig->loop, address, answer, asked, why);
	RIG_MUST(c != NULL);
	return c;
}

/* Ended, or as many bytes as are expected in text. */
struct expected {
	struct far far;
	uint64_t bytes;
};

static bool
has_come(void *ctx)
{
	const struct expected *e = ctx;

	return e->far.ended || e->far.got >= e->bytes;
}

static void
test_addresses(void)
{
	struct rig rig;

	rig_open(&rig);
	tap_ok(bb_control_new(rig.loop, "3101", answer, NULL, why) == NULL,
	    "a port is no place for it");
	TAP_EQ_STR(why, "3101: it is no unix:PATH", "(reason)");
	tap_ok(bb_control_new(rig.loop, "unix:x", answer, NULL, why) == NULL,
	    "nor is a relative path");
	tap_ok(strncmp(why, "unix:x: ", 8) == 0, "(%s)", why);
	tap_ok(bb_control_new(rig.loop, "unix:/no/such/x", answer, NULL, why) ==
		   NULL,
	    "nor a folder that is missing");
	tap_ok(strstr(why, strerror(ENOENT)) != NULL, "(%s)", why);
	rig_close(&rig);
}

static void
test_commands(void)
{
	static const char want[] = "{\"got\":\"a\"}\n{\"got\":\"b\"}\n"
				   "{\"v\":1,\"error\":\"no such command\"}\n"
				   "{\"v\":1,\"error\":\"no such command\"}\n"
				   "{\"got\":\"c\"}\n";
	struct expected e;
	struct stat st = { 0 };
	struct asked asked;
	struct rig rig;
	struct bb_control *c = open_control(&rig, &asked);

	RIG_MUST(stat(path, &st) == 0);
	TAP_EQ_INT(st.st_mode & 07777, 0600, "it is the owner's alone");
	far_open(&e.far, &rig, ask(), 1000);
	rig_write(e.far.fd, "get a\nget b\nunknown\nnothing\nget c");
	e.bytes = sizeof(want) - 1 - strlen("{\"got\":\"c\"}\n");
	(void)rig_until(&rig, has_come, &e);
	TAP_EQ_STR(asked.last, "nothing", "half a command is none");
	rig_write(e.far.fd, "\n");
	e.bytes = sizeof(want) - 1;
	tap_ok(rig_until(&rig, has_come, &e), "each command has its answer");
	TAP_EQ_STR(e.far.text, want, "in order, each a line");
	RIG_MUST(shutdown(e.far.fd, SHUT_WR) == 0);
	tap_ok(rig_until(&rig, far_ended, &e.far), "whoever ends is let go");
	far_close(&e.far);

	far_open(&e.far, &rig, ask(), 1000);
	rig_write(e.far.fd, "get z\n");
	RIG_MUST(shutdown(e.far.fd, SHUT_WR) == 0);
	tap_ok(rig_until(&rig, far_ended, &e.far),
	    "asking and ending at once is usual");
	TAP_EQ_STR(e.far.text, "{\"got\":\"z\"}\n", "and is answered");
	far_close(&e.far);
	bb_control_free(c);
	TAP_EQ_INT(access(path, F_OK), -1, "at the end its file is gone");
	rig_close(&rig);
}

static void
test_big_answer(void)
{
	struct expected e = { .bytes = 3000001 };
	struct asked asked;
	struct rig rig;
	struct bb_control *c = open_control(&rig, &asked);

	asked.big = 3000000;
	far_open(&e.far, &rig, ask(), 50000);
	rig_write(e.far.fd, "big\n");
	(void)rig_until(&rig, has_come, &e);
	TAP_EQ_UINT(e.far.got, 3000001, "an answer of 3 MB comes whole");
	far_close(&e.far);

	/* It asks and does not read. */
	far_open(&e.far, &rig, ask(), 1);
	RIG_MUST(bb_io_want(e.far.io, 0) == 0);
	rig_write(e.far.fd, "big\nbig\nbig\nbig\nbig\n");
	asked.commands = 0;
	RIG_MUST(bb_io_want(e.far.io, BB_READ) == 0);
	(void)rig_until(&rig, far_ended, &e.far);
	tap_ok(e.far.ended, "whoever lets 8 MB pile up is sent away");
	TAP_EQ_UINT(asked.commands, 3, "with the command that was too much");
	far_close(&e.far);
	bb_control_free(c);
	rig_close(&rig);
}

static void
test_bad_askers(void)
{
	char line[400];
	struct expected e = { .bytes = UINT64_MAX };
	struct asked asked;
	struct rig rig;
	struct bb_control *c = open_control(&rig, &asked);

	memset(line, 'a', sizeof(line));
	line[256] = '\n';
	far_open(&e.far, &rig, ask(), 1000);
	RIG_MUST(write(e.far.fd, line, 257) == 257);
	e.bytes = 10;
	(void)rig_until(&rig, has_come, &e);
	TAP_EQ_UINT(strlen(asked.last), 256, "a command has 256 bytes at most");
	far_close(&e.far);
	line[256] = 'a';
	line[257] = '\n';
	far_open(&e.far, &rig, ask(), 1000);
	RIG_MUST(write(e.far.fd, line, 258) == 258);
	tap_ok(rig_until(&rig, far_ended, &e.far), "one more: sent away");
	TAP_EQ_UINT(e.far.got, 0, "without an answer");
	far_close(&e.far);
	line[257] = 'a';
	far_open(&e.far, &rig, ask(), 1000);
	RIG_MUST(write(e.far.fd, line, 300) == 300);
	tap_ok(rig_until(&rig, far_ended, &e.far), "nor is its end awaited");
	far_close(&e.far);
	asked.commands = 0;
	far_open(&e.far, &rig, ask(), 1000);
	RIG_MUST(write(e.far.fd, "get\0x\n", 6) == 6);
	tap_ok(rig_until(&rig, far_ended, &e.far), "a zero byte: sent away");
	TAP_EQ_UINT(asked.commands, 0, "without having been asked");
	far_close(&e.far);
	bb_control_free(c);
	rig_close(&rig);
}

/* More than it takes at a time: they wait, and nothing spins. */
static void
test_many(void)
{
	int idle[ASKERS], i;
	struct expected e = { .bytes = 5 };
	struct asked asked;
	struct rig rig;
	struct bb_control *c = open_control(&rig, &asked);

	for (i = 0; i < ASKERS; i++)
		idle[i] = ask();
	far_open(&e.far, &rig, idle[ASKERS - 1], 1000);
	rig_write(idle[ASKERS - 1], "get a\n");
	tap_ok(rig_until(&rig, has_come, &e), "sixteen askers are served");
	bb_io_free(e.far.io);
	far_open(&e.far, &rig, ask(), 1000);
	rig_write(e.far.fd, "get b\n");
	e.far.got = 0;
	(void)close(idle[0]);
	tap_ok(rig_until(&rig, has_come, &e),
	    "one more is served when one has left");
	/* The others are there when it ends. */
	bb_control_free(c);
	(void)rig_until(&rig, far_ended, &e.far);
	tap_ok(e.far.ended, "its end sends all away");
	far_close(&e.far);
	for (i = 1; i < ASKERS; i++)
		(void)close(idle[i]);
	rig_close(&rig);
}

static void
give_back(void *ctx)
{
	struct rlimit limit;

	(void)ctx;
	RIG_MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur += 10;
	RIG_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static unsigned turns;

static bool
count_turns(void *ctx)
{
	turns++;
	return has_come(ctx);
}

static void
test_no_descriptors(void)
{
	struct expected e = { .bytes = 5 };
	struct rlimit before, limit;
	struct asked asked;
	struct rig rig;
	struct bb_control *c = open_control(&rig, &asked);
	struct bb_timer *timer = bb_timer_new(rig.loop, give_back, NULL);

	far_open(&e.far, &rig, ask(), 1000);
	rig_write(e.far.fd, "get a\n");
	RIG_MUST(timer != NULL);
	RIG_MUST(getrlimit(RLIMIT_NOFILE, &before) == 0);
	limit = before;
	limit.rlim_cur = (rlim_t)e.far.fd + 1;
	RIG_MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	RIG_MUST(bb_timer_set(timer, 250) == 0);
	turns = 0;
	tap_ok(rig_until(&rig, count_turns, &e),
	    "without descriptors an asker waits and is served later");
	tap_ok(turns < 20, "and the loop does not spin (%u turns)", turns);
	RIG_MUST(setrlimit(RLIMIT_NOFILE, &before) == 0);
	far_close(&e.far);
	bb_timer_free(timer);
	bb_control_free(c);
	rig_close(&rig);
}

int
main(void)
{
	bb_log_open("serve_control_test");
	rig_folder(folder, sizeof(folder));
	(void)snprintf(path, sizeof(path), "%s/control", folder);
	(void)snprintf(address, sizeof(address), "unix:%s", path);
	test_addresses();
	test_commands();
	test_big_answer();
	test_bad_askers();
	test_many();
	test_no_descriptors();
	bb_control_free(NULL);
	TAP_EQ_INT(rmdir(folder), 0, "no file is left");
	return tap_done();
}
