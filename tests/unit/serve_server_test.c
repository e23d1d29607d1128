/* Servers: places, limits, forms, readiness, the control socket. */
#include "serve/server.h"

#include <sys/stat.h>

#include "serve_stage.h"

#define LIMIT 160 /* descriptors of a stage, where there is one */

static char folder[64], path[108], text[128];

static const char *
unix_text(const char *name)
{
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	return text;
}

/* A line of one, or "" as soon as the other has something. */
static const char *
line_or(int fd, int other)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = other, .events = POLLIN } };

	if (poll(p, 2, RIG_MS) <= 0)
		return "(late)";
	return p[0].revents != 0 ? line_from(fd) : "";
}

static int
refused(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), err = 0;

	if (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == -1)
		err = errno;
	(void)close(fd);
	return err;
}

/* ---- places ---- */

static void
test_port(void)
{
	struct spawn sp = spawn_new("0");
	struct sockaddr_in at;
	int fd;

	spawn(&sp);
	await(&sp);
	at = port_of(&sp);
	fd = greeted(rig_connect(&at));
	tap_ok(fd != -1, "the port that is said on standard output is served");
	TAP_EQ_STR(ask(fd, "x\n"), "x", "in both directions");
	TAP_EQ_INT(terminate(&sp), 0, "SIGTERM ends it with 0");
	TAP_EQ_STR(line_from(fd), "draining", "peers are told");
	TAP_EQ_STR(line_from(fd), "", "and closed");
	TAP_EQ_INT(refused(&at), ECONNREFUSED, "the port too");
	(void)close(fd);
}

static void
test_default(void)
{
	struct spawn sp = spawn_new(NULL);
	struct stat st;
	int fd;

	sp.default_listen = unix_text("default");
	spawn(&sp);
	await(&sp);
	fd = greeted(connect_unix(path));
	tap_ok(fd != -1, "without --listen the default place is served");
	(void)close(fd);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
	TAP_EQ_INT(stat(path, &st), -1, "removes the unix socket");
}

static void
test_killed(void)
{
	struct spawn sp = spawn_new(unix_text("killed")), other;
	char err[4096];
	int fd;

	spawn(&sp);
	await(&sp);
	other = spawn_new(text);
	spawn(&other);
	TAP_EQ_INT(finish_to(&other, err, sizeof(err)), BB_EXIT_TEMP,
	    "two cannot serve one place");
	tap_ok(strstr(err, strerror(EADDRINUSE)) != NULL &&
		   strstr(err, path) != NULL,
	    "%s", err);
	fd = greeted(connect_unix(path));
	tap_ok(fd != -1, "the first is not harmed");
	(void)close(fd);
	(void)kill(sp.pid, SIGKILL);
	TAP_EQ_INT(finish(&sp), -SIGKILL, "it is killed");
	TAP_EQ_INT(connect_unix(path), -1, "and leaves a file");
	other = spawn_new(text);
	spawn(&other);
	await(&other);
	fd = greeted(connect_unix(path));
	tap_ok(fd != -1, "which the next one replaces");
	(void)close(fd);
	TAP_EQ_INT(terminate(&other), 0, "and removes");
	TAP_EQ_INT(access(path, F_OK), -1, "at its end");
}

static void
test_no_place(void)
{
	struct spawn sp = spawn_new("nowhere");
	char err[4096];

	spawn(&sp);
	TAP_EQ_INT(finish_to(&sp, err, sizeof(err)), BB_EXIT_USAGE,
	    "a place that is none is a mistake of whoever wrote it");
	tap_ok(strstr(err, "nowhere: it names no port") != NULL, "%s", err);
	sp = spawn_new(NULL);
	spawn(&sp);
	TAP_EQ_INT(finish_to(&sp, err, sizeof(err)), BB_EXIT_USAGE,
	    "and so is none at all");
	tap_ok(strstr(err, "no place to listen was given") != NULL, "%s", err);
}

/* ---- limits ---- */

