/* The packages of an rpm database, asked of the program rpm.
 *
 * Not of librpm: a hostile database is then read by a child that is bounded in time
 * and memory and can end as it likes, and who packs no such image needs no rpm. The
 * child gets the database as the only file of a private folder, because rpm opens it
 * for writing, makes files beside it, and lists nothing, without an error, when it
 * finds none that it can read. Of the formats, Debian's rpm reads SQLite alone.
 *
 * It is taken from PATH.
 */
#ifndef IMAGE_RPMDB_H
#define IMAGE_RPMDB_H

#include "appliance/base/rc.h"
#include "appliance/base/slice.h"

enum { RPMDB_MAX = 16 << 20 }; /* of what it says: 200 bytes a package and more */

/* Its packages as packages.h wants them into *text, which the caller frees; else the
 * reason in *why: RC_ABSENT without rpm, RC_BAD when it fails, RC_LIMIT, RC_IO. */
RC_CHECK enum rc rpmdb_list(struct slice database, uint8_t **text, size_t *len, const char **why);

#endif
