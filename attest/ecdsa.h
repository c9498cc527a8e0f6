/* ECDSA signatures checked (FIPS 186-5, SEC 1): P-256 with SHA-256 and P-384
 * with SHA-384, no other pairs. Wraps BearSSL. Pure; all input may be
 * anybody's, the key too: a point that is not on its curve verifies nothing.
 *
 * Of every signature (r, s) the twin (r, n-s) is valid as well: a signature's
 * bytes identify nothing.
 */
#ifndef ATTEST_ECDSA_H
#define ATTEST_ECDSA_H

#include <stdbool.h>

#include "appliance/base/slice.h"

enum ecdsa_curve { ECDSA_NONE = 0, ECDSA_P256 = 1, ECDSA_P384 = 2 };

enum { ECDSA_SIGNATURE_MAX = 96 };

/* point: uncompressed, 04 ‖ x ‖ y. signature: r ‖ s at their full length. */
bool ecdsa_verify(enum ecdsa_curve curve, struct slice point, struct slice message,
                  struct slice signature);

/* signature: DER of SEQUENCE { r INTEGER, s INTEGER }. */
bool ecdsa_verify_der(enum ecdsa_curve curve, struct slice point, struct slice message,
                      struct slice signature);

#endif
