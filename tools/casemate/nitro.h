/* Real enclaves, through nitro-cli, which is found in PATH and itself answers
 * the heartbeat, waits for it and holds the enclave.
 *
 * nitro-cli prints JSON. Of it only single fields are taken, by a bounded
 * scanner: it runs on this host with this user's rights and is not hostile,
 * but what it prints is checked.
 */
#ifndef TOOL_NITRO_H
#define TOOL_NITRO_H

#include <stdbool.h>
#include <stddef.h>

#include "appliance/base/slice.h"
#include "tools/casemate/state.h"

/* Is this an instance with enclaves enabled? */
bool nitro_here(void);

/* Runs e; sets e->cid, e->id and e->pid. False after saying why, with the end
 * of what nitro-cli printed. */
bool nitro_run(struct enclave *e);

bool nitro_terminate(const struct enclave *e);

/* The enclaves that live, as nitro-cli describes them, are asked for once and
 * kept; when it cannot be asked, the enclave counts as alive. */
bool nitro_alive(const struct enclave *e);

/* Becomes `nitro-cli console`; returns only when that cannot be executed. */
void nitro_console(const struct enclave *e);

/* Finds the next `"key": VALUE` at or behind *at where VALUE is a string
 * without escapes or a whole number, copies VALUE to out and moves *at behind
 * it. False at the end, or when the value does not fit. Pure. */
bool nitro_field(struct slice json, size_t *at, const char *key, char *out, size_t max);

#endif
