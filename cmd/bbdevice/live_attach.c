/* Owns attaches: which one, what a frame from the gateway means for it, and
 * what is done next (lib/flow/live.c decides). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "bbdevice.h"
#include "live.h"
#include "numbers.h"
#include "status.h"

#include "base/cc.h"

#define ANSWER_MS 30000
#define COPIED_MS 2000 /* when the answer may have gone to somebody else */
#define BUSY_MS 1000   /* NOTICE busy without a time */

bool
attach_open(const struct live *l)
{
	return l->peer != NULL && l->p.device.state == BB_DEVICE_OPEN;
}

static bool
account_fits(const struct live *l)
{
	return account_equal(&l->p.session.account, &l->account);
}

static enum bb_live_attach
choose(const struct live *l)
{
	struct bb_live_means means = {
		.session = l->p.has_session && l->p.session.has_id,
		.outlives = l->resume || l->p.session.resume,
		.ours = account_fits(l) && !l->p.numbering.anew &&
			account_equal(&l->p.numbering.account, &l->account),
		.password = l->password.text != NULL && !l->resume,
		.login = l->login,
	};

	return bb_live_attach(&means);
}

static void
send_attach(struct live *l)
{
	if (bb_peer_send(l->peer, bb_buf_data(&l->attach),
		bb_buf_len(&l->attach)) == -1) {
		link_later(l, bb_errno_exit(errno), strerror(errno));
		return;
	}
	live_timer(l->answer, ANSWER_MS);
}

static int
build(struct live *l, bool resume, char why[WHY_MAX])
{
	struct attach_ask ask = { .resume = resume,
		.account = &l->account,
		.password = &l->password,
		.show = l->show,
		.status = l->status,
		.trace = l->trace };
	struct numbering before = l->p.numbering;
	uint64_t first = numbers_first(&before);
	size_t waiting;

	bb_buf_clear(&l->attach);
	if (attach_build(&l->p, &ask, &l->attach, &waiting, why) == -1)
		return -1;
	if (memcmp(before.id, l->p.numbering.id, NUMBERING_LEN) != 0)
		serve_renumbered(l, first);
	live_save(l);
	return 0;
}

void
attach_begin(struct live *l)
{
	enum bb_live_attach which = choose(l);
	char why[WHY_MAX];

	if (l->ending || l->peer == NULL)
		return;
	l->sure = l->copied = false;
	if (which == BB_LIVE_NEITHER) {
		live_end(l, EXIT_LOCAL_REFUSED,
		    l->resume ? "unable to resume: there is no session"
			      : "unable to log in: there is no session to "
				"resume, and no password was given");
		return;
	}
	if (build(l, which == BB_LIVE_RESUME, why) == -1) {
		live_end(l, EXIT_LOCAL_REFUSED, why);
		return;
	}
	send_attach(l);
}

/* --- timers --------------------------------------------------------------- */

static void
next_attempt(void *live)
{
	struct live *l = live;

	if (l->ending)
		live_abandon(l);
	else if (l->peer == NULL)
		link_want(l);
	else if (l->p.device.state == BB_DEVICE_WAITING)
		send_attach(l); /* NOTICE busy: the same bytes */
}

static void
no_answer(void *live)
{
	struct live *l = live;

	(void)profile_step(&l->p, BB_DE_NO_ANSWER);
	if (l->copied && l->at_once < BB_LIVE_AT_ONCE_MAX) {
		l->at_once++;
		attach_begin(l);
		return;
	}
	link_later(l, EXIT_ROUTER_TIMEOUT, "no answer came");
}

void
attach_timers(struct live *l)
{
	l->again = bb_timer_new(l->loop, next_attempt, l);
	l->answer = bb_timer_new(l->loop, no_answer, l);
	if (l->again == NULL || l->answer == NULL)
		bb_die_sys("unable to begin");
}

/* --- what a frame means --------------------------------------------------- */

static const char *
said_text(const struct live *l, const char *name)
{
	size_t len = json_array_size(l->said);
	const json_t *last = len == 0 ? NULL : json_array_get(l->said, len - 1);
	const char *text = json_string_value(json_object_get(last, name));

	return text == NULL ? "" : text;
}

static int
said_status(const struct live *l)
{
	size_t len = json_array_size(l->said);
	const json_t *last = len == 0 ? NULL : json_array_get(l->said, len - 1);

	return (int)json_integer_value(json_object_get(last, "exit"));
}

/* The last thing that the gateway said, as a clause. */
static void
said_why(const struct live *l, char why[WHY_MAX])
{
	char part[WHY_MAX / 2];
	const char *code = said_text(l, "code"), *text = said_text(l, "text");
	const char *reason = said_text(l, "reason");

	if (*code != '\0')
		text = text_of_notice(code);
	(void)bb_log_escape(part, sizeof(part), reason, strlen(reason));
	(void)snprintf(why, WHY_MAX, "%.90s%s%s", text,
	    *reason == '\0' ? "" : ": ", part);
}

