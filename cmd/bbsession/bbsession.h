/* What the files of bbsession share: the command line as it was parsed, and the
 * shape of a noun and of its verbs.  main.c finds the verb, one file per noun
 * does it. */
#ifndef BBSESSION_H
#define BBSESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/opt.h"

/* Everything borrows argv and the environment. */
struct args {
	/* of every verb */
	const char *data;         /* folder of both stores */
	const char *device_store; /* file; NULL: in data */
	const char *config_store;
	bool json;
	bool dry_run;

	/* of some verbs; NULL, false or what VERB says: not given */
	const char *account;
	const char *host;
	const char *key_file;
	const char *only;
	const char *password_file;
	const char *service;
	const char *type;
	const char *user;
	bool no_password;
	bool no_user_check;
	int64_t password_fd; /* -1: not given */
	int64_t port;        /* 0: not given */
	uint32_t pin;        /* 0: not given */

	/* USER, SERVICE ... as the verb's line of operands names them */
	char *const *operand;
	int operands;
};

struct verb {
	const char *name;
	const char *operands; /* "USER SERVICE" */
	int operands_min, operands_max;
	const char *about;         /* one sentence */
	const struct bb_opt *opts; /* besides those of every verb */
	size_t opts_len;
	int (*run)(const struct args *a); /* the exit status */
};

struct noun {
	const char *name;
	const char *about;
	const struct verb *verbs;
	size_t verbs_len;
};

#define VERB_OPTS_MAX 8

/* The row of a verb's table for a field of struct args. */
#define OPT(long_name, opt_type, field, arg_name, text) \
	{ \
		.name = (long_name), .type = (opt_type), \
		.offset = offsetof(struct args, field), .arg = (arg_name), \
		.help = (text) \
	}
#define OPT_RANGE(long_name, field, lowest, highest, arg_name, text) \
	{ \
		.name = (long_name), .type = BB_OPT_INT, \
		.offset = offsetof(struct args, field), .arg = (arg_name), \
		.help = (text), .min = (lowest), .max = (highest) \
	}
#define OPTS(table) .opts = (table), .opts_len = BB_LEN(table)

extern const struct noun noun_db;
extern const struct noun noun_user;
extern const struct noun noun_device;
extern const struct noun noun_service;
extern const struct noun noun_permission;
extern const struct noun noun_limit;
extern const struct noun noun_session;
extern const struct noun noun_stage;

/* A name from the command line: at most `size` - 1 bytes that bb_text_name
 * accepts, else a sentence that says what `what` ("USER") must be, and exit
 * 100. */
const char *arg_name(const char *what, const char *text, size_t size);
const char *arg_user(const char *text);
const char *arg_service(const char *text);
/* 8 hexadecimal digits, or a sentence and exit 100. */
uint32_t arg_pin(const char *text);
/* The same for options that were perhaps not given: NULL stays NULL. */
const char *arg_user_or_null(const char *text);
const char *arg_service_or_null(const char *text);

#endif
