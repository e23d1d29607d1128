/* The `local` back end: logs in against the verifier in the configuration
 * store, delivers to other accounts of the same service through it. */
#include "im/local/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cc.h"
#include "line/message.h"

/* A want that waits to be taken out: there are few, and none mostly. */
struct node {
	struct node *next;
	struct bb_want want;
};

enum local_state {
	LS_NEW,
	LS_READING,  /* the verifier is being read */
	LS_CHECKING, /* the password is being checked */
	LS_IN,
	LS_OUT
};

struct bb_im {
	enum local_state state;
	char *account;
	struct bb_secret password; /* until it is checked */
	char *verifier;            /* likewise; NULL: none there */
	uint64_t next_id;
	uint64_t login;        /* the login request's id */
	uint64_t waiting;      /* want that READING, CHECKING wait for */
	uint64_t sending;      /* DELIVER want under way; 0: none */
	uint64_t send_request; /* and the request it belongs to */
	char *send_text;
	size_t send_text_len;
	struct node *first, **last;
};

static struct bb_want *
want_add(struct bb_im *im, enum bb_want_type type)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	*im->last = node;
	im->last = &node->next;
	node->want.type = type;
	node->want.id = ++im->next_id;
	return &node->want;
}

static int
event_add(struct bb_im *im, enum bb_im_event event, uint64_t request,
    enum bb_im_status status, const char *reason)
{
	struct bb_want *w;

	if ((w = want_add(im, BB_WANT_EVENT)) == NULL)
		return -1;
	w->event = event;
	w->request = request;
	w->status = status;
	w->reason = reason;
	w->handle = event == BB_EVENT_LOGGED_IN ? im->account : NULL;
	return 0;
}

static void
login_forget(struct bb_im *im)
{
	bb_secret_clear(&im->password);
	if (im->verifier != NULL) {
		bb_wipe(im->verifier, strlen(im->verifier));
		free(im->verifier);
	}
	im->verifier = NULL;
}

static void
send_forget(struct bb_im *im)
{
	bb_json_text_free(im->send_text, im->send_text_len);
	im->send_text = NULL;
	im->sending = 0;
}

static struct bb_im *
local_open(const struct bb_im_config *config, int64_t now_ms)
{
	struct bb_im *im;

	(void)now_ms;
	if ((im = calloc(1, sizeof(*im))) == NULL)
		return NULL;
	if ((im->account = strdup(config->account)) == NULL) {
		free(im);
		return NULL;
	}
	im->last = &im->first;
	return im;
}

