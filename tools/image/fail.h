/* Error lines of casemate-image: "casemate-image: VERB: what: why". They go to
 * standard error; control bytes are written as '?'.
 */
#ifndef IMAGE_FAIL_H
#define IMAGE_FAIL_H

#include "appliance/base/rc.h"

/* What stands in front from now on ("eif build"); kept by pointer. */
void fail_verb(const char *verb);

/* Prints and returns rc, so that a caller can `return fail(RC_BAD, ...)`. */
__attribute__((format(printf, 2, 3))) enum rc fail(enum rc rc, const char *fmt, ...);

/* Likewise with ": " and errno's text at the end; RC_IO. */
__attribute__((format(printf, 1, 2))) enum rc fail_errno(const char *fmt, ...);

#endif
