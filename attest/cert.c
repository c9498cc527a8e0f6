#include "attest/cert.h"

#include <stdio.h>
#include <time.h>

#include "attest/tls.h"

enum { INTEGER = 0x02, BIT_STRING = 0x03, OCTET_STRING = 0x04, SEQUENCE = 0x30, EXPLICIT = 0xA0 };

enum { SIGNATURE_MAX = 96 }; /* bytes behind the signed part */

/* DER from its end to its start: an element's length is known when its head is
 * written. */
struct der {
	uint8_t *p; /* the whole buffer */
	size_t at;  /* what was written begins here */
	bool over;
};

static void put(struct der *d, const void *p, size_t n)
{
	if (d->over || n > d->at) {
		d->over = true;
		return;
	}
	d->at -= n;
	memcpy(d->p + d->at, p, n);
}

/* Wraps what was written since the buffer ended at `end`. */
static void wrap(struct der *d, size_t end, uint8_t tag)
{
	size_t len = end - d->at;
	uint8_t head[4] = { tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len };

	if (len < 0x80)
		put(d, &head[3], 1);
	else if (len < 0x100)
		put(d, (uint8_t[]){ 0x81, head[3] }, 2);
	else
		put(d, &head[1], 3);
	put(d, head, 1);
}

/* Constant parts, each a whole element. */
#define PUT(d, ...)                                                                                \
	put(d, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void put_algorithm(struct der *d)
{
	PUT(d, 0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02);
}

/* CN=casemate */
static void put_name(struct der *d)
{
	PUT(d, 0x30, 0x13, 0x31, 0x11, 0x30, 0x0F, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, 0x08, 'c',
	    'a', 's', 'e', 'm', 'a', 't', 'e');
}

/* UTCTime to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
static void put_time(struct der *d, int64_t s)
{
	size_t end = d->at, skip;
	char text[24];
	time_t t = s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || tm.tm_year < 50 || tm.tm_year > 8099) {
		d->over = true;
		return;
	}
	skip = tm.tm_year < 150 ? 2 : 0;
	(void)snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02dZ", (tm.tm_year + 1900) % 10000,
	               (tm.tm_mon + 1) % 100, tm.tm_mday % 100, tm.tm_hour % 100, tm.tm_min % 100,
	               tm.tm_sec % 100);
	put(d, text + skip, strlen(text + skip));
	wrap(d, end, skip ? 0x17 : 0x18);
}

static void put_evidence(struct der *d, struct slice document)
{
	size_t end = d->at;

	put(d, document.p, document.len);
	if (document.p[0] != 0xD2)
		PUT(d, 0xD2);
	wrap(d, end, OCTET_STRING);
	PUT(d, 0x06, 0x06, 0x67, 0x81, 0x05, 0x05, 0x04, 0x09);
	wrap(d, end, SEQUENCE);
}

static void put_extensions(struct der *d, struct slice document)
{
	size_t end = d->at;

	if (document.len > 0)
		put_evidence(d, document);
	/* subjectAltName casemate; extKeyUsage serverAuth; critical: keyUsage
	 * digitalSignature; basicConstraints without CA */
	PUT(d, 0x30, 0x13, 0x06, 0x03, 0x55, 0x1D, 0x11, 0x04, 0x0C, 0x30, 0x0A, 0x82, 0x08, 'c',
	    'a', 's', 'e', 'm', 'a', 't', 'e');
	PUT(d, 0x30, 0x13, 0x06, 0x03, 0x55, 0x1D, 0x25, 0x04, 0x0C, 0x30, 0x0A, 0x06, 0x08, 0x2B,
	    0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01);
	PUT(d, 0x30, 0x0E, 0x06, 0x03, 0x55, 0x1D, 0x0F, 0x01, 0x01, 0xFF, 0x04, 0x04, 0x03, 0x02,
	    0x07, 0x80);
	PUT(d, 0x30, 0x0C, 0x06, 0x03, 0x55, 0x1D, 0x13, 0x01, 0x01, 0xFF, 0x04, 0x02, 0x30, 0x00);
	wrap(d, end, SEQUENCE);
	wrap(d, end, EXPLICIT | 3);
}

static void put_tbs(struct der *d, struct slice document, int64_t now_s)
{
	size_t end = d->at, validity, serial;
	uint8_t random[16];

	put_extensions(d, document);
	put(d, tls_spki().p, tls_spki().len);
	put_name(d);
	validity = d->at;
	put_time(d, now_s + CERT_AFTER_S);
	put_time(d, now_s - CERT_BEFORE_S);
	wrap(d, validity, SEQUENCE);
	put_name(d);
	put_algorithm(d);
	serial = d->at;
	tls_random(random, sizeof random);
	random[0] = (random[0] & 0x3F) | 0x40; /* positive, in its shortest form */
	put(d, random, sizeof random);
	wrap(d, serial, INTEGER);
	PUT(d, 0xA0, 0x03, 0x02, 0x01, 0x02); /* v3 */
	wrap(d, end, SEQUENCE);
}

/* Behind the signed part: the algorithm again, and the signature. */
static void put_signature(struct der *d, struct slice tbs)
{
	size_t end = d->at;
	uint8_t signature[TLS_SIGNATURE_MAX];

	put(d, signature, tls_sign(tbs, signature));
	PUT(d, 0x00); /* no unused bits */
	wrap(d, end, BIT_STRING);
	put_algorithm(d);
}

enum rc cert_make(struct slice document, int64_t now_s, struct slice *der)
{
	static uint8_t buf[2][CERT_MAX + SIGNATURE_MAX];
	static unsigned turn;
	uint8_t *p = buf[(turn + 1) % 2], end[SIGNATURE_MAX];
	struct der d = { p, CERT_MAX, document.len > CERT_MAX - 512 };
	struct der tail = { end, sizeof end, false };

	put_tbs(&d, document, now_s);
	if (d.over)
		return RC_LIMIT;
	put_signature(&tail, slice_of(p + d.at, CERT_MAX - d.at));
	memcpy(p + CERT_MAX, end + tail.at, sizeof end - tail.at);
	wrap(&d, CERT_MAX + sizeof end - tail.at, SEQUENCE);
	if (d.over || tail.over)
		return RC_LIMIT;
	*der = slice_of(p + d.at, CERT_MAX + sizeof end - tail.at - d.at);
	turn++;
	return RC_OK;
}
