/* PEM (RFC 7468): the first object of a label, decoded. Pure; the file is the
 * user's, who may have it from anybody.
 */
#ifndef TOOL_PEM_H
#define TOOL_PEM_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

/* Appends the bytes between -----BEGIN label----- and its END to w. RC_ABSENT
 * when there is none; RC_BAD; RC_LIMIT when they do not fit. */
RC_CHECK enum rc pem_read(struct slice text, const char *label, struct wbuf *w);

#endif
