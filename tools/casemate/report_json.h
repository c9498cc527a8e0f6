/* report.h's JSON:
 *
 *     {"accepted":true, "reasons":["nonce", …], "emulated":false, "code":"expected"
 *      or "not compared", "module_id":…, "timestamp_ms":…, "valid_until":seconds or
 *      null, "debug":…, "pcrs":{"0":HEX, …}, "public_key":HEX, "nonce":HEX,
 *      "user_data":HEX, "tls_key":"attested", "other" or null, "touch":"none",
 *      "touched" or "unknown", "touches":N or null, "operations":[{…}, …]}
 *
 * Of a document that cannot be parsed only the first two.
 */
#ifndef TOOL_REPORT_JSON_H
#define TOOL_REPORT_JSON_H

#include "tools/casemate/report.h"

void report_json(const struct report *r);

#endif
