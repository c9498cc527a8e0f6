/* What is asked of the Nitro Security Module, and its answers.
 *
 * CBOR as in the public nsm-api: a request is a text string, its name, or a map
 * of one pair {name: {field: value}}; an answer is the same under the same name,
 * or {"Error": reason}. Fields that we do not know do not matter, so that a newer
 * module does not stop a boot; those we need must be there once, with their
 * type and within our bounds. Pure functions.
 *
 * Input comes from the hypervisor, which is trusted, by way of a driver that
 * cuts what is too long: parsed all the same as if anybody had written it.
 */
#ifndef ATTEST_NSM_MESSAGE_H
#define ATTEST_NSM_MESSAGE_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	NSM_REQUEST_MAX = 0x1000, /* bytes, the driver's limits */
	NSM_RESPONSE_MAX = 0x3000,
	NSM_PCRS_MAX = 32,
	NSM_ERROR_MAX = 63,
};

/* One field of a request: a row of a table that ends with a NULL name. */
struct nsm_field {
	const char *name;
	struct slice bytes; /* left out when empty, but for a number */
	const uint32_t *number;
};

/* A request; fields NULL: the name alone. */
void nsm_put(struct wbuf *w, const char *name, const struct nsm_field *fields);

/* The answer to it, likewise: *fields is a map for lcbor_at (attest/lcbor.h).
 * RC_OK; RC_BAD, RC_LIMIT, RC_EOF as dcbor.h; RC_DENIED when it is an error:
 * reason is what the module says, printable, "" in every other case. */
RC_CHECK enum rc nsm_parse(struct slice in, const char *name, struct slice *fields,
                           char reason[NSM_ERROR_MAX + 1]);

/* s, of any bytes, as s.len printable characters and a NUL. */
void nsm_printable(char *out, struct slice s);

#endif
