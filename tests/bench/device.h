/* A device in memory: the device's half of the link and nothing else; no
 * profile, no socket.  It checks what it is told: each event once and in
 * order, each message sent once; anything else ends the bench. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cc.h"
#include "flow/window.h"
#include "seal/keys.h"

enum device_state {
	DEVICE_IDLE,
	DEVICE_WAITING,    /* an attach was sent */
	DEVICE_CONFIRMING, /* accepted; its first DATA frame was sent */
	DEVICE_LIVE
};

struct device {
	uint32_t number; /* from 0; names its user and its PIN */
	uint8_t state;   /* enum device_state */
	bool numbered;   /* has logged in before: resumes */
	uint32_t att, seq;
	uint8_t base[BB_BASE_LEN]; /* current */
	struct bb_keys keys, previous;
	uint8_t e_private[BB_EPHEMERAL_LEN], e_public[BB_EPHEMERAL_LEN];
	uint8_t nonce[BB_NONCE_LEN];
	uint8_t session[8];
	struct bb_window down;
	uint64_t sent;       /* messages */
	uint64_t acked;      /* of these, by the gateway */
	uint64_t results;    /* of these, with the result "sent" */
	uint64_t heard;      /* messages from others */
	uint64_t have;       /* events */
	uint64_t reports;    /* frames that told what it has sent */
	uint64_t told;       /* of these, acknowledged */
	uint64_t peer_heard; /* highest message of a sender, see device_send */
};

#define DEVICE_PIN_FIRST 0x21000000u
#define DEVICE_NAME_MAX 16
#define DEVICE_PASSWORD "benched and found good"

uint32_t device_pin(const struct device *d);
/* "u00042" */
void device_name(uint32_t number, char name[DEVICE_NAME_MAX]);

/* Appends an attach: a login the first time, later a resume. */
void device_attach(struct device *d, struct bb_buf *out);
/* Appends a DATA frame. */
void device_say(struct device *d, const char *json, size_t len,
    struct bb_buf *out);
/* Appends the question what waits, with the acknowledgement of what came; a
 * report answers it. */
void device_ask(struct device *d, struct bb_buf *out);
/* Appends a message to another device's user, `len` bytes of text, with the
 * acknowledgement of what came. */
void device_send(struct device *d, uint32_t to, size_t len, struct bb_buf *out);

/* Takes the first frame of `bytes`; what the device says in answer (its first
 * DATA frame, after an ANSWER) is appended to `out`.  How many bytes it took;
 * 0: none is whole. */
size_t device_take(struct device *d, const uint8_t *bytes, size_t len,
    struct bb_buf *out);

#endif
