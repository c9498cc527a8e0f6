/* The server's certificate: X.509 v3 (RFC 5280), self-signed with ECDSA and
 * SHA-256 by the TLS key (attest/tls.h), written here as DER.
 *
 * Subject and issuer CN=casemate, SAN dNSName casemate, a random serial,
 * digitalSignature, serverAuth, no CA. What makes it worth something is the
 * extension 2.23.133.5.4.9, which the TCG's DICE Attestation Architecture calls
 * tagged evidence (conceptual message wrapper since) and the interoperable
 * RA-TLS format of the Confidential Computing Consortium puts into self-signed
 * certificates: an octet string of one CBOR item under a tag registered with
 * IANA that tells what it is. For documents of the Nitro Security Module no tag
 * of their own is registered; they are COSE_Sign1, which has one, 18 (RFC 9052
 * §4.2). So the extension's octets are
 *
 *   D2            tag 18
 *   84 ...        the document as the module gave it
 *
 * and a verifier finds this certificate's SubjectPublicKeyInfo in the
 * document's public_key. The extension is left out without a document. */
#ifndef ATTEST_CERT_H
#define ATTEST_CERT_H

#include "appliance/base/slice.h"

enum {
	CERT_MAX = 8192,      /* what attest/x509.h reads; documents have 4 to 6 KiB */
	CERT_BEFORE_S = 3600, /* begins that long ago, for clients' clocks */
	CERT_AFTER_S = 25 * 3600,
};

/* Makes one, valid from CERT_BEFORE_S before now_s (seconds since 1970) to
 * CERT_AFTER_S after it, for connections opened from here on. It lives until the
 * call after the next one: handshakes that run while it is renewed twice are
 * failed. Empty when the document is too long, or now_s is not from 1970 to 9999:
 * the last one stays. */
struct slice cert_renew(struct slice document, int64_t now_s);

#endif
