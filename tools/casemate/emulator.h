/* The emulator: QEMU's nitro-enclave machine, with vhost-device-vsock as its
 * vsock device. Both come from `./build.sh build`.
 *
 * Looked for in $CASEMATE_EMULATOR, else $CASEMATE_CACHE/emulator, else
 * ~/.cache/casemate/emulator.
 */
#ifndef TOOL_EMULATOR_H
#define TOOL_EMULATOR_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tools/casemate/state.h"

struct emulator {
	char dir[PATH_MAX - 64]; /* programs and firmware */
	char qemu[PATH_MAX];
	char vhost[PATH_MAX];
	bool kvm;
};

/* Socket on which vhost-device-vsock awaits QEMU, in the enclave's folder. */
#define EMULATOR_VHOST_SOCKET "vhost.sock"

/* False after saying what is missing and how to get it. */
bool emulator_find(struct emulator *em);

/* Start the two programs, which die with the caller; their working directory
 * is the enclave's folder (dir). Process id, or -1 with errno.
 *
 * vhost-device-vsock makes STATE_VM_SOCKET, then EMULATOR_VHOST_SOCKET. QEMU
 * gets a connection to the latter, and writes the enclave's console and what
 * it has to say itself to out. */
pid_t emulator_start_vhost(const struct emulator *em, const char *dir, int err);
pid_t emulator_start_vm(const struct emulator *em, const struct enclave *e, const char *dir,
                        int vhost, int out);

#endif
