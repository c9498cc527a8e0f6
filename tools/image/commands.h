/* Are the commands of the services in the image? One that is not is worth a warning and no
 * more: a file can be pushed, or made by another service.
 */
#ifndef IMAGE_COMMANDS_H
#define IMAGE_COMMANDS_H

#include "tools/image/oci_tree.h"
#include "tools/image/plan.h"

/* Where the image is: a merged tree, or without one a folder of this host. */
struct commands_root {
	struct oci_tree *tree;
	const char *folder;
};

/* After plan_users(). Looks for the words as the enclave will (command_run() of
 * appliance/base/command.h); symbolic links lead to where they will lead there. */
void commands_check(const struct plan *p, const struct commands_root *root);

#endif
