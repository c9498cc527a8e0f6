#include "tools/image/signer.h"

#include <stdlib.h>

#include "appliance/base/io.h"
#include "tools/image/assemble.h"
#include "tools/image/fail.h"

enum { PEM_MAX = 65536 };

static enum rc load_key(const char *path, struct ecsign_key *key)
{
	uint8_t *text = NULL;
	struct slice pem;
	const char *why = "";
	enum rc rc = assemble_read("key", path, PEM_MAX, &text, &pem);

	if (rc == RC_OK && (rc = ecsign_key(pem, key, &why)) != RC_OK)
		rc = fail(rc, "key '%s': %s", path, why);
	if (text != NULL)
		wipe(text, PEM_MAX);
	free(text);
	return rc;
}

enum rc signer_load_cert(struct signer *s, const char *cert_path)
{
	const char *why = "";
	enum rc rc;

	*s = (struct signer){ 0 };
	rc = assemble_read("certificate", cert_path, PEM_MAX, &s->text, &s->pem);
	if (rc == RC_OK && (rc = ecsign_cert(s->pem, &s->cert, &why)) != RC_OK)
		rc = fail(rc, "certificate '%s': %s", cert_path, why);
	return rc;
}

enum rc signer_load(struct signer *s, const char *key_path, const char *cert_path)
{
	enum rc rc = signer_load_cert(s, cert_path);

	if (rc == RC_OK)
		rc = load_key(key_path, &s->key);
	if (rc == RC_OK && !ecsign_matches(&s->key, &s->cert))
		rc = fail(RC_MISMATCH, "key '%s' is not the key of certificate '%s'", key_path,
		          cert_path);
	return rc;
}

void signer_free(struct signer *s)
{
	free(s->text);
	wipe(s, sizeof *s);
}
