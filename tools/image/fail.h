/* What casemate-image says on standard error: "casemate-image: VERB: what: why",
 * and on a terminal one line that shows how far long work is. Control bytes are
 * written as '?'.
 */
#ifndef IMAGE_FAIL_H
#define IMAGE_FAIL_H

#include <stdint.h>

#include "appliance/base/rc.h"

/* What stands in front from now on ("eif build"); kept by pointer. */
void fail_verb(const char *verb);

/* Prints and returns rc, so that a caller can `return fail(RC_BAD, ...)`. */
__attribute__((format(printf, 2, 3))) enum rc fail(enum rc rc, const char *fmt, ...);

/* Likewise with ": " and errno's text at the end; RC_IO. */
__attribute__((format(printf, 1, 2))) enum rc fail_errno(const char *fmt, ...);

/* A line that is no failure, with "warning: " in front. */
__attribute__((format(printf, 1, 2))) void fail_warn(const char *fmt, ...);

/* Shows "what: N MiB" in place of what it showed before, if standard error is a
 * terminal and a tenth of a second has passed; what is above overwrites it. */
void fail_progress(const char *what, uint64_t bytes);
/* Takes it away. */
void fail_progress_end(void);

#endif