static void
test_per_address(void)
{
	struct spawn sp = spawn_new("0");
	struct sockaddr_in at;
	int fds[3];

	sp.options.per_address = 2;
	spawn(&sp);
	await(&sp);
	at = port_of(&sp);
	fds[0] = greeted(rig_connect(&at));
	fds[1] = greeted(rig_connect(&at));
	tap_ok(fds[0] != -1 && fds[1] != -1, "an address has two connections");
	TAP_EQ_INT(greeted(rig_connect(&at)), -1, "the third is closed");
	TAP_EQ_STR(ask(fds[0], "x\n"), "x", "the others do not notice");
	(void)close(fds[0]);
	fds[0] = greeted_later((struct sockaddr *)&at, sizeof(at));
	tap_ok(fds[0] != -1, "one that leaves makes room");
	(void)close(fds[0]);
	(void)close(fds[1]);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
}

/* Between accepting and the first look of the stage the connection is reset,
 * and has no address when its end is counted. */
static void
test_reset(void)
{
	struct spawn sp = spawn_new("0");
	struct sockaddr_in at;
	int fds[2], i;

	sp.options.per_address = 2;
	sp.slow_ms = 300;
	spawn(&sp);
	await(&sp);
	at = port_of(&sp);
	for (i = 0; i < 2; i++) {
		fds[0] = rig_connect(&at);
		TAP_EQ_STR(line_from(sp.err), "accepted", "one connects");
		rig_reset(fds[0]);
	}
	fds[0] = greeted_later((struct sockaddr *)&at, sizeof(at));
	fds[1] = greeted_later((struct sockaddr *)&at, sizeof(at));
	tap_ok(fds[0] != -1 && fds[1] != -1, "resets leave nothing counted");
	(void)close(fds[0]);
	(void)close(fds[1]);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
}

static void
test_max_peers(void)
{
	struct spawn sp = spawn_new(unix_text("max"));
	struct sockaddr_un un;
	int fds[2];

	sp.options.max_peers = 2;
	spawn(&sp);
	await(&sp);
	fds[0] = greeted(connect_unix(path));
	fds[1] = greeted(connect_unix(path));
	tap_ok(fds[0] != -1 && fds[1] != -1, "two in all");
	TAP_EQ_INT(greeted(connect_unix(path)), -1, "the third is closed");
	(void)close(fds[0]);
	un = unix_at(path);
	fds[0] = greeted_later((struct sockaddr *)&un, sizeof(un));
	tap_ok(fds[0] != -1, "one that leaves makes room");
	(void)close(fds[0]);
	(void)close(fds[1]);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
}

/* Two descriptors are free: the third connection waits in the queue. */
static void
test_no_descriptors(void)
{
	struct spawn sp = spawn_new(unix_text("few"));
	char err[4096], want[256];
	struct pollfd quiet = { .events = POLLIN };
	unsigned long turns;
	int fds[3];

	sp.descriptors = 2;
	spawn(&sp);
	await(&sp);
	quiet.fd = sp.err;
	fds[0] = greeted(connect_unix(path));
	fds[1] = greeted(connect_unix(path));
	tap_ok(fds[0] != -1 && fds[1] != -1, "two are served");
	fds[2] = connect_unix(path);
	(void)snprintf(want, sizeof(want), "accept connections: %s",
	    strerror(EMFILE));
	tap_ok(strstr(line_from(sp.err), want) != NULL,
	    "when descriptors are all used up, that is said");
	TAP_EQ_STR(ask(fds[0], "x\n"), "x", "the others do not notice");
	turns = strtoul(ask(fds[0], "turns\n"), NULL, 10);
	TAP_EQ_INT(poll(&quiet, 1, 350), 0, "once");
	turns = strtoul(ask(fds[0], "turns\n"), NULL, 10) - turns;
	tap_ok(turns < 12, "trying again does not spin (%lu turns)", turns);
	(void)close(fds[1]);
	TAP_EQ_INT(greeted(fds[2]), fds[2],
	    "the third is served when another has left");
	tap_ok(strstr(line_from(sp.err), "again") != NULL,
	    "and it is said that it goes on");
	(void)close(fds[0]);
	(void)close(fds[2]);
	RIG_MUST(kill(sp.pid, SIGTERM) == 0);
	TAP_EQ_INT(finish_to(&sp, err, sizeof(err)), 0, "its end");
	TAP_EQ_STR(err, "", "nothing was said twice");
}

