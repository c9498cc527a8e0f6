/* Who signs: a private key and its certificate, from two PEM files of the caller's.
 */
#ifndef IMAGE_SIGNER_H
#define IMAGE_SIGNER_H

#include "tools/image/ecsign.h"

struct signer {
	struct ecsign_key key;
	struct ecsign_cert cert;
	uint8_t *text;    /* the certificate's file */
	struct slice pem; /* the same */
};

/* Reads both, once, and checks that they belong together; prints its errors. Must
 * be freed whatever the result. */
RC_CHECK enum rc signer_load(struct signer *s, const char *key_path, const char *cert_path);

/* The certificate alone. */
RC_CHECK enum rc signer_load_cert(struct signer *s, const char *cert_path);

/* Wipes the key; harmless when called twice or on zeros. */
void signer_free(struct signer *s);

#endif
