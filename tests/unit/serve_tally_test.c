/* Counts of connections, in all and of each address. */
#include "serve/tally.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cc.h"
#include "tap.h"

#define MANY 20000

/* Address number i: IPv4 mapped. */
static const uint8_t *
number(unsigned i)
{
	static uint8_t address[16] = { [10] = 0xff, [11] = 0xff, [12] = 10 };

	address[13] = (uint8_t)(i >> 16);
	address[14] = (uint8_t)(i >> 8);
	address[15] = (uint8_t)i;
	return address;
}

static const uint8_t *
in6(const char *text)
{
	static uint8_t address[16];

	if (inet_pton(AF_INET6, text, address) != 1)
		abort();
	return address;
}

static void
test_per_address(void)
{
	struct bb_tally *t = bb_tally_new(2, 0);

	tap_ok(bb_tally_add(t, number(1)), "an address may have one");
	tap_ok(bb_tally_add(t, number(1)),
	    "an address may have as many as the limit says");
	tap_ok(!bb_tally_add(t, number(1)), "and not one more");
	tap_ok(bb_tally_add(t, number(2)), "another may");
	TAP_EQ_UINT(bb_tally_count(t), 3, "who was refused is not counted");
	bb_tally_remove(t, number(1));
	TAP_EQ_UINT(bb_tally_count(t), 2, "who leaves neither");
	tap_ok(bb_tally_add(t, number(1)), "and makes room");
	tap_ok(!bb_tally_add(t, number(1)), "for one");
	bb_tally_free(t);
}

/* A subscriber of IPv6 has 2^64 addresses. */
static void
test_in6(void)
{
	struct bb_tally *t = bb_tally_new(1, 0);

	tap_ok(bb_tally_add(t, in6("2001:db8:0:1::1")), "one of a /64");
	tap_ok(!bb_tally_add(t, in6("2001:db8:0:1:ffff::2")),
	    "another of the same /64 counts as the same");
	tap_ok(bb_tally_add(t, in6("2001:db8:0:2::1")), "the next /64 not");
	bb_tally_remove(t, in6("2001:db8:0:1::3"));
	tap_ok(bb_tally_add(t, in6("2001:db8:0:1:ffff::2")),
	    "it is counted down the same way");
	tap_ok(bb_tally_add(t, in6("::ffff:10.0.0.1")), "an IPv4 address");
	tap_ok(bb_tally_add(t, in6("::ffff:10.0.0.2")),
	    "is one of its own, although all have one /64 when mapped");
	tap_ok(bb_tally_add(t, in6("::1")), "::1 too");
	tap_ok(!bb_tally_add(t, in6("::1")), "and is limited");
	bb_tally_free(t);
}

static void
test_nowhere(void)
{
	static const uint8_t zeros[16];
	struct bb_tally *t = bb_tally_new(1, 3);

	tap_ok(bb_tally_add(t, zeros), "a unix socket is counted");
	tap_ok(bb_tally_add(t, zeros),
	    "unix sockets and pipes have no limit of their own");
	tap_ok(bb_tally_add(t, number(1)), "what has an address stands beside");
	tap_ok(!bb_tally_add(t, zeros), "the limit for all is for them too");
	tap_ok(!bb_tally_add(t, number(2)), "as for addresses");
	bb_tally_remove(t, zeros);
	tap_ok(bb_tally_add(t, number(2)), "one leaves, another comes");
	bb_tally_free(t);
}

static void
test_unknown(void)
{
	struct bb_tally *t = bb_tally_new(1, 1);

	bb_tally_remove(t, number(9));
	TAP_EQ_UINT(bb_tally_count(t), 0, "nobody leaves who was not there");
	tap_ok(bb_tally_add(t, number(1)), "and the limits are as they were");
	bb_tally_remove(t, number(9));
	TAP_EQ_UINT(bb_tally_count(t), 1, "nor in the place of another");
	tap_ok(!bb_tally_add(t, number(2)), "who still counts");
	bb_tally_free(t);
}

static void
test_many(void)
{
	struct bb_tally *t = bb_tally_new(1, 0);
	unsigned i, added = 0, again = 0, back = 0;

	for (i = 0; i < MANY; i++)
		added += bb_tally_add(t, number(i));
	for (i = 0; i < MANY; i++)
		again += bb_tally_add(t, number(i));
	TAP_EQ_UINT(added, MANY, "20000 addresses have one each");
	TAP_EQ_UINT(again, 0, "and none has two");
	for (i = 0; i < MANY; i += 2)
		bb_tally_remove(t, number(i));
	for (i = 0; i < MANY; i++)
		back += bb_tally_add(t, number(i));
	TAP_EQ_UINT(back, MANY / 2, "every second leaves and comes back");
	TAP_EQ_UINT(bb_tally_count(t), MANY, "nobody was lost");
	bb_tally_free(t);
}

static void
test_no_limits(void)
{
	struct bb_tally *t = bb_tally_new(0, 0);
	unsigned i, added = 0;

	for (i = 0; i < 1000; i++)
		added += bb_tally_add(t, number(1));
	TAP_EQ_UINT(added, 1000, "without limits any number");
	for (i = 0; i < 1000; i++)
		bb_tally_remove(t, number(1));
	TAP_EQ_UINT(bb_tally_count(t), 0, "and all leave");
	bb_tally_free(t);
	bb_tally_free(NULL);
}

int
main(void)
{
	test_per_address();
	test_in6();
	test_nowhere();
	test_unknown();
	test_many();
	test_no_limits();
	return tap_done();
}
