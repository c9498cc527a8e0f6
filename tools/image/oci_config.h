/* An image's configuration (OCI image-spec, config.md): how its program is to be
 * started. The struct is what the manifest is made from. Wraps jansson.
 *
 * The text is anybody's: what oci_index.h says holds here as well. A string has no
 * NUL, as jansson refuses it.
 */
#ifndef IMAGE_OCI_CONFIG_H
#define IMAGE_OCI_CONFIG_H

#include "channel/user.h"
#include "tools/image/oci_index.h"

enum {
	OCI_STRINGS_MAX = 1024, /* words of a command, variables */
	OCI_PORTS_MAX = 256,
};

struct oci_strings {
	size_t n;
	const char *v[OCI_STRINGS_MAX];
};

struct oci_port {
	uint16_t port;
	bool udp; /* else TCP */
};

struct oci_config {
	struct json_t *root;
	const char *os, *arch;
	size_t layers;
	uint8_t diff_id[OCI_LAYERS_MAX][DIGEST_LEN]; /* of the layers, unpacked */
	struct oci_strings entrypoint, cmd;
	struct oci_strings env; /* NAME=VALUE */
	const char *cwd;        /* absolute; "/" when not given */
	const char *user;       /* as written; "" when not given */
	int stop_signal;        /* its number on Linux; 0 when not given */
	size_t ports;
	struct oci_port port[OCI_PORTS_MAX];
	bool volumes, healthcheck; /* it has some, which we do not do */

	/* Filled in by oci_config_user(). */
	size_t idc; /* user, group and supplementary groups */
	uint32_t ids[REQUEST_IDS_MAX];
	char home[sizeof "HOME=" + USER_WORD_MAX]; /* the variable */
};

RC_CHECK enum rc oci_config_load(struct slice text, struct oci_config *c, char why[OCI_WHY_MAX]);
void oci_config_free(struct oci_config *c);

/* Makes numbers of `user` with the contents of the image's /etc/passwd and
 * /etc/group, both possibly empty, by the rules of channel/user.h; root when
 * it is not given. RC_ABSENT, RC_BAD, RC_LIMIT, the reason in why. */
RC_CHECK enum rc oci_config_user(struct oci_config *c, struct slice passwd, struct slice group,
                                 char why[OCI_WHY_MAX]);

#endif
