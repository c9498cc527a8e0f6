/* What the tests of DNS share: a message, put together piece by piece, and read in front
 * of a guard page. A header, since each program's checks are counted in its own file.
 */
#ifndef TESTS_UNIT_DNS_MESSAGE_H
#define TESTS_UNIT_DNS_MESSAGE_H

#include "net/dns.h"
#include "tests/unit/test.h"

enum { T_A = 1, T_CNAME = 5, T_SRV = 33, T_AAAA = 28, T_OPT = 41, C_IN = 1, MAX = 65535 };

static uint8_t buf[MAX];
static struct wbuf m;

static inline void put_name(const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, ".");

		wbuf_u8(&m, (uint8_t)n);
		wbuf_put(&m, text, n);
		text += n + (text[n] == '.');
	}
	wbuf_u8(&m, 0);
}

static inline void head(unsigned id, unsigned flags, unsigned qd, unsigned an, unsigned ns,
                        unsigned ar)
{
	m = wbuf_of(buf, sizeof buf);
	wbuf_u16_be(&m, (uint16_t)id);
	wbuf_u16_be(&m, (uint16_t)flags);
	wbuf_u16_be(&m, (uint16_t)qd);
	wbuf_u16_be(&m, (uint16_t)an);
	wbuf_u16_be(&m, (uint16_t)ns);
	wbuf_u16_be(&m, (uint16_t)ar);
}

static inline void question(const char *name, unsigned type, unsigned class)
{
	put_name(name);
	wbuf_u16_be(&m, (uint16_t)type);
	wbuf_u16_be(&m, (uint16_t) class);
}

static inline void opt(unsigned size)
{
	wbuf_u8(&m, 0);
	wbuf_u16_be(&m, T_OPT);
	wbuf_u16_be(&m, (uint16_t)size);
	wbuf_u32_be(&m, 0x8000); /* DNSSEC wanted: not passed on */
	wbuf_u16_be(&m, 0);
}

static inline enum rc parse(struct slice s, struct dns_query *q, struct dns_name *n,
                            enum dns_rcode *r)
{
	struct slice g = test_guard(s);
	enum rc rc = dns_parse(g, q, n, r);

	test_unguard(g);
	return rc;
}

/* The message in m, as RC_OK and its rcode; -1: no reply. */
static inline int parsed(struct dns_query *q)
{
	struct dns_name n;
	enum dns_rcode rcode;

	return parse(wbuf_slice(&m), q, &n, &rcode) == RC_OK ? (int)rcode : -1;
}

#endif
