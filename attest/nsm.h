/* The Nitro Security Module's device, /dev/nsm: one request, one answer.
 *
 * Only PID 1 opens it. Requests block until the module answers (about 1 ms;
 * the driver gives up after two minutes). The answers are checked by
 * nsm_message.h; what they mean for the boot is the caller's.
 *
 * Results: RC_OK; RC_IO with errno from the driver; RC_DENIED when the module
 * refuses, which is logged with its reason; RC_BAD, RC_LIMIT, RC_EOF for an
 * answer that is not understood, RC_BAD also when the module's digest is not
 * SHA384.
 *
 * The module's seventh request, LockPCRs, locks all registers from 0 on: what
 * this enclave locks it locks by number.
 */
#ifndef ATTEST_NSM_H
#define ATTEST_NSM_H

#include "appliance/base/sha384.h"
#include "attest/nsm_message.h"

enum {
	NSM_EXTEND_MAX = 512, /* bytes of one extension */
	NSM_RANDOM_MAX = 256, /* of one answer */
	/* Of one document: what the module takes (AWS says 512 in one place). */
	NSM_USER_DATA_MAX = 512,
	NSM_NONCE_MAX = 512,
	NSM_KEY_MAX = 1024,
	NSM_ID_MAX = 127, /* bytes of a module's name */
};

struct nsm_description {
	uint32_t major, minor, patch; /* version of the module, 16 bits each */
	uint32_t pcrs;                /* how many it has, at most NSM_PCRS_MAX */
	char id[NSM_ID_MAX + 1];      /* printable */
};

struct nsm_pcr {
	uint8_t value[SHA384_LEN];
	bool locked;
};

/* The driver, nsm_device.c: tests put a simulated module in its place. Opens path
 * ("/dev/nsm") close-on-exec into *fd. RC_IO. */
RC_CHECK enum rc nsm_open(const char *path, int *fd);

/* Sends request, at most NSM_REQUEST_MAX bytes, and appends the answer to an
 * empty w of NSM_RESPONSE_MAX bytes. RC_IO with errno; RC_LIMIT. */
RC_CHECK enum rc nsm_exchange(int fd, struct slice request, struct wbuf *answer);

RC_CHECK enum rc nsm_describe(int fd, struct nsm_description *d);
RC_CHECK enum rc nsm_read_pcr(int fd, uint32_t index, struct nsm_pcr *p);
RC_CHECK enum rc nsm_lock_pcr(int fd, uint32_t index);

/* value becomes SHA384(old value ‖ data); data at most NSM_EXTEND_MAX. */
RC_CHECK enum rc nsm_extend_pcr(int fd, uint32_t index, struct slice data,
                                uint8_t value[SHA384_LEN]);

/* Extends a register that is still zero with digest, locks it and reads it back
 * into p. RC_MISMATCH unless it is locked then and has the value it should. */
RC_CHECK enum rc nsm_seal_pcr(int fd, uint32_t index, const uint8_t digest[SHA384_LEN],
                              struct nsm_pcr *p);

/* Fills out with n random bytes, at most NSM_RANDOM_MAX. RC_EOF when the module
 * gives fewer. */
RC_CHECK enum rc nsm_random(int fd, uint8_t *out, size_t n);

/* A signed document (attest/document.h) with these fields, each at most its
 * NSM_…_MAX bytes, RC_LIMIT otherwise; empty ones are left out. *document
 * is not empty and lives until the next request. */
RC_CHECK enum rc nsm_attest(int fd, struct slice user_data, struct slice nonce,
                            struct slice public_key, struct slice *document);

#endif
