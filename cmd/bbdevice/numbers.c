/* Owns the lists of messages that are not acknowledged. */
#include "numbers.h"

#include <errno.h>
#include <string.h>

#include "base/sys.h"

#include "base/cc.h"

bool
account_equal(const struct account *a, const struct account *b)
{
	return strcmp(a->service, b->service) == 0 &&
	       strcmp(a->user, b->user) == 0;
}

uint64_t
numbers_first(const struct numbering *n)
{
	return n->next - json_array_size(n->held);
}

void
numbers_acknowledge(struct numbering *n, uint64_t up_next)
{
	while (json_array_size(n->held) > 0 && numbers_first(n) < up_next)
		(void)json_array_remove(n->held, 0);
}

size_t
numbers_elsewhere(const struct profile *p)
{
	return json_array_size(p->kept.held) + json_array_size(p->later);
}

static const char *
member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));

	return text == NULL ? "" : text;
}

static int
append(json_t *list, json_t *message)
{
	if (message == NULL || json_array_append_new(list, message) == -1) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/* What a numbering holds loses its numbers and waits for its account. */
static int
put_aside(struct profile *p, struct numbering *n)
{
	const json_t *message;
	size_t i;
	int rc = 0;

	for (i = 0; i < json_array_size(n->held) && rc == 0; i++) {
		message = json_array_get(n->held, i);
		rc = append(p->later,
		    json_pack("{s:s, s:s, s:s, s:s}", "service",
			n->account.service, "user", n->account.user, "to",
			member(message, "to"), "text",
			member(message, "text")));
	}
	if (rc == 0)
		rc = json_array_clear(n->held);
	return rc;
}

static int
hold(struct numbering *n, const char *to, const char *text)
{
	if (append(n->held, json_pack("{s:I, s:s, s:s}", "n",
				(json_int_t)n->next, "to", to, "text", text)) ==
	    -1)
		return -1;
	n->next++;
	return 0;
}

/* A new id, under which what waits for its account is numbered from 1. */
static int
draw(struct profile *p, const struct account *account)
{
	struct numbering n = { .account = *account, .next = 1 };
	const json_t *message;
	size_t i = 0;

	bb_random(n.id, sizeof(n.id));
	n.held = json_array();
	while (n.held != NULL && i < json_array_size(p->later)) {
		message = json_array_get(p->later, i);
		if (strcmp(member(message, "service"), account->service) != 0 ||
		    strcmp(member(message, "user"), account->user) != 0) {
			i++;
			continue;
		}
		if (hold(&n, member(message, "to"), member(message, "text")) ==
		    -1)
			break;
		(void)json_array_remove(p->later, i);
	}
	p->numbering = n;
	return n.held == NULL || i < json_array_size(p->later) ? -1 : 0;
}

static int
put_kept_aside(struct profile *p)
{
	if (!p->has_kept)
		return 0;
	if (put_aside(p, &p->kept) == -1)
		return -1;
	json_decref(p->kept.held);
	p->kept = (struct numbering){ 0 };
	p->has_kept = false;
	return 0;
}

/* After any failure here the profile is not saved: what is on disk stands. */
int
numbers_begin(struct profile *p, const struct account *account)
{
	struct numbering *n = &p->numbering;
	bool same = account_equal(&n->account, account);

	if (*n->account.service == '\0') {
		n->account = *account;
		return 0;
	}
	if (same && !n->anew)
		return 0;
	if (!same && n->accepted && !n->anew && !p->has_kept) {
		p->kept = *n;
		p->has_kept = true;
		return draw(p, account);
	}
	if (put_kept_aside(p) == -1 || put_aside(p, n) == -1)
		return -1;
	json_decref(n->held);
	n->held = NULL;
	return draw(p, account);
}

int
numbers_refused(struct profile *p)
{
	if (!p->has_kept)
		return 0;
	if (put_aside(p, &p->numbering) == -1)
		return -1;
	json_decref(p->numbering.held);
	p->numbering = p->kept;
	p->kept = (struct numbering){ 0 };
	p->has_kept = false;
	return 0;
}

int
numbers_accepted(struct profile *p, uint64_t up_next)
{
	struct numbering *n = &p->numbering;

	n->accepted = true;
	if (put_kept_aside(p) == -1)
		return -1;
	if (up_next == 0)
		return 0;
	if (bb_device_numbers(numbers_first(n), n->next, up_next) ==
	    BB_NUMBERS_ANEW)
		n->anew = true;
	numbers_acknowledge(n, up_next);
	return 0;
}

static size_t
text_bytes(const json_t *list)
{
	size_t i, sum = 0;

	for (i = 0; i < json_array_size(list); i++)
		sum += json_string_length(
		    json_object_get(json_array_get(list, i), "text"));
	return sum;
}

int
numbers_hold(struct profile *p, const char *to, const char *text)
{
	struct numbering *n = &p->numbering;
	size_t held = text_bytes(n->held) + text_bytes(p->kept.held) +
		      text_bytes(p->later);

	if (n->next >= INT64_MAX ||
	    json_array_size(n->held) + numbers_elsewhere(p) >= HELD_MAX ||
	    held + strlen(text) > HELD_TEXT_MAX) {
		errno = ENOSPC;
		return -1;
	}
	return hold(n, to, text);
}
