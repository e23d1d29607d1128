/* The stages as processes: started with a way to say that they are ready,
 * measured, ended. */
#ifndef STAGES_H
#define STAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cc.h"

#define STAGE_WORDS 24

struct stage {
	const char *name;
	pid_t pid; /* 0: not started */
	int out;   /* its standard output; -1: none */
	/* noted by stage_mark */
	int64_t cpu, first, pss;
};

/* Starts $BB_BIN/NAME (or NAME as it is, with a slash in it) with words up to
 * NULL.  in: its standard input, also its output when `both`; -1: /dev/null,
 * and its output is a pipe.  ready: "--ready-fd 3" is given, and this waits
 * until it is. */
void stage_start(struct stage *stage, const char *name, char *const words[],
    int in, int both, int ready);
/* The port of "listening HOST:PORT" on its standard output. */
int stage_port(const struct stage *stage);
/* Kills it. */
void stage_end(struct stage *stage);
/* Waits until it has ended by itself, which must be well. */
void stage_await_end(struct stage *stage);

/* Notes what it has used; since then: CPU in ns, of all and of the first
 * thread alone; growth of memory in kB. */
void stage_mark(struct stage *stage);
int64_t stage_cpu(const struct stage *stage);
int64_t stage_first(const struct stage *stage);
int64_t stage_pss(const struct stage *stage);

#endif
