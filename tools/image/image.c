#include "tools/image/image.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "appliance/base/io.h"
#include "tools/image/ecsign.h"
#include "tools/image/fail.h"
#include "tools/image/signature.h"

static enum rc check_layout(struct image *im, const char *name)
{
	enum eif_fault f = eif_parse(im->file, &im->eif);

	if (f == EIF_OK)
		return RC_OK;
	if (eif_fault_of_section(f))
		return fail(RC_BAD, "'%s': section %zu: %s", name, im->eif.section,
		            eif_fault_str(f));
	return fail(RC_BAD, "'%s': %s", name, eif_fault_str(f));
}

static enum rc check_signature(struct image *im, const char *name)
{
	uint8_t buf[SIGNATURE_TBS_MAX];
	struct wbuf tbs = wbuf_of(buf, sizeof buf);
	struct ecsign_cert cert;
	struct signature s;
	const char *why = "";
	enum rc rc = signature_parse(im->eif.signature, &s, &why);

	if (rc == RC_OK)
		rc = ecsign_cert(s.pem, &cert, &why);
	if (rc != RC_OK)
		return fail(rc, "'%s': signature: %s", name, why);
	signature_put_tbs(&tbs, s.protected_header, s.payload);
	if (s.algorithm != ecsign_algorithm(&cert))
		return fail(RC_BAD, "'%s': signature: algorithm %lld does not go with its key",
		            name, (long long)s.algorithm);
	if (tbs.over || !ecsign_verify(&cert, wbuf_slice(&tbs), s.sig))
		return fail(RC_MISMATCH, "'%s': signature: it does not verify", name);
	if (memcmp(s.pcr0, im->pcrs.pcr[0], SHA384_LEN) != 0)
		return fail(RC_MISMATCH, "'%s': signature: it is for another PCR0", name);
	pcr_of(slice_of(cert.der, cert.der_len), im->pcr8);
	return RC_OK;
}

static enum rc check(struct image *im, const char *name)
{
	char why[METADATA_WHY_MAX];
	enum rc rc = check_layout(im, name);

	if (rc != RC_OK)
		return rc;
	if (metadata_load(im->eif.metadata, &im->metadata, why) != RC_OK)
		return fail(RC_BAD, "'%s': metadata: %s", name, why);
	pcr_measure(&im->eif, &im->pcrs);
	return im->eif.is_signed ? check_signature(im, name) : RC_OK;
}

enum rc image_load(struct image *im, int fd, const char *name)
{
	struct stat st;
	void *map;

	memset(im, 0, sizeof *im);
	if (fstat(fd, &st) < 0)
		return fail_errno("'%s'", name);
	if (!S_ISREG(st.st_mode))
		return fail(RC_BAD, "'%s': not a file", name);
	if (st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			return fail_errno("'%s': cannot map it", name);
		im->file = slice_of(map, (size_t)st.st_size);
	}
	return check(im, name);
}

enum rc image_open(struct image *im, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum rc rc;

	memset(im, 0, sizeof *im);
	if (fd < 0)
		return fail_errno("'%s'", path);
	rc = image_load(im, fd, path);
	io_close(&fd);
	return rc;
}

void image_close(struct image *im)
{
	if (im->file.len > 0)
		munmap((void *)(uintptr_t)im->file.p, im->file.len);
	metadata_free(&im->metadata);
	im->file = slice_of(NULL, 0);
}

struct report image_report(const struct image *im)
{
	return (struct report){ &im->pcrs, im->eif.is_signed ? im->pcr8 : NULL, im->metadata };
}
