/* Peers over real sockets and pipes: output, flags of descriptors, memory. */
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "serve_peers.h"

#define IDLE 5000 /* peers whose memory is measured */

/* ---- writing ---- */

/* A reader of small pieces is slower than the writer could be. */
static void
test_big(size_t kind)
{
	const char *name = makers[kind].name;
	struct ends e = makers[kind].make();
	struct rig rig;
	struct one one;
	struct far far;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	far_open(&far, &rig, e.from, 10000);
	one.to_send = BIG;
	fill(&one);
	TAP_EQ_INT(errno, ENOBUFS, "a full queue says so");
	tap_ok(rig_until(&rig, has_all, &far),
	    "%s: 10 MB come through to a slow reader", name);
	TAP_EQ_UINT(far.got, BIG, "all of them");
	tap_ok(!far.wrong, "and in order");
	tap_ok(one.waiting_max <= OUT_MAX, "never more than out_max waits");
	tap_ok(one.drains > 1, "it is told when there is room again");
	bb_peer_finish(one.peer, 5000);
	tap_ok(rig_until(&rig, far_ended, &far), "the reader sees the end");
	TAP_EQ_INT(far.err, 0, "which is no error");
	far.fd = -1;
	far_close(&far);
	close_far(&e);
	tap_ok(rig_until(&rig, is_closed, &one), "then the peer is closed");
	TAP_EQ_STR(one.why, "-", "as its owner wished");
	rig_close(&rig);
}

static void
test_out_max(void)
{
	static uint8_t bytes[OUT_MAX + 1];
	struct ends e = unix_ends();
	struct rig rig;
	struct one one;
	struct far far;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	TAP_EQ_INT(bb_peer_send(one.peer, bytes, sizeof(bytes)), -1,
	    "more than out_max is refused");
	TAP_EQ_INT(errno, ENOBUFS, "(ENOBUFS)");
	TAP_EQ_UINT(bb_peer_waiting(one.peer), 0, "whole");
	TAP_EQ_INT(bb_peer_send(one.peer, "ab", 2), 0, "less is taken");
	TAP_EQ_INT(bb_peer_send(one.peer, bytes, OUT_MAX - 1), -1,
	    "what does not fit beside it is not");
	TAP_EQ_UINT(bb_peer_waiting(one.peer), 2, "and leaves it as it was");
	far_open(&far, &rig, e.from, 100);
	tap_ok(rig_until(&rig, has_drained, &one),
	    "whoever was refused is told when the queue is empty");
	TAP_EQ_INT(bb_peer_send(one.peer, bytes, OUT_MAX - 1), 0,
	    "and then it fits");
	bb_peer_free(one.peer);
	TAP_EQ_INT(one.closes, 0, "freed by its owner, closed is not called");
	far_close(&far);
	rig_close(&rig);
}

/* Three sends, one packet: the far end reads them at once. */
static void
test_one_write(void)
{
	struct ends e = unix_ends();
	char text[16] = "";
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	TAP_EQ_INT(bb_peer_send(one.peer, "ab", 2) +
		       bb_peer_send(one.peer, "cd", 2) +
		       bb_peer_send(one.peer, "ef", 2),
	    0, "three times something is sent");
	TAP_EQ_INT(recv(e.from, text, sizeof(text), MSG_DONTWAIT), -1,
	    "and nothing is written before the turn ends");
	bb_peers_flush();
	TAP_EQ_INT(recv(e.from, text, sizeof(text) - 1, MSG_DONTWAIT), 6,
	    "then all of it");
	TAP_EQ_STR(text, "abcdef", "in order");
	bb_peer_free(one.peer);
	close_far(&e);
	rig_close(&rig);
}

/* ---- finishing ---- */

/* Closing a TCP connection with unread input is a reset, which takes away at
 * the far end what it has not read yet. */
static void
test_linger(void)
{
	static char flood[100000];
	struct ends e = tcp_ends();
	struct rig rig;
	struct one one;
	struct far far;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	one.ask = "go away";
	rig_write(e.to, "let me in\n");
	tap_ok(rig_until(&rig, has_input, &one), "a peer is sent away");
	TAP_EQ_INT(write(e.to, flood, sizeof(flood)), sizeof(flood),
	    "it had more to say");
	far_open(&far, &rig, e.from, 1);
	tap_ok(rig_until(&rig, far_ended, &far), "reads slowly");
	TAP_EQ_INT(far.err, 0, "is not cut off");
	TAP_EQ_STR(far.text, "go away", "and learns why");
	TAP_EQ_INT(one.closes, 0, "we wait for its end");
	far_close(&far);
	tap_ok(rig_until(&rig, is_closed, &one), "which closes it");
	TAP_EQ_INT(one.inputs, 1, "what it said since was thrown away");
	rig_close(&rig);
}

