/* What the gate tells about the enclave: read from the memory that PID 1 writes
 * (struct touchlog_shared) and kept in the form that the routes want.
 */
#ifndef APPLIANCE_FACTS_H
#define APPLIANCE_FACTS_H

#include "attest/https.h"

/* Maps the memory, read-only; closes nothing. RC_IO. Once. */
RC_CHECK enum rc facts_open(int shared);

/* The facts, which change only in facts_refresh. */
struct https_facts *facts(void);
void facts_refresh(void);

#endif
