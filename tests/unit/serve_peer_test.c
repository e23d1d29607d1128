/* Peers over real sockets and pipes: queues, ends, deadlines, freeing. */
#include "serve/peer.h"

#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "serve_rig.h"

#define BIG (10u << 20)
#define OUT_MAX 200000
#define IN_MAX 1000
#define IDLE 5000 /* peers whose memory is measured */

/* What a peer is tied to: the far end reads `from` and writes `to`. */
struct ends {
	int in, out, from, to;
};

/* One peer and what became of it. */
struct one {
	struct bb_peer *peer;
	struct bb_peer *victim; /* freed by the first input */
	char in[256];           /* what came, zero-terminated */
	size_t in_len, largest; /* largest: bytes shown at once */
	uint64_t sent, to_send; /* a stream of rig_byte */
	unsigned inputs, ends, closes, drains;
	size_t waiting_max, expected;
	char why[128];   /* of closed(); "-": NULL */
	bool keep;       /* what ended() answers */
	bool refuse;     /* input() answers false */
	bool hold;       /* input() takes one line, then pauses */
	bool meddle;     /* closed() does all that it must not mind */
	const char *ask; /* input() answers with this and finishes */
};

static struct ends
unix_ends(void)
{
	int fds[2];

	rig_unix_pair(fds);
	return (struct ends){ fds[0], fds[0], fds[1], fds[1] };
}

static struct ends
tcp_ends(void)
{
	int fds[2];

	rig_tcp_pair(fds);
	return (struct ends){ fds[0], fds[0], fds[1], fds[1] };
}

static struct ends
pipe_ends(void)
{
	int up[2], down[2];

	RIG_MUST(pipe(up) == 0 && pipe(down) == 0);
	return (struct ends){ up[0], down[1], down[0], up[1] };
}

/* As ksh makes them: a pipeline of socket pairs. */
static struct ends
two_pairs(void)
{
	int up[2], down[2];

	rig_unix_pair(up);
	rig_unix_pair(down);
	return (struct ends){ up[0], down[0], down[1], up[1] };
}

static const struct {
	const char *name;
	struct ends (*make)(void);
} makers[] = {
	{ "unix socket", unix_ends },
	{ "TCP connection", tcp_ends },
	{ "two pipes", pipe_ends },
	{ "two socket pairs", two_pairs },
};

/* ---- the stage ---- */

static void
take_line(struct one *one, struct bb_buf *in, size_t len)
{
	size_t room = sizeof(one->in) - 1 - one->in_len;

	if (room > len)
		room = len;
	memcpy(one->in + one->in_len, bb_buf_data(in), room);
	one->in_len += room;
	bb_buf_take(in, len);
}

static bool
input(void *ctx, struct bb_peer *peer, struct bb_buf *in)
{
	struct one *one = ctx;
	const uint8_t *end;

	one->inputs++;
	if (bb_buf_len(in) > one->largest)
		one->largest = bb_buf_len(in);
	if (one->victim != NULL)
		bb_peer_free(one->victim);
	if (one->victim == peer)
		one->peer = NULL;
	one->victim = NULL;
	while (bb_buf_len(in) > 0 &&
	       (end = memchr(bb_buf_data(in), '\n', bb_buf_len(in))) != NULL) {
		take_line(one, in, (size_t)(end - bb_buf_data(in)) + 1);
		if (one->hold) {
			bb_peer_pause(peer, true);
			break;
		}
	}
	if (one->ask != NULL) {
		TAP_EQ_INT(bb_peer_send(peer, one->ask, strlen(one->ask)), 0,
		    "input can send");
		bb_peer_finish(peer, 5000);
	}
	return !one->refuse;
}

static bool
ended(void *ctx, struct bb_peer *peer)
{
	struct one *one = ctx;

	(void)peer;
	one->ends++;
	return one->keep;
}

static void
closed(void *ctx, struct bb_peer *peer, const char *why)
{
	struct one *one = ctx;

	one->closes++;
	(void)snprintf(one->why, sizeof(one->why), "%s", why ? why : "-");
	one->peer = NULL;
	if (!one->meddle)
		return;
	TAP_EQ_INT(bb_peer_send(peer, "x", 1), -1, "closed() cannot send");
	TAP_EQ_INT(errno, EPIPE, "(EPIPE)");
	bb_peers_flush();
	bb_peer_pause(peer, true);
	bb_peer_pause(peer, false);
	bb_peer_deadline(peer, 1);
	bb_peer_finish(peer, 1);
	bb_peer_free(peer);
}

static void
fill(struct one *one)
{
	uint8_t bytes[10007];
	size_t i, len;

	while (one->peer != NULL && one->sent < one->to_send) {
		len = sizeof(bytes);
		if (len > one->to_send - one->sent)
			len = (size_t)(one->to_send - one->sent);
		for (i = 0; i < len; i++)
			bytes[i] = rig_byte(one->sent + i);
		if (bb_peer_send(one->peer, bytes, len) == -1)
			return;
		one->sent += len;
		if (bb_peer_waiting(one->peer) > one->waiting_max)
			one->waiting_max = bb_peer_waiting(one->peer);
	}
}

static void
drained(void *ctx, struct bb_peer *peer)
{
	struct one *one = ctx;

	(void)peer;
	one->drains++;
	fill(one);
}

static const struct bb_peer_kind plain = {
	.name = "plain",
	.in_max = IN_MAX,
	.out_max = OUT_MAX,
	.input = input,
	.ended = ended,
	.closed = closed,
	.drained = drained,
};

static void
open_one(struct one *one, struct rig *rig, const struct ends *e)
{
	memset(one, 0, sizeof(*one));
	one->peer = bb_peer_new(rig->loop, e->in, e->out, &plain, one);
	RIG_MUST(one->peer != NULL);
}

static void
close_far(const struct ends *e)
{
	(void)close(e->to);
	if (e->from != e->to)
		(void)close(e->from);
}

/* ---- what tests wait for ---- */

static bool
is_closed(void *ctx)
{
	const struct one *one = ctx;

	return one->closes > 0;
}

static bool
has_input(void *ctx)
{
	const struct one *one = ctx;

	return one->inputs > 0;
}

static bool
has_ended(void *ctx)
{
	const struct one *one = ctx;

	return one->ends > 0;
}

static bool
has_drained(void *ctx)
{
	const struct one *one = ctx;

	return one->drains > 0;
}

static bool
all_have(void *ctx)
{
	const struct one *one = ctx;

	return one->inputs >= one->expected;
}

static bool
has_all(void *ctx)
{
	const struct far *far = ctx;

	return far->got >= BIG || far->ended;
}

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
	tap_note("%zu idle peers: %zu bytes each, with a deadline %zu", count,
	    idle / count, timed / count);
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
	bb_log_open("serve_peer_test");
	for (i = 0; i < BB_LEN(makers); i++) {
		test_input(i);
		test_big(i);
		test_half_close(i);
		test_flags(i);
	}
	test_out_max();
	test_one_write();
	test_in_max();
	test_pause();
	test_refused();
	test_freed_inside();
	test_closed_once();
	test_linger();
	test_linger_over();
	test_reset();
	test_last_word(unix_ends, "unix socket");
	test_last_word(tcp_ends, "TCP connection");
	test_reader_left();
	test_deadline();
	test_standard();
	test_local();
	note_memory();
	return tap_done();
}
