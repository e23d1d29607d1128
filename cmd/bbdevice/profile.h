/* A profile: what a device keeps on disk, one folder per PIN.
 *
 * The folder (0700) is below the one of all profiles and holds profile.json
 * (0600) and a lock.  The lock is held from profile_open to profile_close; no
 * input is waited for and no output written in between, or two ends of one
 * pipeline would wait for each other.  Or it is held from profile_hold on, for
 * a process's life; then there is a socket, link.sock, for other processes. */
#ifndef BBDEVICE_PROFILE_H
#define BBDEVICE_PROFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/cc.h"
#include "base/sys.h"
#include "flow/device.h"
#include "seal/keys.h"

#define USER_MAX 256   /* bytes of an account, messages.def */
#define SERVICE_MAX 64 /* bytes of the name of a service */
#define SESSION_ID_LEN 8
#define NUMBERING_LEN 8
#define HELD_MAX 1000           /* messages not acknowledged */
#define HELD_TEXT_MAX (1 << 20) /* bytes of text in them */
#define PROFILE_VERSION 1
#define VIA_PORT 3101              /* of a router */
#define PROFILE_JSON_MAX (8 << 20) /* bytes of profile.json */
#define WHY_MAX 200                /* a clause about a profile */

/* Whose messages: an account at a service. */
struct account {
	char service[SERVICE_MAX + 1];
	char user[USER_MAX + 1];
};

/* Step 1 of the flow, measured; for `read --trace`. */
struct trace {
	bool wanted;
	char boot[BB_BOOT_ID_MAX]; /* start_us is of this boot */
	int64_t start_us;
	int64_t us;     /* compressing and sealing */
	int64_t plain;  /* bytes of JSON */
	int64_t packed; /* bytes after compressing */
	int64_t sealed; /* bytes of the frame */
};

/* An ATTACH whose ANSWER is to come. */
struct outstanding {
	uint32_t att;
	bool resume;
	struct account account;
	uint8_t kid[BB_KID_LEN]; /* of the key that sealed it */
	uint8_t e_private[BB_EPHEMERAL_LEN];
	uint8_t e_public[BB_EPHEMERAL_LEN];
	uint8_t nonce[BB_NONCE_LEN];
	uint64_t first, last; /* messages in its batch; 0: none */
	struct trace trace;
};

/* What the last acceptance said. */
struct session {
	bool open; /* DATA may go in it; else only a resume */
	bool resume;
	bool has_id;
	uint8_t id[SESSION_ID_LEN];
	struct account account;
	uint32_t att;
	uint32_t seq;                /* of the last DATA frame up; 0: none */
	uint8_t nonce[BB_NONCE_LEN]; /* of that frame */
	int64_t status_interval;     /* seconds; 0: not told */
};

/* An id under which messages and events are numbered, for one account; what the
 * gateway has not acknowledged; what it need not send again. */
struct numbering {
	uint8_t id[NUMBERING_LEN];
	struct account account; /* service "": none yet */
	bool accepted; /* the gateway knows it: an attach was accepted */
	bool anew;     /* the next attach draws another id */
	uint64_t next; /* number of the next message */
	json_t *held;  /* [{n,to,text}], not acknowledged, in order */
	uint64_t have; /* last event that is on disk here */
};

struct profile {
	uint32_t pin;
	struct account usual; /* user may be "" */
	uint8_t current[BB_BASE_LEN];
	bool has_previous;
	uint8_t previous[BB_BASE_LEN];
	struct bb_device device; /* its state follows from what is below */
	bool has_outstanding;
	struct outstanding outstanding;
	bool has_session;
	struct session session;
	struct numbering numbering;
	bool has_kept;
	struct numbering kept; /* the former one, until an attach for another
				* account is answered */
	json_t *later;         /* [{service,user,to,text}]: of other accounts */
	json_t *via;           /* [ADDR]: how the gateway is reached; or NULL */

	int folder; /* open while the lock is held; else -1 */
	int lock;
	bool live; /* held: on disk the session is never open, for nobody else
		    * may send in this attach */
};

/* The folder of all profiles: what --profiles says, else BB_PROFILES, else
 * $HOME/.config/bbdevice.  Ends the process when none of them is set. */
const char *profiles_folder(const char *option);

/* The PINs that have a folder in it, in order; perhaps one without a profile,
 * which a crash left.  The caller frees.  Ends the process where the folder
 * cannot be read. */
uint32_t *profile_pins(const char *folder, size_t *len);

/* Opens, locks and reads.  0; or -1 with a clause in `why` ("there is none",
 * "can be used by others; chmod 700 it") and errno.  profile_close is legal in
 * both cases. */
int profile_open(struct profile *p, const char *folder, uint32_t pin,
    char why[WHY_MAX]) BB_NODISCARD;
/* The same for as long as the process lives.  Besides: EBUSY when another one
 * holds it, EINPROGRESS when somebody uses it for a moment. */
int profile_hold(struct profile *p, const char *folder, uint32_t pin,
    char why[WHY_MAX]) BB_NODISCARD;
/* Reads without the lock, to look at it only; *holder is the process that holds
 * it, or 0.  Not for the holder: closing the file would unlock it. */
int profile_look(struct profile *p, const char *folder, uint32_t pin,
    pid_t *holder, char why[WHY_MAX]) BB_NODISCARD;
/* Makes folders and the first file; p is filled in by the caller but for the
 * numbering id.  As above; EEXIST when there is one. */
int profile_create(struct profile *p, const char *folder, char why[WHY_MAX])
    BB_NODISCARD;
/* Writes and syncs.  0, or -1 with errno; then the old file stands. */
int profile_save(struct profile *p) BB_NODISCARD;
/* Removes file, lock and folder of an open profile, locked or not readable. */
int profile_remove(const char *folder, uint32_t pin, char why[WHY_MAX])
    BB_NODISCARD;
/* Unlocks, frees, wipes. */
void profile_close(struct profile *p);

/* The same as bytes of JSON (profile_print.c, profile_scan.c).  profile_scan:
 * the profile must be zero but for pin; 0, or -1 with a clause that quotes
 * nothing. */
int profile_print(const struct profile *p, struct bb_buf *out) BB_NODISCARD;
int profile_scan(struct profile *p, const void *text, size_t len,
    char why[WHY_MAX]) BB_NODISCARD;

/* Sets the state that outstanding and session imply. */
void profile_settle(struct profile *p);
/* There is no ATTACH any more whose ANSWER would be taken; e_d is wiped. */
void profile_forget_attach(struct profile *p);
/* Does what a step of the table says to what is stored: bb_device_step, then
 * the profile has the state that it moved to. */
enum bb_device_act profile_step(struct profile *p, enum bb_device_event event);
/* Frames may be opened under both keys, sealed under the current one. */
int profile_keys(const struct profile *p, enum bb_device_key which,
    struct bb_keys *keys) BB_NODISCARD;
/* The key that a frame names. */
int profile_find_key(const struct profile *p, const uint8_t kid[BB_KID_LEN],
    enum bb_device_key *which, struct bb_keys *keys) BB_NODISCARD;

#endif