static int
request_login(struct bb_im *im, const struct bb_request *r)
{
	struct bb_want *w;

	if (im->state != LS_NEW || r->password == NULL ||
	    r->password->text == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (bb_secret_set(&im->password, r->password->text, r->password->len) ==
	    -1)
		return -1;
	if ((w = want_add(im, BB_WANT_STORE)) == NULL)
		return -1;
	w->store = BB_STORE_VERIFIER;
	w->account = im->account;
	im->waiting = w->id;
	im->login = r->id;
	im->state = LS_READING;
	return 0;
}

/* The account's login is a row in the configuration store, which stands. */
static int
request_adopt(struct bb_im *im, const struct bb_request *r)
{
	if (im->state != LS_NEW) {
		errno = EINVAL;
		return -1;
	}
	im->state = LS_IN;
	return event_add(im, BB_EVENT_LOGGED_IN, r->id, BB_IM_OK, NULL);
}

/* The event that the recipient's devices will see, without its number. */
static char *
message_event(const struct bb_im *im, const struct bb_request *r, size_t *len)
{
	json_t *event;
	char *text = NULL;

	event = json_pack("{s:s, s:s, s:s, s:I}", "type", "message", "from",
	    im->account, "text", r->text, "time", (json_int_t)r->wall_s);
	if (event != NULL)
		text = bb_json_text(event, len);
	json_decref(event);
	if (text == NULL)
		errno = ENOMEM;
	return text;
}

static int
request_send(struct bb_im *im, const struct bb_request *r)
{
	struct bb_want *w;

	if (im->state != LS_IN || im->sending != 0 || r->to == NULL ||
	    r->text == NULL) {
		errno = EINVAL;
		return -1;
	}
	im->send_text = message_event(im, r, &im->send_text_len);
	if (im->send_text == NULL)
		return -1;
	if ((w = want_add(im, BB_WANT_STORE)) == NULL) {
		send_forget(im);
		return -1;
	}
	w->store = BB_STORE_DELIVER;
	w->account = r->to;
	w->text = im->send_text;
	w->len = im->send_text_len;
	im->sending = w->id;
	im->send_request = r->id;
	return 0;
}

static int
local_request(struct bb_im *im, const struct bb_request *r)
{
	switch (r->type) {
	case BB_REQUEST_LOGIN:
		return request_login(im, r);
	case BB_REQUEST_ADOPT:
		return request_adopt(im, r);
	case BB_REQUEST_SEND:
		return request_send(im, r);
	case BB_REQUEST_PRESENCE:
		if (im->state != LS_IN)
			break;
		return event_add(im, BB_EVENT_DONE, r->id, BB_IM_OK, NULL);
	case BB_REQUEST_LOGOUT:
		if (im->state == LS_OUT)
			break;
		im->state = LS_OUT;
		login_forget(im);
		send_forget(im);
		return event_add(im, BB_EVENT_DONE, r->id, BB_IM_OK, NULL);
	}
	errno = EINVAL;
	return -1;
}

/* An account without a verifier is checked against none, which takes as long
 * as a real check: nobody learns which accounts there are. */
static int
verifier_read(struct bb_im *im, const struct bb_input *in)
{
	struct bb_want *w;

	if (in->status != BB_IM_OK && in->status != BB_IM_NONE) {
		login_forget(im);
		im->state = LS_OUT;
		return event_add(im, BB_EVENT_UNAVAILABLE, im->login,
		    in->status, "the database did not answer");
	}
	if (in->status == BB_IM_OK && (im->verifier = strdup(in->text)) == NULL)
		return -1;
	if ((w = want_add(im, BB_WANT_JOB)) == NULL)
		return -1;
	w->job = BB_JOB_PASSWORD;
	w->password = &im->password;
	w->verifier = im->verifier;
	im->waiting = w->id;
	im->state = LS_CHECKING;
	return 0;
}

static int
password_checked(struct bb_im *im, const struct bb_input *in)
{
	login_forget(im);
	if (in->status == BB_IM_OK) {
		im->state = LS_IN;
		return event_add(im, BB_EVENT_LOGGED_IN, im->login, BB_IM_OK,
		    NULL);
	}
	im->state = LS_OUT;
	if (in->status == BB_IM_NO)
		return event_add(im, BB_EVENT_REFUSED, im->login, BB_IM_NO,
		    "unknown account or wrong password");
	return event_add(im, BB_EVENT_UNAVAILABLE, im->login, in->status,
	    "the password could not be checked");
}

static int
delivered(struct bb_im *im, const struct bb_input *in)
{
	const char *reason = NULL;

	if (in->status == BB_IM_NONE)
		reason = "no such account";
	else if (in->status == BB_IM_FULL)
		reason = "too much waits for this account";
	else if (in->status != BB_IM_OK)
		reason = "the database did not take it";
	send_forget(im);
	return event_add(im, BB_EVENT_SENT, im->send_request, in->status,
	    reason);
}

static int
local_input(struct bb_im *im, const struct bb_input *in)
{
	if (im->state == LS_READING && in->type == BB_INPUT_STORE &&
	    in->id == im->waiting)
		return verifier_read(im, in);
	if (im->state == LS_CHECKING && in->type == BB_INPUT_JOB &&
	    in->id == im->waiting)
		return password_checked(im, in);
	if (im->state == LS_IN && in->type == BB_INPUT_STORE &&
	    im->sending != 0 && in->id == im->sending)
		return delivered(im, in);
	return 0; /* late answer to something given up */
}

static bool
local_next(struct bb_im *im, struct bb_want *want)
{
	struct node *node = im->first;

	if (node == NULL)
		return false;
	*want = node->want;
	im->first = node->next;
	if (im->first == NULL)
		im->last = &im->first;
	free(node);
	return true;
}

static void
local_close(struct bb_im *im)
{
	struct bb_want dropped;

	if (im == NULL)
		return;
	while (im->first != NULL)
		(void)local_next(im, &dropped);
	login_forget(im);
	send_forget(im);
	free(im->account);
	free(im);
}

const struct bb_im_type bb_im_local = {
	.name = "local",
	.port = 0,
	.sockets_per_session = 0,
	.outlives = true,
	.open = local_open,
	.request = local_request,
	.input = local_input,
	.next = local_next,
	.close = local_close,
};
