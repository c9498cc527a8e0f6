/* The main command of an image to be built, as the manifest has it
 * (appliance/base/manifest.h): what the caller says, over what a container
 * image says, over what every program gets.
 */
#ifndef IMAGE_COMMAND_H
#define IMAGE_COMMAND_H

#include "appliance/base/manifest.h"
#include "tools/image/oci_config.h"

/* Sets all of m but the channel mode. By Docker's rules: argv, if there is any
 * of it, replaces the image's Cmd and not its Entrypoint; variables are the
 * image's, with PATH and HOME added where it has none. c is NULL for a folder,
 * else oci_config_user() was called; m points into it and into argv. RC_LIMIT,
 * RC_BAD: printed. */
RC_CHECK enum rc command_make(struct manifest *m, const struct oci_config *c, int argc,
                              char **argv);

#endif
