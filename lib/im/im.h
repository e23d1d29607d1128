/* IM back ends: the client side of one kind of IM server, behind one struct.
 *
 * A back end does no input or output and calls nobody.  It is given requests
 * (from the device) and inputs (from the world), and then *wants* things, which
 * the service takes out one by one with next() until there are none.  So each
 * is tested and fuzzed without a socket.  docs/adding-a-backend.md. */
#ifndef BB_IM_IM_H
#define BB_IM_IM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

struct bb_im;

/* Strings are borrowed for the call of open() only. */
struct bb_im_config {
	const char *service; /* name in the configuration store */
	const char *host;    /* "" where the type needs none */
	uint16_t port;
	const char *account; /* whose session this will be */
	uint64_t seed;       /* random, for ids that need not be secret */
};

/* ---- requests: what the device wants; borrowed for the call ---- */
enum bb_request_type {
	BB_REQUEST_LOGIN, /* the first, once; or */
	BB_REQUEST_ADOPT, /* the first, once: take up the account's login,
			   * which another process left; answered as LOGIN is.
			   * UNAVAILABLE from a type whose logins end with the
			   * process: the device logs in anew */
	BB_REQUEST_SEND,
	BB_REQUEST_PRESENCE,
	BB_REQUEST_LOGOUT /* always the last; then wants, then close() */
};
struct bb_request {
	enum bb_request_type type;
	uint64_t id;    /* comes back in the event that answers it */
	int64_t wall_s; /* seconds since 1970, for showing only */
	const struct bb_secret *password; /* LOGIN */
	const char *to;                   /* SEND */
	const char *text;                 /* SEND */
	const char *show, *status;        /* LOGIN, PRESENCE; may be NULL */
};

/* ---- inputs: what the world did; borrowed for the call ---- */
enum bb_input_type {
	BB_INPUT_DIALED, /* status; the connection of want `id` */
	BB_INPUT_TLS,    /* status; channel_binding when 0 */
	BB_INPUT_BYTES,  /* from connection `id` */
	BB_INPUT_CLOSED, /* connection `id`; status 0: orderly */
	BB_INPUT_HTTP,   /* answer to the HTTP want `id` */
	BB_INPUT_TIMER,  /* timer `id` has fired */
	BB_INPUT_JOB,    /* job `id` is done: status, result */
	BB_INPUT_STORE   /* store want `id` is done: status, text */
};
enum bb_im_status {
	BB_IM_OK,
	BB_IM_NONE, /* no such account, host, row */
	BB_IM_NO,   /* refused: wrong password, certificate ... */
	BB_IM_FULL, /* a bound is reached */
	BB_IM_TIMEOUT,
	BB_IM_UNREACHABLE,
	BB_IM_BROKEN, /* the peer broke the protocol */
	BB_IM_FAILED  /* our side: memory, disk */
};
struct bb_input {
	enum bb_input_type type;
	uint64_t id; /* of the want that this answers */
	int64_t now_ms;
	enum bb_im_status status;
	const void *bytes; /* BYTES, HTTP body, channel binding */
	size_t len;
	const char *text; /* STORE: the value; HTTP: header block */
	int code;         /* HTTP: status code */
};

/* ---- wants: what the back end needs done ---- */
enum bb_want_type {
	BB_WANT_DIAL,  /* TCP connection to host:port */
	BB_WANT_TLS,   /* start TLS on connection `on` */
	BB_WANT_SEND,  /* bytes on connection `on` */
	BB_WANT_HTTP,  /* one HTTP request */
	BB_WANT_TIMER, /* once, after ms; the same id moves it */
	BB_WANT_JOB,   /* work off the loop */
	BB_WANT_STORE, /* read or write the configuration store */
	BB_WANT_EVENT, /* tell the service, and so the device */
	BB_WANT_HANGUP /* close connection `on` */
};
enum bb_job_type {
	BB_JOB_PASSWORD /* check password against verifier: OK, NO */
};
enum bb_store_type {
	BB_STORE_VERIFIER, /* read the verifier of `account`: OK, NONE */
	BB_STORE_DELIVER   /* event `text` for `account`: OK, NONE, FULL */
};
enum bb_im_event {
	BB_EVENT_LOGGED_IN,   /* answers LOGIN, ADOPT; handle says where */
	BB_EVENT_REFUSED,     /* answers LOGIN: the server said no; final */
	BB_EVENT_UNAVAILABLE, /* answers LOGIN, ADOPT: not reachable, broken,
			       * not possible; final */
	BB_EVENT_SENT,        /* answers SEND: status, reason */
	BB_EVENT_DONE,        /* answers PRESENCE, LOGOUT */
	BB_EVENT_ENDED,       /* the session is over, unasked; final */
	BB_EVENT_DELIVER      /* an event for the device: its JSON, no "n" */
};
struct bb_http_want {
	const char *method, *url, *headers; /* header lines, \r\n each */
	const void *body;
	size_t body_len;
	const char *ca_file; /* NULL: the system's */
	bool fresh;          /* a connection of its own, not kept */
	bool held;           /* long poll: no answer for minutes is right */
	int64_t timeout_ms;
};
struct bb_want {
	enum bb_want_type type;
	uint64_t id;      /* named by the input that answers */
	uint64_t on;      /* TLS, SEND, HANGUP: the DIAL want's id */
	const char *host; /* DIAL; TLS: name to verify */
	uint16_t port;
	const void *bytes; /* SEND */
	size_t len;
	struct bb_http_want http;
	int64_t ms; /* TIMER; 0 cancels */
	enum bb_job_type job;
	enum bb_store_type store;
	const struct bb_secret *password; /* JOB */
	const char *verifier;             /* JOB */
	const char *account;              /* STORE */
	const char *text;                 /* STORE; EVENT DELIVER */
	enum bb_im_event event;
	uint64_t request;         /* EVENT: the request's id, or 0 */
	enum bb_im_status status; /* EVENT SENT: OK, NO, FULL, NONE */
	const char *reason;       /* EVENT: for people; or NULL */
	const char *handle;       /* EVENT LOGGED_IN: for people */
};

/* None of the functions is optional. */
struct bb_im_type {
	const char *name; /* the word in the configuration store */
	uint16_t port;    /* default; 0: none */
	unsigned
	    sockets_per_session; /* what api-max is computed from; 0: none */
	/* A login stands without this process: sessions are left to its
	 * successor and taken from other processes, with ADOPT. */
	bool outlives;
	/* NULL with errno. */
	struct bb_im *(
	    *open)(const struct bb_im_config *config, int64_t now_ms);
	/* 0, or -1 with ENOMEM; EINVAL: not in this state. */
	int (*request)(struct bb_im *im, const struct bb_request *request);
	/* 0, or -1 with ENOMEM.  A hostile peer is not an error of this call:
	 * it becomes an event. */
	int (*input)(struct bb_im *im, const struct bb_input *input);
	/* The next want, or false.  What it points to lives until the next call
	 * with this im. */
	bool (*next)(struct bb_im *im, struct bb_want *want);
	/* Frees and wipes; legal at any time, and for NULL. */
	void (*close)(struct bb_im *im);
};

/* The type by name, or NULL; all of them, ended by NULL. */
const struct bb_im_type *bb_im_find(const char *name);
extern const struct bb_im_type *const bb_im_types[];

#endif