static void
test_linger_over(void)
{
	struct ends e = tcp_ends();
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	bb_peer_finish(one.peer, 20);
	tap_ok(rig_until(&rig, is_closed, &one),
	    "a finished peer that never ends is closed all the same");
	TAP_EQ_STR(one.why, "-", "as its owner wished");
	close_far(&e);

	e = tcp_ends();
	open_one(&one, &rig, &e);
	one.to_send = BIG;
	fill(&one);
	bb_peer_finish(one.peer, 20);
	tap_ok(rig_until(&rig, is_closed, &one),
	    "and so is one that does not read");
	TAP_EQ_INT(one.closes, 1, "once");
	close_far(&e);
	rig_close(&rig);
}

/* ---- descriptors ---- */

static void
test_flags(size_t kind)
{
	const char *name = makers[kind].name;
	struct ends e = makers[kind].make();
	int kept[2] = { dup(e.in), dup(e.out) };
	int before[2] = { fcntl(e.in, F_GETFL), fcntl(e.out, F_GETFL) };
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	one.to_send = BIG;
	fill(&one);
	rig_write(e.to, "x\n");
	(void)rig_until(&rig, has_input, &one);
	tap_ok(bb_peer_waiting(one.peer) > 0,
	    "%s: a full one does not stop the loop", name);
	TAP_EQ_INT(fcntl(e.in, F_GETFL), before[0], "its flags are untouched");
	TAP_EQ_INT(fcntl(e.out, F_GETFL), before[1], "on both sides");
	bb_peer_free(one.peer);
	TAP_EQ_INT(fcntl(kept[0], F_GETFL), before[0], "and afterwards");
	TAP_EQ_INT(fcntl(kept[1], F_GETFL), before[1], "on both sides");
	TAP_EQ_INT(fcntl(e.in, F_GETFD), -1, "the peer's own are closed");
	TAP_EQ_INT(fcntl(e.out, F_GETFD), -1, "both");
	(void)close(kept[0]);
	(void)close(kept[1]);
	close_far(&e);
	rig_close(&rig);
}

/* In a child, because 0 and 1 are the test's own. */
static void
test_standard(void)
{
	struct ends e = pipe_ends();
	struct stat null, in, out;
	struct rig rig;
	struct one one;
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	RIG_MUST(pid != -1);
	if (pid == 0) {
		(void)dup2(e.in, 0);
		(void)dup2(e.out, 1);
		e.in = 0;
		e.out = 1;
		rig_open(&rig);
		open_one(&one, &rig, &e);
		bb_peer_free(one.peer);
		_exit(stat("/dev/null", &null) == 0 && fstat(0, &in) == 0 &&
			      fstat(1, &out) == 0 &&
			      in.st_rdev == null.st_rdev &&
			      out.st_rdev == null.st_rdev
			  ? 0
			  : 1);
	}
	RIG_MUST(waitpid(pid, &status, 0) == pid);
	TAP_EQ_INT(status, 0,
	    "standard input and output are not left free for the next socket");
	close_far(&e);
	(void)close(e.in);
	(void)close(e.out);
}

static void
test_local(void)
{
	struct rig rig;
	struct one one;
	struct ends e;
	size_t i;

	rig_open(&rig);
	for (i = 0; i < BB_LEN(makers); i++) {
		e = makers[i].make();
		open_one(&one, &rig, &e);
		tap_ok(bb_peer_local(one.peer), "%s: local", makers[i].name);
		bb_peer_free(one.peer);
		close_far(&e);
	}
	rig_close(&rig);
}

/* ---- memory ---- */

static size_t
heap(void)
{
	return mallinfo2().uordblks;
}

static void
note_memory(void)
{
	static struct bb_peer *peers[IDLE];
	static int far[IDLE];
	size_t before, idle, timed, i, count = 0;
	struct one one = { 0 };
	struct rig rig;
	int fds[2];

	rig_open(&rig);
	before = heap();
	while (count < IDLE && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0) {
		far[count] = fds[1];
		peers[count] =
		    bb_peer_new(rig.loop, fds[0], fds[0], &plain, &one);
		RIG_MUST(peers[count] != NULL);
		rig_write(fds[1], "x\n");
		count++;
	}
	one.expected = count;
	tap_ok(rig_until(&rig, all_have, &one), "%zu peers say something",
	    count);
	idle = heap() - before;
	for (i = 0; i < count; i++)
		bb_peer_deadline(peers[i], 60000);
	timed = heap() - before;
	if (count > 0 && idle > 0)
		tap_note("%zu idle peers: %zu bytes each, with a deadline %zu",
		    count, idle / count, timed / count);
	for (i = 0; i < count; i++) {
		bb_peer_free(peers[i]);
		(void)close(far[i]);
	}
	rig_close(&rig);
}

int
main(void)
{
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	bb_log_open("serve_peer_out_test");
	for (i = 0; i < BB_LEN(makers); i++) {
		test_big(i);
		test_flags(i);
	}
	test_out_max();
	test_one_write();
	test_linger();
	test_linger_over();
	test_standard();
	test_local();
	note_memory();
	return tap_done();
}
