#include "attest/ecdsa.h"

#include <bearssl.h>

#include "attest/der.h"

/* Bytes of a coordinate, and of a digest. */
static size_t width(enum ecdsa_curve curve)
{
	return curve == ECDSA_P384 ? 48 : curve == ECDSA_P256 ? 32 : 0;
}

static void digest(enum ecdsa_curve curve, struct slice message, uint8_t out[48])
{
	br_hash_compat_context h;
	const br_hash_class *hash = curve == ECDSA_P384 ? &br_sha384_vtable : &br_sha256_vtable;

	hash->init(&h.vtable);
	hash->update(&h.vtable, message.p, message.len);
	hash->out(&h.vtable, out);
}

bool ecdsa_verify(enum ecdsa_curve curve, struct slice point, struct slice message,
                  struct slice signature)
{
	/* BearSSL's keys point at their bytes without const, but do not write. */
	br_ec_public_key key = { BR_EC_secp256r1, (unsigned char *)(uintptr_t)point.p, point.len };
	const br_ec_impl *ec = &br_ec_p256_m31;
	uint8_t hash[48];
	size_t n = width(curve);

	if (n == 0 || point.len != 1 + 2 * n || signature.len != 2 * n)
		return false;
	if (curve == ECDSA_P384) {
		key.curve = BR_EC_secp384r1;
		ec = &br_ec_prime_i31;
	}
	digest(curve, message, hash);
	return br_ecdsa_i31_vrfy_raw(ec, hash, n, &key, signature.p, signature.len) == 1;
}

bool ecdsa_verify_der(enum ecdsa_curve curve, struct slice point, struct slice message,
                      struct slice signature)
{
	uint8_t raw[ECDSA_SIGNATURE_MAX] = { 0 };
	size_t n = width(curve);
	struct der outer = der_of(signature), inner = der_of(der_take(&outer, DER_SEQUENCE));
	struct slice r = der_positive(&inner), s = der_positive(&inner);

	if (der_end(&outer) != RC_OK || der_end(&inner) != RC_OK || r.len > n || s.len > n)
		return false;
	memcpy(raw + n - r.len, r.p, r.len);
	memcpy(raw + 2 * n - s.len, s.p, s.len);
	return ecdsa_verify(curve, point, message, slice_of(raw, 2 * n));
}
