/* What is asked of the Nitro Security Module, and its answers.
 *
 * CBOR as in the public nsm-api: a request is a text string, or a map of one
 * pair {name: {field: value}}; an answer is the same under the same name, or
 * {"Error": reason}. Fields that we do not know are skipped, so that a newer
 * module does not stop a boot; those we need must be there once, with their
 * type and within our bounds. Pure functions.
 *
 * Input comes from the hypervisor, which is trusted, by way of a driver that
 * cuts what is too long: parsed all the same as if anybody had written it.
 */
#ifndef ATTEST_NSM_MESSAGE_H
#define ATTEST_NSM_MESSAGE_H

#include "appliance/base/rc.h"
#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"

enum {
	NSM_REQUEST_MAX = 0x1000, /* bytes, the driver's limits */
	NSM_RESPONSE_MAX = 0x3000,
	NSM_PCRS_MAX = 32,
	NSM_EXTEND_MAX = 512, /* bytes of one extension */
	NSM_RANDOM_MAX = 256,
	/* Of one document: what the module takes (AWS says 512 in one place). */
	NSM_USER_DATA_MAX = 512,
	NSM_NONCE_MAX = 512,
	NSM_KEY_MAX = 1024,
	NSM_ID_MAX = 127, /* bytes of a module's name */
	NSM_ERROR_MAX = 63,
};

struct nsm_description {
	uint16_t major, minor, patch; /* version of the module */
	uint16_t pcrs;                /* how many it has, at most NSM_PCRS_MAX */
	uint32_t locked;              /* bit n: PCR n is locked */
	char id[NSM_ID_MAX + 1];      /* printable */
};

struct nsm_pcr {
	uint8_t value[SHA384_LEN];
	bool locked;
};

void nsm_put_describe(struct wbuf *w);
void nsm_put_random(struct wbuf *w);
void nsm_put_pcr(struct wbuf *w, unsigned index);
void nsm_put_lock(struct wbuf *w, unsigned index);
void nsm_put_lock_range(struct wbuf *w, unsigned count); /* 0 to count-1 */
void nsm_put_extend(struct wbuf *w, unsigned index, struct slice data);
/* Empty fields are left out. */
void nsm_put_attest(struct wbuf *w, struct slice user_data, struct slice nonce,
                    struct slice public_key);

/* RC_OK; RC_BAD, RC_LIMIT, RC_EOF as dcbor.h, RC_BAD also for a module whose
 * digest is not SHA384; RC_DENIED when the answer is {"Error": reason}:
 * nsm_error() tells the reason. What is pointed to is unspecified then. */
RC_CHECK enum rc nsm_parse_describe(struct slice in, struct nsm_description *d);
RC_CHECK enum rc nsm_parse_random(struct slice in, struct slice *random);
RC_CHECK enum rc nsm_parse_pcr(struct slice in, struct nsm_pcr *p);
RC_CHECK enum rc nsm_parse_lock(struct slice in);
RC_CHECK enum rc nsm_parse_lock_range(struct slice in);
RC_CHECK enum rc nsm_parse_extend(struct slice in, uint8_t value[SHA384_LEN]);
/* document points into in and is not empty. */
RC_CHECK enum rc nsm_parse_attest(struct slice in, struct slice *document);

/* The reason of an {"Error": reason} answer, printable; "" if in is none. */
void nsm_error(struct slice in, char reason[NSM_ERROR_MAX + 1]);

#endif
