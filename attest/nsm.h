/* The Nitro Security Module's device, /dev/nsm: one request, one answer.
 *
 * Only PID 1 opens it. Requests block until the module answers (about 1 ms;
 * the driver gives up after two minutes). The answers are checked by
 * nsm_message.h; what they mean for the boot is the caller's.
 *
 * Results: RC_OK; RC_IO with errno from the driver; RC_DENIED when the module
 * refuses, which is logged with its reason; RC_BAD, RC_LIMIT, RC_EOF for an
 * answer that is not understood.
 */
#ifndef ATTEST_NSM_H
#define ATTEST_NSM_H

#include "attest/nsm_device.h"
#include "attest/nsm_message.h"

RC_CHECK enum rc nsm_describe(int fd, struct nsm_description *d);
RC_CHECK enum rc nsm_read_pcr(int fd, unsigned index, struct nsm_pcr *p);
RC_CHECK enum rc nsm_lock_pcr(int fd, unsigned index);
/* Locks PCR 0 to count-1, and so the last one too when count is how many there
 * are. */
RC_CHECK enum rc nsm_lock_pcrs(int fd, unsigned count);

/* value becomes SHA384(old value ‖ data); data at most NSM_EXTEND_MAX. */
RC_CHECK enum rc nsm_extend_pcr(int fd, unsigned index, struct slice data,
                                uint8_t value[SHA384_LEN]);

/* Fills out with n random bytes, in as many requests as it takes. RC_EOF when
 * the module gives an empty answer. On failure out is wiped. */
RC_CHECK enum rc nsm_random(int fd, uint8_t *out, size_t n);

/* A signed document (attest/document.h) with these fields, each at most its
 * NSM_…_MAX bytes, RC_LIMIT otherwise; empty ones are left out. *document
 * lives until the next request. */
RC_CHECK enum rc nsm_attest(int fd, struct slice user_data, struct slice nonce,
                            struct slice public_key, struct slice *document);

#endif
