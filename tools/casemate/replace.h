/* A small file that is there whole or as it was before. */
#ifndef TOOL_REPLACE_H
#define TOOL_REPLACE_H

#include <stdbool.h>

#include "appliance/base/slice.h"

/* Gives the file this content, by a temporary name beside it. What is there and
 * not a plain file (/dev/stdout, a FIFO, a symlink) is written to as it is. False
 * after saying why. */
bool replace_file(const char *path, struct slice content);

#endif
