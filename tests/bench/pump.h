/* A client that keeps one message under way on each of many connections to
 * something that echoes. */
#ifndef PUMP_H
#define PUMP_H

#include <stddef.h>
#include <stdint.h>

struct pump_conn {
	int fd;
	uint32_t seq;
	size_t got; /* bytes of the echo at hand */
};

struct pump {
	struct pump_conn *conns;
	size_t len;
	int epoll;
};

void pump_open(struct pump *pump, int port, size_t len);
/* For so long, and at least once on each connection; how many messages came
 * back.  None is under way afterwards. */
uint64_t pump_run(struct pump *pump, int64_t ms);
/* One message there and back on the first connection: ns. */
int64_t pump_once(struct pump *pump);
void pump_close(struct pump *pump);

int pump_free_port(void);
/* Until something listens there. */
void pump_await(int port);

#endif
