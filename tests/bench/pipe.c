/* pipe: the filters as one pipeline, bbrouter | bbdispatch | bbcollab |
 * bbdispatch | bbrouter, with the logins of DEVICES devices in one stream.
 * Nothing runs before, so that a pass has five starts in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "bench.h"
#include "line/message.h"
#include "stages.h"
#include "wire/frame.h"
#include "world.h"

#include "base/cc.h"

#define DEVICES 100
#define PASSES 5

static struct device *devices;

static struct bb_buf
logins(void)
{
	struct bb_buf stream = BB_BUF(DEVICES * BB_FRAME_MAX);
	size_t i;

	for (i = 0; i < DEVICES; i++) {
		devices[i].numbered = false;
		device_attach(&devices[i], &stream);
	}
	return stream;
}

static void
take_answer(const uint8_t *bytes, size_t len)
{
	struct bb_buf unsent = BB_BUF(BB_FRAME_MAX);
	struct bb_frame frame;
	struct device *d;

	if (bb_frame_read(bytes, len, &frame) != BB_FRAME_SOUND ||
	    frame.pin - DEVICE_PIN_FIRST >= DEVICES)
		bench_fail("what came out of the pipe is no answer");
	d = &devices[frame.pin - DEVICE_PIN_FIRST];
	(void)device_take(d, bytes, len, &unsent);
	if (d->state != DEVICE_CONFIRMING)
		bench_fail("a device was not let in");
	d->state = DEVICE_IDLE;
	bb_buf_clear(&unsent);
}

/* How many answers there are; all are checked. */
static size_t
take_answers(int fd)
{
	struct bb_buf answers = BB_BUF(DEVICES * BB_FRAME_MAX);
	size_t len, count = 0;

	if (bb_read_all(fd, &answers) == -1)
		bench_fail("read: %s", strerror(errno));
	while (bb_frame_split(bb_buf_data(&answers), bb_buf_len(&answers),
		   &len) == BB_PARSE_OK) {
		take_answer(bb_buf_data(&answers), len);
		bb_buf_take(&answers, len);
		count++;
	}
	bb_buf_clear(&answers);
	return count;
}

static int64_t
children_cpu(void)
{
	struct rusage use;

	if (getrusage(RUSAGE_CHILDREN, &use) == -1)
		return 0;
	return ((int64_t)use.ru_utime.tv_sec + use.ru_stime.tv_sec) *
		   1000000000 +
	       ((int64_t)use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1000;
}

static int
pipeline(struct stage *shell)
{
	static const char text[] =
	    "PATH=$BB_BIN:$PATH; export BB_DATA=%s;"
	    "bbrouter | bbdispatch | bbcollab | bbdispatch | bbrouter";
	char script[sizeof(text) + BENCH_PATH_MAX], option[] = "-c";
	char *const words[] = { option, script, NULL };
	int in[2];

	(void)snprintf(script, sizeof(script), text, bench_dir());
	if (pipe(in) == -1 || fcntl(in[1], F_SETFD, FD_CLOEXEC) == -1)
		bench_fail("pipe: %s", strerror(errno));
	stage_start(shell, "/bin/sh", words, in[0], 0, 0);
	(void)close(in[0]);
	return in[1];
}

static void
pass(int64_t *wall, int64_t *cpu)
{
	struct bb_buf stream = logins();
	int64_t start = bench_now(), used = children_cpu();
	struct stage shell = { 0 };
	int in = pipeline(&shell);

	/* It does not fill the pipe: no answer has to be read before. */
	if (bb_write_all(in, bb_buf_data(&stream), bb_buf_len(&stream)) == -1)
		bench_fail("write: %s", strerror(errno));
	(void)close(in);
	if (take_answers(shell.out) != DEVICES)
		bench_fail("not each device was answered");
	*wall = bench_now() - start;
	stage_await_end(&shell);
	*cpu = children_cpu() - used;
	bb_buf_clear(&stream);
}

int
main(void)
{
	int64_t wall[PASSES], cpu[PASSES];
	double ms, per_s;
	size_t i;

	bb_log_open("pipe");
	bb_json_init();
	devices = world_make(bench_dir(), DEVICES);
	for (i = 0; i < PASSES; i++)
		pass(&wall[i], &cpu[i]);
	ms = (double)bench_percentile(wall, PASSES, 50) / 1e6;
	per_s = DEVICES * 1000 / ms;
	printf("%d logins in one stream through five filters: %.0f ms "
	       "[%.0f..%.0f], %.0f logins/s;\n"
	       "%.2f ms CPU for each, the starts of the filters and %d "
	       "password hashes among them.\n",
	    DEVICES, ms, (double)wall[0] / 1e6, (double)wall[PASSES - 1] / 1e6,
	    per_s, (double)bench_percentile(cpu, PASSES, 50) / 1e6 / DEVICES,
	    DEVICES);
	bench_result("pipe_per_s", per_s);
	free(devices);
	return 0;
}
