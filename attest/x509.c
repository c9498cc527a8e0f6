#include "attest/x509.h"

#include "attest/der.h"

enum { EXTENSIONS_MAX = 32, PATH_LEN_MAX = 100, BASIC = 1, USAGE = 2, OTHER = 0 };

/* AlgorithmIdentifier, no parameters: ecdsa-with-SHA256, -SHA384 (RFC 5758). */
static const uint8_t sha256_id[] = { 0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2 };
static const uint8_t sha384_id[] = { 0x30, 10, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3 };

/* All of a SubjectPublicKeyInfo before the coordinates (RFC 5480): the only
 * form of it in DER. */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 7,    0x2a, 0x86, 0x48,
	                             0xce, 0x3d, 2,    1,    0x06, 8,    0x2a, 0x86, 0x48,
	                             0xce, 0x3d, 3,    1,    7,    0x03, 0x42, 0,    4 };
static const uint8_t p384_head[] = { 0x30, 0x76, 0x30, 0x10, 0x06, 7,    0x2a, 0x86,
	                             0x48, 0xce, 0x3d, 2,    1,    0x06, 5,    0x2b,
	                             0x81, 4,    0,    0x22, 0x03, 0x62, 0,    4 };

static bool begins(struct slice s, const uint8_t *head, size_t n, size_t whole)
{
	return s.len == whole && memcmp(s.p, head, n) == 0;
}

struct slice x509_point(struct slice spki, enum ecdsa_curve *curve)
{
	size_t n = 0;

	*curve = ECDSA_NONE;
	if (begins(spki, p256_head, sizeof p256_head, sizeof p256_head + 64)) {
		*curve = ECDSA_P256;
		n = 65;
	} else if (begins(spki, p384_head, sizeof p384_head, sizeof p384_head + 96)) {
		*curve = ECDSA_P384;
		n = 97;
	}
	return n == 0 ? slice_of(NULL, 0) : slice_of(spki.p + spki.len - n, n);
}

static enum ecdsa_curve algorithm(struct slice id)
{
	if (slice_eq(id, slice_of(sha384_id, sizeof sha384_id)))
		return ECDSA_P384;
	if (slice_eq(id, slice_of(sha256_id, sizeof sha256_id)))
		return ECDSA_P256;
	return ECDSA_NONE;
}

/* BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLen INTEGER
 * OPTIONAL }; a default is left out in DER, and some write it all the same. */
static void parse_basic(struct der *d, struct x509 *x)
{
	struct der in = der_of(der_take(d, DER_SEQUENCE));

	if (der_is(&in, DER_BOOLEAN))
		x->ca = der_bool(&in);
	if (x->ca && der_is(&in, DER_INTEGER))
		x->path_len = (int)der_uint(&in, PATH_LEN_MAX);
	der_fail(d, der_end(&in));
}

static int extension(struct slice oid)
{
	static const uint8_t basic[] = { 0x55, 0x1d, 19 }, usage[] = { 0x55, 0x1d, 15 };

	return slice_eq(oid, slice_of(basic, sizeof basic))   ? BASIC
	       : slice_eq(oid, slice_of(usage, sizeof usage)) ? USAGE
	                                                      : OTHER;
}

/* Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING } */
static void parse_extension(struct der *d, struct x509 *x, unsigned *seen)
{
	struct der in = der_of(der_take(d, DER_SEQUENCE));
	int kind = extension(der_take(&in, DER_OID));
	bool critical = der_is(&in, DER_BOOLEAN) && der_bool(&in);
	struct der value = der_of(der_take(&in, DER_OCTET_STRING));

	der_fail(d, der_end(&in));
	if (kind == OTHER) {
		der_fail(d, critical ? RC_DENIED : RC_OK);
		return;
	}
	if (*seen >> kind & 1)
		der_fail(d, RC_BAD);
	*seen |= 1u << kind;
	if (kind == BASIC)
		parse_basic(&value, x);
	else
		x->key_usage = der_flags(&value);
	der_fail(d, der_end(&value));
}

/* [3] { SEQUENCE OF Extension }, at least one. */
static void parse_extensions(struct der *d, struct x509 *x)
{
	struct der outer = der_of(der_take(d, DER_CONTEXT + 3));
	struct der list = der_of(der_take(&outer, DER_SEQUENCE));
	unsigned seen = 0;
	size_t n = 0;

	do
		parse_extension(&list, x, &seen);
	while (list.rc == RC_OK && list.in.len > 0 && ++n < EXTENSIONS_MAX);
	der_fail(d, list.in.len > 0 && list.rc == RC_OK ? RC_LIMIT : der_end(&list));
	der_fail(d, der_end(&outer));
}

static void parse_tbs(struct der *d, struct x509 *x)
{
	struct der version = der_of(der_take(d, DER_CONTEXT)), validity;

	if (der_uint(&version, 2) != 2 || der_end(&version) != RC_OK)
		der_fail(d, RC_BAD);
	der_take(d, DER_INTEGER); /* serial number: of no use here */
	x->signed_by = algorithm(der_whole(d, DER_SEQUENCE));
	x->issuer = der_whole(d, DER_SEQUENCE);
	validity = der_of(der_take(d, DER_SEQUENCE));
	x->not_before_s = der_time(&validity);
	x->not_after_s = der_time(&validity);
	der_fail(d, der_end(&validity));
	x->subject = der_whole(d, DER_SEQUENCE);
	x->spki = der_whole(d, DER_SEQUENCE);
	if (der_is(d, DER_CONTEXT + 3))
		parse_extensions(d, x);
}

enum rc x509_parse(struct slice in, struct x509 *x)
{
	struct der outer = der_of(in), cert, tbs;

	memset(x, 0, sizeof *x);
	x->path_len = X509_PATH_ANY;
	if (in.len > X509_MAX)
		return RC_LIMIT;
	cert = der_of(der_take(&outer, DER_SEQUENCE));
	x->tbs = der_whole(&cert, DER_SEQUENCE);
	tbs = der_of(x->tbs);
	tbs = der_of(der_take(&tbs, DER_SEQUENCE));
	parse_tbs(&tbs, x);
	der_fail(&cert, der_end(&tbs));
	if (algorithm(der_whole(&cert, DER_SEQUENCE)) != x->signed_by)
		der_fail(&cert, RC_BAD);
	x->signature = der_bits(&cert);
	der_fail(&outer, der_end(&cert));
	if (der_end(&outer) == RC_OK && x->signed_by == ECDSA_NONE)
		outer.rc = RC_DENIED;
	x->point = x509_point(x->spki, &x->curve);
	return outer.rc;
}
