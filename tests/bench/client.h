/* The load client: many devices, each with a connection of its own to the
 * router, in one epoll loop. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "device.h"

struct conn {
	struct device *device;
	struct bb_buf in, out;
	int fd;       /* -1: none */
	bool joined;  /* is counted as live */
	bool dirty;   /* has something to write, once the turn is over */
	bool blocked; /* the router takes no more for now */
};

struct client {
	struct conn *conns;
	struct conn **dirty;
	size_t len, dirty_len;
	int epoll, port;
	/* Frames of this connection were taken. */
	void (*heard)(void *ctx, struct conn *conn);
	void *ctx;
};

/* One connection per device, none of which is made. */
void client_init(struct client *client, int port, struct device *devices,
    size_t len);
void client_free(struct client *client);
void client_connect(struct client *client, struct conn *conn);
void client_hang_up(struct conn *conn);
/* Where to append what is to be sent at the end of the turn. */
struct bb_buf *client_out(struct client *client, struct conn *conn);
/* Waits at most that long, takes what has come, sends what is to be sent.
 * False: nothing came. */
bool client_turn(struct client *client, int timeout_ms);
void client_flush(struct client *client);

#endif
