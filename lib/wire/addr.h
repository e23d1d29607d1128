/* Addresses as people write them: "3101" (loopback), "*:3101", "host:3101",
 * "[::1]:3101", "unix:/run/bb/dispatch".  PURE: names are not resolved here. */
#ifndef BB_WIRE_ADDR_H
#define BB_WIRE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BB_ADDR_HOST_MAX 256
#define BB_ADDR_PATH_MAX 108 /* sun_path, zero byte included */
#define BB_ADDR_TEXT_MAX 300

enum bb_addr_kind {
	BB_ADDR_LOOPBACK, /* a bare port: 127.0.0.1 and, listening, ::1 */
	BB_ADDR_ANY,      /* *:port: every address of this host */
	BB_ADDR_HOST,     /* a name or a literal address */
	BB_ADDR_UNIX
};

struct bb_addr {
	enum bb_addr_kind kind;
	uint16_t port;               /* 0: any free one (listening) */
	char host[BB_ADDR_HOST_MAX]; /* HOST: without brackets */
	char path[BB_ADDR_PATH_MAX]; /* UNIX */
};

/* default_port is used for "host" and "*" without a port; 0: a port must be
 * there.  False with a clause in *why ("port 70000 is not 0..65535"). */
bool bb_addr_scan(const char *text, uint16_t default_port, struct bb_addr *addr,
    const char **why);
/* The canonical text. */
const char *bb_addr_text(const struct bb_addr *addr,
    char out[BB_ADDR_TEXT_MAX]);
/* "SERVICE=ADDR" or "ADDR": the rest, with service "" when none is named.
 * False when the service is no name. */
bool bb_addr_service(const char *text, char *service, size_t service_size,
    const char **rest);

#endif
