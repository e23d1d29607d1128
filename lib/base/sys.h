/* What differs between systems: one of sys_linux.c and sys_posix.c is built. */
#ifndef BB_BASE_SYS_H
#define BB_BASE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/cc.h"

/* Unpredictable bytes from the kernel.  Failing is fatal (abort): nothing can
 * go on without them. */
void bb_random(void *bytes, size_t len);
/* No core file, not dumpable, not traceable by other processes of this user.
 * Call before a secret is read.  0, or -1 with errno. */
int bb_sys_harden(void) BB_NODISCARD;
/* Memory for a secret, in no core file and not swapped where the system allows
 * that; NULL with ENOMEM.  Free with the same length; the caller wipes. */
void *bb_sys_secret_alloc(size_t len);
void bb_sys_secret_free(void *mem, size_t len);
/* Time since boot, suspended time included where the system counts it. */
int bb_sys_clock_boot(struct timespec *ts) BB_NODISCARD;
/* Sets close-on-exec on every open descriptor >= first.  0, or -1 with
 * errno. */
int bb_sys_cloexec_from(int first) BB_NODISCARD;
/* Identity of this boot: 32 hex digits and a zero byte. */
#define BB_BOOT_ID_MAX 33
int bb_sys_boot_id(char out[BB_BOOT_ID_MAX]) BB_NODISCARD;
/* When a process started, in a unit that only has to be equal or not: with the
 * process id and the boot id it names one process for ever.  -1 with ESRCH when
 * there is none (a zombie counts as none). */
int bb_sys_process_start(pid_t pid, uint64_t *start) BB_NODISCARD;

#endif
