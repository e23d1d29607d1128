/* The local back end without a store, a thread or a clock: requests and inputs
 * in, wants out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "im/im.h"
#include "line/message.h"
#include "tap.h"

static struct bb_im *
opened(void)
{
	const struct bb_im_config config = { .service = "local",
		.host = "",
		.account = "alice" };

	return bb_im_find("local")->open(&config, 0);
}

static void
password(struct bb_secret *s, const char *text)
{
	if (bb_secret_set(s, text, strlen(text)) == -1)
		abort();
}

/* Drives a login up to the password check and answers it. */
static struct bb_im *
login(const char *verifier, enum bb_im_status check, struct bb_want *event)
{
	const struct bb_im_type *type = bb_im_find("local");
	struct bb_secret secret = { NULL, 0 };
	struct bb_request request = { .type = BB_REQUEST_LOGIN,
		.id = 7,
		.password = &secret };
	struct bb_input in = { .type = BB_INPUT_STORE };
	struct bb_im *im = opened();
	struct bb_want w;

	password(&secret, "sesame");
	if (type->request(im, &request) == -1 || !type->next(im, &w))
		abort();
	bb_secret_clear(&secret);
	in.id = w.id;
	in.status = verifier != NULL ? BB_IM_OK : BB_IM_NONE;
	in.text = verifier;
	if (type->input(im, &in) == -1 || !type->next(im, &w))
		abort();
	in = (struct bb_input){ .type = BB_INPUT_JOB,
		.id = w.id,
		.status = check };
	if (type->input(im, &in) == -1 || !type->next(im, event))
		abort();
	return im;
}

static void
test_login_asks_for_the_verifier_then_for_a_check(void)
{
	const struct bb_im_type *type = bb_im_find("local");
	struct bb_secret secret = { NULL, 0 };
	struct bb_request request = { .type = BB_REQUEST_LOGIN,
		.id = 7,
		.password = &secret };
	struct bb_input in = { .type = BB_INPUT_STORE, .text = "$scrypt$x" };
	struct bb_im *im = opened();
	struct bb_want w;

	password(&secret, "sesame");
	TAP_EQ_INT(type->request(im, &request), 0, "a login is taken");
	bb_secret_clear(&secret);
	tap_ok(type->next(im, &w) && w.type == BB_WANT_STORE &&
		   w.store == BB_STORE_VERIFIER,
	    "the verifier is read first");
	TAP_EQ_STR(w.account, "alice", "of the account that logs in");
	tap_ok(!type->next(im, &w), "and nothing else is wanted yet");
	in.id = w.id + 1;
	TAP_EQ_INT(type->input(im, &in), 0, "an answer to no want is ignored");
	tap_ok(!type->next(im, &w), "and moves nothing");
	in.id = w.id;
	TAP_EQ_INT(type->input(im, &in), 0, "the verifier comes");
	tap_ok(type->next(im, &w) && w.type == BB_WANT_JOB &&
		   w.job == BB_JOB_PASSWORD,
	    "then the check is wanted off the loop");
	TAP_EQ_STR(w.password->text, "sesame", "of the password given");
	TAP_EQ_STR(w.verifier, "$scrypt$x", "against the verifier read");
	type->close(im);
}

static void
test_login_answers(void)
{
	const struct bb_im_type *type = bb_im_find("local");
	struct bb_want w;
	struct bb_im *im;

	im = login("$scrypt$x", BB_IM_OK, &w);
	tap_ok(w.type == BB_WANT_EVENT && w.event == BB_EVENT_LOGGED_IN &&
		   w.request == 7,
	    "a right password logs in, and the event names the request");
	TAP_EQ_STR(w.handle, "alice", "the handle is the account");
	type->close(im);
	im = login("$scrypt$x", BB_IM_NO, &w);
	tap_ok(w.event == BB_EVENT_REFUSED && w.reason != NULL,
	    "a wrong password is refused with a reason");
	type->close(im);
	im = login(NULL, BB_IM_NO, &w);
	tap_ok(w.event == BB_EVENT_REFUSED,
	    "an unknown account is checked all the same, and refused");
	type->close(im);
	im = login("$scrypt$x", BB_IM_FAILED, &w);
	tap_ok(w.event == BB_EVENT_UNAVAILABLE,
	    "a check that could not be made is not a refusal");
	type->close(im);
}

