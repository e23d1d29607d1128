/* Admission: from numbers to a verdict.  PURE.  This is where Server Busy and
 * Failed are decided; the Configuration Database supplies the numbers
 * (configdb/admit.h) and the Collaboration Service sends the verdict.
 * docs/overview.md, "Admission", is the table with its sources. */
#ifndef BB_FLOW_ADMISSION_H
#define BB_FLOW_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#define BB_UNLIMITED (-1)

struct bb_admission_facts {
	bool blocked;          /* the user or the service is */
	bool wrong_account;    /* asked for is not the permission's account */
	bool permitted;        /* user may use the service's client */
	bool replaces;         /* this device has a session here already */
	int64_t max;           /* max-sessions, or BB_UNLIMITED when unset */
	int64_t idle_ms;       /* idle-timeout, or BB_UNLIMITED when unset */
	int64_t count;         /* live sessions not owned by this device */
	int64_t evictable;     /* of these, out of coverage or silent */
	int64_t api_max;       /* of this process, or BB_UNLIMITED */
	int64_t api_count;     /* sessions of this process, not this device's */
	int64_t api_evictable; /* of these, evictable */
	int64_t next_idle_ms;  /* until one could become evictable, or
				* BB_UNLIMITED when none ever will */
};

enum bb_verdict {
	BB_ADMITTED, /* a slot is taken */
	BB_REPLACED, /* the device's own session gives way */
	BB_SERVER_BUSY,
	BB_FAILED, /* status 300 */
	BB_NOT_PERMITTED
};

/* Which row of the table applied, in its order. */
enum bb_admission_row {
	BB_ROW_BLOCKED,   /* user or service blocked, or wrong account */
	BB_ROW_REPLACE,   /* device has a session here */
	BB_ROW_BELOW_MAX, /* max set, count below, below api-max */
	BB_ROW_EVICT,     /* max reached, eviction makes room */
	BB_ROW_BUSY,      /* max reached, no room to be made */
	BB_ROW_UNSET,     /* max unset, below api-max */
	BB_ROW_API        /* at api-max, max unset or not reached */
};

struct bb_admission {
	enum bb_verdict verdict;
	enum bb_admission_row row;
	bool evict;             /* log out all evictable sessions */
	int64_t retry_after_ms; /* with Server Busy; BB_UNLIMITED: no hint */
};

#define BB_STATUS_FAILED 300 /* the number that the original shows */

struct bb_admission bb_admission_decide(const struct bb_admission_facts *f);
/* "admitted", "replaced", "busy", "failed", "denied": the wire's words. */
const char *bb_verdict_word(enum bb_verdict v);
/* "Server Busy", "Failed (300)", ...: for people. */
const char *bb_verdict_text(enum bb_verdict v);
/* One clause that says why: "the maximum of sessions is reached and none is
 * idle". */
const char *bb_admission_row_text(enum bb_admission_row row);

#endif
