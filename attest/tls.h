/* The server's end of TLS 1.2 (RFC 5246, 5288, 5289, 7905, 8422): its key, its
 * certificate, and an engine of BearSSL's set up for a connection. That has no
 * I/O: attest/https.c moves its records and its plaintext.
 *
 * ECDHE over X25519 or P-256, signed by one P-256 key that is made here and
 * never leaves; AES-GCM first where the processor has instructions for it, else
 * ChaCha20-Poly1305, since AES in constant-time software is slow. No
 * renegotiation, no compression; ALPN "http/1.1" when a client asks. All of it
 * runs in constant time.
 *
 * Sessions are resumed from one cache in memory: TLS_SESSIONS of them, the
 * oldest forgotten first. Who reads this process's memory reads their keys as
 * well, so resumption costs forward secrecy nothing beyond that.
 *
 * Randomness, keys included, comes from one HMAC-DRBG (SHA-256) seeded in
 * tls_init; connections have generators of their own, seeded from it. */
#ifndef ATTEST_TLS_H
#define ATTEST_TLS_H

#include <bearssl.h>
#include <stdbool.h>

#include "appliance/base/slice.h"

enum {
	TLS_SEED_LEN = 32,
	/* A record of the largest size, since few clients negotiate less. */
	TLS_IN_LEN = BR_SSL_BUFSIZE_INPUT,
	/* Our records are of 4 KiB: with 16 KiB ones every connection would take
	 * a third more memory, for a per cent of throughput. */
	TLS_OUT_LEN = 4096 + (BR_SSL_BUFSIZE_OUTPUT - 16384),
	TLS_SESSIONS = 512,     /* one for every connection there can be */
	TLS_SIGNATURE_MAX = 72, /* P-256 in ASN.1 */
};

struct tls {
	br_ssl_server_context br;
	uint8_t in[TLS_IN_LEN], out[TLS_OUT_LEN];
	unsigned certificate; /* the one in use, by its number */
	bool established;
};

/* Once; seed is wiped. */
void tls_init(uint8_t seed[TLS_SEED_LEN]);
/* SubjectPublicKeyInfo, DER; lives for good. */
struct slice tls_spki(void);
void tls_random(void *p, size_t n);
/* ECDSA with SHA-256 over data, ASN.1, by the server's key. */
size_t tls_sign(struct slice data, uint8_t out[TLS_SIGNATURE_MAX]);
/* The certificate for handshakes from here on. Its bytes live until the call
 * after the next one; a handshake that is still at the one before is failed. */
void tls_certify(struct slice der);

void tls_open(struct tls *t);

enum tls_state {
	TLS_HANDSHAKE,
	TLS_OPEN,
	TLS_OVER,   /* closed by either side as it should be */
	TLS_FAILED, /* an alert, bytes that are none of TLS's, or the certificate */
};
/* After TLS_OVER and TLS_FAILED there may still be something to send. */
enum tls_state tls_state(struct tls *t);

#endif
