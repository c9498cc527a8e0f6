/* A TLS 1.2 connection to a server that is judged afterwards, by its
 * attestation document: whatever certificate it shows is taken, and its key
 * told. The handshake proves that the server holds that key. ECDHE-ECDSA with
 * AES-GCM or ChaCha20-Poly1305 only. Wraps BearSSL; one connection at a time.
 *
 * The server is hostile. Everything ends at one deadline.
 */
#ifndef TOOL_TLS_CLIENT_H
#define TOOL_TLS_CLIENT_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

/* Shakes hands over fd, a connected socket that stays the caller's; name is
 * told to the server unless it is NULL. From then on until_ms (clock_mono_ms())
 * is the deadline of all calls. RC_OK, or another, with a phrase in *why. */
RC_CHECK enum rc tls_client_open(int fd, const char *name, int64_t until_ms, const char **why);

/* The server's SubjectPublicKeyInfo, DER; lives until the next open. */
struct slice tls_client_spki(void);

RC_CHECK enum rc tls_client_write(struct slice s, const char **why);

/* At least one byte, at most max, into p; *n is 0 at the end. */
RC_CHECK enum rc tls_client_read(void *p, size_t max, size_t *n, const char **why);

#endif
