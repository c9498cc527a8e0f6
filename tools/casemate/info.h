/* The text of an enclave's `info` file (state.h): "KEY VALUE" and a newline for
 * each field of struct enclave but its name.
 *
 * The file is this user's, but it may be cut, damaged, or another version's.
 * A line counts when it is whole, its key is known, its value of the right
 * kind and not too long; all others change nothing. Of several for one field
 * the last counts.
 */
#ifndef TOOL_INFO_H
#define TOOL_INFO_H

#include "appliance/base/slice.h"
#include "tools/casemate/state.h"

enum { INFO_MAX = 8192 }; /* bytes: an image's path, ports, network, ten short lines */

/* e as text, with a final NUL; false when a text holds a newline. */
bool info_put(char out[INFO_MAX], const struct enclave *e);

/* Sets the fields of *e that text has a line for. */
void info_parse(struct slice text, struct enclave *e);

#endif
