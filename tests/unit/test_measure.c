/* appliance/measure.h over the simulated module: what is measured, and the
 * modules that are not as new.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/measure.h"
#include "tests/sim/module.h"
#include "tests/unit/test.h"

static const char manifest[] = "the manifest's bytes";
static int nsm = -1;

static enum rc run(void)
{
	memcpy(touchlog_shared->manifest, manifest, sizeof manifest);
	touchlog_shared->manifest_len = sizeof manifest;
	return measure(nsm, touchlog_shared);
}

/* Each case in a process of its own: the log is one a process. */
static void in_child(void (*test)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		module_reset();
		CHECK(nsm_open("", &nsm) == RC_OK && touchlog_open(nsm) == RC_OK);
		test();
		_exit(test_failed > 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void all(void)
{
	const struct touchlog_shared *s = touchlog_shared;
	uint8_t digest[SHA384_LEN], want[SHA384_LEN] = { 0 };
	struct nsm_pcr p;
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, manifest, sizeof manifest);
	sha384_final(&h, digest);
	sha384_extend(want, digest, sizeof digest);
	CHECK(run() == RC_OK);
	CHECK(nsm_read_pcr(nsm, PCR_MANIFEST, &p) == RC_OK && p.locked);
	CHECK(memcmp(p.value, want, sizeof want) == 0);
	for (unsigned i = 0; i < s->module.pcrs; i++)
		CHECK(s->pcr[i].locked == (i <= PCR_MANIFEST));
	for (unsigned i = 0; i < s->module.pcrs; i++)
		CHECK(nsm_read_pcr(nsm, i, &p) == RC_OK && memcmp(&p, &s->pcr[i], sizeof p) == 0);
	CHECK(run() == RC_DENIED); /* not a second time */
}

static void touched(void)
{
	uint8_t value[SHA384_LEN];

	CHECK(nsm_extend_pcr(nsm, PCR_TOUCH, slice_str("x"), value) == RC_OK);
	CHECK(run() == RC_MISMATCH);
}

static void touch_locked(void)
{
	CHECK(nsm_lock_pcr(nsm, PCR_TOUCH) == RC_OK);
	CHECK(run() == RC_MISMATCH);
}

/* A manifest that somebody else has put there first. */
static void foreign_manifest(void)
{
	uint8_t value[SHA384_LEN];

	CHECK(nsm_extend_pcr(nsm, PCR_MANIFEST, slice_str("x"), value) == RC_OK);
	CHECK(run() == RC_MISMATCH);
}

/* Whichever request is refused, that is the end. */
static void refused(void)
{
	unsigned requests;

	CHECK(run() == RC_OK);
	requests = module_requests();
	for (unsigned at = 1; at <= requests; at++) {
		module_reset();
		module_refuse_at(at);
		CHECK(run() == RC_DENIED && module_requests() == at);
	}
}

int main(void)
{
	in_child(all);
	in_child(touched);
	in_child(touch_locked);
	in_child(foreign_manifest);
	in_child(refused);
	return test_end();
}