static bool
one_of(const char *word, const char *const words[], size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

static struct bb_live_facts
facts(const struct live *l, enum bb_device_event event, enum bb_device_act act)
{
	static const char *const passing[] = { "busy", "failed",
		"unavailable" };
	const char *result = said_text(l, "result");

	return (struct bb_live_facts){ .event = event,
		.act = act,
		.was_open = l->was_open,
		.password = l->password.text != NULL && !l->resume,
		.session_lost = l->take.last.unknown ||
				strcmp(said_text(l, "ended"), "lost") == 0,
		.passing = one_of(result, passing, BB_LEN(passing)),
		.at_once = l->at_once };
}

/* The store was restored, or the profile: what is held gets new numbers. */
static void
number_anew(struct live *l)
{
	bb_log(BB_LOG_WARN,
	    "the numbers of %08x have to begin anew: logging in again",
	    (unsigned)l->p.pin);
	l->login = true;
	l->at_once++;
	if (l->at_once <= BB_LIVE_AT_ONCE_MAX)
		attach_begin(l);
	else
		link_later(l, EXIT_LOCAL_REFUSED, "the numbers never fit");
}

static void
opened(struct live *l)
{
	bb_timer_cancel(l->answer);
	if (l->p.numbering.anew) {
		number_anew(l);
		return;
	}
	l->failures = 0;
	l->was_open = true;
	l->trial = false;
	bb_secret_clear(&l->former_password);
	l->login = false;
	l->trace = false;
	l->opened_us = bb_clock_us();
	bb_buf_clear(&l->attach);
	serve_attach_said(l);
	serve_opened(l);
	data_opened(l);
}

static void
over(struct live *l)
{
	int status = said_status(l);

	serve_attach_said(l);
	live_end(l, status == 0 ? EXIT_COLLAB_DROPPED : status,
	    "the session is over");
}

/* The gateway's own wish is no less than our back-off. */
static void
same_later(struct live *l)
{
	int64_t ms = l->take.last.retry_after * 1000;

	bb_timer_cancel(l->answer);
	live_timer(l->again, ms > 0 ? ms : BUSY_MS);
}

/* --retry: a router is there before its dispatcher, that one before its
 * collaboration service. */
static bool
gateway_begins(const struct live *l)
{
	enum bb_device_event event = l->take.last.event;

	return (event == BB_DE_HINT || event == BB_DE_UNREACHABLE) &&
	       !l->was_open && bb_clock_ms() < l->retry_until_ms;
}

static void
go_on(struct live *l, enum bb_live_next next)
{
	char why[WHY_MAX];

	said_why(l, why);
	if (next != BB_LIVE_STAY)
		bb_timer_cancel(l->answer);
	switch (next) {
	case BB_LIVE_OPENED:
		opened(l);
		break;
	case BB_LIVE_STAY:
		bb_log(BB_LOG_WARN, "%08x: %s", (unsigned)l->p.pin, why);
		if (l->take.last.event == BB_DE_STALE_SAME) {
			l->copied = true;
			live_timer(l->answer, COPIED_MS);
		}
		break;
	case BB_LIVE_ANEW:
	case BB_LIVE_ATTACH:
		l->login |= next == BB_LIVE_ANEW;
		l->at_once++;
		attach_begin(l);
		break;
	case BB_LIVE_SAME:
		same_later(l);
		break;
	case BB_LIVE_LATER:
		link_later(l, said_status(l), why);
		break;
	case BB_LIVE_END:
		if (gateway_begins(l))
			link_later(l, said_status(l), why);
		else
			over(l);
		break;
	}
}

/* Another process's login was refused: its own session is taken up again. */
static void
trial_over(struct live *l)
{
	serve_trial_over(l);
	l->trial = l->login = false;
	l->account = l->former;
	bb_secret_clear(&l->password);
	l->password = l->former_password;
	l->former_password = (struct bb_secret){ 0 };
	l->at_once++;
	if (l->at_once <= BB_LIVE_AT_ONCE_MAX)
		attach_begin(l);
	else
		link_later(l, EXIT_LOCAL_REFUSED, "too many logins failed");
}

/* A hint is not sealed: the profile goes on waiting for its answer, but the
 * device does not. */
static void
step_hint(struct live *l, struct taken *last)
{
	last->act = bb_device_step(&l->p.device, BB_DE_HINT);
	if (l->p.device.state == BB_DEVICE_IDLE)
		last->act = BB_DA_FORGET;
}

void
attach_took(struct live *l, const struct bb_frame *frame)
{
	struct taken *last = &l->take.last;
	struct bb_live_facts f;

	if (l->said != NULL)
		(void)json_array_clear(l->said);
	take_frame(&l->take, frame);
	if (last->event == BB_DE_OTHER || l->ending)
		return;
	if (last->event == BB_DE_DATA_CURRENT ||
	    last->event == BB_DE_DATA_PREVIOUS) {
		l->at_once = 0;
		data_took(l);
		return;
	}
	if (last->event == BB_DE_HINT)
		step_hint(l, last);
	if (l->trial && last->event == BB_DE_ANSWER_NO) {
		trial_over(l);
		return;
	}
	f = facts(l, last->event, last->act);
	go_on(l, bb_live_next(&f));
}

void
attach_lost(struct live *l, int status, const char *why)
{
	(void)profile_step(&l->p, BB_DE_LINK_LOST);
	bb_timer_cancel(l->answer);
	link_later(l, status, why);
}
