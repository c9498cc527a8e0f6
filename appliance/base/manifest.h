/* The measured manifest: what the image's author decided, as PID 1 reads it.
 *
 * The builder writes it as deterministic CBOR into the second ramdisk
 * (/manifest), so that it is part of PCR0 and PCR2; PID 1 never parses text.
 * A map with unsigned keys:
 *
 *   1  version, MANIFEST_VERSION
 *   2  channel mode, enum channel_mode
 *   3  main command, array of 0 to MANIFEST_ARGV_MAX byte strings; empty:
 *      nothing is started and the enclave serves the channel only
 *   4  its variables, NAME=VALUE, array of 0 to MANIFEST_ENV_MAX byte strings;
 *      it has no others
 *   5  its working directory, byte string, absolute
 *   6  its user, group and supplementary groups: array of 2 to
 *      MANIFEST_IDS_MAX unsigned numbers up to MANIFEST_ID_MAX
 *
 * All keys are mandatory, others are refused (RC_BAD).
 */
#ifndef BASE_MANIFEST_H
#define BASE_MANIFEST_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum {
	MANIFEST_VERSION = 2,
	MANIFEST_MAX = 16384,    /* bytes of the whole encoding */
	MANIFEST_ARGV_MAX = 64,  /* arguments of the main command */
	MANIFEST_ARG_MAX = 4096, /* bytes of any string here, none of them NUL */
	MANIFEST_ENV_MAX = 256,  /* variables */
	MANIFEST_IDS_MAX = 66,   /* a user, its group and 64 more, as exec's */
	/* The highest: one more is for setresuid(2) no user at all. */
	MANIFEST_ID_MAX = INT32_MAX,
};

enum channel_mode {
	CHANNEL_OFF = 0,  /* nobody gets a session */
	CHANNEL_OPEN = 1, /* whoever reaches the port gets one */
};

struct manifest {
	enum channel_mode channel;
	size_t argc;
	struct slice argv[MANIFEST_ARGV_MAX]; /* all slices point into the input */
	size_t envc;
	struct slice env[MANIFEST_ENV_MAX];
	struct slice cwd;
	size_t idc;
	uint32_t ids[MANIFEST_IDS_MAX];
};

/* RC_OK, RC_BAD, RC_LIMIT or RC_EOF as dcbor.h; m is unspecified on error. */
RC_CHECK enum rc manifest_parse(struct slice in, struct manifest *m);

/* Appends the encoding; w->over when it does not fit. */
void manifest_put(struct wbuf *w, const struct manifest *m);

#endif
