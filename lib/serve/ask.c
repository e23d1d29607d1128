/* The asking end of the control socket: one command, one line back. */
#include "serve/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cc.h"
#include "base/fd.h"
#include "wire/addr.h"

#define COMMAND_MAX 256 /* control.h */

static int
open_at(const struct bb_addr *addr)
{
	const struct timeval patience = { .tv_sec = BB_ASK_MS / 1000 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, saved;

	memcpy(un.sun_path, addr->path, sizeof(addr->path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		sizeof(patience)) == 0 &&
	    connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A stage that is about to end may have left already: no signal for that. */
static int
send_line(int fd, const char *command)
{
	char line[COMMAND_MAX + 2];
	size_t len, done = 0;
	ssize_t n;

	len = (size_t)snprintf(line, sizeof(line), "%s\n", command);
	if (len >= sizeof(line)) {
		errno = EMSGSIZE;
		return -1;
	}
	while (done < len) {
		n = send(fd, line + done, len - done, MSG_NOSIGNAL);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* 0 when a whole line is there, without its newline. */
static int
read_line(int fd, struct bb_buf *answer)
{
	uint8_t *to;
	ssize_t n;

	for (;;) {
		if ((to = bb_buf_reserve(answer, 4096)) == NULL)
			return -1;
		if ((n = bb_read_some(fd, to, 4096)) == -1)
			return -1;
		if (n == 0) {
			errno = ECONNRESET; /* before the end of the line */
			return -1;
		}
		bb_buf_added(answer, (size_t)n);
		if (to[n - 1] != '\n')
			continue;
		bb_buf_cut(answer, bb_buf_len(answer) - 1);
		return 0;
	}
}

static const char *
reason(int err)
{
	if (err == EAGAIN || err == EWOULDBLOCK)
		return "no answer in time";
	return strerror(err);
}

int
bb_ask(const char *addr, const char *command, struct bb_buf *answer,
    char why[BB_ASK_WHY_MAX])
{
	const char *clause = "a control socket is unix:PATH";
	struct bb_addr at;
	int fd, rc = -1;

	if (!bb_addr_scan(addr, 0, &at, &clause) || at.kind != BB_ADDR_UNIX) {
		errno = EINVAL;
		snprintf(why, BB_ASK_WHY_MAX, "%.150s: %s", addr, clause);
		return -1;
	}
	if ((fd = open_at(&at)) != -1 && send_line(fd, command) == 0)
		rc = read_line(fd, answer);
	if (rc == -1)
		snprintf(why, BB_ASK_WHY_MAX, "%.150s: %s", addr,
		    reason(errno));
	if (fd != -1)
		close(fd);
	return rc;
}
