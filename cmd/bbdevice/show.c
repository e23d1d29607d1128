/* Owns how what the gateway says is printed. */
#include "show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "numbers.h"
#include "out.h"
#include "status.h"
#include "wire/text.h"

#include "base/cc.h"

void
show_status(struct show *s, int status)
{
	if (status > s->worst)
		s->worst = status;
}

static const char *
text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static int64_t
number(const json_t *json, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(json, name));
}

/* ": TEXT", or nothing. */
static void
put_more(struct bb_buf *out, const char *before, const char *peer)
{
	if (peer == NULL)
		return;
	out_printf(out, "%s", before);
	out_peer(out, peer);
}

static void
copy(json_t *to, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);

	if (value != NULL)
		out_set(to, name, json_incref(value));
}

/* All members of a peer's object but the one that says what it is. */
static void
copy_all(json_t *to, const json_t *from)
{
	const char *name;
	json_t *value;
	void *at;

	at = json_object_iter((json_t *)(uintptr_t)from);
	while (at != NULL) {
		name = json_object_iter_key(at);
		value = json_object_iter_value(at);
		if (json_object_get(to, name) == NULL &&
		    strcmp(name, "op") != 0)
			out_set(to, name, json_incref(value));
		at = json_object_iter_next((json_t *)(uintptr_t)from, at);
	}
}

/* --- steps ---------------------------------------------------------------- */

static void
show_step(struct show *s, uint32_t pin, int64_t step, const char *hop,
    const char *what, int64_t us)
{
	json_t *json;

	if (s->json) {
		json = out_object(pin, "step");
		out_set(json, "step", json_integer((json_int_t)step));
		out_set(json, "hop", json_string(hop));
		out_set(json, "what", json_string(what));
		out_set(json, "us", json_integer((json_int_t)us));
		out_json(&s->out, json);
		return;
	}
	out_printf(&s->out, "%08x: step %" PRId64 " %8" PRId64 " us  ",
	    (unsigned)pin, step, us);
	out_peer(&s->out, hop);
	out_printf(&s->out, ": ");
	out_peer(&s->out, what);
	out_printf(&s->out, "\n");
}

/* Microseconds since the attach began, or -1 when they cannot be told: the
 * machine was started in between. */
static int64_t
round_trip(const struct trace *trace)
{
	char boot[BB_BOOT_ID_MAX];
	int64_t us = bb_clock_us() - trace->start_us;

	if (us < 0 || bb_sys_boot_id(boot) == -1 ||
	    strcmp(boot, trace->boot) != 0)
		return -1;
	return us;
}

static void
show_round_trip(struct show *s, uint32_t pin, int64_t us, int64_t sum)
{
	json_t *json;

	if (us == -1)
		return;
	if (s->json) {
		json = out_object(pin, "round-trip");
		out_set(json, "us", json_integer((json_int_t)us));
		out_set(json, "steps_us", json_integer((json_int_t)sum));
		out_json(&s->out, json);
		return;
	}
	out_printf(&s->out,
	    "%08x: in all  %8" PRId64 " us, of which %" PRId64
	    " us in these steps\n",
	    (unsigned)pin, us, sum);
}

static void
show_steps(struct show *s, const struct profile *p, const json_t *steps)
{
	const struct trace *trace = &p->outstanding.trace;
	const json_t *step;
	int64_t sum = trace->us;
	char what[128];
	size_t i;

	(void)snprintf(what, sizeof(what),
	    "compressed %" PRId64 " bytes to %" PRId64
	    ", encrypted them: a frame of %" PRId64,
	    trace->plain, trace->packed, trace->sealed);
	show_step(s, p->pin, 1, "bbdevice", what, trace->us);
	for (i = 0; i < json_array_size(steps); i++) {
		step = json_array_get(steps, i);
		show_step(s, p->pin, number(step, "step"), text(step, "hop"),
		    text(step, "what"), number(step, "us"));
		sum += number(step, "us");
	}
	show_round_trip(s, p->pin, round_trip(trace), sum);
}

/* --- answer --------------------------------------------------------------- */

static void
answer_json(struct show *s, const struct profile *p, const json_t *answer,
    int status)
{
	static const char *const members[] = { "result", "text", "reason",
		"code", "retry_after", "session", "resume", "status_interval",
		"up_next", "ended" };
	json_t *json = out_object(p->pin, "answer");
	size_t i;

	out_set(json, "service", json_string(p->outstanding.account.service));
	out_set(json, "user", json_string(p->outstanding.account.user));
	for (i = 0; i < BB_LEN(members); i++)
		copy(json, answer, members[i]);
	out_set(json, "exit", json_integer(status));
	out_json(&s->out, json);
}

static void
answer_text(struct show *s, const struct profile *p, const json_t *answer)
{
	const struct account *account = &p->outstanding.account;
	const json_t *resume = json_object_get(answer, "resume");

	out_printf(&s->out, "%08x: ", (unsigned)p->pin);
	out_peer(&s->out, text(answer, "text"));
	if (strcmp(text(answer, "result"), "ok") == 0) {
		put_more(&s->out, " at ", account->service);
		put_more(&s->out, " as ", account->user);
	}
	put_more(&s->out, ": ", text(answer, "reason"));
	put_more(&s->out, "; session ", text(answer, "session"));
	if (resume != NULL)
		out_printf(&s->out, "; %s",
		    json_is_true(resume) ? "it outlives this connection"
					 : "ends with this connection");
	if (json_object_get(answer, "retry_after") != NULL)
		out_printf(&s->out, "; try again in %" PRId64 " s",
		    number(answer, "retry_after"));
	out_printf(&s->out, "\n");
	if (text(answer, "ended") != NULL)
		out_printf(&s->out,
		    "%08x: the session before this one was %s\n",
		    (unsigned)p->pin, text_of_ended(text(answer, "ended")));
}

