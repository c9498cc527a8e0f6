/* The app's root: the image's EROFS below, a tmpfs above it, joined by
 * overlayfs; then what every program expects to find mounted.
 *
 * /root.erofs (second ramdisk, on ramfs) is mounted straight from the file,
 * so that the image is in memory once. What the app writes goes to the tmpfs,
 * whose size is a share of what is free now. The overlay is exportable
 * (index, nfs_export, uuid), which fanotify's file handles need later.
 *
 * The image is measured and so trusted to be what its author built, but not
 * to be sane: a mount point that is no folder fails the boot.
 */
#ifndef BOOT_ROOT_H
#define BOOT_ROOT_H

#include <stddef.h>
#include <stdint.h>

#include "appliance/base/rc.h"

/* The control groups, to be written to; out of reach after root_enter. */
#define ROOT_CGROUPS "/cgroups"

enum {
	/* Per cent of free memory that files may take: the rest is for
	 * programs, and for what the kernel keeps about files. */
	ROOT_SHARE = 85,
	/* Free memory for each file: about a kilobyte of the kernel's each, on
	 * top of its content, so that the share above and this stay under all. */
	ROOT_BYTES_A_FILE = 8192,
};

/* Mounts everything at ROOT_AT. RC_IO, logged. */
RC_CHECK enum rc root_mount(void);

/* Makes it the root of this process and of all it starts; what lay in the
 * ramdisks can no longer be reached by name. The caller keeps descriptors of
 * what it still needs. RC_IO, logged. */
RC_CHECK enum rc root_enter(void);

/* Makes the sysctls at path read-only: root inside the enclave keeps no right to
 * mount, so that this stays so. RC_IO. */
RC_CHECK enum rc root_protect_sysctls(const char *path);

/* What the tmpfs is mounted with, for so many free bytes of memory: "size=…,
 * nr_inodes=…,mode=0755". out holds max bytes, at least 96. */
void root_tmpfs_options(char *out, size_t max, uint64_t free_bytes);

#endif
