/* A security module in software, in the place of attest/nsm_device.h: all seven
 * requests, documents that are really signed (tests/sim/chain.h). It behaves as
 * Nitro's does: 0 to 15 are locked from the start, documents list locked
 * registers only, payload maps are of indefinite length. For tests only; a test
 * checks that nothing of it is in the enclave's binary.
 */
#ifndef TESTS_SIM_MODULE_H
#define TESTS_SIM_MODULE_H

#include "attest/nsm.h"

#define MODULE_ID "i-casemate-simulated-module"

/* What a test may break: requests that are refused from here on, those whose
 * number (from 1, since module_reset) is `refuse_at` or later, 0 for none. */
void module_reset(void);
void module_refuse_at(unsigned request);
unsigned module_requests(void);

/* The names of the requests since module_reset, each with a space after it. */
const char *module_said(void);

#endif
