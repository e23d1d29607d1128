/* Peers over real sockets and pipes: input, pauses, ends, freeing. */
#include <signal.h>

#include "base/log.h"
#include "serve_peers.h"

/* ---- reading ---- */

static void
test_input(size_t kind)
{
	const char *name = makers[kind].name;
	struct ends e = makers[kind].make();
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	rig_write(e.to, "one\ntw");
	tap_ok(rig_until(&rig, has_input, &one), "%s: input comes", name);
	TAP_EQ_STR(one.in, "one\n", "what is whole is taken");
	one.inputs = 0;
	rig_write(e.to, "o\n");
	(void)rig_until(&rig, has_input, &one);
	TAP_EQ_STR(one.in, "one\ntwo\n", "the rest is shown with what follows");
	rig_write(e.to, "thr");
	(void)close(e.to);
	tap_ok(rig_until(&rig, is_closed, &one), "the end closes it");
	TAP_EQ_INT(one.ends, 1, "ended is called once");
	TAP_EQ_STR(one.why, "it closed the connection", "and closed says why");
	if (e.from != e.to)
		(void)close(e.from);
	rig_close(&rig);
}

static void
test_in_max(void)
{
	char line[IN_MAX + 1];
	struct ends e = unix_ends();
	struct rig rig;
	struct one one;

	memset(line, 'a', sizeof(line));
	rig_open(&rig);
	open_one(&one, &rig, &e);
	RIG_MUST(write(e.to, line, IN_MAX) == IN_MAX);
	(void)rig_until(&rig, has_input, &one);
	TAP_EQ_INT(one.closes, 0, "in_max bytes without an end may come");
	rig_write(e.to, "a");
	tap_ok(rig_until(&rig, is_closed, &one), "one more may not");
	TAP_EQ_STR(one.why, "it sent too much without an end", "(reason)");
	close_far(&e);
	rig_close(&rig);
}

static bool
two_lines(void *ctx)
{
	const struct one *one = ctx;

	return one->in_len >= 4;
}

static bool
five_lines(void *ctx)
{
	const struct one *one = ctx;

	return one->in_len >= 10;
}

/* The whole lines are more than in_max, which is for incomplete ones. */
static void
test_pause(void)
{
	char lines[3 * IN_MAX];
	struct ends e = unix_ends();
	struct rig rig;
	struct one one;
	size_t i;

	for (i = 0; i < sizeof(lines); i++)
		lines[i] = i % 2 == 0 ? 'a' : '\n';
	rig_open(&rig);
	open_one(&one, &rig, &e);
	one.hold = true;
	RIG_MUST(write(e.to, lines, sizeof(lines)) == sizeof(lines));
	(void)close(e.to);
	(void)rig_until(&rig, has_input, &one);
	TAP_EQ_UINT(one.in_len, 2, "a stage may pause after one of many lines");
	TAP_EQ_INT(one.closes, 0, "although the others are over in_max");
	bb_peer_pause(one.peer, false);
	tap_ok(rig_until(&rig, two_lines, &one), "then the next is shown");
	TAP_EQ_UINT(one.in_len, 4, "which pauses again");
	one.hold = false;
	bb_peer_pause(one.peer, false);
	tap_ok(rig_until(&rig, five_lines, &one), "and in the end all");
	tap_ok(rig_until(&rig, is_closed, &one), "the end comes after them");
	TAP_EQ_INT(one.inputs, 3, "nothing was shown twice");
	rig_close(&rig);
}

static void
test_refused(void)
{
	struct ends e = unix_ends();
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	one.refuse = true;
	rig_write(e.to, "bad\n");
	tap_ok(rig_until(&rig, is_closed, &one), "input's false closes");
	TAP_EQ_STR(one.why, "closed by us", "(reason)");
	close_far(&e);
	rig_close(&rig);
}

/* ---- freeing ---- */

static void
test_freed_inside(void)
{
	struct ends e = unix_ends(), f = unix_ends();
	struct rig rig;
	struct one one, other;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	one.victim = one.peer;
	rig_write(e.to, "x\n");
	tap_ok(rig_until(&rig, has_input, &one),
	    "a peer can be freed in its own input");
	TAP_EQ_INT(one.closes, 0, "without a call of closed");
	close_far(&e);

	/* Both are readable in the same turn: whichever comes first frees the
	 * other, whose input then never comes. */
	e = unix_ends();
	open_one(&one, &rig, &e);
	open_one(&other, &rig, &f);
	one.victim = other.peer;
	other.victim = one.peer;
	TAP_EQ_INT(bb_peer_send(one.peer, "y", 1) +
		       bb_peer_send(other.peer, "y", 1),
	    0, "both have something to write");
	rig_write(e.to, "x\n");
	rig_write(f.to, "x\n");
	rig.done = NULL;
	(void)rig_until(&rig, has_input, one.victim == NULL ? &other : &one);
	TAP_EQ_INT(one.inputs + other.inputs, 1,
	    "a peer can be freed in the input of another");
	bb_peer_free(one.inputs == 1 ? one.peer : other.peer);
	close_far(&e);
	close_far(&f);
	bb_peer_free(NULL);
	rig_close(&rig);
}

static void
test_closed_once(void)
{
	struct ends e = unix_ends();
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	one.meddle = true;
	bb_peer_deadline(one.peer, 1);
	TAP_EQ_INT(bb_peer_send(one.peer, "x\n", 2), 0, "output waits");
	close_far(&e);
	tap_ok(rig_until(&rig, is_closed, &one), "its end closes a peer");
	TAP_EQ_INT(bb_loop_run(rig.loop), 0,
	    "nothing of it is left for the loop");
	TAP_EQ_INT(one.closes, 1, "closed is called exactly once");
	rig_close(&rig);
}

