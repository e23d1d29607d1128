/* Addresses: reads and writes their text. */
#include "wire/addr.h"

#include <string.h>

#include "base/cc.h"
#include "wire/text.h"

static bool
port_scan(const char *text, size_t len, uint16_t *port, const char **why)
{
	uint32_t v = 0;
	size_t i;

	if (len == 0 || len > 5) {
		*why = "a port is a number of 0 to 65535";
		return false;
	}
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9') {
			*why = "a port is a number of 0 to 65535";
			return false;
		}
		v = v * 10 + (uint32_t)(text[i] - '0');
	}
	if (v > 65535) {
		*why = "a port is a number of 0 to 65535";
		return false;
	}
	*port = (uint16_t)v;
	return true;
}

static bool
unix_scan(const char *path, struct bb_addr *addr, const char **why)
{
	size_t len = strlen(path);

	if (path[0] != '/') {
		*why = "the path of a unix socket begins with /";
		return false;
	}
	if (len >= sizeof(addr->path)) {
		*why = "the path of a unix socket has at most 107 bytes";
		return false;
	}
	addr->kind = BB_ADDR_UNIX;
	memcpy(addr->path, path, len + 1);
	return true;
}

static bool
host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static bool
host_set(struct bb_addr *addr, const char *host, size_t len, bool literal6,
    const char **why)
{
	size_t i;

	if (len == 0 || len >= sizeof(addr->host)) {
		*why = "a host has 1 to 255 bytes";
		return false;
	}
	for (i = 0; i < len; i++)
		if (!host_char(host[i]) &&
		    !(literal6 && (host[i] == ':' || host[i] == '%'))) {
			*why = "a host is a name or a literal address";
			return false;
		}
	addr->kind = BB_ADDR_HOST;
	memcpy(addr->host, host, len);
	addr->host[len] = '\0';
	return true;
}

/* Where the host ends: the byte behind it, or NULL with *why. */
static const char *
host_scan(const char *text, struct bb_addr *addr, const char **why)
{
	const char *end;

	if (text[0] == '*') {
		addr->kind = BB_ADDR_ANY;
		return text + 1;
	}
	if (text[0] == '[') {
		if ((end = strchr(text, ']')) == NULL) {
			*why = "a literal IPv6 address ends with ]";
			return NULL;
		}
		return host_set(addr, text + 1, (size_t)(end - text - 1), true,
			   why)
			   ? end + 1
			   : NULL;
	}
	if ((end = strchr(text, ':')) == NULL)
		end = text + strlen(text);
	return host_set(addr, text, (size_t)(end - text), false, why) ? end
								      : NULL;
}

static bool
all_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

bool
bb_addr_scan(const char *text, uint16_t default_port, struct bb_addr *addr,
    const char **why)
{
	const char *rest;

	memset(addr, 0, sizeof(*addr));
	if (strncmp(text, "unix:", 5) == 0)
		return unix_scan(text + 5, addr, why);
	if (all_digits(text)) {
		addr->kind = BB_ADDR_LOOPBACK;
		return port_scan(text, strlen(text), &addr->port, why);
	}
	if ((rest = host_scan(text, addr, why)) == NULL)
		return false;
	addr->port = default_port;
	if (rest[0] == '\0' && default_port != 0)
		return true;
	if (rest[0] != ':') {
		*why = rest[0] == '\0' ? "it names no port"
				       : "a port follows the host after a :";
		return false;
	}
	return port_scan(rest + 1, strlen(rest + 1), &addr->port, why);
}

/* Decimal without the help of the C library: this room is pure. */
static size_t
port_text(uint16_t port, char *out)
{
	char digits[5];
	size_t n = 0, i;

	do {
		digits[n++] = (char)('0' + port % 10);
		port = (uint16_t)(port / 10);
	} while (port != 0);
	for (i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	out[n] = '\0';
	return n;
}

static char *
append(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len + 1);
	return at + len;
}

const char *
bb_addr_text(const struct bb_addr *addr, char out[BB_ADDR_TEXT_MAX])
{
	bool literal6 = strchr(addr->host, ':') != NULL;
	char *at = out;

	switch (addr->kind) {
	case BB_ADDR_UNIX:
		at = append(at, "unix:");
		append(at, addr->path);
		return out;
	case BB_ADDR_LOOPBACK:
		break;
	case BB_ADDR_ANY:
		at = append(at, "*:");
		break;
	case BB_ADDR_HOST:
		at = append(at, literal6 ? "[" : "");
		at = append(at, addr->host);
		at = append(at, literal6 ? "]:" : ":");
		break;
	}
	port_text(addr->port, at);
	return out;
}

bool
bb_addr_service(const char *text, char *service, size_t service_size,
    const char **rest)
{
	const char *equals = strchr(text, '=');
	size_t len;

	service[0] = '\0';
	*rest = text;
	/* A path may hold an = of its own. */
	if (equals == NULL || strncmp(text, "unix:", 5) == 0)
		return true;
	len = (size_t)(equals - text);
	if (len == 0 || len >= service_size)
		return false;
	memcpy(service, text, len);
	service[len] = '\0';
	*rest = equals + 1;
	return bb_text_name(service, service_size - 1);
}