/* Connections do not take the last ones: a stage opens other things too. */
static void
test_reserve(void)
{
	static char control[128];
	static int fds[LIMIT + 1];
	struct spawn sp;
	struct pollfd quiet = { .events = POLLIN };
	char want[64];
	int count = 0, asker;

	(void)snprintf(control, sizeof(control), "%s", unix_text("control"));
	sp = spawn_new(unix_text("many"));
	sp.options.control = control;
	sp.limit = LIMIT;
	spawn(&sp);
	await(&sp);
	quiet.fd = sp.err;
	while (count < LIMIT && poll(&quiet, 1, 0) == 0) {
		fds[count] = connect_unix(path);
		RIG_MUST(fds[count] != -1);
		/* The one that is too many waits for its greeting. */
		if (strncmp(line_or(fds[count], sp.err), "hello", 5) != 0)
			break;
		count++;
	}
	tap_ok(count > LIMIT - 60 && count <= LIMIT - 32,
	    "of %d descriptors connections get %d", LIMIT, count);
	tap_ok(strstr(line_from(sp.err), "unable to accept") != NULL,
	    "which is said");
	asker = connect_unix(control + 5);
	(void)snprintf(want, sizeof(want), "{\"count\":%d}", count);
	TAP_EQ_STR(ask(asker, "count\n"), want, "and can still be asked for");
	(void)close(fds[0]);
	TAP_EQ_INT(greeted(fds[count]), fds[count], "who waits gets in later");
	while (count > 0)
		(void)close(fds[count--]);
	(void)close(asker);
	TAP_EQ_INT(terminate(&sp), 0, "its end");
}

/* ---- one peer ---- */

static void
test_peer(void)
{
	struct spawn sp = spawn_new(NULL);
	int fds[2];

	rig_unix_pair(fds);
	sp.start = (struct bb_start){ .form = BB_FORM_PEER,
		.in = fds[1],
		.out = fds[1] };
	sp.ours = fds[0];
	spawn(&sp);
	(void)close(fds[1]);
	TAP_EQ_STR(line_from(fds[0]), "hello",
	    "what is sent when the peer is taken is written at once");
	TAP_EQ_STR(ask(fds[0], "x\n"), "x", "one peer is served");
	(void)close(fds[0]);
	TAP_EQ_INT(finish(&sp), 0, "its end is the end");

	rig_unix_pair(fds);
	sp = spawn_new(NULL);
	sp.start = (struct bb_start){ .form = BB_FORM_PEER,
		.in = fds[1],
		.out = fds[1] };
	sp.ours = fds[0];
	spawn(&sp);
	(void)close(fds[1]);
	TAP_EQ_STR(ask(fds[0], "stop 99\n"), "hello", "a stage can stop");
	TAP_EQ_STR(line_from(fds[0]), "draining", "its end begins");
	TAP_EQ_STR(line_from(fds[0]), "stop 99", "with an answer");
	TAP_EQ_INT(finish(&sp), 99, "with a status");
	(void)close(fds[0]);
}

static void
test_peer_pipes(void)
{
	struct spawn sp = spawn_new(NULL);
	int up[2], down[2];

	RIG_MUST(pipe(up) == 0 && pipe(down) == 0);
	sp.start = (struct bb_start){ .form = BB_FORM_PEER,
		.in = up[0],
		.out = down[1] };
	sp.ours = up[1];
	spawn(&sp);
	(void)close(up[0]);
	(void)close(down[1]);
	TAP_EQ_STR(line_from(down[0]), "hello", "two pipes are one peer");
	RIG_MUST(kill(sp.pid, SIGTERM) == 0);
	TAP_EQ_STR(line_from(down[0]), "draining", "told of the end");
	TAP_EQ_INT(finish(&sp), 0, "which does not wait for it");
	(void)close(up[1]);
	(void)close(down[0]);
}

