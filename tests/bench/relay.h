/* A 256-byte message through relays: what relay.c and relay_serve.c share. */
#ifndef RELAY_H
#define RELAY_H

#include <stddef.h>
#include <stdint.h>

#define RELAY_MESSAGE 256 /* bytes; a DATA frame, so that a router takes it */

/* Servers, each a process of its own; they end with their parent.
 * Sends back what comes. */
void serve_echo(void);
/* Passes on what comes to a port and back: how little a relay can do. */
void serve_floor(int port);
/* A dispatcher that sends each frame back down its link. */
void serve_trunk(const char *path);

/* The frame of a device, as wide as a message. */
void relay_frame(uint32_t device, uint32_t seq, uint8_t out[RELAY_MESSAGE]);

#endif
