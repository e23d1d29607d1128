/* Owns the objects that say what the gateway has said. */
#include "show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "numbers.h"
#include "out.h"
#include "status.h"

#include "base/cc.h"

void
show_status(struct show *s, int status)
{
	if (status > s->worst)
		s->worst = status;
}

/* The one way out; takes the object. */
void
show_say(struct show *s, json_t *object)
{
	show_status(s,
	    (int)json_integer_value(json_object_get(object, "exit")));
	if (s->sink != NULL) {
		s->sink(s->ctx, object);
		json_decref(object);
	} else if (s->json) {
		out_json(&s->out, object);
	} else {
		show_text(&s->out, object);
		json_decref(object);
	}
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

static void
set_number(json_t *json, const char *name, int64_t v)
{
	out_set(json, name, json_integer((json_int_t)v));
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

void
show_step(struct show *s, uint32_t pin, int64_t step, const char *hop,
    const char *what, int64_t us)
{
	json_t *json = out_object(pin, "step");

	set_number(json, "step", step);
	out_set(json, "hop", json_string(hop));
	out_set(json, "what", json_string(what));
	set_number(json, "us", us);
	show_say(s, json);
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
	json = out_object(pin, "round-trip");
	set_number(json, "us", us);
	set_number(json, "steps_us", sum);
	show_say(s, json);
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

void
show_answer(struct show *s, const struct profile *p, const json_t *answer)
{
	static const char *const members[] = { "result", "text", "reason",
		"code", "retry_after", "session", "resume", "status_interval",
		"up_next", "ended" };
	json_t *json = out_object(p->pin, "answer");
	size_t i;

	if (p->outstanding.trace.wanted)
		show_steps(s, p, json_object_get(answer, "trace"));
	else if (s->trace)
		bb_log(BB_LOG_WARN, "%08x: no step was measured: %s",
		    (unsigned)p->pin, "emit with --trace");
	out_set(json, "service", json_string(p->outstanding.account.service));
	out_set(json, "user", json_string(p->outstanding.account.user));
	out_set(json, "attach",
	    json_string(p->outstanding.resume ? "resume" : "login"));
	for (i = 0; i < BB_LEN(members); i++)
		copy(json, answer, members[i]);
	set_number(json, "exit", status_of_answer(text(answer, "result")));
	show_say(s, json);
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
	const char *to = text(find_held(p, number(result, "n")), "to");
	json_t *json = out_object(p->pin, "result");

	copy_all(json, result);
	if (to != NULL)
		out_set(json, "to", json_string(to));
	set_number(json, "exit", status_of_result(text(result, "result")));
	show_say(s, json);
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
	json_t *json = out_object(pin, "event");

	copy_all(json, event);
	show_say(s, json);
}

void
show_more(struct show *s, uint32_t pin)
{
	show_say(s, out_object(pin, "more"));
}

/* --- the rest ------------------------------------------------------------- */

void
show_bye(struct show *s, uint32_t pin, const json_t *bye)
{
	const char *ended = text(bye, "ended");
	json_t *json = out_object(pin, "bye");

	out_set(json, "ended", json_string(ended));
	set_number(json, "exit", status_of_ended(ended));
	show_say(s, json);
}

void
show_notice(struct show *s, uint32_t pin, const json_t *notice,
    const char *advice, bool counts)
{
	static const char *const members[] = { "code", "text", "told",
		"retry_after" };
	json_t *json = out_object(pin, "notice");
	int worst = s->worst;
	size_t i;

	for (i = 0; i < BB_LEN(members); i++)
		copy(json, notice, members[i]);
	out_set(json, "advice", json_string(advice));
	set_number(json, "exit", status_of_notice(text(notice, "code")));
	show_say(s, json);
	if (!counts)
		s->worst = worst;
}

void
show_hint(struct show *s, uint32_t pin, uint8_t code)
{
	json_t *json = out_object(pin, "hint");

	set_number(json, "code", code);
	out_set(json, "text", json_string(text_of_hint(code)));
	set_number(json, "exit", status_of_hint(code));
	show_say(s, json);
}