/* ---- readiness ---- */

static void
test_notify(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct spawn sp = spawn_new(unix_text("notified"));
	char notify[108], got[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)snprintf(notify, sizeof(notify), "%s/notify", folder);
	memcpy(un.sun_path, notify, strlen(notify));
	RIG_MUST(bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0);
	sp.notify = notify;
	spawn(&sp);
	await(&sp);
	tap_ok(connect_unix(path) != -1, "when it is ready it listens");
	RIG_MUST(recv(fd, got, sizeof(got) - 1, 0) > 0);
	TAP_EQ_STR(got, "READY=1", "systemd is told");
	TAP_EQ_INT(terminate(&sp), 0, "its end");
	memset(got, 0, sizeof(got));
	RIG_MUST(recv(fd, got, sizeof(got) - 1, 0) > 0);
	TAP_EQ_STR(got, "STOPPING=1", "is told too");
	(void)close(fd);
	(void)unlink(notify);
}

/* ---- control ---- */

static void
test_control(void)
{
	static char control[128];
	struct spawn sp = spawn_new("0");
	struct sockaddr_in at;
	int fd, client;

	(void)snprintf(control, sizeof(control), "%s", unix_text("control"));
	sp.options.control = control;
	spawn(&sp);
	await(&sp);
	at = port_of(&sp);
	client = greeted(rig_connect(&at));
	fd = connect_unix(path);
	TAP_EQ_STR(ask(fd, "count\n"), "{\"count\":1}", "a stage answers");
	TAP_EQ_STR(ask(fd, "no\n"), "{\"v\":1,\"error\":\"no such command\"}",
	    "or does not know");
	TAP_EQ_STR(ask(fd, "reload\n"), "{\"v\":1,\"reloaded\":true}",
	    "every stage knows reload");
	TAP_EQ_STR(line_from(client), "reload", "and does it");
	TAP_EQ_STR(ask(client, "busy\n"), "busy", "there is work to do");
	TAP_EQ_STR(ask(fd, "drain\n"), "{\"v\":1,\"draining\":true}",
	    "every stage knows drain");
	TAP_EQ_STR(line_from(client), "draining", "and does it");
	TAP_EQ_STR(ask(fd, "count\n"), "{\"count\":1}",
	    "it can be asked to the end");
	rig_write(client, "idle\n");
	TAP_EQ_INT(finish(&sp), 0, "which comes when the work is done");
	TAP_EQ_INT(access(path, F_OK), -1, "the control socket is removed");
	(void)close(fd);
	(void)close(client);
}

static void
test_control_alone(void)
{
	static char control[128];
	struct spawn sp = spawn_new("0");
	int fd;

	(void)snprintf(control, sizeof(control), "%s", unix_text("control"));
	sp.options.control = control;
	spawn(&sp);
	await(&sp);
	fd = connect_unix(path);
	TAP_EQ_STR(ask(fd, "drain\n"), "{\"v\":1,\"draining\":true}",
	    "drain is answered even when it is the end at once");
	TAP_EQ_INT(finish(&sp), 0, "(the end)");
	(void)close(fd);
	sp = spawn_new("0");
	sp.options.control = "3101";
	spawn(&sp);
	TAP_EQ_INT(finish(&sp), BB_EXIT_USAGE, "a port is no control socket");
}

int
main(void)
{
	rig_folder(folder, sizeof(folder));
	test_port();
	test_default();
	test_killed();
	test_no_place();
	test_per_address();
	test_reset();
	test_max_peers();
	test_no_descriptors();
	test_reserve();
	test_peer();
	test_peer_pipes();
	test_notify();
	test_control();
	test_control_alone();
	TAP_EQ_INT(rmdir(folder), 0, "no file is left");
	return tap_done();
}
