/* Owns what goes up in an open session: messages until they are acknowledged,
 * signs of life, acknowledgements of events. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "bbdevice.h"
#include "live.h"
#include "numbers.h"

#include "base/cc.h"

#define ACK_MS 200      /* an acknowledgement waits so long for company */
#define ACK_EVENTS 16   /* but no longer than for so many events */
#define RESEND_MS 10000 /* a message without an acknowledgement */
#define RESEND_MAX_MS 60000
#define UNDER_WAY_MAX 64 /* messages */
#define MS 1000

static void
set_alive(struct live *l)
{
	int64_t interval = l->p.session.status_interval;

	if (interval > 0 && interval < INT64_MAX / MS)
		live_timer(l->alive, interval * MS);
}

static bool
is_status_message(const json_t *message)
{
	const char *op = json_string_value(json_object_get(message, "op"));

	return strcmp(op, "alive") == 0 || strcmp(op, "presence") == 0;
}

void
data_send(struct live *l, json_t *message)
{
	struct bb_buf frame = BB_BUF(BB_FRAME_MAX);
	char why[WHY_MAX];
	bool alive;

	if (message == NULL ||
	    json_object_set_new(message, "ack",
		json_integer((json_int_t)l->p.numbering.have)) == -1) {
		errno = ENOMEM;
		bb_die_sys("unable to send");
	}
	alive = is_status_message(message);
	if (data_build(&l->p, message, &frame, why) == -1) {
		/* Its numbers are used up, or the text is for no frame. */
		bb_log(BB_LOG_ERROR, "unable to send for %08x: %s",
		    (unsigned)l->p.pin, why);
		if (errno == EPERM)
			attach_begin(l);
	} else if (bb_peer_send(l->peer, bb_buf_data(&frame),
		       bb_buf_len(&frame)) == -1) {
		bb_log(BB_LOG_WARN, "the link takes no more: %s",
		    strerror(errno));
	} else {
		l->acked = l->p.numbering.have;
		bb_timer_cancel(l->ack);
		if (alive)
			set_alive(l);
	}
	json_decref(message);
	bb_buf_clear(&frame);
}

static json_t *
make_op(const char *word)
{
	return json_pack("{s:s}", "op", word);
}

/* --- messages ------------------------------------------------------------- */

/* Those held that were not sent in this attach. */
void
data_messages(struct live *l)
{
	uint64_t first = numbers_first(&l->p.numbering);
	size_t carried = 1;
	json_t *batch;

	if (l->sent + 1 < first)
		l->sent = first - 1;
	while (attach_open(l) && carried > 0 &&
	       l->sent + 1 < l->p.numbering.next &&
	       l->sent + 1 - first < UNDER_WAY_MAX) {
		batch =
		    batch_from(&l->p, (size_t)(l->sent + 1 - first), &carried);
		l->sent += carried;
		data_send(l, batch);
		live_timer(l->resend, l->resend_ms);
	}
}

static void
resend(void *live)
{
	struct live *l = live;

	if (!attach_open(l) || json_array_size(l->p.numbering.held) == 0)
		return;
	l->resend_ms *= 2;
	if (l->resend_ms > RESEND_MAX_MS)
		l->resend_ms = RESEND_MAX_MS;
	l->sent = numbers_first(&l->p.numbering) - 1;
	data_messages(l);
}

/* --- signs of life -------------------------------------------------------- */

static void
say_alive(void *live)
{
	struct live *l = live;

	if (attach_open(l))
		data_send(l, make_op("alive"));
}

static void
say_ack(void *live)
{
	struct live *l = live;

	if (attach_open(l) && l->acked < l->p.numbering.have)
		data_send(l, make_op("alive"));
}

void
data_timers(struct live *l)
{
	l->alive = bb_timer_new(l->loop, say_alive, l);
	l->ack = bb_timer_new(l->loop, say_ack, l);
	l->resend = bb_timer_new(l->loop, resend, l);
	if (l->alive == NULL || l->ack == NULL || l->resend == NULL)
		bb_die_sys("unable to begin");
}

/* --- an attach ------------------------------------------------------------ */

/* The first frame confirms the new key.  A fetch is answered: somebody who
 * waits for the session to begin sees by that that it has. */
void
data_opened(struct live *l)
{
	l->acked = l->p.numbering.have;
	l->sent = numbers_first(&l->p.numbering) - 1;
	l->resend_ms = RESEND_MS;
	l->more = false;
	data_messages(l);
	serve_hear(l);
	if (l->fetch_due && attach_open(l)) {
		l->fetch_due = false;
		data_send(l, make_op("fetch"));
	} else if (l->p.session.seq == 0 && attach_open(l)) {
		data_send(l, make_op("alive"));
	}
	set_alive(l);
}

/* Events that are marked as had are acknowledged: with the next message, or
 * soon. */
void
data_took(struct live *l)
{
	uint64_t have = l->p.numbering.have;
	bool first = !l->sure;

	l->sure = true;
	if (l->take.last.events > 0)
		l->more = l->take.last.more;
	if (numbers_first(&l->p.numbering) > l->sent)
		bb_timer_cancel(l->resend);
	if (l->take.last.ack)
		l->resend_ms = RESEND_MS;
	if (first)
		serve_sure(l);
	serve_took(l);
	data_messages(l);
	if (l->take.last.lost && attach_open(l))
		data_send(l, make_op("fetch"));
	if (have > l->acked && (have - l->acked >= ACK_EVENTS || l->more))
		say_ack(l);
	else if (have > l->acked)
		live_timer(l->ack, ACK_MS);
}

void
data_leave(struct live *l)
{
	json_t *alive;

	const struct asker *a = l->own.own;

	if (!attach_open(l))
		return;
	if (a->verb == ASK_MESSAGE && is_status_message(a->message))
		return; /* it has just said itself how things are */
	alive = make_op("alive");
	if (json_object_set_new(alive, "coverage", json_false()) == -1) {
		errno = ENOMEM;
		bb_die_sys("unable to send");
	}
	data_send(l, alive);
}
