/* How a file of an image is compressed, told by its first bytes. Wraps libarchive, as
 * oci_layer and oci_source do.
 *
 * Not left to libarchive's own guessing, which goes on with what it has unpacked: some
 * hundred bytes can be gigabytes inside of gigabytes, and what lies in between would count
 * against no limit.
 */
#ifndef IMAGE_OCI_FILTER_H
#define IMAGE_OCI_FILTER_H

#include "appliance/base/slice.h"

struct archive;

/* ARCHIVE_FILTER_GZIP, _ZSTD, _XZ, or _NONE. head: the file's first bytes, six or all of
 * it. */
int oci_filter_of(struct slice head);

/* Has a, before it is opened, unpack by that filter, once. False: a says why. */
bool oci_filter_set(struct archive *a, int filter);

#endif
