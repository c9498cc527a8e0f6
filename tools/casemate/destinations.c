#include "tools/casemate/destinations.h"

#include <arpa/inet.h>
#include <string.h>

#include "net/tun.h"
#include "tools/casemate/route.h"
#include "tools/casemate/text.h"

enum { BITS_V4 = PACKET_V4 * 8, BITS = PACKET_ADDRESS * 8 };

#define V4(a, b, c, d)                                                                             \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, (a), (b), (c), (d)                                       \
	}

static const struct prefix special4[] = {
	{ V4(0, 0, 0, 0), BITS_V4 + 8 },      /* this host, RFC 791 §3.2 */
	{ V4(127, 0, 0, 0), BITS_V4 + 8 },    /* loopback */
	{ V4(169, 254, 0, 0), BITS_V4 + 16 }, /* link-local; the metadata service */
	{ V4(224, 0, 0, 0), BITS_V4 + 4 },    /* multicast */
	{ V4(255, 255, 255, 255), BITS },     /* broadcast */
};

static const struct prefix special6[] = {
	{ { 0 }, 80 },                      /* unspecified, loopback; IPv4 in IPv6 */
	{ { 0xfe, 0x80 }, 10 },             /* link-local */
	{ { 0xff }, 8 },                    /* multicast */
	{ { 0xfd, 0x00, 0x0e, 0xc2 }, 32 }, /* EC2's services: the metadata's is ::254 */
};

static const uint8_t loopback4[PACKET_ADDRESS] = V4(127, 0, 0, 1);
static const uint8_t loopback6[PACKET_ADDRESS] = { [15] = 1 };

static bool covers(const struct prefix *p, const uint8_t *address)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;

	return memcmp(p->address, address, whole) == 0 &&
	       (rest == 0 || (p->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

static bool is_v4(const uint8_t *address)
{
	static const struct prefix v4 = { V4(0, 0, 0, 0), BITS_V4 };

	return covers(&v4, address);
}

/* A prefix that is shorter than what IPv4 begins with means IPv6 alone. */
static bool any_covers(const struct prefix *p, size_t n, const uint8_t *address)
{
	for (size_t i = 0; i < n; i++) {
		if (covers(&p[i], address) && (p[i].bits >= BITS_V4 || !is_v4(address)))
			return true;
	}
	return false;
}

static bool is_special(const uint8_t *address)
{
	return any_covers(special4, sizeof special4 / sizeof special4[0], address) ||
	       any_covers(special6, sizeof special6 / sizeof special6[0], address);
}

/* Of the link between the enclave and its gateway. */
static bool is_link(const uint8_t *address)
{
	struct prefix four = { .bits = BITS_V4 + TUN_PREFIX4 }, six = { .bits = TUN_PREFIX6 };

	memcpy(four.address, tun_gateway4, PACKET_ADDRESS);
	memcpy(six.address, tun_gateway6, PACKET_ADDRESS);
	return covers(&four, address) || covers(&six, address);
}

bool destinations_parse(const char *text, struct prefix *p)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct prefix rest = { .bits = 0 };
	uint8_t four[4];
	uint32_t bits;

	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	bits = BITS;
	if (inet_pton(AF_INET, address, four) == 1)
		packet_v4(p->address, four);
	else if (inet_pton(AF_INET6, address, p->address) != 1 || is_v4(p->address))
		return false;
	if (slash != NULL &&
	    !text_number(slash + 1, 0, is_v4(p->address) ? BITS - BITS_V4 : BITS, &bits))
		return false;
	p->bits = bits + (slash != NULL && is_v4(p->address) ? BITS_V4 : 0);
	/* The address and its prefix agree: nothing is meant that is not said. */
	memcpy(rest.address, p->address, p->bits / 8);
	if (p->bits % 8 != 0)
		rest.address[p->bits / 8] = p->address[p->bits / 8] &
		                            (uint8_t)(0xff << (8 - p->bits % 8));
	return memcmp(rest.address, p->address, PACKET_ADDRESS) == 0;
}

bool destinations_find(const struct destinations *d, const uint8_t to[PACKET_ADDRESS],
                       uint8_t real[PACKET_ADDRESS])
{
	if (memcmp(to, tun_gateway4, PACKET_ADDRESS) == 0)
		memcpy(real, loopback4, PACKET_ADDRESS);
	else if (memcmp(to, tun_gateway6, PACKET_ADDRESS) == 0)
		memcpy(real, loopback6, PACKET_ADDRESS);
	else if (is_link(to))
		return false;
	else
		memcpy(real, to, PACKET_ADDRESS);
	return any_covers(d->allowed, d->n, real) || (!is_special(real) && !route_is_here(real));
}

bool destinations_is_client(const uint8_t address[PACKET_ADDRESS])
{
	return !is_special(address) && !is_link(address);
}