/* ---- ends ---- */

/* The far end asks and says that it is done; the answer takes its time. */
static void
test_half_close(size_t kind)
{
	const char *name = makers[kind].name;
	struct ends e = makers[kind].make();
	struct rig rig;
	struct one one;
	struct far far;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	one.keep = true;
	far_open(&far, &rig, e.from, 100);
	rig_write(e.to, "question\n");
	if (e.to == e.from)
		RIG_MUST(shutdown(e.to, SHUT_WR) == 0);
	else
		RIG_MUST(close(e.to) == 0);
	tap_ok(rig_until(&rig, has_ended, &one), "%s: half an end", name);
	TAP_EQ_STR(one.in, "question\n", "follows what was asked");
	TAP_EQ_INT(one.closes, 0, "and the peer stays");
	TAP_EQ_INT(bb_peer_send(one.peer, "answer", 6), 0, "it can be told");
	bb_peer_finish(one.peer, 5000);
	TAP_EQ_INT(bb_peer_send(one.peer, "more", 4), -1,
	    "after finish no more is taken");
	tap_ok(rig_until(&rig, far_ended, &far), "the answer has an end");
	TAP_EQ_STR(far.text, "answer", "and is whole");
	tap_ok(rig_until(&rig, is_closed, &one), "then the peer is closed");
	TAP_EQ_INT(one.closes, 1, "once");
	TAP_EQ_STR(one.why, "-", "as its owner wished");
	TAP_EQ_INT(one.ends, 1, "and its end came once");
	far_close(&far);
	rig_close(&rig);
}

static void
test_reset(void)
{
	struct ends e = tcp_ends();
	char name[64];
	uint8_t address[16];
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	(void)snprintf(name, sizeof(name), "%s", bb_peer_name(one.peer));
	tap_ok(strncmp(name, "127.0.0.1:", 10) == 0, "a peer has a name (%s)",
	    name);
	one.hold = true;
	rig_write(e.to, "a\nb\n");
	(void)rig_until(&rig, has_input, &one);
	rig_reset(e.to);
	TAP_EQ_STR(bb_peer_name(one.peer), name,
	    "which it keeps after a reset");
	bb_peer_address(one.peer, address);
	TAP_EQ_INT(address[12], 127, "the address too");
	tap_ok(bb_peer_local(one.peer), "and that it is local");
	one.hold = false;
	bb_peer_pause(one.peer, false);
	tap_ok(rig_until(&rig, is_closed, &one), "a reset closes it");
	TAP_EQ_STR(one.why, strerror(ECONNRESET), "(reason)");
	TAP_EQ_STR(one.in, "a\nb\n", "after what came before was shown");
	rig_close(&rig);
}

/* It says goodbye and leaves while something is on its way to it. */
static void
test_last_word(struct ends (*make)(void), const char *name)
{
	struct ends e = make();
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	rig_write(e.to, "goodbye\n");
	/* A reset: what it did not read is one. */
	TAP_EQ_INT(bb_peer_send(one.peer, "event", 5), 0, "an event");
	bb_peers_flush();
	RIG_MUST(close(e.to) == 0);
	TAP_EQ_INT(bb_peer_send(one.peer, "event", 5), 0, "another event");
	bb_peers_flush();
	TAP_EQ_INT(one.closes, 0, "a write that fails does not decide");
	tap_ok(rig_until(&rig, is_closed, &one), "%s: it has left", name);
	TAP_EQ_STR(one.in, "goodbye\n", "and its last word was read");
	rig_close(&rig);
}

static void
test_reader_left(void)
{
	struct ends e = pipe_ends();
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	(void)close(e.from);
	TAP_EQ_INT(bb_peer_send(one.peer, "event", 5), 0, "an event");
	tap_ok(rig_until(&rig, is_closed, &one),
	    "a pipe that nobody reads closes the pair");
	TAP_EQ_STR(one.why, strerror(EPIPE), "(reason)");
	(void)close(e.to);
	rig_close(&rig);
}

/* ---- time ---- */

static void
test_deadline(void)
{
	struct ends e = unix_ends();
	struct rig rig;
	struct one one;

	rig_open(&rig);
	open_one(&one, &rig, &e);
	bb_peer_deadline(one.peer, 60000);
	bb_peer_deadline(one.peer, 5);
	tap_ok(rig_until(&rig, is_closed, &one), "a deadline can be moved");
	TAP_EQ_STR(one.why, "timed out", "and closes");
	close_far(&e);

	e = unix_ends();
	open_one(&one, &rig, &e);
	bb_peer_deadline(one.peer, 1);
	bb_peer_deadline(one.peer, 0);
	rig_write(e.to, "x\n");
	(void)close(e.to);
	tap_ok(rig_until(&rig, is_closed, &one), "it can be taken away");
	TAP_EQ_STR(one.why, "it closed the connection", "and is forgotten");
	rig_close(&rig);
}

int
main(void)
{
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	bb_log_open("serve_peer_test");
	for (i = 0; i < BB_LEN(makers); i++) {
		test_input(i);
		test_half_close(i);
	}
	test_in_max();
	test_pause();
	test_refused();
	test_freed_inside();
	test_closed_once();
	test_reset();
	test_last_word(unix_ends, "unix socket");
	test_last_word(tcp_ends, "TCP connection");
	test_reader_left();
	test_deadline();
	return tap_done();
}
