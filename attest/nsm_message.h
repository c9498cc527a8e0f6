/* What is asked of the Nitro Security Module, and its answers.
 *
 * CBOR as in the public nsm-api: a request is a text string, its name, or a map
 * of one pair {name: {field: value}}; an answer is the same under the same name,
 * or {"Error": reason}. Fields that we do not know are skipped, so that a newer
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
	NSM_ERROR_MAX = 63,
};

/* One field of a message: a row of a table that ends with a NULL name. */
struct nsm_field {
	const char *name;
	enum nsm_type {
		NSM_NUMBER, /* uint32_t, at most max */
		NSM_FLAG,   /* bool */
		NSM_TEXT,   /* struct slice of at most max bytes, into the message */
		NSM_BYTES,  /* likewise */
		NSM_DIGEST, /* uint8_t[SHA384_LEN] */
	} type;
	void *value; /* in a request: NSM_NUMBER or NSM_BYTES, left out when empty */
	uint32_t max;
};

/* A request; fields NULL: the name alone. */
void nsm_put(struct wbuf *w, const char *name, const struct nsm_field *fields);

/* The answer to it, likewise. RC_OK; RC_BAD, RC_LIMIT, RC_EOF as dcbor.h;
 * RC_DENIED when it is an error: reason is what the module says, printable, "" in
 * every other case. Values are unspecified unless RC_OK. */
RC_CHECK enum rc nsm_parse(struct slice in, const char *name, const struct nsm_field *fields,
                           char reason[NSM_ERROR_MAX + 1]);

/* s, of any bytes, as s.len printable characters and a NUL. */
void nsm_printable(char *out, struct slice s);

#endif
