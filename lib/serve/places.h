/* The places where a server listens: opened or handed over, accepted from,
 * left.  Private to lib/serve. */
#ifndef BB_SERVE_PLACES_H
#define BB_SERVE_PLACES_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/cc.h"
#include "serve/listen.h"
#include "serve/loop.h"

struct bb_places;

/* Connections wait in the queue when descriptors are used up, but for some that
 * are left for what else a stage opens.  taken gets each connection
 * (close-on-exec) and what accept(2) said of its peer; the descriptor is the
 * callee's.  It may close the places.  NULL with errno. */
struct bb_places *bb_places_new(struct bb_loop *loop,
    void (*taken)(void *ctx, int fd, const struct sockaddr_storage *peer),
    void *ctx);
/* Listens at a text, with default_port where it names none (0: it has to);
 * several addresses of a host are several places.  A port that the system chose
 * is said on standard output: "listening 127.0.0.1:41234".  0, or -1 with a
 * clause in why. */
int bb_places_open(struct bb_places *ps, const char *text,
    uint16_t default_port, char why[BB_LISTEN_WHY_MAX]) BB_NODISCARD;
/* A listening socket that is somebody else's: it is left open at the end, with
 * the flags that it has now.  0, or -1 with errno. */
int bb_places_hand_over(struct bb_places *ps, int fd) BB_NODISCARD;
/* Accepts no more: closes and removes what was opened here. */
void bb_places_close(struct bb_places *ps);
void bb_places_free(struct bb_places *ps);

#endif
