/* What one process wants of the gateway, and what it prints.  It asks the
 * holder of the profile, which is this process or another one, in the same JSON
 * objects; docs/man/bbdevice.1, THE HOLDER. */
#ifndef BBDEVICE_ASKER_H
#define BBDEVICE_ASKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/secret.h"
#include "emit.h"
#include "serve/loop.h"
#include "show.h"

enum ask_verb {
	ASK_LOGIN,
	ASK_RESUME,
	ASK_LISTEN,
	ASK_SEND,
	ASK_FETCH,
	ASK_MESSAGE, /* presence, alive, logout: asker.message */
	ASK_STATUS
};

/* Borrows options and texts. */
struct asker {
	const struct emit_options *o;
	const char *to, *text; /* SEND; text NULL: lines of standard input */
	json_t *message;       /* MESSAGE */
	struct bb_secret password; /* text NULL: none */
	struct show show;
	int64_t deadline_ms; /* 0: not set yet */
	enum ask_verb verb;
	bool done;
	bool shared; /* the holder is another process */
	bool input_ended;

	/* While there is a holder.  `ask` borrows the request. */
	void (*ask)(void *ctx, const json_t *request);
	void (*finished)(void *ctx);
	void *ctx;
	struct bb_io *in;
	struct bb_timer *timer;

	struct bb_buf line; /* SEND: what was read and not sent */
	json_t *flying;     /* messages without a result, in order */
	size_t kept;        /* the first so many of them have a number */
	/* LISTEN and FETCH: what was printed, under which numbering.  A holder
	 * that was killed may not have noted it. */
	uint64_t printed;
	int64_t events; /* so many are wanted; -1: any number */
	char numbering[2 * NUMBERING_LEN + 1];
	struct account account;
};

/* A holder is there: asks for what has no answer yet.  0, or -1 with errno. */
int asker_open(struct asker *a, struct bb_loop *loop) BB_NODISCARD;
/* It is gone; unless done, asker_open follows. */
void asker_close(struct asker *a);
/* An object from the holder, borrowed. */
void asker_take(struct asker *a, const json_t *object);
/* It says one object that is not from a holder, which it takes. */
void asker_say(struct asker *a, json_t *object);
/* It ends with a sentence. */
void asker_fail(struct asker *a, int status, const char *why);
void asker_clear(struct asker *a);
/* A signal that we were started to ignore (nohup, a shell's background job) is
 * ignored. */
bool asker_heeds(int signo);
/* {"op":"login"} with account, password, presence. */
json_t *asker_login(const struct asker *a);

#endif
