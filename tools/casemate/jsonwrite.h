/* Strings as JSON (RFC 8259) for other programs, of bytes that anybody may
 * control.
 */
#ifndef TOOL_JSONWRITE_H
#define TOOL_JSONWRITE_H

#include <stdio.h>

#include "appliance/base/slice.h"

/* Writes s in quotes. What a terminal would obey is escaped. Of a string that is
 * not UTF-8, every byte beyond ASCII becomes the escape of U+0080 to U+00FF, and
 * the result is false: then each escape stands for a byte. */
bool jsonwrite_string(FILE *f, struct slice s);

#endif
