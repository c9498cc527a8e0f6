#include "tools/image/outputs.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/image/fail.h"
#include "tools/image/sbom.h"
#include "tools/image/seal.h"

static_assert((int)PROVENANCE_MAX <= (int)SEAL_PAYLOAD_MAX, "any statement can be signed");

static const char *const suffixes[OUTPUTS] = { ".measurements.json", ".cdx.json", ".intoto.json",
	                                       ".intoto.cose" };

enum rc outputs_path(const char *eif, enum output which, char path[PATH_MAX])
{
	static const char end[] = ".eif";
	size_t n = strlen(eif);

	if (n >= sizeof end - 1 && strcmp(eif + n - (sizeof end - 1), end) == 0)
		n -= sizeof end - 1;
	if (snprintf(path, PATH_MAX, "%.*s%s", (int)n, eif, suffixes[which]) < PATH_MAX)
		return RC_OK;
	errno = ENAMETOOLONG;
	return fail_errno("output '%s'", eif);
}

struct outputs {
	struct image im;
	struct signer signer;
	char path[OUTPUTS][PATH_MAX];
	struct outfile file[OUTPUTS];
	bool written[OUTPUTS];
};

/* Under its temporary name. */
static enum rc put(struct outputs *o, enum output which, struct slice text)
{
	struct outfile *f = &o->file[which];
	enum rc rc = outfile_open(f, o->path[which]);

	if (rc == RC_OK && io_write_full(f->fd, text.p, text.len) != RC_OK)
		rc = fail_errno("output '%s'", f->path);
	o->written[which] = rc == RC_OK;
	return rc;
}

static enum rc put_measurements(struct outputs *o)
{
	struct report r = image_report(&o->im);
	char *text = metadata_line(metadata_print_measurements(&r));
	enum rc rc;

	if (text == NULL)
		return fail(RC_LIMIT, "the measurements: memory is out");
	rc = put(o, OUTPUT_MEASUREMENTS, slice_str(text));
	free(text);
	return rc;
}

static enum rc put_sbom(struct outputs *o, const struct recipe *r)
{
	struct databases of_folder = { 0 };
	struct sbom s = { &r->parameters, r->our_kernel, r->our_init,
		          r->image ? &r->image->databases : &of_folder };
	char *text;
	enum rc rc = RC_LIMIT;

	if (r->image == NULL)
		databases_read(&of_folder, r->folder);
	text = sbom_print(&s);
	if (text != NULL)
		rc = put(o, OUTPUT_SBOM, slice_str(text));
	free(text);
	databases_free(&of_folder);
	return rc;
}

static enum rc put_seal(struct outputs *o, struct slice statement)
{
	uint8_t *cose;
	size_t len;
	enum rc rc = seal_make(&o->signer, statement, &cose, &len);

	if (rc != RC_OK)
		return rc;
	rc = put(o, OUTPUT_SEAL, slice_of(cose, len));
	free(cose);
	return rc;
}

static enum rc put_statement(struct outputs *o, const struct recipe *r)
{
	char why[METADATA_WHY_MAX];
	char *text = provenance_print(&r->parameters, why);
	enum rc rc;

	if (text == NULL)
		return fail(RC_BAD, "the provenance: %s", why);
	rc = put(o, OUTPUT_STATEMENT, slice_str(text));
	if (rc == RC_OK && r->sign_key != NULL)
		rc = put_seal(o, slice_str(text));
	free(text);
	return rc;
}

/* --- all of them --- */

static enum rc commit_all(struct outputs *o, struct outfile *eif)
{
	size_t done = 0;
	enum rc rc = RC_OK;

	for (; rc == RC_OK && done < OUTPUTS; done++) {
		if (o->written[done])
			rc = outfile_commit(&o->file[done]);
		else if (unlink(o->path[done]) < 0 && errno != ENOENT)
			rc = fail_errno("removing the old '%s'", o->path[done]);
	}
	if (rc == RC_OK)
		rc = outfile_commit(eif);
	else
		done--; /* that one has no name of ours */
	while (rc != RC_OK && done-- > 0)
		if (o->written[done])
			unlink(o->path[done]);
	return rc;
}

/* A signal must not come between the names. */
static enum rc commit(struct outputs *o, struct outfile *eif)
{
	sigset_t all, old;
	enum rc rc;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	rc = commit_all(o, eif);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void take_source(struct recipe *r)
{
	struct provenance *p = &r->parameters;

	if (r->image == NULL)
		return;
	p->source = r->image->layout ? SOURCE_OCI : SOURCE_DOCKER;
	memcpy(p->config, r->image->config_is, DIGEST_LEN);
	memcpy(p->oci_manifest, r->image->manifest, DIGEST_LEN);
}

static enum rc write_all(struct outputs *o, struct outfile *of, struct recipe *r)
{
	enum rc rc;

	take_source(r);
	r->parameters.eif = last_component(of->path);
	rc = provenance_measure(&r->parameters, &o->im);
	for (int i = 0; rc == RC_OK && i < OUTPUTS; i++)
		rc = outputs_path(of->path, (enum output)i, o->path[i]);
	if (rc == RC_OK)
		rc = put_measurements(o);
	if (rc == RC_OK)
		rc = put_sbom(o, r);
	if (rc == RC_OK)
		rc = put_statement(o, r);
	return rc == RC_OK ? commit(o, of) : rc;
}

enum rc outputs_finish(struct eifwrite *w, struct outfile *of, struct recipe *r)
{
	static struct outputs o;
	enum rc rc = RC_OK;

	for (int i = 0; i < OUTPUTS; i++)
		o.file[i].fd = -1;
	if (r->sign_key != NULL)
		rc = signer_load(&o.signer, r->sign_key, r->sign_cert);
	if (rc == RC_OK)
		rc = assemble_seal(w, of->path, r->sign_key ? &o.signer : NULL, &o.im);
	if (rc == RC_OK)
		rc = write_all(&o, of, r);
	if (rc == RC_OK)
		rc = assemble_print(&o.im);
	for (int i = 0; i < OUTPUTS; i++)
		outfile_close(&o.file[i]);
	image_close(&o.im);
	signer_free(&o.signer);
	return rc;
}
