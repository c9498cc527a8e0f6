#include "tools/image/assemble.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/cpio.h"
#include "tools/image/fail.h"
#include "tools/image/signature.h"

static enum rc written(enum rc rc)
{
	if (rc == RC_LIMIT)
		return fail(rc, "an EIF has at most 32 sections");
	return rc == RC_OK ? rc : fail_errno("writing the image");
}

static enum rc copy(int from, int to, unsigned align, const char *what, const char *path)
{
	static const uint8_t zero[CPIO_ALIGN];
	static uint8_t buf[1 << 17];
	uint64_t copied = 0;
	ssize_t n;

	while ((n = read(from, buf, sizeof buf)) > 0) {
		if (io_write_full(to, buf, (size_t)n) != RC_OK)
			return fail_errno("writing the image");
		copied += (uint64_t)n;
	}
	if (n < 0)
		return fail_errno("%s '%s'", what, path);
	if (io_write_full(to, zero, (size_t)(-copied & (align - 1))) != RC_OK)
		return fail_errno("writing the image");
	return RC_OK;
}

enum rc assemble_file(struct eifwrite *w, enum eif_type type, const char *what, const char *path,
                      unsigned align)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum rc rc;

	if (fd < 0)
		return fail_errno("%s '%s'", what, path);
	rc = written(eifwrite_begin(w));
	if (rc == RC_OK)
		rc = copy(fd, w->fd, align, what, path);
	if (rc == RC_OK)
		rc = written(eifwrite_end(w, type));
	io_close(&fd);
	return rc;
}

enum rc assemble_bytes(struct eifwrite *w, enum eif_type type, struct slice data)
{
	return written(eifwrite_section(w, type, data));
}

enum rc assemble_read(const char *what, const char *path, size_t max, uint8_t **text,
                      struct slice *s)
{
	enum rc rc;

	*s = slice_of(NULL, 0);
	*text = malloc(max);
	if (*text == NULL)
		return fail_errno("%s '%s'", what, path);
	rc = io_read_file(path, *text, max, &s->len);
	s->p = *text;
	if (rc == RC_LIMIT)
		return fail(rc, "%s '%s': longer than %zu bytes", what, path, max);
	return rc == RC_OK ? rc : fail_errno("%s '%s'", what, path);
}

static enum rc add_signature(struct eifwrite *w, const struct image *im,
                             const struct ecsign_key *key, const struct ecsign_cert *cert,
                             struct slice pem)
{
	static uint8_t section[EIF_SIGNATURE_MAX];
	uint8_t head[16], payload[SIGNATURE_PAYLOAD_MAX], tbs[SIGNATURE_TBS_MAX];
	uint8_t cose[SIGNATURE_COSE_MAX], sig[ECSIGN_SIG_MAX];
	struct wbuf h = wbuf_of(head, sizeof head), p = wbuf_of(payload, sizeof payload);
	struct wbuf t = wbuf_of(tbs, sizeof tbs), c = wbuf_of(cose, sizeof cose);
	struct wbuf s = wbuf_of(section, sizeof section);
	size_t n;

	signature_put_protected(&h, ecsign_algorithm(cert));
	signature_put_payload(&p, im->pcrs.pcr[0]);
	signature_put_tbs(&t, wbuf_slice(&h), wbuf_slice(&p));
	n = ecsign_sign(key, wbuf_slice(&t), sig);
	if (n == 0 || t.over)
		return fail(RC_BAD, "signing failed: is the key's number in its curve's range?");
	signature_put_cose(&c, wbuf_slice(&h), wbuf_slice(&p), slice_of(sig, n));
	signature_put_section(&s, pem, wbuf_slice(&c));
	if (c.over || s.over)
		return fail(RC_LIMIT, "the certificate is too long: a signature has 32768 bytes");
	return assemble_bytes(w, EIF_SIGNATURE, wbuf_slice(&s));
}

static enum rc sign(struct eifwrite *w, const char *out, const struct signer *signer)
{
	struct image im = { 0 };
	enum rc rc = image_load(&im, w->fd, out);

	if (rc == RC_OK)
		rc = add_signature(w, &im, &signer->key, &signer->cert, signer->pem);
	if (rc == RC_OK)
		rc = written(eifwrite_finish(w));
	image_close(&im);
	return rc;
}

enum rc assemble_seal(struct eifwrite *w, const char *name, const struct signer *signer,
                      struct image *im)
{
	enum rc rc = written(eifwrite_finish(w));

	if (rc == RC_OK && signer != NULL)
		rc = sign(w, name, signer);
	return rc == RC_OK ? image_load(im, w->fd, name) : rc;
}

enum rc assemble_print(const struct image *im)
{
	struct report r = image_report(im);
	char *text = metadata_print_measurements(&r);
	int n = text == NULL ? -1 : printf("%s\n", text);

	free(text);
	return n < 0 || fflush(stdout) != 0 ? fail_errno("standard output") : RC_OK;
}

enum rc assemble_finish(struct eifwrite *w, struct outfile *of, const char *key, const char *cert)
{
	struct signer signer = { 0 };
	struct image im = { 0 };
	enum rc rc = key != NULL ? signer_load(&signer, key, cert) : RC_OK;

	if (rc == RC_OK)
		rc = assemble_seal(w, of->path, key ? &signer : NULL, &im);
	if (rc == RC_OK)
		rc = outfile_commit(of);
	if (rc == RC_OK)
		rc = assemble_print(&im);
	image_close(&im);
	signer_free(&signer);
	return rc;
}
