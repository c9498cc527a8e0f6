/* Base64 (RFC 4648 §4) and hex read, strictly: no white space, padding as it
 * must be, unused bits zero, so that a value has one spelling (of hex, two).
 * Pure; input may be anybody's.
 */
#ifndef TOOL_BASE64_H
#define TOOL_BASE64_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

/* Appends the bytes to w. RC_BAD; RC_LIMIT when they do not fit. */
RC_CHECK enum rc base64_read(struct slice text, struct wbuf *w);
RC_CHECK enum rc hex_read(struct slice text, struct wbuf *w);

#endif
