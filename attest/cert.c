#include "attest/cert.h"

#include <time.h>

#include "attest/tls.h"

enum {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
	OCTET_STRING = 0x04,
	UTC_TIME = 0x17,
	GENERALIZED_TIME = 0x18,
	SEQUENCE = 0x30,
	EXPLICIT = 0xA0
};

enum { SIGNATURE_MAX = 15 + TLS_SIGNATURE_MAX }; /* behind the signed part */

/* The last second that can be written, of the year 9999. */
#define TIME_MAX_S INT64_C(253402300799)

/* DER is written from its end to its start, since an element's length is known
 * then when its head is written: *d is where what was written begins. There is
 * always room: all but the document takes less than OTHERS_MAX. */
enum { OTHERS_MAX = 512 };

static void put(uint8_t **d, const void *p, size_t n)
{
	*d -= n;
	memcpy(*d, p, n);
}

/* Wraps what was written since it ended at `end`. */
static void wrap(uint8_t **d, const uint8_t *end, uint8_t tag)
{
	size_t len = (size_t)(end - *d), long_form = len < 0x80 ? 0 : len < 0x100 ? 1 : 2;
	uint8_t be[2] = { (uint8_t)(len >> 8), (uint8_t)len };
	uint8_t head[2] = { tag, (uint8_t)(0x80 | long_form) };

	put(d, be + 2 - (long_form > 1 ? 2 : 1), long_form > 1 ? 2 : 1);
	put(d, head, long_form > 0 ? 2 : 1);
}

/* Constant parts: whole elements, as a string of bytes. */
#define PUT(d, bytes) put(d, bytes, sizeof(bytes) - 1)

#define ECDSA_SHA256 "\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02"
#define CN_CASEMATE                                                                                \
	"\x30\x13\x31\x11\x30\x0F\x06\x03\x55\x04\x03\x0C\x08"                                     \
	"casemate"

/* UTCTime to 2049, GeneralizedTime from then on (RFC 5280 §4.1.2.5). */
static void put_time(uint8_t **d, int64_t s)
{
	const uint8_t *end = *d;
	char text[24];
	time_t t = s;
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	put(d, text,
	    strftime(text, sizeof text, tm.tm_year < 150 ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &tm));
	wrap(d, end, tm.tm_year < 150 ? UTC_TIME : GENERALIZED_TIME);
}

static void put_extensions(uint8_t **d, struct slice document)
{
	const uint8_t *end = *d;

	if (document.len > 0) {
		put(d, document.p, document.len);
		if (document.p[0] != 0xD2)
			PUT(d, "\xD2");
		wrap(d, end, OCTET_STRING);
		PUT(d, "\x06\x06\x67\x81\x05\x05\x04\x09");
		wrap(d, end, SEQUENCE);
	}
	/* basicConstraints without CA and keyUsage digitalSignature, both critical;
	 * extKeyUsage serverAuth; subjectAltName casemate */
	PUT(d,
	    "\x30\x0C\x06\x03\x55\x1D\x13\x01\x01\xFF\x04\x02\x30\x00"
	    "\x30\x0E\x06\x03\x55\x1D\x0F\x01\x01\xFF\x04\x04\x03\x02\x07\x80"
	    "\x30\x13\x06\x03\x55\x1D\x25\x04\x0C\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x01"
	    "\x30\x13\x06\x03\x55\x1D\x11\x04\x0C\x30\x0A\x82\x08"
	    "casemate");
	wrap(d, end, SEQUENCE);
	wrap(d, end, EXPLICIT | 3);
}

static void put_tbs(uint8_t **d, struct slice document, int64_t now_s)
{
	const uint8_t *end = *d, *validity, *serial;
	uint8_t random[16];

	put_extensions(d, document);
	put(d, tls_spki().p, tls_spki().len);
	PUT(d, CN_CASEMATE);
	validity = *d;
	put_time(d, now_s + CERT_AFTER_S);
	put_time(d, now_s - CERT_BEFORE_S);
	wrap(d, validity, SEQUENCE);
	PUT(d, ECDSA_SHA256 CN_CASEMATE);
	serial = *d;
	tls_random(random, sizeof random);
	random[0] = (random[0] & 0x3F) | 0x40; /* positive, in its shortest form */
	put(d, random, sizeof random);
	wrap(d, serial, INTEGER);
	PUT(d, "\xA0\x03\x02\x01\x02"); /* v3 */
	wrap(d, end, SEQUENCE);
}

/* Behind the signed part: the algorithm again, and the signature, which is never
 * so long that its length takes more than a byte. */
static size_t put_signature(uint8_t *p, struct slice tbs)
{
	enum { ALGORITHM = sizeof(ECDSA_SHA256) - 1, HEAD = ALGORITHM + 3 };
	size_t n = tls_sign(tbs, p + HEAD);

	memcpy(p, ECDSA_SHA256, ALGORITHM);
	p[ALGORITHM] = BIT_STRING;
	p[ALGORITHM + 1] = (uint8_t)(n + 1);
	p[ALGORITHM + 2] = 0; /* unused bits */
	return HEAD + n;
}

struct slice cert_renew(struct slice document, int64_t now_s)
{
	static uint8_t buf[2][CERT_MAX + SIGNATURE_MAX];
	static unsigned turn;
	uint8_t *d = buf[(turn + 1) % 2] + CERT_MAX, *tbs_end = d;
	const uint8_t *end;

	if (document.len > CERT_MAX - OTHERS_MAX || now_s < 0 || now_s > TIME_MAX_S - CERT_AFTER_S)
		return slice_of(NULL, 0);
	put_tbs(&d, document, now_s);
	end = tbs_end + put_signature(tbs_end, slice_of(d, (size_t)(tbs_end - d)));
	wrap(&d, end, SEQUENCE);
	turn++;
	tls_certify(slice_of(d, (size_t)(end - d)));
	return slice_of(d, (size_t)(end - d));
}