static void
test_send(void)
{
	const struct bb_im_type *type = bb_im_find("local");
	struct bb_request request = { .type = BB_REQUEST_SEND,
		.id = 3,
		.to = "bob",
		.text = "hi \"bob\"",
		.wall_s = 1000 };
	struct bb_input in = { .type = BB_INPUT_STORE };
	char why[BB_MESSAGE_WHY_MAX];
	struct bb_want w;
	struct bb_im *im = login("$scrypt$x", BB_IM_OK, &w);
	json_t *event;

	TAP_EQ_INT(type->request(im, &request), 0, "a message is taken");
	tap_ok(type->next(im, &w) && w.store == BB_STORE_DELIVER,
	    "and is to be delivered by the store");
	TAP_EQ_STR(w.account, "bob", "to the account named");
	event = bb_json_parse(w.text, w.len, why);
	TAP_EQ_STR(json_string_value(json_object_get(event, "from")), "alice",
	    "the event names the sender");
	TAP_EQ_STR(json_string_value(json_object_get(event, "text")),
	    "hi \"bob\"", "and carries the text");
	json_decref(event);
	TAP_EQ_INT(type->request(im, &request), -1,
	    "a second one has to wait for the first");
	in.id = w.id;
	in.status = BB_IM_FULL;
	TAP_EQ_INT(type->input(im, &in), 0, "the store answers");
	tap_ok(type->next(im, &w) && w.event == BB_EVENT_SENT &&
		   w.request == 3 && w.status == BB_IM_FULL && w.reason != NULL,
	    "its answer comes back with a reason");
	type->close(im);
}

static void
test_adopt(void)
{
	const struct bb_im_type *type = bb_im_find("local");
	struct bb_request request = { .type = BB_REQUEST_ADOPT, .id = 9 };
	struct bb_im *im = opened();
	struct bb_want w;

	tap_ok(type->outlives, "local logins stand without a process");
	TAP_EQ_INT(type->request(im, &request), 0, "one is taken up");
	tap_ok(type->next(im, &w) && w.type == BB_WANT_EVENT &&
		   w.event == BB_EVENT_LOGGED_IN && w.request == 9,
	    "at once and without a password");
	TAP_EQ_STR(w.handle, "alice", "as the account's");
	TAP_EQ_INT(type->request(im, &request), -1, "but only once");
	request = (struct bb_request){ .type = BB_REQUEST_SEND,
		.to = "bob",
		.text = "hi" };
	TAP_EQ_INT(type->request(im, &request), 0, "then it can send");
	type->close(im);
}

static void
test_order(void)
{
	const struct bb_im_type *type = bb_im_find("local");
	struct bb_request request = { .type = BB_REQUEST_SEND,
		.to = "bob",
		.text = "hi" };
	struct bb_im *im = opened();
	struct bb_want w;

	TAP_EQ_INT(type->request(im, &request), -1,
	    "nothing is sent before the login");
	request.type = BB_REQUEST_LOGOUT;
	TAP_EQ_INT(type->request(im, &request), 0,
	    "a logout is taken at any time");
	tap_ok(type->next(im, &w) && w.event == BB_EVENT_DONE,
	    "and is done at once");
	TAP_EQ_INT(type->request(im, &request), -1, "but only once");
	type->close(im);
	type->close(NULL);
	tap_ok(bb_im_find("nosuch") == NULL, "an unknown type is not found");
}

int
main(void)
{
	bb_json_init();
	test_login_asks_for_the_verifier_then_for_a_check();
	test_login_answers();
	test_send();
	test_adopt();
	test_order();
	return tap_done();
}