void
show_answer(struct show *s, const struct profile *p, const json_t *answer)
{
	int status = status_of_answer(text(answer, "result"));

	show_status(s, status);
	if (p->outstanding.trace.wanted)
		show_steps(s, p, json_object_get(answer, "trace"));
	else if (s->trace)
		bb_log(BB_LOG_WARN, "%08x: no step was measured: %s",
		    (unsigned)p->pin, "emit with --trace");
	if (s->json)
		answer_json(s, p, answer, status);
	else
		answer_text(s, p, answer);
	show_results(s, p, json_object_get(answer, "results"));
}

/* --- results and events --------------------------------------------------- */

static const json_t *
find_held(const struct profile *p, int64_t n)
{
	uint64_t first = numbers_first(&p->numbering);

	if (n < 0 || (uint64_t)n < first)
		return NULL;
	return json_array_get(p->numbering.held, (size_t)((uint64_t)n - first));
}

static void
show_result(struct show *s, const struct profile *p, const json_t *result)
{
	const char *word = text(result, "result");
	const char *to = text(find_held(p, number(result, "n")), "to");
	int status = status_of_result(word);
	json_t *json;

	show_status(s, status);
	if (s->json) {
		json = out_object(p->pin, "result");
		copy_all(json, result);
		if (to != NULL)
			out_set(json, "to", json_string(to));
		out_set(json, "exit", json_integer(status));
		out_json(&s->out, json);
		return;
	}
	out_printf(&s->out, "%08x: message %" PRId64, (unsigned)p->pin,
	    number(result, "n"));
	put_more(&s->out, " to ", to);
	out_printf(&s->out, ": %s",
	    strcmp(word, "unknown") == 0 ? "nobody knows whether it was sent"
					 : word);
	put_more(&s->out, ": ", text(result, "reason"));
	out_printf(&s->out, "\n");
}

void
show_results(struct show *s, const struct profile *p, const json_t *results)
{
	size_t i;

	for (i = 0; i < json_array_size(results); i++)
		show_result(s, p, json_array_get(results, i));
}

void
show_event(struct show *s, uint32_t pin, const json_t *event)
{
	char when[BB_CLOCK_TEXT_MAX];
	json_t *json;

	if (s->json) {
		json = out_object(pin, "event");
		copy_all(json, event);
		out_json(&s->out, json);
		return;
	}
	if (json_object_get(event, "time") != NULL) {
		bb_clock_text(number(event, "time"), when);
		out_printf(&s->out, "[%s] ", when);
	}
	out_peer(&s->out, text(event, "from"));
	put_more(&s->out, ": ", text(event, "text"));
	out_printf(&s->out, "\n");
}

void
show_more(struct show *s, uint32_t pin)
{
	if (s->json)
		out_json(&s->out, out_object(pin, "more"));
	else
		out_printf(&s->out, "%08x: more events wait\n", (unsigned)pin);
}

/* --- the rest ------------------------------------------------------------- */

void
show_bye(struct show *s, uint32_t pin, const json_t *bye)
{
	const char *ended = text(bye, "ended");
	int status = status_of_ended(ended);
	json_t *json;

	show_status(s, status);
	if (s->json) {
		json = out_object(pin, "bye");
		out_set(json, "ended", json_string(ended));
		out_set(json, "exit", json_integer(status));
		out_json(&s->out, json);
		return;
	}
	out_printf(&s->out, "%08x: the session was %s\n", (unsigned)pin,
	    text_of_ended(ended));
}

void
show_notice(struct show *s, uint32_t pin, const json_t *notice,
    const char *advice)
{
	const char *code = text(notice, "code");
	int status = status_of_notice(code);
	json_t *json;

	if (s->json) {
		json = out_object(pin, "notice");
		copy(json, notice, "code");
		copy(json, notice, "text");
		copy(json, notice, "told");
		copy(json, notice, "retry_after");
		out_set(json, "advice", json_string(advice));
		out_set(json, "exit", json_integer(status));
		out_json(&s->out, json);
		return;
	}
	out_printf(&s->out, "%08x: %s", (unsigned)pin, text_of_notice(code));
	put_more(&s->out, ": ", text(notice, "text"));
	out_printf(&s->out, "; %s\n", advice);
}

void
show_hint(struct show *s, uint32_t pin, uint8_t code)
{
	int status = status_of_hint(code);
	json_t *json;

	show_status(s, status);
	if (s->json) {
		json = out_object(pin, "hint");
		out_set(json, "code", json_integer(code));
		out_set(json, "text", json_string(text_of_hint(code)));
		out_set(json, "exit", json_integer(status));
		out_json(&s->out, json);
		return;
	}
	out_printf(&s->out,
	    "%08x: %s (a hint, not sealed: anybody on the way could have said "
	    "it)\n",
	    (unsigned)pin, text_of_hint(code));
}
