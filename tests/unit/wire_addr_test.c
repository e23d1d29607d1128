/* Addresses as people write them. */
#include <string.h>

#include "tap.h"
#include "wire/addr.h"

/* clang-format off */
static const struct {
	const char *text;
	uint16_t default_port;
	bool ok;
	const char *canonical;
} rows[] = {
	{ "3101",              0,    true,  "3101" },
	{ "0",                 0,    true,  "0" },
	{ "*:3101",            0,    true,  "*:3101" },
	{ "*",                 3101, true,  "*:3101" },
	{ "*",                 0,    false, NULL },
	{ "gw.example:3200",   0,    true,  "gw.example:3200" },
	{ "gw.example",        3200, true,  "gw.example:3200" },
	{ "gw.example",        0,    false, NULL },
	{ "127.0.0.1:1",       0,    true,  "127.0.0.1:1" },
	{ "[::1]:3101",        0,    true,  "[::1]:3101" },
	{ "[fe80::1%eth0]:5",  0,    true,  "[fe80::1%eth0]:5" },
	{ "[::1]",             7,    true,  "[::1]:7" },
	{ "[::1",              7,    false, NULL },
	{ "[]:7",              0,    false, NULL },
	{ "::1:3101",          0,    false, NULL },
	{ "unix:/run/bb/x",    0,    true,  "unix:/run/bb/x" },
	{ "unix:run",          0,    false, NULL },
	{ "unix:",             0,    false, NULL },
	{ "65536",             0,    false, NULL },
	{ "host:",             0,    false, NULL },
	{ "host:70000",        0,    false, NULL },
	{ "host:12a",          0,    false, NULL },
	{ "ho st:12",          0,    false, NULL },
	{ "host/x:12",         0,    false, NULL },
	{ "",                  0,    false, NULL },
	{ ":3101",             0,    false, NULL },
};
/* clang-format on */

static void
test_rows(void)
{
	char text[BB_ADDR_TEXT_MAX];
	const char *why;
	struct bb_addr addr;
	size_t i;
	bool ok;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		why = NULL;
		ok = bb_addr_scan(rows[i].text, rows[i].default_port, &addr,
		    &why);
		tap_ok(ok == rows[i].ok, "\"%s\" is %s", rows[i].text,
		    rows[i].ok ? "an address" : "refused");
		if (ok && rows[i].ok)
			TAP_EQ_STR(bb_addr_text(&addr, text), rows[i].canonical,
			    "and its canonical text is as expected");
		else
			tap_ok(why != NULL, "with a reason");
	}
}

static void
test_long_paths(void)
{
	char text[5 + BB_ADDR_PATH_MAX + 1] = "unix:/";
	const char *why;
	struct bb_addr addr;

	memset(text + 6, 'a', BB_ADDR_PATH_MAX - 2);
	text[5 + BB_ADDR_PATH_MAX - 1] = '\0';
	tap_ok(bb_addr_scan(text, 0, &addr, &why), "a path of 107 bytes fits");
	text[5 + BB_ADDR_PATH_MAX - 1] = 'a';
	text[5 + BB_ADDR_PATH_MAX] = '\0';
	tap_ok(!bb_addr_scan(text, 0, &addr, &why), "one of 108 does not");
}

static void
test_services(void)
{
	const char *rest;
	char service[8];

	tap_ok(bb_addr_service("local=3200", service, sizeof(service), &rest),
	    "SERVICE=ADDR is taken apart");
	TAP_EQ_STR(service, "local", "into the service");
	TAP_EQ_STR(rest, "3200", "and the address");
	tap_ok(bb_addr_service("3200", service, sizeof(service), &rest),
	    "a bare address has no service");
	TAP_EQ_STR(service, "", "which is the empty one");
	tap_ok(bb_addr_service("unix:/a=b", service, sizeof(service), &rest),
	    "a path may hold an =");
	TAP_EQ_STR(rest, "unix:/a=b", "and stays whole");
	tap_ok(!bb_addr_service("=3200", service, sizeof(service), &rest),
	    "an empty service name is refused");
	tap_ok(!bb_addr_service("longname=1", service, sizeof(service), &rest),
	    "so is one that is too long");
}

int
main(void)
{
	test_rows();
	test_long_paths();
	test_services();
	return tap_done();
}
