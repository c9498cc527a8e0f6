/* Keys and certificates of a security module that does not exist: a root, three
 * authorities below it and a leaf, P-384, as AWS's look (FACTS: the leaf lives
 * three hours and has no authority key identifier). Made anew in every process
 * and worth nothing outside of it. For tests only.
 */
#ifndef TESTS_SIM_CHAIN_H
#define TESTS_SIM_CHAIN_H

#include "appliance/base/slice.h"

enum {
	CHAIN_CERTS = 5, /* root, …, leaf */
	CHAIN_CERT_MAX = 1024,
	CHAIN_PEM_MAX = 2048,
	CHAIN_LEAF_S = 3 * 3600,
	CHAIN_SIGNATURE_LEN = 96, /* r ‖ s */
};

/* Makes new keys and certificates, valid from a minute ago. */
void chain_make(void);

/* Number i from the root on, DER; lives until the next chain_make. */
struct slice chain_cert(size_t i);

/* ES384 by the leaf's key over data. */
void chain_sign(struct slice data, uint8_t out[CHAIN_SIGNATURE_LEN]);

/* The root as PEM, with NUL. */
void chain_root_pem(char out[CHAIN_PEM_MAX]);

#endif
